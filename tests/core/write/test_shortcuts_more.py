"""What a write leaves out for speed, where leaving it out could be wrong.

| left out | because |
|---|---|
| reading `schema_version` before each write | DDL of others is a commit: `data_version` moves, too |
| reading `data_version` of a main database in memory | nobody else can open it |
| the savepoint around the one statement of `db.execute` | if it fails, the transaction is rolled back |
| asking which of one or two logs hold rows | reading them says it |
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eddyline import ConstraintError, Database, RolledBackError, View
from eddyline.core.schema import Catalog

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, n UNIQUE, note)"
DDL = {
    "add": "ALTER TABLE t ADD COLUMN more DEFAULT 7",
    "rename": "ALTER TABLE t RENAME COLUMN note TO remark",
    "index": "CREATE INDEX by_note ON t (note)",
    "table": "CREATE TABLE u (id)",
    "trigger": "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET note = 'g' WHERE id = NEW.id; END",
    "statistics": "ANALYZE",
    "vacuum": "VACUUM",
}


@pytest.fixture(params=["wal", "delete"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    with closing(sqlite3.connect(tmp_path / "t.db")) as conn:
        conn.execute(f"PRAGMA journal_mode = {request.param}")
        conn.execute(TABLE)
        conn.execute("INSERT INTO t VALUES (1, 1, 'a')")
        conn.commit()
    return tmp_path / "t.db"


@pytest.fixture
async def db(path: Path) -> AsyncIterator[Database]:
    async with Database.open(path, poll_s=0) as opened:
        yield opened


@pytest.fixture
def other(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as conn:
        yield conn


def shown(view: View) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in view.rows()]


def number(conn: sqlite3.Connection, pragma: str) -> int:
    return int(conn.execute(f"PRAGMA main.{pragma}").fetchone()[0])


@pytest.mark.parametrize("ddl", DDL.values(), ids=DDL)
def test_data_version_moves_with_every_schema_change_of_others_and_with_none_of_ours(
    path: Path, other: sqlite3.Connection, ddl: str
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as ours:
        schema, data = number(ours, "schema_version"), number(ours, "data_version")
        other.execute(ddl)
        assert number(ours, "schema_version") > schema
        assert (moved := number(ours, "data_version")) != data
        ours.execute("CREATE TABLE own (id)")
        assert number(ours, "data_version") == moved


@pytest.mark.parametrize("ddl", [DDL["add"], DDL["trigger"], f"DROP TABLE t; {TABLE}"])
async def test_a_schema_change_of_others_just_before_one_statement_is_followed(
    db: Database, other: sqlite3.Connection, ddl: str
) -> None:
    view = await db.live("SELECT * FROM t ORDER BY id")
    other.executescript(ddl)
    await db.execute("INSERT INTO t (id, n) VALUES (2, 2)")
    assert shown(view) == [tuple(row) for row in await db.fetch("SELECT * FROM t ORDER BY id")]
    await db.execute("UPDATE t SET n = 3 WHERE id = 2")
    assert shown(view) == [tuple(row) for row in await db.fetch("SELECT * FROM t ORDER BY id")]


async def test_a_commit_of_others_just_before_one_statement_is_counted_once(
    db: Database, other: sqlite3.Connection
) -> None:
    view = await db.live("SELECT count(*), sum(n) FROM t")
    other.execute("INSERT INTO t VALUES (2, 20, '')")
    await db.execute("INSERT INTO t VALUES (3, 300, '')")
    assert shown(view) == [(3, 321)]


async def test_a_schema_version_set_by_hand_makes_us_read_the_schema_anew(db: Database) -> None:
    await db.live("SELECT id, note FROM t ORDER BY id")
    before = db._queue.writer.catalog
    await db.execute("PRAGMA schema_version = 1234")
    assert db._queue.writer.catalog is not before
    await db.execute("INSERT INTO t VALUES (2, 2, 'b')")


async def test_a_main_database_in_memory_is_nobody_elses_and_an_attached_file_is(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        async with Database.open(":memory:") as db:
            await db.execute(TABLE)
            await db.execute("ATTACH ? AS aux", str(path))
            assert db._queue.writer.catalog.shared == ("aux",)
            view = await db.live("SELECT main.t.id, o.n FROM main.t JOIN aux.t AS o ON o.id = main.t.id ORDER BY 1")
            await db.execute("INSERT INTO main.t VALUES (1, 0, '')")
            await db.settled()
            assert shown(view) == [(1, 1)]
            other.execute("UPDATE t SET n = 5")
            await db.execute("INSERT INTO main.t VALUES (7, 7, '')")
            await db.settled()
            assert shown(view) == [(1, 5)]
            other.execute("ALTER TABLE t ADD COLUMN more")
            await db.execute("UPDATE aux.t SET n = 6")
            await db.settled()
            assert shown(view) == [(1, 6)]
            await db.execute("DETACH aux")
            assert not Catalog(db._queue.writer.conn).shared
            await db.settled()
            assert view.status == "failed"


def test_an_attached_memory_database_may_be_shared_by_name_so_it_is_looked_at(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("ATTACH ':memory:' AS m")
        assert Catalog(conn).shared == ("main", "m")


async def test_our_own_schema_change_in_memory_is_followed() -> None:
    async with Database.open(":memory:") as db:
        await db.execute(TABLE)
        view = await db.live("SELECT * FROM t")
        await db.execute("ALTER TABLE t ADD COLUMN more DEFAULT 7")
        await db.execute("INSERT INTO t (id) VALUES (1)")
        assert shown(view) == [(1, None, None, 7)]
        async with db.transaction() as tx:
            await tx.execute("ALTER TABLE t DROP COLUMN more")
            await tx.rollback()
        await db.execute("INSERT INTO t (id) VALUES (2)")
        assert shown(view) == [(1, None, None, 7), (2, None, None, 7)]


@pytest.mark.parametrize("how", ["", "OR FAIL", "OR ABORT", "OR ROLLBACK"])
async def test_one_statement_that_fails_leaves_nothing_of_it_without_its_savepoint(db: Database, how: str) -> None:
    view = await db.live("SELECT id FROM t ORDER BY id")
    error = RolledBackError if how == "OR ROLLBACK" else ConstraintError
    with pytest.raises(error):
        await db.execute(f"INSERT {how} INTO t VALUES (2, 2, ''), (3, 1, '')")
    assert [tuple(row) for row in await db.fetch("SELECT id FROM t ORDER BY id")] == shown(view) == [(1,)]
    await db.execute("INSERT INTO t VALUES (4, 4, '')")
    assert shown(view) == [(1,), (4,)]


async def test_what_a_trigger_wrote_before_it_raised_fail_is_gone_without_the_savepoint(db: Database) -> None:
    await db.execute("CREATE TABLE seen (n)")
    await db.execute(
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO seen VALUES (NEW.n); SELECT RAISE(FAIL, 'no'); END"
    )
    view = await db.live("SELECT count(*) FROM seen")
    with pytest.raises(ConstraintError):
        await db.execute("INSERT INTO t VALUES (2, 2, '')")
    assert await db.fetch("SELECT count(*) FROM seen") == [(0,)]
    assert shown(view) == [(0,)]


@pytest.mark.parametrize("tables", [1, 2, 3])
async def test_a_transaction_is_followed_whichever_of_the_captured_tables_it_changes(tables: int) -> None:
    async with Database.open(":memory:") as db:
        views = []
        for n in range(tables):
            await db.execute(f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, x)")
            views.append(await db.live(f"SELECT id, x FROM t{n}"))
        for n in range(tables):
            await db.execute(f"INSERT INTO t{n} VALUES (1, {n})")
        await db.write(lambda tx: [tx.execute(f"UPDATE t{n} SET x = x + 10") for n in range(tables)])
        await db.execute("CREATE TABLE beside (id)")
        await db.execute("INSERT INTO beside VALUES (1)")
        assert [shown(view) for view in views] == [[(1, n + 10)] for n in range(tables)]


async def test_rows_that_come_and_go_in_one_transaction_leave_no_rest_in_the_log() -> None:
    async with Database.open(":memory:") as db:
        await db.execute(TABLE)
        view = await db.live("SELECT id, n FROM t ORDER BY id")
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (1, 1, '')")
            await tx.execute("DELETE FROM t")
        await db.execute("INSERT INTO t VALUES (2, 2, '')")
        await db.execute("UPDATE t SET n = n")
        assert shown(view) == [(2, 2)]
