"""Transactions for asyncio as users write them: blocks, and what a block offers.

    async with block      one hop a statement; BEGIN IMMEDIATE joins the first, step and COMMIT are one more
    within a block        a savepoint

Cancelled before COMMIT is issued: rolled back. After that the outcome stands, patches go out, then CancelledError.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sized
from contextlib import asynccontextmanager, suppress
from itertools import islice
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, overload

from ..errors import ClosedError, RolledBackError, UseTransactionError
from ..log.vector import CommitId, Vector
from ..model.ask import AnyQuery
from ..model.base import ModelBase
from ..model.column import Assignment, Column
from ..model.relation import Many
from ..origin import Origin
from ..query.builder import Query
from ..row import Row
from ..sqltext import check_text, statement_kind
from ..store import Connection
from ..values import parameter_sets
from .queue import Block, Place, WriteQueue, check_place, current_block
from .rows import By
from .sync import SyncTransaction
from .trace import Trace
from .writer import Commit, Result

__all__ = ["AddProgress", "Savepoint", "Transaction", "block"]

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound=ModelBase)

AddProgress: TypeAlias = Callable[[int, int | None], object]
"""Is told how many rows are written, of how many, where that is known."""

_PART_ROWS = 2_000


def block(queue: WriteQueue, origin: Origin, expected: tuple[ModelBase, ...] = ()) -> Transaction | Savepoint:
    """Return a block; inside one's own block that is a savepoint."""
    outer = queue.block_here()
    if outer is None:
        return Transaction(queue, origin, expected)
    assert isinstance(outer, Transaction), "the only blocks there are"
    outer.check_owner()
    return Savepoint(outer, expected)


class Transaction:
    """A block: `async with db.transaction("message") as tx`. Committed at its end, undone by an exception.

    A statement that is cancelled while it runs may have been done or not. The savepoint around it is then undone, and
    without one the whole block: until then nothing more can be written in it.
    """

    def __init__(self, queue: WriteQueue, origin: Origin, expected: tuple[ModelBase, ...] = ()) -> None:
        self.queue = queue
        self.origin = origin
        self._expected = expected
        self.outer: Block | None = None
        self.usable = False
        self._begun = False
        self._holds_lock = False
        self._owner: asyncio.Task[Any] | None = None
        self._parts: list[str] = []
        self._serial = 0
        self._unsure_at: int | None = None
        self._trace: Trace | None = None
        self._logged: CommitId | None = None

    async def __aenter__(self) -> Self:
        if self._owner is not None:
            raise ClosedError("this block was used before; ask for a new one: db.transaction()")
        self.queue.refuse_inside("transaction")
        self._trace = self.queue.traces.begin(self.origin)
        await self.queue.gate.enter(alone=True)
        self._holds_lock = self.usable = True
        self._owner = asyncio.current_task()
        self.outer = current_block.get()
        current_block.set(self)
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
        current_block.set(self.outer)
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

    async def saved(self, place: Place = "server") -> None:
        """Wait, after the block, until what it wrote is stored: "local", or on the "server" as well.

        Raises `NotSavedError` where a browser can't keep it, `RejectedError` if the server has rejected it. A block
        that wrote nothing to the log needs no server.
        """
        if self.usable or self._owner is None:
            raise UseTransactionError("nothing is stored before the block ends: await tx.saved(...) after it")
        check_place(place)
        await self.queue.saved()
        if place == "server" and self._logged is not None:
            await self.queue.saved_on_server(Vector((self._logged,)), (self._logged,))

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
            tell(writer.commit(self.origin))

        def tell(commit: Commit | None) -> None:
            self._logged = None if commit is None else commit.logged
            queue.announce(commit, self._trace)

        try:
            await queue.retry(commit, lambda conn: tell(writer.finish()))
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
