"""What views hold in memory: seen, limited, and gone when they are closed; who is slow is coalesced."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eddyline import (
    Column,
    Database,
    Many,
    Model,
    ParameterError,
    Ref,
    Reset,
    Scope,
    Update,
    ViewTooLargeError,
    effect,
    many,
    ref,
    signal,
)
from eddyline.core.ivm import program, read_rows
from eddyline.signals import apply_patches
from tests.patience import PATIENCE_S


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "t.db", poll_s=0) as opened:
        await opened.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, s TEXT)")
        await opened.executemany("INSERT INTO t VALUES (?, ?, ?)", [(at, at % 7, f"text {at}") for at in range(20)])
        yield opened


@pytest.mark.parametrize(
    "sql",
    ["SELECT id, n, s FROM t ORDER BY s", "SELECT s, count(*) AS n FROM t GROUP BY s", "SELECT id, s, random() FROM t"],
)
async def test_the_size_of_a_view_is_about_what_it_holds(sql: str) -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, s TEXT)")
        await db.executemany("INSERT INTO t VALUES (?, ?, ?)", [(at, at % 7, f"{at:0200}") for at in range(10_000)])
        (await db.live(sql)).close()
        gc.collect()
        tracemalloc.start()
        view = await db.live(sql)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert view.size.rows == 10_000
        assert 0.7 < view.size.bytes / held < 1.4
        assert db.stats().bytes == view.size.bytes


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM t",
        "SELECT s, count(*) AS n FROM t GROUP BY s LIMIT 2",
        "SELECT a.id, b.n FROM t AS a LEFT JOIN t AS b ON b.id = a.n",
        "SELECT id FROM t UNION ALL SELECT id FROM t WHERE id < 0",
        "SELECT id, random() FROM t",
    ],
)
async def test_a_view_that_outgrows_its_rows_fails_with_its_last_rows_and_comes_back(db: Database, sql: str) -> None:
    db.view_rows_max = 20
    view = await db.live(sql)
    before = view.rows()
    assert view.status == "live"
    await db.execute("INSERT INTO t VALUES (100, 1, 'more')")
    await db.settled()
    assert (view.status, view.rows()) == ("failed", before)
    error = view.error
    assert isinstance(error, ViewTooLargeError)
    assert (error.rows_max, error.bytes_max) == (20, None)
    assert "more than 20 rows (db.view_rows_max)" in str(error)
    await db.execute("DELETE FROM t WHERE id = 1")
    await db.settled()
    assert (view.status, view.error) == ("live", None)
    assert len(view.rows()) == len(await db.fetch(sql))


async def test_a_view_that_is_too_large_from_the_start_is_failed_and_read_no_further(db: Database) -> None:
    await db.execute("WITH RECURSIVE c(x) AS (VALUES (1000) UNION ALL SELECT x + 1 FROM c WHERE x < 60000) "
                     "INSERT INTO t SELECT x, x, 'x' FROM c")  # fmt: skip
    db.view_bytes_max = 100_000
    for sql in ("SELECT id FROM t", "SELECT id, random() FROM t"):
        gc.collect()
        tracemalloc.start()
        view = await db.live(sql)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert isinstance(view.error, ViewTooLargeError)
        assert "more than 100,000 bytes (db.view_bytes_max)" in str(view.error)
        assert peak < 600_000
    part = await db.live_window("SELECT id FROM t")
    assert (part.status, part.total) == ("live", 59_021)


class Post(Model):
    title: Column[str]
    notes: Many[Note] = many()


class Note(Model):
    post: Ref[Post] = ref()


async def test_rows_inside_rows_count() -> None:
    async with Database.open(":memory:", models=[Post, Note]) as db:
        db.view_rows_max = 5
        async with db.transaction() as tx:
            post = await tx.add(Post(title="a"))
            await tx.add_all(Note(post=post) for _ in range(4))
        view = await db.live(Post.include("notes"))
        assert view.size.rows == 5
        async with db.transaction() as tx:
            await tx.add(Note(post=post))
        assert isinstance(view.error, ViewTooLargeError)


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "9"])
def test_limits_are_whole_numbers(value: Any) -> None:
    async def run() -> None:
        async with Database.open(":memory:") as db:
            with pytest.raises(ParameterError, match=r"db\.view_rows_max is a whole number"):
                db.view_rows_max = value
            with pytest.raises(ParameterError, match=r"db\.view_bytes_max is a whole number"):
                db.view_bytes_max = value
            db.view_rows_max = db.view_bytes_max = None

    asyncio.run(run())


async def test_a_slow_reader_of_changes_is_coalesced_into_one_reset(db: Database) -> None:
    view = await db.live("SELECT id, n FROM t")
    changes = view.changes()
    rows: list[Any] = []
    apply_patches(await anext(changes), rows)
    for at in range(1_200):
        await db.execute("UPDATE t SET n = ? WHERE id = 3", at)
    [reset] = await anext(changes)
    assert isinstance(reset, Reset)
    assert list(reset.rows) == list(view.rows())
    await db.execute("UPDATE t SET n = -1 WHERE id = 3")
    [update] = await anext(changes)
    assert isinstance(update, Update)
    assert update.row == (3, -1)
    view.close()
    assert [patches async for patches in changes] == []


async def test_a_reader_of_changes_that_keeps_up_gets_every_commit(db: Database) -> None:
    view = await db.live("SELECT id, n FROM t WHERE id = 3")
    seen: list[Any] = []

    async def read() -> None:
        seen.extend([patches async for patches in view.changes()])

    reader = asyncio.create_task(read())
    for at in (50, 51, 52):
        await db.execute("UPDATE t SET n = ? WHERE id = 3", at)
        await asyncio.sleep(0)
    view.close()
    await reader
    assert [patch.row.n for patches in seen[1:] for patch in patches] == [50, 51, 52]


@pytest.mark.parametrize("kind", ["live", "window", "signal", "include", "scope"])
async def test_thousands_of_open_and_close_cycles_leave_nothing_behind(kind: str) -> None:
    async with Database.open(":memory:", models=[Post, Note]) as db:
        async with db.transaction() as tx:
            for title in "abc":
                post = await tx.add(Post(title=title))
                await tx.add(Note(post=post))

        async def cycle(at: int) -> None:
            match kind:
                case "live":
                    (await db.live("SELECT title FROM post WHERE title <> ?", str(at))).close()
                case "window":
                    view = await db.live_window("SELECT title FROM post WHERE title <> ?", str(at))
                    await view.window(1, 1)
                    view.close()
                case "signal":
                    text = signal(str(at))
                    watched = await db.live("SELECT title FROM post WHERE title <> ?", text)
                    text.set("b")
                    watched.close()
                case "include":
                    (await db.live(Post.where(Post.title != str(at)).include("notes"))).close()
                case _:
                    with Scope() as scope:
                        inside = await db.live(Post.where(Post.title != str(at)))
                        scope.run(lambda: effect(lambda: inside.rows()))
                        inside.subscribe(lambda patches: None)

        async def cycles(first: int, last: int) -> tuple[int, int]:
            for at in range(first, last):
                await cycle(at)
                if at % 100 == 0:
                    await db.execute("UPDATE post SET title = title")
            await db.settled()
            await db.execute("UPDATE post SET title = title")
            gc.collect()
            objects = gc.get_objects()
            return sum(str(type(one).__module__).startswith("eddyline") for one in objects), len(objects)

        ours, all_ = await cycles(0, 300)
        now_ours, now_all = await cycles(300, 1_000)
        assert now_ours <= ours + 20
        assert now_all <= all_ + 500
        assert (len(db._live), len(db._live.registry), len(db._live._shared)) == (0, 0, 0)
        assert db._live.registry._needed == {}
        assert (db._live._tasks, db._live._filling, db._live._waiting) == (set(), {}, {})


async def test_views_opened_beside_blocks_that_move_the_schema_leave_nothing_behind(db: Database) -> None:
    async def block(at: int, begun: asyncio.Event, done: asyncio.Event) -> None:
        async with db.transaction() as tx:
            if at % 2:
                await tx.execute(f"ALTER TABLE t ADD COLUMN c{at}")
            await tx.execute("UPDATE t SET n = n + 1")
            begun.set()
            await done.wait()

    for at in range(6):
        begun, done = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(block(at, begun, done))
        await begun.wait()
        view = await db.live("SELECT id, n FROM t WHERE n > ?", at)
        done.set()
        await task
        await db.settled()
        assert list(view.rows()) == await db.fetch("SELECT id, n FROM t WHERE n > ?", at)
        view.close()
    await db.execute("UPDATE t SET n = 0")
    registry = db._live.registry
    assert (len(registry), registry._needed) == (0, {})
    assert (registry._router._homes, registry._router._known) == ({}, {})


async def test_a_re_run_under_way_holds_no_lock_that_a_write_waits_for(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = await db.live("SELECT id, random() * 0 AS z FROM t")
    assert view.explain().data["rule"] == "re-run"
    under_way, go_on = threading.Event(), threading.Event()
    plain = read_rows.read_rows

    def held_up(*args: Any) -> Any:
        under_way.set()
        assert go_on.wait(PATIENCE_S)
        return plain(*args)

    monkeypatch.setattr(program, "read_rows", held_up)
    await db.execute("INSERT INTO t VALUES (100, 1, 'one')")
    await asyncio.to_thread(under_way.wait, PATIENCE_S)
    for at in range(101, 111):
        await db.execute("INSERT INTO t VALUES (?, 1, 'more')", at)
    assert len(await db.fetch("SELECT 1 FROM t")) == 31
    assert len(view.rows()) == 20
    go_on.set()
    await db.settled()
    assert len(view.rows()) == 31
