"""The command line: what it opens, and what it says when it can't."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from eddyline import LockedError, OpenError
from eddyline.demo_tui import cli, target
from eddyline.demo_tui.session import open_session
from eddyline.demo_tui.target import Target, copy_of, data_folder, sample_target


def said(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """Run the command line without a terminal, which must fail; return what it says."""
    assert cli.main(args) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "Traceback" not in told.err
    return told.err


def test_missing_file_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "there is no file" in said(capsys, str(tmp_path / "gone.db"))


def test_folder_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "is a folder" in said(capsys, str(tmp_path))


def test_what_is_no_database_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, this is no database at all. " * 30)
    assert "not a database" in said(capsys, str(path))


def test_locked_file_is_named(capsys: pytest.CaptureFixture[str], music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "LOCK_WAIT_S", 0.01)
    with closing(sqlite3.connect(music)) as conn:
        conn.execute("BEGIN EXCLUSIVE")
        assert "is locked by another program" in said(capsys, str(music))


@pytest.mark.parametrize("path", ["gone.db", "folder", "letter.txt"])
async def test_app_refuses_the_same_before_it_takes_the_screen(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "letter.txt").write_text("Dear reader, this is no database at all. " * 30)
    with pytest.raises(OpenError):
        await open_session(Target(tmp_path / path, "file", path))


async def test_app_refuses_a_locked_file(music: Path) -> None:
    with closing(sqlite3.connect(music)) as conn:
        conn.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LockedError):
            await open_session(Target(music, "file", "music.db"), busy_timeout_s=0.01)


@pytest.mark.parametrize("args", [["--fresh", "x.db"], ["--copy"], ["--nonsense"]])
def test_arguments_that_make_no_sense_are_refused(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(args)
    assert end.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("term", "stdin", "stdout", "has"),
    [
        ("xterm", True, True, True),
        ("dumb", True, True, False),
        ("xterm", False, True, False),
        ("xterm", True, False, False),
    ],
)
def test_app_needs_a_terminal_on_both_ends(
    monkeypatch: pytest.MonkeyPatch, term: str, stdin: bool, stdout: bool, has: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: stdin, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: stdout, raising=False)
    assert cli.has_terminal() is has


def test_sample_lives_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "eddyline"
    assert sample_target().path == tmp_path / "eddyline" / "issues.db"
    assert (tmp_path / "eddyline").is_dir()


def test_copy_holds_what_a_wal_still_holds(music: Path) -> None:
    with closing(sqlite3.connect(music)) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("INSERT INTO genre VALUES (4, 'Tango')")
        conn.commit()
        copy = copy_of(music)
    try:
        with closing(sqlite3.connect(copy.path)) as conn:
            assert conn.execute("SELECT count(*) FROM genre").fetchone() == (4,)
    finally:
        copy.remove()
    assert not copy.path.exists()
