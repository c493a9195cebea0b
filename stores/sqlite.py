"""SQLite through aiosqlite: one writer thread, up to two reader threads beside it.

    loop            writer thread                      reader threads (files only)
    write(job) -->  job(conn), one after the other
    read(job)  ------------------------------------->  BEGIN; job(conn); COMMIT   on a snapshot of its own

aiosqlite has no public call that runs a function on its thread, so this file, and no other, uses three private names of
it (`_tx`, its queue; `_thread`; `_connection`); the version is pinned and a test guards them. Each queue entry is
(future, function): queued without an await, a job keeps its place even if nobody waits for it any more.
A job that is done wakes the loop if no other waits behind it, else every 16th does: threads that take turns at every
statement cost more than the statements. So that a long job holds up nobody who is done, the loop looks by itself, too,
every 2 ms while jobs wait behind each other.
A memory database has one connection: its reads queue behind the writer's jobs.
Threads are daemons, so a forgotten `close()` doesn't keep a program from ending.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import aiosqlite

from ..core.errors import ClosedError
from ..core.store import Connection
from . import Durability
from .opening import STATEMENTS_CACHED, check_opening, fail, open_error, pragmas, settle, uri

__all__ = ["SqliteStore"]

T = TypeVar("T")

_READERS_MAX = 2
_BUSY_WAIT_S = 0.02
_TOLD_AT_ONCE = 16
_LOOK_S = 0.002

_Outcome: TypeAlias = tuple[list[Callable[[], None]], asyncio.Future[Any], Any, BaseException | None]
"""What a job posted, its future, and its result or failure. Any: each job has its own type."""


class _Connection:
    """One aiosqlite connection as a queue of jobs."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._failure: sqlite3.Error | None = None

        def attempt() -> sqlite3.Connection:
            """Connect; a failure is kept for `open`, as aiosqlite's own way leaves a stop that nobody awaits."""
            try:
                return connect()
            except sqlite3.Error as error:
                self._failure = error
                return sqlite3.connect(":memory:", check_same_thread=False)

        self._aio = aiosqlite.Connection(attempt, iter_chunk_size=64)
        self._aio._thread.daemon = True
        self._posted: list[Callable[[], None]] = []
        self._outcomes: deque[_Outcome] = deque()
        self._woken: asyncio.AbstractEventLoop | None = None
        self._under_way = 0
        self._looking: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        """Connect. Not to be cancelled: aiosqlite would lose the connection."""
        await self._aio
        if self._failure is not None:
            await self._aio.close()
            raise self._failure

    def submit(self, job: Callable[[Connection], T]) -> asyncio.Future[T]:
        raw = self._aio._connection
        if raw is None:
            raise ClosedError("the database is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._aio._tx.put_nowait((None, partial(self._run, loop, future, job, raw)))
        self._under_way += 1
        self._look_later(loop)
        return future

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the loop look by itself while a job that is done may leave the word to one behind it."""
        if self._under_way > 1 and self._looking is not loop:
            self._looking = loop
            loop.call_later(_LOOK_S, self._look, loop, context=Context())  # nobody's: as if the thread had called

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looking = None
        self._arrive()
        self._look_later(loop)

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[T],
        job: Callable[[Connection], T],
        raw: sqlite3.Connection,
    ) -> None:
        """Run the job; then wake the loop, unless it will look soon anyway. On the thread."""
        result, failure = None, None
        try:
            result = job(raw)
        except BaseException as error:  # also what ends threads: the one who waits must hear of it
            failure = error
        posted, self._posted = self._posted, []
        self._outcomes.append((posted, future, result, failure))
        if self._woken is not loop and (self._aio._tx.empty() or len(self._outcomes) >= _TOLD_AT_ONCE):
            self._woken = loop
            try:
                loop.call_soon_threadsafe(self._arrive)
            except RuntimeError:  # the loop is closed: nobody is there to be told
                self._woken = None
                self._under_way -= len(self._outcomes)
                self._outcomes.clear()

    def _arrive(self) -> None:
        """Run what the jobs posted that are done, and settle their futures. On the loop."""
        self._woken = None  # what is done from now on wakes anew
        for _ in range(len(self._outcomes)):
            posted, future, result, failure = self._outcomes.popleft()
            self._under_way -= 1
            try:
                for call in posted:
                    call()
            finally:
                if future.get_loop().is_closed():
                    pass  # nobody is there to be told
                elif failure is not None:
                    fail(future, failure)
                elif not future.done():
                    future.set_result(result)

    def post(self, call: Callable[[], None]) -> None:
        """Have `call` run on the loop before the outcome of the running job arrives there. On the thread only."""
        self._posted.append(call)

    async def close(self) -> None:
        with suppress(sqlite3.Error):
            await self._aio.close()
        self._arrive()  # the last job took the closing for one that waits behind it


class SqliteStore:
    """A SQLite file or memory database."""

    goes_on = False  # files are copied and put back

    def __init__(self, target: str, *, uri: bool, memory: bool, readonly: bool, pragmas: Sequence[str]) -> None:
        self._target, self._uri, self._memory, self.readonly = target, uri, memory, readonly
        self._pragmas = tuple(pragmas)
        self._writer: _Connection | None = None
        self._idle: list[tuple[_Connection, list[int]]] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._readers_free = asyncio.Semaphore(_READERS_MAX)
        self._session: list[Callable[[Connection], object]] = []
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        readonly: bool = False,
        durability: Durability | None = None,
        foreign_keys: bool = True,
        create: bool = True,
    ) -> SqliteStore:
        """Open `path` or ":memory:". A file that already holds tables keeps its journal mode.

        Raises `OpenError` for a missing file (`create=False` or `readonly`), a folder, and what isn't a database.
        """
        memory = check_opening(path, durability, must_exist=readonly or not create)
        target = ":memory:" if memory else uri(Path(path), "ro" if readonly else ("rwc" if create else "rw"))
        store = cls(
            target, uri=not memory, memory=memory, readonly=readonly, pragmas=pragmas(foreign_keys=foreign_keys)
        )
        store._writer = store._connection(query_only=False)
        try:
            await store._open(store._writer)
            wal = await store.write(lambda conn: settle(conn, readonly=readonly or memory))
            durability = durability or ("normal" if wal else None)
            if durability is not None:
                pragma = f"PRAGMA synchronous = {durability.upper()}"
                await store.write(lambda conn: conn.execute(pragma))
            store._target = target.replace("?mode=rwc", "?mode=rw")  # a reader makes no file anew that is gone
        except BaseException as error:
            await store.close()
            if isinstance(error, sqlite3.Error):
                raise open_error(error, path) from error
            raise
        return store

    @property
    def readers(self) -> bool:
        """Whether reads have connections of their own."""
        return not self._memory

    @property
    def shared(self) -> bool:
        """Whether other programs may write to it."""
        return not self._memory

    def write(self, job: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Queue `job` on the writer thread at once."""
        if self._writer is None or self._closed:
            raise ClosedError("the database is closed")
        return self._writer.submit(job)

    def post(self, call: Callable[[], None]) -> None:
        """Run `call` on the loop before the outcome of the running write job arrives there."""
        if self._writer is not None:
            self._writer.post(call)

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run `job` on a reader thread inside one read transaction."""
        async with self._readers_free:
            if self._closed:
                raise ClosedError("the database is closed")
            while not self._idle and not self._closed:  # another read may have taken the one that just opened
                await self._open(self._connection(query_only=True), reader=True)
            if self._closed:
                raise ClosedError("the database is closed")
            reader, applied = self._idle.pop()
            try:
                return await asyncio.shield(reader.submit(lambda conn: self._snapshot(conn, job, applied)))
            finally:
                self._idle.append((reader, applied))

    def on_readers(self, job: Callable[[Connection], object]) -> None:
        """Run `job` on every reader before its next job."""
        self._session.append(job)

    async def pause(self, seconds: float) -> None:
        """Wait `seconds`: other programs don't say when they write."""
        await asyncio.sleep(seconds)

    async def saved(self) -> None:
        """Return at once: a commit that was answered is in the file."""

    async def _open(self, connection: _Connection, *, reader: bool = False) -> None:
        """Connect, also if nobody waits for it any more; a reader is then idle."""

        async def connect() -> None:
            await connection.open()
            if reader:
                self._idle.append((connection, [0]))

        opening = asyncio.ensure_future(connect())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        await asyncio.shield(opening)

    async def close(self) -> None:
        """Finish queued jobs, then close every connection; no thread of ours outlives this."""
        self._closed = True
        if self._opening:
            await asyncio.wait(self._opening)
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
        for _ in range(_READERS_MAX):  # then no read is under way, not even one that was given up
            await self._readers_free.acquire()
        await self._close_readers()
        for _ in range(_READERS_MAX):  # whoever comes late hears that it is closed
            self._readers_free.release()

    async def _close_readers(self) -> None:
        while self._idle:
            await self._idle.pop()[0].close()

    def _snapshot(self, conn: Connection, job: Callable[[Connection], T], applied: list[int]) -> T:
        for prepare in self._session[applied[0] :]:
            with suppress(sqlite3.Error):  # what it attached may be gone: then queries say so
                prepare(conn)
            applied[0] += 1
        conn.execute("BEGIN")
        try:
            conn.execute("PRAGMA schema_version").fetchone()  # takes the snapshot: only here a lock can be in the way
            return job(conn)
        finally:
            if conn.in_transaction:
                conn.execute("ROLLBACK")

    def _connection(self, *, query_only: bool) -> _Connection:
        def connect() -> sqlite3.Connection:
            conn = sqlite3.connect(
                self._target,
                uri=self._uri,
                isolation_level=None,
                cached_statements=STATEMENTS_CACHED,
                timeout=_BUSY_WAIT_S,
                check_same_thread=False,
            )
            for pragma in self._pragmas:
                conn.execute(pragma)
            if query_only:
                conn.execute("PRAGMA query_only = 1")
            return conn

        return _Connection(connect)
