"""Bins: what is drawn of more points than a page has pixels for, in lines, areas and scatters.

    line, area   |  . |.   |   columns of equal width; of each the first, last, least and greatest point
                 |.:..|..: |   drawn as a line these look as all points do, where a column is at most a pixel
    scatter      +-+-+-+       cells; of each one point, which says how many it stands for; the four outermost
                 |4| |1|       points of the whole always

Lines: M4 (Jugel, Jerzak, Hackenbroich, Markl: "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014).
Scatters: binned counts (Carr et al.: "Scatterplot Matrix Techniques for Large N", JASA 1987) in squares.
What is drawn are rows that are there, with their own values: extremes are true, counts add up to all.
Widths are powers of two from 0 on, so points keep their cell however the whole grows, until a width doubles.
Costs: a change O(1), then once a drawing O(points of the cells touched), and O(cells): as many as a page gets. Widths
are fitted anew, O(points), when cells have become too many or far fewer, and after as many changes as points.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from .points import OTHERS, Point, Points

__all__ = ["Bins"]

COLUMNS_MAX = 1024
CELLS_MAX = (512, 256)
FEWER = 3 / 8
FEW = 1000
DOUBLED_MAX = 20  # then one cell a series is left

Cell = tuple[Any, ...]  # Any: series and number of the y column, then steps: one for a line, two for a scatter
Mark = tuple[Point, int, int]  # a point, which of its ys is meant (-1: all), and how many points it stands for


class Bins:
    """Points by cell. `marks_max` is how many are drawn at most."""

    def __init__(self, *, ys: int, flat: bool, marks_max: int) -> None:
        self._ys, self._flat = ys, flat
        self._limits = CELLS_MAX if flat else (COLUMNS_MAX,)
        self._cells_max = marks_max - 4 if flat else marks_max // (2 + 2 * ys)
        self.widths: tuple[float, ...] | None = None  # None: nothing is placed
        self.cells: dict[Cell, dict[Point, None]] = {}
        self._drawn: dict[Cell, list[Point]] = {}
        self._touched: set[Cell] = set()
        self._names: frozenset[str] = frozenset()
        self._fitted: tuple[int, ...] = ()
        self._changes = 0

    # -- points come and go

    def add(self, point: Point) -> None:
        """Put a point into its cell."""
        if self.widths is None:
            return
        self._changes += 1
        try:
            self._place(point)
        except (ValueError, OverflowError):  # of another kind of axis, or farther away than these widths can say
            self.forget()

    def drop(self, point: Point) -> None:
        """Take a point out of its cell."""
        if self.widths is None:
            return
        self._changes += 1
        for place in point.places:
            cell = self.cells[place]
            del cell[point]
            if not cell:
                del self.cells[place]
            self._touched.add(place)

    def forget(self) -> None:
        """Have nothing placed: all of them are drawn, or all have another place."""
        self.widths = None
        self.cells, self._drawn, self._touched = {}, {}, set()

    # -- what is drawn

    def marks(self, points: Points) -> list[Mark]:
        """Return what is drawn of `points`, from left to right."""
        names = frozenset(points.names())
        if self.widths is None or self._names != names or self._unfit(len(points)):
            self._fit([point for point in points.items if point.drawn], names)
        for place in self._touched:
            cell = self.cells.get(place)
            if cell is None:
                self._drawn.pop(place, None)
            else:
                self._drawn[place] = [min(cell, key=_order)] if self._flat else extremes(cell, self._ys)
        self._touched.clear()
        if self._flat:
            return self._counted()
        found = [point for drawn in self._drawn.values() for point in drawn]
        return [(point, -1, 1) for point in sorted(found, key=_order)]

    def _counted(self) -> list[Mark]:
        """Return a point a cell with its count, and the outermost points by themselves."""
        counts = {(drawn[0], place[1]): len(self.cells[place]) for place, drawn in self._drawn.items()}
        for place, point in self._outermost():
            if (point, place[1]) not in counts:
                counts[self._drawn[place][0], place[1]] -= 1
                counts[point, place[1]] = 1
        return sorted(((point, at, count) for (point, at), count in counts.items()), key=lambda mark: _order(mark[0]))

    def _outermost(self) -> list[tuple[Cell, Point]]:
        """Return the points with the least and the greatest x and y, and their cells."""
        found = []
        for axis in (0, 1):
            for sign in (1, -1):
                edge = min(sign * place[2 + axis] for place in self.cells)
                among = [
                    (place, one) for place in self.cells if sign * place[2 + axis] == edge for one in self.cells[place]
                ]
                values = [sign * (one.ys[place[1]] if axis else one.at) for place, one in among]
                found.append(among[values.index(min(values))])
        return found

    # -- cells

    def _place(self, point: Point) -> None:
        assert self.widths is not None, "points are placed once there are widths"
        name = point.series if point.series in self._names else OTHERS
        step = int(point.at // self.widths[0])
        if self._flat:
            high = self.widths[1]
            point.places = [(name, at, step, int(y // high)) for at, y in enumerate(point.ys) if y == y]
        else:
            point.places = [(name, 0, step)]
        for place in point.places:
            self.cells.setdefault(place, {})[point] = None
            self._touched.add(place)

    def _size(self) -> tuple[int, ...]:
        """Return how many steps each axis has, and how many cells there are."""
        axes = list(zip(*self.cells, strict=True))[2:]
        return *[max(steps) - min(steps) + 1 for steps in axes], len(self.cells)

    def _unfit(self, points: int) -> bool:
        """Whether widths want to be chosen anew."""
        if self._changes > max(points, FEW) or not self.cells:
            return True
        now = self._size()
        most = (*[limit + 1 for limit in self._limits], self._cells_max)
        grown = any(size > limit for size, limit in zip(now, most, strict=True))
        return grown or any(size <= FEWER * before for size, before in zip(now, self._fitted, strict=True))

    def _fit(self, points: Sequence[Point], names: frozenset[str]) -> None:
        """Choose widths by which all has room, and place every point."""
        self._names = names
        values = [[point.at for point in points]]
        if self._flat:
            values.append([y for point in points for y in point.ys if y == y])
        self.widths = tuple(width(min(one), max(one), limit) for one, limit in zip(values, self._limits, strict=True))
        self._place_all(points)
        places, widths = set(self.cells), list(self.widths)
        for turn in range(DOUBLED_MAX):
            if len(places) <= self._cells_max:
                break
            axis = turn % len(widths)
            widths[axis] *= 2  # where a step is halved, that is
            places = {(*place[: 2 + axis], place[2 + axis] >> 1, *place[3 + axis :]) for place in places}
        if tuple(widths) != self.widths:
            self.widths = tuple(widths)
            self._place_all(points)
        self._fitted = self._size()
        self._changes = 0

    def _place_all(self, points: Sequence[Point]) -> None:
        self.cells, self._drawn, self._touched = {}, {}, set()
        for point in points:
            self._place(point)


def width(least: float, greatest: float, steps: int) -> float:
    """Return the power of two that cuts this span into at most `steps + 1` steps, and more than half as many."""
    span = greatest / 2 - least / 2  # their difference itself may be too large for a float
    if span <= 0:
        return 1.0
    return math.ldexp(1.0, max(math.frexp(span)[1] + 1 - (steps.bit_length() - 1), -1000))


def extremes(points: Iterable[Point], ys: int) -> list[Point]:
    """Return, for each y, the first, the last, the least and the greatest of `points`, each once: M4."""
    ordered = sorted(points, key=_order)
    found: dict[Point, None] = {}
    for at in range(ys):
        there = [point for point in ordered if point.ys[at] == point.ys[at]]
        if there:
            least = min(there, key=lambda point: point.ys[at])
            greatest = max(there, key=lambda point: point.ys[at])
            found |= dict.fromkeys([there[0], least, greatest, there[-1]])
    return list(found)


def _order(point: Point) -> tuple[float, int]:
    return point.at, point.rank
