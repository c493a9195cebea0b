"""A file opened with models: tables are made, columns added, any other difference is listed and nothing is changed."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from eddyline import (
    Column,
    Database,
    Existing,
    Model,
    ModelError,
    OpenError,
    Ref,
    SchemaMismatchError,
    Text,
    column,
    ref,
)


def thing(added: Any = None) -> Any:  # Any: what column() gives; a model of a function
    """Return a model of one column, and of another if its `column(...)` is given."""
    if added is None:

        class Thing(Model):
            a: Column[int]

        return Thing

    class Grown(Model, table="thing"):
        a: Column[int]
        b: Column[str] = added

    return Grown


def issue_v1() -> list[Any]:  # Any: models of a function
    class Project(Model):
        name: Column[str]

    class Issue(Model):
        title: Column[str]
        project: Ref[Project]

    return [Project, Issue]


def issue_v2() -> list[Any]:  # Any: as above
    class Project(Model):
        name: Column[str] = column(unique=True)

    class Issue(Model):
        title: Column[str]
        project: Ref[Project]
        body: Text = Text()
        state: Column[str] = column(default="it's open", index=True)
        size: Column[int] = column(default=0, check="size >= 0")
        ratio: Column[float] = column(default=0.5)
        seen: Column[bool] = column(default=False)
        raw: Column[bytes] = column(default=b"\0'")
        note: Column[str | None] = column(default=None)
        tags: Column[list[str]] = column(default_factory=lambda: ["new"])
        parent: Ref[Issue | None] = ref(default=None, on_delete="cascade")

    return [Project, Issue]


async def test_tables_and_indexes_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for _ in range(2):
        async with Database.open(path, models=issue_v1()) as db:
            assert await db.tables() == ["issue", "project"]
            assert [row[0] for row in await db.fetch("SELECT strict FROM pragma_table_list WHERE name = 'issue'")] == [
                1
            ]
            found = await db.fetch(
                "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE '\\_eddy%' ESCAPE '\\'"
            )
            assert [row[0] for row in found] == ["_eddy_ix_issue_project"]


async def test_columns_that_a_model_has_gained_are_added_and_old_rows_have_the_default(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    project, issue = issue_v1()
    async with Database.open(path, models=[project, issue]) as db, db.transaction() as tx:
        core = await tx.add(project(name="Core"))
        old = await tx.add(issue(title="a", project=core))
    project, issue = issue_v2()
    async with Database.open(path, models=[project, issue]) as db:
        row = await db.get(issue, old.id)
        assert row is not None
        assert list(row)[3:] == ["", "it's open", 0, 0.5, False, b"\0'", None, ["new"], None]
        new = await db.write(lambda tx: tx.add(issue(title="b", project=core, parent=row)))
        await db.execute("INSERT INTO issue (id, title, project, tags) VALUES ('x', 'c', ?, '[]')", core.id)
        by_sql = await db.get(issue, "x")
        assert by_sql is not None
        assert list(by_sql)[3:8] == ["", "it's open", 0, 0.5, False]
        await db.write(lambda tx: tx.delete(row))
        assert await db.get(issue, new.id) is None
    async with Database.open(path, models=[project, issue]) as db:  # it fits now
        assert len(await db.fetch(issue)) == 1


@pytest.mark.parametrize("text", ["NULL", "true", "current_date", "'quoted'", '"quoted"', "smile :)", "it's", ""])
async def test_any_text_may_be_the_default_of_a_new_column(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.db"
    old, new = thing(), thing(column(default=text))
    async with Database.open(path, models=[old]) as db:
        row = await db.write(lambda tx: tx.add(old(a=1)))
    async with Database.open(path, models=[new]) as db:
        assert await db.get(new, row.id) == (row.id, 1, text)


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        (column(default="x", unique=True), "UNIQUE constraint failed: thing.b"),
        (column(default="x", check="b > 'y'"), "column thing.b: CHECK constraint failed"),
        (column(default="x", check="("), "column thing.b: "),
    ],
)
async def test_what_the_rows_contradict_is_told_and_nothing_is_changed(
    tmp_path: Path, added: Any, sentence: str
) -> None:
    path = tmp_path / "a.db"
    old, new = thing(), thing(added)
    async with Database.open(path, models=[old]) as db:
        await db.write(lambda tx: tx.add_all([old(a=1), old(a=2)]))
    before = path.read_bytes()
    with pytest.raises(SchemaMismatchError, match="can't be made to fit its models; nothing was changed") as raised:
        await Database.open(path, models=[new])
    assert sentence in raised.value.differences[0]
    assert path.read_bytes() == before
    async with Database.open(path, models=[old]) as db:
        assert len(await db.fetch(old)) == 2


async def test_uniqueness_that_the_model_has_lost_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    old, new = thing(column(unique=True)), thing(column())
    await (await Database.open(path, models=[old])).close()
    with pytest.raises(SchemaMismatchError, match=r"thing\.b is unique in the file, not in the model: DROP"):
        await Database.open(path, models=[new])


MISMATCHES: list[tuple[str, str]] = [
    ("CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, a INTEGER NOT NULL)", "thing isn't a STRICT table"),
    ("CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, a TEXT NOT NULL) STRICT", "thing.a is TEXT in the file"),
    ("CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, a INTEGER) STRICT", "thing.a is nullable in the file"),
    ("CREATE TABLE thing (id TEXT NOT NULL, a INTEGER NOT NULL) STRICT", "thing.id is the key in the model only"),
    ("CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY) STRICT", "thing.a is new and NOT NULL: give it a default"),
    ("CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, a INTEGER NOT NULL, b ANY) STRICT", "thing.b is in the file"),
    ("CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, a INTEGER NOT NULL REFERENCES other) STRICT",
     "thing.a leads to other in the file, to no table in the model"),
    ("CREATE VIEW thing AS SELECT 1 AS id, 2 AS a", "thing is a view in the file, a table in the model"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "sentence"), MISMATCHES)
async def test_difference_is_listed_and_nothing_is_changed(tmp_path: Path, made: str, sentence: str) -> None:
    class Thing(Model):
        a: Column[int]

    class More(Model):
        pass

    path = tmp_path / "a.db"
    with sqlite3.connect(path) as conn:
        conn.execute(made)
    conn.close()
    before = path.read_bytes()
    with pytest.raises(SchemaMismatchError) as raised:
        await Database.open(path, models=[More, Thing])
    assert any(difference.startswith(sentence) for difference in raised.value.differences)
    assert str(raised.value.path) == str(path)
    assert path.read_bytes() == before


async def test_every_difference_is_listed_at_once(tmp_path: Path) -> None:
    class Thing(Model):
        a: Column[int]
        b: Column[str]

    path = tmp_path / "a.db"
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, a TEXT, c INTEGER) STRICT")
    conn.close()
    with pytest.raises(SchemaMismatchError) as raised:
        await Database.open(path, models=[Thing])
    assert len(raised.value.differences) == 4


async def test_existing_table_is_checked_and_left_alone(tmp_path: Path) -> None:
    class Track(Existing, table="Track"):
        TrackId: Column[int] = column(primary_key=True)
        Name: Column[str]

    path = tmp_path / "a.db"
    with pytest.raises(SchemaMismatchError, match="there is no table Track, and Track says that it exists"):
        await Database.open(path, models=[Track])
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE track (trackid INTEGER PRIMARY KEY, Title TEXT)")
    with pytest.raises(SchemaMismatchError, match="Track has no column Name; it has: trackid, Title"):
        await Database.open(path, models=[Track])
    with conn:
        conn.execute("ALTER TABLE track ADD COLUMN Name TEXT")
        conn.execute("INSERT INTO track VALUES (3, 'x', 'n')")
    conn.close()
    before = path.read_bytes()
    async with Database.open(path, models=[Track]) as db:
        assert list(map(tuple, await db.fetch(Track))) == [(3, "n")]
    assert path.read_bytes() == before


async def test_existing_table_without_a_key_has_to_be_unique_in_what_the_model_calls_its_key(tmp_path: Path) -> None:
    class Track(Existing, table="Track"):
        Code: Column[str] = column(primary_key=True)

    path = tmp_path / "a.db"
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE track (code, title)")
    with pytest.raises(SchemaMismatchError, match="Track has no key, and several of its rows may have the same code"):
        await Database.open(path, models=[Track])
    with conn:
        conn.execute("CREATE UNIQUE INDEX by_code ON track (CODE)")
        conn.execute("CREATE VIEW tracks AS SELECT * FROM track")
    conn.close()

    class Shown(Existing, table="tracks"):
        code: Column[str] = column(primary_key=True)

    async with Database.open(path, models=[Track, Shown]) as db:
        assert [*await db.fetch(Track), *await db.fetch(Shown)] == []


async def test_reference_to_a_model_that_was_not_given_is_refused(tmp_path: Path) -> None:
    _, issue = issue_v1()
    with pytest.raises(SchemaMismatchError, match=r"issue.project leads to project, whose model isn't in models="):
        await Database.open(tmp_path / "a.db", models=[issue])


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (["x"], "takes model classes, not 'x'"),
        ([Model], "Model is abstract"),
        (Model, "takes a list of model classes, not <class"),
        (None, "takes a list of model classes, not None"),
    ],
)
async def test_what_is_no_model_is_refused(models: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        await Database.open(":memory:", models=models)


async def test_two_models_of_one_table_are_refused() -> None:
    (one, _), (two, _) = issue_v1(), issue_v1()
    await (await Database.open(":memory:", models=[one, one])).close()  # the same one twice is one
    with pytest.raises(ModelError, match="Project and Project have one table: project"):
        await Database.open(":memory:", models=[one, two])


async def test_read_only_file_that_lacks_a_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    sqlite3.connect(path).execute("CREATE TABLE x (a)").connection.close()
    with pytest.raises(OpenError, match="lacks tables or columns of its models and was opened read-only"):
        await Database.open(path, readonly=True, models=issue_v1())


async def test_many_programs_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    opened = await asyncio.gather(*(Database.open(path, models=issue_v2()) for _ in range(6)))
    for db in opened:
        assert await db.tables() == ["issue", "project"]
        await db.close()
