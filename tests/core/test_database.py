"""The database as users meet it: its life, its doors with bad input, and views in awkward company."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eddyline import (
    ClosedError,
    Database,
    EddylineError,
    OpenError,
    ParameterError,
    QueryError,
    Scope,
    StatementError,
    UnknownTableError,
    View,
    effect,
    signal,
)
from tests.patience import PATIENCE_S

RERUN = "SELECT n FROM t UNION SELECT 99 ORDER BY 1"
DELTA = "SELECT n FROM t ORDER BY n"


@pytest.fixture(params=["file", "memory"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    path: Any = tmp_path / "t.db" if request.param == "file" else ":memory:"
    async with Database.open(path, poll_s=0) as opened:
        await opened.execute("CREATE TABLE t (n)")
        await opened.execute("INSERT INTO t VALUES (1), (2)")
        yield opened


def numbers(view: View) -> list[Any]:
    return [row[0] for row in view.rows()]


async def left(db: Database) -> tuple[int, int]:
    """Return how many views and how many programs are kept."""
    await db.settled()
    return len(db._live), len(db._live.registry)


# -- life


async def test_a_database_opens_by_await_and_by_async_with(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "t.db")
    await db.execute("CREATE TABLE t (n)")
    await db.close()
    async with Database.open(str(tmp_path / "t.db")) as again, again:
        assert await again.tables() == ["t"]


async def test_tables_are_the_users_own_in_order(db: Database) -> None:
    await db.execute("CREATE TABLE Alpha (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    await db.execute("CREATE VIEW v AS SELECT 1")
    await db.execute("CREATE TEMP TABLE gone (a)")
    assert await db.tables() == ["Alpha", "t"]


async def test_repr_says_what_one_would_ask(db: Database) -> None:
    view = await db.live(DELTA)
    assert repr(db) == f"<Database {db.path!r}: 1 views>"
    view.close()
    assert repr(db).endswith(": 0 views>")
    await db.close()
    assert repr(db).endswith(": closed>")


CALLS: dict[str, Any] = {
    "live": lambda db: db.live(DELTA),
    "live_many": lambda db: db.live_many(DELTA, RERUN),
    "fetch": lambda db: db.fetch(DELTA),
    "execute": lambda db: db.execute("DELETE FROM t"),
    "executemany": lambda db: db.executemany("DELETE FROM t WHERE n = ?", [(1,)]),
    "write": lambda db: db.write(lambda tx: None),
    "tables": lambda db: db.tables(),
    "settled": lambda db: db.settled(),
    "session": lambda db: db.execute("VACUUM"),
}


def test_database_that_is_not_awaited_says_how_it_is_opened() -> None:
    with pytest.raises(AttributeError, match=r"isn't open yet, so it has no 'live': `db = await Database\.open\("):
        Database.open(":memory:").live("SELECT 1")  # type: ignore[attr-defined]  # the mistake


@pytest.mark.parametrize("call", CALLS)
async def test_every_call_after_close_says_so(db: Database, call: str) -> None:
    await db.close()
    with pytest.raises(ClosedError, match="is closed; open it again"):
        await CALLS[call](db)
    with pytest.raises(ClosedError, match="is closed; open it again"):
        db.transaction()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("turns", range(5))
async def test_a_call_under_way_when_the_database_closes_ends_or_is_told(db: Database, call: str, turns: int) -> None:
    task = asyncio.ensure_future(CALLS[call](db))
    for _ in range(turns):
        await asyncio.sleep(0)
    await db.close()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([task])
    assert not task.cancelled()
    assert task.exception() is None or isinstance(task.exception(), ClosedError)


async def test_closing_inside_an_open_block_undoes_it_and_says_so(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "t.db")
    await db.execute("CREATE TABLE t (n)")
    with pytest.raises(ClosedError):
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (1)")
            await db.close()
    async with Database.open(tmp_path / "t.db") as again:
        assert await again.fetch("SELECT * FROM t") == []


async def test_an_exception_leaves_a_block_as_it_is_though_the_database_closed(db: Database) -> None:
    with pytest.raises(KeyError):
        async with db.transaction() as tx, tx.savepoint():
            await tx.execute("INSERT INTO t VALUES (3)")
            await db.close()
            raise KeyError


async def test_a_view_keeps_its_rows_after_close_and_its_readers_end(db: Database) -> None:
    view = await db.live(DELTA)
    heard: list[Any] = []

    async def listen() -> None:
        heard.extend([patches async for patches in view.changes()])

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await db.close()
    async with asyncio.timeout(PATIENCE_S):
        await task
    assert (numbers(view), view.closed, len(heard)) == ([1, 2], True, 1)
    with pytest.raises(ClosedError):
        view.subscribe(heard.append)
    assert "delta" in str(view.explain())


async def test_a_scope_that_closes_the_database_closes_its_views() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (n)")
        with Scope():
            view = await db.live(DELTA)
        assert view.closed
        assert await left(db) == (0, 0)


def test_a_second_event_loop_may_open_the_same_file(tmp_path: Path) -> None:
    async def once() -> list[Any]:
        async with Database.open(tmp_path / "t.db") as db:
            await db.execute("CREATE TABLE IF NOT EXISTS t (n)")
            view = await db.live(DELTA)
            await db.execute("INSERT INTO t VALUES (1)")
            return numbers(view)

    assert [asyncio.run(once()), asyncio.run(once())] == [[1], [1, 1]]


# -- bad input


@pytest.mark.parametrize("call", ["live", "live_many", "fetch", "execute", "executemany"])
@pytest.mark.parametrize("sql", [None, 7, b"SELECT 1", "", " -- nothing\n;", "SELECT '\ud800'", "SELECT \0", "SELEC 1"])
async def test_what_is_no_sql_is_refused_at_every_door(db: Database, call: str, sql: Any) -> None:
    arguments = ([(1,)],) if call == "executemany" else ()
    with pytest.raises(QueryError):
        await getattr(db, call)(sql, *arguments)
    async with db.transaction() as tx:
        if hasattr(tx, call):
            with pytest.raises(QueryError):
                await getattr(tx, call)(sql, *arguments)
        await tx.execute("INSERT INTO t VALUES (3)")
    assert len(await db.fetch("SELECT n FROM t")) == 3


@pytest.mark.parametrize("call", ["live", "fetch", "execute"])
@pytest.mark.parametrize(
    ("args", "named"),
    [
        ((), {}),
        ((1, 2), {}),
        ((object(),), {}),
        ((2**63,), {}),
        ((float("nan"),), {}),
        (("\ud800",), {}),
        ((1,), {"a": 1}),
        ((), {"a": 1}),
    ],
)
async def test_parameters_that_do_not_fit_are_refused_at_every_door(
    db: Database, call: str, args: Any, named: Any
) -> None:
    with pytest.raises(ParameterError):
        await getattr(db, call)("SELECT n FROM t WHERE n = ?", *args, **named)
    assert numbers(await db.live(DELTA)) == [1, 2]


@pytest.mark.parametrize("call", ["live", "fetch", "execute"])
async def test_an_unknown_table_and_column_come_with_near_names_at_every_door(db: Database, call: str) -> None:
    await db.execute("CREATE TABLE person (name)")
    with pytest.raises(UnknownTableError, match=r"no table 'persn'; did you mean person\? \(line 1, column 15\)"):
        await getattr(db, call)("SELECT * FROM persn")
    with pytest.raises(EddylineError, match=r"no column 'nam'; did you mean name\? \(line 1, column 8\)"):
        await getattr(db, call)("SELECT nam FROM person")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM t",
        "INSERT INTO t VALUES (1) RETURNING n",
        "CREATE TABLE u (a)",
        "BEGIN",
        "ATTACH ':memory:' AS a",
        "VACUUM",
        "SAVEPOINT x",
        "PRAGMA user_version = 3",
    ],
)
async def test_fetch_only_reads(db: Database, sql: str) -> None:
    with pytest.raises(QueryError, match=r"db\.fetch"):
        await db.fetch(sql)
    await db.execute("INSERT INTO t VALUES (3)")
    assert len(await db.fetch("WITH x AS (SELECT n FROM t) SELECT * FROM x")) == 3


@pytest.mark.parametrize("job", [None, "DELETE FROM t", 7])
async def test_write_takes_a_function(db: Database, job: Any) -> None:
    with pytest.raises(ParameterError, match="takes a function"):
        await db.write(job)


@pytest.mark.parametrize(
    "option", [{"busy_timeout_s": -1}, {"busy_timeout_s": "5"}, {"poll_s": None}, {"poll_s": float("nan")}]
)
async def test_options_that_make_no_sense_are_refused(option: Any) -> None:
    with pytest.raises(OpenError, match="are seconds"):
        await Database.open(":memory:", **option)


async def test_a_query_that_fails_in_live_many_leaves_no_view_open(db: Database) -> None:
    with pytest.raises(UnknownTableError):
        await db.live_many(DELTA, "SELECT * FROM nowhere", RERUN)
    assert await left(db) == (0, 0)
    views = await db.live_many(DELTA, RERUN)
    assert [numbers(view) for view in views] == [[1, 2], [1, 2, 99]]


async def test_text_that_is_no_utf8_fails_its_view_until_it_is_gone_and_never_the_writer(db: Database) -> None:
    await db.execute("CREATE TABLE s (id INTEGER PRIMARY KEY, a TEXT)")
    await db.execute("INSERT INTO s VALUES (1, 'fine')")
    view, rest = await db.live_many("SELECT a FROM s ORDER BY id", "SELECT a FROM s WHERE id = 1")
    await db.execute("INSERT INTO s VALUES (2, CAST(x'ff41' AS TEXT))")
    assert (view.status, type(view.error), numbers(view)) == ("failed", StatementError, ["fine"])
    with pytest.raises(StatementError, match="UTF-8"):
        await db.fetch("SELECT a FROM s")
    await db.execute("UPDATE s SET a = a || '!'")
    assert (rest.status, numbers(rest)) == ("live", ["fine!"])
    await db.execute("DELETE FROM s WHERE id = 2")
    assert (view.status, numbers(view)) == ("live", ["fine!"])


# -- the error hook


async def test_an_error_hook_that_fails_harms_nobody(db: Database) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))

    def fail(error: BaseException) -> None:
        raise RuntimeError("the hook itself")

    db.on_error = fail
    db.after_commit(lambda commit: 1 // 0)
    one, two = await db.live_many(DELTA, "SELECT count(*) AS n FROM t")
    heard: list[Any] = []
    one.subscribe(lambda patches: 1 // 0)
    two.subscribe(heard.append)
    await db.execute("INSERT INTO t VALUES (3)")
    assert (numbers(one), numbers(two), len(heard)) == ([1, 2, 3], [3], 2)
    assert {str(context["exception"]) for context in reported} == {
        "integer division or modulo by zero", "the hook itself",
    }  # fmt: skip


# -- awkward company


@pytest.mark.parametrize("sql", [DELTA, RERUN])
async def test_one_query_asked_by_many_tasks_some_cancelled_is_filled_once_for_the_rest(db: Database, sql: str) -> None:
    tasks = [asyncio.create_task(db.live(sql)) for _ in range(8)]
    for at, task in enumerate(tasks[:4]):
        for _ in range(at):
            await asyncio.sleep(0)
        task.cancel()
    views = [view for view in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(view, View)]
    assert len(views) >= 4
    assert (await left(db))[1] == 1
    await db.execute("INSERT INTO t VALUES (3)")
    await db.settled()
    assert {tuple(numbers(view)) for view in views} == {tuple(numbers(views[0]))}
    assert 3 in numbers(views[0])
    for view in views:
        view.close()
    assert await left(db) == (0, 0)


@pytest.mark.parametrize("sql", [DELTA, RERUN])
async def test_a_subscriber_may_close_its_view_and_others(db: Database, sql: str) -> None:
    views = [await db.live(sql) for _ in range(3)]
    heard: list[int] = []

    def close_all(at: int) -> None:
        heard.append(at)
        if len(heard) > 3:
            for view in views:
                view.close()

    for at, view in enumerate(views):
        view.subscribe(lambda patches, at=at: close_all(at))  # type: ignore[misc]
    await db.execute("INSERT INTO t VALUES (3)")
    await db.settled()
    assert heard == [0, 1, 2, 0]
    assert await left(db) == (0, 0)


@pytest.mark.parametrize("sql", [DELTA, RERUN])
async def test_a_subscriber_may_write_and_open_views(db: Database, sql: str) -> None:
    view = await db.live(sql)
    tasks: list[asyncio.Task[Any]] = []

    def follow(patches: Any) -> None:
        if len(view) < 6:
            tasks.append(asyncio.ensure_future(db.execute("INSERT INTO t SELECT max(n) + 1 FROM t")))
            tasks.append(asyncio.ensure_future(db.live("SELECT max(n) AS n FROM t")))

    view.subscribe(follow)
    while any(not task.done() for task in tasks):
        await asyncio.gather(*tasks)
        await db.settled()
    assert len(view) == 6
    assert numbers(tasks[1].result())[0] == max(number for number in numbers(view) if number != 99)


async def test_an_effect_may_set_the_parameter_of_another_view(db: Database) -> None:
    least = signal(0)
    top = await db.live("SELECT max(n) AS n FROM t")
    rest = await db.live("SELECT n FROM t WHERE n >= ? ORDER BY n", least)
    with Scope():
        effect(lambda: least.set(numbers(top)[0]))
        await db.settled()
        assert numbers(rest) == [2]
        await db.execute("INSERT INTO t VALUES (7), (5)")
        await db.settled()
        assert numbers(rest) == [7]


@pytest.mark.parametrize(
    "sql", ["SELECT n FROM t WHERE n >= ? ORDER BY n", "SELECT n FROM t WHERE n >= ? UNION SELECT 99"]
)
async def test_a_parameter_that_changes_while_rows_change_ends_up_right(db: Database, sql: str) -> None:
    least = signal(1)
    view = await db.live(sql, least)
    pairs: list[Any] = []
    view.subscribe(lambda patches: pairs.append((dict(enumerate(view.params)), numbers(view))))
    for n in range(3, 12):
        least.set(n % 4)
        write = asyncio.ensure_future(db.execute("INSERT INTO t VALUES (?)", n))
        least.set(n % 5)
        await write
    await db.settled()
    now = [row[0] for row in await db.fetch(sql, least.peek())]
    assert (numbers(view), view.status, view.params) == (now, "live", (1,))
    assert all(row >= params[0] for params, rows in pairs for row in rows)


async def test_a_view_closed_while_its_parameter_or_its_rerun_is_under_way_stays_closed(db: Database) -> None:
    least = signal(1)
    view, other = await db.live("SELECT n FROM t WHERE n >= ?", least), await db.live(RERUN)
    heard: list[Any] = []
    view.subscribe(heard.append)
    other.subscribe(heard.append)
    await db.execute("INSERT INTO t VALUES (3)")
    heard.clear()
    least.set(2)
    write = asyncio.ensure_future(db.execute("INSERT INTO t VALUES (4)"))
    await asyncio.sleep(0)
    view.close()
    other.close()
    await write
    await db.settled()
    least.set(3)
    await db.settled()
    assert heard == []
    assert await left(db) == (0, 0)


async def test_views_opened_and_closed_during_other_tasks_blocks_leave_nothing_behind(db: Database) -> None:
    async def write(n: int) -> None:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (?)", n)
            await asyncio.sleep(0)
            await tx.execute("DELETE FROM t WHERE n = ?", n - 5)

    async def look(n: int) -> None:
        for _ in range(n % 7):
            await asyncio.sleep(0)
        with await db.live(DELTA if n % 2 else RERUN) as view:
            for _ in range(n % 3):
                await asyncio.sleep(0)
            assert len(view) >= 1

    async with asyncio.TaskGroup() as group:
        for n in range(3, 23):
            group.create_task(write(n))
            group.create_task(look(n))
    await db.settled()
    assert await left(db) == (0, 0)
    view = await db.live(DELTA)
    assert list(view.rows()) == await db.fetch(DELTA)


async def test_settled_waits_for_a_commit_of_another_program_and_for_reruns(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "t.db", poll_s=0) as one, Database.open(tmp_path / "t.db", poll_s=0) as two:
        await one.execute("CREATE TABLE t (n)")
        views = [await db.live(sql) for db in (one, two) for sql in (DELTA, RERUN)]
        await two.execute("INSERT INTO t VALUES (1)")
        await one.execute("INSERT INTO t VALUES (2)")
        await one.settled()
        await two.settled()
        assert [numbers(view) for view in views] == [[1, 2], [1, 2, 99]] * 2


async def test_commits_of_others_are_counted_by_a_signal_and_those_of_ours_are_not(tmp_path: Path) -> None:
    path = tmp_path / "t.db"

    def other(sql: str) -> None:
        with closing(sqlite3.connect(path)) as conn, conn:
            conn.execute(sql)

    async with Database.open(path, poll_s=0) as db:
        await db.execute("CREATE TABLE t (a)")
        await db.execute("INSERT INTO t VALUES (1)")
        assert db.foreign_commits.peek() == 0
        seen: list[int] = []
        with effect(lambda: seen.append(db.foreign_commits.get())):
            other("INSERT INTO t VALUES (2)")
            await db.settled()
            other("CREATE TABLE u (a)")
            other("INSERT INTO t VALUES (3)")
            await db.execute("INSERT INTO t VALUES (4)")
            await db.settled()
        assert seen == [0, 1, 2]


async def test_commits_of_others_are_noticed_while_only_their_number_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    async with Database.open(path, poll_s=0.001) as db:
        await db.execute("CREATE TABLE t (a)")
        noticed = asyncio.Event()
        with effect(lambda: noticed.set() if db.foreign_commits.get() else None):
            with closing(sqlite3.connect(path)) as conn, conn:
                conn.execute("INSERT INTO t VALUES (1)")
            await asyncio.wait_for(noticed.wait(), PATIENCE_S)
