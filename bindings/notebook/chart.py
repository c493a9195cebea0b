"""`live_chart`: a line, bar, scatter or area chart in a notebook that follows a view.

    live_chart(view, kind="line", x="day", y="n")                       one series
    live_chart(view, kind="area", x="day", y=["opened", "closed"])      a series a column
    live_chart(view, kind="bar", x="project", y="n", color="state")     a series a value of another column

    view --[patches]--> Drawing: at most a few thousand marks, however many rows --> feed --> page

The chart is SVG that our own JavaScript draws, so it needs no network. Only what is drawn goes to the page; what
changes moves to its new place. What a drawing had to put together stands below the chart, and in `chart.drawn`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

import traitlets

from eddyline import ParameterError, Patch, Reset, View

from ...signals import Clock, untracked
from .assets import asset
from .drawing import MARKS_MAX, ChartKind, Drawing, Drawn
from .feed_widget import FeedWidget, check_view

__all__ = ["ChartKind", "LiveChart", "live_chart"]

KINDS = get_args(ChartKind)


class LiveChart(FeedWidget):
    """A chart of some columns of `view`."""

    _esm = asset("life.js", "feed_rows.js", "chart_scales.js", "live_chart.js")
    _css = asset("life.css", "live_chart.css")

    spec: Any = traitlets.Dict().tag(sync=True)  # Any: JSON

    SNAPSHOT_ROWS = ROWS_MAX = 2 * MARKS_MAX

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
        check_view(view, type(self).__name__)
        names = untracked(lambda: tuple(view.columns))
        wanted = _columns(names, kind, x, y, color)
        ys = len(wanted) - 1 - (color is not None)
        self._drawing = Drawing(kind, [names.index(name) for name in wanted], wanted, ys)
        self._changed = True
        spec = {"kind": kind, "y": ys, "color": color is not None}
        super().__init__(view, clock=clock, spec=spec, height=height)

    @property
    def drawn(self) -> Drawn:
        """What is drawn of how many rows, and how, as of the last frame."""
        return self._drawing.drawn

    def _take(self, patches: list[Patch]) -> None:
        self._drawing.apply(patches)
        self._changed = True
        self._soon()

    def _place(self) -> None:
        """Have the feed hold what is drawn."""
        if not self._changed:
            return
        self._changed = False
        drawing, feed = self._drawing, self._feed
        rows = drawing.rows()
        feed.columns = drawing.columns
        feed.changed([Reset(tuple(cells for _, cells in rows), tuple(key for key, _ in rows))])
        feed.facts = feed.facts | {
            "drawn": asdict(drawing.drawn),
            "series": drawing.series,
            "caption": " · ".join(part for part in (self._part(), drawing.drawn.caption) if part),
        }

    def _part(self) -> str:
        """Say it where the view itself shows a part of its list."""
        view = self.view
        total = untracked(lambda: getattr(view, "total", None))
        if total is None or total == len(view):
            return ""
        return f"{len(view):,} of {total:,} rows: those that the view shows"

    def _now(self) -> dict[str, Any]:  # Any: JSON
        self._place()
        return super()._now()


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
