"""`SortedRows`: the rows of a view under patches, and the order in which a page shows them.

    view's patches -->  keys, rows      in the view's order
                          | order()     None, or the places in the order of one column
                          v
                        window(first, size) -> (keys, rows)

The order is SQLite's: NULL, numbers, texts, bytes; equal ones stay in the view's order, also when it is turned round.
A view that shows a window of a longer list has its rows from `offset` on, of `total`; it can't be sorted here.
Costs: a patch is what `list.insert` and `del` cost; an order O(n log n), once after each change.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal
from typing import Any

from ...signals import Insert, Patch, Reset, apply_patches

__all__ = ["SortedRows"]


class SortedRows:
    """Keys and rows side by side."""

    __slots__ = ("_order", "_sort", "keys", "length", "offset", "rows")

    def __init__(self) -> None:
        self.keys: list[Hashable] = []
        self.rows: list[Any] = []  # Any: as the view has them
        self.offset = 0
        self.length: int | None = None  # of the list, where the view shows a part of it
        self._sort: tuple[int, bool] | None = None
        self._order: list[int] | None = None

    @property
    def total(self) -> int:
        """How many rows there are."""
        return len(self.rows) if self.length is None else self.length

    def apply(self, patches: Sequence[Patch]) -> set[Hashable]:
        """Apply `patches` in order; return the keys of the rows that came in, but for those of a Reset."""
        apply_patches(patches, self.rows, self.keys)
        fresh: set[Hashable] = set()
        for patch in patches:
            if isinstance(patch, Insert):
                fresh.add(patch.key)
            elif isinstance(patch, Reset):
                fresh.clear()
        if patches:
            self._order = None
        return fresh

    def sort(self, column: int | None, *, descending: bool = False) -> None:
        """Show the rows in the order of a column; None: as the view has them."""
        self._sort = None if column is None else (column, descending)
        self._order = None

    def order(self) -> list[int] | None:
        """Return the places of the rows in the order shown; None for the view's."""
        if self._sort is None or self.length is not None:
            return None
        if self._order is None:
            column, descending = self._sort
            ranks = [_rank(row[column]) for row in self.rows]
            key: Callable[[int], Any] = ranks.__getitem__  # Any: what orders
            self._order = sorted(range(len(ranks)), key=key, reverse=descending)
        return self._order

    def window(self, first: int, size: int) -> tuple[list[Hashable], list[Any]]:
        """Return keys and rows at the places `first` to `first + size`, those that are there. O(size)."""
        order = self.order()
        if order is not None:
            places = order[first : first + size]
            return [self.keys[at] for at in places], [self.rows[at] for at in places]
        begin, end = max(first - self.offset, 0), max(first + size - self.offset, 0)
        return self.keys[begin:end], self.rows[begin:end]

    def has(self, first: int, size: int) -> bool:
        """Whether all of these places are there."""
        return first >= self.offset and min(first + size, self.total) <= self.offset + len(self.rows)


def _rank(value: object) -> tuple[int, Any]:  # Any: what its kind is ordered by
    if value is None:
        return 0, 0
    if isinstance(value, int | float | Decimal):
        return 1, value
    if isinstance(value, bytes | bytearray | memoryview):
        return 3, bytes(value)
    return 2, str(value)
