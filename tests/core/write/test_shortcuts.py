"""What a one-statement write leaves out to be quick, and that nothing is lost by it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from eddyline import ConstraintError, Database, QueryError, StatementError


def other(path: Path, *statements: str) -> None:
    """Run statements as another program would."""
    with sqlite3.connect(path, isolation_level=None) as conn:
        for sql in statements:
            conn.execute(sql)
    conn.close()


async def test_a_failing_statement_alone_leaves_nothing_of_itself() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, v)")
        await db.execute(
            "CREATE TRIGGER half AFTER UPDATE ON t WHEN OLD.n = 2 BEGIN SELECT RAISE(FAIL, 'half way'); END"
        )
        await db.executemany("INSERT INTO t VALUES (?, 0)", [(1,), (2,), (3,)])
        view = await db.live("SELECT n, v FROM t")
        before = view.rows()
        with pytest.raises(ConstraintError):
            await db.execute("INSERT OR FAIL INTO t VALUES (4, 0), (1, 0)")
        with pytest.raises(StatementError):
            await db.execute("UPDATE t SET v = 1")
        with pytest.raises(QueryError):
            await db.execute("UPDATE t SET nothing = 1")
        await db.settled()
        assert view.rows() == before == tuple(await db.fetch("SELECT n, v FROM t"))


@pytest.mark.parametrize("shape", ["ALTER TABLE t ADD COLUMN more DEFAULT 7", "ALTER TABLE t RENAME COLUMN v TO w"])
async def test_a_schema_change_of_another_program_just_before_our_write_is_followed(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "a.db"
    other(path, "CREATE TABLE t (n INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (1, 1)")
    async with Database.open(path, poll_s=0) as db:
        view = await db.live("SELECT * FROM t")
        other(path, shape, "INSERT INTO t (n) VALUES (2)")
        await db.execute("INSERT INTO t (n) VALUES (3)")
        await db.settled()
        assert [tuple(row) for row in view.rows()] == [
            tuple(row) for row in await db.fetch("SELECT * FROM t ORDER BY n")
        ]
        assert [row.n for row in view.rows()] == [1, 2, 3]


async def test_a_file_attached_to_a_memory_database_is_watched(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    other(path, "CREATE TABLE t (n)", "INSERT INTO t VALUES (1)")
    async with Database.open(":memory:", poll_s=0) as db:
        await db.execute("CREATE TABLE own (n)")
        await db.execute("ATTACH ? AS f", str(path))
        view = await db.live("SELECT n FROM f.t ORDER BY n")
        other(path, "INSERT INTO t VALUES (2)")
        await db.execute("INSERT INTO own VALUES (1)")
        assert [row.n for row in view.rows()] == [1, 2]
        other(path, "ALTER TABLE t ADD COLUMN m", "INSERT INTO t VALUES (3, 3)")
        await db.execute("INSERT INTO f.t (n) VALUES (4)")
        await db.settled()
        assert [row.n for row in view.rows()] == [1, 2, 3, 4]


async def test_our_own_schema_changes_are_followed_in_memory_where_nobody_else_writes() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (n)")
        view = await db.live("SELECT * FROM t")
        await db.execute("ALTER TABLE t ADD COLUMN m DEFAULT 5")
        await db.execute("INSERT INTO t (n) VALUES (1)")
        assert [tuple(row) for row in view.rows()] == [(1, 5)]
        await db.execute("DROP TABLE t")
        await db.settled()
        assert view.status == "failed"


async def test_a_text_that_was_seen_before_is_looked_at_as_what_it_is() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, v)")
        view = await db.live("SELECT n, v FROM t")
        for value in range(3):
            await db.execute("REPLACE INTO t VALUES (1, ?)", value)
            assert [tuple(row) for row in view.rows()] == [(1, value)]
