"""`Frame`: at most one application of changes between two paintings of the screen.

    idle --request--> due --(the widget's next turn)--> apply, wait for the paint --painted--> idle
                                                          request meanwhile: apply again when painted

The first request is met on the widget's next turn, so a test that pauses once sees it; a stream of them at the speed
of the screen. Textual hands the word that it has painted to the screen on top, and loses it when that is a dialog that
closes, or keeps it while nothing is painted: after `LONGEST_WAIT` seconds the frame counts as painted without it.

`effect(fn, schedule=each_frame(widget))` runs an effect at that pace: what it reads is computed once a frame, however
often it changes. Make it in `widget_scope(widget)`, so that it ends with the widget: one that closes has no more turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, Literal

from ..signals import Scheduler
from .widget_scope import Target

__all__ = ["Frame", "each_frame"]

LONGEST_WAIT: Final = 0.25


class Frame:
    """Calls `apply` on the turn of `widget`, once a frame however often it was requested."""

    __slots__ = ("_apply", "_count", "_late", "_state", "_widget")

    def __init__(self, widget: Target, apply: Callable[[], None]) -> None:
        self._widget = widget
        self._apply = apply
        self._state: Literal["idle", "due", "painting", "again"] = "idle"
        self._count = 0
        self._late: asyncio.TimerHandle | None = None

    def request(self) -> None:
        """Have `apply` called soon. A widget that is closing is left alone."""
        if self._state == "painting":
            self._state = "again"
        elif self._state == "idle" and self._widget.call_later(self._run):
            self._state = "due"

    def _run(self) -> None:
        """Apply, and wait for the paint."""
        self._state = "painting"
        self._count += 1
        try:
            self._apply()
        finally:
            painted = partial(self._painted, self._count)
            if self._widget.call_after_refresh(painted):
                self._late = asyncio.get_running_loop().call_later(LONGEST_WAIT, painted)
            else:
                self._state = "idle"

    def _painted(self, count: int) -> None:
        """The screen shows what was applied the `count`th time, or nobody will say that it does."""
        if count != self._count or self._state in ("idle", "due"):
            return
        if self._late is not None:
            self._late.cancel()
            self._late = None
        again = self._state == "again"
        self._state = "idle"
        if again:
            self.request()


def each_frame(widget: Target) -> Scheduler:
    """Return a scheduler of effects: once a frame of the screen, on the turn of `widget`.

    Errors of such runs end the app, as those of its handlers do.
    """
    due: list[Callable[[], None]] = []

    def run_all() -> None:
        runs = due.copy()
        due.clear()
        errors: list[Exception] = []
        for run in runs:
            try:
                run()
            except Exception as error:
                errors.append(error)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup(f"{len(errors)} effects failed", errors)

    frame = Frame(widget, run_all)

    def schedule(run: Callable[[], None]) -> None:
        due.append(run)
        frame.request()

    return schedule
