"""A workspace: one database of a server while anybody uses it, and the sessions that it serves.

    session --Admit--> judged, stored, durable ---> a commit: `changed` on every session
    session --ReadCommits--> one read for all that ask the same ---> each sends it on, at its own pace

Equal reads share one answer until the log grows: a commit that goes out to a thousand clients is read once. A session
holds a cursor and what is under way, nothing else; one that is slow or ends badly is nobody else's business.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any

from ...signals import Clock, effect
from ..database import Database
from ..errors import ForgottenError
from ..ids import new_id
from ..log.commit import Commit
from ..log.encoding import decode
from ..log.envelopes import Envelope
from ..log.fates import Fate, Fates
from ..log.lanes import Runs
from ..log.owners import Bringer
from ..log.vector import Vector
from ..schema.meta import read_meta, write_meta
from ..store import Connection
from . import asks as a
from .answers import Answers, ends_of, schema_of
from .door import Principal
from .frames import Transfer
from .hub_peer import HubPeer
from .presence import Room
from .remote_fetch import run_fetch
from .session import Session
from .transport import Frame, Transport

__all__ = ["Workspace"]

_READS_SHARED = 32
_log = logging.getLogger("eddyline.sync")


class Workspace(Answers):
    """One database, open, and who is in it."""

    snapshot_beyond = 20_000
    """Who lacks more commits than this gets a snapshot instead: what they come to, without their history."""

    def __init__(self, name: str, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self.name, self.room = name, Room()
        self.sessions: set[Session] = set()
        self._clock = clock
        self._base_ms = time.time_ns() // 1_000_000 - int(clock.time() * 1000)
        self._backend, self._epoch = "", 0
        self._begun: Vector | None = None  # what it had when it was found to be an older state of itself
        self._read: dict[a.Ask, asyncio.Future[object]] = {}
        self._waking = False
        self._writers: dict[str, tuple[Principal, Bringer]] = {}
        self._unhook = db.after_commit(lambda commit: self._grown())
        self._foreign = effect(self._follow_others)
        self._making = asyncio.Lock()
        self._made: dict[tuple[str, ...], Transfer] = {}  # the newest snapshot, by its tables
        self._handlers |= {a.ReadFates: self._read_fates, a.OpenSnapshot: self._open_snapshot}

    async def prepare(self) -> None:
        """Give the log its name where it has none, and a new epoch where it may be an older state of itself."""
        journal = self.db._queue.writer.logging()
        is_same = journal.is_same

        def name(conn: Connection) -> tuple[str, int]:
            backend, epoch, begun = read_meta(conn, "backend"), read_meta(conn, "epoch"), read_meta(conn, "epoch_begun")
            if isinstance(backend, str) and isinstance(epoch, int) and is_same:
                self._begun = Vector.from_json(begun) if isinstance(begun, str) else None
                return backend, epoch
            if epoch is not None:
                self._begun = Runs(conn).vector
                write_meta(conn, "epoch_begun", self._begun.to_json())
            backend, epoch = str(backend or new_id()), max(int(epoch or 0) + 1, time.time_ns() // 1_000_000)
            write_meta(conn, "backend", backend)
            write_meta(conn, "epoch", epoch)
            journal.look(conn, self.db._queue.writer.catalog)  # from now on it keeps what is to be handed on
            return backend, epoch

        self._backend, self._epoch = await self.db._queue.aside(name)

    async def serve(
        self, transport: Transport, hello: Frame, principal: Principal, guard: Callable[[int], str | None]
    ) -> a.Close:
        """Serve one connection, whose first frame is `hello`, to its end."""
        now_ms = self._base_ms + int(self._clock.time() * 1000)
        peer = HubPeer(new_id(), self.room, now_ms)

        def answer(ask: a.Ask) -> Awaitable[object]:
            match ask:
                case a.Authorize():
                    return _done(a.Principal(principal.name, principal.until_ms, principal.replicates))
                case a.Admit():
                    return self._admit(ask, principal)
                case a.Install():
                    return self._install_as(ask, principal)
                case a.RunFetch():
                    return run_fetch(self.db, ask, principal)
                case a.ReadCommits() if not principal.replicates:
                    return _done(a.Batch("", ask.beyond))
                case a.ReadCommits() | a.ReadDigests():
                    return self._shared(ask)
            return self(ask)

        session = Session(
            peer, transport, answer, lambda news: self._told(session, news), self._clock, self._base_ms, guard
        )
        self.sessions.add(session)
        try:
            return await session.run(peer.receive(hello, now_ms))
        finally:
            self.sessions.discard(session)
            session.carry(peer.close(session.now_ms))
            self._wake()

    def refuse_all(self, message: str, retry_ms: int) -> None:
        """End every session: the server stops."""
        for session in list(self.sessions):
            session.carry(session.peer.refuse("closing", message, session.now_ms, retry_ms))

    async def close(self) -> None:
        """Close the database; its sessions have ended."""
        self._unhook()
        self._foreign.close()
        self._drop_transfers()
        await self.db.close()

    # -- what has changed

    def _follow_others(self) -> None:
        if self.db.foreign_commits():
            self._grown()

    def _grown(self) -> None:
        self.grown()
        self._read.clear()
        self._wake()

    def _told(self, session: Session, news: a.News) -> None:
        match news:
            case a.Wake():
                self._wake()
            case a.Alarm(tables):
                _log.error("workspace %s: the tables %s differ at a client with the same log", self.name, tables)

    def _wake(self) -> None:
        """Have every session look, once for all that happens in this turn of the loop."""
        if not self._waking:
            self._waking = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._waking = False
        for session in list(self.sessions):
            session.changed()

    # -- answers

    def _shared(self, ask: a.Ask) -> Awaitable[object]:
        found = self._read.get(ask)
        if found is None or (found.done() and (found.cancelled() or found.exception() is not None)):
            found = self._read[ask] = asyncio.ensure_future(self(ask))
            if len(self._read) > _READS_SHARED:
                self._read.pop(next(iter(self._read)))  # who waits for it still has it
        return found

    def _taken(self) -> Collection[str]:
        return {session.peer.sending for session in self.sessions}

    async def _read_commits(self, ask: a.ReadCommits) -> a.Batch | Transfer:
        """Read on in the log; where it is long, or no longer has what is missing, send what it comes to instead."""
        try:
            found = await super()._read_commits(ask)
        except ForgottenError:
            if not ask.or_snapshot:
                raise
            return await self._snapshot(())
        if ask.or_snapshot and isinstance(found, a.Batch) and found.left > self.snapshot_beyond:
            return await self._snapshot(())
        return found

    async def _open_snapshot(self, ask: a.OpenSnapshot) -> Transfer:
        return await self._snapshot(ask.tables)

    async def _snapshot(self, tables: tuple[str, ...]) -> Transfer:
        """Return a snapshot to send; one of all may be a little old, so that who was cut off can go on with it."""
        async with self._making:
            known = self._made.get(tables)
            if known is None or known.name not in self._snapshots or not await self._will_do(known):
                made = await self.db.snapshot(tables)
                self._keep_snapshot(made)
                known = Transfer(made.name, "snapshot", made.vector, made.serial, made.size_bytes, made.tables)
                self._made[tables] = known
        return known

    async def _will_do(self, known: Transfer) -> bool:
        """Say whether what came since can go after it; a part fits nothing but the state that it was made at."""
        head, serial = await self.db._read(lambda conn: (Runs(conn).vector, Fates.read(conn).last_no))
        lag = sum(last - first + 1 for _, first, last in head.beyond(known.vector))
        return lag <= self.snapshot_beyond if not known.tables else (lag, known.serial) == (0, serial)

    def _opened(self, conn: Connection) -> a.Opened:
        return a.Opened(Runs(conn).vector, schema_of(conn), backend=self._backend, epoch=self._epoch)

    async def _admit(self, ask: a.Admit, principal: Principal) -> a.Taken:
        bringer = self._bringer(principal, ask.replica, ask.handed_on, there_before=ask.there_before)
        taken = await self._judge(ask.commits, principal, ask.envelopes, bringer)
        await self._hear(ask, ask.envelopes)
        return taken

    async def _install_as(self, ask: a.Install, principal: Principal) -> a.Taken:
        bringer = self._bringer(principal, ask.source, ask.transfer.handed_on, there_before=ask.there_before)
        self._writers[ask.source] = principal, bringer
        taken = await self._install(ask)
        await self._hear(ask, ask.transfer.envelopes)
        return taken

    async def _hear(self, ask: a.Admit | a.Install, envelopes: Iterable[Envelope]) -> None:
        """Take the stamps that this hub gave before it was restored, of commits that its backup lacked."""
        begun = self._begun
        if ask.there_before and begun is not None:
            stamped = (one for one in envelopes if one.clamped is not None and one.commit not in begun)
            said = [Envelope(one.commit, one.clamped) for one in stamped]
            if said:
                await self.db._queue.take((), said)

    async def _take_in(self, ask: a.Install, data: bytes) -> a.Taken:
        principal, bringer = self._writers.pop(ask.source)
        return await self._judge([decode(data)], principal, ask.transfer.envelopes, bringer)

    def _bringer(
        self, principal: Principal, replica: str, handed_on: tuple[str, ...], *, there_before: bool
    ) -> Bringer:
        lost_beyond = self._begun if there_before else None
        return Bringer(principal.name, replica, principal.actors, principal.relay, handed_on, self._epoch, lost_beyond)

    async def _judge(
        self, commits: Sequence[Commit], principal: Principal, envelopes: Sequence[Envelope], bringer: Bringer
    ) -> a.Taken:
        """Store what `principal` may write and reject the rest, one by one."""
        tables = self.db._queue.writer.logging().tables
        names = {table.id: str(table.name) for table in tables.values()}
        taken = await self.db.admit(commits, judge_of(principal, lambda table: names.get(table)), envelopes, bringer)
        if taken.stopped is not None:
            raise taken.stopped
        return a.Taken(ends_of(commits))

    async def _read_fates(self, ask: a.ReadFates) -> tuple[Fate, ...]:
        def job(conn: Connection) -> tuple[Fate, ...]:
            fates, here = Fates.read(conn), Runs(conn).vector
            return tuple(fates.of(commit, here) for commit in ask.commits)

        return await self.db._read(job)


def judge_of(principal: Principal, names: Callable[[str], str | None]) -> Callable[[Commit], str | None]:
    """Return what says why a commit of `principal` is rejected; `names` gives the name of a table by its id."""

    def judge(commit: Commit) -> str | None:
        for table in dict.fromkeys(op.table for op in commit.ops):
            name = names(table)
            if name is None:
                return f"the server has no table {table!r}"
            if not principal.may_write(name):
                return f"{principal.name} may not write to {name!r}"
        return None

    return judge


async def _done(value: Any) -> Any:  # Any: whatever it is
    return value
