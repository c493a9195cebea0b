"""Transactions for asyncio: blocks and one-job writes, one at a time.

    db.write(fn)          one job:  begin, fn, commit
    async with block      one hop a statement; BEGIN IMMEDIATE joins the first, step and COMMIT are one more
    everything queues at one asyncio.Lock, from the first statement's wait to the end

Another program's lock is waited for here, on the loop, never on the writer's thread, so other jobs go on meanwhile.
Cancelled before COMMIT is issued: rolled back. After that the outcome stands, patches go out, then CancelledError.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self, TypeVar

from ..errors import ClosedError, LockedError, RolledBackError, UseTransactionError
from ..row import Row
from ..store import Connection, Store
from .writer import Busy, Commit, Result, SyncTransaction, Writer

__all__ = ["Transaction", "WriteQueue"]

T = TypeVar("T")

_BUSY_PAUSE_MIN_S = 0.005
_BUSY_PAUSE_MAX_S = 0.1

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
    ) -> None:
        self._store = store
        self.writer: Writer  # made on the writer's thread, by `Database.open`
        self._lock = asyncio.Lock()
        self.busy_timeout_s = busy_timeout_s
        self._sleep, self._now = sleep, now
        self._committed = committed

    @property
    def busy(self) -> bool:
        """Whether a block or a job holds the queue."""
        return self._lock.locked()

    def refuse_inside(self, call: str) -> None:
        """Raise `UseTransactionError` where `db.{call}` would wait for the block it stands in."""
        block = _current.get()
        if block is not None and block.usable and block.queue is self:
            raise UseTransactionError(
                f"db.{call} inside `async with db.transaction() as tx` would wait for that block; use tx.{call}"
                if call in ("execute", "executemany", "fetch")
                else f"db.{call} inside `async with db.transaction() as tx` would wait for that block; call it outside"
            )

    async def run(self, label: str, job: Callable[[SyncTransaction], T]) -> T:
        """Run `job` as one transaction in one job."""
        cancelled: list[bool] = []

        def once() -> tuple[T, Commit | None]:
            writer = self.writer
            writer.begin()
            try:
                if cancelled:
                    raise asyncio.CancelledError
                result = job(SyncTransaction(writer))
                if writer.ended:
                    raise RolledBackError("a statement rolled the whole transaction back")
                if cancelled:
                    raise asyncio.CancelledError
            except BaseException:
                writer.rollback()
                raise
            kept.append(result)
            return result, writer.commit(label)

        kept: list[T] = []
        async with self._lock:
            try:
                result, commit = await self._retry(lambda conn: once(), lambda conn: (kept[-1], self.writer.finish()))
            except asyncio.CancelledError:
                cancelled.append(True)
                self._abandon()
                raise
        if commit is not None:
            self._committed(commit)
        return result

    async def quiet(self, job: Callable[[Connection], T]) -> T:
        """Run `job` between transactions, on the writer connection, all views up to date on what it reads."""
        async with self._lock:
            try:
                return await self._retry(lambda conn: self.writer.quiet(job), None)
            except asyncio.CancelledError:
                self._abandon()
                raise

    async def outside(self, sql: str, args: tuple[Any, ...], named: dict[str, Any]) -> Result:
        """Run a statement that can't stand in a transaction."""
        async with self._lock:
            return await self._store.write(lambda conn: self.writer.outside(sql, args, named))

    def block(self, label: str) -> Transaction | Savepoint:
        """Return a block; inside one's own block that is a savepoint."""
        outer = _current.get()
        if outer is not None and outer.usable and outer.queue is self:
            outer.check_owner()
            return Savepoint(outer)
        return Transaction(self, label)

    def _abandon(self) -> None:
        """Queue a rollback, without an await, for whatever a cancelled job left open."""
        self._store.write(lambda conn: self.writer.rollback())

    async def _retry(self, job: Callable[[Connection], T], finish: Callable[[Connection], T] | None) -> T:
        """Run `job`; while another program holds the lock, pause on the loop and go on where it stopped."""
        started, pause_s = self._now(), _BUSY_PAUSE_MIN_S
        while True:
            try:
                return await self._store.write(job)
            except Busy as busy:
                waited_s = self._now() - started
                if busy.committing and finish is not None:
                    job = finish
                if waited_s >= self.busy_timeout_s:
                    self._abandon()
                    raise LockedError(
                        f"another program has held the database's lock for {waited_s:.1f} s; nothing was written, "
                        "try again or raise busy_timeout_s",
                        waited_s=waited_s,
                    ) from busy.__cause__
                await self._sleep(pause_s)
                pause_s = min(pause_s * 2, _BUSY_PAUSE_MAX_S)


class Transaction:
    """A block: `async with db.transaction("label") as tx`. Committed at its end, undone by an exception."""

    def __init__(self, queue: WriteQueue, label: str) -> None:
        self.queue = queue
        self.label = label
        self.usable = False
        self._begun = False
        self._owner: asyncio.Task[Any] | None = None
        self._parts = 0

    async def __aenter__(self) -> Self:
        if self._owner is not None:
            raise ClosedError("this block was used before; ask for a new one: db.transaction()")
        await self.queue._lock.acquire()
        self._owner = asyncio.current_task()
        self.usable = True
        _current.set(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        commit: Commit | None = None
        _current.set(None)
        try:
            if not self.usable:
                return
            self.usable = False
            if error is not None:
                await self._undo()
            elif self._begun:
                commit = await self._commit()
        finally:
            self.usable = False
            self.queue._lock.release()
        if commit is not None:
            self.queue._committed(commit)

    async def execute(self, sql: str, /, *args: Any, **named: Any) -> Result:
        """Run one statement. A failing one raises ours, undoes only itself, and the block can go on."""
        return await self._job(lambda tx: tx.execute(sql, *args, **named))

    async def executemany(self, sql: str, many: Iterable[Any], /) -> Result:
        """Run one statement for each parameter set, in one job; if one fails, none counts."""
        listed = list(many)
        return await self._job(lambda tx: tx.executemany(sql, listed))

    async def fetch(self, sql: str, /, *args: Any, **named: Any) -> list[Row]:
        """Return the rows of a query, own writes included."""
        return await self._job(lambda tx: tx.fetch(sql, *args, **named))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[Transaction]:
        """Open a part that an exception undoes by itself; the exception goes on."""
        self._parts += 1
        name = f"_eddy_block_{self._parts}"
        await self._job(lambda tx: self.queue.writer.savepoint(name))
        try:
            yield self
        except BaseException:
            if self.usable:
                self.queue._store.write(lambda conn: self.queue.writer.rollback_to(name))
            raise
        if self.usable:
            await self._job(lambda tx: self.queue.writer.release(name))

    async def rollback(self) -> None:
        """End the block quietly: nothing of it is kept, no exception is raised."""
        if self.usable:
            self.usable = False
            await self._undo()

    def check_owner(self) -> None:
        """Raise where another task than the block's own would nest in it."""
        if asyncio.current_task() is not self._owner:
            raise UseTransactionError(
                "this task was started inside another task's block; wait until that block has ended"
            )

    async def _job(self, job: Callable[[SyncTransaction], T]) -> T:
        if not self.usable:
            raise ClosedError("this block has ended; nothing more can be done in it")
        writer = self.queue.writer

        def on_thread(conn: Connection) -> T:
            if not self.usable:
                raise ClosedError("this block has ended; nothing more can be done in it")
            if not self._begun:
                writer.begin()
                self._begun = True
            return job(SyncTransaction(writer))

        if self._begun:
            return await self.queue._store.write(on_thread)
        return await self.queue._retry(on_thread, None)

    async def _undo(self) -> None:
        if self._owner is not None:
            await asyncio.shield(self.queue._store.write(lambda conn: self.queue.writer.rollback()))

    async def _commit(self) -> Commit | None:
        writer, cancelled = self.queue.writer, [False]

        def commit(conn: Connection) -> Commit | None:
            if cancelled[0]:
                writer.rollback()
                raise asyncio.CancelledError
            if writer.ended:
                writer.rollback()
                raise RolledBackError("a statement rolled the whole transaction back; nothing of the block was kept")
            return writer.commit(self.label)

        try:
            return await self.queue._retry(commit, lambda conn: writer.finish())
        except asyncio.CancelledError:
            cancelled[0] = True
            self.queue._abandon()
            raise


class Savepoint:
    """`db.transaction()` inside one's own block: the same block, a part of it."""

    def __init__(self, outer: Transaction) -> None:
        self._part = outer.savepoint()

    async def __aenter__(self) -> Transaction:
        return await self._part.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._part.__aexit__(kind, error, trace)
