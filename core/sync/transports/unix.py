"""Unix sockets: programs on one machine, without a port and without a network.

    4 bytes: size n, big-endian | 1 byte: 0 text, 1 bytes | n bytes

The address is that of the socket's file, `unix:/run/eddyline.sock`; who may write to the file may connect.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from ...errors import DisconnectedError
from ..transport import FRAME_BYTES_MAX, Accept, Frame, Listener, Transport

__all__ = ["dial", "listen"]

_HEAD = struct.Struct(">IB")
_NOTHING_SAID: Mapping[str, str] = MappingProxyType({})
_ENDS = (OSError, asyncio.IncompleteReadError)


class UnixTransport:
    """One connection over a Unix socket."""

    __slots__ = ("_closed", "_frame_bytes_max", "_reader", "_writer", "address")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frame_bytes_max: int) -> None:
        self._reader, self._writer, self._frame_bytes_max = reader, writer, frame_bytes_max
        self._closed = False
        self.address = "a local socket"

    @property
    def headers(self) -> Mapping[str, str]:
        return _NOTHING_SAID

    async def send(self, frame: Frame) -> None:
        body = frame if isinstance(frame, bytes) else frame.encode()
        try:
            if self._closed or self._writer.is_closing():
                raise ConnectionResetError("it is closed")
            self._writer.write(_HEAD.pack(len(body), isinstance(frame, bytes)) + body)
            await self._writer.drain()
        except OSError as error:
            raise _disconnected(error) from error

    async def recv(self) -> Frame:
        try:
            size, kind = _HEAD.unpack(await self._reader.readexactly(_HEAD.size))
            if size > self._frame_bytes_max:
                await self.close()
                raise DisconnectedError(
                    f"a frame of {size:,} bytes; the limit is {self._frame_bytes_max:,}", code=1009, reason="too large"
                )
            body = await self._reader.readexactly(size)
            return body if kind else body.decode()
        except _ENDS as error:
            raise _disconnected(error) from error
        except UnicodeDecodeError as error:
            await self.close()
            raise DisconnectedError("a text frame isn't UTF-8", code=1007, reason="not UTF-8") from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._closed = True
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


class _UnixListener:
    def __init__(self, server: asyncio.Server, url: str, path: Path) -> None:
        self._server, self.url, self._path = server, url, path

    async def close(self) -> None:
        self._server.close()
        self._path.unlink(missing_ok=True)


def _path(url: str) -> Path:
    return Path(url.removeprefix("unix:").removeprefix("//"))


async def dial(url: str, *, frame_bytes_max: int = FRAME_BYTES_MAX) -> Transport:
    """Connect to the socket at `url`."""
    try:
        reader, writer = await asyncio.open_unix_connection(_path(url))
    except OSError as error:
        raise DisconnectedError(f"{url} doesn't answer: {error.strerror}", code=1006, reason=str(error)) from error
    return UnixTransport(reader, writer, frame_bytes_max)


async def listen(url: str, accept: Accept, *, frame_bytes_max: int = FRAME_BYTES_MAX) -> Listener:
    """Serve connections at a socket, made at `url` and removed at the end. One that nobody serves is taken over."""
    path = _path(url)
    if path.is_socket():
        try:
            await (await dial(url)).close()
        except DisconnectedError:
            path.unlink(missing_ok=True)
        else:
            raise DisconnectedError(f"somebody serves {url} already", code=1006, reason="in use")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport = UnixTransport(reader, writer, frame_bytes_max)
        try:
            await accept(transport)
        finally:
            await transport.close()

    try:
        return _UnixListener(await asyncio.start_unix_server(handle, path), url, path)
    except OSError as error:
        raise DisconnectedError(f"can't listen at {url}: {error.strerror}", code=1006, reason="") from error


def _disconnected(error: Exception) -> DisconnectedError:
    return DisconnectedError(f"the connection has ended: {error}", code=1006, reason="")
