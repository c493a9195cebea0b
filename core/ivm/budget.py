"""Budget: how much memory one view holds, and how much it may; how much of each commit it may take.

    read  --Guarded: row by row counted-->  operator, window  --check-->  live, or failed with ViewTooLargeError
                                                                          (its last rows are kept)

Sizes in bytes are estimates from a sample of the rows: their tuples, values, keys and places in lists, and a constant
for what each view costs. Nothing is counted while no limit is set.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ViewTooLargeError
from ..store import Connection, Cursor

__all__ = ["MS_MAX", "VIEW_BYTES", "Budget", "ViewSize", "bytes_of"]

VIEW_BYTES = 2_000
MS_MAX = 5.0
_SAMPLE = 64
_CHUNK = 256


class ViewSize(NamedTuple):
    """What a view holds in memory: rows, those of groups and of what rows include too, and bytes, about."""

    rows: int
    bytes: int


class Budget:
    """The limits of one database's views; None is no limit."""

    __slots__ = ("bytes_max", "ms_max", "rows_max")

    def __init__(self) -> None:
        self.ms_max: float | None = MS_MAX
        self.rows_max: int | None = None
        self.bytes_max: int | None = None

    @property
    def limited(self) -> bool:
        """Whether there is any limit of what they hold."""
        return self.rows_max is not None or self.bytes_max is not None

    def check(self, rows: int, size: int, sql: str) -> None:
        """Raise `ViewTooLargeError` where that is too much."""
        if self.rows_max is not None and rows > self.rows_max:
            raise self._too_large("rows", self.rows_max, sql)
        if self.bytes_max is not None and size > self.bytes_max:
            raise self._too_large("bytes", self.bytes_max, sql)

    def guard(self, conn: Connection, sql: str) -> Connection:
        """Return `conn`, whose reads end where they are too large."""
        return _Guarded(conn, self, sql) if self.limited else conn  # type: ignore[return-value]  # it only reads

    def _too_large(self, what: str, most: int, sql: str) -> ViewTooLargeError:
        text = " ".join(sql.split())
        return ViewTooLargeError(
            f"a view would hold more than {most:,} {what} (db.view_{what}_max): {text:.200}; give it a LIMIT, or "
            "show a part of it: db.live_window",
            rows_max=self.rows_max,
            bytes_max=self.bytes_max,
        )


def bytes_of(rows: Sequence[Any], *, values: bool = True) -> int:
    """Return about how many bytes `rows` take, with their places in a list; without `values` the tuples alone."""
    count = len(rows)
    if not count:
        return 0
    sample = rows[:: max(count // _SAMPLE, 1)]
    size = sum(sys.getsizeof(row) + (sum(map(sys.getsizeof, row)) if values else 0) for row in sample)
    return count * size // len(sample) + 8 * count


class _Guarded:
    """A connection whose `fetchall` gives up in time."""

    def __init__(self, conn: Connection, budget: Budget, sql: str) -> None:
        self._conn, self._budget, self._sql = conn, budget, sql

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> _Cursor:
        return _Cursor(self._conn.execute(sql, parameters), self._budget, self._sql)


class _Cursor:
    def __init__(self, cursor: Cursor, budget: Budget, sql: str) -> None:
        self._cursor, self._budget, self._sql = cursor, budget, sql

    @property
    def description(self) -> Any:  # Any: DB-API's
        return self._cursor.description

    def fetchone(self) -> Any:  # Any: a row, or None
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        rows: list[Any] = []
        size = 0
        try:
            while chunk := self._cursor.fetchmany(_CHUNK):
                rows += chunk
                size += bytes_of(chunk) if self._budget.bytes_max is not None else 0
                self._budget.check(len(rows), size, self._sql)
        finally:
            self._cursor.close()  # a statement that isn't at its end locks its tables
        return rows
