"""Views beside concurrent writers: another process, other tasks' open blocks, fills that race commits."""

from __future__ import annotations

import asyncio
import contextvars
import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, View

QUERIES = [
    "SELECT id, title, state FROM issue WHERE state = 'open' ORDER BY priority DESC, id LIMIT 7",
    "SELECT p.id, count(*) AS n, sum(i.priority) AS s FROM issue i JOIN project p ON p.id = i.project GROUP BY p.id",
    "SELECT p.id, i.id FROM project p LEFT JOIN issue i ON i.project = p.id AND i.state = 'open' ORDER BY p.id, i.id",
    "SELECT state, min(priority), max(priority) FROM issue GROUP BY state ORDER BY state",
    "SELECT DISTINCT state FROM issue ORDER BY state",
]
DEFINING = [
    QUERIES[0], f"{QUERIES[1]} ORDER BY p.id", QUERIES[2], QUERIES[3], QUERIES[4],
]  # fmt: skip

WRITER = """
import random, sqlite3, sys
rng, conn = random.Random(int(sys.argv[2])), sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
for _ in range(60):
    conn.execute("BEGIN IMMEDIATE")
    for _ in range(rng.randint(1, 4)):
        conn.execute("UPDATE issue SET state = ?, priority = ? WHERE id = ?",
                     (rng.choice(["open", "closed"]), rng.randrange(9), rng.randrange(60)))
        conn.execute("INSERT INTO issue (title, state, priority, project) VALUES ('new', 'open', ?, ?)",
                     (rng.randrange(9), rng.randrange(5)))
        conn.execute("DELETE FROM issue WHERE id = ?", (rng.randrange(200),))
    conn.execute(rng.choice(["COMMIT", "COMMIT", "ROLLBACK"]))
"""


def make_file(path: Path, *, wal: bool) -> None:
    with closing(sqlite3.connect(path)) as conn:
        if wal:
            conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT)")
        conn.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT, state TEXT, priority INT, project INT)")
        conn.executemany("INSERT INTO project VALUES (?, ?)", [(n, f"p{n}") for n in range(5)])
        conn.executemany(
            "INSERT INTO issue VALUES (?, ?, ?, ?, ?)",
            [(n, f"i{n}", "open" if n % 3 else "closed", n % 7, n % 5) for n in range(60)],
        )
        conn.commit()


async def write_randomly(db: Database, rng: random.Random, times: int) -> None:
    for _ in range(times):
        if rng.random() < 0.4:
            await db.execute("UPDATE issue SET priority = ? WHERE id = ?", rng.randrange(9), rng.randrange(60))
            continue
        async with db.transaction() as tx:
            await tx.execute("UPDATE issue SET state = 'closed' WHERE id = ?", rng.randrange(60))
            await asyncio.sleep(0)
            await tx.execute("INSERT INTO issue (title, state, priority, project) VALUES ('x', 'open', 3, 2)")
            if rng.random() < 0.3:
                await tx.rollback()


def assert_views_are_right(views: list[View], path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        for view, defining in zip(views, DEFINING, strict=True):
            assert [tuple(row) for row in view.peek()] == conn.execute(defining).fetchall(), defining


@pytest.mark.parametrize("wal", [True, False], ids=["wal", "rollback journal"])
async def test_two_other_processes_write_while_we_do(tmp_path: Path, *, wal: bool) -> None:
    path = tmp_path / "shared.db"
    make_file(path, wal=wal)
    async with Database.open(path, busy_timeout_s=60, poll_s=0.01) as db:
        views = [await db.live(query) for query in QUERIES]
        start = asyncio.create_subprocess_exec
        others = [await start(sys.executable, "-c", WRITER, str(path), seed) for seed in "12"]
        try:
            await write_randomly(db, random.Random(3), 60)
            for other in others:
                assert await other.wait() == 0
        finally:
            for other in others:
                if other.returncode is None:
                    other.kill()
                    await other.wait()
        await db.settled()
        assert_views_are_right(views, path)


@pytest.mark.parametrize("seed", range(6))
async def test_views_filled_while_blocks_are_open_and_commits_land_end_up_right(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "racing.db"
    make_file(path, wal=seed % 2 == 0)
    rng = random.Random(seed)
    async with Database.open(path, busy_timeout_s=60, poll_s=0.01) as db:

        async def fill(query: str) -> View:
            for _ in range(rng.randrange(12)):
                await asyncio.sleep(0)
            return await db.live(query)

        def apart(coroutine: Any) -> asyncio.Task[Any]:
            return asyncio.get_running_loop().create_task(coroutine, context=contextvars.Context())

        writers = [apart(write_randomly(db, random.Random(seed * 10 + n), 12)) for n in range(3)]
        views = await asyncio.gather(*(apart(fill(query)) for query in QUERIES))
        replayed: list[list[Any]] = [[] for _ in views]
        for view, rows in zip(views, replayed, strict=True):
            view.subscribe(lambda patches, rows=rows: _replay(patches, rows))
        await asyncio.gather(*writers)
        await db.settled()
        assert_views_are_right(views, path)
        assert replayed == [list(view.peek()) for view in views]


def _replay(patches: list[Any], rows: list[Any]) -> None:
    from eddyline.signals import apply_patches

    apply_patches(patches, rows)


async def test_a_memory_database_holds_in_one_connection(tmp_path: Path) -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT)")
        await db.execute(
            "CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT, state TEXT, priority INT, project INT)"
        )
        await db.executemany("INSERT INTO project VALUES (?, ?)", [(n, f"p{n}") for n in range(5)])
        views = [await db.live(query) for query in QUERIES]
        await asyncio.gather(*(write_randomly(db, random.Random(n), 20) for n in range(3)))
        await db.settled()
        for view, defining in zip(views, DEFINING, strict=True):
            assert list(view.peek()) == await db.fetch(defining)
