"""Rows by the delta rule: filter, project and inner joins, without grouping.

    changed rows --delta SQL--> Z-set of entries --by row key--> pairs

A result row is identified by the keys of the base rows it was joined from, so a bag with equal rows stays exact.
Holds no state of its own: the window does. Cost: O(changed rows), each joined through its indexes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..changes import Changes
from ..errors import StateError
from ..store import Connection
from ..values import SqlRow, SqlValue
from .layout import Layout
from .operator import Entry, Pair

__all__ = ["RowsOperator", "pair_up"]


class RowsOperator:
    """One inner join of base tables."""

    __slots__ = (
        "_layout",
        "_params",
        "delta",
    )

    def __init__(self, layout: Layout, params: Mapping[str, SqlValue]) -> None:
        self._layout, self._params = layout, params
        self.delta = layout.delta

    @property
    def size(self) -> int:
        """Nothing is held here."""
        return 0

    def statements(self, changes: Changes) -> list[str]:
        """Return the statements that follow `changes`."""
        return list(self.delta.statements(changes))

    def fill(self, conn: Connection, limit: int | None) -> list[Entry]:
        """Return the first entries in order."""
        return conn.execute(self._layout.query(limit), self._params).fetchall()

    def step(self, conn: Connection, changes: Changes) -> list[Pair]:
        """Return one pair for each row key that the delta touches."""
        return pair_up(self.delta.rows(conn, changes, self._params), self._layout.key)

    def publish(self) -> None:
        """Nothing is staged here."""

    def discard(self) -> None:
        """Nothing is staged here."""


def pair_up(delta: Iterable[tuple[Entry, int]], key: Callable[[Entry], SqlRow]) -> list[Pair]:
    """Return the rows of a Z-set as pairs by key; a weight other than -1 or +1 is a broken invariant."""
    pairs: dict[SqlRow, Pair] = {}
    for entry, weight in delta:
        if weight not in (-1, 1):
            raise StateError(f"a joined row has weight {weight}; it is one row of its base rows' keys")
        at = key(entry)
        old, new = pairs.get(at, (None, None))
        pairs[at] = (entry, new) if weight < 0 else (old, entry)
    return list(pairs.values())
