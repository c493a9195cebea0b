"""The queue of writes: every transaction of one database, one at a time, whichever thread or lock it waits for.

    run, run_one     one job: begin, do it, commit          side by side
    take, admit ..   one job: what a merge writes           alone
    quiet            one job on which every view is up to date, nothing written
    aside            one job that writes tables of ours, of which nobody is told
    blocks (transaction.py), outside, make_index            alone
    all pass one gate (gate.py)

Another program's lock is waited for here, on the loop, never on the writer's thread, so other jobs go on meanwhile.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeAlias, TypeVar, get_args

from ..errors import ClosedError, LockedError, ParameterError, TransactionError, UseTransactionError
from ..log.commit import Commit as LogCommit
from ..log.envelopes import Envelope
from ..log.journal import Journal
from ..log.life import RowId
from ..log.owners import Bringer
from ..log.taking import Judge, Taken
from ..log.vector import CommitId, Vector
from ..origin import Origin
from ..schema.catalog import TableName
from ..store import Connection, Store
from .gate import Gate
from .sync import SyncTransaction
from .trace import Trace, Traces
from .writer import Busy, Commit, Result, Writer

if TYPE_CHECKING:
    from ..log.checking import Finding
    from ..log.installing import Installed

__all__ = ["Block", "Place", "WriteQueue", "check_place", "current_block", "nowhere"]

T = TypeVar("T")

_BUSY_PAUSE_MIN_S = 0.005
_BUSY_PAUSE_MAX_S = 0.1
_BLOCKED_S = 0.02  # as long as the store lets SQLite itself wait for a lock


Place: TypeAlias = Literal["local", "server"]
"""Where a commit may be stored."""


def check_place(place: object) -> Place:
    """Return `place` if commits can be stored there. Raises `ParameterError`."""
    if place in get_args(Place):
        return place  # type: ignore[return-value]  # one of them
    raise ParameterError(f"a commit is saved 'local' or 'server', not {place!r}")


class Block(Protocol):
    """An open transaction that code stands in: of which database, and within which other block."""

    queue: WriteQueue
    usable: bool
    outer: Block | None


current_block: ContextVar[Block | None] = ContextVar("eddyline_transaction", default=None)


class WriteQueue:
    """All writes of one database, one after the other."""

    def __init__(
        self,
        store: Store,
        *,
        busy_timeout_s: float,
        sleep: Callable[[float], Awaitable[None]],
        now: Callable[[], float],
        committed: Callable[[Commit], None],
        traces: Traces,
    ) -> None:
        self._store = store
        self.writer: Writer  # made on the writer's thread, by `Database.open`
        self.gate = Gate()
        self.busy_timeout_s = busy_timeout_s
        self._sleep, self._now = sleep, now
        self._committed = committed
        self.traces = traces
        self.saved_on_server: Callable[[Vector, Sequence[CommitId]], Awaitable[None]] = nowhere
        self._blocked_at = -_BLOCKED_S

    @property
    def busy(self) -> bool:
        """Whether a block or a job holds the queue."""
        return self.gate.busy

    def block_here(self) -> Block | None:
        """Return the open block of this database that the running code stands in; other databases' may lie between."""
        block = current_block.get()
        while block is not None and not (block.usable and block.queue is self):
            block = block.outer
        return block

    def refuse_inside(self, call: str) -> None:
        """Raise `UseTransactionError` where `db.{call}` would wait for the block it stands in."""
        if self.block_here() is not None:
            raise UseTransactionError(
                f"db.{call} inside `async with db.transaction() as tx` would wait for that block; use tx.{call}"
                if call in ("execute", "executemany", "fetch")
                else f"db.{call} inside `async with db.transaction() as tx` would wait for that block; call it outside"
            )

    def run(self, origin: Origin, job: Callable[[SyncTransaction], T]) -> Coroutine[Any, Any, T]:
        """Run `job` as one transaction in one job."""

        def synchronous() -> T:
            result = job(SyncTransaction(self.writer))
            if inspect.iscoroutine(result):
                result.close()
                raise TransactionError("db.write takes a synchronous function; for `await` use db.transaction()")
            return result

        return self._run(_Write(self, origin, synchronous))

    def run_one(
        self, origin: Origin, sql: str, args: tuple[Any, ...], named: dict[str, Any]
    ) -> Coroutine[Any, Any, Result]:
        """Run one statement as one transaction in one job."""
        return self._run(_Write(self, origin, lambda: self.writer.execute(sql, args, named, alone=True)))

    async def take(self, commits: Sequence[LogCommit], envelopes: Sequence[Envelope] = ()) -> Taken:
        """Take in commits of other replicas and what hubs say of commits, all as one transaction."""

        def work(journal: Journal, conn: Connection) -> Taken:
            return journal.take(conn, commits, envelopes, received_ms=int(time.time() * 1000))

        return await self._take(work, commits)

    async def admit(
        self,
        commits: Sequence[LogCommit],
        judge: Judge | None,
        envelopes: Sequence[Envelope] = (),
        bringer: Bringer | None = None,
    ) -> Taken:
        """Take in commits as their hub, all as one transaction."""

        def work(journal: Journal, conn: Connection) -> Taken:
            return journal.admit(conn, commits, judge, envelopes, bringer, received_ms=int(time.time() * 1000))

        return await self._take(work, commits)

    async def reject(self, commit: CommitId, reason: str) -> bool:
        """Reject a commit that is here, as a hub does; False if that was known."""
        return await self._merge(lambda journal, conn: journal.reject(conn, commit, reason), Origin("a rejection"))

    async def _take(self, work: Callable[[Journal, Connection], Taken], commits: Sequence[LogCommit]) -> Taken:
        """Run `work`, which stops at a commit that can't be taken in: those before it stay."""
        taken = Taken()

        def job(journal: Journal, conn: Connection) -> bool:
            nonlocal taken
            taken = work(journal, conn)
            return bool(taken.new or taken.heard)

        one = commits[0] if len(commits) == 1 else None
        said = Origin("commits of others") if one is None else Origin(one.message, one.actor, one.command, one.args)
        await self._merge(job, said)
        return taken

    async def install(self, lines: Callable[[Connection], Iterable[bytes]]) -> Installed:
        """Become what a snapshot holds, of which `lines` gives the lines, as one transaction."""
        done: list[Installed] = []

        def work(journal: Journal, conn: Connection) -> bool:
            done[:] = [journal.install(conn, lines(conn), int(time.time() * 1000))]
            return True

        await self._merge(work, Origin("a snapshot"))
        return done[0]

    async def tell(self, work: Callable[[Journal, Connection], bool], origin: Origin) -> bool:
        """Have `work` write to log and rows as a merge does; False: it had nothing to do."""
        return await self._merge(work, origin)

    async def settle(self, row: RowId, incarnation: int, origin: Origin, *, bring_back: bool) -> None:
        """Settle the conflict of one life of a row."""

        def work(journal: Journal, conn: Connection) -> bool:
            journal.settle(conn, row, incarnation, origin, bring_back=bring_back)
            return True

        await self._merge(work, origin)

    async def repair(self) -> list[Finding]:
        """Write anew what isn't as the log says."""
        from ..log.checking import repair

        found: list[Finding] = []

        def work(journal: Journal, conn: Connection) -> bool:
            found[:] = repair(conn, journal.tables.values(), journal.functions, journal.texts)
            return bool(found)

        await self._merge(work, Origin("repair"))
        return found

    async def _merge(self, work: Callable[[Journal, Connection], bool], origin: Origin) -> bool:
        """Run `work` on the log, in a transaction that no constraint, trigger or hook has a word in."""
        writer = self.writer

        def once(conn: Connection) -> bool:
            commit = writer.take(lambda journal: work(journal, conn), origin)
            self.announce(commit, None)
            return commit is not None

        def finish(conn: Connection) -> bool:
            self.announce(writer.finish(), None)
            return True

        async with self._alone():
            return await self.retry(once, finish)

    async def _run(self, write: _Write[T]) -> T:
        gate = self.gate
        try:
            if not gate.try_enter():
                await gate.enter()
            try:
                try:
                    return await self._store.write(write.once)
                except Busy as busy:
                    return await self.retry(write.once, write.finish, busy)
            except asyncio.CancelledError as error:
                write.cancelled = True
                self.abandon_traced(write.trace, error, write)
                raise
            finally:
                gate.leave()
        except Exception as error:
            self.traces.end(write.trace, None, error)
            raise

    def is_blocked(self) -> bool:
        """Say whether another program held the lock a moment ago: who met that tries again. On the thread."""
        return self._now() - self._blocked_at < _BLOCKED_S

    def note_blocked(self) -> None:
        """Note that another program holds the lock: of many writes at once only one waits for it. On the thread."""
        self._blocked_at = self._now()

    def announce(self, commit: Commit | None, trace: Trace | None) -> None:
        """On the thread: have the loop told of `commit`, after the views and also if nobody waits any more."""
        if commit is not None or trace is not None:
            self._store.post(lambda: self._told(commit, trace))

    def _told(self, commit: Commit | None, trace: Trace | None) -> None:
        if commit is not None:
            self._committed(commit)
        self.traces.end(trace, commit)

    async def saved(self) -> None:
        """Wait until what is committed outlasts this program. Raises `NotSavedError`."""
        await self._store.saved()

    async def quiet(self, job: Callable[[Connection], T]) -> T:
        """Run `job` between transactions, on the writer connection, all views up to date on what it reads."""

        def between(conn: Connection) -> T:
            if self.writer.open:
                raise Busy(committing=False)
            return self.writer.quiet(job)

        await self.gate.enter()
        try:
            return await self.retry(between, None)
        finally:
            self.gate.leave()

    async def aside(self, job: Callable[[Connection], T]) -> T:
        """Run `job` as a transaction of tables that are ours alone: no view, hook or log hears of it."""

        def between(conn: Connection) -> T:
            if self.writer.open:
                raise Busy(committing=False)
            return self.writer.aside(job)

        await self.gate.enter()
        try:
            return await self.retry(between, None)
        finally:
            self.gate.leave()

    async def outside(self, sql: str, args: tuple[Any, ...], named: dict[str, Any]) -> Result:
        """Run a statement that can't stand in a transaction."""
        async with self._alone():
            result = await self.retry(lambda conn: self.writer.outside(sql, args, named), None)
            with suppress(LockedError):  # it is done; views follow when the lock is free
                await self.retry(lambda conn: self.writer.quiet(lambda conn: None), None)
            return result

    async def make_index(self, table: TableName, sql: str) -> bool:
        """Make an index between transactions; False where it can't be made, or not now."""
        async with self._alone():
            return await self._store.write(lambda conn: self.writer.make_index(table, sql))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        await self.gate.enter(alone=True)
        try:
            yield
        finally:
            self.gate.leave(alone=True)

    def abandon(self, write: _Write[Any] | None = None) -> asyncio.Future[None]:
        """Queue a rollback, without an await, of what `write`, else anybody, has open. A closed store has undone it."""

        def undo(conn: Connection) -> None:
            if write is None or write.serial == self.writer.serial:
                self.writer.rollback()

        try:
            return self._store.write(undo)
        except ClosedError:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done

    def abandon_traced(self, trace: Trace | None, error: BaseException, write: _Write[Any] | None = None) -> None:
        """Abandon; the trace ends with `error` unless COMMIT was issued before."""
        abandoned = self.abandon(write)
        if trace is not None:
            abandoned.add_done_callback(lambda _: self.traces.end(trace, None, error))

    def submit(self, job: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Queue `job` on the writer's thread at once."""
        return self._store.write(job)

    async def retry(
        self,
        job: Callable[[Connection], T],
        finish: Callable[[Connection], T] | None,
        busy: Busy | None = None,
    ) -> T:
        """Run `job`; while another program holds the lock, pause on the loop and go on where it stopped.

        With `busy` it has run once, and met that.
        """
        started, pause_s = self._now(), _BUSY_PAUSE_MIN_S
        while True:
            if busy is None:
                try:
                    return await self._store.write(job)
                except Busy as met:
                    busy = met
            waited_s = self._now() - started
            if busy.committing and finish is not None:
                job = finish
            if waited_s >= self.busy_timeout_s:
                if busy.committing:
                    self.abandon()
                raise LockedError(
                    f"another program has held the database's lock for {waited_s:.1f} s; nothing was written, "
                    "try again or raise busy_timeout_s",
                    waited_s=waited_s,
                ) from busy.__cause__
            await self._sleep(pause_s)
            pause_s, busy = min(pause_s * 2, _BUSY_PAUSE_MAX_S), None


async def nowhere(vector: Vector, asked: Sequence[CommitId]) -> None:
    """Save to the server of a database that has none. Raises `ParameterError`."""
    raise ParameterError("no server to save to: connect first, link = db.connect(url)")


class _Write(Generic[T]):
    """A transaction in one job: what it is to do, and how far it came."""

    __slots__ = ("_job", "_kept", "_leads", "_origin", "_queue", "cancelled", "serial", "trace")

    def __init__(self, queue: WriteQueue, origin: Origin, job: Callable[[], T]) -> None:
        self._queue, self._origin, self._job = queue, origin, job
        self._kept: list[T] = []
        self._leads = False
        self.trace = queue.traces.begin(origin)
        self.serial = -1
        self.cancelled = False

    def once(self, conn: Connection) -> T:
        """Begin, do the job, commit. On the thread."""
        writer = self._queue.writer
        if writer.open or (self._queue.is_blocked() and not self._leads):  # `open`: by one whose COMMIT must wait
            raise Busy(committing=False)
        try:
            writer.begin(trace=self.trace)
        except Busy:
            self._leads = True
            self._queue.note_blocked()
            raise
        self.serial = writer.serial
        try:
            if self.cancelled:
                raise asyncio.CancelledError
            result = self._job()
            if self.cancelled:
                raise asyncio.CancelledError
        except BaseException:
            writer.rollback()
            raise
        self._kept.append(result)
        self._queue.announce(writer.commit(self._origin), self.trace)
        return result

    def finish(self, conn: Connection) -> T:
        """Commit what `once` left open. On the thread."""
        self._queue.announce(self._queue.writer.finish(), self.trace)
        return self._kept[0]
