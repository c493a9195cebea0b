"""The load: the same writes for a seed, at the rate asked for, never more than a schema allows."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from eddyline import Commit, Database
from eddyline.demo_tui.load import Load, copy_writes, tracker_keys, tracker_writes
from eddyline.demo_tui.target import Target
from eddyline.demo_tui.tracker_data import MODELS


class Clock:
    """Time that passes only by sleeping; the test ends after so many seconds of it."""

    def __init__(self, end_s: float) -> None:
        self.now_s, self.end_s = 0.0, end_s

    def now(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.now_s >= self.end_s:
            raise asyncio.CancelledError


def test_same_seed_gives_the_same_writes() -> None:
    keys = {"issue": ["i1", "i2", "i3"], "person": ["p1", "p2"], "project": ["r1"]}
    one, two = (
        [[sql for sql, _ in statements] for statements in islice(tracker_writes(Random(3), keys), 200)]
        for _ in range(2)
    )
    assert one == two
    assert {statements[0].split()[0] for statements in one} == {"UPDATE", "INSERT", "DELETE"}


async def test_load_keeps_the_sample_whole_and_about_as_large(sample: Target) -> None:
    async with Database.open(sample.path, models=MODELS) as db:
        load = Load(db, tracker_writes(Random(5), await tracker_keys(db)))
        for _ in range(400):
            await load.write_one()
        assert load.refused == 0
        assert await db.fetch("SELECT * FROM pragma_foreign_key_check") == []
        assert 4_950 < (await db.fetch("SELECT count(*) FROM issue"))[0][0] < 5_050


async def test_load_writes_at_the_rate_asked_for(sample: Target) -> None:
    async with Database.open(sample.path, models=MODELS) as db:
        commits: list[Commit] = []
        db.after_commit(commits.append)
        clock = Clock(end_s=1.0)
        with pytest.raises(asyncio.CancelledError):
            await Load(db, tracker_writes(Random(5), await tracker_keys(db)), per_s=100).run(clock.now, clock.sleep)
        assert 95 <= len(commits) <= 105


async def test_load_of_any_database_moves_values_among_rows(music: Path) -> None:
    async with Database.open(music) as db:
        before = await db.fetch("SELECT sum(seconds) IS NULL, count(*) FROM track")
        writes = await copy_writes(db, Random(1))
        assert writes is not None
        load = Load(db, writes)
        for _ in range(50):
            await load.write_one()
        assert await db.fetch("SELECT sum(seconds) IS NULL, count(*) FROM track") == before
        assert await db.fetch("SELECT * FROM pragma_foreign_key_check") == []


async def test_database_without_a_cell_to_change_gets_no_load() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE only_keys (id INTEGER PRIMARY KEY)")
        assert await copy_writes(db, Random(1)) is None


async def test_write_that_the_schema_refuses_is_counted() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (a CHECK (a > 0))")
        load = Load(db, iter([[("INSERT INTO t VALUES (?)", (-1,))]]))
        await load.write_one()
        assert load.refused == 1
