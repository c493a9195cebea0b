"""`LiveValue`: a signal or a computed as the output of a cell, by its `repr`, at most 30 times a second.

    count        <- the last expression of a cell
    3            shows, and becomes 4 when the signal does

An error of a computed is shown instead of a value.
"""

from __future__ import annotations

from html import escape
from typing import Any

import anywidget
import traitlets

from ...signals import Clock, Readable, Scope, current_scope, effect
from ...signals.scope import root
from .assets import asset
from .frames import each_frame
from .plain_table import with_plain

__all__ = ["LiveValue"]

CHARS_MAX = 2000


class LiveValue(anywidget.AnyWidget):
    """The value of `readable`, live."""

    _esm = asset("life.js", "live_value.js")
    _css = asset("life.css", "live_value.css")

    text = traitlets.Unicode().tag(sync=True)
    failed = traitlets.Bool(False).tag(sync=True)

    _is_made = False

    def __init__(self, readable: Readable[Any], *, clock: Clock | None = None) -> None:
        if not callable(getattr(readable, "get", None)):
            raise TypeError(f"LiveValue shows a signal or a computed, not {readable!r:.60}")
        self.readable = readable
        self._is_made = True
        self._scope = Scope("LiveValue", parent=root)
        super().__init__()
        self._scope.run(lambda: effect(self._show, name="LiveValue", schedule=each_frame(clock)))
        owner = current_scope()
        if owner is not root:
            owner.add(self)

    def _show(self) -> None:
        try:
            text, failed = repr(self.readable.get()), False
        except Exception as error:  # a computed keeps the error of its function as its value
            text, failed = f"{type(error).__name__}: {error}", True
        with self.hold_sync():
            self.text, self.failed = text[:CHARS_MAX], failed

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._is_made or self._scope.closed

    def close(self) -> None:
        """Stop following and take it off every page. Twice is harmless."""
        if not self.closed:
            self._scope.close()
            super().close()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # Any: as ipywidgets has it
        """Return the widget, and the value as it is for where it can't run."""
        bundle = super()._repr_mimebundle_(**kwargs) if not self.closed else None
        return with_plain(bundle, self.text, f"<code>{escape(self.text)}</code>")
