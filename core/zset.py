"""Z-sets: rows with weights, the form of every delta.

    -1 ('Slow start', 'open')        a row that left
    +1 ('Slow start', 'closed')      a row that came

An update is both. Weights of equal rows add up and a weight of 0 vanishes, so a Z-set is always consolidated. Rows are
equal only if every value has the same type: 1 and 1.0 are two rows. Cost: one dict access a row.
Idea: DBSP (Budiu et al., 2023), where streams of Z-sets make any query incremental.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .values import SqlRow, typed

__all__ = ["ZSet"]


class ZSet:
    """A consolidated bag of changes, in the order in which the rows came."""

    __slots__ = ("_rows",)

    def __init__(self, weighted: Iterable[tuple[SqlRow, int]] = ()) -> None:
        self._rows: dict[object, tuple[SqlRow, int]] = {}
        for row, weight in weighted:
            self.add(row, weight)

    def add(self, row: SqlRow, weight: int) -> None:
        """Add `weight` to `row`."""
        key = typed(row)
        old = self._rows.get(key)
        total = weight if old is None else old[1] + weight
        if total:
            self._rows[key] = (row, total)
        elif old is not None:
            del self._rows[key]

    def __iter__(self) -> Iterator[tuple[SqlRow, int]]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ZSet) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment]  # a Z-set changes

    def __repr__(self) -> str:
        return f"<ZSet {' '.join(f'{weight:+d}{row!r}' for row, weight in self)}>"
