"""Bars: the totals that a bar chart shows: one for each text of x and series; where they are too many, the greatest.

    ("ui", 3) ("core", 5) ("ui", 4) ...   ->   ui 7, core 5, ...           up to `BANDS_MAX` texts: each has its place
                                          ->   ui 7, ..., 9,000 others 123   the greatest by size, and the rest as one

Rows of one text and series add up. The sums are exact, so that all bars together are the total of all rows, and what is
taken away again leaves nothing: a float is a whole number of 2^-1074, and Python's whole numbers have no end.
Costs: a change O(log bands), and what `list.insert` costs; then once a drawing O(bands drawn).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable
from typing import Any

from .points import OTHERS, Point

__all__ = ["Bars", "Total"]

BANDS_MAX = 500
MANY = 16  # a sixteenth of the bands changed: sorting all is quicker
UNIT_BITS = 1074
UNIT = 1 << UNIT_BITS  # a float times this is a whole number


class Total:
    """A sum that is exact, whatever is added and taken away."""

    __slots__ = ("count", "floats", "units")

    def __init__(self) -> None:
        self.units = self.count = self.floats = 0

    def add(self, value: float, times: int = 1) -> None:
        """Add `value`; with `times` -1 take it away. Finite values only."""
        if isinstance(value, float):
            above, below = value.as_integer_ratio()
            self.units += times * (above << (UNIT_BITS + 1 - below.bit_length()))
            self.floats += times
        else:
            self.units += times * (int(value) << UNIT_BITS)
        self.count += times

    def take(self, other: Total) -> None:
        """Take away what another one holds."""
        self.units -= other.units
        self.count -= other.count
        self.floats -= other.floats

    def copy(self) -> Total:
        made = Total()
        made.units, made.count, made.floats = self.units, self.count, self.floats
        return made

    @property
    def value(self) -> float | None:
        """The sum: a whole number where only such were added, None where nothing was."""
        if not self.count:
            return None
        if not self.floats:
            return self.units // UNIT
        try:
            return self.units / UNIT
        except OverflowError:  # too large for a float
            return None


Row = tuple[Hashable, tuple[Any, ...]]  # Any: text, each y, the series
Sums = dict[tuple[str, int], Total]  # series and number of the y column


class _Band:
    """The points of one text."""

    __slots__ = ("first", "label", "place", "points", "sums")

    def __init__(self, label: str) -> None:
        self.label = label
        self.points: dict[Point, None] = {}
        self.sums: Sums = {}
        self.first: Point  # of the view's order
        self.place: tuple[float, str] | None = None  # in the order of size


class Bars:
    """Points by text."""

    def __init__(self, *, ys: int, bands_max: int = BANDS_MAX) -> None:
        self._ys, self._bands_max = ys, bands_max
        self._bands: dict[str, _Band] = {}
        self._all: Sums = {}
        self._sizes: list[tuple[float, str]] = []  # the greatest first
        self._left: list[tuple[float, str]] = []  # what stands there no more
        self._touched: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._bands)

    def add(self, point: Point) -> None:
        """Add a point to its bar."""
        label = point.label
        band = self._bands.get(label)
        if band is None:
            band = self._bands[label] = _Band(label)
        band.points[point] = None
        self._count(band, point, 1)

    def drop(self, point: Point) -> None:
        """Take a point off its bar."""
        band = self._bands[point.label]
        del band.points[point]
        self._count(band, point, -1)
        if not band.points:
            del self._bands[point.label]
            del self._touched[point.label]
            if band.place is not None:
                self._left.append(band.place)

    def _count(self, band: _Band, point: Point, times: int) -> None:
        for at, y in enumerate(point.ys):
            if y == y:
                value = point.cells[1 + at]
                exact = value if isinstance(value, int) else y
                for sums in (band.sums, self._all):
                    sums.setdefault((point.series, at), Total()).add(exact, times)
        self._touched[band.label] = None

    def rows(self, names: list[str], *, color: bool) -> list[Row]:
        """Return key and cells of each bar: in the view's order, the others last."""
        self._settle()
        shown = [self._bands[label] for _, label in self._sizes[: self._bands_max]]
        shown.sort(key=lambda band: band.first.rank)
        found = [row for band in shown for row in self._cells(band.label, self._folded(band.sums, names), color)]
        if len(self._bands) > self._bands_max:
            rest = {which: total.copy() for which, total in self._all.items()}
            for band in shown:
                for which, total in band.sums.items():
                    rest[which].take(total)
            label = f"{len(self._bands) - self._bands_max:,} others"
            found += [((OTHERS, key), cells) for key, cells in self._cells(label, self._folded(rest, names), color)]
        return found

    def _settle(self) -> None:
        """Bring bands that were touched to their place in the order of size."""
        bands = [self._bands[label] for label in self._touched]
        left = self._left + [band.place for band in bands if band.place is not None]
        come: list[tuple[float, str]] = []
        for band in bands:
            band.first = min(band.points, key=lambda point: point.rank)
            band.sums = {which: total for which, total in band.sums.items() if total.count}
            band.place = place = (-sum(abs(total.value or 0) for total in band.sums.values()), band.label)
            come.append(place)
        if len(bands) + len(left) > len(self._sizes) // MANY:
            self._sizes = sorted(band.place for band in self._bands.values() if band.place is not None)
        else:
            for place in left:
                del self._sizes[bisect_left(self._sizes, place)]
            for place in come:
                insort(self._sizes, place)
        self._touched.clear()
        self._left.clear()

    def _folded(self, sums: Sums, names: list[str]) -> Sums:
        """Return the sums with the series that have no colour of their own as one."""
        own = set(names)
        folded: Sums = {}
        for (name, at), total in sums.items():
            into = folded.setdefault((name if name in own else OTHERS, at), Total())
            into.units += total.units
            into.count += total.count
            into.floats += total.floats
        return folded

    def _cells(self, label: str, sums: Sums, color: bool) -> list[Row]:
        series = dict.fromkeys(name for name, _ in sums)
        return [
            (
                (label, name),
                (label, *[_value(sums.get((name, at))) for at in range(self._ys)], *([name] if color else [])),
            )
            for name in series
        ]


def _value(total: Total | None) -> float | None:
    return None if total is None else total.value
