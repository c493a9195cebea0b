"""A real terminal (tmux): the app is typed at, other processes write, the screen follows; quitting gives it back."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

AGAIN_S = 10.0
TMUX = shutil.which("tmux")
pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed: nothing to type at in a real terminal")

BY_GENRE = (
    "SELECT g.name, count(*) AS tracks FROM track t JOIN genre g ON g.id = t.genre GROUP BY g.name "
    "ORDER BY tracks DESC, g.name"
)
CHINOOK = Path(__file__).parents[2].parent / "shared" / "data" / "chinook.sqlite"
CHINOOK_QUERY = (
    "SELECT g.Name, count(*) AS tracks, sum(t.Milliseconds)/60000 AS minutes FROM Track t "
    "JOIN Genre g ON g.GenreId = t.GenreId GROUP BY g.Name ORDER BY tracks DESC LIMIT 10"
)


class Terminal:
    """A tmux server of one's own."""

    def __init__(self, socket: Path) -> None:
        self._tmux = [TMUX or "tmux", "-f", os.devnull, "-S", str(socket)]

    def run(self, *args: str) -> str:
        return subprocess.run(
            [*self._tmux, *args], capture_output=True, text=True, check=True, timeout=PATIENCE_S
        ).stdout

    def start(self, *command: str) -> None:
        shell = f"{' '.join(command)}; echo exit code $?; cat"
        self.run("new-session", "-d", "-s", "demo", "-x", "100", "-y", "30", shell)

    def keys(self, *keys: str) -> None:
        self.run("send-keys", "-t", "demo", *keys)

    def type(self, text: str) -> None:
        self.run("send-keys", "-t", "demo", "-l", text)

    def empty_box(self, shown: str) -> None:
        """Select all and delete until it is gone: a terminal that has just begun may swallow keys."""
        end = time.monotonic() + PATIENCE_S
        while shown in self.screen():
            assert time.monotonic() < end, "the box can't be emptied"
            self.keys("F7", "BSpace")
            again = time.monotonic() + AGAIN_S  # keys that only come late must not meet what is typed next
            while shown in self.screen() and time.monotonic() < again:
                time.sleep(0.05)

    def screen(self) -> str:
        return self.run("capture-pane", "-p", "-t", "demo")

    def until(self, holds: Callable[[str], bool]) -> str:
        """Return the screen once it shows what is waited for."""
        end = time.monotonic() + PATIENCE_S
        while not holds(screen := self.screen()):
            assert time.monotonic() < end, f"not on the screen:\n{screen}"
        return screen


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal that ends with the test."""
    made = Terminal(tmp_path / "tmux.socket")
    yield made
    subprocess.run([*made._tmux, "kill-server"], capture_output=True, check=False)


def schema(path: Path) -> object:
    with closing(sqlite3.connect(path)) as conn:
        mode = conn.execute("PRAGMA journal_mode").fetchone()
        return mode, conn.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()


def sqlite_utils(path: Path, table: str, rows: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "sqlite_utils", "insert", str(path), table, "-"], input=rows, text=True, check=True
    )


def update(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute(sql)


def test_query_typed_in_a_terminal_follows_other_processes(terminal: Terminal, music: Path) -> None:
    before = schema(music)
    terminal.start(sys.executable, "-m", "eddyline.demo_tui", str(music))
    terminal.until(lambda screen: "3 rows" in screen)
    terminal.empty_box("LIMIT 200")
    terminal.type(BY_GENRE)
    terminal.keys("Enter")
    terminal.until(lambda screen: "tracks" in screen and "DELTA" in screen and "3 rows · live" in screen)
    sqlite_utils(music, "track", '[{"id": 77, "title": "Sluice", "genre": 3, "seconds": 60}]')
    terminal.until(lambda screen: re.search(r"Folk +2 ", screen) is not None)
    update(music, "UPDATE genre SET name = 'River music' WHERE id = 2")
    screen = terminal.until(lambda screen: "River music" in screen)
    assert "Jazz" not in screen
    assert schema(music) == before
    terminal.keys("C-q")
    terminal.until(lambda screen: "exit code 0" in screen and "tables" not in screen)


@pytest.mark.skipif(not CHINOOK.exists(), reason=f"no {CHINOOK} beside this clone: the music file above stands for it")
def test_chinook_follows_and_gains_nothing(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "chinook.db"
    path.write_bytes(CHINOOK.read_bytes())
    before = schema(path)
    terminal.start(sys.executable, "-m", "eddyline.demo_tui", str(path), "--query", f"'{CHINOOK_QUERY}'")
    terminal.until(lambda screen: "1297" in screen and "6137" in screen)
    row = '{"Name": "New", "AlbumId": 1, "MediaTypeId": 1, "GenreId": 1, "Milliseconds": 60000000, "UnitPrice": 1}'
    sqlite_utils(path, "Track", row)
    terminal.until(lambda screen: "1298" in screen and "7137" in screen and "3,504" in screen)
    update(path, "UPDATE Track SET GenreId = 7 WHERE GenreId = 1")
    screen = terminal.until(lambda screen: "1877" in screen)
    assert "delete · " in screen
    assert schema(path) == before
    terminal.keys("C-q")
    terminal.until(lambda screen: "exit code 0" in screen)
