"""What every store does: jobs in order, outcomes on the loop, files as they were found.

One suite for all of them: through aiosqlite on a thread, in the loop (natively and inside Pyodide), and kept by a
browser, in a page or in a worker: here on a played disk, in Chromium by `tests/browser`. What is about files of a
user's is for those that have some.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from eddyline import ClosedError, Database, OpenError, ReadOnlyError
from eddyline.core.errors import is_busy
from eddyline.stores import kept
from eddyline.stores.kept import KeptStore
from eddyline.stores.pyodide import LoopStore
from tests.patience import PATIENCE_S

from .fake_browser import Disk, Heard, Origin

STORES: dict[str, Any] = {"in the loop": LoopStore}  # Any: classes whose `open` gives a store
if sys.platform != "emscripten":
    from eddyline.stores.sqlite import SqliteStore

    STORES["on a thread"] = SqliteStore

Opened = Callable[..., Awaitable[Any]]

TWO = ("CREATE TABLE t (n)", "INSERT INTO t VALUES (1), (2)")


@pytest.fixture(params=sorted(STORES))
def opened(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Return what opens a store of one kind; `Database.open` takes that kind, too."""
    kind = STORES[request.param]
    monkeypatch.setattr("eddyline.stores.open_store", kind.open)
    result: Opened = kind.open
    return result


class Home:
    """A place for one database, of files or of a browser's."""

    def __init__(self, kind: Any, folder: Path) -> None:  # Any: a class whose `open` gives a store
        self._open, self._file = kind.open, folder / "t.db"
        self.memory, self.path = ":memory:", str(self._file)

    async def open(self, path: str | Path, **options: Any) -> Any:  # Any: what a store takes, and a store
        return await self._open(path, **options)

    async def make(self, *statements: str) -> str:
        """Have another program write; return what to open."""
        make(self._file, *statements)
        return self.path


class KeptHome(Home):
    """A browser's: each name on a disk of its own; the other program is another tab."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, worker: bool) -> None:
        super().__init__(KeptStore, folder)
        self.memory, self.path = "memory.db", "t.db"
        self._folder, self._patch, self._worker = folder, monkeypatch, worker
        self._disks: dict[str, Disk] = {}
        monkeypatch.setattr(kept, "_Heard", Heard)
        monkeypatch.setattr(kept, "_HOLD_S", 0.0)

    async def open(self, path: str | Path, **options: Any) -> Any:  # Any: as above
        disk = self._disks.setdefault(str(path), Disk(random.Random(1)))
        origin = Origin(disk, self._folder, worker=self._worker)
        self._patch.setattr(kept, "_pages", lambda: origin)
        self._patch.setattr(kept, "_redo_files", lambda: origin)
        return await super().open(path, **options)

    async def make(self, *statements: str) -> str:
        other = await self.open(self.path)
        for sql in statements or TWO:
            while True:
                try:
                    await other.write(lambda conn, sql=sql: conn.execute(sql))
                    break
                except sqlite3.OperationalError as error:
                    if not is_busy(error):
                        raise
                    await asyncio.sleep(0)
        await other.close()
        disk = self._disks[self.path]
        for tab in disk.tabs:  # they have heard of it, and take it over by and by
            await tab.follow()
        return self.path


@pytest.fixture(params=[*sorted(STORES), "kept by a page", "kept by a worker"])
def home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """Return a place of any kind; `Database.open` opens what is there."""
    if request.param in STORES:
        result = Home(STORES[request.param], tmp_path)
    else:
        result = KeptHome(tmp_path, monkeypatch, worker="worker" in request.param)
    monkeypatch.setattr("eddyline.stores.open_store", result.open)
    return result


def make(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        for sql in statements or TWO:
            conn.execute(sql)
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def numbers(conn: Any) -> list[Any]:
    return [row[0] for row in conn.execute("SELECT n FROM t ORDER BY n").fetchall()]


async def test_jobs_run_in_the_order_of_the_calls_also_when_nobody_waits(home: Home) -> None:
    store = await home.open(home.memory)
    ran: list[int] = []
    futures = [store.write(lambda conn, n=n: ran.append(n)) for n in range(5)]
    futures[1].cancel()
    await futures[4]
    assert ran == [0, 1, 2, 3, 4]
    await store.close()


async def test_a_job_runs_in_a_later_turn_than_the_call(home: Home) -> None:
    store = await home.open(home.memory)
    order = ["called"]
    future = store.write(lambda conn: conn.execute("SELECT 7").fetchone()[0])
    future.add_done_callback(lambda _: order.append("done"))
    order.append("returned")
    assert await future == 7
    assert order == ["called", "returned", "done"]
    await store.close()


async def test_what_a_job_posts_runs_before_its_outcome_arrives_and_though_it_fails(home: Home) -> None:
    store = await home.open(home.memory)
    order: list[str] = []

    def job(conn: Any) -> None:
        store.post(lambda: order.append("posted"))
        raise KeyError("failed")

    with pytest.raises(KeyError):
        await store.write(job)
    order.append("outcome")
    store.write(job).cancel()
    await store.write(lambda conn: None)
    assert order == ["posted", "outcome", "posted"]
    await store.close()


async def test_a_job_asked_for_by_what_a_job_posted_runs_after_those_that_wait(home: Home) -> None:
    store = await home.open(home.memory)
    ran: list[str] = []
    asked: list[Any] = []
    store.write(lambda conn: store.post(lambda: asked.append(store.write(lambda conn: ran.append("asked")))))
    await store.write(lambda conn: ran.append("waited"))
    await asked[0]
    assert ran == ["waited", "asked"]
    await store.close()


async def test_a_job_that_raises_stop_iteration_does_not_hang_who_waits_for_it(home: Home) -> None:
    store = await home.open(home.memory)

    def job(conn: Any) -> None:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await store.write(job)
    await store.close()


async def test_a_closed_store_has_done_what_was_asked_of_it_and_takes_no_more(home: Home) -> None:
    store = await home.open(await home.make())
    asked = store.write(lambda conn: conn.execute("INSERT INTO t VALUES (3)"))
    await store.close()
    await store.close()
    await asked
    with pytest.raises(ClosedError):
        store.write(numbers)
    again = await home.open(home.path)
    assert await again.read(numbers) == [1, 2, 3]
    await again.close()


async def test_a_read_sees_one_state_and_leaves_nothing_open(home: Home) -> None:
    store = await home.open(await home.make())
    assert await store.read(numbers) == [1, 2]
    with pytest.raises(ZeroDivisionError):
        await store.read(lambda conn: 1 // 0)
    assert await store.write(lambda conn: conn.in_transaction) is False
    await store.close()


async def test_only_what_others_may_write_to_is_shared(opened: Opened, tmp_path: Path) -> None:
    for path, shared in ((":memory:", False), (tmp_path / "t.db", True)):
        store = await opened(path)
        assert store.shared is shared
        await store.saved()
        await store.close()


async def test_a_new_file_is_wal_and_one_with_tables_keeps_its_mode(opened: Opened, tmp_path: Path) -> None:
    for path, mode in ((tmp_path / "new.db", "wal"), (make(tmp_path / "t.db"), "delete")):
        store = await opened(path)
        assert await store.write(lambda conn: conn.execute("PRAGMA journal_mode").fetchone()) == (mode,)
        await store.close()


@pytest.mark.parametrize(("durability", "level"), [("off", 0), ("normal", 1), ("full", 2), ("extra", 3), (None, 1)])
async def test_durability_is_sqlites_synchronous(opened: Opened, tmp_path: Path, durability: Any, level: int) -> None:
    store = await opened(tmp_path / "new.db", durability=durability)
    assert await store.write(lambda conn: conn.execute("PRAGMA synchronous").fetchone()) == (level,)
    await store.close()


async def test_what_can_not_be_opened_is_said(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary, " * 200, encoding="utf-8")
    for path, why in (
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "where.db", "no folder"),
        (tmp_path / "notes.txt", "is not a SQLite database"),
    ):
        with pytest.raises(OpenError, match=why):
            await opened(path)
    with pytest.raises(OpenError, match="no file"):
        await opened(tmp_path / "nowhere.db", create=False)
    for given, why in (
        ("", "is no path of a file"), (None, "is no path of a file"), (3, "is no path of a file"),
        ("a\udcff.db", "is no path of a file"), ("a\0.db", "is no path of a file"),
        ("sqlite:///a.db", "is a URL; give the path of the file alone"), ("file:a.db?mode=ro", "is a URL"),
    ):  # fmt: skip
        with pytest.raises(OpenError, match=why):
            await opened(given)
    with pytest.raises(OpenError, match="durability is one of"):
        await opened(":memory:", durability="fast")
    assert files(tmp_path) == ["notes.txt"]


async def test_damaged_database_is_called_damaged_and_stays_as_it_is(opened: Opened, tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    torn = path.read_bytes()[:4096]
    path.write_bytes(torn)
    with pytest.raises(OpenError, match=r"t\.db' is a damaged SQLite database .*nothing was changed"):
        await opened(path)
    assert path.read_bytes() == torn


async def test_readonly_reads_and_refuses_writes(home: Home) -> None:
    async with Database.open(await home.make(), readonly=True) as db:
        assert await db.fetch("SELECT n FROM t") == [(1,), (2,)]
        with pytest.raises(ReadOnlyError):
            await db.execute("DELETE FROM t")


async def test_a_view_follows_writes_of_ours_and_of_others(home: Home) -> None:
    async with Database.open(await home.make()) as db:
        view = await db.live("SELECT n FROM t ORDER BY n")
        await db.execute("INSERT INTO t VALUES (3)")
        assert [row.n for row in view.rows()] == [1, 2, 3]
        await home.make("DELETE FROM t WHERE n = 1")
        await db.settled()
        assert [row.n for row in view.rows()] == [2, 3]


async def test_others_are_noticed_without_a_call(home: Home) -> None:
    async with Database.open(await home.make(), poll_s=0.001) as db:
        view = await db.live("SELECT n FROM t ORDER BY n")
        seen = asyncio.Event()
        view.subscribe(lambda patches: seen.set() if len(view.rows()) == 1 else None)
        await home.make("DELETE FROM t WHERE n = 1")
        await asyncio.wait_for(seen.wait(), PATIENCE_S)


async def test_a_fetch_waits_for_an_open_block_and_does_not_see_half_of_it(home: Home) -> None:
    async with Database.open(home.memory) as db:
        await db.execute("CREATE TABLE t (n)")
        outside = copy_context()
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (1)")
            fetching = db.fetch("SELECT n FROM t")
            beside = asyncio.get_running_loop().create_task(fetching, context=outside)
            await asyncio.sleep(0)
            await tx.execute("INSERT INTO t VALUES (2)")
        assert await beside == [(1,), (2,)]


async def test_many_tasks_write_at_once_and_each_is_a_transaction(home: Home) -> None:
    async with Database.open(home.memory) as db:
        await db.execute("CREATE TABLE t (n UNIQUE)")
        outcomes = await asyncio.gather(
            *(db.execute("INSERT INTO t VALUES (?)", n % 40) for n in range(50)), return_exceptions=True
        )
        assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 10
        assert await db.fetch("SELECT count(*) FROM t") == [(40,)]
