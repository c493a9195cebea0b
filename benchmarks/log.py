"""What the commit log costs: a write, the file, a join of two databases, a look at who wrote a cell.

    python3 dev bench log              2,000 rows: half a minute
    python3 dev bench log 20000        more rows

The workload: an issue with a title, a body of 100 characters, state, priority and project is inserted, then its state
is updated; a transaction each. The databases do it in turns of 50, so that the noise of the machine hits all alike:
plain SQLite on aiosqlite (WAL, synchronous NORMAL), Eddyline without a log, Eddyline with one.

    awaited   each write awaited before the next        32 tasks   32 at a time
    file      size of the file, and beside the plain one; with full history and with none
    pull      100 ops a commit, taken in by another database, each as one transaction
    blame     the look itself, on a connection; `db.blame` awaits a reader's thread besides
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import fmean, median
from typing import Any

import aiosqlite

from eddyline import Column, Database, Model, Ref, Text, column, new_id
from eddyline.core.log.history import blame

ROWS, TURN, TASKS = 2_000, 50, 32
PULLED, OPS = 1_000, 100
INSERT = "INSERT INTO issue (id, title, body, state, priority, project) VALUES (?, ?, ?, 'open', ?, 'P')"
UPDATE = "UPDATE issue SET state = 'closed' WHERE id = ?"
BODY = "When I open the list after a cold start, it takes long until anything is shown; see the attached trace."

Write = tuple[str, tuple[Any, ...]]


class Project(Model):
    name: Column[str]


class Issue(Model):
    title: Column[str]
    body: Text = Text()
    state: Column[str] = column(default="open")
    priority: Column[int] = column(default=0)
    project: Ref[Project]


class Brief(Model, table="issue", history="none"):
    title: Column[str]
    body: Text = Text()
    state: Column[str] = column(default="open")
    priority: Column[int] = column(default=0)
    project: Ref[Project]


class Plain:
    """The same tables without us."""

    def __init__(self, conn: aiosqlite.Connection) -> None:
        self._conn = conn

    @classmethod
    async def open(cls, path: Path, like: Database) -> Plain:
        conn = await aiosqlite.connect(path, isolation_level=None, cached_statements=4096)
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "temp_store = MEMORY", "foreign_keys = 1"):
            await conn.execute(f"PRAGMA {pragma}")
        for (sql,) in await like.fetch("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"):
            await conn.execute(sql)
        return cls(conn)

    async def execute(self, sql: str, *args: Any) -> None:
        """Run one write as one job."""
        raw = self._conn._conn

        def job() -> None:
            raw.execute("BEGIN IMMEDIATE")
            raw.execute(sql, args)
            raw.execute("COMMIT")

        await self._conn._execute(job)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        await self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await self._conn.close()


def writes(rows: int) -> list[Write]:
    ids = [new_id() for _ in range(rows)]
    inserts = [(INSERT, (key, f"Issue {at} starts slowly", BODY, at % 5)) for at, key in enumerate(ids)]
    return [*inserts, *((UPDATE, (key,)) for key in ids)]


async def awaited(execute: Callable[..., Awaitable[object]], turn: list[Write]) -> list[float]:
    """Return how long each write took, one awaited after the other."""
    times = []
    for sql, args in turn:
        started = time.perf_counter()
        await execute(sql, *args)
        times.append(time.perf_counter() - started)
    return times


async def at_once(execute: Callable[..., Awaitable[object]], turn: list[Write]) -> float:
    """Return how long all took, from `TASKS` tasks."""
    waiting = iter(turn)

    async def worker() -> None:
        for sql, args in waiting:
            await execute(sql, *args)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(TASKS)))
    return time.perf_counter() - started


async def measure_writes(folder: Path, rows: int) -> None:
    bare = await Database.open(folder / "bare.db", models=[Project, Issue], log=False, poll_s=0)
    full = await Database.open(folder / "full.db", models=[Project, Issue], log=True, poll_s=0)
    none = await Database.open(folder / "none.db", models=[Project, Brief], log=True, poll_s=0)
    plain = await Plain.open(folder / "plain.db", bare)
    homes: dict[str, Any] = {"plain": plain, "no log": bare, "log": full, "log, history none": none}
    for home in homes.values():
        await home.execute("INSERT INTO project VALUES ('P', 'Core')")
    times: dict[str, list[float]] = {name: [] for name in homes}
    listed = writes(rows)
    for start in range(0, len(listed), TURN):
        for name, home in homes.items():
            times[name] += await awaited(home.execute, listed[start : start + TURN])
    show(f"{'awaited, us':<20} {'mean':>7} {'x':>5} {'median':>7} {'x':>5} {'a second':>9}")
    for name, took in times.items():
        mean, mid = fmean(took) / fmean(times["plain"]), median(took) / median(times["plain"])
        us, mid_us = fmean(took) * 1e6, median(took) * 1e6
        show(f"{name:<20} {us:7.0f} {mean:5.2f} {mid_us:7.0f} {mid:5.2f} {1e6 / us:9,.0f}")
    await plain.close()
    for home in (bare, full, none):
        await home.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await home.close()
    size = {name: file_size(folder / f"{name}.db") for name in ("plain", "full", "none")}
    for name in ("full", "none"):
        show(f"file, history {name}: {size[name]:,} bytes, plain {size['plain']:,}: x {size[name] / size['plain']:.2f}")


async def measure_tasks(folder: Path, rows: int) -> None:
    bare = await Database.open(folder / "bare32.db", models=[Project, Issue], log=False, poll_s=0)
    full = await Database.open(folder / "full32.db", models=[Project, Issue], log=True, poll_s=0)
    plain = await Plain.open(folder / "plain32.db", bare)
    homes: dict[str, Any] = {"plain": plain, "no log": bare, "log": full}
    took = dict.fromkeys(homes, 0.0)
    for home in homes.values():
        await home.execute("INSERT INTO project VALUES ('P', 'Core')")
    listed = writes(rows)
    for start in range(0, len(listed), TURN * 10):
        for name, home in homes.items():
            took[name] += await at_once(home.execute, listed[start : start + TURN * 10])
    for name in homes:
        show(f"{TASKS} tasks, {name}: {len(listed) / took[name]:,.0f} a second, x {took[name] / took['plain']:.2f}")
    await plain.close()
    await bare.close()
    await full.close()


async def measure_pull(folder: Path) -> None:
    async with (
        Database.open(folder / "a.db", models=[Project, Issue], log=True, poll_s=0) as a,
        Database.open(folder / "b.db", models=[Project, Issue], log=True, poll_s=0) as b,
    ):
        await a.execute("INSERT INTO project VALUES ('P', 'Core')")
        for _ in range(PULLED):
            many = [(new_id(), "An issue", BODY, at % 5) for at in range(OPS)]
            await a.executemany(INSERT, many)
        started = time.perf_counter()
        taken = await b.pull(a)
        took = time.perf_counter() - started
        show(f"pull of {taken:,} commits, {PULLED * OPS:,} ops: {took:.1f} s, {PULLED * OPS / took:,.0f} ops a second")
        table = b._queue.writer.logged_table("issue")
        keys = [(str(row[0]),) for row in await b.fetch("SELECT id FROM issue LIMIT 1000")]

        def look(conn: Any) -> float:
            started = time.perf_counter()
            for key in keys:
                blame(conn, table, key, "state")
            return (time.perf_counter() - started) / len(keys)

        show(f"blame of a cell: {await b._store.read(look) * 1e6:.1f} us")
        started = time.perf_counter()
        for (key,) in keys:
            await b.blame(("issue", key), "state")
        show(f"db.blame, awaited: {(time.perf_counter() - started) / len(keys) * 1e6:.0f} us")


def file_size(path: Path) -> int:
    return path.stat().st_size


def show(line: str) -> None:
    sys.stdout.write(f"{line}\n")


async def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await measure_writes(folder, rows)
        await measure_tasks(folder, rows)
        await measure_pull(folder)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
