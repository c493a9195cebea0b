"""Which databases have a log: those with models, unless told otherwise; nobody else's file gets one unasked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eddyline import Column, Database, Existing, LogEntry, LogError, Model, ParameterError, column


class Note(Model, table="default_note"):
    title: Column[str]


class Draft(Model, table="default_draft", local=True):
    title: Column[str]


class Theirs(Existing, table="theirs"):
    id: Column[str] = column(primary_key=True)


async def told(db: Database) -> list[tuple[int, str, int]]:
    """Return what the log says, oldest first, as (number in its lane, message, changes)."""
    return [(entry.seq, entry.message, entry.changes) for entry in await db.fetch(LogEntry.order_by(LogEntry.id))]


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith(("-shm", "-wal"))}


def tables(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as conn:
        return [row[0] for row in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]


@pytest.mark.parametrize("memory", [False, True])
async def test_models_are_logged_without_being_asked(tmp_path: Path, memory: bool) -> None:
    async with Database.open(":memory:" if memory else tmp_path / "a.db", models=[Note, Draft]) as db:
        await db.execute("INSERT INTO default_note VALUES ('A', 'a')")
        await db.execute("INSERT INTO default_draft VALUES ('A', 'a')")
        assert db.logged == ["default_note"]
        assert await told(db) == [(1, "", 1)]


async def test_log_false_leaves_the_log_and_what_was_written_is_found_later(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=[Note], log=False) as db:
        await db.execute("INSERT INTO default_note VALUES ('A', 'a')")
        assert db.logged == []
        with pytest.raises(LogError, match="opened with log=False"):
            await db.repair()
    assert tables(tmp_path / "a.db") == ["default_note"]
    async with Database.open(tmp_path / "a.db", models=[Note]) as db:  # one that was made without: its rows come first
        await db.execute("INSERT INTO default_note VALUES ('B', 'b')")
        assert await told(db) == [(1, "log begins", 1), (2, "", 1)]
    async with Database.open(tmp_path / "a.db", models=[Note], log=False) as db:
        await db.execute("UPDATE default_note SET title = 'c'")
    async with Database.open(tmp_path / "a.db", models=[Note]) as db:
        assert await told(db) == [(1, "log begins", 1), (2, "", 1), (1, "", 2)]
        assert await db.check() == []


async def test_a_file_without_models_gets_no_log_and_goes_on_with_one_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with Database.open(path) as db:
        await db.execute("CREATE TABLE t (id TEXT PRIMARY KEY, n)")
        await db.execute("INSERT INTO t VALUES ('A', 1)")
        assert db.logged == []
    assert tables(path) == ["t"]
    async with Database.open(path, log=True) as db:
        assert db.logged == []
        await db.enable_log("t")
    async with Database.open(path) as db:
        assert db.logged == ["t"]
        await db.execute("UPDATE t SET n = 2")
        assert await told(db) == [(1, "log begins", 1), (2, "", 1)]


async def test_tables_of_others_and_readonly_files_stay_outside(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE theirs (id TEXT PRIMARY KEY)")
    async with Database.open(path, models=[Theirs]) as db:
        assert db.logged == []
    assert tables(path) == ["theirs"]
    async with Database.open(path, models=[Theirs, Note]) as db:
        assert db.logged == ["default_note"]
        await db.execute("INSERT INTO default_note VALUES ('A', 'a')")
    before = files(tmp_path)
    async with Database.open(path, models=[Theirs, Note], readonly=True) as db:
        assert db.logged == []
        assert await told(db) == [(1, "", 1)]
    assert files(tmp_path) == before


async def test_a_table_whose_rows_the_log_cannot_tell_apart_stays_outside_and_is_an_error_when_asked(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(
            "CREATE TABLE default_note (id TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, title TEXT NOT NULL) STRICT"
        )
    async with Database.open(path, models=[Note]) as db:
        assert db.logged == []
        await db.execute("INSERT INTO default_note VALUES ('A', 'a')")
    with pytest.raises(ParameterError, match="NOCASE"):
        await Database.open(path, models=[Note], log=True)


async def test_a_logged_file_opens_while_another_program_holds_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with Database.open(path, models=[Note]) as db:
        await db.execute("INSERT INTO default_note VALUES ('A', 'a')")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE default_note SET title = 'theirs'")
        other.execute("BEGIN IMMEDIATE")
        async with Database.open(path, models=[Note], busy_timeout_s=0) as db:
            assert await told(db) == [(1, "", 1)]
            other.execute("ROLLBACK")
            await db.execute("INSERT INTO default_note VALUES ('B', 'b')")
            assert [entry[1:] for entry in await told(db)] == [("", 1), ("", 1), ("", 1)]  # theirs before ours


async def test_a_file_that_cannot_be_written_opens_without_a_log(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "a.db"
    async with Database.open(path, models=[Note], log=False) as db:
        await db.execute("PRAGMA journal_mode = DELETE")
        await db.execute("INSERT INTO default_note VALUES ('A', 'a')")
    real = sqlite3.connect
    monkeypatch.setattr(  # as root may write any file, SQLite is told not to
        sqlite3, "connect", lambda target, **options: real(str(target).replace("mode=rw", "mode=ro&x="), **options)
    )
    async with Database.open(path, models=[Note], create=False) as db:
        assert db.logged == []
        assert [note.title for note in await db.fetch(Note)] == ["a"]
