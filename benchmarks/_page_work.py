"""What `browser.py` measures, the same code in a page and natively: it knows neither.

A page's clock ticks every 0.1 ms, so turns of writes are timed, never one write.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from math import inf
from statistics import median
from typing import Any

from _workload import QUERIES, Query, Tracker

from eddyline import Database
from eddyline.stores import Durability

TURN, TURNS = 50, 20
INSERTS = 10_000
SAVES, SAVE_TURNS = 5, 25


async def reference(issues: int) -> dict[str, list[float]]:
    """Return for each query of the reference workload: us of a plain write, of one that is followed, ms of a fill."""
    found: dict[str, list[float]] = {}
    async with Database.open(":memory:", poll_s=0) as db:
        db.slow_s = inf
        tracker = Tracker(issues)
        await db.write(tracker.fill)
        raw = sqlite3.connect(":memory:", isolation_level=None, cached_statements=4096, check_same_thread=False)
        await db._store.write(lambda conn: conn.backup(raw))  # type: ignore[attr-defined]  # it is sqlite3's own
        for query in QUERIES:
            found[query.name] = await _one(db, raw, tracker, query)
        raw.close()
    return found


async def _one(db: Database, raw: sqlite3.Connection, tracker: Tracker, query: Query) -> list[float]:
    (await db.live(query.sql)).close()  # planned
    started = time.perf_counter()
    for _ in range(5):
        (await db.live(query.sql)).close()
    fill_ms = (time.perf_counter() - started) / 5 * 1e3
    view = await db.live(query.sql)
    writer = db._queue.writer

    def plain(sql: str, args: tuple[Any, ...]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        raw.execute(sql, args)
        raw.execute("COMMIT")

    def ours(sql: str, args: tuple[Any, ...]) -> None:
        writer.begin()
        writer.execute(sql, args, {}, alone=True)
        writer.commit()

    writes = tracker.writes(TURN * TURNS, comments=query.comments)
    spent: dict[Callable[..., None], list[float]] = {plain: [], ours: []}

    def turn(work: Callable[..., None], start: int) -> None:
        started = time.perf_counter()
        for sql, args in writes[start : start + TURN]:
            work(sql, args)
        spent[work].append((time.perf_counter() - started) / TURN * 1e6)

    for start in range(0, len(writes), TURN):
        for work in (plain, ours):
            await db._store.write(lambda conn: turn(work, start))  # noqa: B023  # awaited at once
    await db.settled()
    expected = raw.execute(view.explain().data["defining_sql"] or query.sql).fetchall()
    assert [tuple(row) for row in view.rows()] == expected, f"{query.name} shows what the plain database does not"
    view.close()
    return [median(spent[plain]), median(spent[ours]), fill_ms]


async def inserts() -> dict[str, float]:
    """Return ms of 10,000 inserts, in one transaction, with a live count of them."""
    found: dict[str, float] = {}
    async with Database.open(":memory:", poll_s=0) as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, s TEXT)")
        await db.live("SELECT count(*) AS n FROM t")
        rows = [(n, f"row {n}") for n in range(INSERTS)]
        raw = sqlite3.connect(":memory:", isolation_level=None)
        raw.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, s TEXT)")

        async def timed(name: str, work: Callable[[], Any]) -> None:
            started = time.perf_counter()
            await work()
            found[name] = (time.perf_counter() - started) * 1e3

        async def plain() -> None:
            raw.execute("BEGIN")
            raw.executemany("INSERT INTO t (n, s) VALUES (?, ?)", rows)
            raw.execute("COMMIT")

        async def each() -> None:
            for row in rows[:1_000]:
                await db.execute("INSERT INTO t (n, s) VALUES (?, ?)", *row)

        await timed("plain executemany", plain)
        await timed("db.executemany", lambda: db.executemany("INSERT INTO t (n, s) VALUES (?, ?)", rows))
        await timed("1,000 db.execute, one by one", each)
        await db.settled()
        raw.close()
    return found


async def kept(name: str, issues: int) -> dict[str, float]:
    """Return what it costs to keep a database of `issues`: its MB, and ms of saving, of writes, of opening again.

    Beside it what it would cost to find the changed pages by `serialize()`, without a look at what SQLite writes.
    """
    tracker = Tracker(issues)
    found: dict[str, float] = {}
    async with Database.open(name, poll_s=0) as db:
        await db.write(tracker.fill)
        started = time.perf_counter()
        await db.saved("local")
        found["save all, ms"] = (time.perf_counter() - started) * 1e3
        writes = tracker.writes(40, comments=False)
        for label, wait in (("a write, ms", False), ("a write and saved, ms", True)):
            started = time.perf_counter()
            for sql, args in writes[:20]:
                await db.execute(sql, *args)
                if wait:
                    await db.saved("local")
            found[label] = (time.perf_counter() - started) / 20 * 1e3
            await db.saved("local")
            del writes[:20]
        before = await db._store.write(lambda conn: conn.serialize())  # type: ignore[attr-defined]  # sqlite3's own
        found["MB"] = len(before) / 1e6
        started = time.perf_counter()
        now = await db._store.write(lambda conn: conn.serialize())  # type: ignore[attr-defined]  # as above
        changed = [at for at in range(0, len(now), 4096) if now[at : at + 4096] != before[at : at + 4096]]
        assert not changed
        found["pages by serialize(), ms"] = (time.perf_counter() - started) * 1e3
        del before, now
    started = time.perf_counter()
    async with Database.open(name, poll_s=0):
        found["open again, ms"] = (time.perf_counter() - started) * 1e3
    return found


async def saves(name: str, pad: int) -> dict[str, float]:
    """Return ms until a commit of one row of `pad` bytes is kept: medians, the ways to keep it taken in turns.

    Where there are no handles (on the main thread) the first way is IndexedDB's, too.
    """
    from eddyline.stores import kept

    async def opened(way: str, durability: Durability | None) -> Database:
        db = await Database.open(f"{name}-{pad}-{way}.db", poll_s=0, durability=durability)
        await db.execute("CREATE TABLE IF NOT EXISTS t (n, pad)")
        return db

    ways = {"log, where there is one": await opened("log", None)}
    whole = kept._redo_files
    kept._redo_files = lambda: _WithoutHandles(whole())
    ways["IndexedDB"] = await opened("relaxed", None)
    ways["IndexedDB, durability full"] = await opened("strict", "full")
    kept._redo_files = whole
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(SAVE_TURNS):
        for way, db in ways.items():
            started = time.perf_counter()
            for n in range(SAVES):
                await db.execute("INSERT INTO t VALUES (?, ?)", n, "x" * pad)
                await db.saved("local")
            spent[way].append((time.perf_counter() - started) / SAVES * 1e3)
    for db in ways.values():
        await db.close()
    return {way: median(times) for way, times in spent.items()}


class _WithoutHandles:
    """The files of a redo log in a browser that gives no handles."""

    def __init__(self, files: Any) -> None:  # Any: a proxy of an object in `redo.js`
        self.read = files.read

    async def open(self, name: str) -> list[Any]:  # Any: there are none
        return []
