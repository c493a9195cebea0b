"""ASGI: a server of ours inside somebody else's web server, mounted beside its other routes.

    app = Starlette(routes=[Mount("/sync", server.asgi()), ...])       # clients: wss://example.org/sync/tracker
    uvicorn module:app                                                 # or the application alone: server.asgi()

An ASGI server passes websocket messages as dicts, so nothing is imported here. It needs no `lifespan`: mounted, an
application is never told of start and end. What bounds a frame and closes dead connections is the web server's own
(uvicorn: `--ws-max-size`, `--ws-ping-interval`); a frame beyond our limit ends the connection all the same.
Idea: the ASGI specification, "HTTP & WebSocket ASGI Message Format", 2.4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from ...errors import DisconnectedError
from ..transport import FRAME_BYTES_MAX, Accept, Frame, size_of

__all__ = ["AsgiApp", "asgi_app"]

Message: TypeAlias = MutableMapping[str, Any]  # Any: ASGI's own messages
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_UPGRADE = b"Here is a websocket: connect with Database.connect, or any websocket client, to replicate.\n"


class AsgiTransport:
    """One websocket of an ASGI server."""

    __slots__ = ("_closed", "_frame_bytes_max", "_headers", "_receive", "_send", "address")

    def __init__(self, scope: Mapping[str, Any], receive: Receive, send: Send, frame_bytes_max: int) -> None:
        self._receive, self._send, self._frame_bytes_max = receive, send, frame_bytes_max
        self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", ())}
        query = scope.get("query_string", b"").decode("latin-1")
        self._headers[":path"] = scope.get("path", "") + (f"?{query}" if query else "")
        self._closed = False
        self.address = ":".join(map(str, scope.get("client") or ("an ASGI server",)))

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers

    async def send(self, frame: Frame) -> None:
        if self._closed:
            raise DisconnectedError("the connection has ended", code=1006, reason="")
        try:
            await self._send({"type": "websocket.send", "bytes" if isinstance(frame, bytes) else "text": frame})
        except (OSError, RuntimeError) as error:  # servers differ in how they say that the client is gone
            self._closed = True
            raise DisconnectedError(f"the connection has ended: {error}", code=1006, reason="") from error

    async def recv(self) -> Frame:
        if self._closed:
            raise DisconnectedError("the connection has ended", code=1006, reason="")
        message = await self._receive()
        if message["type"] != "websocket.receive":
            self._closed = True
            code, reason = message.get("code") or 1005, message.get("reason") or ""
            raise DisconnectedError(f"the connection has ended ({code})", code=code, reason=reason)
        text, data = message.get("text"), message.get("bytes")
        frame: Frame = text if text is not None else data or b""
        if (size := size_of(frame)) > self._frame_bytes_max:
            await self.close(1009, "too large")
            raise DisconnectedError(
                f"a frame of {size:,} bytes; the limit is {self._frame_bytes_max:,}", code=1009, reason="too large"
            )
        return frame

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if not self._closed:
            self._closed = True
            try:
                await self._send({"type": "websocket.close", "code": code, "reason": reason[:120]})
            except (OSError, RuntimeError):
                return  # it is closed


def asgi_app(
    accept: Accept, ended: Callable[[], Awaitable[None]], *, frame_bytes_max: int = FRAME_BYTES_MAX
) -> AsgiApp:
    """Return an ASGI application whose websockets `accept` serves; `ended` is called at the end of its server."""

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "websocket":
                await receive()  # websocket.connect
                await send({"type": "websocket.accept"})
                transport = AsgiTransport(scope, receive, send, frame_bytes_max)
                try:
                    await accept(transport)
                finally:
                    await transport.close()
            case "lifespan":
                await _live(receive, send, ended)
            case "http":
                headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"upgrade", b"websocket")]
                await send({"type": "http.response.start", "status": 426, "headers": headers})
                await send({"type": "http.response.body", "body": _UPGRADE})

    return app


async def _live(receive: Receive, send: Send, ended: Callable[[], Awaitable[None]]) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await ended()
    await send({"type": "lifespan.shutdown.complete"})
