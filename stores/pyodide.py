"""SQLite in the loop: Python's own `sqlite3`, where there are no threads. The store of the browser.

    write(job) --> [ jobs ] --a turn of the loop--> job(conn), one after the other, for 8 ms; then the page's turn

One connection does everything: reads are jobs on it and never see half a transaction, so the caller keeps them out of
open blocks (`readers` is False). A job runs in a later turn than the call, as it does natively: until then it can be
cancelled by its caller, and what it posted runs before its future is settled.
Nothing waits for a lock here: who meets one is told so, and tries again from the loop.

    ":memory:"     a memory database
    "/tmp/t.db"    a file of Emscripten's: gone with the page, unless its folder is mounted
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ..core.errors import ClosedError
from ..core.store import Connection
from . import Durability
from .opening import STATEMENTS_CACHED, check_opening, fail, open_error, pragmas, settle, uri

__all__ = ["LoopStore", "connect"]

T = TypeVar("T")

_TURN_S = 0.008  # half a frame: what a page may be kept waiting


class LoopStore:
    """A SQLite database whose jobs run in the loop."""

    readers = False
    goes_on = False

    def __init__(self, conn: sqlite3.Connection, *, shared: bool, readonly: bool) -> None:
        self._conn, self.shared, self.readonly = conn, shared, readonly
        self._jobs: deque[tuple[asyncio.Future[Any], Callable[[Connection], Any]]] = deque()  # Any: each has its type
        self._posted: list[Callable[[], None]] = []
        self._woken: asyncio.AbstractEventLoop | None = None
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
    ) -> LoopStore:
        """Open `path` or ":memory:". Raises `OpenError` as the native store does."""
        memory = check_opening(path, durability, must_exist=readonly or not create)
        target = ":memory:" if memory else uri(Path(path), "ro" if readonly else ("rwc" if create else "rw"))
        conn: sqlite3.Connection | None = None
        try:
            conn = connect(target, foreign_keys=foreign_keys)
            wal = settle(conn, readonly=readonly or memory)
            level = durability or ("normal" if wal else None)
            if level is not None:
                conn.execute(f"PRAGMA synchronous = {level.upper()}")
        except sqlite3.Error as error:
            if conn is not None:
                conn.close()
            raise open_error(error, path) from error
        return cls(conn, shared=not memory, readonly=readonly)

    def write(self, job: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Queue `job` for a later turn of the loop."""
        if self._closed:
            raise ClosedError("the database is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.append((future, job))
        self._wake(loop)
        return future

    def post(self, call: Callable[[], None]) -> None:
        """Run `call` before the outcome of the running job arrives."""
        self._posted.append(call)

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run `job` inside one read transaction; not while a block is open."""

        def snapshot(conn: Connection) -> T:
            conn.execute("BEGIN")
            try:
                return job(conn)
            finally:
                conn.execute("ROLLBACK")

        return await self.write(snapshot)

    def on_readers(self, job: Callable[[Connection], object]) -> None:
        """Do nothing: the connection that `job` has run on is the only one."""

    async def pause(self, seconds: float) -> None:
        """Wait until others may have written, at most `seconds`."""
        await asyncio.sleep(seconds)

    async def saved(self) -> None:
        """Return at once: what is committed is in the file."""

    async def close(self) -> None:
        """Do what is queued, then close the connection."""
        if not self._closed:
            self._drain()
            self._conn.close()

    def _drain(self) -> None:
        """Take no more jobs, and do those that are queued."""
        self._closed = True
        while self._jobs:
            self._run_one()

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._woken is not loop:
            self._woken = loop
            loop.call_soon(self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run jobs for as long as a page may be kept waiting; what is left has the next turn."""
        self._woken = None
        until = time.perf_counter() + _TURN_S
        try:
            while self._jobs and not self._closed:
                self._run_one()
                if time.perf_counter() > until:
                    break
        finally:
            self._turned()
            if self._jobs and not self._closed:
                self._wake(loop)

    def _failed(self, error: BaseException) -> None:
        """Hear that a job failed."""

    def _turned(self) -> None:
        """Hear that jobs have run; there may be more of them."""

    def _run_one(self) -> None:
        future, job = self._jobs.popleft()
        result, failure = None, None
        try:
            result = job(self._conn)
        except BaseException as error:  # also what ends programs: the one who waits must hear of it
            failure = error
            self._failed(error)
        posted, self._posted = self._posted, []
        try:
            for call in posted:
                call()
        finally:
            if failure is not None:
                fail(future, failure)
            elif not future.done():
                future.set_result(result)


def connect(target: str, *, foreign_keys: bool) -> sqlite3.Connection:
    """Return a connection that waits for no lock."""
    conn = sqlite3.connect(
        target,
        uri=target != ":memory:",
        isolation_level=None,
        cached_statements=STATEMENTS_CACHED,
        timeout=0,
        check_same_thread=False,
    )
    for pragma in pragmas(foreign_keys=foreign_keys):
        conn.execute(pragma)
    return conn
