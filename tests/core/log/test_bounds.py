"""Bounds of the log: what is beyond them is compacted by itself, now and then, and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eddyline import Column, Database, Model, ParameterError
from eddyline.core import database_log
from eddyline.signals import until
from tests.patience import PATIENCE_S


class Note(Model, table="bounded_note"):
    text: Column[str]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_log, "_COMMITS_A_LOOK", 10)


async def write(db: Database, times: int, text: str = "x") -> None:
    for number in range(times):
        await db.execute("INSERT OR REPLACE INTO bounded_note VALUES ('A', ?)", f"{text}{number}")


async def kept(db: Database) -> list[int]:
    rows = await db.fetch("SELECT length(ops) FROM _eddy_commits WHERE ops != '[]'")
    return [row[0] for row in rows]


async def test_commits_beyond_the_bound_are_forgotten_and_told(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=[Note], log_commits_max=20) as db:
        await write(db, 19)
        assert db.compacted.peek().commits == 0
        await write(db, 12)
        await until(lambda: db.compacted().commits >= 31 - 20, timeout=PATIENCE_S)
        left = await kept(db)
        assert db.compacted.peek().commits == 31 - len(left)
        assert 15 <= len(left) <= 20
        assert db.compacted.peek().size_bytes > 10 * (31 - len(left))
        assert await db.check() == []


async def test_bytes_beyond_the_bound_are_forgotten_also_of_a_log_that_is_there(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=[Note]) as db:
        await write(db, 50, "y" * 1_000)
        assert len(await kept(db)) == 50
    async with Database.open(tmp_path / "a.db", models=[Note], log_bytes_max=20_000) as db:
        await write(db, 1)  # the first commit of a session looks
        await until(lambda: db.compacted().commits > 0, timeout=PATIENCE_S)
        assert 10_000 < sum(await kept(db)) <= 15_000
        assert db.compacted.peek().size_bytes > 35_000


async def test_without_bounds_nothing_is_forgotten(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=[Note]) as db:
        await write(db, 40)
    async with Database.open(tmp_path / "a.db", models=[Note], log_commits_max=1_000, log_bytes_max=1_000_000) as db:
        await write(db, 40)
        assert len(await kept(db)) == 80
        assert db.compacted.peek().commits == 0


@pytest.mark.parametrize("bound", [0, -1, 1.5, "10", True])
def test_what_is_no_bound_is_refused(bound: Any) -> None:
    for name in ("log_commits_max", "log_bytes_max"):
        with pytest.raises(ParameterError, match=f"{name} is a whole number, 1 or more, or None, not"):
            Database.open(":memory:", models=[Note], **{name: bound})
