"""Check and repair: what differs from the log is said, and written anew where the log knows better."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from eddyline import Column, Database, Model, column
from eddyline.bindings import cli


class Note(Model):
    text: Column[str]
    size: Column[int] = column(default=0)
    votes: Column[int] = column(default=0, merge="counter")


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A file with five commits, two of them taken in from another database."""
    path = tmp_path / "a.db"
    async with (
        Database.open(path, models=[Note], log=True) as db,
        Database.open(tmp_path / "b.db", models=[Note], log=True) as other,
    ):
        await db.execute("INSERT INTO note VALUES ('A', 'a', 1, 0), ('B', 'b', 2, 0), ('C', 'c', 3, 0)")
        await other.pull(db)
        await db.execute("UPDATE note SET text = 'x', votes = votes + 1 WHERE id = 'A'")
        await other.execute("UPDATE note SET size = 9, votes = votes + 2 WHERE id = 'A'")
        await other.execute("DELETE FROM note WHERE id = 'B'")
        await db.pull(other)
        await db.execute("UPDATE note SET size = 4 WHERE id = 'C'")
    return path


def alter(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as conn:
        for sql in statements:
            conn.execute(sql)
        conn.commit()


async def check(path: Path) -> list[str]:
    async with Database.open(path, models=[Note], log=True) as db:
        return await db.check()


async def repaired(path: Path) -> list[str]:
    """Return what was found; all has to be in step then."""
    async with Database.open(path, models=[Note], log=True) as db:
        found = await db.repair()
        await db.write(lambda tx: None)
        assert await db.check() == []
        return found


def rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute("SELECT * FROM note ORDER BY id").fetchall()


ALL = [("A", "x", 9, 3), ("C", "c", 4, 0)]


async def test_nothing_is_said_of_a_file_that_is_in_step(path: Path) -> None:
    assert await check(path) == []
    assert await repaired(path) == []
    assert rows(path) == ALL


ANOTHER = 'the stamps of note "{}" aren\'t what the log says'
MORE = 'note "Z" has stamps, and the log doesn\'t speak of it'


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE _eddy_rows_1 SET stamp = 1, cells = NULL WHERE k0 = 'A'", ANOTHER.format("A")),
        ("UPDATE _eddy_rows_1 SET life = 3 WHERE k0 = 'C'", ANOTHER.format("C")),
        ("DELETE FROM _eddy_rows_1 WHERE k0 = 'B'", 'note "B" is in the log and has no stamps'),
        ("INSERT INTO _eddy_rows_1 VALUES ('Z', 2, 1, NULL, NULL, NULL, NULL)", MORE),
    ],
)
async def test_stamps_that_are_wrong_are_written_anew(path: Path, damage: str, said: str) -> None:
    alter(path, damage)
    assert await repaired(path) == [said]
    assert rows(path) == ALL


async def test_a_row_that_the_disk_has_lost_with_its_stamps_comes_back_from_the_log(path: Path) -> None:
    alter(path, "DELETE FROM note WHERE id = 'C'", "UPDATE _eddy_rows_1 SET life = 2, sum = NULL WHERE k0 = 'C'")
    assert await repaired(path) == ['note "C" is gone, and the log says otherwise']
    assert rows(path) == ALL


async def test_what_another_program_wrote_is_kept_and_logged(path: Path) -> None:
    alter(path, "UPDATE note SET size = 5 WHERE id = 'C'", "INSERT INTO note VALUES ('D', 'd', 0, 0)")
    async with Database.open(path, readonly=True) as db:
        assert await db.check() == [
            'note "C" was changed by another program; the next write logs that',
            'note "D" was new by another program; the next write logs that',
        ]
    assert await repaired(path) == []
    assert rows(path) == [("A", "x", 9, 3), ("C", "c", 5, 0), ("D", "d", 0, 0)]


async def test_a_checksum_that_is_wrong_is_said(path: Path) -> None:
    alter(path, "UPDATE _eddy_rows_1 SET sum = 7 WHERE k0 = 'C'")
    async with Database.open(path, readonly=True) as db:
        assert await db.check() == ['the checksum of note "C" is wrong']


async def test_a_commit_that_was_altered_is_said_and_stays(path: Path) -> None:
    alter(path, "UPDATE _eddy_commits SET message = 'forged' WHERE id = 2")
    (said,) = await check(path)
    assert said.endswith("isn't what its hash says: it was altered after it was written")


async def test_the_command_line_checks_and_repairs(path: Path) -> None:
    alter(path, "UPDATE _eddy_rows_1 SET stamp = 1, cells = NULL WHERE k0 = 'A'")

    def run(command: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.main, [command, str(path)])
        return result.exit_code, result.output

    said = 'the stamps of note "A" aren\'t what the log says\n'
    wrong = f"{said}1 things are wrong; `eddyline repair` writes anew what the log knows\n"
    assert await asyncio.to_thread(run, "check") == (1, wrong)
    assert await asyncio.to_thread(run, "repair") == (0, f"{said}1 things were wrong\n")
    assert await asyncio.to_thread(run, "check") == (0, "all is in step\n")
