"""`Drawing`: what a chart draws of a view, kept under patches, and what was left out or put together for that.

    patches --> Points --> few:               every row
                           line, area:        first, last, least and greatest of each column     Bins
                           scatter:           a dot for the rows that are close together         Bins
                           bar:               the greatest, and the others as one                Bars
                       --> rows of (key, cells) for a page, and `Drawn`, which says how

No toolkit in here. Costs: those of Bins and Bars; over an axis of texts a line or a scatter of many rows is O(rows).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ...signals import Patch
from .bars import BANDS_MAX, Bars
from .bins import Bins
from .points import OTHERS, Axis, Points

__all__ = ["MARKS_MAX", "ChartKind", "Drawing", "Drawn"]

ChartKind: TypeAlias = Literal["line", "bar", "scatter", "area"]
MARKS_MAX = 4000
DOTS_MAX = 2000  # each is an element of the page, where a line is one

Row = tuple[Hashable, tuple[Any, ...]]  # Any: cells: x, each y, the series, and how many rows a dot stands for


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn of a view: `marks` for `rows`.

    `how` is "all", "extremes" (lines and areas), "counts" (scatters) or "greatest" (bars). `left_out` rows have no x,
    or no number to show. `folded` is how many series are drawn as one, `most` how many rows a dot stands for at most,
    `together` how many texts one bar stands for.
    """

    rows: int = 0
    marks: int = 0
    how: Literal["all", "extremes", "counts", "greatest"] = "all"
    axis: Axis = "number"
    left_out: int = 0
    folded: int = 0
    most: int = 1
    together: int = 0

    @property
    def caption(self) -> str:
        """What a reader has to know of it; "" where every row is drawn."""
        ways = {
            "all": "",
            "extremes": f" by {self.marks:,} of them: first, last, least and greatest of each column",
            "counts": f" as {self.marks:,} dots: one stands for up to {self.most:,} close to it",
            "greatest": f": the greatest bars, and in grey {self.together:,} others added up, cut off if higher",
        }
        parts = [f"{self.rows:,} rows{ways[self.how]}" if self.how != "all" else ""]
        if self.folded:
            parts.append(f"{self.folded:,} series are drawn as one")
        if self.left_out:
            rows = "1 row has" if self.left_out == 1 else f"{self.left_out:,} rows have"
            parts.append(f"{rows} no number to draw")
        return " · ".join(part for part in parts if part)


class Drawing:
    """Columns of a view as marks. `places` are the columns: x, `ys` of y, and the series if there is one more."""

    def __init__(
        self,
        kind: ChartKind,
        places: Sequence[int],
        names: Sequence[str],
        ys: int,
        *,
        marks_max: int | None = None,
        bands_max: int = BANDS_MAX,
    ) -> None:
        self.drawn = Drawn()
        marks_max = marks_max or (DOTS_MAX if kind == "scatter" else MARKS_MAX)
        self._marks_max, self._bands_max = marks_max, bands_max
        self._kind, self._names, self._ys = kind, tuple(names), ys
        self._color = len(places) > ys + 1
        self._points = Points(places, ys, texts=kind == "bar")
        self._bins = Bins(ys=ys, flat=kind == "scatter", marks_max=marks_max)
        self._bars = Bars(ys=ys, bands_max=bands_max)
        keeper = self._bars if kind == "bar" else self._bins
        self._points.add, self._points.drop = keeper.add, keeper.drop

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what a row of `rows` holds."""
        return (*self._names, "rows") if self._kind == "scatter" else self._names

    @property
    def series(self) -> list[str]:
        """The names of the series, each with its colour for as long as it is there."""
        if not self._color:
            return list(self._names[1:])
        names = self._points.names()
        return [*names, OTHERS] if len(self._points.series) > len(names) else names

    def apply(self, patches: Sequence[Patch]) -> None:
        """Take patches of the view in."""
        self._points.apply(patches, self._names)

    def rows(self) -> list[Row]:
        """Return what is to be drawn; `drawn` says how it was made."""
        if self._kind == "bar":
            found, how = self._bars.rows(self._points.names(), color=self._color), "greatest"
            reduced = len(self._bars) > self._bands_max
        else:
            how = "counts" if self._kind == "scatter" else "extremes"
            reduced = len(self._points) * (self._ys if self._kind == "scatter" else 1) > self._marks_max
            found = self._chosen() if reduced else self._every()
        points = self._points
        self.drawn = Drawn(
            rows=len(points),
            marks=len(found),
            how=how if reduced else "all",  # type: ignore[arg-type]  # one of its words
            axis="text" if self._kind == "bar" else points.axis,
            left_out=points.left_out,
            folded=len(points.series) - len(points.names()) if self._color else 0,
            most=max((cells[-1] for _, cells in found), default=1) if self._kind == "scatter" else 1,
            together=max(0, len(self._bars) - self._bands_max),
        )
        return found

    def _every(self) -> list[Row]:
        self._bins.forget()
        names = set(self._points.names())
        return [
            (point.key, self._cells(point.cells, point.series if point.series in names else OTHERS, 1))
            for point in self._points.items
            if point.drawn
        ]

    def _chosen(self) -> list[Row]:
        points, names = self._points, set(self._points.names())
        if points.axis == "text":
            self._bins.forget()
            bands: dict[str, int] = {}
            for point in points.items:
                if point.drawn:
                    point.at = float(bands.setdefault(point.label, len(bands)))
        marks = self._bins.marks(points)
        if points.axis == "text":
            self._bins.forget()
        found: list[Row] = []
        for point, which, count in marks:
            cells = point.cells
            if which >= 0 and self._ys > 1:
                kept = [value if at == which else None for at, value in enumerate(cells[1 : self._ys + 1])]
                cells = (cells[0], *kept, *cells[self._ys + 1 :])
            series = point.series if point.series in names else OTHERS
            found.append(((point.key, which), self._cells(cells, series, count)))
        return found

    def _cells(self, cells: tuple[Any, ...], series: str, count: int) -> tuple[Any, ...]:
        head = (*cells[:-1], series) if self._color else cells
        return (*head, count) if self._kind == "scatter" else head
