"""Hooks: code that a commit passes on its way.

before_commit(tx, changes)   synchronous, inside the transaction; may write (then all hooks run again) or raise to veto
after_commit(commit)         on the loop, once per commit, after it is durable; what it raises goes to the error hook

`changes` maps a table's name to its `TableChanges`: the columns and the net Z-set of the transaction so far.
A before_commit hook makes us capture its tables in full, so it costs 1-3 us a changed row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ..changes import Changes, Needs
from ..schema.catalog import Catalog, TableName
from ..store import Connection
from ..zset import ZSet

if TYPE_CHECKING:
    from .capture import Capture
    from .writer import Commit, SyncTransaction

__all__ = ["BeforeCommit", "Hooks", "TableChanges"]


@dataclass(frozen=True, slots=True)
class TableChanges:
    """What changed in one table: rows in the order of `columns`, with weights."""

    columns: tuple[str, ...]
    rows: ZSet

    @property
    def added(self) -> list[dict[str, object]]:
        """Rows that came, or are what others became."""
        return [dict(zip(self.columns, row, strict=True)) for row, weight in self.rows if weight > 0]

    @property
    def removed(self) -> list[dict[str, object]]:
        """Rows that left, or became others."""
        return [dict(zip(self.columns, row, strict=True)) for row, weight in self.rows if weight < 0]


BeforeCommit: TypeAlias = "Callable[[SyncTransaction, Mapping[str, TableChanges]], object]"


@dataclass(slots=True)
class Hooks:
    """The hooks of one database. `tables` empty means: every ordinary table."""

    before: dict[BeforeCommit, tuple[str, ...]] = field(default_factory=dict)
    after: dict[Callable[[Commit], object], None] = field(default_factory=dict)
    moved: bool = False

    def watched(self, catalog: Catalog) -> set[TableName]:
        """Return the tables whose rows some before_commit hook wants to see."""
        watched: set[TableName] = set()
        for tables in self.before.values():
            if not tables:
                watched.update(name for name in catalog.ordinary() if catalog.table(name).key)
            watched.update(info.name for table in tables if (info := catalog.find(table)) is not None)
        return watched

    def add_needs(self, catalog: Catalog, needs: Needs) -> Needs:
        """Return `needs` with every column of the watched tables."""
        merged = dict(needs)
        for name in self.watched(catalog):
            table = catalog.table(name)
            merged[name] = frozenset((*table.key, *(column.name for column in table.columns)))
        return merged

    def view(self, conn: Connection, capture: Capture) -> Mapping[str, TableChanges]:
        """Return what changed so far in the watched tables."""
        changes = capture.changes(conn, Changes())
        return {str(name): TableChanges(*capture.rows(conn, name)) for name in changes.logs}
