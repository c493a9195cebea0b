"""Databases for the tests of the demo: a sample made once, a small file of music that is nobody's but the user's."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from eddyline import Database
from eddyline.bindings import frame
from eddyline.demo_tui import table_counts
from eddyline.demo_tui.seed import ensure_sample
from eddyline.demo_tui.target import Target
from eddyline.demo_tui.tracker_data import MODELS

MUSIC = """
CREATE TABLE genre (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE track (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL, genre INTEGER NOT NULL REFERENCES genre(id), seconds INTEGER
);
CREATE TABLE playlist (list TEXT, track INTEGER REFERENCES track(id), PRIMARY KEY (list, track)) WITHOUT ROWID;
CREATE VIEW long AS SELECT * FROM track WHERE seconds > 200;
INSERT INTO genre VALUES (1, 'Rock'), (2, 'Jazz'), (3, 'Folk');
INSERT INTO track VALUES
    (1, 'River', 2, 244), (2, 'Weir', 1, 180), (3, 'Delta', 1, 201), (4, 'Ferry', 3, 95), (5, 'Eddy', 2, 312);
INSERT INTO playlist VALUES ('evening', 1), ('evening', 5);
"""


@pytest.fixture(autouse=True)
def no_count_is_costly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are kept live however slow the machine is; a test of costly ones says so itself."""
    monkeypatch.setattr(table_counts, "LIVE_COST_US_MAX", float("inf"))


@pytest.fixture(autouse=True)
def no_frame_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames come at once however long a slow machine paints."""
    monkeypatch.setattr(frame, "LONGEST", 0.0)


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, made once; tests work on copies."""
    path = tmp_path_factory.mktemp("sample") / "issues.db"

    async def make() -> None:
        async with Database.open(path, models=MODELS) as db:
            await ensure_sample(db)
            await db.enable_log("person", "project", "issue", "comment")  # as the demo does once it is on show

    asyncio.run(make())
    return path


@pytest.fixture
def sample(sample_file: Path, tmp_path: Path) -> Target:
    """A sample of one's own."""
    path = tmp_path / "issues.db"
    shutil.copy(sample_file, path)
    return Target(path, "sample", str(path))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A user's file, in journal mode delete."""
    path = tmp_path / "music.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(MUSIC)
    return path


@pytest.fixture
def foreign(music: Path) -> Callable[[str], None]:
    """Run SQL on the file of music as another program would."""

    def run(sql: str) -> None:
        with closing(sqlite3.connect(music)) as conn, conn:
            conn.execute(sql)

    return run
