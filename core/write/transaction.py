"""Transactions for asyncio: blocks and one-job writes, one at a time.

    db.write(fn)          one job:  begin, fn, commit
    async with block      one hop a statement; BEGIN IMMEDIATE joins the first, step and COMMIT are one more
    everything passes one gate (gate.py): jobs side by side, queued on the thread; a block alone

Another program's lock is waited for here, on the loop, never on the writer's thread, so other jobs go on meanwhile.
Cancelled before COMMIT is issued: rolled back. After that the outcome stands, patches go out, then CancelledError.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sized
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from itertools import islice
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar, overload

from ..errors import ClosedError, LockedError, RolledBackError, TransactionError, UseTransactionError
from ..log.checking import Finding, repair
from ..log.commit import Commit as LogCommit
from ..log.journal import Journal
from ..log.life import RowId
from ..model.ask import AnyQuery
from ..model.base import ModelBase
from ..model.column import Assignment, Column
from ..model.relation import Many
from ..origin import Origin
from ..query.builder import Query
from ..row import Row
from ..schema.catalog import TableName
from ..sqltext import check_text, statement_kind
from ..store import Connection, Store
from ..values import parameter_sets
from .gate import Gate
from .rows import By
from .sync import SyncTransaction
from .trace import Trace, Traces
from .writer import Busy, Commit, Result, Writer

__all__ = ["AddProgress", "Transaction", "WriteQueue"]

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound=ModelBase)

AddProgress: TypeAlias = Callable[[int, int | None], object]
"""Is told how many rows are written, of how many, where that is known."""

_PART_ROWS = 2_000
_BUSY_PAUSE_MIN_S = 0.005
_BUSY_PAUSE_MAX_S = 0.1
_BLOCKED_S = 0.02  # as long as the store lets SQLite itself wait for a lock

_current: ContextVar[Transaction | None] = ContextVar("eddyline_transaction", default=None)


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
        self._blocked_at = -_BLOCKED_S

    @property
    def busy(self) -> bool:
        """Whether a block or a job holds the queue."""
        return self.gate.busy

    def block_here(self) -> Transaction | None:
        """Return the open block of this database that the running code stands in; other databases' may lie between."""
        block = _current.get()
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

    async def take(self, commit: LogCommit) -> bool:
        """Take in a commit of another replica, as one transaction; False if it is here."""
        received_ms = int(time.time() * 1000)
        origin = Origin(commit.message, commit.actor, commit.command, commit.args)
        return await self._merge(lambda journal, conn: journal.take(conn, commit, received_ms), origin)

    async def settle(self, row: RowId, incarnation: int, origin: Origin, *, bring_back: bool) -> None:
        """Settle the conflict of one life of a row."""

        def work(journal: Journal, conn: Connection) -> bool:
            journal.settle(conn, row, incarnation, origin, bring_back=bring_back)
            return True

        await self._merge(work, origin)

    async def repair(self) -> list[Finding]:
        """Write anew what isn't as the log says."""
        found: list[Finding] = []

        def work(journal: Journal, conn: Connection) -> bool:
            found[:] = repair(conn, journal.tables.values(), journal.functions)
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

    def block(self, origin: Origin, expected: tuple[ModelBase, ...] = ()) -> Transaction | Savepoint:
        """Return a block; inside one's own block that is a savepoint."""
        outer = self.block_here()
        if outer is not None:
            outer.check_owner()
            return Savepoint(outer, expected)
        return Transaction(self, origin, expected)

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


class Transaction:
    """A block: `async with db.transaction("message") as tx`. Committed at its end, undone by an exception.

    A statement that is cancelled while it runs may have been done or not. The savepoint around it is then undone, and
    without one the whole block: until then nothing more can be written in it.
    """

    def __init__(self, queue: WriteQueue, origin: Origin, expected: tuple[ModelBase, ...] = ()) -> None:
        self.queue = queue
        self.origin = origin
        self._expected = expected
        self.outer: Transaction | None = None
        self.usable = False
        self._begun = False
        self._holds_lock = False
        self._owner: asyncio.Task[Any] | None = None
        self._parts: list[str] = []
        self._serial = 0
        self._unsure_at: int | None = None
        self._trace: Trace | None = None

    async def __aenter__(self) -> Self:
        if self._owner is not None:
            raise ClosedError("this block was used before; ask for a new one: db.transaction()")
        self.queue.refuse_inside("transaction")
        self._trace = self.queue.traces.begin(self.origin)
        await self.queue.gate.enter(alone=True)
        self._holds_lock = self.usable = True
        self._owner = asyncio.current_task()
        self.outer = _current.get()
        _current.set(self)
        try:
            for row in self._expected:
                await self.expect(row)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.set(self.outer)
        try:
            if self.usable:
                self.usable = False
                await (self._commit() if error is None else self._undo())
        except BaseException as failure:
            error = failure
            raise
        finally:
            self._release()
            if self._begun:
                self.queue.traces.end(self._trace, None, error)

    async def execute(self, sql: str, /, *args: Any, **named: Any) -> Result:
        """Run one statement. A failing one raises ours, undoes only itself, and the block can go on."""
        writes = statement_kind(check_text(sql)) != "read"
        return await self._job(lambda tx: tx.execute(sql, *args, **named), writes=writes)

    async def executemany(self, sql: str, many: Iterable[Any], /) -> Result:
        """Run one statement for each parameter set, in one job; if one fails, none counts."""
        listed = parameter_sets(many)
        return await self._job(lambda tx: tx.executemany(sql, listed), writes=True)

    @overload
    async def fetch(self, query: str, /, *args: Any, **named: Any) -> list[Row]: ...
    @overload
    async def fetch(self, query: Query[R], /, **named: Any) -> list[R]: ...
    @overload
    async def fetch(self, query: type[M], /, **named: Any) -> list[M]: ...
    async def fetch(self, query: AnyQuery, /, *args: Any, **named: Any) -> list[Any]:
        """Return the rows of a query, own writes included."""
        anything: Any = query  # Any: the overloads above say which calls fit
        return await self._job(lambda tx: tx.fetch(anything, *args, **named))

    # -- rows of models

    async def add(self, row: M) -> M:
        """Insert a row of a model; return it, with the key that SQLite has given where it was left out."""
        return await self._job(lambda tx: tx.add(row), writes=True)

    async def add_all(self, many: Iterable[M], *, progress: AddProgress | None = None) -> list[M]:
        """Insert rows of models, in their order, in one job; all of them or none.

        With `progress(rows, rows_total)` in parts, after each of which it is called on the loop. The total is None
        where `many` has no length: its rows are made part by part, then.
        """
        if progress is None:
            listed = list(many)
            return await self._job(lambda tx: tx.add_all(listed), writes=True)
        total = len(many) if isinstance(many, Sized) else None
        rows, made = iter(many), list[M]()
        async with self.savepoint():
            while part := list(islice(rows, _PART_ROWS)):
                made += await self._job(lambda tx, part=part: tx.add_all(part), writes=True)  # type: ignore[misc]  # part
                progress(len(made), total)
        return made

    async def update(self, row: M, /, *changes: Assignment, **values: Any) -> M:
        """Change columns of `row`; return it as it is now. `Issue.state.set("closed")` is checked by type checkers.

        Raises `MissingRowError` if the row is gone.
        """
        return await self._job(lambda tx: tx.update(row, *changes, **values), writes=True)

    async def add_to(self, row: M, column: Column[Any], *amounts: Any) -> M:
        """Add to a counter, or to a set, of `row`: what replicas add at once adds up. Return the row as it is now."""
        return await self._job(lambda tx: tx.add_to(row, column, *amounts), writes=True)

    async def take_from(self, row: M, column: Column[Any], *amounts: Any) -> M:
        """Take from a counter, or from a set, of `row`; return the row as it is now."""
        return await self._job(lambda tx: tx.take_from(row, column, *amounts), writes=True)

    async def delete(self, row: ModelBase) -> None:
        """Delete `row`; one of a `SoftDeleted` model by a mark. Raises `MissingRowError` if it is gone."""
        await self._job(lambda tx: tx.delete(row), writes=True)

    async def restore(self, row: M) -> M:
        """Take back that `row` of a `SoftDeleted` model was deleted, and what went with it; return it."""
        return await self._job(lambda tx: tx.restore(row), writes=True)

    async def erase(self, row: ModelBase) -> None:
        """Delete `row` for good. Raises `MissingRowError` if it is gone."""
        await self._job(lambda tx: tx.erase(row), writes=True)

    async def upsert(self, row: M, *, by: By) -> M:
        """Update the row that agrees with `row` in the columns `by`, or insert `row`; return what is there now.

        An update sets the columns that were spelled out when `row` was made, not those that took their default.
        """
        return await self._job(lambda tx: tx.upsert(row, by=by), writes=True)

    async def get(self, model: type[M], key: Any) -> M | None:
        """Return the row of `model` with the key `key`, or None."""
        return await self._job(lambda tx: tx.get(model, key))

    async def expect(self, row: ModelBase, /, *columns: Column[Any]) -> None:
        """Raise `ConflictError` unless `row` is still as it was read, in `columns` or in all of them."""
        await self._job(lambda tx: tx.expect(row, *columns))

    async def seed(self, model: type[M], n: int = 100, *, seed: int = 0, **values: Any) -> list[M]:
        """Write `n` example rows of `model`, and of those they lead to where none are there; return them."""
        return await self._job(lambda tx: tx.seed(model, n, seed=seed, **values), writes=True)

    async def link(self, row: ModelBase, relation: Many[M], *others: M | str | int) -> int:
        """Let `others` belong to `row`: `tx.link(issue, Issue.labels, bug)`; return how many didn't yet."""
        return await self._job(lambda tx: tx.link(row, relation, *others), writes=True)

    async def unlink(self, row: ModelBase, relation: Many[M], *others: M | str | int) -> int:
        """Let `others` belong to `row` no more; return how many did."""
        return await self._job(lambda tx: tx.unlink(row, relation, *others), writes=True)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[Transaction]:
        """Open a part that an exception undoes by itself; the exception goes on."""
        self._serial += 1
        name, writer = f"_eddy_block_{self._serial}", self.queue.writer
        await self._job(lambda tx: writer.savepoint(name))
        self._parts.append(name)
        depth = len(self._parts)
        try:
            yield self
            if self.usable:
                self._refuse_unsure()
        except BaseException:
            if self.usable:
                self._undo_part(name, depth)
            raise
        if self.usable:
            self._leave(name)
            await self._job(lambda tx: writer.release(name))

    async def rollback(self) -> None:
        """End the block quietly: nothing of it is kept, no exception is raised."""
        if self.usable:
            self.usable = False
            try:
                await self._undo()
            finally:
                self._release()

    def check_owner(self) -> None:
        """Raise where another task than the block's own would nest in it."""
        if asyncio.current_task() is not self._owner:
            raise UseTransactionError(
                "this task was started inside another task's block; wait until that block has ended"
            )

    async def _job(self, job: Callable[[SyncTransaction], T], *, writes: bool = False) -> T:
        self._refuse_ended()
        self._refuse_unsure()
        writer, started, cancelled = self.queue.writer, [False], [False]

        def on_thread(conn: Connection) -> T:
            started[0] = True
            if cancelled[0]:
                raise asyncio.CancelledError
            self._refuse_ended()
            if not self._begun:
                writer.begin(trace=self._trace)
                self._begun = True
            return job(SyncTransaction(writer))

        try:
            if self._begun:
                return await self.queue.submit(on_thread)
            return await self.queue.retry(on_thread, None)
        except asyncio.CancelledError:
            cancelled[0] = True  # a job that hasn't looked yet does nothing
            if writes and started[0] and self._unsure_at is None:
                self._unsure_at = len(self._parts)
            raise

    def _refuse_ended(self) -> None:
        if not self.usable:
            raise ClosedError("this block has ended; nothing more can be done in it")

    def _refuse_unsure(self) -> None:
        if self._unsure_at is not None:
            raise RolledBackError(
                "a statement of this block was cancelled while it ran, so nothing of the block is kept; "
                "to go on after that, put the statement into `async with tx.savepoint()`"
            )

    def _undo_part(self, name: str, depth: int) -> None:
        """Queue the undoing of one part, without an await."""
        writer = self.queue.writer
        if self._leave(name):
            with suppress(ClosedError):
                self.queue.submit(lambda conn: writer.rollback_to(name))
        if self._unsure_at is not None and self._unsure_at >= depth:
            self._unsure_at = None

    def _leave(self, name: str) -> bool:
        """Forget an open part. One that isn't the innermost can be neither kept nor undone by itself: end the block."""
        innermost = self._parts[-1] == name
        self._parts.remove(name)
        if not innermost:
            reason = "two tasks had savepoints of one block open at the same time"
            with suppress(ClosedError):
                self.queue.submit(lambda conn: self.queue.writer.end(reason))
        return innermost

    def _release(self) -> None:
        """Let the next block begin."""
        if self._holds_lock:
            self._holds_lock = False
            self.queue.gate.leave(alone=True)

    async def _undo(self) -> None:
        await asyncio.shield(self.queue.abandon())

    async def _commit(self) -> None:
        if not self._begun:
            return
        if self._unsure_at is not None:
            await self._undo()
            self._refuse_unsure()
        queue, writer, cancelled = self.queue, self.queue.writer, [False]

        def commit(conn: Connection) -> None:
            if cancelled[0]:
                writer.rollback()
                raise asyncio.CancelledError
            queue.announce(writer.commit(self.origin), self._trace)

        try:
            await queue.retry(commit, lambda conn: queue.announce(writer.finish(), self._trace))
        except asyncio.CancelledError as error:
            cancelled[0] = True
            queue.abandon_traced(self._trace, error)
            self._trace = None
            raise


class Savepoint:
    """`db.transaction()` inside one's own block: the same block, a part of it."""

    def __init__(self, outer: Transaction, expected: tuple[ModelBase, ...]) -> None:
        self._part, self._expected = outer.savepoint(), expected

    async def __aenter__(self) -> Transaction:
        tx = await self._part.__aenter__()
        try:
            for row in self._expected:
                await tx.expect(row)
        except BaseException as error:
            await self._part.__aexit__(type(error), error, error.__traceback__)
            raise
        return tx

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._part.__aexit__(kind, error, trace)
