"""Transports: what carries frames between two programs that replicate, and how the two find each other.

    Link --send--> Transport ~~~ websocket, Unix socket, memory ~~~ Transport --recv--> Server
         <--recv--                                                            <--send--

A frame is one message, whole: text (JSON) or bytes. Frames arrive in order, each once, or the transport is closed:
whatever was under way then is lost, and it is the protocol above that asks for it again. `send` waits while the other
side doesn't read, so nobody who reads slowly makes anybody else hold more than a buffer's worth.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

__all__ = ["FRAME_BYTES_MAX", "Accept", "Address", "Dial", "Frame", "Listener", "Transport", "size_of"]

Frame: TypeAlias = str | bytes

FRAME_BYTES_MAX = 1 << 20
"""The largest frame that is taken in, unless a limit says otherwise."""


class Transport(Protocol):
    """One connection, seen from one of its ends."""

    @property
    def address(self) -> str:
        """Who is at the other end, for people: "127.0.0.1:5123"."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What the other end said when it connected, names in lower case; empty where a transport has no such thing.

        ":path" is what it asked for, path and query.
        """

    async def send(self, frame: Frame) -> None:
        """Send one frame; wait while the other side is behind. Raises `DisconnectedError`."""

    async def recv(self) -> Frame:
        """Return the next frame. Raises `DisconnectedError` when there will be none."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection; `code` and `reason` are those of websockets. Twice is harmless."""


Dial: TypeAlias = Callable[[], Awaitable[Transport]]
"""Connects anew each time it is called. Raises `DisconnectedError` where nobody answers."""

Accept: TypeAlias = Callable[[Transport], Awaitable[None]]
"""Serves one connection to its end."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a workspace is, and how to get there; `text` is for people."""

    dial: Dial
    workspace: str
    text: str


class Listener(Protocol):
    """A place where connections come in."""

    @property
    def url(self) -> str:
        """What others dial, without a workspace."""

    async def close(self) -> None:
        """Take no more connections. Twice is harmless."""


def size_of(frame: Frame) -> int:
    """Return how many bytes `frame` takes on the wire."""
    if isinstance(frame, bytes) or frame.isascii():
        return len(frame)
    return len(frame.encode())
