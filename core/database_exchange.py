"""What a database offers to other replicas, and to those who carry commits between them.

    head, commits, outgoing      what is here that another one lacks
    apply, pull                  taking in what others have, and what hubs say of it
    admit, reject                a hub's door: what comes may be clamped or rejected
    fates, acknowledge, pending  what became of one's own commits
    digests, snapshot, install   whether two hold the same, and becoming what the other one holds

Wiring, as `database.py` is, which it is a part of; the work is in `core/log/` and in the write queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from .errors import ParameterError
from .log.commit import Commit as LogCommit
from .log.commit import CommitId
from .log.declared import functions_of
from .log.digests import digests
from .log.envelopes import Envelope
from .log.fates import Fate, Fates, admitted_of
from .log.lanes import Runs
from .log.outgoing import Outgoing, commits_beyond, outgoing
from .log.owners import Bringer
from .log.staging import drop_staged, stage, staged, staged_parts
from .log.tables import read_tables
from .log.taking import Judge, Taken
from .log.vector import EMPTY, Vector
from .origin import Origin
from .schema.catalog import Catalog
from .schema.table import TableSpec
from .store import Connection
from .values import shown
from .write.queue import WriteQueue

if TYPE_CHECKING:
    from .log.installing import Installed
    from .log.snapshot import Snapshot

__all__ = ["ExchangingDatabase"]

T = TypeVar("T")

_PULLED_BYTES = 1 << 20
_TOGETHER = 200  # commits: those that come in larger numbers are one change for views


class ExchangingDatabase:
    """The part of `Database` that other replicas meet."""

    _queue: WriteQueue
    _specs: list[TableSpec]

    def _check_open(self) -> None:
        raise NotImplementedError

    async def _read(self, job: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    # -- what is here

    async def head(self) -> Vector:
        """Return how far the log goes: for each lane the last commit that is here."""
        self._check_open()
        return await self._read(lambda conn: Runs(conn).vector)

    async def commits(self, beyond: Vector = EMPTY, *, limit: int | None = None) -> list[LogCommit]:
        """Return the commits that `beyond` lacks, each after those that it follows, at most `limit`."""
        self._check_open()
        return await self._read(lambda conn: list(islice(commits_beyond(conn, beyond), limit)))

    async def outgoing(
        self, beyond: Vector = EMPTY, *, after: int = 0, limit: int | None = None, size_bytes: int | None = None
    ) -> Outgoing:
        """Return, of one state, the first commits that `beyond` lacks and what hubs have said since envelope `after`.

        Commits as texts, at most `limit` of at most `size_bytes` together, but one if there is one.
        """
        self._check_open()
        if not isinstance(beyond, Vector):
            raise ParameterError(f"db.outgoing takes a vector, as db.head() gives it, not {shown(beyond)}")
        return await self._read(lambda conn: outgoing(conn, beyond, after=after, limit=limit, size_bytes=size_bytes))

    async def envelopes(self, after: int = 0) -> list[Envelope]:
        """Return what hubs have said of commits, from the one numbered `after` on, in the order in which it came."""
        self._check_open()
        return await self._read(lambda conn: list(Fates.read(conn).after(after)))

    # -- taking in

    async def apply(self, commits: Iterable[LogCommit], envelopes: Iterable[Envelope] = ()) -> int:
        """Take in commits of other replicas and what hubs say of commits; return how many commits were new.

        Rows become what all that was written makes of them, in whatever order it comes; views follow: of up to 20
        commits each is a transaction, of more 200 at a time. Nothing that a commit says makes it fail: what it breaks
        stands in `eddy_violations`, edits of rows that were ended in `eddy_conflicts`, what was rejected in
        `eddy_rejections`.
        Raises `MissingParentsError` for one that comes before those it follows, `ForkError` for a lane that was written
        twice; those before it stay.
        """
        self._check_open()
        self._queue.refuse_inside("apply")
        said, came = list(envelopes), list(commits)
        for one in came:
            if not isinstance(one, LogCommit):
                raise ParameterError(f"db.apply takes commits, as outgoing(...).commits() gives them, not {shown(one)}")
        if said:
            await self._queue.take((), said)
        new = 0
        for part in _parts(came):
            taken = await self._queue.take(part)
            new += taken.new
            if taken.stopped is not None:
                raise taken.stopped
        return new

    async def pull(self, other: ExchangingDatabase) -> int:
        """Take in every commit of `other` that isn't here, and what hubs say of those; return how many there were."""
        if not isinstance(other, ExchangingDatabase):
            raise ParameterError(f"db.pull takes another open database, not {shown(other)}; servers are for db.connect")
        said = await other.envelopes()
        taken = 0
        while True:
            lacking = await other.outgoing(await self.head(), size_bytes=_PULLED_BYTES)
            if not lacking.texts:
                break
            taken += await self.apply(lacking.commits(), said)
            said = list(lacking.envelopes)
        await self.apply((), said)
        return taken

    async def admit(
        self,
        commits: Iterable[LogCommit],
        judge: Judge | None = None,
        envelopes: Sequence[Envelope] = (),
        bringer: Bringer | None = None,
    ) -> Taken:
        """Take in commits as their hub, and say what became of each.

        `judge` says why one is rejected, None if it isn't; what was built on a rejected one is rejected with it, others
        behind it are not. Stamps that run more than a minute ahead are clamped. What was said of commits is handed on
        as `envelopes`. Where one can't be taken in at all, `stopped` says why: those after it weren't looked at.
        The argument `envelopes` is what this hub had said before it was restored: heard of commits that are new here.
        With a `bringer` lanes are bound to who writes them; another's commit stops it with a `LaneError`.
        """
        self._check_open()
        self._queue.refuse_inside("admit")
        whole = Taken()
        for part in _parts(list(commits)):
            taken = await self._queue.admit(part, judge, envelopes, bringer)
            whole.new += taken.new
            whole.fates += taken.fates
            whole.stopped = taken.stopped
            if taken.stopped is not None:
                break
        return whole

    async def reject(self, commit: CommitId, reason: str) -> bool:
        """Reject, as a hub, a commit that is here: it counts as never made, on every replica that hears of it.

        False if it was rejected before. Raises `ForgottenError` where the log has forgotten what rows were without it.
        """
        self._check_open()
        self._queue.refuse_inside("reject")
        return await self._queue.reject(commit, reason)

    # -- fates

    async def fates(self, commits: Sequence[CommitId]) -> list[Fate]:
        """Return what became of each of `commits`: pending, accepted by a hub, or rejected and why."""
        self._check_open()

        def job(conn: Connection) -> list[Fate]:
            fates, admitted = Fates.read(conn), admitted_of(conn)
            return [fates.of(commit, admitted) for commit in commits]

        return await self._read(job)

    async def acknowledge(self, vector: Vector) -> None:
        """Know that a hub has taken in or rejected all of `vector`."""
        self._check_open()
        await self._queue.tell(lambda journal, conn: journal.acknowledge(conn, vector), Origin("acknowledged"))

    async def pending(self) -> int:
        """Return how many commits are here that no hub is known to have."""
        self._check_open()

        def job(conn: Connection) -> int:
            return sum(len(numbers) for numbers in Runs(conn).beyond(admitted_of(conn)))

        return await self._read(job)

    # -- the whole

    async def digests(self) -> dict[str, str]:
        """Return a digest of each logged table, by its stable id; `differing` says what those of two replicas tell.

        Only at equal heads, and where both have heard the same of hubs. Cost: two microseconds a row.
        """
        self._check_open()
        return await self._read(lambda conn: digests(conn, read_tables(conn, Catalog(conn)).values()))

    async def snapshot(self, tables: Iterable[str] = ()) -> Snapshot:
        """Return what is here now as a stream of bytes in a file of its own: of `tables` by their ids, or of all.

        Writes go on meanwhile. Close it when nobody wants it any more.
        """
        from .log.snapshot import take_snapshot

        self._check_open()
        specs, only = self._specs, tuple(tables)

        def job(conn: Connection) -> Snapshot:
            logged = read_tables(conn, Catalog(conn)).values()
            return take_snapshot(conn, logged, functions_of(specs, logged), only)

        return await self._read(job)

    async def stage(self, source: str, name: str, number: int, data: bytes) -> None:
        """Store segment `number` of something that comes in parts from `source`, so that it outlives a crash."""
        self._check_open()
        await self._queue.tell(lambda journal, conn: stage(conn, source, name, number, data), Origin("a segment"))

    async def staged(self, source: str, name: str) -> int:
        """Return how many segments of `name` are stored; what `source` had begun besides is dropped."""
        self._check_open()
        found: list[int] = []

        def work(journal: object, conn: Connection) -> bool:
            found[:] = [staged(conn, source, name)]
            return drop_staged(conn, source, but=name)

        await self._queue.tell(work, Origin("a segment"))
        return found[0]

    async def staged_bytes(self, source: str, name: str) -> bytes:
        """Return all segments of `name` that are stored, one after the other."""
        self._check_open()
        return await self._read(lambda conn: b"".join(staged_parts(conn, source, name)))

    async def install(self, snapshot: Snapshot | Iterable[bytes] | tuple[str, str]) -> Installed:
        """Become what a snapshot holds: a `Snapshot`, its bytes in parts, or (source, name) of one that is staged.

        Rows that differ change, as one transaction; views follow. What only this database has written is merged on
        top; what was written without having seen what is forgotten there stands in `eddy_rejections`, to be tried
        again. Raises `SnapshotError` for one that is torn, damaged or of other tables: then nothing has changed.
        """
        from .log.installing import Again, lines_of
        from .log.snapshot import Snapshot

        self._check_open()
        self._queue.refuse_inside("install")
        if isinstance(snapshot, tuple):
            source, name = snapshot
            done = await self._queue.install(lambda conn: lines_of(staged_parts(conn, source, name)))
            await self._queue.tell(lambda journal, conn: drop_staged(conn, source), Origin("a segment"))
            return done
        if isinstance(snapshot, Snapshot):
            return await self._queue.install(lambda conn: lines_of(snapshot.parts()))
        with closing(Again(snapshot)) as again:
            return await self._queue.install(lambda conn: lines_of(again.parts()))


def _parts(commits: Sequence[LogCommit]) -> Iterable[Sequence[LogCommit]]:
    """Yield commits as they are taken in: a few one by one, many together."""
    size = 1 if len(commits) <= 20 else _TOGETHER
    return (commits[at : at + size] for at in range(0, len(commits), size))
