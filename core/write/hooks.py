"""Hooks: code that a commit passes on its way.

before_commit(tx, changes)   synchronous, inside the transaction; may write or raise to veto
after_commit(commit)         on the loop, once per commit, after it is durable; what it raises goes to the error hook

`changes` maps the name of each changed table of the hook to its `TableChanges`: the columns and the net Z-set of the
transaction so far. A hook runs again while what it, or another, wrote has moved these. It also runs before a schema
change inside the transaction, on what has changed up to there, and sees only the rest at the end.
A before_commit hook makes us capture its tables in full, so it costs 1-3 us a changed row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ..changes import Changes, Needs
from ..schema.catalog import Catalog, TableInfo, TableName
from ..store import Connection
from ..zset import ZSet

if TYPE_CHECKING:
    from .capture import Capture
    from .sync import SyncTransaction
    from .writer import Commit

__all__ = ["BeforeCommit", "Hooks", "TableChanges", "net_changes"]


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
    """The hooks of one database, `before` with the tables of each: none means every ordinary table.

    `armed` are those of the open transaction: the hooks whose tables are captured from its beginning.
    """

    before: dict[BeforeCommit, tuple[str, ...]] = field(default_factory=dict)
    after: dict[Callable[[Commit], object], None] = field(default_factory=dict)
    armed: dict[BeforeCommit, set[TableName]] = field(default_factory=dict)
    moved: bool = False

    def arm(self, catalog: Catalog) -> Needs:
        """Let each hook watch its tables from now on; return what must be captured for that."""
        self.moved = False
        self.armed = {hook: _watched(tables, catalog) for hook, tables in list(self.before.items())}
        return {
            name: frozenset((*table.key, *(column.name for column in table.columns)))
            for name in set().union(*self.armed.values())
            for table in (catalog.table(name),)
        }


def _watched(tables: tuple[str, ...], catalog: Catalog) -> set[TableName]:
    if not tables:
        return {name for name in catalog.ordinary() if catalog.table(name).key}
    found = [catalog.find(table) or _find_qualified(table, catalog) for table in tables]
    return {info.name for info in found if info is not None and info.kind == "table"}


def _find_qualified(table: str, catalog: Catalog) -> TableInfo | None:
    schema, dot, name = table.partition(".")
    return catalog.find(name, schema) if dot else None


def net_changes(conn: Connection, capture: Capture) -> dict[TableName, TableChanges]:
    """Return what changed so far in each captured table."""
    changes = capture.changes(conn, Changes())
    changes.settle(list(changes.large))
    return {name: TableChanges(*capture.rows(conn, name)) for name in changes.logs}
