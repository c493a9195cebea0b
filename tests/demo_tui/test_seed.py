"""The sample is the same for everyone, made at once or not at all."""

from __future__ import annotations

from random import Random

from eddyline import Database
from eddyline.demo_tui import seed


def test_same_seed_gives_the_same_rows() -> None:
    assert next(seed.people(Random(7))) == (1, "Ines Diallo", "Platform")
    issue = next(seed.issues(Random(7)))
    assert issue == next(seed.issues(Random(7)))
    assert issue != next(seed.issues(Random(8)))
    assert list(seed.comments(Random(7)))[-1] == list(seed.comments(Random(7)))[-1]


async def test_sample_has_the_rows_it_promises_and_every_reference_holds() -> None:
    async with Database.open(":memory:") as db:
        await seed.ensure_sample(db)
        counts = [(await db.fetch(f"SELECT count(*) FROM {table}"))[0][0] for table in seed.TABLES]
        assert counts == [seed.COMMENTS, seed.ISSUES, 12, seed.PEOPLE]
        assert await db.fetch("SELECT * FROM pragma_foreign_key_check") == []


async def test_sample_that_is_there_stays_unless_a_fresh_one_is_asked_for() -> None:
    async with Database.open(":memory:") as db:
        await seed.ensure_sample(db)
        await db.execute("DELETE FROM issue")
        await seed.ensure_sample(db)
        assert (await db.fetch("SELECT count(*) FROM issue"))[0][0] == 0
        await seed.ensure_sample(db, fresh=True)
        assert (await db.fetch("SELECT count(*) FROM issue"))[0][0] == seed.ISSUES
