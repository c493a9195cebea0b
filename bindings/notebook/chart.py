"""`live_chart`: a line, bar, scatter or area chart in a notebook that follows a view.

    live_chart(view, kind="line", x="day", y="n")                       one series
    live_chart(view, kind="area", x="day", y=["opened", "closed"])      a series a column
    live_chart(view, kind="bar", x="project", y="n", color="state")     a series a value of another column

The chart is SVG that our own JavaScript draws, so it needs no network. Only the columns drawn go to the page; what
changes moves to its new place. A chart shows up to `ROWS_MAX` rows and says so where there are more: group them in SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

import traitlets

from eddyline import Insert, ParameterError, Patch, Reset, Update, View

from ...signals import Clock, untracked
from .assets import asset
from .feed_widget import FeedWidget

__all__ = ["ChartKind", "LiveChart", "live_chart"]

ChartKind: TypeAlias = Literal["line", "bar", "scatter", "area"]
KINDS = get_args(ChartKind)
ROWS_MAX = 5000


class LiveChart(FeedWidget):
    """A chart of some columns of `view`."""

    _esm = asset("life.js", "feed_rows.js", "chart_scales.js", "live_chart.js")
    _css = asset("life.css", "live_chart.css")

    spec: Any = traitlets.Dict().tag(sync=True)  # Any: JSON

    SNAPSHOT_ROWS = ROWS_MAX
    ROWS_MAX = ROWS_MAX

    def __init__(
        self,
        view: View[Any],
        *,
        kind: ChartKind = "line",
        x: str | None = None,
        y: str | Sequence[str] | None = None,
        color: str | None = None,
        height: int = 280,
        clock: Clock | None = None,
    ) -> None:
        names = untracked(lambda: tuple(view.columns))
        wanted = _columns(names, kind, x, y, color)
        self._places = [names.index(name) for name in wanted]
        self._names = wanted
        spec = {"kind": kind, "y": len(wanted) - 1 - (color is not None), "color": color is not None}
        super().__init__(view, clock=clock, spec=spec, height=height)

    def _place(self) -> None:
        super()._place()
        self._feed.columns = self._names

    def _take(self, patches: list[Patch]) -> None:
        super()._take([self._drawn(patch) for patch in patches])

    def _drawn(self, patch: Patch) -> Patch:
        """Return `patch` with the columns that are drawn."""
        match patch:
            case Insert(index, row, key):
                return Insert(index, self._cut(row), key)
            case Update(index, row, columns, key):
                return Update(index, self._cut(row), columns, key)
            case Reset(rows, keys):
                return Reset([self._cut(row) for row in rows], keys)
        return patch

    def _cut(self, row: Any) -> tuple[Any, ...]:  # Any: as the view has it
        return tuple(row[at] for at in self._places)


def live_chart(
    view: View[Any],
    kind: ChartKind = "line",
    *,
    x: str | None = None,
    y: str | Sequence[str] | None = None,
    color: str | None = None,
    height: int = 280,
) -> LiveChart:
    """Return a chart that follows `view`: by default the second column over the first one.

    Raises `ParameterError` for a column that the view doesn't have, or another kind than line, bar, scatter and area.
    """
    return LiveChart(view, kind=kind, x=x, y=y, color=color, height=height)


def _columns(
    names: tuple[str, ...], kind: str, x: str | None, y: str | Sequence[str] | None, color: str | None
) -> tuple[str, ...]:
    """Return the columns that are drawn: x, each y, the colour."""
    if kind not in KINDS:
        raise ParameterError(f"live_chart: kind is one of {', '.join(KINDS)}, not {kind!r}")
    if x is None and names:
        x = names[0]
    if y is None:
        y = next((name for name in names if name not in (x, color)), None)
    wanted = [x, *([y] if isinstance(y, str) or y is None else y), *([] if color is None else [color])]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise ParameterError(f"live_chart: no column {unknown[0]!r}; the view has: {', '.join(names)}")
    if color is not None and len(wanted) > 3:
        raise ParameterError("live_chart: color= makes the series, so y= is one column then")
    return tuple(name for name in wanted if name is not None)
