"""`Frame`: at most one application of changes between two paintings of the screen.

    idle --request--> due --(the widget's next turn)--> apply, wait for the paint --painted--> idle
                                                          request meanwhile: apply again when painted

The first request is met on the widget's next turn, so a test that pauses once sees it; a stream of them at the speed
of the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from .widget_scope import Target

__all__ = ["Frame"]


class Frame:
    """Calls `apply` on the turn of `widget`, once a frame however often it was requested."""

    __slots__ = ("_apply", "_state", "_widget")

    def __init__(self, widget: Target, apply: Callable[[], None]) -> None:
        self._widget = widget
        self._apply = apply
        self._state: Literal["idle", "due", "painting", "again"] = "idle"

    def request(self) -> None:
        """Have `apply` called soon. A widget that is closing is left alone."""
        if self._state == "painting":
            self._state = "again"
        elif self._state == "idle" and self._widget.call_later(self._run):
            self._state = "due"

    def _run(self) -> None:
        """Apply, and wait for the paint."""
        self._state = "painting"
        try:
            self._apply()
        finally:
            if not self._widget.call_after_refresh(self._painted):
                self._state = "idle"

    def _painted(self) -> None:
        """The screen shows what was applied."""
        again = self._state == "again"
        self._state = "idle"
        if again:
            self._run()
