"""One connection at work: a peer (which does no IO) between its transport, the clock, and who answers its asks.

    transport --recv--> peer.receive --+
    asks are answered -> peer.answer --+--> Send  -> outbox -> transport.send
    log has changed   -> peer.changed -+    asks  -> answer(ask)      the peer says what waits for what
    time has passed   -> peer.tick ----+    news  -> tell(news)
                                            Close -> what is in the outbox still goes out, then the transport is closed

An idle session is one task that waits in `recv` and one timer: sends have a task while there is something to send. What
is under way is bounded by the peer's window, and so is the outbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from ...signals import Clock, Timer
from ..errors import DisconnectedError, EddylineError
from .asks import Ask, Close, News, Output, Send
from .peer import Peer
from .transport import Frame, Transport, size_of

__all__ = ["LAST_WORDS_S", "Session"]

LAST_WORDS_S = 2.0
"""How long a connection that ends may take to send what is left."""

_log = logging.getLogger("eddyline.sync")
_REFUSED, _ENDED = 4000, 1000  # codes of websockets


class Session:
    """A peer on one transport."""

    __slots__ = (
        "_answer", "_asked", "_base_ms", "_clock", "_due_ms", "_end", "_guard", "_outbox", "_sending", "_tell",
        "_timer", "peer", "transport",
    )  # fmt: skip

    def __init__(
        self,
        peer: Peer,
        transport: Transport,
        answer: Callable[[Ask], Awaitable[object]],
        tell: Callable[[News], None],
        clock: Clock,
        base_ms: int,
        guard: Callable[[int], str | None] = lambda size_bytes: None,
    ) -> None:
        self.peer, self.transport = peer, transport
        self._answer, self._tell, self._clock, self._base_ms = answer, tell, clock, base_ms
        self._guard = guard
        self._asked: set[asyncio.Future[object]] = set()
        self._outbox: deque[Frame] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._end: Close | None = None
        self._timer: Timer | None = None
        self._due_ms = 0

    @property
    def now_ms(self) -> int:
        """The time as the peer is told it."""
        return self._base_ms + int(self._clock.time() * 1000)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self._end is None

    async def run(self, first: Iterable[Output] = ()) -> Close:
        """Serve the connection to its end; return how it ended."""
        try:
            self.carry(first)
            while self._end is None:
                frame = await self.transport.recv()
                if (said := self._guard(size_of(frame))) is None:
                    self.carry(self.peer.receive(frame, self.now_ms))
                else:
                    self.carry(self.peer.refuse("flood", said, self.now_ms))
        except DisconnectedError as error:
            if self._end is None:
                self.carry(self.peer.close(self.now_ms))
                self._end = Close(message=str(error))
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self._end is None:
                self._end = Close(message="ended here")
            await self._leave()
        return self._end

    def changed(self) -> None:
        """The log has grown, or who is present has changed."""
        if self._end is None:
            self.carry(self.peer.changed(self.now_ms))

    def carry(self, outputs: Iterable[Output]) -> None:
        """Do what the peer has handed out."""
        for output in outputs:
            if self._end is not None:
                return
            if isinstance(output, Send):
                self._outbox.append(output.frame)
                self._send()
            elif isinstance(output, Close):
                self._end = output
                self._send()
            elif isinstance(output, News):
                self._tell(output)
            else:
                answered = asyncio.ensure_future(self._answer(output))
                self._asked.add(answered)
                answered.add_done_callback(partial(self._answered, output))
        self._arm()

    def _answered(self, ask: Ask, answered: asyncio.Future[object]) -> None:
        self._asked.discard(answered)
        if answered.cancelled():
            return
        error = answered.exception()
        if error is not None and not isinstance(error, EddylineError):
            _log.error("%s could not be answered", type(ask).__name__, exc_info=error)
        if self._end is None:
            self.carry(self.peer.answer(ask, answered.result() if error is None else error, self.now_ms))

    def _arm(self) -> None:
        """Have the peer told of the time when it is due."""
        due_ms = self.peer.deadline_ms if self._end is None else None
        if due_ms is None or (self._timer is not None and self._due_ms <= due_ms):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_ms = due_ms
        self._timer = self._clock.call_later(max(0, due_ms - self.now_ms) / 1000 + 0.001, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._end is None:
            self.carry(self.peer.tick(self.now_ms))

    def _send(self) -> None:
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        try:
            while self._outbox:
                await self.transport.send(self._outbox.popleft())
            if self._end is not None:
                await self._close()
        except DisconnectedError:
            self._outbox.clear()

    async def _leave(self) -> None:
        """Send what is left, but not to one who doesn't read; let asks come to their end; then close."""
        try:
            waiting: list[asyncio.Future[Any]] = [*self._asked]  # Any: each of its own
            if self._sending is not None and not self._sending.done():
                waiting.append(self._sending)
            if waiting:
                await asyncio.wait(waiting, timeout=LAST_WORDS_S)
        finally:
            if self._sending is not None:
                self._sending.cancel()
            await self._close()

    async def _close(self) -> None:
        assert self._end is not None, "a session closes at its end"
        code = self._end.code
        await self.transport.close(_REFUSED if code else _ENDED, str(code))
