"""The gate: who may use the writer's connection now, in the order of asking.

    one-job writes, fills    enter side by side: their jobs queue up on the thread, each is whole in itself
    blocks                   enter alone: between two of their statements nobody else may write

Side by side means that a job waits for the one before it on the thread, not for a task that has first to hear of its
end and to wake up the next one: so many tasks that write at once cost one wake-up of the loop for several writes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

__all__ = ["Gate"]


class Gate:
    """A lock that is held by any number of tasks side by side, or by one alone. First come, first served."""

    __slots__ = ("_alone", "_beside", "_waiting")

    def __init__(self) -> None:
        self._beside = 0
        self._alone = False
        self._waiting: deque[tuple[asyncio.Future[None], bool]] = deque()

    @property
    def busy(self) -> bool:
        """Whether anybody is inside."""
        return self._alone or self._beside > 0

    def try_enter(self) -> bool:
        """Enter beside others if that is possible at once; return whether it was."""
        if self._alone or self._waiting:
            return False
        self._beside += 1
        return True

    async def enter(self, *, alone: bool = False) -> None:
        """Enter when it is our turn."""
        if not self._waiting and not self._alone and not (alone and self._beside):
            self._count(alone=alone)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, alone))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(alone=alone)  # it had become our turn
            else:
                with suppress(ValueError):  # somebody who left has passed it over
                    self._waiting.remove((turn, alone))
                self._admit()  # who stood behind us may fit beside those inside
            raise

    def leave(self, *, alone: bool = False) -> None:
        """Leave, and let in who comes next."""
        if alone:
            self._alone = False
        else:
            self._beside -= 1
        self._admit()

    def _count(self, *, alone: bool) -> None:
        if alone:
            self._alone = True
        else:
            self._beside += 1

    def _admit(self) -> None:
        while self._waiting and not self._alone:
            turn, alone = self._waiting[0]
            if alone and self._beside:
                return
            self._waiting.popleft()
            if not turn.done():
                self._count(alone=alone)
                turn.set_result(None)
