"""Server: a folder of databases, each a workspace that replicas join.

    websocket, Unix socket, ASGI, memory --> door: limits, first word, token -> principal --> workspace: one database
                                               | no: a typed refusal, and nobody else notices

A workspace is opened when somebody comes in and closed when it has been empty for a while. Nobody comes in whom the
`authorize` hook doesn't let in, and nothing is written that its principal may not write: such a commit is rejected with
a reason, and its author told.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import TYPE_CHECKING, Self, get_args

from ...signals import Clock
from ...signals.timing import running_clock
from ..database import Database
from ..errors import ClosedError, DisconnectedError, EddylineError, EntryError, FrameError, ParameterError
from ..model.ask import tables_of
from ..model.base import ModelBase
from . import frames as f
from .door import Authorize, Knock, Principal, Rate, ServerLimits
from .pair import pair
from .session import LAST_WORDS_S
from .transport import Address, Frame, Listener, Transport
from .transports import asgi_app, listen
from .transports.asgi import AsgiApp
from .workspace import Workspace
from .y_room import TextPlace, YRooms, text_place

if TYPE_CHECKING:
    from ...stores import Durability

__all__ = ["Server"]

LIMITS = ServerLimits()

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII | re.IGNORECASE)
_NAMES_ARE = "a workspace is called by letters, digits, '.', '_' and '-', at most 64"
_COME_BACK_MS = 1_000
_HTTP = {
    "token-missing": 401,
    "token-expired": 401,
    "token-invalid": 401,
    "workspace": 404,
    "busy": 503,
    "closing": 503,
}
_log = logging.getLogger("eddyline.sync")


class Server:
    """Serves the databases of a folder, `NAME.db` each, to replicas."""

    def __init__(
        self,
        folder: str | Path,
        *,
        models: Sequence[type[ModelBase]],
        authorize: Authorize,
        limits: ServerLimits = LIMITS,
        idle_s: float = 60.0,
        durability: Durability = "full",
        clock: Clock | None = None,
    ) -> None:
        if not callable(authorize):
            raise ParameterError("authorize= is a function of a Knock that returns a Principal, or None to refuse")
        tables_of(models := tuple(models))  # refuses what is no model, before anybody comes in
        self.folder = Path(folder)
        self.limits = limits
        self._models, self._authorize, self._idle_s = models, authorize, idle_s
        self._clock, self._durability = clock, durability
        self._workspaces: dict[str, asyncio.Task[Workspace]] = {}
        self._rooms: YRooms | None = None
        self._visits: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()
        self._serving: set[asyncio.Task[None]] = set()
        self._listeners: list[Listener] = []
        self._closed = False

    # -- where clients come in

    async def listen(self, url: str, *, ssl: SSLContext | None = None) -> Listener:
        """Take connections at `url`: ws://HOST:PORT, with `ssl` wss://HOST:PORT, or unix:/path/of/a/socket."""
        self._check_open()
        listener = await listen(url, self._accept, ssl=ssl, frame_bytes_max=self.limits.frame_bytes)
        self._listeners.append(listener)
        return listener

    def asgi(self) -> AsgiApp:
        """Return an ASGI application to mount, or to serve by itself."""
        return asgi_app(self._accept, self.close, frame_bytes_max=self.limits.frame_bytes)

    def address(self, workspace: str) -> Address:
        """Return what `db.connect` takes instead of a URL, in the same process: a connection in memory."""

        async def dial() -> Transport:
            self._check_open()
            here, there = pair(self.limits.frame_bytes)
            self._serve(there)
            return here

        return Address(dial, workspace, f"memory:{workspace}")

    async def workspace(self, name: str) -> Database:
        """Return the database of a workspace, open as long as the server is: for code beside the clients.

        Raises `ParameterError` for what can't be the name of one.
        """
        self._check_open()
        _check_name(name)
        found = await self._open(name)
        self._visits[name] += 1
        return found.db

    # -- one connection

    def _serve(self, transport: Transport) -> asyncio.Task[None]:
        task = asyncio.ensure_future(self._accept(transport))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return task

    async def _accept(self, transport: Transport) -> None:
        """Serve one connection to its end; whatever it does, that is its own end alone."""
        address = transport.address.rpartition(":")[0] or transport.address
        self._addresses[address] += 1
        try:
            await self._let_in(transport, address)
        except DisconnectedError:
            pass
        except Exception:
            _log.exception("a connection from %s failed", transport.address)
        finally:
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]
            with suppress(DisconnectedError):
                await transport.close()

    async def _let_in(self, transport: Transport, address: str) -> None:
        if (place := text_place(transport.headers.get(":path", ""))) is not None:
            await self._let_into_text(transport, address, place)
            return
        try:
            self._check_room(address)
            async with asyncio.timeout(self.limits.hello_s):
                first = await transport.recv()
            hello = _hello(first)
            principal = await self._principal(hello.workspace, hello.token, transport)
            workspace = await self._open(hello.workspace)
        except TimeoutError:
            await _refuse(transport, "garbage", f"no word was heard for {self.limits.hello_s:g} s")
            return
        except (EntryError, FrameError) as error:
            retry_ms = _COME_BACK_MS if error.code in ("busy", "closing", "failed") else 0
            await _refuse(transport, error.code, str(error), retry_ms)
            return
        self._visits[workspace.name] += 1
        try:
            await workspace.serve(transport, first, principal, self._guard())
        finally:
            self._left(workspace.name)

    async def _let_into_text(self, transport: Transport, address: str, place: TextPlace) -> None:
        """Serve somebody who speaks the y-protocol: one text."""
        try:
            self._check_room(address)
            principal = await self._principal(place.workspace, place.token, transport)
            workspace = await self._open(place.workspace)
        except EntryError as error:
            await transport.close(4000 + _HTTP.get(error.code, 403), str(error))
            return
        if self._rooms is None:
            self._rooms = YRooms(running_clock(self._clock, "a server"))
        self._visits[workspace.name] += 1
        try:
            await self._rooms.serve(workspace.db, place, transport, principal, self._guard())
        finally:
            self._left(workspace.name)

    def _guard(self) -> Callable[[int], str | None]:
        """Return what says of each frame of a connection, by its size, whether that is too much."""
        limits, clock = self.limits, running_clock(self._clock, "a server")
        frames = Rate(limits.frames_per_s, limits.burst_s, clock.time())
        sizes = Rate(limits.bytes_per_s, limits.burst_s, clock.time())

        def guard(size_bytes: int) -> str | None:
            now_s = clock.time()
            if frames.take(1, now_s) and sizes.take(size_bytes, now_s):
                return None
            return f"more than {limits.frames_per_s:g} frames or {limits.bytes_per_s:,.0f} bytes a second"

        return guard

    def _check_room(self, address: str) -> None:
        if self._closed:
            raise EntryError("the server stops", code="closing")
        if self._addresses.total() > self.limits.connections:
            raise EntryError("the server is full: try again later", code="busy")
        if self._addresses[address] > self.limits.connections_per_address:
            raise EntryError(f"more than {self.limits.connections_per_address} connections from {address}", code="busy")

    async def _principal(self, workspace: str, token: str, transport: Transport) -> Principal:
        if not _NAME.fullmatch(workspace):
            raise EntryError(_NAMES_ARE, code="workspace")
        knock = Knock(workspace, token, transport.address, transport.headers)
        try:
            found = self._authorize(knock)
            principal = await found if inspect.isawaitable(found) else found
        except EntryError:
            raise
        except Exception as error:
            _log.exception("the authorize hook failed")
            raise EntryError("who you are can't be found out now", code="failed") from error
        if not isinstance(principal, Principal):
            raise EntryError(f"nobody is let into {workspace!r} with that", code="forbidden")
        if principal.read is False:
            raise EntryError(f"{principal.name} may not read {workspace!r}", code="forbidden")
        return principal

    # -- workspaces

    async def _open(self, name: str) -> Workspace:
        opening = self._workspaces.get(name)
        if opening is None:
            if len(self._workspaces) >= self.limits.workspaces:
                raise EntryError("the server has too many workspaces open: try again later", code="busy")
            opening = self._workspaces[name] = asyncio.ensure_future(self._opened(name))
        try:
            return await asyncio.shield(opening)
        except EddylineError as error:
            self._workspaces.pop(name, None)
            _log.exception("the workspace %s can't be opened", name)
            raise EntryError(f"the workspace {name!r} can't be opened now", code="failed") from error

    async def _opened(self, name: str) -> Workspace:
        self.folder.mkdir(parents=True, exist_ok=True)
        db = await Database.open(
            self.folder / f"{name}.db",
            models=self._models,
            log=True,
            durability=self._durability,
            actor="server",
            poll_s=1.0,
        )
        workspace = Workspace(name, db, running_clock(self._clock, "a server"))
        await workspace.prepare()
        return workspace

    def _left(self, name: str) -> None:
        """Close the workspace when it stays empty."""
        self._visits[name] -= 1
        if not self._visits[name] and not self._closed:
            del self._visits[name]
            running_clock(self._clock, "a server").call_later(self._idle_s, lambda: self._close_idle(name))

    def _close_idle(self, name: str) -> None:
        if not self._visits.get(name) and not self._closed and name in self._workspaces:
            opening = self._workspaces.pop(name)
            closing = asyncio.ensure_future(_close(opening))
            self._serving.add(closing)
            closing.add_done_callback(self._serving.discard)

    # -- life

    async def close(self) -> None:
        """Tell every client to come back later, then close every database. Twice is harmless."""
        if self._closed:
            return
        self._closed = True
        for opening in self._workspaces.values():
            if opening.done() and not opening.cancelled() and opening.exception() is None:
                opening.result().refuse_all("the server stops", _COME_BACK_MS)
        if self._rooms is not None:
            await self._rooms.close()
        for listener in self._listeners:
            await listener.close()
        if self._serving:
            await asyncio.wait(self._serving, timeout=5.0)
        for task in self._serving:
            task.cancel()
        for opening in self._workspaces.values():
            await _close(opening)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the server is closed")

    def __repr__(self) -> str:
        state = f"{self._addresses.total()} connections, {len(self._workspaces)} workspaces"
        if self._closed:
            state = "closed"
        return f"<Server {str(self.folder)!r}: {state}>"


def _hello(frame: Frame) -> f.Hello:
    """Return the first word of a client. Raises `FrameError` for any other."""
    _, message = f.decode(frame)
    if not isinstance(message, f.Hello):
        raise FrameError(f"a frame of type {message.type!r} where a hello is to come", code="garbage")
    return message


async def _refuse(transport: Transport, code: str, message: str, retry_ms: int = 0) -> None:
    """Say the last word to somebody who isn't let in."""
    with suppress(DisconnectedError, TimeoutError):
        async with asyncio.timeout(LAST_WORDS_S):
            await transport.send(f.encode(f.Refuse(_code(code), message, retry_ms), 1))
            await transport.close(4000, code)


def _code(code: str) -> f.Code:
    return code if code in get_args(f.Code) else "forbidden"  # type: ignore[return-value]  # one of them


async def _close(opening: asyncio.Task[Workspace]) -> None:
    with suppress(EddylineError):
        await (await opening).close()


def _check_name(name: object) -> None:
    """Raise `ParameterError` for what can't be the name of a workspace."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ParameterError(f"{name!r:.80} is no name of one: {_NAMES_ARE}")
