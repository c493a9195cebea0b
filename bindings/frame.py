"""`Frame`: changes of widgets are applied at the speed of the screen, for all of an app together.

    request --> due --(the app's next turn)--> apply all that asked --> Textual paints
                 ^                                                          |
                 +--- later, where frames have taken their share <--- what that has cost

One frame is one message to the app and one paint, however many widgets it changes. The first request is met on the
app's next turn, so a test that pauses once sees it; so are `AT_ONCE` more. Then there are `RATE` a second, or less:
applying and painting take at most `SHARE` of the time, so that keys and commits have the rest, beyond `AHEAD` seconds
of it that a burst may take at once. No frame waits longer than `LONGEST` seconds for that. What a frame takes is the
processor's time or, where other programs have the processor, the time until it is painted.
Textual hands the word that it has painted to the screen on top, and loses it when that is a dialog that closes: the
paint of that frame costs nothing then, and nobody waits for it.

`effect(fn, schedule=each_frame(widget))` runs an effect at that pace: what it reads is computed once a frame, however
often it changes. Make it in `widget_scope(widget)`, so that it ends with the widget: one that has gone has no frames.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary, ref

from textual.app import App

from ..signals import Scheduler
from ..signals.pace import Pace
from .widget_scope import Target

__all__ = ["Frame", "each_frame"]

RATE: Final = 60
AT_ONCE: Final = 20
SHARE: Final = 1 / 3
AHEAD: Final = 1.0
LONGEST: Final = 0.25

processor_s = getattr(time, "thread_time", time.perf_counter)  # no such clock in the browser


class _Frames:
    """The frames of one app."""

    __slots__ = ("_app", "_applied_at", "_asking", "_due", "_pace", "_rate", "_unpaid_since")

    def __init__(self, app: App[Any]) -> None:  # Any: what the app returns does not matter here
        self._app = ref(app)
        self._asking: list[Frame] = []
        self._due = False
        self._applied_at = -LONGEST
        self._rate = Pace(share=1.0, ahead_s=AT_ONCE / RATE)
        self._pace = Pace(share=SHARE, ahead_s=AHEAD)
        self._unpaid_since: tuple[float, float] | None = None  # on the processor's clock and on the wall's

    def ask(self, frame: Frame) -> bool:
        """Have `frame` applied in the next frame; return whether there will be one."""
        if not self._due:
            self._due = self._call(self._begin)
        if self._due:
            self._asking.append(frame)
        return self._due

    def _call(self, step: Callable[[], None]) -> bool:
        """Have `step` done on the app's next turn; an app that is closing has none."""
        app = self._app()
        return app is not None and app.call_later(step)

    def _begin(self) -> None:
        """Apply now, or when the pace allows it."""
        now = time.perf_counter()
        wait_s = min(max(self._rate.wait_s(now), self._pace.wait_s(now)), LONGEST)
        if wait_s > 0:
            asyncio.get_running_loop().call_later(wait_s, self._call, self._apply)
        else:
            self._apply()

    def _apply(self) -> None:
        """Apply what was asked for. Raises what that raised: the app ends with it."""
        now, asking, self._asking = time.perf_counter(), self._asking, []
        if self._unpaid_since is None or now - self._applied_at > LONGEST:
            self._unpaid_since = processor_s(), now
        self._applied_at, self._due = now, False
        self._rate.spend(1 / RATE, now)
        errors: list[Exception] = []
        for frame in asking:
            try:
                frame.apply()
            except Exception as error:
                errors.append(error)
        any(frame.widget.call_after_refresh(self._painted) for frame in reversed(asking))
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup(f"{len(errors)} widgets could not be changed", errors)

    def _painted(self) -> None:
        """The screen shows what was applied: pay for it. Textual may have waited for a frame before it painted."""
        if self._unpaid_since is None:
            return
        processor, wall = self._unpaid_since
        now, self._unpaid_since = time.perf_counter(), None
        self._pace.spend(max(processor_s() - processor, now - wall - 1 / RATE), now)


_frames: WeakKeyDictionary[App[Any], _Frames] = WeakKeyDictionary()


class Frame:
    """Calls `apply` once a frame however often it was requested, while `widget` is there."""

    __slots__ = ("_apply", "_asked", "widget")

    def __init__(self, widget: Target, apply: Callable[[], None]) -> None:
        self.widget = widget
        self._apply = apply
        self._asked = False

    def request(self) -> None:
        """Have `apply` called soon. A widget that is closing is left alone; one that is still to come has its turn."""
        if self._asked:
            return
        if self.widget.is_running:
            app = self.widget.app
            frames = _frames.get(app)
            if frames is None:
                frames = _frames[app] = _Frames(app)
            self._asked = frames.ask(self)
        else:
            self._asked = self.widget.call_later(self.apply)

    def apply(self) -> None:
        """Apply now what was requested."""
        self._asked = False
        if self.widget.is_running:
            self._apply()


def each_frame(widget: Target) -> Scheduler:
    """Return a scheduler of effects: once a frame of the screen, while `widget` is there.

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
