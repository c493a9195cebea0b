"""Schema changes: made by us and by other programs, kept and rolled back, while views look on."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, StatementError, UnknownColumnError, UnknownTableError, View

QUERIES = [
    "SELECT id, name, team FROM person ORDER BY id",
    "SELECT team, count(*) AS n FROM person GROUP BY team ORDER BY team",
    "SELECT * FROM person ORDER BY id",
    "SELECT name FROM person UNION SELECT 'x' ORDER BY 1",
]
REBUILD = [
    "CREATE TABLE fresh (id INTEGER PRIMARY KEY, name TEXT, team TEXT, extra DEFAULT 'e')",
    "INSERT INTO fresh (id, name, team) SELECT id, name, team FROM person",
    "DROP TABLE person",
    "ALTER TABLE fresh RENAME TO person",
]
CHANGES: dict[str, list[str]] = {
    "add a column": ["ALTER TABLE person ADD COLUMN age DEFAULT 7"],
    "drop a column": ["ALTER TABLE person DROP COLUMN note"],
    "rename a column nobody names": ["ALTER TABLE person RENAME COLUMN note TO remark"],
    "twelve steps": REBUILD,
    "drop and make": [
        "DROP TABLE person",
        "CREATE TABLE person (id INTEGER PRIMARY KEY, team TEXT, name TEXT, other)",
        "INSERT INTO person VALUES (9, '01', 'Eve', 1)",
    ],
    "without rowid": [
        "DROP TABLE person",
        "CREATE TABLE person (id TEXT PRIMARY KEY, team INTEGER, name TEXT) WITHOUT ROWID",
        "INSERT INTO person VALUES ('9', '01', 'Eve')",
    ],
    "a view in its place": [
        "ALTER TABLE person RENAME TO people",
        "CREATE VIEW person AS SELECT id, name, team FROM people WHERE id < 3",
        "CREATE TRIGGER g INSTEAD OF INSERT ON person BEGIN INSERT INTO people (id, name) VALUES (NEW.id, 'x'); END",
    ],
    "an index": ["CREATE INDEX by_team ON person (team, id)"],
    "statistics": ["ANALYZE", "REINDEX"],
    "a trigger": ["CREATE TRIGGER g AFTER INSERT ON person BEGIN UPDATE person SET team = 'x' WHERE id = NEW.id; END"],
}  # fmt: skip


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "t.db", poll_s=0) as opened:
        await opened.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, team TEXT, note)")
        await opened.execute(
            "INSERT INTO person VALUES (1, 'Ada', '1', 'n'), (2, 'Bob', '1', 'n'), (3, 'Cid', '2', 'n')"
        )
        yield opened


@pytest.fixture
def other(db: Database) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(db.path, isolation_level=None, timeout=30)) as conn:
        yield conn


@pytest.fixture
async def views(db: Database) -> list[View]:
    return [await db.live(query) for query in QUERIES]


async def assert_right(db: Database, views: list[View]) -> None:
    await db.settled()
    for view, query in zip(views, QUERIES, strict=True):
        assert view.status == "live", (query, view.error)
        assert [tuple(row) for row in view.rows()] == [tuple(row) for row in await db.fetch(query)], query


async def write(db: Database) -> None:
    await db.execute("INSERT INTO person (id, name, team) VALUES (4, 'Dot', '007'), (5, 'Eli', 7)")


@pytest.mark.parametrize("change", CHANGES)
async def test_views_follow_a_schema_change_of_ours(db: Database, views: list[View], change: str) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE person SET team = '3' WHERE id = 1")
        for sql in CHANGES[change]:
            await tx.execute(sql)
    await assert_right(db, views)
    await write(db)
    await assert_right(db, views)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("how", ["block", "part", "text", "failing commit"])
async def test_a_schema_change_rolled_back_never_was(db: Database, views: list[View], change: str, how: str) -> None:
    before = [list(view.rows()) for view in views]
    await db.execute("CREATE TABLE child (p REFERENCES person DEFERRABLE INITIALLY DEFERRED)")

    async def change_all(tx: Any) -> None:
        for sql in CHANGES[change]:
            await tx.execute(sql)

    if how == "block":
        async with db.transaction() as tx:
            await change_all(tx)
            await tx.rollback()
    elif how == "part":
        async with db.transaction() as tx:
            with pytest.raises(KeyError):
                async with tx.savepoint():
                    await change_all(tx)
                    raise KeyError
    elif how == "text":
        async with db.transaction() as tx:
            await tx.execute("SAVEPOINT s")
            await change_all(tx)
            await tx.execute("ROLLBACK TO s")
    else:
        with pytest.raises(Exception, match=r"FOREIGN KEY|foreign key"):
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO child VALUES (77)")
                await change_all(tx)
    await db.settled()
    assert [list(view.rows()) for view in views] == before
    await write(db)
    await assert_right(db, views)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seen", ["by a write", "by settled"])
async def test_views_follow_a_schema_change_of_another_program(
    db: Database, views: list[View], other: sqlite3.Connection, change: str, seen: str
) -> None:
    await db.execute("UPDATE person SET team = '3' WHERE id = 1")
    other.execute("BEGIN")
    for sql in CHANGES[change]:
        other.execute(sql)
    other.execute("COMMIT")
    if seen == "by settled":
        await assert_right(db, views)
    await write(db)
    await assert_right(db, views)
    other.execute("DELETE FROM person WHERE id = 2" if "view" not in change else "DELETE FROM people WHERE id = 2")
    await assert_right(db, views)


async def test_a_renamed_column_fails_its_views_until_it_is_back(db: Database, views: list[View], other: Any) -> None:
    other.execute("ALTER TABLE person RENAME COLUMN name TO called")
    await db.execute("INSERT INTO person (id, called, team) VALUES (4, 'Dot', '1')")
    assert [view.status for view in views] == ["failed", "live", "live", "failed"]
    assert isinstance(views[0].error, UnknownColumnError)
    assert [row.name for row in views[0].rows()] == ["Ada", "Bob", "Cid"]
    assert views[2].columns == ("id", "called", "team", "note")
    other.execute("ALTER TABLE person RENAME COLUMN called TO name")
    await assert_right(db, views)


async def test_a_dropped_table_fails_its_views_and_hinders_no_other(
    db: Database, views: list[View], other: Any
) -> None:
    await db.execute("CREATE TABLE rest (n)")
    rest = await db.live("SELECT n FROM rest")
    other.execute("DROP TABLE person")
    await db.execute("INSERT INTO rest VALUES (1)")
    assert [row.n for row in rest.rows()] == [1]
    assert all(isinstance(view.error, UnknownTableError) for view in views)
    await db.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, name, team)")
    await assert_right(db, views)


@pytest.mark.parametrize("by_us", [True, False], ids=["made by us", "made by the other"])
@pytest.mark.parametrize("trigger", [True, False], ids=["with marks", "without"])
async def test_a_table_that_another_program_drops_and_brings_back_is_followed_again(
    db: Database, views: list[View], other: sqlite3.Connection, *, by_us: bool, trigger: bool
) -> None:
    if trigger:
        await db.execute("CREATE TABLE stamped (n)")
        await db.execute("CREATE TRIGGER g AFTER UPDATE ON stamped BEGIN UPDATE stamped SET n = 1; END")
    for _ in range(3):
        other.execute("DROP TABLE person")
        await db.settled()
        assert views[0].status == "failed"
        sql = "CREATE TABLE person (id INTEGER PRIMARY KEY, name, team)"
        if by_us:
            await db.execute(sql)
        else:
            other.execute(sql)
        await assert_right(db, views)
        await write(db)
        await assert_right(db, views)


async def test_a_failing_schema_change_undoes_only_itself(db: Database, views: list[View]) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO person (id, name, team) VALUES (4, 'Dot', '1')")
        for sql in ("ALTER TABLE person DROP COLUMN nowhere", "CREATE TABLE person (a)", "DROP TABLE nowhere"):
            with pytest.raises(Exception, match=r"nowhere|already exists"):
                await tx.execute(sql)
        await tx.execute("INSERT INTO person (id, name, team) VALUES (5, 'Eli', '1')")
    await assert_right(db, views)
    assert len(views[0].rows()) == 5


async def test_vacuum_renumbers_rowids_and_views_stay_right(db: Database) -> None:
    await db.execute("CREATE TABLE loose (n)")
    await db.execute("INSERT INTO loose VALUES (1), (2), (3)")
    view = await db.live("SELECT n FROM loose")
    await db.execute("DELETE FROM loose WHERE n = 1")
    await db.execute("VACUUM")
    await db.execute("UPDATE loose SET n = 20 WHERE n = 2")
    await db.execute("INSERT INTO loose VALUES (4)")
    assert [row.n for row in view.rows()] == [20, 3, 4]


async def test_an_attached_file_is_followed_until_it_is_detached(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "aux 'file'.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, name)")
    await db.execute("-- a comment first\nATTACH :path AS aux", path=str(path))
    view = await db.live("SELECT name FROM aux.person ORDER BY id")
    both = await db.live("SELECT p.name AS one, a.name AS two FROM person p JOIN aux.person a ON a.id = p.id")
    union = await db.live("SELECT name FROM aux.person UNION ALL SELECT name FROM person WHERE id = 1")
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO aux.person VALUES (1, 'Aux')")
        await tx.execute("UPDATE person SET name = 'Ada!' WHERE id = 1")
    await db.settled()
    assert [tuple(row) for row in both.rows()] == [("Ada!", "Aux")]
    assert [row.name for row in union.rows()] == ["Aux", "Ada!"]
    assert await db.fetch("SELECT name FROM aux.person") == [("Aux",)]
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        foreign.execute("INSERT INTO person VALUES (2, 'Foreign')")
    await db.settled()
    assert [row.name for row in view.rows()] == ["Aux", "Foreign"]
    await db.execute("DETACH aux")
    await db.execute("UPDATE person SET name = 'Ada' WHERE id = 1")
    assert (view.status, type(view.error)) == ("failed", UnknownTableError)
    with pytest.raises(UnknownTableError):
        await db.fetch("SELECT name FROM aux.person")


async def test_a_file_that_cannot_be_attached_is_told_and_nothing_else_changes(db: Database, views: list[View]) -> None:
    with pytest.raises(StatementError, match="unable to open database"):
        await db.execute("ATTACH '/nowhere/at/all.db' AS aux")
    await write(db)
    await assert_right(db, views)


async def test_temp_tables_and_attached_memory_are_read_and_followed(db: Database) -> None:
    await db.execute("ATTACH ':memory:' AS mem")
    await db.execute("CREATE TABLE mem.note (id INTEGER PRIMARY KEY, text)")
    await db.execute("CREATE TEMP TABLE draft (id INTEGER PRIMARY KEY, text)")
    notes = await db.live("SELECT text FROM mem.note")
    drafts = await db.live("SELECT d.text FROM draft d JOIN person p ON p.id = d.id")
    await db.execute("INSERT INTO mem.note VALUES (1, 'n')")
    await db.execute("INSERT INTO draft VALUES (1, 'd'), (99, 'e')")
    assert ([row.text for row in notes.rows()], [row.text for row in drafts.rows()]) == (["n"], ["d"])
    assert await db.fetch("SELECT text FROM mem.note") == [("n",)]
    assert await db.fetch("SELECT text FROM draft ORDER BY id") == [("d",), ("e",)]
    await db.execute("INSERT INTO draft VALUES (2, 'after the read')")
    assert [row.text for row in drafts.rows()] == ["d", "after the read"]


async def test_pragmas_between_transactions_answer_and_hold(db: Database, views: list[View]) -> None:
    assert [row[0] for row in (await db.execute("PRAGMA foreign_keys")).rows] == [1]
    await db.execute("PRAGMA foreign_keys = OFF")
    assert [row[0] for row in (await db.execute("PRAGMA foreign_keys")).rows] == [0]
    await db.execute("PRAGMA user_version = 5")
    assert [row[0] for row in await db.fetch("PRAGMA user_version")] == [5]
    await db.execute("PRAGMA recursive_triggers = OFF")
    await db.execute("INSERT OR REPLACE INTO person VALUES (1, 'New', '2', 'n')")
    await assert_right(db, views)
