"""StateChart: how many issues are in each state as bars, and the writes of the last half minute as a line.

○ open  1,676 ████████▌
◐ doing   577 ███
● done  2,747 █████████████
487/s ▁▁▂▅▇▇▇▆
"""

from __future__ import annotations

from collections import deque

from textual.content import Content
from textual.widgets import Static

from eddyline import Signal, View, signal
from eddyline.bindings.textual import bind, widget_scope

from .labels import MUTED
from .tracker_data import STATES

__all__ = ["COLORS", "GLYPHS", "StateChart", "bar", "sparkline"]

GLYPHS = {"open": "○", "doing": "◐", "done": "●"}
COLORS = {"open": "$text-primary", "doing": "$text-warning", "done": "$text-success"}
EIGHTHS = " ▏▎▍▌▋▊▉█"
HEIGHTS = "▁▂▃▄▅▆▇█"
LABEL = 14  # cells before a bar
TICK_S = 0.5


def bar(part: float, cells: int) -> str:
    """Return a bar of `part` (0 to 1) of so many cells, to an eighth of a cell."""
    eighths = round(part * cells * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (EIGHTHS[rest] if rest else "")


def sparkline(values: list[float]) -> str:
    """Return a character for each value, the highest one at full height."""
    top = max(values, default=0.0)
    return "".join(HEIGHTS[round(value / top * 7)] if top else HEIGHTS[0] for value in values)


class StateChart(Static):
    """Follows a view of (state, issues) and a signal of writes a second."""

    def __init__(self, per_s: Signal[float], *, id: str) -> None:
        super().__init__(id=id)
        self._per_s = per_s
        self._view: Signal[View | None] = signal(None, name="states")
        self._history: Signal[tuple[float, ...]] = signal((), name="writes lately")
        self._recent: deque[float] = deque(maxlen=60)
        self._cells = signal(10, name="cells of a bar")

    def on_mount(self) -> None:
        self.border_title = "issues by state"
        bind(self, lambda content: self.update(content, layout=False), self._content)  # its size is fixed
        self.set_interval(TICK_S, self._tick)

    def follow(self, view: View) -> None:
        """Show this view from now on; it closes with the chart."""
        widget_scope(self).add(view)
        self._view.set(view)

    def on_resize(self) -> None:
        self._cells.set(max(self.content_region.width - LABEL, 1))

    def _tick(self) -> None:
        self._recent.append(self._per_s.peek())
        self._history.set(tuple(self._recent))

    def _content(self) -> Content:
        view, cells = self._view(), self._cells()
        counts = {row[0]: row[1] for row in view.rows()} if view is not None else {}
        most = max(counts.values(), default=0)
        parts: list[str | tuple[str, str]] = []
        for state in STATES:
            count = counts.get(state, 0)
            parts += [
                (f"{GLYPHS[state]} {state:<5}{count:>6,} ", COLORS[state]),
                (bar(count / most if most else 0, cells) + "\n", COLORS[state]),
            ]
        room = cells + LABEL - 8
        parts += [(f"{self._per_s():>5,.0f}/s ", MUTED), (sparkline(list(self._history())[-room:]), "$text-accent")]
        return Content.assemble(*parts)
