"""A pair of transports in memory: what is sent to one comes out of the other.

    left --send--> [ queue of frames, bounded in bytes ] --recv--> right      and the same the other way

Frames are handed on as they are, so a test of everything above runs without a socket, in one loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

from ..errors import DisconnectedError
from .transport import FRAME_BYTES_MAX, Frame, size_of

__all__ = ["PairedTransport", "pair"]

_BUFFER_BYTES = 64 << 10
_NOTHING_SAID: Mapping[str, str] = MappingProxyType({})


class _Way:
    """One direction: frames under way, and whether the way is closed."""

    __slots__ = ("bytes", "closed", "frames", "moved")

    def __init__(self) -> None:
        self.frames: deque[Frame] = deque()
        self.bytes = 0
        self.closed: tuple[int, str] | None = None
        self.moved = asyncio.Event()

    async def change(self) -> None:
        self.moved.clear()
        await self.moved.wait()


class PairedTransport:
    """One end of a pair."""

    __slots__ = ("_frame_bytes_max", "_in", "_out", "address")

    def __init__(self, out: _Way, into: _Way, frame_bytes_max: int) -> None:
        self.address = "memory"
        self._out, self._in, self._frame_bytes_max = out, into, frame_bytes_max

    @property
    def headers(self) -> Mapping[str, str]:
        return _NOTHING_SAID

    async def send(self, frame: Frame) -> None:
        while self._out.bytes >= _BUFFER_BYTES and self._out.closed is None:
            await self._out.change()
        if self._out.closed is not None:
            raise _ended(self._out.closed)
        self._out.frames.append(frame)
        self._out.bytes += size_of(frame)
        self._out.moved.set()

    async def recv(self) -> Frame:
        way = self._in
        while not way.frames:
            if way.closed is not None:
                raise _ended(way.closed)
            await way.change()
        frame = way.frames.popleft()
        size = size_of(frame)
        way.bytes -= size
        way.moved.set()
        if size > self._frame_bytes_max:
            await self.close(1009, "too large")
            raise _ended((1009, "too large"))
        return frame

    async def close(self, code: int = 1000, reason: str = "") -> None:
        for way in (self._out, self._in):
            way.closed = way.closed or (code, reason)
            way.moved.set()

    def cut(self) -> None:
        """Break the connection as a network does: frames under way are lost, nobody says a word."""
        for way in (self._out, self._in):
            way.frames.clear()
            way.bytes = 0
            way.closed = way.closed or (1006, "")
            way.moved.set()


def _ended(closed: tuple[int, str]) -> DisconnectedError:
    code, reason = closed
    return DisconnectedError(
        f"the connection has ended ({code}{f': {reason}' if reason else ''})", code=code, reason=reason
    )


def pair(frame_bytes_max: int = FRAME_BYTES_MAX) -> tuple[PairedTransport, PairedTransport]:
    """Return both ends of a connection."""
    there, back = _Way(), _Way()
    return PairedTransport(there, back, frame_bytes_max), PairedTransport(back, there, frame_bytes_max)
