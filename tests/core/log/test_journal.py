"""The journal: what the transactions of one database leave in its log, and that log, rows and stamps stay in step."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eddyline import (
    Column,
    ConstraintError,
    Database,
    Existing,
    Model,
    ParameterError,
    Ref,
    UnknownColumnError,
    acting,
    column,
    ref,
)
from eddyline.core.clock import Clock
from eddyline.core.log.instance import Instance
from eddyline.core.log.row_changes import RowChanges
from eddyline.core.schema.merging import History

from .in_step import check_in_step


class Project(Model):
    name: Column[str]


class Issue(Model):
    title: Column[str]
    state: Column[str] = column(default="open")
    votes: Column[int] = column(default=0)
    project: Ref[Project | None] = ref(default=None, on_delete="cascade")


MODELS = [Project, Issue]


async def written(db: Database) -> list[tuple[Any, ...]]:
    """Return what the log says happened, oldest first, as (kind, key, cells)."""
    rows = await db.fetch("SELECT kind, row_key, cells FROM eddy_changes ORDER BY commit_id, n")
    return [(kind, key, None if cells is None else json.loads(cells)) for kind, key, cells in rows]


async def test_each_transaction_is_one_commit_of_the_rows_it_changed(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        async with db.transaction("first") as tx:
            core = await tx.add(Project(id="P", name="Core"))
            issue = await tx.add(Issue(id="A", title="a", project=core))
            await tx.execute("UPDATE issue SET votes = 2 WHERE id = 'A'")
        with acting("ada"):
            await db.write(lambda tx: tx.update(issue, state="closed"), "second")
        await db.execute("DELETE FROM issue")
        entries = await db.fetch(db.log())
        assert [(e.seq, e.message, e.actor, e.changes) for e in entries] == [
            (3, "", "", 1), (2, "second", "ada", 1), (1, "first", "", 2)
        ]  # fmt: skip
        assert len({entry.lane for entry in entries}) == 1
        assert await written(db) == [
            ("insert", "A", {"project": "P", "state": "open", "title": "a", "votes": 2}),
            ("insert", "P", {"name": "Core"}),
            ("update", "A", {"state": "closed"}),
            ("delete", "A", None),
        ]
    assert check_in_step(tmp_path / "a.db") == 3


async def test_what_a_cascade_and_raw_sql_do_is_in_the_log_row_by_row(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        await db.execute("INSERT INTO project VALUES ('P', 'Core')")
        await db.executemany("INSERT INTO issue (id, title, project) VALUES (?, ?, 'P')", [("A", "a"), ("B", "b")])
        await db.execute("UPDATE issue SET title = upper(title) WHERE id >= 'B'")
        await db.execute("DELETE FROM project")
        assert (await written(db))[3:] == [
            ("update", "B", {"title": "B"}),
            ("delete", "A", None),
            ("delete", "B", None),
            ("delete", "P", None),
        ]
    assert check_in_step(tmp_path / "a.db") == 4


async def test_a_row_that_comes_back_is_another_incarnation(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        for sql in (
            "INSERT INTO project VALUES ('P', 'x')",
            "DELETE FROM project",
            "INSERT INTO project VALUES ('P', 'y')",
        ):
            await db.execute(sql)
        rows = await db.fetch("SELECT kind, incarnation FROM eddy_changes ORDER BY commit_id")
        assert [tuple(row) for row in rows] == [("insert", 1), ("delete", 1), ("insert", 3)]
    assert check_in_step(tmp_path / "a.db") == 3


async def test_a_row_deleted_and_inserted_in_one_transaction_is_an_update(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        await db.execute("INSERT INTO issue (id, title) VALUES ('A', 'a')")
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM issue")
            await tx.execute("INSERT INTO issue (id, title, votes) VALUES ('A', 'a', 3)")
        assert (await written(db))[1:] == [("update", "A", {"votes": 3})]
    check_in_step(tmp_path / "a.db")


async def test_nothing_is_logged_of_what_is_undone_or_changes_nothing(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        await db.execute("INSERT INTO issue (id, title) VALUES ('A', 'a')")
        with pytest.raises(ConstraintError):
            await db.execute("INSERT INTO issue (id, title) VALUES ('B', 'b'), ('A', 'a')")
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO issue (id, title) VALUES ('C', 'c')")
            await tx.rollback()
        await db.execute("UPDATE issue SET title = 'a'")
        async with db.transaction() as tx:
            await tx.execute("UPDATE issue SET title = 'x'")
            await tx.execute("UPDATE issue SET title = 'a'")
        await db.execute("UPDATE issue SET title = 'b'")
        assert [entry.seq for entry in await db.fetch(db.log())] == [2, 1]
    assert check_in_step(tmp_path / "a.db") == 2


async def test_values_of_every_kind_come_back_exactly(tmp_path: Path) -> None:
    values = [1, 1.0, 2**63 - 1, 0.1 + 0.2, float("inf"), b"\x00\xff", '\u00e9\n"', None, -0.0]
    async with Database.open(tmp_path / "a.db") as db:
        await db.execute("CREATE TABLE t (id TEXT PRIMARY KEY, x) WITHOUT ROWID")
        await db.enable_log("t")
        for at, value in enumerate(values):
            await db.execute("INSERT INTO t VALUES (?, ?)", str(at), value)
        await db.execute("UPDATE t SET x = 1.0 WHERE id = '0'")
        (ops,) = (await db.fetch("SELECT ops FROM _eddy_commits ORDER BY id DESC LIMIT 1"))[0]
        assert ops == '[["put","t","0",1,{"x":1.0}]]'
    assert check_in_step(tmp_path / "a.db") == len(values) + 1


async def test_rows_that_were_there_are_the_first_commit(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db") as db:
        await db.execute("CREATE TABLE t (a INTEGER, b TEXT, c, PRIMARY KEY (a, b))")
        await db.execute("INSERT INTO t VALUES (1, 'x', 10), (1, 'y', NULL)")
        assert db.logged == []
        await db.enable_log("t")
        assert db.logged == ["t"]
        await db.execute("UPDATE t SET c = 11 WHERE b = 'x'")
        assert [(e.message, e.changes) for e in await db.fetch(db.log())] == [("", 1), ("log begins", 2)]
        assert (await written(db))[-1] == ("update", '[1,"x"]', {"c": 11})
    assert check_in_step(tmp_path / "a.db") == 2


async def test_a_table_without_a_lasting_key_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db") as db:
        await db.execute("CREATE TABLE t (x)")
        await db.execute("CREATE TABLE n (id TEXT PRIMARY KEY COLLATE NOCASE)")
        with pytest.raises(ParameterError, match="'t' has no primary key"):
            await db.enable_log("t")
        with pytest.raises(ParameterError, match="compares under NOCASE"):
            await db.enable_log("n")
        with pytest.raises(ParameterError, match="'gone' is no table"):
            await db.enable_log("gone")
        assert await db.fetch("SELECT name FROM sqlite_schema WHERE name LIKE '%eddy%'") == []


async def test_a_row_with_null_in_its_key_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db") as db:
        await db.execute("CREATE TABLE t (id TEXT PRIMARY KEY)")
        await db.enable_log("t")
        with pytest.raises(ConstraintError, match="NULL in its key"):
            await db.execute("INSERT INTO t VALUES (NULL)")
        assert await db.fetch("SELECT * FROM t") == []


async def test_a_schema_change_inside_a_transaction_loses_nothing_of_it(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        await db.execute("INSERT INTO issue (id, title) VALUES ('A', 'a'), ('B', 'b')")
        async with db.transaction() as tx:
            await tx.execute("UPDATE issue SET title = 'x' WHERE id = 'A'")
            await tx.execute("CREATE INDEX by_title ON issue (title)")
            await tx.execute("DELETE FROM issue WHERE id = 'B'")
        assert (await written(db))[2:] == [
            ("update", "A", {"project": None, "state": "open", "title": "x", "votes": 0}),
            ("delete", "B", None),
        ]
    check_in_step(tmp_path / "a.db")


async def test_the_log_is_followed_by_live_queries(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        newest = await db.live(db.log(limit=2))
        voted = await db.live("SELECT row_key FROM eddy_changes WHERE kind = 'update' AND cells ->> 'votes' > 1")
        for sql in (
            "INSERT INTO issue (id, title) VALUES ('A', 'a')",
            "UPDATE issue SET votes = 1",
            "UPDATE issue SET votes = 2",
        ):
            await db.execute(sql)
        await db.settled()
        assert [entry.seq for entry in newest.rows()] == [3, 2]
        assert [row.row_key for row in voted.rows()] == ["A"]


async def test_without_log_nothing_of_it_is_in_the_file(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=False) as db:
        await db.execute("INSERT INTO project VALUES ('P', 'x')")
        assert (
            await db.fetch("SELECT name FROM sqlite_schema WHERE name LIKE '%eddy%' AND name NOT LIKE '_eddy_ix%'")
            == []
        )


async def test_a_table_without_history_has_stamps_and_no_changes(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db") as db:
        await db.execute("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x)")
        await db.enable_log("t", history="none")
        await db.execute("INSERT INTO t VALUES ('a', 1)")
        assert [entry.changes for entry in await db.fetch(db.log())] == [1]
        assert await db.fetch("SELECT * FROM eddy_changes") == []
        assert [tuple(row) for row in await db.fetch("SELECT k0, life, stamp FROM _eddy_rows_1")] == [("a", 1, 1)]


async def test_local_tables_and_columns_are_not_in_the_log(tmp_path: Path) -> None:
    class Draft(Model, local=True):
        text: Column[str]

    class Note(Model):
        text: Column[str]
        seen: Column[bool] = column(default=False, local=True)

    async with Database.open(tmp_path / "a.db", models=[Draft, Note], log=True) as db:
        await db.execute("INSERT INTO draft VALUES ('D', 'x')")
        await db.execute("INSERT INTO note (id, text) VALUES ('N', 'x')")
        await db.execute("UPDATE note SET seen = 1")
        assert db.logged == ["note"]
        assert await written(db) == [("insert", "N", {"text": "x"})]
    assert check_in_step(tmp_path / "a.db") == 1


@pytest.mark.parametrize("seed", range(6))
async def test_random_writes_leave_log_rows_and_stamps_in_step(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    keys = "ABCDEF"

    def statement() -> str:
        key, value = rng.choice(keys), rng.randrange(3)
        return rng.choice([
            f"INSERT OR REPLACE INTO issue (id, title, votes) VALUES ('{key}', 't{value}', {value})",
            f"INSERT OR IGNORE INTO issue (id, title, project) SELECT '{key}', 't{value}', min(id) FROM project",
            f"UPDATE issue SET votes = votes + {value}, title = 't{value}' WHERE id >= '{key}'",
            f"UPDATE issue SET state = 's{value}' WHERE id = '{key}'",
            f"UPDATE OR IGNORE issue SET id = '{key}' WHERE id = '{rng.choice(keys)}'",
            f"DELETE FROM issue WHERE id = '{key}'",
            f"INSERT OR REPLACE INTO project VALUES ('{key}', 'n{value}')",
            f"DELETE FROM project WHERE id = '{key}'",
        ])  # fmt: skip

    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        for _ in range(60):
            async with db.transaction() as tx:
                for _ in range(rng.randrange(1, 4)):
                    await tx.execute(statement())
                if rng.random() < 0.1:
                    await tx.rollback()
    assert check_in_step(tmp_path / "a.db") > 20


async def test_what_another_program_wrote_is_a_commit_of_its_own_lane(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        await db.execute("INSERT INTO issue (id, title) VALUES ('A', 'a'), ('B', 'b'), ('C', 'c')")
        with closing(sqlite3.connect(tmp_path / "a.db")) as other:
            other.execute("UPDATE issue SET votes = 5 WHERE id = 'A'")
            other.execute("DELETE FROM issue WHERE id = 'B'")
            other.execute("INSERT INTO issue (id, title) VALUES ('D', 'd')")
            other.commit()
        await db.execute("UPDATE issue SET title = 'x' WHERE id = 'A'")
        own, external, first = await db.fetch(db.log())
        assert (own.lane, own.seq, own.changes) == (first.lane, 2, 1)
        assert (external.lane != own.lane, external.seq, external.changes) == (True, 1, 3)
        assert (await written(db))[3:] == [
            ("update", "A", {"project": None, "state": "open", "title": "a", "votes": 5}),
            ("insert", "D", {"project": None, "state": "open", "title": "d", "votes": 0}),
            ("delete", "B", None),
            ("update", "A", {"title": "x"}),
        ]
    assert check_in_step(tmp_path / "a.db") == 3


async def test_what_was_written_while_nobody_had_it_open_is_logged_before_the_next_write(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        await db.execute("INSERT INTO issue (id, title) VALUES ('A', 'a')")
    with closing(sqlite3.connect(tmp_path / "a.db")) as other:
        other.execute("UPDATE issue SET votes = 5")
        other.commit()
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        assert (await written(db))[1:] == [
            ("update", "A", {"project": None, "state": "open", "title": "a", "votes": 5})
        ]
    check_in_step(tmp_path / "a.db")


async def test_write_in_the_same_step_of_the_systems_clock_as_our_last_one_is_logged_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock, times = tmp_path / "a.db", Instance._lock, list[int]()

    def note(self: Instance) -> bool:
        times.append(path.stat().st_mtime_ns)
        return lock(self)

    monkeypatch.setattr(Instance, "_lock", note)  # the last time is that of the end, when all is written
    async with Database.open(path, models=MODELS, log=True) as db:
        await db.execute("INSERT INTO issue (id, title) VALUES ('A', 'a')")
    size = path.stat().st_size
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE issue SET votes = 5")
        other.commit()
    os.utime(path, ns=(times[-1], times[-1]))
    assert path.stat().st_size == size
    async with Database.open(path, models=MODELS, log=True) as db:
        assert [row[:2] for row in (await written(db))[1:]] == [("update", "A")]
    check_in_step(path)


async def test_two_of_us_on_one_file_write_one_lane_and_no_commit_twice(tmp_path: Path) -> None:
    async with (
        Database.open(tmp_path / "a.db", models=MODELS, log=True) as one,
        Database.open(tmp_path / "a.db", models=MODELS, log=True) as two,
    ):
        for at in range(4):
            await (one, two)[at % 2].execute("INSERT INTO issue (id, title) VALUES (?, 'x')", str(at))
        entries = await one.fetch(one.log())
        assert [entry.seq for entry in entries] == [4, 3, 2, 1]
        assert len({entry.lane for entry in entries}) == 1
    assert check_in_step(tmp_path / "a.db") == 4


async def test_columns_that_are_added_renamed_and_dropped_keep_log_and_rows_in_step(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db") as db:
        await db.execute("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT, y TEXT) STRICT")
        await db.enable_log("t")
        await db.execute("INSERT INTO t VALUES ('a', 'x', 'y'), ('b', 'x', 'y')")
        await db.execute("ALTER TABLE t ADD COLUMN z INTEGER NOT NULL DEFAULT 7")
        await db.execute("UPDATE t SET z = 8 WHERE id = 'a'")
        await db.execute("ALTER TABLE t RENAME COLUMN x TO w")
        await db.execute("UPDATE t SET w = 'new' WHERE id = 'a'")
        await db.execute("ALTER TABLE t DROP COLUMN y")
        await db.execute("INSERT INTO t VALUES ('c', 'w', 9)")
        assert (await written(db))[2:] == [
            ("update", "a", {"z": 8}),
            ("update", "a", {"x": "new"}),
            ("insert", "c", {"x": "w", "z": 9}),
        ]
        await db.execute("PRAGMA user_version = 1")
    async with Database.open(tmp_path / "a.db", log=True) as db:
        await db.execute("UPDATE t SET z = 1 WHERE id = 'c'")
        assert [entry.changes for entry in await db.fetch(db.log())] == [1, 1, 1, 1, 2]


@pytest.mark.parametrize("by_whom", ["us", "another program", "another program while it was closed"])
async def test_a_table_that_is_renamed_keeps_its_log(tmp_path: Path, by_whom: str) -> None:
    async with Database.open(tmp_path / "a.db") as db:
        await db.execute("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT)")
        await db.execute("CREATE TABLE other (id TEXT PRIMARY KEY NOT NULL, x TEXT)")  # the same columns, other rows
        await db.execute("INSERT INTO other VALUES ('z', 'z')")
        await db.enable_log("t")
        await db.execute("INSERT INTO t VALUES ('a', 'x'), ('b', 'x')")
        if by_whom == "us":
            await db.execute("ALTER TABLE t RENAME TO u")
            await db.execute("UPDATE u SET x = 'y' WHERE id = 'a'")
        elif by_whom == "another program":
            rename(tmp_path / "a.db")
            await db.execute("UPDATE u SET x = 'y' WHERE id = 'a'")
    if by_whom == "another program while it was closed":
        rename(tmp_path / "a.db")
    async with Database.open(tmp_path / "a.db") as db:
        if by_whom == "another program while it was closed":
            await db.execute("UPDATE u SET x = 'y' WHERE id = 'a'")
        await db.execute("INSERT INTO other VALUES ('y', 'y')")
        assert db.logged == ["u"]
        assert await written(db) == [
            ("insert", "a", {"x": "x"}),
            ("insert", "b", {"x": "x"}),
            ("update", "a", {"x": "y"}),
        ]
        assert [change.kind for change in await db.history(("u", "a"))] == ["update", "insert"]
        assert {row[0] for row in await db.fetch("SELECT table_id FROM eddy_changes")} == {"t"}  # the id stays
        assert await db.check() == []


def rename(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("ALTER TABLE t RENAME TO u")
        other.commit()


async def test_a_logged_table_that_is_dropped_is_no_other_table_with_its_columns(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db") as db:
        await db.execute("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT)")
        await db.execute("CREATE TABLE other (id TEXT PRIMARY KEY NOT NULL, x TEXT)")
        await db.enable_log("t")
        await db.execute("INSERT INTO t VALUES ('a', 'x'), ('b', 'x'), ('c', 'x')")
        await db.execute("INSERT INTO other VALUES ('a', 'x')")
        await db.execute("DROP TABLE t")
        await db.execute("INSERT INTO other VALUES ('z', 'z')")
        assert db.logged == []
        assert len(await written(db)) == 3


async def test_an_empty_logged_table_that_is_dropped_is_no_table_with_rows(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db") as db:
        await db.execute("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT)")
        await db.execute("CREATE TABLE other (id TEXT PRIMARY KEY NOT NULL, x TEXT)")
        await db.enable_log("t")
        await db.execute("INSERT INTO other VALUES ('a', 'x')")
        await db.execute("DROP TABLE t")
        assert db.logged == []


async def test_a_column_that_a_model_has_gained_is_no_change_of_its_rows(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=[Project], log=True) as db:
        await db.execute("INSERT INTO project VALUES ('P', 'x')")

    class Grown(Model, table="project"):
        name: Column[str]
        size: Column[int] = column(default=3)

    async with Database.open(tmp_path / "a.db", models=[Grown], log=True) as db:
        await db.execute("UPDATE project SET name = 'y'")
        await db.execute("UPDATE project SET size = 4")
        assert (await written(db))[1:] == [("update", "P", {"name": "y"}), ("update", "P", {"size": 4})]


async def test_blame_says_who_wrote_a_cell_and_history_what_became_of_the_row(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        async with db.transaction("made") as tx:
            other = await tx.add(Issue(id="B", title="b"))
            issue = await tx.add(Issue(id="A", title="a"))
        for votes in (1, 2):
            async with db.transaction(f"voted {votes}") as tx:
                issue = await tx.update(issue, votes=votes)
        blamed = [await db.blame(issue, column) for column in (Issue.votes, Issue.title, Issue.id)]
        assert [entry and entry.message for entry in blamed] == ["voted 2", "made", "made"]
        assert [(change.kind, change.cells) for change in await db.history(issue)] == [
            ("update", '{"votes":2}'),
            ("update", '{"votes":1}'),
            ("insert", '{"project":null,"state":"open","title":"a","votes":0}'),
        ]
        await db.execute("DELETE FROM issue WHERE id = 'A'")
        await db.execute("INSERT INTO issue (id, title) VALUES ('A', 'again')")
        assert [change.kind for change in await db.history(("issue", "A"))] == [
            "insert", "delete", "update", "update", "insert"
        ]  # fmt: skip
        assert [change.kind for change in await db.history(other)] == ["insert"]
        assert await db.blame(("issue", "never"), "title") is None
        with pytest.raises(UnknownColumnError, match="no column 'nope' of issue; it has: title, state, votes, project"):
            await db.blame(issue, "nope")
        with pytest.raises(ParameterError, match="'draft' isn't logged; what is: issue, project"):
            await db.history(("draft", "A"))


async def test_tables_of_somebody_else_are_logged_only_when_asked(tmp_path: Path) -> None:
    class Track(Existing, table="track"):
        id: Column[int] = column(primary_key=True, default=None)

    with closing(sqlite3.connect(tmp_path / "a.db")) as conn:
        conn.execute("CREATE TABLE track (id INTEGER PRIMARY KEY)")
    async with Database.open(tmp_path / "a.db", models=[Track], log=True) as db:
        assert db.logged == []
        assert await db.fetch("SELECT name FROM sqlite_schema WHERE name LIKE '%eddy%'") == []
        await db.enable_log("track")
        await db.execute("INSERT INTO track DEFAULT VALUES")
        assert await written(db) == [("insert", 1, {})]
    assert check_in_step(tmp_path / "a.db") == 1


@pytest.mark.parametrize("history", ["full", "none"])
async def test_the_short_way_of_one_row_writes_what_the_long_way_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, history: History
) -> None:
    class Note(Model, history=history):
        title: Column[str]
        stars: Column[float] = column(default=0.0)

    monkeypatch.setattr("eddyline.core.log.lanes.new_id", lambda: "01M7ZGMFVDJPGNWFPG51Q7ZE4R")
    dumps, ways = [], [0, 0]
    for at, short in enumerate((RowChanges.write_one, lambda *_: None)):

        def counted(*args: Any, at: int = at, short: Any = short) -> Any:
            done = short(*args)
            ways[at] += done is not None
            return done

        monkeypatch.setattr(RowChanges, "write_one", counted)
        now = iter(range(1_700_000_000_000, 1_800_000_000_000))
        monkeypatch.setattr(Clock.__init__, "__defaults__", (lambda now=now: next(now),))
        choose = random.Random(7)
        path = tmp_path / f"{at}.db"
        async with Database.open(path, models=[Note], log=True) as db:
            for _ in range(300):
                key = choose.choice("ABC")
                sql, args = choose.choice(
                    [
                        ("INSERT OR IGNORE INTO note VALUES (?, 'x', ?)", (key, choose.choice([1, 2.5]))),
                        ("UPDATE note SET title = ? WHERE id = ?", (choose.choice("xyz"), key)),
                        ("UPDATE note SET title = ?, stars = 3 WHERE id = ?", (choose.choice("xyz"), key)),
                        ("DELETE FROM note WHERE id = ?", (key,)),
                        ("REPLACE INTO note VALUES (?, 'r', 1)", (key,)),
                        ("UPDATE OR IGNORE note SET id = 'C' WHERE id = ?", (key,)),
                    ]
                )  # fmt: skip
                await db.execute(sql, *args)
        with closing(sqlite3.connect(path)) as conn:
            dumps.append([line for line in conn.iterdump() if "nonce" not in line])
        if history == "full":
            check_in_step(path)
    assert dumps[0] == dumps[1]
    assert ways[0] > 100
    assert ways[1] == 0
