"""The browser's own WebSocket, where Python runs in a page or in a worker of one.

A browser tells little: why a connection failed it never says (1006), pings it answers by itself and sends none, so the
protocol's own are needed. What was sent and isn't gone yet is `bufferedAmount`: `send` waits while it is large, by
looking, as there is no event. What comes is handed over as it comes, read or not: there the protocol's limits hold.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from ...errors import DisconnectedError
from ..transport import FRAME_BYTES_MAX, Frame, Transport, size_of

__all__ = ["dial"]

_OPEN_TIMEOUT_S = 10.0
_BUFFERED_MAX = FRAME_BYTES_MAX
_LOOK_S = 0.01
_CODES = range(3000, 5000)  # what a page may close with, beside 1000


class BrowserTransport:
    """One WebSocket of the browser's."""

    headers: Mapping[str, str] = {}  # a browser says nothing of them

    def __init__(self, url: str, frame_bytes_max: int) -> None:
        from js import WebSocket
        from pyodide.ffi import create_proxy

        self.address = url
        self._bytes_max = frame_bytes_max
        self._frames: deque[Frame] = deque()
        self._moved = asyncio.Event()
        self._end: DisconnectedError | None = None
        self._socket: Any = WebSocket.new(url)  # Any: a JavaScript object
        self._socket.binaryType = "arraybuffer"
        self._heard = {
            "open": create_proxy(lambda event: self._moved.set()),
            "message": create_proxy(self._take),
            "close": create_proxy(lambda event: self._ended(event.code, event.reason)),
        }
        for name, proxy in self._heard.items():
            self._socket.addEventListener(name, proxy)

    async def opened(self) -> None:
        """Wait until there is a connection. Raises `DisconnectedError`."""
        while self._socket.readyState == 0 and self._end is None:
            await self._wait()
        if self._end is not None:
            raise DisconnectedError(f"{self.address} doesn't answer", code=1006, reason="")

    async def send(self, frame: Frame) -> None:
        from pyodide.ffi import to_js

        while self._end is None and self._socket.bufferedAmount > _BUFFERED_MAX:  # noqa: ASYNC110  # there is no event
            await asyncio.sleep(_LOOK_S)
        if self._end is not None:
            raise self._end
        self._socket.send(frame if isinstance(frame, str) else to_js(frame))

    async def recv(self) -> Frame:
        while not self._frames:
            if self._end is not None:
                raise self._end
            await self._wait()
        return self._frames.popleft()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self._end is None:
            said = reason.encode()[:120].decode("utf-8", "ignore")
            self._socket.close(code if code in _CODES else 1000, said)
            self._ended(code, reason)

    async def _wait(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    def _take(self, event: Any) -> None:  # Any: a JavaScript event
        data = event.data
        frame: Frame = data if isinstance(data, str) else data.to_bytes()
        if size_of(frame) > self._bytes_max:
            self._socket.close(3009, "too large a frame")
            self._ended(1009, f"a frame of {size_of(frame)} bytes came; {self._bytes_max} are taken in")
            return
        self._frames.append(frame)
        self._moved.set()

    def _ended(self, code: int, reason: str) -> None:
        if self._end is not None:
            return
        said = f"the connection has ended ({code}{f': {reason}' if reason else ''})"
        self._end = DisconnectedError(said, code=code, reason=reason)
        for name, proxy in self._heard.items():
            self._socket.removeEventListener(name, proxy)
        asyncio.get_running_loop().call_soon(self._free)  # not while one of them is being called
        self._moved.set()

    def _free(self) -> None:
        for proxy in self._heard.values():
            proxy.destroy()
        self._heard.clear()


async def dial(url: str, *, frame_bytes_max: int = FRAME_BYTES_MAX) -> Transport:
    """Connect to a websocket server."""
    from pyodide.ffi import JsException

    try:
        transport = BrowserTransport(url, frame_bytes_max)
    except JsException as error:  # ws: from a page of https:, a port that browsers don't open
        raise DisconnectedError(f"the browser won't connect to {url}: {error}", code=1006, reason=str(error)) from error
    try:
        await asyncio.wait_for(transport.opened(), _OPEN_TIMEOUT_S)
    except BaseException as error:
        await transport.close()
        if isinstance(error, TimeoutError):
            raise DisconnectedError(f"{url} doesn't answer", code=1006, reason="") from error
        raise
    return transport
