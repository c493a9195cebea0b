"""Lanes: the file that goes on keeps its own; a copy, a restored backup and a crash begin another."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eddyline import Column, Database, Model


class Note(Model):
    text: Column[str]


async def write(path: Path, *keys: str) -> None:
    async with Database.open(path, models=[Note], log=True) as db:
        for key in keys:
            await db.execute("INSERT INTO note VALUES (?, 'x')", key)


def lanes(path: Path) -> list[tuple[str, int]]:
    """Return (lane, seq) of each commit, lanes as the letters A, B, ... in the order in which they came."""
    with closing(sqlite3.connect(path)) as conn:
        rows = conn.execute("SELECT lane, seq FROM eddy_commits ORDER BY id").fetchall()
    names: dict[str, str] = {}
    return [(names.setdefault(lane, chr(65 + len(names))), seq) for lane, seq in rows]


async def test_a_file_that_is_opened_again_goes_on_with_its_lane(tmp_path: Path) -> None:
    for key in "abc":
        await write(tmp_path / "a.db", key)
    assert lanes(tmp_path / "a.db") == [("A", 1), ("A", 2), ("A", 3)]


async def test_a_session_that_only_reads_changes_nothing_of_that(tmp_path: Path) -> None:
    await write(tmp_path / "a.db", "a")
    await write(tmp_path / "a.db")
    await write(tmp_path / "a.db", "b")
    assert lanes(tmp_path / "a.db") == [("A", 1), ("A", 2)]


@pytest.mark.parametrize("beside", [False, True])
async def test_a_copy_writes_a_lane_of_its_own(tmp_path: Path, beside: bool) -> None:
    await write(tmp_path / "a.db", "a")
    shutil.copy2(tmp_path / "a.db", tmp_path / "b.db")
    if beside:
        shutil.copy2(tmp_path / "a.db-eddy", tmp_path / "b.db-eddy")
    await write(tmp_path / "b.db", "b", "c")
    await write(tmp_path / "a.db", "b")
    assert lanes(tmp_path / "b.db") == [("A", 1), ("B", 1), ("B", 2)]
    assert lanes(tmp_path / "a.db") == [("A", 1), ("A", 2)]


async def test_a_file_that_was_moved_with_what_is_beside_it_goes_on(tmp_path: Path) -> None:
    await write(tmp_path / "a.db", "a")
    (tmp_path / "a.db").rename(tmp_path / "b.db")
    (tmp_path / "a.db-eddy").rename(tmp_path / "b.db-eddy")
    await write(tmp_path / "b.db", "b")
    assert lanes(tmp_path / "b.db") == [("A", 1), ("A", 2)]


async def test_a_backup_put_back_into_the_file_writes_a_lane_of_its_own(tmp_path: Path) -> None:
    path, backup = tmp_path / "a.db", tmp_path / "backup"
    await write(path, "a")
    shutil.copyfile(path, backup)
    await write(path, "b")
    shutil.copyfile(backup, path)  # into the same inode
    await write(path)
    await write(path, "c")
    assert lanes(path) == [("A", 1), ("B", 1)]


async def test_a_backup_of_an_open_session_put_back_writes_a_lane_of_its_own(tmp_path: Path) -> None:
    path, backup = tmp_path / "a.db", tmp_path / "backup"
    async with Database.open(path, models=[Note], log=True) as db:
        await db.execute("INSERT INTO note VALUES ('a', 'x')")
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        await db.execute("INSERT INTO note VALUES ('b', 'x')")
    shutil.copyfile(backup, path)
    await write(path, "c")
    assert lanes(path) == [("A", 1), ("B", 1)]


async def test_a_session_that_did_not_end_is_followed_by_another_lane(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await write(path, "a")
    kept = (tmp_path / "a.db-eddy").read_bytes()
    await write(path, "b")
    (tmp_path / "a.db-eddy").write_bytes(kept)  # as a crash leaves it: nothing was noted at the end
    await write(path, "c")
    assert lanes(path) == [("A", 1), ("A", 2), ("B", 1)]


async def test_while_one_has_it_open_another_writes_the_same_lane(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with Database.open(path, models=[Note], log=True) as db:
        await db.execute("INSERT INTO note VALUES ('a', 'x')")
        await write(path, "b")
        await db.execute("INSERT INTO note VALUES ('c', 'x')")
    await write(path, "d")
    assert lanes(path) == [("A", 1), ("A", 2), ("A", 3), ("A", 4)]


async def test_a_memory_database_has_nothing_beside_it() -> None:
    async with Database.open(":memory:", models=[Note], log=True) as db:
        await db.execute("INSERT INTO note VALUES ('a', 'x')")
        assert [entry.seq for entry in await db.fetch(db.log())] == [1]
