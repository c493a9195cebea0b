"""What a database offers for replication: links to servers, and waiting until what was written is safe there.

    connect, links         a connection that comes and goes by itself
    saved                  until everything written so far is stored on the server
    retry, discard         what a server has rejected
    backup, export         copies, while writes go on

Wiring, as `database.py` is, which it is a part of; the work is in `core/sync/`, loaded when it is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import reduce
from operator import and_
from pathlib import Path, PurePosixPath
from ssl import SSLContext
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from .backup import backup, export
from .database_exchange import ExchangingDatabase
from .errors import ParameterError, RejectedError
from .log.journal import Journal
from .log.rejections import Rejection, discard, retry
from .log.vector import CommitId, Vector
from .origin import Origin
from .store import Connection, Store
from .values import shown
from .write.queue import Place, check_place, nowhere

if TYPE_CHECKING:
    from .database import Database
    from .sync.link import Link, Timing, Token
    from .sync.transport import Address, Transport

__all__ = ["SyncedDatabase"]


class SyncedDatabase(ExchangingDatabase):
    """The replicating part of `Database`."""

    _links: list[Link]
    _store: Store

    def _origin(self, message: str = "", command: str = "", args: str = "") -> Origin:
        raise NotImplementedError

    @property
    def logged(self) -> list[str]:
        raise NotImplementedError

    def connect(
        self,
        url: str | Address,
        *,
        token: Token = "",
        ssl: SSLContext | None = None,
        timing: Timing | None = None,
    ) -> Link:
        """Connect to the workspace at `url`, "wss://example.org/tracker", now and whenever the connection is lost.

        Returns at once; `link.state` says how it stands. What is written here goes there, and what others write comes
        here, as one transaction each, also what was written while there was no connection. `token` is shown at the
        door: a text, or a function that gives a fresh one, asynchronous or not. The link ends with the Scope that is
        current here, and with the database.
        """
        self._check_open()
        if not self.logged:
            raise ParameterError(
                "only what is logged can be replicated: open the database with models=[...] and without log=False, or "
                "name tables with db.enable_log(...)"
            )
        from .sync.link import Link, Timing
        from .sync.transport import Address

        address = url if isinstance(url, Address) else _address(url, ssl)
        timing = Timing(asyncio.get_running_loop()) if timing is None else timing
        link = Link(cast("Database", self), address.dial, address.workspace, token, timing, address.text)
        self._links.append(link)
        return link

    @property
    def links(self) -> tuple[Link, ...]:
        """The links that are not closed."""
        return tuple(self._links)

    async def saved(self, place: Place = "server") -> None:
        """Wait until everything that was written here so far is stored: "local", or on the "server" as well.

        In a file a commit is stored when it is answered; in a browser a little later. Raises `NotSavedError` where the
        browser can't keep it, `RejectedError` if the server has rejected any of it meanwhile.
        """
        self._check_open()
        check_place(place)
        await self._store.saved()
        if place == "server":
            head = await self.head()
            before = reduce(and_, (link.stored for link in self.links), head)
            fresh = [CommitId(lane, seq) for lane, first, last in head.beyond(before) for seq in range(first, last + 1)]
            await self._saved_on_server(head, fresh)

    async def retry(self, rejection: Rejection | str) -> None:
        """Write what a rejected commit said once more, as a new commit. Raises `LogError` if it is settled already."""
        self._check_open()
        self._queue.refuse_inside("retry")
        name = rejection if isinstance(rejection, str) else rejection.id

        def work(journal: Journal, conn: Connection) -> bool:
            retry(journal, conn, name)
            return True

        await self._queue.tell(work, self._origin("retry"))
        self._look_at_rejections()

    async def discard(self, rejection: Rejection | str) -> None:
        """Let a rejected commit go: it stands in `link.rejections` no more. Raises `LogError` if it is settled."""
        self._check_open()
        self._queue.refuse_inside("discard")
        name = rejection if isinstance(rejection, str) else rejection.id
        await self._queue.aside(lambda conn: discard(conn, name))
        self._look_at_rejections()

    def _look_at_rejections(self) -> None:
        for link in self.links:
            link.look_at_rejections()

    async def backup(self, path: str | Path) -> None:
        """Write the database as it is now to a new file, log and all, while writes go on. Raises `OpenError`."""
        self._check_open()
        target = _target(path, "backup")
        await self._read(lambda conn: backup(conn, target))

    async def export(self, path: str | Path) -> None:
        """Write the user's tables as they are now to a new, plain SQLite file, without log. Raises `OpenError`."""
        self._check_open()
        target = _target(path, "export")
        await self._read(lambda conn: export(conn, target))

    async def _saved_on_server(self, vector: Vector, asked: Sequence[CommitId]) -> None:
        """Wait until every server has stored `vector`. Raises `RejectedError` if one of `asked` is rejected."""
        if not self._links:
            await nowhere(vector, asked)
        for link in self.links:
            await link.saved(vector)
            rejected = [fate for fate in await link.fates(asked) if fate.state == "rejected"]
            if rejected:
                ids = tuple(str(fate.commit) for fate in rejected)
                reason = rejected[0].reason
                raise RejectedError(f"{link.where} has rejected {', '.join(ids)}: {reason}", commits=ids, reason=reason)


def _address(url: object, ssl: SSLContext | None) -> Address:
    """Return where `url` leads: its last part is the workspace."""
    from .sync.transport import Address
    from .sync.transports import SCHEMES, dial

    text = url if isinstance(url, str) else ""
    parts = urlsplit(text)
    path = PurePosixPath(unquote(parts.path))
    if parts.scheme not in SCHEMES or not path.name or (parts.scheme != "unix" and not parts.netloc):
        raise ParameterError(
            f"{shown(url)} leads to no workspace; one is at ws://HOST:PORT/NAME, wss://HOST/PATH/NAME or "
            "unix:/PATH/OF/SOCKET/NAME"
        )
    target = f"unix:{path.parent}" if parts.scheme == "unix" else urlunsplit(parts._replace(fragment=""))

    async def connect() -> Transport:
        return await dial(target, ssl=ssl)

    return Address(connect, path.name, text)


def _target(path: object, what: str) -> Path:
    if not isinstance(path, str | Path) or not str(path):
        raise ParameterError(f"db.{what} writes a file: a path is needed, not {shown(path)}")
    return Path(path)
