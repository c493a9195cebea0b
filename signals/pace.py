"""`Pace`: what work that could go on for ever may take, so that other work has its turn.

    spend(seconds) ---> debt ---(time pays `share` of a second each second)---> 0
                         |
                         +---> wait_s: how long until the debt is not above `ahead_s`

After so much of the work that its share is kept on average, the next piece waits; a burst of up to `ahead_s` seconds of
work does not. What was not taken in quiet times is not saved up. No clock in here: the caller brings the time.
"""

from __future__ import annotations

__all__ = ["Pace"]


class Pace:
    """A share of the time, and so many seconds ahead of it."""

    __slots__ = ("_ahead_s", "_at", "_debt_s", "_share")

    def __init__(self, *, share: float, ahead_s: float) -> None:
        self._share, self._ahead_s = share, ahead_s
        self._debt_s = self._at = 0.0

    def spend(self, seconds: float, now: float) -> None:
        """Note that so much was taken."""
        self._debt_s = self._left(now) + seconds
        self._at = now

    def wait_s(self, now: float) -> float:
        """Return how long to wait before more is taken; 0 or less for not at all."""
        return (self._left(now) - self._ahead_s) / self._share

    def _left(self, now: float) -> float:
        """Return the debt that time has not paid back."""
        return max(self._debt_s - (now - self._at) * self._share, 0.0)
