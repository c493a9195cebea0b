"""Changes: what one transaction did to the captured tables, as the floors above read it.

    writer --(Needs)--  "Track: TrackId, GenreId and Name;  Playlist: only whether it was touched"
    writer --(Changes)->  tables with a log to join, tables touched, tables whose log can't be trusted

The log of a table is a TEMP table of its own with the columns that were asked for, plus `_eddy_w`, the weight: -1 for
OLD, +1 for NEW. Delta statements read it by the name in `logs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from .schema.catalog import Catalog, TableName
from .store import Connection

__all__ = ["LOGGED_MAX", "LOG_COLUMNS", "TOUCH", "WEIGHT", "Changes", "LogRows", "Needs", "Participant"]

WEIGHT = "_eddy_w"
LOG_COLUMNS = ("_eddy_seq", WEIGHT)
LOGGED_MAX = 1990  # a table of SQLite has at most 2,000 columns, a log has its own beside the table's
TOUCH = frozenset({"*"})

Needs: TypeAlias = Mapping[TableName, frozenset[str]]
"""The columns to capture of each table, key included; with `TOUCH` among them also whether anything changed at all."""


LogRows: TypeAlias = "Callable[[Connection], tuple[Sequence[tuple[Any, ...]], Sequence[str]]]"
"""Reads the rows of one log; where they are few they were read before."""


@dataclass(slots=True)
class Changes:
    """What changed. `logs` maps a table to the name of its log; `counts` to how many rows that log holds.

    `moved` finds the logged columns that differ where rows were only updated; a table is not in it where any may.
    `rows` reads a log: its rows as (number, weight, *columns), and the names of these columns.
    Logs are consolidated, so that no two rows undo each other, but for those in `large`: who steps by them calls
    `settle` first. Who reads everything anew need not wait for that; their `counts` are upper bounds.
    """

    logs: dict[TableName, str] = field(default_factory=dict)
    rows: dict[TableName, LogRows] = field(default_factory=dict)
    counts: dict[TableName, int] = field(default_factory=dict)
    moved: dict[TableName, Callable[[], frozenset[str] | None]] = field(default_factory=dict)
    large: dict[TableName, Callable[[], int]] = field(default_factory=dict)
    touched: set[TableName] = field(default_factory=set)
    unknown: set[TableName] = field(default_factory=set)
    everything: bool = False

    def __bool__(self) -> bool:
        return bool(self.logs or self.touched or self.unknown or self.everything)

    def moved_columns(self, table: TableName) -> frozenset[str] | None:
        """Return the logged columns of `table` in which rows differ; None where any may."""
        find = self.moved.get(table)
        if find is None:
            return None
        moved = find()
        self.moved[table] = lambda: moved  # many ask
        return moved

    def settle(self, tables: Iterable[TableName]) -> None:
        """Consolidate the large logs of `tables`."""
        for table in tables:
            consolidate = self.large.pop(table, None)
            if consolidate is not None:
                self.counts[table] = consolidate()
                if not self.counts[table]:
                    del self.logs[table], self.counts[table]


class Participant(Protocol):
    """Who takes part in each commit: it stages before COMMIT and shows, or forgets, after."""

    @property
    def needs_version(self) -> int:
        """A number that moves whenever `needs` may give another answer."""

    def needs(self, catalog: Catalog) -> Needs:
        """Return what must be captured."""

    def schema_moved(self, conn: Connection, catalog: Catalog) -> None:
        """Plan everything anew: the schema is another one."""

    def step(self, conn: Connection, changes: Changes) -> None:
        """Stage the effect of `changes`, all of it read from the state that `conn` shows now."""

    def publish(self, number: int) -> None:
        """Make what is staged visible as of commit `number`."""

    def discard(self) -> None:
        """Forget what is staged."""
