"""The SQLite store: one writer thread, readers beside it, files as they were found."""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from eddyline import ClosedError, Database, LockedError, OpenError, ReadOnlyError
from eddyline.core.write.writer import Writer
from eddyline.stores import open_store
from eddyline.stores import sqlite as sqlite_store
from eddyline.stores.sqlite import SqliteStore
from tests.patience import PATIENCE_S


def make(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        for sql in statements or ("CREATE TABLE t (n)", "INSERT INTO t VALUES (1), (2)"):
            conn.execute(sql)
    return path


def query(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute(sql).fetchall()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- the driver


def test_the_private_names_of_aiosqlite_that_we_use_are_there() -> None:
    conn = aiosqlite.Connection(lambda: sqlite3.connect(":memory:"), iter_chunk_size=64)
    assert conn._thread.daemon is False
    assert conn._connection is None
    assert callable(conn._tx.put_nowait)
    assert "future, function = tx.get()" in inspect.getsource(aiosqlite.core._connection_worker_thread)


def test_aiosqlite_is_pinned_below_the_next_minor_version() -> None:
    required = importlib.metadata.requires("eddyline") or []
    assert any(line.startswith("aiosqlite") and "<0.23" in line for line in required)
    assert importlib.metadata.version("aiosqlite").startswith("0.22.")


def test_only_the_store_touches_the_driver() -> None:
    root = Path(__file__).parents[2]
    files = [
        path for folder in ("core", "signals", "bindings", "demo_tui", "src") for path in (root / folder).rglob("*.py")
    ]
    assert [path for path in files if "aiosqlite" in path.read_text(encoding="utf-8").replace("aiosqlite's", "")] == []


# -- jobs


async def test_jobs_that_end_while_the_loop_is_busy_wake_it_once_and_arrive_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = await SqliteStore.open(":memory:")
    loop, ended = asyncio.get_running_loop(), threading.Event()
    wake, woken = loop.call_soon_threadsafe, []
    order: list[Any] = []

    def count(call: Any, *args: Any) -> Any:
        woken.append(call)
        return wake(call, *args)

    monkeypatch.setattr(loop, "call_soon_threadsafe", count)
    futures: list[asyncio.Future[None]] = [store.write(lambda conn: None)]
    futures += [store.write(lambda conn: store.post(lambda: order.append("posted"))) for _ in range(3)]
    futures.append(store.write(lambda conn: ended.set()))
    for at, future in enumerate(futures):
        future.add_done_callback(lambda _, at=at: order.append(at))  # type: ignore[misc]
    assert ended.wait(PATIENCE_S)
    await asyncio.gather(*futures)
    assert len(woken) <= 2  # the last job's end may come after the loop has looked
    assert order == ["posted"] * 3 + [0, 1, 2, 3, 4]
    await store.close()


async def test_many_jobs_at_once_wake_the_loop_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_store, "_LOOK_S", 3600)
    store = await SqliteStore.open(":memory:")
    loop, begin = asyncio.get_running_loop(), threading.Event()
    wake, woken = loop.call_soon_threadsafe, []

    def count(call: Any, *args: Any) -> Any:
        woken.append(call)
        return wake(call, *args)

    monkeypatch.setattr(loop, "call_soon_threadsafe", count)
    futures = [store.write(lambda conn: begin.wait(PATIENCE_S))]
    futures += [store.write(lambda conn: True) for _ in range(39)]
    begin.set()
    assert await asyncio.gather(*futures) == [True] * 40
    assert 1 <= len(woken) <= 3  # after 16, after 32, at the end
    await store.close()


async def test_who_is_done_hears_of_it_though_a_long_job_waits_behind() -> None:
    """And what a job posts runs in nobody's context, whoever's call has had the loop look."""
    store = await SqliteStore.open(":memory:")
    begin, heard = threading.Event(), threading.Event()
    mine: ContextVar[str] = ContextVar("mine", default="nobody's")
    mine.set("mine")
    found: list[str] = []

    def post(conn: Any) -> int:
        store.post(lambda: found.append(mine.get()))
        return 1

    first, short = store.write(lambda conn: begin.wait(PATIENCE_S)), store.write(post)
    long = store.write(lambda conn: heard.wait(PATIENCE_S))
    begin.set()
    assert await first
    assert await short == 1
    assert found == ["nobody's"]
    heard.set()
    assert await long
    await store.close()


def test_store_goes_on_in_another_loop_though_jobs_of_both_are_queued() -> None:
    store = asyncio.run(SqliteStore.open(":memory:"))
    begin = threading.Event()

    async def leave() -> None:
        store.write(lambda conn: begin.wait(PATIENCE_S)).add_done_callback(print)
        store.write(lambda conn: 1).add_done_callback(print)

    async def go_on() -> list[int]:
        futures = store.write(lambda conn: 7), store.write(lambda conn: 8)
        begin.set()
        found = list(await asyncio.gather(*futures))
        await store.close()
        return found

    asyncio.run(leave())
    assert asyncio.run(go_on()) == [7, 8]


def test_store_goes_on_in_another_loop_though_the_first_never_heard_of_a_job() -> None:
    store = asyncio.run(SqliteStore.open(":memory:"))
    ended = threading.Event()

    async def leave() -> None:
        store.write(lambda conn: ended.set())
        assert ended.wait(PATIENCE_S)

    async def go_on() -> int:
        found: int = await store.write(lambda conn: conn.execute("SELECT 7").fetchone()[0])
        await store.close()
        return found

    asyncio.run(leave())
    assert asyncio.run(go_on()) == 7


async def test_closing_finishes_queued_jobs_and_refuses_later_ones(tmp_path: Path) -> None:
    store = await SqliteStore.open(make(tmp_path / "t.db"))
    queued = [store.write(lambda conn: conn.execute("INSERT INTO t VALUES (3)")) for _ in range(3)]
    await store.close()
    await store.close()
    assert all(job.done() and job.exception() is None for job in queued)
    with pytest.raises(ClosedError):
        store.write(lambda conn: None)
    with pytest.raises(ClosedError):
        await store.read(lambda conn: None)
    assert query(tmp_path / "t.db", "SELECT count(*) FROM t") == [(5,)]


# -- readers


@pytest.mark.parametrize("mode", ["delete", "wal"])
async def test_a_reader_sees_one_snapshot_however_long_it_reads(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "t.db", f"PRAGMA journal_mode = {mode}", "CREATE TABLE t (n)", "INSERT INTO t VALUES (1)")
    store = await SqliteStore.open(path)

    def look(conn: Any) -> list[Any]:
        first = conn.execute("SELECT n FROM t").fetchall()
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
            try:
                other.execute("INSERT INTO t VALUES (2)")
            except sqlite3.OperationalError:
                assert mode == "delete"
        return [first, conn.execute("SELECT n FROM t").fetchall()]

    assert await store.read(look) == [[(1,)], [(1,)]]
    await store.close()


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    store = await SqliteStore.open(make(tmp_path / "t.db"))
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await store.read(lambda conn: conn.execute("DELETE FROM t"))
    await store.close()


async def test_many_reads_at_once_use_two_readers(tmp_path: Path) -> None:
    store = await SqliteStore.open(make(tmp_path / "t.db"))
    seen: set[int] = set()

    def look(conn: Any) -> int:
        seen.add(id(conn))
        return int(conn.execute("SELECT count(*) FROM t").fetchone()[0])

    assert await asyncio.gather(*(store.read(look) for _ in range(20))) == [2] * 20
    assert len(seen) <= 2
    await store.close()


async def test_a_reader_that_another_read_takes_while_it_opens_is_waited_for(tmp_path: Path) -> None:
    store = await SqliteStore.open(make(tmp_path / "t.db"))

    def look(conn: Any) -> list[Any]:
        return list(conn.execute("SELECT n FROM t"))

    async def again(task: asyncio.Task[Any]) -> Any:
        await asyncio.wait([task])
        return await store.read(look)

    for _ in range(30):
        first = asyncio.create_task(store.read(look))
        others = [asyncio.create_task(again(first)), *(asyncio.create_task(store.read(look)) for _ in range(3))]
        assert await asyncio.gather(first, *others) == [[(1,), (2,)]] * 5
        await store._close_readers()
    await store.close()


async def test_a_cancelled_read_leaves_its_reader_usable(tmp_path: Path) -> None:
    store = await SqliteStore.open(make(tmp_path / "t.db"))
    for turns in range(6):
        task = asyncio.ensure_future(store.read(lambda conn: conn.execute("SELECT 1").fetchall()))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert await store.read(lambda conn: conn.execute("SELECT n FROM t").fetchall()) == [(1,), (2,)]
    await store.close()


async def test_closing_waits_for_a_read_in_another_task_and_leaves_no_thread(tmp_path: Path) -> None:
    store = await SqliteStore.open(make(tmp_path / "t.db"))
    await store.read(lambda conn: None)
    ((reader, _),) = store._idle
    may_end = threading.Event()
    reading = asyncio.ensure_future(store.read(lambda conn: may_end.wait(PATIENCE_S)))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(store.close())
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not closing.done()
    may_end.set()
    await closing
    assert reading.done()
    reader._aio._thread.join(PATIENCE_S)
    assert not reader._aio._thread.is_alive()
    with pytest.raises(ClosedError):
        await store.read(lambda conn: None)
    await store.close()


async def test_a_reader_makes_no_new_file_where_the_old_one_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    store = await SqliteStore.open(make(path))
    path.rename(tmp_path / "moved.db")
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await store.read(lambda conn: conn.execute("SELECT n FROM t").fetchall())
    assert not path.exists()
    await store.close()


async def test_a_session_statement_that_fails_on_a_reader_hinders_no_read(tmp_path: Path) -> None:
    store = await SqliteStore.open(make(tmp_path / "t.db"))
    other = str(make(tmp_path / "aux.db"))
    store.on_readers(lambda conn: conn.execute("ATTACH ? AS aux", [other]))
    store.on_readers(lambda conn: conn.execute("DETACH nowhere"))
    assert await store.read(lambda conn: conn.execute("SELECT n FROM aux.t").fetchall()) == [(1,), (2,)]
    await store.close()


# -- what opens


async def test_a_new_file_is_wal_and_a_memory_database_has_no_readers(tmp_path: Path) -> None:
    for path, mode, readers in ((tmp_path / "new.db", "wal", True), (":memory:", "memory", False)):
        store = await open_store(path, readonly=False, durability=None, foreign_keys=True, create=True)
        assert store.readers is readers
        assert await store.write(lambda conn: conn.execute("PRAGMA journal_mode").fetchone()) == (mode,)
        await store.close()


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist"])
async def test_a_rollback_journal_file_keeps_sqlites_own_durability(tmp_path: Path, mode: str) -> None:
    store = await SqliteStore.open(make(tmp_path / "t.db"))
    assert await store.write(lambda conn: conn.execute("PRAGMA synchronous").fetchone()) == (2,)
    await store.close()


@pytest.mark.parametrize("durability", ["fast", "", "NORMAL; DROP TABLE t", 1])
async def test_a_durability_that_sqlite_would_ignore_is_refused(durability: Any) -> None:
    with pytest.raises(OpenError, match="durability is one of off, normal, full, extra"):
        await SqliteStore.open(":memory:", durability=durability)


@pytest.mark.parametrize("name", ["with space.db", "q?mark&x=1#h.db", "100%.db", "ünï.db", "it's.db", "semi;colon.db"])
async def test_any_file_name_opens_that_file(tmp_path: Path, name: str) -> None:
    make(tmp_path / name)
    async with Database.open(tmp_path / name) as db:
        assert await db.fetch("SELECT n FROM t") == [(1,), (2,)]
    assert files(tmp_path) == [name]


async def test_a_relative_path_stays_that_file_when_the_program_changes_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "t.db")
    monkeypatch.chdir(tmp_path)
    async with Database.open("t.db") as db:
        monkeypatch.chdir("/")
        assert await db.fetch("SELECT n FROM t") == [(1,), (2,)]


@pytest.mark.parametrize("path", [None, 7, b"t.db", "a\0b.db", ""])
async def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(OpenError):
        await Database.open(path)


async def test_what_is_not_a_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("Dear diary, " * 200, encoding="utf-8")
    with pytest.raises(OpenError, match="is not a SQLite database"):
        await Database.open(text)
    assert text.read_text(encoding="utf-8") == "Dear diary, " * 200


async def test_a_truncated_database_is_told_at_the_door_or_by_the_query(tmp_path: Path) -> None:
    path = make(
        tmp_path / "t.db",
        "CREATE TABLE t (n)",
        "INSERT INTO t SELECT zeroblob(900) FROM json_each(json_array(1,2,3,4,5,6,7,8,9))",
    )
    os.truncate(path, 4096 + 100)
    with pytest.raises(OpenError, match="malformed"):
        await Database.open(path)


async def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    async with Database.open(path) as db:
        await db.execute("CREATE TABLE t (n)")
    assert query(path, "PRAGMA journal_mode") == [("wal",)]


async def test_a_file_locked_for_too_long_is_told_and_one_that_is_let_go_opens(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LockedError, match="locked by another program") as caught:
            await Database.open(path, busy_timeout_s=0.01)
        assert caught.value.waited_s >= 0.01
        opening = asyncio.ensure_future(Database.open(path, busy_timeout_s=60)._open())
        await asyncio.sleep(0)
        other.execute("ROLLBACK")
        await (await opening).close()


async def test_a_lock_that_comes_while_the_file_is_being_opened_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "t.db")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    locks = iter(["BEGIN EXCLUSIVE", "BEGIN"])

    def locked_at_first(*args: Any) -> Writer:
        other.execute(next(locks))
        try:
            return Writer(*args)
        finally:
            other.execute("ROLLBACK")

    monkeypatch.setattr("eddyline.core.database.Writer", locked_at_first)
    async with Database.open(path, busy_timeout_s=60) as db:
        assert await db.fetch("SELECT n FROM t") == [(1,), (2,)]
    other.close()


async def test_every_read_and_write_of_a_locked_file_is_told_and_works_after(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    async with Database.open(path, busy_timeout_s=0.02, poll_s=0) as db:
        view = await db.live("SELECT n FROM t")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for call in (
                lambda: db.execute("INSERT INTO t VALUES (3)"),
                lambda: db.execute("CREATE TABLE u (n)"),
                lambda: db.execute("VACUUM"),
                lambda: db.execute("PRAGMA user_version = 3"),
                lambda: db.fetch("SELECT n FROM t"),
                lambda: db.live("SELECT count(*) FROM t"),
                lambda: db.settled(),
            ):
                with pytest.raises(LockedError, match="another program has held the database's lock"):
                    await call()
            other.execute("ROLLBACK")
        await db.execute("VACUUM")
        await db.execute("INSERT INTO t VALUES (3)")
        assert [row.n for row in view.rows()] == [1, 2, 3]


async def test_readonly_reads_follows_and_refuses_writes(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    before = path.read_bytes()
    async with Database.open(path, readonly=True, poll_s=0) as db:
        view = await db.live("SELECT n FROM t")
        for write in (
            db.execute("DELETE FROM t"),
            db.execute("CREATE TABLE u (a)"),
            db.executemany("DELETE FROM t WHERE n = ?", [(1,)]),
        ):
            with pytest.raises(ReadOnlyError, match="opened read-only"):
                await write
        with pytest.raises(ReadOnlyError):
            async with db.transaction() as tx:
                await tx.execute("DELETE FROM t")
        assert path.read_bytes() == before
        make(path, "INSERT INTO t VALUES (3)")
        await db.settled()
        assert [row.n for row in view.rows()] == [1, 2, 3]


# -- a foreign file


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "wal"])
async def test_a_foreign_file_keeps_its_journal_mode_its_schema_and_its_bytes(tmp_path: Path, mode: str) -> None:
    pragmas = [f"PRAGMA journal_mode = {mode}", "PRAGMA user_version = 7", "PRAGMA application_id = 99"]
    ddl = ["CREATE TABLE t (id INTEGER PRIMARY KEY, n)", "CREATE INDEX i ON t (n)"]
    path = make(tmp_path / "t.db", *pragmas, *ddl, "INSERT INTO t VALUES (1, 1), (2, 2)", "ANALYZE")
    schema = query(path, "SELECT type, name, sql FROM sqlite_schema")
    before = path.read_bytes()
    async with Database.open(path) as db:
        await db.live("SELECT n, count(*) FROM t GROUP BY n ORDER BY n LIMIT 1")
        await db.fetch("SELECT * FROM t")
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (3, 3)")
            await tx.rollback()
    assert path.read_bytes() == before
    async with Database.open(path) as db:
        await db.live("SELECT n FROM t")
        await db.execute("INSERT INTO t VALUES (3, 3)")
        await db.execute("DELETE FROM t WHERE id = 3")
    assert query(path, "SELECT type, name, sql FROM sqlite_schema") == schema
    assert [query(path, f"PRAGMA {name}") for name in ("user_version", "application_id", "integrity_check")] == [
        [(7,)], [(99,)], [("ok",)],
    ]  # fmt: skip
    assert query(path, "PRAGMA journal_mode") == [("wal" if mode == "wal" else "delete",)]
    assert [name for name in files(tmp_path) if "journal" not in name] == ["t.db"]


# -- programs


def run(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


FORGOTTEN = """
import asyncio, sys
from eddyline import Database
async def main():
    db = await Database.open(sys.argv[1])
    await db.execute("CREATE TABLE t (n)")
    view = await db.live("SELECT n FROM t")
    await db.fetch("SELECT n FROM t")
    await db.execute("INSERT INTO t VALUES (1)")
    if len(sys.argv) > 2:
        block = db.transaction()
        tx = await block.__aenter__()
        await tx.execute("INSERT INTO t VALUES (2)")
    print([row.n for row in view.rows()])
asyncio.run(main())
"""


@pytest.mark.parametrize("block", [(), ("block",)], ids=["idle", "in a block"])
def test_a_forgotten_close_ends_with_the_program_and_loses_no_commit(tmp_path: Path, block: tuple[str, ...]) -> None:
    path = tmp_path / "t.db"
    done = run(FORGOTTEN, path, *block)
    assert (done.returncode, done.stdout) == (0, "[1]\n")
    assert query(path, "SELECT n FROM t") == [(1,)]


PROCESS = """
import asyncio, sys
from eddyline import Database
async def main(path, name, rounds):
    async with Database.open(path, busy_timeout_s=60, poll_s=0.01) as db:
        count = await db.live("SELECT count(*) AS n, sum(who = ?) AS mine FROM log", name)
        for n in range(rounds):
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO log (who) VALUES (?)", name)
                await tx.execute("UPDATE total SET n = n + 1")
        changes = count.changes()
        async for _ in changes:
            if count.rows()[0].n >= 3 * rounds:
                break
        await changes.aclose()
        print(*count.rows()[0], *(await db.fetch("SELECT n FROM total"))[0])
asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_three_programs_with_eddyline_write_one_file_and_each_sees_all(tmp_path: Path, mode: str) -> None:
    path = make(
        tmp_path / "t.db", f"PRAGMA journal_mode = {mode}", "CREATE TABLE log (id INTEGER PRIMARY KEY, who)",
        "CREATE TABLE total (n)", "INSERT INTO total VALUES (0)",
    )  # fmt: skip
    command = [sys.executable, "-W", "error", "-c", PROCESS, str(path)]
    programs = [subprocess.Popen([*command, name, "15"], stdout=subprocess.PIPE, text=True) for name in "abc"]
    try:
        said = [program.communicate(timeout=120)[0] for program in programs]
    finally:
        for program in programs:
            program.kill()
            program.wait()
    assert said == ["45 15 45\n"] * 3


NEW = """
import asyncio, sys
from eddyline import Database
async def main():
    async with Database.open(sys.argv[1], busy_timeout_s=60) as db:
        await db.execute("CREATE TABLE IF NOT EXISTS t (n)")
        await db.execute("INSERT INTO t VALUES (1)")
asyncio.run(main())
"""


def test_programs_that_make_one_new_file_at_the_same_time_all_succeed(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    programs = [subprocess.Popen([sys.executable, "-W", "error", "-c", NEW, str(path)]) for _ in range(3)]
    assert [program.wait(timeout=120) for program in programs] == [0, 0, 0]
    assert query(path, "SELECT count(*) FROM t") == [(3,)]
