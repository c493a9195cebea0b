"""Fills: the first rows of views, read on the writer between transactions, many in one go.

    db.live, db.live, db.live  ---> [ jobs ] ---one quiet job of at most 10 ms---> done, done, done

What is asked for while a job waits for the lock goes with it. Writers get in between: a long queue is cut into pieces.
"""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from .store import Connection
from .write.queue import WriteQueue

__all__ = ["Fills", "uncollected"]

Job: TypeAlias = Callable[[Connection], None]
Done: TypeAlias = list[tuple[asyncio.Future[None], BaseException | None]]

_PIECE_MAX_S = 0.01


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector out while thousands of things are made that stay: it would look at all, for nothing.

    For blocks of some milliseconds without an await. Two at once, on two threads, do no harm.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Fills:
    """The queue of fill jobs of one database."""

    def __init__(self, queue: WriteQueue, now: Callable[[], float]) -> None:
        self._queue, self._now = queue, now
        self._waiting: deque[tuple[Job, asyncio.Future[None]]] = deque()
        self._runner: asyncio.Task[None] | None = None

    def run(self, job: Job) -> asyncio.Future[None]:
        """Run `job` on the writer; return the future of its end, which raises what the job did."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        if self._runner is None:
            self._runner = asyncio.ensure_future(self._run())
        return future

    def close(self) -> None:
        """End what is under way; who waits for it is cancelled."""
        if self._runner is not None:
            self._runner.cancel()

    async def _run(self) -> None:
        while self._waiting:
            done: Done = []
            try:
                await self._queue.quiet(lambda conn: self._piece(conn, done))  # noqa: B023  # awaited at once
            except BaseException as error:  # whatever it is, those who wait must hear of it
                self._runner = None
                left, self._waiting = self._waiting, deque()
                for _, future in [*left]:
                    _settle(future, error)
                for future, own in done:
                    _settle(future, own or error)
                if isinstance(error, asyncio.CancelledError):
                    raise
                return
            for future, failure in done:
                _settle(future, failure)
        self._runner = None

    def _piece(self, conn: Connection, done: Done) -> None:
        """Run jobs for a while. On the writer's thread."""
        until = self._now() + _PIECE_MAX_S
        while self._waiting and (not done or self._now() < until):
            job, future = self._waiting.popleft()
            try:
                job(conn)
            except Exception as error:
                done.append((future, error))
            else:
                done.append((future, None))


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    elif isinstance(error, asyncio.CancelledError):
        future.cancel()
    else:
        future.set_exception(error)
