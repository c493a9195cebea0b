"""Clock: stamps of a hybrid logical clock (HLC), each one integer.

     62                        16 15         0
    | milliseconds since 1970    |  counter  |      2026-11-21T13:45:00.000Z, third stamp of that millisecond

A stamp says where its author's clock stood, and stamps of one author only rise: within a millisecond, and while the
clock is set back, it is the last one plus one. It fits SQLite's integers and sorts as one.
A clock never follows the stamps of others: which write came after which is known from what its author had seen
(`core/log/stamps.py`), so a clock that is wrong stays one replica's trouble.
Idea: Kulkarni et al., "Logical Physical Clocks", 2014; one integer as in CockroachDB and Evolu.
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["COUNTER_BITS", "STAMP_MAX", "Clock", "stamp_at", "stamp_ms"]

COUNTER_BITS = 16
STAMP_MAX = (1 << 62) - 1
"""The largest stamp that is taken from outside (year 4199): what is counted on from it still fits 64 bits."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def stamp_at(ms: int) -> int:
    """Return the first stamp of the millisecond `ms`."""
    return ms << COUNTER_BITS


def stamp_ms(stamp: int) -> int:
    """Return the millisecond since 1970 that `stamp` was made in."""
    return stamp >> COUNTER_BITS


class Clock:
    """A source of stamps, each above the one before. Used inside the write job, so by one thread at a time."""

    __slots__ = ("_last", "_now_ms")

    def __init__(self, now_ms: Callable[[], int] = _now_ms) -> None:
        self._now_ms = now_ms
        self._last = 0

    def tick(self, after: int = 0) -> int:
        """Return a stamp above every one given before and above `after`, the last one of the lane in the file.

        Several processes write one lane, so `after` is read inside the transaction.
        """
        self._last = max(stamp_at(self._now_ms()), self._last + 1, after + 1)
        return self._last
