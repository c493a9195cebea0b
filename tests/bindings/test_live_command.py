"""`eddyline live`: a process follows a file that this one writes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from textual.widgets import Label

from eddyline import Database, ParameterError, Reset
from eddyline.bindings import cli
from eddyline.bindings.first_rows import FirstRows
from eddyline.bindings.follow import parameters
from eddyline.bindings.live_app import LiveApp
from eddyline.bindings.textual import LiveTable
from eddyline.signals import Insert, Move, Patch, Remove, Update, apply_patches
from eddyline.signals.json_lines import patch_lines
from tests.patience import PATIENCE_S


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    write(path, "CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT, n INTEGER)")
    write(path, "INSERT INTO issue (title, n) VALUES ('one', 1), ('two', 2), ('three', 3)")
    return path


def write(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(sql)


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(cli.main, ["live", *map(str, args)])


class Following:
    """A command that follows."""

    def __init__(self, *args: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "eddyline", "live", *map(str, args)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip

    def line(self) -> Any:
        """Return the next line, read as JSON."""
        assert self.process.stdout is not None, "it has a pipe"
        text = self.process.stdout.readline()
        assert text, self.process.communicate(timeout=PATIENCE_S)
        return json.loads(text)

    def commit(self) -> list[Any]:
        """Return the lines of the next commit."""
        lines = [self.line()]
        while lines[-1]["left"]:
            lines.append(self.line())
        return lines

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and what was said on stderr."""
        _, error = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, error


@contextmanager
def following(*args: str | Path) -> Iterator[Following]:
    command = Following(*args)
    try:
        yield command
    finally:
        command.process.kill()
        command.process.communicate()


def test_rows_then_a_line_for_each_patch_of_other_programs(file: Path) -> None:
    with following(file, "SELECT title, n FROM issue WHERE n > :least ORDER BY n", "--param", "least=1") as command:
        first = {"kind": "reset", "columns": ["title", "n"], "rows": [["two", 2], ["three", 3]], "commit": 0, "left": 0}
        assert command.commit() == [first]
        write(file, "INSERT INTO issue (title, n) VALUES ('four', 4)")
        assert command.commit() == [{"kind": "insert", "index": 2, "row": ["four", 4], "commit": 1, "left": 0}]
        write(file, "UPDATE issue SET n = 20 WHERE n = 2")
        assert command.commit() == [
            {"kind": "move", "index": 0, "to": 2, "commit": 2, "left": 1},
            {"kind": "update", "index": 2, "row": ["two", 20], "columns": ["n"], "commit": 2, "left": 0},
        ]
        write(file, "DELETE FROM issue WHERE title = 'three'")
        assert command.commit() == [{"kind": "remove", "index": 0, "commit": 3, "left": 0}]


def test_lines_that_are_applied_give_the_rows(file: Path) -> None:
    sql = "SELECT id, n FROM issue ORDER BY n DESC, id LIMIT 5"
    with following(file, sql, "--json") as command:
        rows: list[Any] = command.line()["rows"]
        for change in ("n = n % 3", "n = 7 - n WHERE id % 2", "n = id", "id = id + 10 WHERE n > 1"):
            write(file, f"UPDATE issue SET {change}")
            for line in command.commit():
                patch: Patch
                match line["kind"]:
                    case "insert":
                        patch = Insert(line["index"], line["row"], 0)
                    case "update":
                        patch = Update(line["index"], line["row"], tuple(line["columns"]), 0)
                    case "move":
                        patch = Move(line["index"], line["to"], 0)
                    case "remove":
                        patch = Remove(line["index"], 0)
                    case _:
                        patch = Reset(line["rows"], [])
                apply_patches([patch], rows)
            with closing(sqlite3.connect(file)) as conn:
                assert rows == [list(row) for row in conn.execute(sql)]


def test_limit_shows_the_first_rows_alone(file: Path) -> None:
    with following(file, "SELECT n FROM issue ORDER BY n", "--limit", "2") as command:
        assert command.line()["rows"] == [[1], [2]]
        write(file, "UPDATE issue SET n = 30 WHERE n = 3")  # not among them: no line
        write(file, "INSERT INTO issue (n) VALUES (0)")
        assert [(line["kind"], line["index"]) for line in command.commit()] == [("remove", 1), ("insert", 0)]


def test_query_that_fails_later_and_comes_back_says_so(file: Path) -> None:
    with following(file, "SELECT title FROM issue") as command:
        assert command.line()["kind"] == "reset"
        write(file, "ALTER TABLE issue RENAME TO old")
        failed = command.line()
        assert (failed["kind"], failed["status"], "no table 'issue'" in failed["error"]) == ("status", "failed", True)
        write(file, "ALTER TABLE old RENAME TO issue")
        kinds = [command.line(), command.line()]
        assert sorted(line["kind"] for line in kinds) == ["reset", "status"]
        assert [line["status"] for line in kinds if line["kind"] == "status"] == ["live"]


def test_closed_pipe_ends_it_though_nothing_changes(file: Path) -> None:
    with following(file, "SELECT title FROM issue") as command:
        command.line()
        assert command.process.stdout is not None
        command.process.stdout.close()
        assert command.process.wait(PATIENCE_S) == 0
        assert command.process.stderr is not None
        assert command.process.stderr.read() == ""


def test_interrupt_ends_it_with_130_and_no_word(file: Path) -> None:
    with following(file, "SELECT title FROM issue") as command:
        command.line()
        command.process.send_signal(signal.SIGINT)
        assert command.end() == (130, "")


def test_interrupt_ends_it_while_nobody_reads_the_pipe(file: Path) -> None:
    write(file, "UPDATE issue SET title = printf('%.*c', 300000, 'x') WHERE id = 1")  # more than a pipe holds
    with following(file, "SELECT title FROM issue") as command:
        assert command.process.stdout is not None
        assert os.read(command.process.stdout.fileno(), 1) == b"{"  # the rest blocks
        command.process.send_signal(signal.SIGINT)
        assert command.process.wait(PATIENCE_S) == 130
        assert command.process.stderr is not None
        assert command.process.stderr.read() == ""


def test_slow_reader_gets_what_was_committed_meanwhile_as_one_change(file: Path) -> None:
    with following(file, "SELECT id, title FROM issue ORDER BY id") as command:
        rows: list[Any] = command.line()["rows"]
        with closing(sqlite3.connect(file, isolation_level=None)) as conn:
            conn.execute("PRAGMA synchronous = OFF")
            for n in range(2_000):  # their lines are several times what pipe and buffers hold
                conn.execute("INSERT INTO issue (title) VALUES (?)", (f"{n}" * 40,))
            expected = [list(row) for row in conn.execute("SELECT id, title FROM issue ORDER BY id")]
        commits = 0
        while len(rows) < len(expected):
            line = command.line()
            commits = line["commit"]
            apply_patches([Insert(line["index"], line["row"], 0)] if "row" in line else [Reset(line["rows"], [])], rows)
        assert (rows == expected, commits < 1_900) == (True, True)


def test_file_is_only_read_and_no_lock_is_held(file: Path) -> None:
    def state() -> tuple[Any, ...]:
        with closing(sqlite3.connect(file)) as conn:
            names = conn.execute("SELECT name FROM sqlite_schema").fetchall()
            return (
                names,
                conn.execute("PRAGMA journal_mode").fetchone(),
                conn.execute("PRAGMA schema_version").fetchone(),
            )

    for mode in ("delete", "wal"):
        write(file, f"PRAGMA journal_mode = {mode}")
        before, content = state(), file.read_bytes()
        with following(file, "SELECT count(*) FROM issue") as command:
            command.line()
            with closing(sqlite3.connect(file, isolation_level=None, timeout=PATIENCE_S)) as conn:
                conn.execute("BEGIN EXCLUSIVE")  # a look at the file may be under way
                conn.execute("ROLLBACK")
        assert (state(), file.read_bytes()) == (before, content)


def test_once_prints_the_rows_and_ends(file: Path) -> None:
    done = run(file, "SELECT title, n FROM issue ORDER BY id", "--once", "--limit", "1")
    assert (done.exit_code, done.output) == (
        0,
        '{"kind":"reset","columns":["title","n"],"rows":[["one",1]],"commit":0,"left":0}\n',
    )


def test_once_in_a_terminal_is_a_table(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    done = run(file, "SELECT title, n, NULL AS x FROM issue WHERE id < 3", "--once")
    assert done.output == "title  n  x\n-----  -  ----\none    1  null\ntwo    2  null\n"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["SELECT titel FROM issue"], 1, "no column 'titel'"),
        (["DELETE FROM issue"], 1, "a live query must be a SELECT"),
        (["SELECT 1", "--param", "x=1"], 1, "takes no parameter :x"),
        (["SELECT :x"], 1, "takes a parameter :x"),
        (["SELECT :x", "--param", "x"], 2, "--param takes NAME=VALUE"),
        (["SELECT :x", "-p", "x=1", "-p", ":x=2"], 2, "--param x is given twice"),
        (["SELECT :x", "-p", "x=x'0'"], 2, "which is no blob"),
        (["SELECT json(title) FROM issue", "--once"], 1, "malformed JSON"),
        (["SELECT 1", "--limit", "0"], 2, "0 is not in the range x>=1"),
        ([], 2, "Missing argument 'SELECT'"),
    ],
)
def test_what_is_wrong_is_one_paragraph(file: Path, args: list[str], code: int, message: str) -> None:
    done = run(file, *args)
    assert (done.exit_code, message in done.stderr, "Traceback" in done.stderr) == (code, True, False)


def test_file_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    done = run(tmp_path / "none.db", "SELECT 1")
    assert (done.exit_code, "no file" in done.stderr, list(tmp_path.iterdir())) == (1, True, [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_full_disk_is_told(file: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "eddyline", "live", file, "SELECT 1"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "Error: the output can't be written: No space left on device\n")


def test_values_of_parameters_are_read_as_they_look() -> None:
    given = ["a=1", ":b=-2.5", "@c=NULL", "$d=x", "e='042'", "f=x'00ff'", "g=", "h=a=b", "i='it''s'", "j=9" + "9" * 20]
    assert parameters(given) == {
        "a": 1, "b": -2.5, "c": None, "d": "x", "e": "042", "f": b"\x00\xff", "g": "", "h": "a=b", "i": "it's",
        "j": 1e21,
    }  # fmt: skip
    with pytest.raises(ParameterError, match="not '1=x'"):
        parameters(["1=x"])


def test_every_value_of_sqlite_is_json() -> None:
    rows = [(None, 1, 2.5, 'é"\n', b"\0\xff", float("inf"), float("-inf"))]
    assert patch_lines([Reset(rows, [1])], ["a"], 7) == (
        '{"kind":"reset","columns":["a"],"rows":[[null,1,2.5,"é\\"\\n",{"$base64":true,"encoded":"AP8="},9e999,-9e999]],'
        '"commit":7,"left":0}\n'
    )


async def test_first_rows_have_patches_of_their_own() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        await db.execute("INSERT INTO t VALUES (1), (2), (3)")
        view = await db.live("SELECT id FROM t ORDER BY id")
        seen: list[list[Patch]] = []
        stop = FirstRows(view, 2).subscribe(seen.append)
        await db.execute("DELETE FROM t WHERE id = 3")
        await db.execute("DELETE FROM t WHERE id = 1")
        await db.execute("INSERT INTO t VALUES (5)")
        stop()
        await db.execute("INSERT INTO t VALUES (0)")
        assert seen == [
            [Reset([(1,), (2,)], [(1,), (2,)])],
            [Remove(0, (1,))],
            [Insert(1, (5,), (5,))],
        ]


async def test_screen_shows_query_rows_and_rule(file: Path) -> None:
    async with Database.open(file) as db:
        view = await db.live("SELECT title FROM issue\n ORDER BY id")
        app = LiveApp(view, title="app.db", sql="SELECT title\n FROM [issue]", limit=2)
        async with app.run_test() as pilot:
            await db.execute("DELETE FROM issue WHERE id = 1")
            await pilot.pause()
            assert str(app.query_one("#sql", Label).content) == "SELECT title FROM [issue]"
            assert str(app.query_one("#state", Label).content) == "app.db · 2 rows · commit 1 · delta · q quits"
            await db.execute("INSERT INTO issue VALUES (9, 'nine', 9)")
            await pilot.pause()
            assert str(app.query_one("#state", Label).content) == "app.db · 2 of 3 rows · commit 2 · delta · q quits"
            assert app.query_one(LiveTable).row_count == 2
            await pilot.press("q")
        assert app.return_code == 0


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")
def test_terminal_shows_a_table_that_follows_until_q(file: Path) -> None:
    import fcntl
    import pty
    import select
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "eddyline", "live", str(file), "SELECT title FROM issue"]
    env = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, close_fds=True)
    os.close(theirs)

    def until(text: bytes) -> None:
        seen = b""
        while text not in seen:
            assert select.select([ours], [], [], PATIENCE_S)[0], seen
            seen += os.read(ours, 65536)

    try:
        until(b"three")
        write(file, "INSERT INTO issue (title) VALUES ('from outside')")
        until(b"from outside")
        os.write(ours, b"q")
        until(b"\x1b[?1049l")  # the terminal is given back
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_library_for_the_table_that_is_missing_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    monkeypatch.setitem(sys.modules, "eddyline.bindings.cell_text", None)
    done = run(file, "SELECT 1", "--once")
    assert (done.exit_code, "pip install 'eddyline[tui]', or say --json" in done.stderr) == (1, True)
