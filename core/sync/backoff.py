"""When to try again: longer after each failure, and never at the same moment as everybody else.

    failures   1      2      3      4   ...        waits up to 0.25, 0.5, 1, 2, .. 30 s, anything from half of it on

A thousand clients lose their server in one moment; with the same waits they would all be back in one moment, too.
Idea: "Exponential Backoff And Jitter" of AWS; "equal jitter" keeps a least wait. Randomness comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Waits between tries."""

    __slots__ = ("_failures", "_first_s", "_most_s", "_random")

    def __init__(self, random: Callable[[], float], *, first_s: float = 0.25, most_s: float = 30.0) -> None:
        self._random, self._first_s, self._most_s = random, first_s, most_s
        self._failures = 0

    def next_s(self, least_s: float = 0.0) -> float:
        """Count a failure; return how long to wait, `least_s` or more."""
        bound = min(self._most_s, self._first_s * float(2**self._failures))
        self._failures = min(self._failures + 1, 30)
        return max(least_s, bound / 2 + self._random() * bound / 2)

    def reset(self) -> None:
        """A try went well."""
        self._failures = 0
