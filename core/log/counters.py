"""Counters: what several replicas add at the same time all counts.

    Put 10 by A:3    Add +2 by A:4    Add +5 by A:9     Add -1 by B:2        epoch A:3, shown 16
                     `------ lane A: (A:9, +7) -----'   lane B: (B:2, -1)

The base is a plain cell; whoever sets it begins a new epoch, and an `Add` names the epoch that its author saw. It
counts while that epoch's `Put` is the winner: two who set a counter at the same time don't add up what each counted on.
State: one sum a lane, so how often a message comes doesn't matter, nor in which order lanes come. Integers wrap around
at 64 bits, as SQLite has no more. With a REAL among them the sum is rounded once, so its order doesn't matter either.
"""

from __future__ import annotations

import math
from fractions import Fraction

from ..values import SqlValue
from .dots import Dot, ordered
from .vector import CommitId

__all__ = ["KIND", "added", "total"]

KIND = "counter"


def added(dots: tuple[Dot, ...], by: CommitId, delta: float) -> tuple[Dot, ...]:
    """Return the sums with `delta` more in the lane of the commit `by`."""
    others = [dot for dot in dots if dot.by.lane != by.lane]
    before = next((dot.value for dot in dots if dot.by.lane == by.lane), 0)
    return ordered([*others, Dot(by, _sum([_number(before), delta]))])


def total(base: SqlValue, dots: tuple[Dot, ...]) -> SqlValue:
    """Return what the counter shows: its base, or 0 where that is no number, and all that was added since."""
    return _sum([_number(base), *(_number(dot.value) for dot in dots)]) if dots else base


def _number(value: SqlValue) -> int | float:
    return value if isinstance(value, int | float) else 0


def _sum(numbers: list[int | float]) -> int | float:
    if all(isinstance(number, int) for number in numbers):
        return (sum(map(int, numbers)) + (1 << 63)) % (1 << 64) - (1 << 63)
    if not all(map(math.isfinite, numbers)):
        return next(number for number in numbers if not math.isfinite(number))  # only a base can be
    exact = sum(map(Fraction, numbers), Fraction(0))
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf
