"""The sample is the same for everyone, made at once or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from eddyline import Database
from eddyline.demo_tui import seed
from eddyline.demo_tui.tracker_data import MODELS


def test_same_seed_gives_the_same_rows_but_for_their_keys() -> None:
    end = datetime(2026, 1, 5, 9, tzinfo=UTC)

    def made(number: int) -> list[tuple[object, ...]]:
        return [row[1:] for row in seed.issues(Random(number), ["ann", "bob"], ["weir"], end)]

    assert made(7) == made(7)
    assert made(7) != made(8)
    assert made(7)[-1][-1] == "2026-01-05 08:09:00+00:00"
    assert [row[1] for row in seed.people(Random(7))][:2] == ["You", "Ines Diallo"]


async def test_sample_has_the_rows_it_promises_and_every_reference_holds() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        await seed.ensure_sample(db)
        counts = [(await db.fetch(f"SELECT count(*) FROM {table}"))[0][0] for table in seed.TABLES]
        assert counts == [seed.COMMENTS, seed.ISSUES, 12, seed.PEOPLE]
        assert await db.fetch("SELECT * FROM pragma_foreign_key_check") == []


async def test_sample_that_is_there_stays_unless_a_fresh_one_is_asked_for() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        await seed.ensure_sample(db)
        await db.execute("DELETE FROM issue")
        await seed.ensure_sample(db)
        assert (await db.fetch("SELECT count(*) FROM issue"))[0][0] == 0
        await seed.ensure_sample(db, fresh=True)
        assert (await db.fetch("SELECT count(*) FROM issue"))[0][0] == seed.ISSUES
