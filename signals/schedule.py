"""Schedulers: when an effect that was woken runs.

    effect(fn)                                at once: before the write returns
    effect(fn, schedule=each_turn())          once a turn of the running asyncio loop, however many writes came before
    effect(fn, schedule=frame)                a binding's own: once a frame of the screen
    effect(fn, schedule=lambda run: loop.call_later(0.2, run))

A scheduler is a function that takes a function and calls it later, once. The first run of an effect is always at once:
it finds what to follow, and its error belongs to the caller. From then on the scheduler is asked once for each run,
however often the effect is woken before it, and the run sees what is current when it comes.

*Order.* An effect made inside a scheduled one waits with it while both are woken: the outer may be about to close it.
*Errors* of a scheduled run are raised to whoever calls the function: a loop hands them to its exception handler, a
Textual app ends with them. An error of the scheduler itself is raised to the writer, and the next write asks again.
*Loss.* A scheduler that drops the function without a call, as a loop does that is closed before its next turn, is
asked again at the next change.
*End.* Closing the effect, by hand, by its Scope or by its outer effect, cancels the run: the call does nothing then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from . import loops

__all__ = ["Scheduler", "each_turn"]

Scheduler: TypeAlias = Callable[[Callable[[], None]], object]


def each_turn() -> Scheduler:
    """Return a scheduler: on the next turn of the loop that runs on this thread; at once where none runs."""
    return _next_turn


def _next_turn(run: Callable[[], None]) -> None:
    loop = loops.here()
    if loop is None:
        run()
    else:
        loop.call_soon(run)
