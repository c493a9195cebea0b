"""Time for signals: values that wait (`debounced`) or are thinned out (`throttled`), on a clock that is given.

    source              1 2 3 . . . . 4 . . . .        one step is a tenth of a second
    debounced(.., 0.3)  - - - . . 3 . - . . 4 .        when it has rested so long
    throttled(.., 0.3)  1 . . 3 . . . 4 . . . .        at once, then at most once in so long, the newest

    text = signal("")
    asked = debounced(text, 0.2)               a readable: read it, follow it, give it to a view as a parameter
    pointer = throttled(place, 1 / 30, trailing=True)

Both begin with the present value. An error of the source waits like a value and is raised to readers. The timer and
the effect behind them end with the Scope in which they were made, or at `close()`; the last value stays readable.

A clock is anything with `time()` and `call_later(seconds, callback)`: a running asyncio loop is one, and the default.
`ManualClock` is one for tests: nothing happens until `advance`.
Costs: a change of the source one effect run and one timer; 1 KB each.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Generic, Protocol, TypeVar, cast

from . import loops
from .closing import Closing
from .effect import effect
from .following import Held, Outcome, followed, outcome_of
from .naming import label_of
from .scope import Scope
from .untracked import untracked

__all__ = ["Clock", "ManualClock", "Timed", "Timer", "debounced", "running_clock", "sleep", "throttled"]

T = TypeVar("T")


class Timer(Protocol):
    """A call that is due."""

    def cancel(self) -> object:
        """Don't call. Twice, or too late, is harmless."""


class Clock(Protocol):
    """What time is told by. An asyncio event loop is one."""

    def time(self) -> float:
        """Return the time in seconds; it never goes back."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call `callback` in `delay` seconds, on the thread of the clock."""


class ManualClock:
    """A clock for tests: it stands still until it is told to go on."""

    def __init__(self, time: float = 0.0) -> None:
        self._time = time
        self._due: list[tuple[float, int, _Call]] = []
        self._serial = count()

    def time(self) -> float:
        """Return the time in seconds."""
        return self._time

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call `callback` when `advance` gets there."""
        call = _Call(callback)
        heappush(self._due, (self._time + delay, next(self._serial), call))
        return call

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass; what is due is called in order, each at its time. What a call raises is raised."""
        if not seconds >= 0:
            raise ValueError(f"time never goes back: advance() takes 0 or more seconds, not {seconds!r}")
        until = self._time + seconds
        while self._due and self._due[0][0] <= until:
            self._time, _, call = heappop(self._due)
            if call.callback is not None:
                call.callback()
        self._time = until

    @property
    def waiting(self) -> int:
        """How many calls are due and not cancelled."""
        return sum(call.callback is not None for _, _, call in self._due)


class _Call:
    """A call of a ManualClock."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Don't call."""
        self.callback = None


def running_clock(clock: Clock | None, what: str) -> Clock:
    """Return `clock`, or the loop that runs here. Raises `RuntimeError` if there is neither."""
    if clock is not None:
        return clock
    loop = loops.here()
    if loop is None:
        raise RuntimeError(
            f"{what} needs a running asyncio loop for its time; make it inside a coroutine, or give clock="
        )
    return cast(Clock, loop)  # loops.py declares only the part that it uses


async def sleep(seconds: float, clock: Clock) -> None:
    """Wait until `seconds` have passed on `clock`."""
    import asyncio

    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    timer = clock.call_later(seconds, wake)
    try:
        await future
    finally:
        timer.cancel()


class Timed(Held[T], Closing, Generic[T]):
    """What `debounced` and `throttled` return: a readable that follows a source later."""

    __slots__ = ("_clock", "_follows", "_leading", "_newest", "_restarts", "_scope", "_seconds", "_timer", "_trailing")

    def __init__(
        self,
        source: Callable[[], T],
        seconds: float,
        clock: Clock,
        name: str,
        *,
        restarts: bool,
        leading: bool,
        trailing: bool,
    ) -> None:
        if not seconds >= 0:
            raise ValueError(f"seconds must be 0 or more, not {seconds!r}")
        read = followed(source)
        super().__init__(Outcome(None, None), name)
        self._seconds = seconds
        self._clock = clock
        self._restarts = restarts  # each change starts the time anew
        self._leading = leading
        self._trailing = trailing
        self._timer: Timer | None = None
        self._newest: Outcome | None = None  # not taken yet
        self._follows = False
        self._scope = Scope(name)
        self._scope.add(self._stop)
        try:
            self._scope.run(lambda: effect(lambda: self._follow(outcome_of(read)), name))
        except BaseException:
            self._scope.close()
            raise

    def flush(self) -> None:
        """Take the newest value now rather than when its time has come."""
        if self._newest is not None:
            self._stop_timer()
            self._take()

    def close(self) -> None:
        """Follow no more; what was waiting is dropped. Twice is harmless."""
        self._scope.close()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._scope.closed

    @property
    def waiting(self) -> bool:
        """Whether a value waits for its time. Not tracked."""
        return self._newest is not None

    def _follow(self, outcome: Outcome) -> None:
        """Note a change of the source: an effect."""
        if not self._follows:
            self._follows = True
            self._held.set(outcome)
            return
        if self._timer is None and self._leading:
            self._start_timer()
            self._held.set(outcome)
            return
        if self._trailing:
            self._newest = outcome
        if self._timer is None or self._restarts:
            self._stop_timer()
            self._start_timer()

    def _start_timer(self) -> None:
        try:
            self._timer = untracked(lambda: self._clock.call_later(self._seconds, self._ring))
        except RuntimeError as error:
            raise RuntimeError(f"{self._name} can't wait any more ({error}): close() it with its loop") from error

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _ring(self) -> None:
        """The time has come."""
        self._timer = None
        if self._newest is not None:
            if not self._restarts:
                self._start_timer()
            self._take()

    def _take(self) -> None:
        newest, self._newest = self._newest, None
        if newest is not None:
            self._held.set(newest)

    def _stop(self) -> None:
        self._newest = None
        self._stop_timer()


def debounced(
    source: Callable[[], T], seconds: float, *, clock: Clock | None = None, name: str | None = None
) -> Timed[T]:
    """Return a readable that takes the value of `source` when it has not changed for `seconds`."""
    label = name or f"debounced({label_of(source)})"
    here = running_clock(clock, label)
    return Timed(source, seconds, here, label, restarts=True, leading=False, trailing=True)


def throttled(
    source: Callable[[], T],
    seconds: float,
    *,
    leading: bool = True,
    trailing: bool = True,
    clock: Clock | None = None,
    name: str | None = None,
) -> Timed[T]:
    """Return a readable that takes the value of `source` at most once in `seconds`.

    `leading`: the first change after a rest at once. `trailing`: the newest at the end of the time; without it, changes
    during the time are lost until the next one after it.
    """
    if not leading and not trailing:
        raise ValueError("throttled() needs leading or trailing: with neither it would never take a value")
    label = name or f"throttled({label_of(source)})"
    here = running_clock(clock, label)
    return Timed(source, seconds, here, label, restarts=False, leading=leading, trailing=trailing)
