"""Points: the rows of a chart as places: where each one stands, and what is said beside it; kept under patches.

    view's patches --> Points: in the view's order   --add, drop-->  Bins or Bars: what is drawn of them

    row (day, n, state)   ->   Point: at 1767225600000.0 (time), ys (7.0,), series "open"

An axis is one of numbers if every x is a number, of times if every x is one, else of texts. NULL and what isn't finite
has no place, but in bars, where each x is a text. `rank` orders points as the view does: a number between those of its
neighbours, so that a patch renumbers none but now and then all of them (the order maintenance of Dietz and Sleator,
STOC 1987, in its simplest form).
Costs: a patch is what `list.insert` costs, and O(1) beside it.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from ...signals import Insert, Move, Patch, Remove, Reset, Update
from .cell_json import cell_text

__all__ = ["OTHERS", "Axis", "Point", "Points"]

Axis: TypeAlias = Literal["number", "time", "text"]
SERIES_MAX = 20
OTHERS = "(others)"
GAP = 1 << 32
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?\Z")


class Point:
    """One row: `at` is its x as a number, if it is one or a time; `ys` are NaN where there is no number."""

    __slots__ = ("at", "cells", "drawn", "key", "kind", "places", "rank", "series", "ys")

    def __init__(
        self, key: Hashable, rank: int, cells: tuple[Any, ...], ys: int, *, texts: bool
    ) -> None:  # Any: a row's
        self.key, self.rank, self.cells = key, rank, cells
        self.kind: Axis | None
        self.kind, self.at = ("text", math.nan) if texts else _placed(cells[0])
        self.ys = tuple([number(value) for value in cells[1 : ys + 1]])
        self.series = cell_text(cells[-1]) if len(cells) > ys + 1 else ""
        self.drawn = self.kind is not None and any(y == y for y in self.ys)  # it has an x, and a number to show there
        self.places: list[tuple[Any, ...]] = []  # where Bins have it

    @property
    def label(self) -> str:
        """Its x as text."""
        return cell_text(self.cells[0])


class Points:
    """The points of a chart in the view's order. `add` and `drop` are called for each that comes and goes."""

    def __init__(self, places: Sequence[int], ys: int, *, texts: bool) -> None:
        self.items: list[Point] = []
        self.left_out = 0
        self.series: dict[str, int] = {}  # name -> points
        self.add: Callable[[Point], None] = lambda point: None
        self.drop: Callable[[Point], None] = lambda point: None
        self._places, self._ys, self._texts = places, ys, texts
        self._kinds: dict[str | None, int] = {}

    def __len__(self) -> int:
        """Return how many are drawn."""
        return sum(self.series.values())

    @property
    def axis(self) -> Axis:
        """What kind of x there is."""
        kinds = self._kinds
        if kinds.get("text") or (kinds.get("number") and kinds.get("time")):
            return "text"
        return "time" if kinds.get("time") else "number"

    def names(self) -> list[str]:
        """Return the series that are drawn by themselves: the first ones that came."""
        return list(self.series)[:SERIES_MAX]

    def apply(self, patches: Sequence[Patch], drawn: Sequence[str]) -> None:
        """Apply patches in order; of updates those that touch a column of `drawn`."""
        items = self.items
        for patch in patches:
            match patch:
                case Insert(index, row, key):
                    items.insert(index, self._made(key, self._rank(index), row))
                case Remove(index):
                    self._gone(items.pop(index))
                case Move(index, to):
                    point = items.pop(index)
                    self._gone(point)
                    items.insert(to, self._come(self._point(point.key, self._rank(to), point.cells)))
                case Update(index, row, columns) if not set(columns).isdisjoint(drawn):
                    before = items[index]
                    self._gone(before)
                    items[index] = self._made(before.key, before.rank, row)
                case Reset(rows, keys):
                    for point in items:
                        self._gone(point)
                    pairs = enumerate(zip(keys, rows, strict=True))
                    items[:] = [self._made(key, GAP * at, row) for at, (key, row) in pairs]

    def _made(self, key: Hashable, rank: int, row: Any) -> Point:  # Any: as the view has it
        return self._come(self._point(key, rank, tuple([row[at] for at in self._places])))

    def _point(self, key: Hashable, rank: int, cells: tuple[Any, ...]) -> Point:  # Any: a row's
        return Point(key, rank, cells, self._ys, texts=self._texts)

    def _come(self, point: Point) -> Point:
        if point.drawn:
            self._kinds[point.kind] = self._kinds.get(point.kind, 0) + 1
            self.series[point.series] = self.series.get(point.series, 0) + 1
            self.add(point)
        else:
            self.left_out += 1
        return point

    def _gone(self, point: Point) -> None:
        if not point.drawn:
            self.left_out -= 1
            return
        self._kinds[point.kind] -= 1
        left = self.series[point.series] - 1
        if left:
            self.series[point.series] = left
        else:
            del self.series[point.series]
        self.drop(point)

    def _rank(self, index: int) -> int:
        """Return a rank for what comes to stand at `index`."""
        items = self.items
        if not items:
            return 0
        if index == 0:
            return items[0].rank - GAP
        if index >= len(items):
            return items[-1].rank + GAP
        if items[index].rank - items[index - 1].rank < 2:
            for at, point in enumerate(items):
                point.rank = at * GAP
        return (items[index].rank + items[index - 1].rank) // 2


def number(value: object) -> float:
    """Return a finite number; NaN for all else."""
    if type(value) is float:
        return value if math.isfinite(value) else math.nan
    if isinstance(value, int | float | Decimal):
        try:
            found = float(value)
        except OverflowError:
            return math.nan
        return found if math.isfinite(found) else math.nan
    return math.nan


def time_ms(value: object) -> float:
    """Return a date, or a text that is one, as milliseconds since 1970; NaN for all else. Without a zone it is UTC."""
    if isinstance(value, str):
        if not _DATE.match(value):
            return math.nan
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            return math.nan
    if not isinstance(value, dt.date):
        return math.nan
    if not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).timestamp() * 1000


def _placed(value: object) -> tuple[Axis | None, float]:
    """Return what kind of x `value` is, and where it stands; None: nowhere."""
    if value is None:
        return None, math.nan
    if isinstance(value, int | float | Decimal):
        at = number(value)
        return ("number", at) if at == at else (None, at)
    at = time_ms(value)
    return ("time", at) if at == at else ("text", at)
