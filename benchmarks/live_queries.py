"""What a live query costs beside the plain write, and beside running the query again, in the same run.

    python3 dev bench live_queries                     10k and 100k issues, file and memory: about a minute
    python3 dev bench live_queries 10000 1000000       other sizes

The workload stands in `_workload.py`. Two equal databases stand side by side: in one, Eddyline follows one query; the
other is plain SQLite on the same settings (a file with WAL and synchronous NORMAL, or memory). 2,000 single-row writes,
one transaction each, go to both in turns of 50, so that the noise of the machine hits both alike.

    plain    BEGIN IMMEDIATE, the statement, COMMIT; on the writer's thread
    change   the same write through Eddyline's writer as `db.execute` does it, until its patches are handed to the loop;
             on the same thread
    query    the query, with the view's key in ORDER BY, all rows fetched, as one job on bare aiosqlite, awaited
    fill     `db.live` of a text that was used before, awaited; `first` is the very first time, planning included
    bulk     one update of 5,000 rows with the view, beside the same done plainly and the query run once after it
    execute  `db.execute` with the view, awaited, beside the same write as one job on bare aiosqlite
    at once  32 tasks that do so one after the other, each for itself: transactions a second of all of them
    line     the time line of one `execute` that changes the view: from the call to the thread, the job there, from its
             end to the view's subscriber on the loop, from there to the code that awaits; beside bare aiosqlite

Times are means, then medians, in microseconds, but for those in ms; those of `line` are medians.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import inf
from pathlib import Path
from statistics import fmean, median
from typing import Any

import aiosqlite
from _workload import COMMENTS_EACH, QUERIES, Query, Tracker, Write

from eddyline import Database

WRITES, AWAITED, TURN = 2_000, 1_000, 50
FILLS, BULKS = 15, 3
TASKS, ROUNDS = 32, 3
SIZES = (10_000, 100_000)
HEAD = (
    f"{'query':<28} {'rule':<6} {'plain':>6} {'change':>7} {'x':>5} {'medians':>13} {'x':>5}"
    f" {'query ms':>9} {'fill ms':>8} {'x':>5} {'first ms':>8} {'bulk x':>6}"
)


@dataclass(frozen=True, slots=True)
class Times:
    """How long the same things took, in seconds."""

    ours: list[float]
    plain: list[float]

    @property
    def mean(self) -> float:
        return fmean(self.ours) / fmean(self.plain)

    @property
    def mid(self) -> float:
        return median(self.ours) / median(self.plain)


class Plain:
    """The database without us: the same rows under aiosqlite."""

    def __init__(self, conn: aiosqlite.Connection) -> None:
        self.conn = conn
        self.raw: sqlite3.Connection = conn._conn

    @classmethod
    async def copy(cls, db: Database, path: str) -> Plain:
        """Return a copy of `db` at `path`, WAL and synchronous NORMAL if that is a file."""
        conn = await aiosqlite.connect(path, isolation_level=None, check_same_thread=False, cached_statements=4096)
        plain = cls(conn)
        await db._store.write(lambda raw: raw.backup(plain.raw))  # type: ignore[attr-defined]  # it is sqlite3's own
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "temp_store = MEMORY", "foreign_keys = 1"):
            plain.raw.execute(f"PRAGMA {pragma}")
        return plain

    def write(self, sql: str, args: tuple[Any, ...]) -> None:
        """Do one write as a transaction of its own, on the thread that calls."""
        self.raw.execute("BEGIN IMMEDIATE")
        self.raw.execute(sql, args)
        self.raw.execute("COMMIT")

    async def job(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Run `fn` as one job on aiosqlite's thread: the driver's private way to do that."""
        return await self.conn._execute(fn, *args)  # type: ignore[no-untyped-call]

    def query(self, sql: str) -> None:
        """Run a query, fetch its rows."""
        self.raw.execute(sql).fetchall()


def interleaved(ours: Callable[..., object], plain: Callable[..., object], writes: Sequence[Write]) -> Times:
    """Time each write on both sides, in turns of `TURN`."""
    times = Times([], [])
    for start in range(0, len(writes), TURN):
        for work, spent in ((plain, times.plain), (ours, times.ours)):
            for sql, args in writes[start : start + TURN]:
                started = time.perf_counter()
                work(sql, args)
                spent.append(time.perf_counter() - started)
    return times


async def interleaved_awaited(
    ours: Callable[..., Awaitable[object]], plain: Callable[..., Awaitable[object]], writes: Sequence[Write]
) -> Times:
    """Time each awaited write on both sides, in turns of `TURN`."""
    times = Times([], [])
    for start in range(0, len(writes), TURN):
        for work, spent in ((plain, times.plain), (ours, times.ours)):
            for sql, args in writes[start : start + TURN]:
                started = time.perf_counter()
                await work(sql, args)
                spent.append(time.perf_counter() - started)
    return times


async def seconds(work: Awaitable[object]) -> float:
    """Return how long it took to await `work`."""
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def fills(db: Database, plain: Plain, query: Query) -> tuple[Times, float]:
    """Return the times of the first fill beside the query's, and of the very first fill."""
    started = time.perf_counter()
    view = await db.live(query.sql)
    first_s = time.perf_counter() - started
    sql = view.explain().data["defining_sql"] or query.sql
    view.close()
    times = Times([], [])
    for _ in range(FILLS):
        times.plain.append(await seconds(plain.job(plain.query, sql)))
        started = time.perf_counter()
        view = await db.live(query.sql)
        times.ours.append(time.perf_counter() - started)
        view.close()
    return times, first_s


async def bulks(db: Database, plain: Plain, tracker: Tracker, sql: str) -> float:
    """Return the time of a bulk update followed by the view, over the plain one and the query run after it."""
    times = Times([], [])
    for turn in range(BULKS):
        statement, args = tracker.bulk(turn)

        def both(statement: str = statement, args: tuple[Any, ...] = args) -> None:
            plain.write(statement, args)
            plain.query(sql)

        times.plain.append(await seconds(plain.job(both)))
        times.ours.append(await seconds(db.execute(statement, *args)))
    return times.mid


async def measure_query(db: Database, plain: Plain, tracker: Tracker, query: Query) -> tuple[str, Times, Times]:
    """Return the line of one query, the times of its writes, and those of its awaited writes."""
    filled, first_s = await fills(db, plain, query)
    writer = db._queue.writer

    def change(sql: str, args: tuple[Any, ...]) -> None:
        writer.begin()
        writer.execute(sql, args, {}, alone=True)
        writer.commit()

    view = await db.live(query.sql)
    data = view.explain().data
    writes = tracker.writes(WRITES, comments=query.comments)
    changed = await db._store.write(lambda conn: interleaved(change, plain.write, writes))
    writes = tracker.writes(AWAITED, comments=query.comments)
    awaited = await interleaved_awaited(
        lambda sql, args: db.execute(sql, *args), lambda sql, args: plain.job(plain.write, sql, args), writes
    )
    bulk = await bulks(db, plain, tracker, data["defining_sql"] or query.sql)
    expected = plain.raw.execute(data["defining_sql"] or query.sql).fetchall()
    await db.settled()
    assert [tuple(row) for row in view.rows()] == expected, f"{query.name} shows what the plain database does not"
    view.close()
    us = [f(t) * 1e6 for f in (fmean, median) for t in (changed.plain, changed.ours)]
    line = (
        f"{query.name:<28} {data['rule']:<6} {us[0]:>6.1f} {us[1]:>7.1f} {changed.mean:>5.2f}"
        f" {us[2]:>6.1f} {us[3]:>6.1f} {changed.mid:>5.2f}"
        f" {median(filled.plain) * 1e3:>9.2f} {median(filled.ours) * 1e3:>8.2f} {filled.mid:>5.2f}"
        f" {first_s * 1e3:>8.1f} {bulk:>6.2f}"
    )
    return line, changed, awaited


async def measure(folder: str | None, issues: int) -> dict[str, float]:
    """Print the table of one database, on a file in `folder` or in memory; return the mean of `change` by query."""
    means: dict[str, float] = {}
    path, copy = (":memory:",) * 2 if folder is None else (str(Path(folder) / name) for name in ("ours.db", "plain.db"))
    async with Database.open(path, poll_s=0) as db:
        db.slow_s = inf  # a first fill of a million rows is slow, and its time is in the table
        tracker = Tracker(issues)
        await db.write(tracker.fill)
        plain = await Plain.copy(db, copy)
        kind = "memory" if folder is None else "file + WAL + NORMAL"
        print(f"\n{issues:,} issues, {issues * COMMENTS_EACH:,} comments, {kind}\n{HEAD}")
        lines = []
        for query in QUERIES:
            line, changed, awaited = await measure_query(db, plain, tracker, query)
            means[query.name] = fmean(changed.ours)
            lines.append(f"{query.name:<28} {_execute(awaited)}")
            print(line, flush=True)
        lines.append(f"{'no view':<28} {_execute(await _without_view(db, plain, tracker))}")
        print(f"\n{'awaited':<28} {'bare':>7} {'execute':>8} {'x':>5} {'medians':>15} {'x':>5}", *lines, sep="\n")
        print("\nline", *await _time_line(db, plain, tracker), sep="\n")
        print(f"\n{f'{TASKS} tasks at once, 1/s':<28} {'bare':>7} {'execute':>8} {'x':>5}")
        print(f"{QUERIES[0].name:<28} {await _at_once(db, plain, tracker)}")
        await plain.conn.close()
    return means


def _execute(times: Times) -> str:
    us = [f(t) * 1e6 for f in (fmean, median) for t in (times.plain, times.ours)]
    return f"{us[0]:>7.1f} {us[1]:>8.1f} {times.mean:>5.2f} {us[2]:>7.1f} {us[3]:>7.1f} {times.mid:>5.2f}"


async def _without_view(db: Database, plain: Plain, tracker: Tracker) -> Times:
    return await interleaved_awaited(
        lambda sql, args: db.execute(sql, *args),
        lambda sql, args: plain.job(plain.write, sql, args),
        tracker.writes(AWAITED, comments=True),
    )


async def _time_line(db: Database, plain: Plain, tracker: Tracker) -> list[str]:
    """Return the legs of awaited writes that change a view, and of the same writes on bare aiosqlite."""
    legs: dict[str, list[tuple[float, ...]]] = {"bare": [], "execute": []}
    marks: list[float] = []
    queue_job = db._store.write

    def timed(job: Callable[..., Any], *args: Any) -> Any:
        marks.append(time.perf_counter())
        result = job(*args)
        marks.append(time.perf_counter())
        return result

    async def measure(kind: str, work: Awaitable[object], ends: int) -> None:
        marks[:] = [time.perf_counter()]
        await work
        marks.append(time.perf_counter())
        if len(marks) == ends:
            legs[kind].append(tuple(end - start for start, end in pairwise(marks)))

    view = await db.live(QUERIES[0].sql)
    view.subscribe(lambda patches: marks.append(time.perf_counter()))
    db._store.write = lambda job: queue_job(partial(timed, job))  # type: ignore[method-assign]  # for these writes
    for sql, args in tracker.writes(AWAITED, comments=False):
        await measure("bare", plain.job(timed, plain.write, sql, args), ends=4)
        await measure("execute", db.execute(sql, *args), ends=5)
    db._store.write = queue_job  # type: ignore[method-assign]  # as it was
    view.close()
    names = {"bare": ("to thread", "job", "awake"), "execute": ("to thread", "job", "shown", "awake")}
    lines = []
    for kind, found in legs.items():
        medians = [median(times) * 1e6 for times in zip(*found, strict=True)]
        shown = (f"{name} {us:.1f}" for name, us in zip(names[kind], medians, strict=True))
        lines.append(f"{kind:<28} {'  '.join(shown)}")
    return lines


async def _at_once(db: Database, plain: Plain, tracker: Tracker) -> str:
    """Return how many transactions a second 32 tasks do together, with one view: the best round of each side."""
    view = await db.live(QUERIES[0].sql)
    best = {"bare": 0.0, "execute": 0.0}
    works = {
        "bare": lambda sql, args: plain.job(plain.write, sql, args),
        "execute": lambda sql, args: db.execute(sql, *args),
    }
    for _ in range(ROUNDS):
        for name, work in works.items():
            writes = tracker.writes(AWAITED * 2, comments=False)
            left = iter(writes)

            async def task(work: Any = work, left: Any = left) -> None:
                for sql, args in left:
                    await work(sql, args)

            took_s = await seconds(asyncio.gather(*(task() for _ in range(TASKS))))
            best[name] = max(best[name], len(writes) / took_s)
    view.close()
    return f"{best['bare']:>7.0f} {best['execute']:>8.0f} {best['bare'] / best['execute']:>5.2f}"


async def main(sizes: Sequence[int]) -> None:
    """Print all tables, and how the largest stands to the smallest."""
    means: dict[tuple[str, int], dict[str, float]] = {}
    for issues in sizes:
        with tempfile.TemporaryDirectory() as folder:
            means["file", issues] = await measure(folder, issues)
        means["memory", issues] = await measure(None, issues)
    small, large = min(sizes), max(sizes)
    if small != large:
        print(f"\nchange, {large:,} issues over {small:,}")
        for query in QUERIES:
            shown = (means[kind, large][query.name] / means[kind, small][query.name] for kind in ("file", "memory"))
            print(f"{query.name:<28} {'file':>6} {next(shown):.2f} {'memory':>8} {next(shown):.2f}")


if __name__ == "__main__":
    asyncio.run(main([int(arg) for arg in sys.argv[1:]] or SIZES))
