"""What a database answers to the asks of a peer: a client's and a hub's alike, but for who decides.

    OpenLog, ReadCommits, ReadDigests   reads of one snapshot, beside the writer
    Apply, Admit, Install               transactions: rows, stamps, log and views together
    Remember, Stage                     tables of ours alone, between transactions

A handler is a coroutine that returns what the ask says, or raises; the session answers the peer with either.
What is too large for a frame is staged here until all of it has come, so that a connection may end in between. What is
being sent is kept as long as somebody takes it: a snapshot in its file; a commit in memory, and read again where it had
to make room, for its name says which one it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from ..database import Database
from ..errors import ForgottenError, StateError
from ..ids import new_id
from ..log.commit import Commit
from ..log.digests import digests
from ..log.encoding import decode
from ..log.fates import Fates, note_admitted
from ..log.lanes import Runs
from ..log.outgoing import Outgoing, outgoing, text_at
from ..log.snapshot import Snapshot
from ..log.tables import read_tables, schema_hash
from ..log.vector import CommitId, Lane, Vector
from ..schema.catalog import Catalog
from ..schema.meta import read_meta, write_meta
from ..store import Connection
from . import asks as a
from .fitting import fitting
from .frames import Transfer
from .tail import Tail

__all__ = ["Answers", "ClientAnswers", "ends_of", "schema_of"]

Handler: TypeAlias = Callable[[Any], Awaitable[object]]  # Any: each takes the ask that it stands beside

_SNAPSHOTS_KEPT = 4
"""So many that nobody takes just now are kept for those who were cut off and come back."""
_COMMITS_KEPT_BYTES = 64 << 20


class Answers:
    """The answers that a client's database and a hub's have in common."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._looking = asyncio.Lock()
        self._tail, self._version, self._looked = Tail(), 0, -1
        self._commits: OrderedDict[str, bytes] = OrderedDict()
        self._snapshots: OrderedDict[str, Snapshot] = OrderedDict()
        self._handlers: dict[type, Handler] = {
            a.OpenLog: self._open,
            a.ReadCommits: self._read_commits,
            a.ReadSegment: self._read_segment,
            a.ReadDigests: self._read_digests,
            a.StagedCount: self._staged_count,
            a.Stage: self._stage,
            a.Install: self._install,
        }

    async def __call__(self, ask: a.Ask) -> object:
        """Return the answer to `ask`."""
        return await self._handlers[type(ask)](ask)

    def grown(self) -> None:
        """Hear that the log has grown."""
        self._version += 1

    async def look(self) -> Vector:
        """Return how far the log goes, having read what is new. Raises `ForgottenError`."""
        async with self._looking:
            while self._looked != self._version:
                version = self._version
                try:
                    self._tail.add(await self.db._read(self._tail.look))
                except ForgottenError:  # compacted since the last look
                    self._tail.forget()
                    self._tail.add(await self.db._read(self._tail.look))
                self._looked = version
        return self._tail.top

    # -- what is here

    async def _open(self, ask: a.OpenLog) -> a.Opened:
        return await self.db._read(self._opened)

    def _opened(self, conn: Connection) -> a.Opened:
        raise NotImplementedError

    async def _read_commits(self, ask: a.ReadCommits) -> a.Batch | Transfer:
        await self.look()
        recent = self._tail.batch(ask)
        if recent is not None:
            return recent
        after = 0 if ask.heard is None else ask.heard
        found = await self.db._read(lambda conn: outgoing(conn, ask.beyond, after=after, size_bytes=ask.bytes_max))
        await self.db._store.saved()  # what others have seen of a lane must never be lost here, and written anew
        lines = zip(found.ids, found.texts, strict=True)
        batch = fitting(ask, lines, found.envelopes, found.serial, len(found.texts) + found.left)
        return self._transfer(found, ask.beyond) if batch is None else batch

    async def _read_digests(self, ask: a.ReadDigests) -> a.Digests:
        def job(conn: Connection) -> a.Digests:
            tables = read_tables(conn, Catalog(conn)).values()
            return a.Digests(Runs(conn).vector, Fates.read(conn).last_no, digests(conn, tables))

        return await self.db._read(job)

    # -- what is too large for a frame

    def _transfer(self, found: Outgoing, beyond: Vector) -> Transfer:
        at, data = found.ids[0], found.texts[0].encode()
        name = f"commit-{hashlib.sha256(data).hexdigest()[:32]}-{at}"
        self._keep_commit(name, data)
        said = tuple(one for one in found.envelopes if one.commit == at)
        return Transfer(name, "commit", beyond.plus(at), size_bytes=len(data), envelopes=said)

    def _keep_commit(self, name: str, data: bytes) -> None:
        """Keep a commit for its next segments, and others as long as there is room."""
        self._commits[name] = data
        while len(self._commits) > 1 and sum(map(len, self._commits.values())) > _COMMITS_KEPT_BYTES:
            self._commits.popitem(last=False)

    def _keep_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, those that are being taken, and a few that somebody may come back for."""
        self._snapshots[snapshot.name] = snapshot
        taken = self._taken()
        idle = [name for name in self._snapshots if name not in taken]
        for name in idle[:-_SNAPSHOTS_KEPT]:
            self._snapshots.pop(name).close()

    def _taken(self) -> Collection[str]:
        """Return the names of what is being sent to somebody now."""
        return ()

    async def _read_segment(self, ask: a.ReadSegment) -> a.Piece:
        at, snapshot = ask.number * ask.bytes_max, self._snapshots.get(ask.name)
        if snapshot is not None:
            self._snapshots.move_to_end(ask.name)
            return a.Piece(snapshot.read(at, ask.bytes_max), at + ask.bytes_max >= snapshot.size_bytes)
        data = self._commits.get(ask.name)
        if data is None:
            data = await self._read_commit(ask.name)
            self._keep_commit(ask.name, data)
        else:
            self._commits.move_to_end(ask.name)
        return a.Piece(data[at : at + ask.bytes_max], at + ask.bytes_max >= len(data))

    async def _read_commit(self, name: str) -> bytes:
        """Read a commit again whose transfer has this name. Raises `StateError` where it is another one by now."""
        kind, digest, *at = name.split("-", 2)
        if kind == "commit" and at:
            commit = CommitId.parse(at[0])
            data = (await self.db._read(lambda conn: text_at(conn, commit))).encode()
            if hashlib.sha256(data).hexdigest()[:32] == digest:
                return data
        raise StateError(f"the transfer {name} is not at hand any more: connect again")

    async def _staged_count(self, ask: a.StagedCount) -> int:
        return await self.db.staged(ask.source, ask.name)

    async def _stage(self, ask: a.Stage) -> None:
        await self.db.stage(ask.source, ask.name, ask.number, ask.data)

    async def _install(self, ask: a.Install) -> a.Taken:
        if ask.transfer.kind == "snapshot":
            return a.Taken((await self.db.install((ask.source, ask.name))).vector)
        taken = await self._take_in(ask, await self.db.staged_bytes(ask.source, ask.name))
        await self.db.staged(ask.source, "")  # and what was staged goes
        return taken

    def _drop_transfers(self) -> None:
        self._commits.clear()
        while self._snapshots:
            self._snapshots.popitem()[1].close()

    async def _take_in(self, ask: a.Install, data: bytes) -> a.Taken:
        raise NotImplementedError


class ClientAnswers(Answers):
    """The answers of a client: it takes in what the hub hands on, and remembers how it stands with it."""

    def __init__(self, db: Database, workspace: str) -> None:
        super().__init__(db)
        self._name = f"link {workspace}"
        self._writes: dict[Lane, bool] = {}
        self._handlers |= {a.Apply: self._apply, a.Remember: self._remember}

    async def prepare(self) -> a.Standing:
        """Give the replica its name, where it has none; return what is remembered of the hub."""

        def name(conn: Connection) -> a.Standing:
            if read_meta(conn, "replica") is None:
                write_meta(conn, "replica", new_id())
                writer = self.db._queue.writer
                writer.logging().look(conn, writer.catalog)  # from now on it keeps what is to be handed on
            return self._standing(conn)

        return await self.db._queue.aside(name)

    async def _read_commits(self, ask: a.ReadCommits) -> a.Batch | Transfer:
        """Read on in the log, and say which of the lanes are handed on: somebody else writes them."""
        room = ask.bytes_max * 4 // 5  # a lane is a fifth of a commit at most
        found = await super()._read_commits(replace(ask, bytes_max=room))
        lanes = [(lane, last) for lane, _, last in found.vector.beyond(ask.beyond)]
        unknown = [(lane, last) for lane, last in lanes if lane not in self._writes]
        if unknown:
            self._writes.update(await self.db._read(lambda conn: _written_here(conn, unknown)))
        handed_on = tuple(lane for lane, _ in lanes if not self._writes[lane])
        return replace(found, handed_on=handed_on) if handed_on else found

    def _opened(self, conn: Connection) -> a.Opened:
        return a.Opened(
            Runs(conn).vector, schema_of(conn), replica=str(read_meta(conn, "replica")), standing=self._standing(conn)
        )

    def _standing(self, conn: Connection) -> a.Standing:
        text = read_meta(conn, self._name)
        if not isinstance(text, str):
            return a.Standing()
        data = json.loads(text)
        return a.Standing(data["backend"], data["epoch"], data["heard"], Vector.read(data["saved"]))

    async def _apply(self, ask: a.Apply) -> a.Taken:
        journal = self.db._queue.writer.logging()
        journal.unmade = False
        await self.db.apply(ask.commits, ask.envelopes)
        return a.Taken(ends_of(ask.commits), journal.unmade)

    async def _take_in(self, ask: a.Install, data: bytes) -> a.Taken:
        commit = decode(data)
        await self.db.apply([commit], ask.transfer.envelopes)
        return a.Taken(ends_of([commit]))

    async def _remember(self, ask: a.Remember) -> None:
        now = ask.standing
        data = {"backend": now.backend, "epoch": now.epoch, "heard": now.heard, "saved": now.saved.data()}

        def job(conn: Connection) -> None:
            write_meta(conn, self._name, json.dumps(data))
            note_admitted(conn, now.saved)

        await self.db._queue.aside(job)


def _written_here(conn: Connection, ends: Iterable[tuple[Lane, int]]) -> dict[Lane, bool]:
    """Return of each lane whether this file, or one that it is a copy of, has written it up to there."""
    runs = Runs(conn)
    said = "SELECT received_ms IS NULL FROM main._eddy_commits WHERE id = ?"
    return {lane: conn.execute(said, (runs.number(CommitId(lane, seq)),)).fetchone() == (1,) for lane, seq in ends}


def ends_of(commits: Iterable[Commit]) -> Vector:
    """Return how far each lane of `commits` goes."""
    ends: dict[Lane, int] = {}
    for commit in commits:
        ends[commit.lane] = max(commit.seq, ends.get(commit.lane, 0))
    return Vector(ends)


def schema_of(conn: Connection) -> str:
    """Return the hash of the logged tables."""
    return schema_hash(read_tables(conn, Catalog(conn)).values())
