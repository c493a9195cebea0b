"""Joining databases: each takes in the other's commits, and both come to the same, in rows and in views."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eddyline import (
    Column,
    ConstraintError,
    Database,
    ForkError,
    LogError,
    MissingParentsError,
    Model,
    ParameterError,
    column,
)

from .databases import Open, databases
from .random_writes import MODELS, Note, dump, random_statement


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Open a database by its letter; all are closed and checked in the end."""
    async with databases(tmp_path, MODELS) as open_one:
        yield open_one


async def meet(*dbs: Database) -> None:
    """Have each take in what the others have, and check that all have come to the same."""
    for one in dbs:
        for other in dbs:
            if one is not other:
                await one.pull(other)
    first = await dump(dbs[0])
    for db in dbs[1:]:
        assert await dump(db) == first


async def test_a_pulled_commit_is_in_rows_log_and_views(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    async with a.transaction("made") as tx:
        await tx.add(Note(id="N", text="x"))
        await tx.add(Note(id="M", text="y"))
    await a.execute("UPDATE note SET size = 3 WHERE id = 'N'")
    await a.execute("DELETE FROM note WHERE id = 'M'")
    view = await b.live(Note.where(Note.size > 1))
    told: list[Any] = []
    view.subscribe(told.append)
    assert await b.pull(a) == 3
    assert [tuple(row) for row in await b.fetch("SELECT id, text, size FROM note")] == [("N", "x", 3)]
    assert [row.id for row in view.rows()] == ["N"]
    assert len(told) == 2
    theirs, ours = await a.fetch(a.log()), await b.fetch(b.log())
    assert [(e.lane, e.seq, e.message) for e in ours] == [(e.lane, e.seq, e.message) for e in theirs]
    assert await b.head() == await a.head()
    assert await b.pull(a) == 0
    with pytest.raises(ParameterError, match=r"db\.pull takes another open database, not 'a.db'; servers are for"):
        await b.pull("a.db")
    assert [change.kind for change in await b.history(("note", "M"))] == ["delete", "insert"]
    wrong: Any = ["x"]
    with pytest.raises(ParameterError, match=r"db\.apply takes commits, .*, not 'x'"):
        await b.apply(wrong)
    with pytest.raises(ParameterError, match=r"db\.outgoing takes a vector, as db\.head\(\) gives it, not \['x'\]"):
        await b.outgoing(wrong)
    with pytest.raises(ParameterError, match=r"db\.backup writes a file: a path is needed, not \['x'\]"):
        await b.backup(wrong)


async def test_edits_of_different_columns_both_stay_and_of_one_the_later(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    await a.execute("INSERT INTO note VALUES ('N', 'x', 0)")
    await b.pull(a)
    await a.execute("UPDATE note SET text = 'a'")
    await b.execute("UPDATE note SET text = 'b', size = 2")
    await meet(a, b)
    assert [tuple(row) for row in await a.fetch("SELECT * FROM note")] == [("N", "b", 2)]


async def test_counters_add_up_sets_join_groups_stay_whole_and_functions_decide(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    await a.execute("INSERT INTO issue (id, title, start, end, votes) VALUES ('I', 'x', 8, 17, 10)")
    await b.pull(a)
    await a.execute("UPDATE issue SET votes = votes + 5, labels = '[\"red\"]', start = 9, best = 7")
    await b.execute("UPDATE issue SET votes = votes + 2, labels = '[\"blue\"]', end = 12, best = 5")
    await meet(a, b)
    row = (await a.fetch("SELECT votes, labels, start, end, best FROM issue"))[0]
    assert tuple(row) == (17, '["blue","red"]', 8, 12, 7)
    await b.execute("UPDATE issue SET labels = '[\"red\"]', votes = votes - 1, best = 1")
    await meet(a, b)
    assert tuple((await a.fetch("SELECT votes, labels, best FROM issue"))[0]) == (16, '["red"]', 1)


async def test_a_delete_wins_is_reported_and_what_was_lost_is_restored_by_one_call(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    await a.execute("INSERT INTO note VALUES ('N', 'x', 0)")
    await b.pull(a)
    await a.execute("UPDATE note SET text = 'edited'")
    await b.execute("DELETE FROM note")
    await meet(a, b)
    assert await a.fetch("SELECT * FROM note") == []
    conflicts = await a.fetch("SELECT table_id, row_key, incarnation, columns FROM eddy_conflicts")
    assert [tuple(row) for row in conflicts] == [("note", '"N"', 1, '["text"]')]
    await b.restore("note", "N")
    await meet(a, b)
    assert [tuple(row) for row in await a.fetch("SELECT * FROM note")] == [("N", "edited", 0)]
    assert await a.fetch("SELECT * FROM eddy_conflicts") == []


async def test_a_conflict_can_be_dismissed(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    await a.execute("INSERT INTO note VALUES ('N', 'x', 0)")
    await b.pull(a)
    await a.execute("UPDATE note SET text = 'edited'")
    await b.execute("DELETE FROM note")
    await meet(a, b)
    await a.dismiss("note", "N")
    await meet(a, b)
    assert await b.fetch("SELECT * FROM note") == []
    assert await b.fetch("SELECT * FROM eddy_conflicts") == []


async def test_a_late_edit_neither_revives_a_row_nor_leaks_into_its_next_life(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    await a.execute("INSERT INTO note VALUES ('N', 'x', 0)")
    await b.pull(a)
    await a.execute("UPDATE note SET size = 9")
    await b.execute("DELETE FROM note")
    await b.execute("INSERT INTO note VALUES ('N', 'again', 1)")
    await meet(a, b)
    assert [tuple(row) for row in await a.fetch("SELECT * FROM note")] == [("N", "again", 1)]


async def test_two_rows_that_share_a_unique_value_stay_and_the_later_is_reported(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    await a.execute("INSERT INTO project VALUES ('P', 'Core')")
    await b.execute("INSERT INTO project VALUES ('Q', 'Core')")
    await meet(a, b)
    found = await a.fetch("SELECT name, row_key, kind, holder FROM eddy_violations")
    assert [tuple(row) for row in found] == [("project.name", '"Q"', "unique", '"P"')]
    await b.execute("UPDATE project SET name = 'Other' WHERE id = 'Q'")
    await meet(a, b)
    assert await a.fetch("SELECT * FROM eddy_violations") == []
    for db in (a, b):
        names = await db.fetch("SELECT name FROM sqlite_schema WHERE name LIKE '%project_name'")
        assert [row.name for row in names] == ["_eddy_ux_project_name"]


async def test_a_row_whose_parent_was_ended_elsewhere_stays_and_is_reported(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    await a.execute("INSERT INTO project VALUES ('P', 'Core')")
    await b.pull(a)
    await a.execute("DELETE FROM project")
    await b.execute("INSERT INTO issue (id, title, project) VALUES ('I', 'x', 'P')")
    await meet(a, b)
    assert [tuple(row) for row in await a.fetch("SELECT row_key, kind FROM eddy_violations")] == [
        ('"I"', "foreign key")
    ]
    assert len(await a.fetch("SELECT * FROM issue")) == 1
    assert [row[0] for row in await a.fetch("PRAGMA foreign_keys")] == [1]


async def test_a_trigger_that_writes_to_the_log_does_not_fire_for_what_comes_from_elsewhere(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    for db in (a, b):
        await db.execute("CREATE TRIGGER twice AFTER INSERT ON note BEGIN UPDATE note SET size = size + 1; END")
    await a.execute("INSERT INTO note VALUES ('N', 'x', 0)")
    await meet(a, b)
    assert [tuple(row) for row in await b.fetch("SELECT * FROM note")] == [("N", "x", 1)]
    await b.execute("INSERT INTO note VALUES ('M', 'x', 0)")
    assert [tuple(row) for row in await b.fetch("SELECT id, size FROM note ORDER BY id")] == [("M", 1), ("N", 2)]


async def test_two_moves_that_would_close_a_circle_leave_the_later_one_out(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    await a.execute("INSERT INTO folder VALUES ('X', 'x', NULL), ('Y', 'y', NULL)")
    await b.pull(a)
    await a.execute("UPDATE folder SET parent = 'Y' WHERE id = 'X'")
    await b.execute("UPDATE folder SET parent = 'X' WHERE id = 'Y'")
    await meet(a, b)
    assert [tuple(row) for row in await a.fetch("SELECT id, parent FROM folder ORDER BY id")] == [
        ("X", "Y"),
        ("Y", None),
    ]
    assert [tuple(row) for row in await b.fetch("SELECT row_key, kind FROM eddy_violations")] == [('"Y"', "circle")]
    await a.execute("UPDATE folder SET parent = NULL WHERE id = 'X'")
    await b.pull(a)
    await b.execute("UPDATE folder SET parent = 'X' WHERE id = 'Y'")
    await meet(a, b)
    assert await a.fetch("SELECT * FROM eddy_violations") == []


async def test_a_circle_of_our_own_is_refused(opened: Open) -> None:
    a = await opened("a")
    await a.execute("INSERT INTO folder VALUES ('X', 'x', NULL), ('Y', 'y', 'X'), ('Z', 'z', 'Y')")
    with pytest.raises(ConstraintError, match="folder \"X\" would be below itself: parent = 'Z' closes a circle"):
        await a.execute("UPDATE folder SET parent = 'Z' WHERE id = 'X'")
    assert [row.parent for row in await a.fetch("SELECT parent FROM folder ORDER BY id")] == [None, "X", "Y"]
    await a.execute("UPDATE folder SET parent = CASE id WHEN 'X' THEN 'Z' WHEN 'Y' THEN 'X' END")
    assert [row.parent for row in await a.fetch("SELECT parent FROM folder ORDER BY id")] == ["Z", "X", None]


async def test_a_commit_before_those_it_follows_is_refused(opened: Open) -> None:
    a, b = await opened("a"), await opened("b")
    for key in "xyz":
        await a.execute("INSERT INTO note VALUES (?, 'x', 0)", key)
    first, second, third = (await a.commits())[-3:]
    with pytest.raises(MissingParentsError):
        await b.apply([third])
    assert await b.pull(a) == len(await a.commits())
    assert await b.apply([first, second, third]) == 0


async def test_what_another_program_makes_of_counters_sets_and_trees_stays(opened: Open, tmp_path: Path) -> None:
    a, b = await opened("a"), await opened("b")
    await a.execute("INSERT INTO issue (id, title, votes, labels, best) VALUES ('I', 'x', 3, '[\"red\"]', 2)")
    await a.execute("INSERT INTO folder VALUES ('X', 'x', NULL), ('Y', 'y', NULL)")
    await a.execute("UPDATE issue SET votes = votes + 1")
    await b.pull(a)
    with closing(sqlite3.connect(tmp_path / "a.db")) as other:
        other.execute("UPDATE issue SET votes = 10, labels = '[\"blue\"]', best = 1, title = 'y'")
        other.execute("UPDATE folder SET parent = 'X' WHERE id = 'Y'")
        other.commit()
    async with a.transaction() as tx:
        await tx.execute("CREATE INDEX by_title ON note (text)")
        await tx.execute("UPDATE issue SET votes = votes + 1")
    await meet(a, b)
    found = await b.fetch("SELECT votes, labels, best, title FROM issue")
    assert [tuple(row) for row in found] == [(11, '["blue"]', 1, "y")]
    assert [row.parent for row in await b.fetch("SELECT parent FROM folder ORDER BY id")] == [None, "X"]
    assert [await db.check() for db in (a, b)] == [[], []]


async def test_a_table_whose_keys_sqlite_gives_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "x.db") as a, Database.open(tmp_path / "y.db") as b:
        for db in (a, b):
            await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x)")
            await db.enable_log("t")
            await db.execute("INSERT INTO t (x) VALUES (1)")
        with pytest.raises(LogError, match="t has an INTEGER PRIMARY KEY: two databases give one number"):
            await a.pull(b)
        assert len(await a.fetch("SELECT * FROM t")) == 1


@pytest.mark.parametrize(
    ("ddl", "columns"),
    [
        (["CREATE TABLE t (id TEXT PRIMARY KEY, x UNIQUE)"], "x"),
        (["CREATE TABLE t (id TEXT PRIMARY KEY, x, UNIQUE (x, id))"], "x, id"),
        (["CREATE TABLE t (id TEXT PRIMARY KEY, x)", "CREATE UNIQUE INDEX u ON t (lower(x))"], "an expression"),
    ],
)
async def test_a_table_with_a_unique_of_its_own_is_refused_with_what_to_do(
    tmp_path: Path, ddl: list[str], columns: str
) -> None:
    async with Database.open(tmp_path / "x.db") as a, Database.open(tmp_path / "y.db") as b:
        for db, key in ((a, "A"), (b, "B")):
            for sql in ddl:
                await db.execute(sql)
            await db.enable_log("t")
            await db.execute("INSERT INTO t (id, x) VALUES (?, 'same')", key)
        with pytest.raises(LogError, match=f"t has a UNIQUE on {columns}: .*make it a model with unique="):
            await a.pull(b)
        assert len(await a.fetch("SELECT * FROM t")) == 1
        assert await a.check() == []


class Early(Model, table="grows"):
    name: Column[str]


class Late(Model, table="grows"):
    name: Column[str]
    size: Column[int] = column(default=3)


async def test_what_newer_replicas_wrote_to_columns_that_were_missing_is_shown_once_they_are_there(
    tmp_path: Path,
) -> None:
    async with Database.open(tmp_path / "new.db", models=[Late]) as new:
        async with Database.open(tmp_path / "old.db", models=[Early]) as old:
            await new.execute("INSERT INTO grows (id, name, size) VALUES ('P', 'x', 5), ('Q', 'x', 3), ('R', 'x', 1)")
            await old.pull(new)
            await new.execute("UPDATE grows SET size = 9 WHERE id = 'Q'")
            await new.execute("DELETE FROM grows WHERE id = 'R'")
            await old.pull(new)
            await old.execute("UPDATE grows SET name = 'y' WHERE id = 'P'")
            await old.execute("INSERT INTO grows VALUES ('S', 's')")
            assert await old.check() == []
        async with Database.open(tmp_path / "old.db", models=[Late]) as grown:
            rows = [tuple(row) for row in await grown.fetch("SELECT id, name, size FROM grows ORDER BY id")]
            assert rows == [("P", "y", 5), ("Q", "x", 9), ("S", "s", 3)]
            assert await grown.check() == []
            blamed = await grown.blame(("grows", "Q"), "size")
            assert blamed is not None
            assert blamed.seq == 2
            await new.pull(grown)
            assert [tuple(row) for row in await new.fetch("SELECT id, name, size FROM grows ORDER BY id")] == rows
            assert len(await grown.fetch("SELECT * FROM eddy_commits")) == 5  # showing them is no change


async def test_a_lane_that_was_written_twice_is_refused(opened: Open, tmp_path: Path) -> None:
    a, b = await opened("a"), await opened("b")
    await a.execute("INSERT INTO note VALUES ('x', 'x', 0)")
    await b.pull(a)
    await a.execute("INSERT INTO note VALUES ('y', 'x', 0)")
    (forged,) = await a.commits(await b.head())
    with pytest.raises(ForkError):
        await b.apply([replace(forged, previous="0" * 64)])
    assert len(await b.fetch("SELECT * FROM note")) == 1


@pytest.mark.parametrize("seed", range(300 if os.environ.get("EDDYLINE_SOAK") == "1" else 8))
async def test_random_writes_on_three_databases_come_to_the_same(opened: Open, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    dbs = [await opened(name) for name in "abc"]
    for _ in range(60):
        if rng.random() < 0.3:
            one, other = rng.sample(dbs, 2)
            await one.pull(other)
        else:
            with suppress(ConstraintError):  # a circle of our own
                async with rng.choice(dbs).transaction() as tx:
                    for _ in range(rng.randrange(1, 4)):
                        await tx.execute(random_statement(rng))
    await meet(*dbs)
    await meet(*dbs)
    assert [await db.check() for db in dbs] == [[], [], []]
