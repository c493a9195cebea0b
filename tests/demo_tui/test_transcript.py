"""Without a terminal the demo tells a finite, plain, repeatable transcript, and touches no file of the user's."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from eddyline import Insert, Move, Patch, Remove, Reset, Update
from eddyline.demo_tui.plain_text import clean, patch_lines, table_lines

ODD_NAMES = """
CREATE TABLE "odd "" name" ("a b", "c");
INSERT INTO "odd "" name" VALUES ('\x1b[31mred', x'00ff');
"""
PARENT = """
CREATE TABLE p (id INTEGER PRIMARY KEY, n);
CREATE TABLE c (p REFERENCES p);
INSERT INTO p VALUES (1, 'x'), (2, 'y'), (3, 'z');
INSERT INTO c VALUES (3);
"""


def run(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the demo in a process without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "eddyline.demo_tui", *args],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        encoding="utf-8", env={**os.environ, "PYTHONIOENCODING": "utf-8", **env},
    )  # fmt: skip


def test_transcript_of_the_sample_is_finite_plain_and_the_same_each_time(tmp_path: Path) -> None:
    first, second = (run(HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path)) for _ in range(2))
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    assert all(character.isprintable() or character == "\n" for character in first.stdout)
    assert "insert  at 0: (9, Printing stops at page 2, Harbour, NULL)" in first.stdout
    assert "Another program, plain sqlite3" in first.stdout
    assert "UnknownColumnError at line 3, column 7" in first.stdout
    assert list(tmp_path.iterdir()) == []


def test_transcript_of_a_file_is_told_on_a_copy(music: Path) -> None:
    before = music.read_bytes()
    told = run(str(music))
    assert (told.returncode, told.stderr) == (0, "")
    assert "5  track" in told.stdout
    assert "update  0: title of (5, River, 2, 312)" in told.stdout
    assert "remove  0" in told.stdout
    assert music.read_bytes() == before
    assert [path.name for path in music.parent.iterdir()] == ["music.db"]


def test_query_of_the_user_is_told_first(music: Path) -> None:
    told = run(str(music), "--query", "SELECT name FROM genre WHERE id = 2")
    assert "      name\n      ----\n      Jazz\n" in told.stdout


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "CREATE TABLE empty (a)",
        "CREATE TABLE w (a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO w VALUES (1, 2)",
        'CREATE TABLE "odd "" name" ("a b", "c"); INSERT INTO "odd "" name" VALUES (\'\x1b[31mred\', x\'00ff\')',
        "CREATE VIEW broken AS SELECT * FROM gone",
        "CREATE TABLE t (a CHECK (a = 1)); INSERT INTO t VALUES (1), (1)",
        PARENT,
        "CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words VALUES ('some words')",
        "CREATE TABLE g (a INTEGER, b AS (a + 1)); INSERT INTO g (a) VALUES (1), (2)",
    ],
    ids=["nothing", "empty", "without rowid", "odd names", "broken view", "check", "parent", "fts", "generated"],
)
def test_transcript_of_any_database_ends_well(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(sql)
    told = run(str(path))
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.endswith("In a terminal the same command opens the app.\n")
    assert "\x1b" not in told.stdout


def test_names_of_tables_and_columns_order_the_terminal_nothing(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(
            'CREATE TABLE "t\x1b[31m\x07" ("c\x1b[31m\u202e"); INSERT INTO "t\x1b[31m\x07" VALUES (1), (2)'
        )
    told = run(str(path), "--query", 'SELECT "c\x1b[31m\u202e" FROM "t\x1b[31m\x07"')
    assert (told.returncode, told.stderr) == (0, "")
    assert [character for character in told.stdout if not character.isprintable() and character != "\n"] == []


@pytest.mark.skipif(os.name == "nt", reason="no pipes of a POSIX shell")
@pytest.mark.parametrize(
    ("ending", "code", "told"),
    [
        ("| head -1", "0", "Eddyline without a terminal: a transcript of what the app would show.\n"),
        ("| :", "0", ""),
        (">&-", "0", ""),
    ],
)
def test_transcript_whose_reader_has_gone_ends_well(music: Path, ending: str, code: str, told: str) -> None:
    shell = f'"{sys.executable}" -m eddyline.demo_tui "{music}" {ending}; echo "${{PIPESTATUS[0]}}" >&2'
    done = subprocess.run(
        ["bash", "-c", shell], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == (told, f"{code}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_transcript_on_a_full_disk_says_so(music: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "eddyline.demo_tui", str(music)],
            stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("eddyline demo: the transcript can't be written: ")
    assert done.stderr.count("\n") == 1


def test_patches_are_told_one_a_line() -> None:
    patches: list[Patch] = [
        Reset([(1,), (2,)], [1, 2]),
        Insert(0, (0, "x"), 0),
        Remove(2, 2),
        Move(1, 0, 1),
        Update(0, (9, None), ("n",), 0),
    ]
    assert patch_lines(patches) == [
        "reset   2 rows",
        "insert  at 0: (0, x)",
        "remove  2",
        "move    1 to 0",
        "update  0: n of (9, NULL)",
    ]
    assert patch_lines([Remove(0, 0)] * 9)[-1] == "... 3 more"


def test_rows_are_told_as_a_table_no_wider_than_a_page() -> None:
    assert table_lines(["n", "name"], [(1, "a"), (20, "bc")]) == [" n  name", "--  ----", " 1  a", "20  bc"]
    wide = table_lines([f"column {n}" for n in range(40)], [tuple(range(40))])
    assert max(map(len, wide)) <= 110
    assert all(line.endswith("...") for line in wide)


def test_nothing_told_can_move_a_terminal() -> None:
    assert clean("\x1b[2Jgone\n\x07") == ".[2Jgone.."
    assert clean(b"\x00\x01") == "2 bytes"
    assert clean("x" * 50) == "x" * 31 + "..."
