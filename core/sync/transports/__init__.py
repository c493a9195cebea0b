"""Transports: ways over which replicas reach a server, each behind the protocol of `core/sync/transport.py`.

    ws://host:8000/tracker        websocket.py      wss:// the same over TLS
                                  browser.py        in a web page: the browser's own
    unix:/run/eddyline.sock       unix.py           programs on one machine
    an ASGI application           asgi.py           inside somebody else's web server

Each file imports its library lazily, and knows frames alone: what they say is `core/sync/`.
"""

from __future__ import annotations

import sys
from ssl import SSLContext
from urllib.parse import urlsplit

from ...errors import ParameterError
from ..transport import FRAME_BYTES_MAX, Accept, Listener, Transport
from .asgi import asgi_app

__all__ = ["asgi_app", "dial", "listen"]

SCHEMES = ("ws", "wss", "unix")


async def dial(url: str, *, ssl: SSLContext | None = None, frame_bytes_max: int = FRAME_BYTES_MAX) -> Transport:
    """Connect to the server at `url`. Raises `DisconnectedError` where nobody answers."""
    match urlsplit(url).scheme:
        case "ws" | "wss" if sys.platform == "emscripten":
            from . import browser

            return await browser.dial(url, frame_bytes_max=frame_bytes_max)
        case "ws" | "wss":
            from . import websocket

            return await websocket.dial(url, ssl=ssl, frame_bytes_max=frame_bytes_max)
        case "unix":
            from . import unix

            return await unix.dial(url, frame_bytes_max=frame_bytes_max)
    raise _unknown(url)


async def listen(
    url: str, accept: Accept, *, ssl: SSLContext | None = None, frame_bytes_max: int = FRAME_BYTES_MAX
) -> Listener:
    """Take connections at `url`; each is served by `accept`, and ends when that returns. Port 0 is any free one."""
    match urlsplit(url).scheme:
        case "ws" | "wss":
            from . import websocket

            return await websocket.listen(url, accept, ssl=ssl, frame_bytes_max=frame_bytes_max)
        case "unix":
            from . import unix

            return await unix.listen(url, accept, frame_bytes_max=frame_bytes_max)
    raise _unknown(url)


def _unknown(url: str) -> ParameterError:
    return ParameterError(f"{url!r} is no address to connect to or listen at: those begin with {', '.join(SCHEMES)}:")
