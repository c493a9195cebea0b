"""The command line: what it prints, where, and how it ends."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from eddyline import EddylineError
from eddyline.bindings import cli
from eddyline.bindings.web.serve import serve


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(arg) for arg in args])


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute(sql).fetchall()


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("id;name\n1;Ada\n2;\n", encoding="utf-8")
    return path


def test_version_is_that_of_the_package() -> None:
    assert run("--version").output == f"eddyline, version {version('eddyline')}\n"


def test_help_names_every_command() -> None:
    listed = run("--help").output
    assert [name for name in ("import", "live", "models") if f"\n  {name} " not in listed] == []


def test_import_tells_in_one_line_what_it_did(people: Path, tmp_path: Path) -> None:
    db = tmp_path / "x.db"
    first = run("import", db, people, "--key", "id")
    again = run("import", db, people, "--key", "id", "--into", "people", "--empty-is-null")
    assert (first.exit_code, first.output) == (0, "imported 2 rows into people, made just now\n")
    assert (again.exit_code, again.output) == (0, "imported 2 rows into people\n")
    assert rows(db, "SELECT * FROM people") == [(1, "Ada"), (2, None)]


def test_import_takes_every_option(tmp_path: Path) -> None:
    db, file = tmp_path / "x.db", tmp_path / "data.txt"
    file.write_bytes("näme:n\nZoë:1\n".encode("latin-1"))
    with closing(sqlite3.connect(db)) as conn:
        conn.execute("CREATE TABLE t (n INTEGER)")
    options = ["--into", "t", "--format", "csv", "--encoding", "latin-1", "--delimiter", ":", "--alter"]
    assert run("import", db, file, *options).output == "imported 1 row into t; columns added: näme\n"
    assert run("import", tmp_path / "y.db", db, "--table", "t", "--into", "u", "--quiet").output == ""
    assert rows(tmp_path / "y.db", "SELECT * FROM u") == [(1, "Zoë")]


def test_import_reads_stdin(tmp_path: Path) -> None:
    args = ["import", str(tmp_path / "x.db"), "-", "--format", "csv", "--into", "t"]
    done = CliRunner().invoke(cli.main, args, input="a,b\n1,x\n")
    assert (done.exit_code, done.output) == (0, "imported 1 row into t, made just now\n")
    done = CliRunner().invoke(cli.main, args[:3], input="a,b\n1,x\n")
    assert (done.exit_code, "say --format and --into" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        (["csv"], b"a,a\n1,x\n", "standard input, line 1: the header names a column twice: a; rename one"),
        (["csv", "--key", "k"], b"a\n1\n", "standard input: it has no column 'k' for key=; it has: a"),
        (["csv", "--table", "t"], b"a\n1\n", "table= names a table of a SQLite file; standard input is csv: use into="),
        (["json"], b"[{]", "standard input, line 1: this is no JSON"),
        (["ndjson"], b'{"a": 1}\n3\n', "standard input, line 2: the line holds int, not an object"),
        (["sqlite"], b"a,b\n", "standard input: "),
        (["csv"], b"\xff\n", "standard input, line 1: this is no utf-8"),
    ],
)
def test_errors_of_an_import_from_stdin_name_standard_input(
    tmp_path: Path, options: list[str], given: bytes, message: str
) -> None:
    args = ["import", str(tmp_path / "x.db"), "-", "--into", "t", "--format", *options]
    done = CliRunner().invoke(cli.main, args, input=given)
    assert (done.exit_code, done.stderr.startswith(f"Error: {message}")) == (1, True), done.stderr
    assert "eddyline-" not in done.stderr


def test_import_of_a_sqlite_file_names_its_tables(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "from.db")) as conn:
        conn.executescript("CREATE TABLE a (x); CREATE TABLE b (x); INSERT INTO a VALUES (1), (2)")
    done = run("import", tmp_path / "x.db", tmp_path / "from.db")
    assert done.output == "imported 2 rows into 2 tables: a, b\n"


def test_models_are_printed_of_all_tables_or_of_those_named(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript("CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY, n TEXT)")
    before = path.read_bytes()
    listed = run("models", path)
    assert (listed.exit_code, [line for line in listed.output.splitlines() if line.startswith("class")]) == (
        0,
        ['class A(Existing, table="a"):', 'class B(Existing, table="b"):'],
    )
    assert run("models", path, "B").output == (
        "# Models of x.db, as `eddyline models` reads them. The tables stay as they are.\n"
        "\n"
        "from eddyline import Column, Existing, column\n"
        "\n\n"
        'class B(Existing, table="b"):\n'
        "    id: Column[int] = column(default=None, primary_key=True)\n"
        "    n: Column[str | None] = column(default=None)\n"
    )
    assert (path.read_bytes(), [file.name for file in tmp_path.iterdir()]) == (before, ["x.db"])


def test_models_of_what_is_not_there_are_told(tmp_path: Path) -> None:
    done = run("models", tmp_path / "x.db")
    assert (done.exit_code, "no file" in done.stderr) == (1, True)
    sqlite3.connect(tmp_path / "y.db").close()
    (tmp_path / "y.db").write_bytes(b"")
    done = run("models", tmp_path / "y.db", "t")
    assert (done.exit_code, "no table 't'" in done.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == [tmp_path / "y.db"]


def test_error_of_ours_is_one_paragraph_and_exit_code_1(tmp_path: Path) -> None:
    done = run("import", tmp_path / "x.db", tmp_path / "none.csv")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: '{tmp_path / 'none.csv'}': there is no such file; check the path; nothing was imported\n"
    )
    file = tmp_path / "bad.csv"
    file.write_text("a,b\n1\n", encoding="utf-8")
    done = run("import", tmp_path / "x.db", file)
    assert (done.exit_code, done.stderr.startswith(f"Error: '{file}', line 2: 1 cells")) == (1, True)


def test_database_that_can_not_be_opened_is_told(people: Path, tmp_path: Path) -> None:
    done = run("import", tmp_path, people)
    assert (done.exit_code, "is a folder" in done.stderr) == (1, True)


def test_database_without_a_log_has_nothing_to_check_or_repair(people: Path, tmp_path: Path) -> None:
    run("import", tmp_path / "x.db", people)
    for command in ("check", "repair"):
        done = run(command, tmp_path / "x.db")
        assert (done.exit_code, done.stdout, "has no commit log" in done.stderr) == (1, "", True)


def test_wrong_argument_is_exit_code_2(people: Path, tmp_path: Path) -> None:
    assert run("import", tmp_path / "x.db", people, "--format", "xml").exit_code == 2
    assert run("import", tmp_path / "x.db").exit_code == 2
    assert run("unheard").exit_code == 2


def test_port_of_a_page_that_is_taken_is_told(tmp_path: Path) -> None:
    with serve(tmp_path, 0) as url:
        port = int(url.rstrip("/").rpartition(":")[2])
        with pytest.raises(EddylineError, match=f"no page can be served at port {port} of this machine"):
            serve(tmp_path, port).__enter__()


def test_interrupt_is_exit_code_130(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(work: Any) -> None:
        work.close()
        raise KeyboardInterrupt

    monkeypatch.setattr("asyncio.run", interrupted)
    done = run("import", tmp_path / "x.db", people)
    assert (done.exit_code, done.stderr) == (130, "stopped; nothing was changed\n")


def test_interrupt_while_stdin_is_read_is_exit_code_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*files: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copyfileobj", interrupted)
    done = run("import", tmp_path / "x.db", "-", "--format", "csv", "--into", "t")
    assert (done.exit_code, done.stderr) == (130, "stopped; nothing was changed\n")


def test_full_disk_is_told_in_a_line(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(done: Any) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cli, "_told", full)
    done = run("import", tmp_path / "x.db", people)
    assert (done.exit_code, done.stderr) == (1, f"Error: the output can't be written: {os.strerror(errno.ENOSPC)}\n")


def test_progress_is_drawn_where_stderr_is_a_terminal_alone(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("import", tmp_path / "x.db", people).stderr == ""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    shown = run("import", tmp_path / "x.db", people).stderr
    assert ("reading" in shown, "2 of 2 rows" in shown, "100%" in shown) == (True, True, True)


def test_the_module_and_the_command_are_the_command_line(people: Path, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("eddyline")
    for at, start in enumerate([[sys.executable, "-m", "eddyline"], [str(command)]]):
        done = subprocess.run(
            [*start, "import", str(tmp_path / f"{at}.db"), str(people)],
            capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "imported 2 rows into people, made just now\n", "")
