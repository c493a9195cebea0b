"""What other programs write, followed row by row through the lasting logs."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, OpenError, ParameterError, ReadOnlyError, UnknownTableError, View
from eddyline.core.ivm.program import Program

TAGS = "SELECT id, tag, n FROM item WHERE n > 1 ORDER BY n, id"
SUMS = "SELECT tag IS NULL AS none, count(*) AS c, sum(n) AS s FROM item GROUP BY 1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shared.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript("""
            CREATE TABLE item (id INTEGER PRIMARY KEY, tag TEXT COLLATE NOCASE UNIQUE, n INTEGER, a, b, UNIQUE (a, b));
            CREATE TABLE plain (v);
            CREATE TABLE wide (k TEXT, l INTEGER, v REAL, PRIMARY KEY (k, l)) WITHOUT ROWID;
            INSERT INTO item VALUES (1, 'one', 1, 1, 1), (2, 'two', 2, 1, 2), (3, 'three', 3, NULL, 1);
            INSERT INTO plain VALUES ('x'), ('y');
            INSERT INTO wide VALUES ('a', 1, 0.5), ('b', 1, 1.5);
        """)
    return path


@pytest.fixture
def other(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        yield conn


@pytest.fixture
async def db(path: Path) -> AsyncIterator[Database]:
    async with await Database.open(path, poll_s=0) as db:
        await db.enable_capture("item", "plain", "wide")
        yield db


@pytest.fixture
def read_anew(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of the views that are read anew from now on."""
    found: list[str] = []
    inner = Program._read_anew

    def tap(self: Program, conn: Any) -> None:
        found.append(self.sql)
        inner(self, conn)

    monkeypatch.setattr(Program, "_read_anew", tap)
    return found


async def follow(db: Database) -> None:
    """Have the writer look for what others did."""
    await db._queue.quiet(lambda conn: None)
    await db.settled()


async def same(db: Database, *views: View[Any]) -> bool:
    for view in views:
        if list(view.rows()) != await db.fetch(view.explain().data["defining_sql"]):
            return False
    return True


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO item (id, tag, n) VALUES (9, 'nine', 9)",
        "INSERT INTO item (tag, n) VALUES ('auto', 9)",
        "UPDATE item SET n = n + 5",
        "UPDATE item SET id = id + 10",
        "UPDATE item SET tag = upper(tag)",
        "DELETE FROM item WHERE n > 1",
        "INSERT OR REPLACE INTO item (id, tag, n) VALUES (9, 'TWO', 9)",
        "INSERT OR REPLACE INTO item (id, tag, n, a, b) VALUES (1, 'three', 9, 1, 2)",
        "UPDATE OR REPLACE item SET tag = 'two' WHERE id = 3",
        "UPDATE OR REPLACE item SET id = 2 WHERE id = 3",
        "INSERT OR IGNORE INTO item (id, tag, n) VALUES (9, 'two', 9)",
        "UPDATE OR IGNORE item SET tag = 'two', n = 7",
        "INSERT INTO item (id, tag, n) VALUES (8, 'two', 5) ON CONFLICT (tag) DO UPDATE SET n = n + excluded.n",
        "INSERT INTO item (id, tag, n) VALUES (8, 'two', 5) ON CONFLICT DO NOTHING",
        "BEGIN; UPDATE item SET n = 7; UPDATE item SET n = 1 WHERE id = 2; DELETE FROM item WHERE id = 3; COMMIT",
        "BEGIN; DELETE FROM item WHERE id = 3; INSERT INTO item (id, tag, n) VALUES (3, 'new', 30); COMMIT",
        "BEGIN; UPDATE item SET n = 7; ROLLBACK",
        "BEGIN; INSERT INTO item (id, tag, n) VALUES (9, 'x', 9); DELETE FROM item WHERE id = 9; COMMIT",
    ],
)
async def test_each_write_of_another_program_is_followed_without_reading_anew(
    db: Database, other: sqlite3.Connection, read_anew: list[str], statement: str
) -> None:
    views = [await db.live(TAGS), await db.live(SUMS)]
    read_anew.clear()
    other.executescript(statement)
    await follow(db)
    assert await same(db, *views)
    assert read_anew == []
    assert [view.explain().data["repairs"] for view in views] == [0, 0]


@pytest.mark.parametrize(
    ("sql", "statement"),
    [
        ("SELECT v FROM plain ORDER BY v", "UPDATE plain SET v = 'z' WHERE v = 'x'"),
        ("SELECT v FROM plain ORDER BY v", "INSERT INTO plain VALUES (NULL), (x'00')"),
        ("SELECT k, v FROM wide ORDER BY v", "UPDATE wide SET l = 2, v = v * 3 WHERE k = 'a'"),
        ("SELECT k, v FROM wide ORDER BY v", "INSERT OR REPLACE INTO wide VALUES ('a', 1, 9.5)"),
    ],
)
async def test_tables_of_every_kind_of_key_are_followed(
    db: Database, other: sqlite3.Connection, read_anew: list[str], sql: str, statement: str
) -> None:
    view = await db.live(sql)
    read_anew.clear()
    other.executescript(statement)
    await follow(db)
    assert await same(db, view)
    assert read_anew == []


async def test_our_own_writes_between_those_of_others_are_counted_once(
    db: Database, other: sqlite3.Connection, read_anew: list[str]
) -> None:
    titles, sums = await db.live("SELECT id, tag FROM item"), await db.live(SUMS)
    await db.execute("UPDATE item SET n = 50 WHERE id = 1")
    other.execute("UPDATE item SET n = n + 1 WHERE id = 1")
    await db.execute("UPDATE item SET n = n + 1 WHERE id = 1")
    late = await db.live("SELECT id, n FROM item WHERE id = 1")
    read_anew.clear()
    other.execute("UPDATE item SET n = n + 1, tag = 'uno' WHERE id = 1")
    await db.execute("UPDATE item SET a = 5 WHERE id = 1")
    assert await same(db, titles, sums, late)
    assert late.rows() == ((1, 53),)
    assert read_anew == []


async def test_two_of_us_on_one_file_follow_each_other_exactly(path: Path, db: Database, read_anew: list[str]) -> None:
    async with await Database.open(path, poll_s=0) as second:
        assert second.captured == ["item", "plain", "wide"]
        here, there = await db.live(SUMS), await second.live(SUMS)
        read_anew.clear()
        await db.execute("UPDATE item SET n = 10 WHERE id = 1")
        await second.execute("UPDATE item SET n = n + 10 WHERE id = 1")
        await db.execute("INSERT INTO item (id, tag, n) VALUES (7, 'seven', 7)")
        await follow(second)
        assert here.rows() == there.rows() == ((0, 4, 32),)
        assert read_anew == []


async def test_a_change_that_was_rolled_back_here_leaves_the_others_standing(
    db: Database, other: sqlite3.Connection
) -> None:
    view = await db.live(SUMS)
    other.execute("UPDATE item SET n = 100 WHERE id = 1")
    with pytest.raises(RuntimeError, match="no"):
        async with db.transaction() as tx:
            await tx.execute("UPDATE item SET n = 0")
            raise RuntimeError("no")
    assert view.rows() == ((0, 3, 105),)
    other.execute("UPDATE item SET n = 101 WHERE id = 1")
    await follow(db)
    assert await same(db, view)


async def test_a_view_of_a_table_that_nobody_touched_is_left_alone_also_under_the_re_run_rule(
    db: Database, other: sqlite3.Connection
) -> None:
    numbers = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3)"
    view = await db.live(f"{numbers} SELECT v, x FROM plain, c")
    touched = await db.live(f"{numbers} SELECT id, x FROM item, c")
    runs = view._shared.taken, touched._shared.taken
    other.execute("UPDATE item SET n = 100 WHERE id = 1")
    await follow(db)
    assert (view._shared.taken, touched._shared.taken) == (runs[0], runs[1] + 1)


async def test_more_notes_than_are_kept_are_followed_by_reading_anew(
    path: Path, other: sqlite3.Connection, read_anew: list[str]
) -> None:
    async with await Database.open(path, poll_s=0) as db:
        await db.enable_capture("item", rows_max=3)
        view = await db.live(SUMS)
        read_anew.clear()
        other.execute("UPDATE item SET n = n + 1")
        await follow(db)
        assert read_anew == []
        for _ in range(4):
            other.execute("UPDATE item SET n = n + 1")
        await follow(db)
        assert read_anew == [SUMS]
        assert await same(db, view)
        assert other.execute("SELECT count(*) FROM _eddy_capture_item").fetchone() == (3,)


async def test_a_column_that_another_program_adds_is_read_anew_until_capture_is_enabled_again(
    db: Database, other: sqlite3.Connection, read_anew: list[str]
) -> None:
    other.execute("ALTER TABLE item ADD COLUMN more TEXT")
    view = await db.live("SELECT id, more FROM item")
    read_anew.clear()
    other.execute("UPDATE item SET more = 'x' WHERE id = 2")
    await follow(db)
    assert read_anew == ["SELECT id, more FROM item"]
    await db.enable_capture("item")
    read_anew.clear()
    other.execute("UPDATE item SET more = 'y' WHERE id = 2")
    await follow(db)
    assert await same(db, view)
    assert read_anew == []


async def test_disabled_capture_leaves_nothing_of_its_own_but_the_version(
    db: Database, other: sqlite3.Connection
) -> None:
    await db.disable_capture("item")
    assert db.captured == ["plain", "wide"]
    await db.disable_capture()
    assert db.captured == []
    left = other.execute("SELECT name FROM sqlite_schema WHERE name GLOB '_eddy*'").fetchall()
    assert left == [("_eddy_meta",)]
    assert await db.tables() == ["item", "plain", "wide"]
    view = await db.live(TAGS)
    other.execute("UPDATE item SET n = 40")
    await follow(db)
    assert await same(db, view)


async def test_tables_named_like_each_others_triggers_are_kept_apart(path: Path) -> None:
    async with await Database.open(path, poll_s=0) as db:
        for name in ("x", "x_before", "before_x", "we\"ird' t.able"):
            quoted = name.replace('"', '""')
            await db.execute(f'CREATE TABLE "{quoted}" (id INTEGER PRIMARY KEY, "a b" TEXT UNIQUE)')
            await db.enable_capture(name)
        assert db.captured == ["before_x", "we\"ird' t.able", "x", "x_before"]
        await db.disable_capture("x")
        assert db.captured == ["before_x", "we\"ird' t.able", "x_before"]


async def test_what_cannot_be_captured_is_refused_with_nothing_made(path: Path, other: sqlite3.Connection) -> None:
    other.executescript("""
        CREATE VIEW seen AS SELECT * FROM item;
        CREATE TABLE folded (v TEXT);
        CREATE UNIQUE INDEX folded_v ON folded (lower(v));
    """)
    async with await Database.open(path, poll_s=0) as db:
        with pytest.raises(UnknownTableError, match="no table 'itm' in this database; similar: item"):
            await db.enable_capture("item", "itm")
        with pytest.raises(ParameterError, match="'seen' is a view: only tables can be captured"):
            await db.enable_capture("seen")
        with pytest.raises(ParameterError, match="UNIQUE index on an expression"):
            await db.enable_capture("folded")
        with pytest.raises(ParameterError, match="name the tables to capture"):
            await db.enable_capture()
        with pytest.raises(ParameterError, match="1 or more, not 0"):
            await db.enable_capture("item", rows_max=0)
        assert db.captured == []
        assert other.execute("SELECT name FROM sqlite_schema WHERE name GLOB '_eddy*'").fetchall() == []


async def test_logs_of_a_newer_eddyline_are_refused(db: Database, path: Path, other: sqlite3.Connection) -> None:
    other.execute("UPDATE _eddy_meta SET value = 99 WHERE name = 'version'")
    with pytest.raises(OpenError, match="of version 99, made by a newer Eddyline; this one knows version 1"):
        await Database.open(path)


async def test_a_readonly_database_follows_by_the_logs_too(
    db: Database, path: Path, other: sqlite3.Connection, read_anew: list[str]
) -> None:
    async with await Database.open(path, readonly=True, poll_s=0) as reader:
        view = await reader.live(TAGS)
        read_anew.clear()
        other.execute("UPDATE item SET n = 9 WHERE id = 1")
        await follow(reader)
        assert [row.id for row in view.rows()] == [2, 3, 1]
        assert read_anew == []
        with pytest.raises(ReadOnlyError):
            await reader.enable_capture("item")


async def test_rows_that_a_failed_statement_leaves_behind_are_followed(
    db: Database, other: sqlite3.Connection, read_anew: list[str]
) -> None:
    view = await db.live("SELECT id, n FROM item WHERE n > 2")
    other.execute("BEGIN")
    with pytest.raises(sqlite3.IntegrityError):
        other.execute("INSERT OR FAIL INTO item (id, n) VALUES (4, 4), (1, 1), (5, 5)")
    other.execute("COMMIT")
    await db.settled()
    assert [tuple(row) for row in view.rows()] == [(3, 3), (4, 4)]
