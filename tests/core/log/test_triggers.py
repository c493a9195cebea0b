"""Triggers of the user's while rows come from elsewhere: what they keep outside of the log follows on each replica,
what they write to it doesn't run twice, and none of them keeps a row from coming.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from eddyline import Column, Database, Model, Ref, TriggerError, column, ref
from eddyline.core.log.vector import CommitId, Lane

Rows: TypeAlias = "list[tuple[Any, ...]]"


class Project(Model):
    name: Column[str]


class Note(Model):
    title: Column[str]
    body: Column[str] = column(default="")
    words: Column[int] = column(default=0, local=True)
    project: Ref[Project | None] = ref(default=None)


_OUT = "INSERT INTO found (found, rowid, title, body) VALUES ('delete', OLD.rowid, OLD.title, OLD.body);"
_IN = "INSERT INTO found (rowid, title, body) VALUES (NEW.rowid, NEW.title, NEW.body);"
INDEX = (
    "CREATE VIRTUAL TABLE found USING fts5(title, body, content='note')",
    f"CREATE TRIGGER note_in AFTER INSERT ON note BEGIN {_IN} END",
    f"CREATE TRIGGER note_out AFTER DELETE ON note BEGIN {_OUT} END",
    f"CREATE TRIGGER note_new AFTER UPDATE ON note BEGIN {_OUT} {_IN} END",
)
CHECKED = "INSERT INTO found (found, rank) VALUES ('integrity-check', 1)"
SEARCH = "SELECT title FROM found WHERE found MATCH ? ORDER BY title"
Open: TypeAlias = Callable[..., Awaitable[Database]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Open a database by its letter, with the DDL of its own."""
    async with AsyncExitStack() as stack:

        async def open_one(name: str, *ddl: str) -> Database:
            path = tmp_path / f"{name}.db"
            db = await stack.enter_async_context(Database.open(path, models=[Project, Note], poll_s=0))
            for statement in ddl:
                await db.execute(statement)
            return db

        yield open_one


async def rows(db: Database, sql: str, *args: Any) -> Rows:
    return [tuple(row) for row in await db.fetch(sql, *args)]


async def add(db: Database, key: str, title: str) -> None:
    await db.execute("INSERT INTO note (id, title) VALUES (?, ?)", key, title)


async def test_a_search_finds_what_others_wrote_edited_and_deleted(opened: Open) -> None:
    a, b = await opened("a", *INDEX), await opened("b", *INDEX)
    view = await b.live(SEARCH, "slow")
    await add(a, "N", "Slow start")
    await add(a, "M", "Slow end")
    await b.pull(a)
    await b.settled()
    assert [row.title for row in view.rows()] == ["Slow end", "Slow start"]
    await a.execute("UPDATE note SET title = 'Fast start' WHERE id = 'N'")
    await a.execute("DELETE FROM note WHERE id = 'M'")
    await b.pull(a)
    await b.settled()
    assert view.rows() == ()
    assert await rows(b, SEARCH, "fast") == [("Fast start",)]
    await b.execute(CHECKED)  # it raises where the index isn't what the table says


async def test_a_search_follows_merges_rejections_and_snapshots(opened: Open) -> None:
    a, b, c = await opened("a", *INDEX), await opened("b", *INDEX), await opened("c", *INDEX)
    await add(a, "N", "Slow start")
    await b.pull(a)
    await a.execute("UPDATE note SET title = 'ours'")
    await b.execute("UPDATE note SET title = 'theirs', body = 'text'")
    await add(b, "M", "More")
    await a.pull(b)
    await b.pull(a)
    (title,) = (await rows(a, "SELECT title FROM note WHERE id = 'N'"))[0]
    for db in (a, b):
        assert await rows(db, SEARCH, "ours OR theirs") == [(title,)]
        await db.execute(CHECKED)
    await add(c, "L", "gone with the snapshot")
    with await b.snapshot() as snapshot:
        await c.install(snapshot)
    assert await rows(c, SEARCH, "gone OR more") == [("More",), ("gone with the snapshot",)]
    await c.execute(CHECKED)
    last = (await a.fetch("SELECT lane, seq FROM eddy_commits ORDER BY id DESC LIMIT 1"))[0]
    assert await a.reject(CommitId(Lane(last.lane), last.seq), "no")
    await a.execute(CHECKED)
    assert await rows(a, SEARCH, "more") == []


LOGGED = {
    "itself": "AFTER INSERT ON note BEGIN UPDATE note SET title = title || '!' WHERE id = NEW.id; END",
    "another": "AFTER INSERT ON note BEGIN INSERT INTO project VALUES (NEW.id, NEW.title); END",
    "in part": "AFTER INSERT ON note BEGIN INSERT INTO seen VALUES (NEW.id); DELETE FROM project; END",
    "through a view": "AFTER INSERT ON note BEGIN INSERT INTO names VALUES (NEW.id, NEW.title); END",
    "through a table": "AFTER INSERT ON note BEGIN INSERT INTO inbox VALUES (NEW.id, NEW.title); END",
}
AROUND = (
    "CREATE TABLE seen (id)",
    "CREATE TABLE inbox (id, name)",
    "CREATE TRIGGER taken AFTER INSERT ON inbox BEGIN INSERT INTO project VALUES (NEW.id, NEW.name); END",
    "CREATE VIEW names AS SELECT id, name FROM project",
    "CREATE TRIGGER named INSTEAD OF INSERT ON names BEGIN INSERT INTO project VALUES (NEW.id, NEW.name); END",
)


@pytest.mark.parametrize("kind", LOGGED)
@pytest.mark.parametrize("temp", ["", "TEMP "])
async def test_what_a_trigger_writes_to_the_log_comes_with_the_commit_and_once(
    opened: Open, kind: str, temp: str
) -> None:
    trigger = f"CREATE {temp}TRIGGER t {LOGGED[kind]}"
    a, b = await opened("a", *AROUND, trigger), await opened("b", *AROUND, trigger)
    await add(a, "N", "x")
    written = await rows(a, "SELECT * FROM note"), await rows(a, "SELECT * FROM project")
    assert await b.pull(a) == 1
    assert (await rows(b, "SELECT * FROM note"), await rows(b, "SELECT * FROM project")) == written
    assert await rows(b, "SELECT * FROM inbox") == ([("N", "x")] if kind == "through a table" else [])
    assert await rows(b, "SELECT * FROM seen") == []
    assert await b.check() == []
    await add(b, "M", "y")  # all of them are there again
    assert await rows(b, "SELECT count(*) FROM eddy_changes") > await rows(a, "SELECT count(*) FROM eddy_changes")
    assert len(await rows(b, "SELECT * FROM project")) == (2 if kind == "another" or "through" in kind else 0)


async def test_a_local_column_that_a_trigger_keeps_follows(opened: Open) -> None:
    counts = (
        "CREATE TRIGGER counts AFTER UPDATE OF body ON note BEGIN "
        "UPDATE note SET words = length(body) - length(replace(body, ' ', '')) + 1 WHERE id = NEW.id; END"
    )
    a, b = await opened("a"), await opened("b", counts)
    await add(a, "N", "x")
    await a.execute("UPDATE note SET body = 'three words here'")
    await b.pull(a)
    assert await rows(b, "SELECT words FROM note") == [(3,)]
    assert await b.check() == []


async def test_no_trigger_keeps_a_row_from_coming(opened: Open) -> None:
    guards = (
        "CREATE TABLE seen (id UNIQUE ON CONFLICT ROLLBACK)",
        "INSERT INTO seen VALUES ('N')",
        "CREATE TRIGGER no BEFORE INSERT ON note BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TRIGGER skip BEFORE INSERT ON note BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER undo AFTER INSERT ON note BEGIN INSERT INTO seen VALUES (NEW.id); END",
    )
    a, b = await opened("a"), await opened("b", *guards)
    told: list[BaseException] = []
    b.on_error = told.append
    await add(a, "N", "x")
    await b.pull(a)
    assert await rows(b, "SELECT title FROM note") == [("x",)]
    assert len(await rows(b, "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'note'")) == 3
    assert told == []


async def test_rows_come_without_a_trigger_that_fails_and_that_is_told(opened: Open) -> None:
    fails = (
        "CREATE TABLE seen (id UNIQUE)",
        "INSERT INTO seen VALUES ('N')",
        "CREATE TRIGGER once AFTER INSERT ON note BEGIN INSERT INTO seen VALUES (NEW.id); END",
    )
    a, b = await opened("a"), await opened("b", *fails)
    told: list[BaseException] = []
    b.on_error = told.append
    await add(a, "N", "x")
    assert await b.pull(a) == 1
    await add(a, "M", "y")
    assert await b.pull(a) == 1
    assert await rows(b, "SELECT id FROM note ORDER BY id") == [("M",), ("N",)]
    assert await rows(b, "SELECT id FROM seen ORDER BY id") == [("M",), ("N",)]
    (error,) = told
    assert isinstance(error, TriggerError)
    assert error.triggers == ("once",)
    assert "UNIQUE constraint failed: seen.id; these were left out: once;" in str(error)


async def test_a_snapshot_that_comes_in_parts_is_taken_without_a_trigger_that_fails(opened: Open) -> None:
    fails = (
        "CREATE TABLE seen (title UNIQUE)",
        "CREATE TRIGGER once AFTER INSERT ON note BEGIN INSERT INTO seen VALUES (NEW.title); END",
    )
    a, b = await opened("a"), await opened("b", *fails)
    told: list[BaseException] = []
    b.on_error = told.append
    for key in "NML":
        await add(a, key, "the same")
    with await a.snapshot() as snapshot:
        await b.install(part for part in snapshot.parts(100))
    assert await rows(b, "SELECT count(*) FROM note") == [(3,)]
    assert [type(error) for error in told] == [TriggerError]


async def test_a_trigger_on_a_table_that_is_gone_rests(opened: Open) -> None:
    stale = (
        "CREATE TABLE seen (id)",
        "CREATE TRIGGER t AFTER INSERT ON note BEGIN INSERT INTO seen VALUES (NEW.id); END",
        "DROP TABLE seen",
    )
    a, b = await opened("a"), await opened("b", *stale)
    await add(a, "N", "x")
    assert await b.pull(a) == 1
    assert await rows(b, "SELECT title FROM note") == [("x",)]


async def test_a_trigger_that_is_made_later_is_known(opened: Open) -> None:
    a, b = await opened("a"), await opened("b", "CREATE TABLE seen (id)")
    await add(a, "N", "x")
    await b.pull(a)
    await b.execute("CREATE TRIGGER t AFTER INSERT ON note BEGIN INSERT INTO seen VALUES (NEW.id); END")
    await add(a, "M", "x")
    await b.pull(a)
    await b.execute("DROP TRIGGER t")
    await b.execute("CREATE TRIGGER t AFTER INSERT ON note BEGIN UPDATE note SET title = 'twice'; END")
    await add(a, "L", "x")
    await b.pull(a)
    assert await rows(b, "SELECT * FROM seen") == [("M",)]
    assert await rows(b, "SELECT id, title FROM note ORDER BY id") == [("L", "x"), ("M", "x"), ("N", "x")]
