"""Frames: when what a page shows is brought up to date: at most 30 times a second.

each_frame(clock)   a scheduler of effects: on the clock, else on the loop that runs; at once where none does
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ...signals import Clock, Scheduler

__all__ = ["FRAME_S", "clock_here", "each_frame", "running_loop"]

FRAME_S: Final = 1 / 30


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs here, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def clock_here(clock: Clock | None) -> Clock | None:
    """Return `clock`, else the loop that runs here; None: no time passes."""
    return clock if clock is not None else running_loop()


def each_frame(clock: Clock | None = None) -> Scheduler:
    """Return a scheduler: once a frame, however often what the effect reads has changed."""

    def schedule(run: Callable[[], None]) -> None:
        ticking = clock_here(clock)
        if ticking is None:
            run()
        else:
            ticking.call_later(FRAME_S, run)

    return schedule
