"""The bar of `progress` in a notebook: one small widget."""

from __future__ import annotations

from html import escape
from typing import Any

import anywidget
import traitlets

from .assets import asset
from .plain_table import with_plain

__all__ = ["ProgressWidget", "shown_progress"]


class ProgressWidget(anywidget.AnyWidget):
    """How far something is: `part` from 0 to 1, -1 where nobody knows."""

    _esm = asset("life.js", "progress.js")
    _css = asset("life.css", "progress.css")

    label = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    part = traitlets.Float(0.0).tag(sync=True)
    state = traitlets.Unicode("going").tag(sync=True)

    def draw(self, part: float | None, text: str) -> None:
        """Show how far it is."""
        with self.hold_sync():
            self.part, self.text = -1.0 if part is None else part, text

    def end(self, *, failed: bool) -> None:
        """Say that it is over."""
        with self.hold_sync():
            self.state = "failed" if failed else "done"
            self.part = self.part if failed else 1.0

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # Any: as ipywidgets has it
        """Return the widget, and its words for where it can't run."""
        words = f"{self.label}: {self.text or self.state}"
        return with_plain(super()._repr_mimebundle_(**kwargs), words, f"<div>{escape(words)}</div>")


def shown_progress(label: str) -> ProgressWidget:
    """Return a bar that is on the page."""
    from IPython.display import display

    widget = ProgressWidget(label=label)
    display(widget)  # type: ignore[no-untyped-call]  # IPython is half typed
    return widget
