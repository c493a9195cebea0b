"""Websockets, by the package `websockets`: the extra `sync`.

Compression is off: it costs each connection 30 KB and each broadcast a run of zlib a client; behind a proxy the proxy
may do it. Pings are the protocol's own, as browsers have none: the library's are off, and so is its retrying.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from ssl import SSLContext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...errors import DisconnectedError, MissingLibraryError, ParameterError
from ..transport import FRAME_BYTES_MAX, Accept, Frame, Listener, Transport

if TYPE_CHECKING:
    from websockets.asyncio.connection import Connection
    from websockets.asyncio.server import Server, ServerConnection

__all__ = ["dial", "listen"]

_OPEN_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 2.0
_FRAMES_READ_AHEAD = 4
_log = logging.getLogger("eddyline.sync.websocket")
_log.setLevel(logging.ERROR)  # the library tells each port scan in a traceback


class WebSocketTransport:
    """One websocket."""

    __slots__ = ("_connection", "_headers", "address")

    def __init__(self, connection: Connection, headers: Mapping[str, str]) -> None:
        self._connection, self._headers = connection, headers
        peer = connection.remote_address
        self.address = ":".join(map(str, peer[:2])) if isinstance(peer, tuple) else str(peer or "a local socket")

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers

    async def send(self, frame: Frame) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(frame)
        except ConnectionClosed as closed:
            raise _disconnected(closed) from closed

    async def recv(self) -> Frame:
        from websockets.exceptions import ConnectionClosed

        try:
            return await self._connection.recv()
        except ConnectionClosed as closed:
            raise _disconnected(closed) from closed

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._connection.close(code, reason[:120])


class _WebSocketListener:
    def __init__(self, server: Server, scheme: str, host: str) -> None:
        self._server = server
        port = next(iter(server.sockets)).getsockname()[1]
        self.url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()


async def dial(url: str, *, ssl: SSLContext | None, frame_bytes_max: int = FRAME_BYTES_MAX) -> Transport:
    """Connect to a websocket server."""
    _load()
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    try:
        connection = await connect(
            url, ssl=True if ssl is None and url.startswith("wss:") else ssl, compression=None,
            max_size=frame_bytes_max, max_queue=_FRAMES_READ_AHEAD, proxy=None,
            open_timeout=_OPEN_TIMEOUT_S, close_timeout=_CLOSE_TIMEOUT_S, ping_interval=None, logger=_log,
        )  # fmt: skip
    except (OSError, WebSocketException, TimeoutError) as error:
        raise DisconnectedError(f"{url} doesn't answer: {error}", code=1006, reason=str(error)) from error
    return WebSocketTransport(connection, {})


async def listen(
    url: str, accept: Accept, *, ssl: SSLContext | None, frame_bytes_max: int = FRAME_BYTES_MAX
) -> Listener:
    """Serve websockets at `url`."""
    _load()
    from websockets.asyncio.server import serve

    parts = urlsplit(url)
    if parts.hostname is None or (parts.scheme == "wss") != (ssl is not None):
        raise ParameterError(f"listen at ws://HOST:PORT, or with ssl= at wss://HOST:PORT, not at {url!r}")

    async def handle(connection: ServerConnection) -> None:
        request = connection.request
        said = {} if request is None else {name.lower(): value for name, value in request.headers.raw_items()}
        if request is not None:
            said[":path"] = request.path
        await accept(WebSocketTransport(connection, said))

    try:
        server = await serve(
            handle, parts.hostname, parts.port or 0, ssl=ssl, compression=None, max_size=frame_bytes_max,
            max_queue=_FRAMES_READ_AHEAD, open_timeout=_OPEN_TIMEOUT_S, close_timeout=_CLOSE_TIMEOUT_S,
            ping_interval=None, server_header=None, logger=_log,
        )  # fmt: skip
    except OSError as error:
        raise DisconnectedError(f"can't listen at {url}: {error.strerror or error}", code=1006, reason="") from error
    return _WebSocketListener(server, parts.scheme, parts.hostname)


def _load() -> None:
    try:
        import websockets  # noqa: F401
    except ImportError as error:
        raise MissingLibraryError(
            "websockets take the library websockets: pip install 'eddyline[sync]'", library="websockets"
        ) from error


def _disconnected(closed: Exception) -> DisconnectedError:
    got = getattr(closed, "rcvd", None) or getattr(closed, "sent", None)
    code, reason = (got.code, got.reason) if got is not None else (1006, "")
    return DisconnectedError(
        f"the connection has ended ({code}{f': {reason}' if reason else ''})", code=code, reason=reason
    )
