"""What a live query costs beside the plain write, and beside running the query again, in the same run.

    python benchmarks/live_queries.py                 10k and 100k issues, file and memory
    python benchmarks/live_queries.py 1000000         another size

Workload: 1,000 users, 100 projects, issues, seeded; 600 single-row updates, one transaction each, issued on the
writer's thread: `plain` is BEGIN IMMEDIATE, UPDATE, COMMIT on the same connection without capture; `change` the same
write through Eddyline with one view on the query, until its patches are handed to the loop. `fill` is the first fill
beside the plain query with the same key in ORDER BY. `again` is what running the query again after each write would
cost instead. Then the awaited path: `db.execute` with one view, beside one job through bare aiosqlite.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import aiosqlite

from eddyline import Database
from eddyline.core.write.writer import SyncTransaction

WRITES = 600
QUERIES = {
    "filter, order, limit 50": (
        "SELECT id, title, priority FROM issue WHERE state = 'open' ORDER BY priority DESC LIMIT 50"
    ),
    "three-way join, filtered": (
        "SELECT i.id, i.title, p.name, u.name FROM issue i JOIN project p ON p.id = i.project "
        "JOIN user u ON u.id = i.owner WHERE u.id < 20 AND i.state = 'open'"
    ),
    "group by, count and sum": (
        "SELECT p.name, count(*) AS n, sum(i.priority) AS s FROM issue i JOIN project p ON p.id = i.project "
        "WHERE i.state = 'open' GROUP BY p.name"
    ),
    "left join of one project": (
        "SELECT p.name, i.id, i.title FROM project p LEFT JOIN issue i ON i.project = p.id AND i.priority = 9 "
        "WHERE p.id = 5"
    ),
}
STATES = ("open", "closed", "wip")


async def build(db: Database, issues: int) -> None:
    """Fill the database."""
    rng = random.Random(1)
    async with db.transaction() as tx:
        await tx.execute("CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT)")
        await tx.execute("CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT)")
        await tx.execute(
            "CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT, state TEXT, priority INT, project INT, owner INT)"
        )
        await tx.executemany("INSERT INTO project VALUES (?, ?)", [(n, f"project {n}") for n in range(100)])
        await tx.executemany("INSERT INTO user VALUES (?, ?)", [(n, f"user {n}") for n in range(1000)])
        await tx.executemany(
            "INSERT INTO issue VALUES (?, ?, ?, ?, ?, ?)",
            [
                (n, f"issue {n}", rng.choice(STATES), rng.randrange(10), rng.randrange(100), rng.randrange(1000))
                for n in range(issues)
            ],
        )
        await tx.execute("CREATE INDEX by_state ON issue (state, priority DESC, id)")
        await tx.execute("CREATE INDEX by_project ON issue (project)")
        await tx.execute("CREATE INDEX by_owner ON issue (owner)")


def changes(issues: int) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the single-row updates: half of them move a row in or out of every query."""
    rng = random.Random(2)
    priority, state = "UPDATE issue SET priority = ? WHERE id = ?", "UPDATE issue SET state = ? WHERE id = ?"
    return [
        (priority, (rng.randrange(10), rng.randrange(issues)))
        if rng.random() < 0.5
        else (state, (rng.choice(STATES), rng.randrange(issues)))
        for _ in range(WRITES)
    ]


def us_each(work: Callable[[str, tuple[Any, ...]], object], writes: Sequence[tuple[str, tuple[Any, ...]]]) -> float:
    """Return the mean time of one write in microseconds."""
    times = []
    for sql, args in writes:
        started = time.perf_counter()
        work(sql, args)
        times.append(time.perf_counter() - started)
    return fmean(times) * 1e6


async def measure(path: str, issues: int) -> None:
    """Print the table of one database."""
    async with Database.open(path, poll_s=0) as db:
        await build(db, issues)
        writes, writer, store = changes(issues), db._queue.writer, db._store

        def plain(conn: Any) -> float:
            def one(sql: str, args: tuple[Any, ...]) -> None:
                conn.execute("BEGIN IMMEDIATE")
                conn.execute(sql, args)
                conn.execute("COMMIT")

            return us_each(one, writes)

        def through(conn: Any) -> float:
            def one(sql: str, args: tuple[Any, ...]) -> None:
                writer.begin()
                SyncTransaction(writer).execute(sql, *args)
                writer.commit("")

            return us_each(one, writes)

        kind = "memory" if path == ":memory:" else "file, WAL, NORMAL"
        plain_us = await store.write(plain)
        print(f"\n{issues:,} issues, {kind}: plain write {plain_us:.1f} us")
        print(
            f"{'query':<26} {'rule':<6} {'change us':>9} {'x plain':>8} {'fill ms':>8} {'x query':>8} {'again us':>9}"
        )
        for name, sql in QUERIES.items():
            warm = await db.live(sql)
            defining = warm.explain().data["defining_sql"]
            warm.close()
            plain_s = min([await timed(db, defining) for _ in range(5)])
            started = time.perf_counter()
            view = await db.live(sql)
            fill_s = time.perf_counter() - started
            again_us = plain_s * 1e6
            change_us = await store.write(through)
            rule = view.explain().data["rule"]
            print(
                f"{name:<26} {rule:<6} {change_us:>9.1f} {change_us / plain_us:>8.2f} {fill_s * 1e3:>8.2f} "
                f"{fill_s / plain_s:>8.2f} {again_us:>9.0f}"
            )
            view.close()
        view = await db.live(QUERIES["filter, order, limit 50"])
        started = time.perf_counter()
        for sql, args in writes:
            await db.execute(sql, *args)
        ours_us = (time.perf_counter() - started) / WRITES * 1e6
        view.close()
    if path != ":memory:":
        bare_us = await bare(path, writes)
        print(f"awaited: db.execute with one view {ours_us:.0f} us, one job of bare aiosqlite {bare_us:.0f} us: "
              f"x {ours_us / bare_us:.2f}")  # fmt: skip


async def timed(db: Database, sql: str) -> float:
    """Return how long the plain query takes on the writer's own connection, rows fetched, in seconds."""

    def job(conn: Any) -> float:
        started = time.perf_counter()
        conn.execute(sql).fetchall()
        return time.perf_counter() - started

    return await db._store.write(job)


async def bare(path: str, writes: Sequence[tuple[str, tuple[Any, ...]]]) -> float:
    """Return the mean of one write as one job on aiosqlite's thread, in microseconds."""
    conn = await aiosqlite.connect(path, isolation_level=None)
    await conn.execute("PRAGMA synchronous = NORMAL")
    raw: sqlite3.Connection = conn._conn

    def job(sql: str, args: tuple[Any, ...]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        raw.execute(sql, args)
        raw.execute("COMMIT")

    started = time.perf_counter()
    for sql, args in writes:
        await conn._execute(job, sql, args)  # type: ignore[no-untyped-call]  # the driver's private way to run a job
    took_s = time.perf_counter() - started
    await conn.close()
    return took_s / len(writes) * 1e6


async def main(sizes: Sequence[int]) -> None:
    """Print all tables."""
    for issues in sizes:
        with tempfile.TemporaryDirectory() as folder:
            await measure(str(Path(folder) / "bench.db"), issues)
        await measure(":memory:", issues)


if __name__ == "__main__":
    asyncio.run(main([int(arg) for arg in sys.argv[1:]] or [10_000, 100_000]))
