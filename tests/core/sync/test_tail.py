"""The tail of a hub's log gives what reading the log gives, for everyone whom it knows enough for."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from eddyline import Database
from eddyline.core.log.outgoing import outgoing
from eddyline.core.log.vector import EMPTY, CommitId, Vector
from eddyline.core.sync import tail as tails
from eddyline.core.sync.asks import ReadCommits
from eddyline.core.sync.fitting import fitting
from eddyline.core.sync.tail import Tail

from .world import MODELS, Note


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "BYTES_MAX", 6_000)


@pytest.mark.parametrize("seed", range(5))
async def test_tail_gives_what_a_read_of_the_log_gives_or_says_that_it_does_not_know(
    tmp_path: Path, seed: int, small: None
) -> None:
    chance, tail, given = Random(seed), Tail(), 0
    async with (
        Database.open(tmp_path / "hub.db", models=MODELS) as hub,
        Database.open(tmp_path / "a.db", models=MODELS) as ada,
        Database.open(tmp_path / "b.db", models=MODELS) as bob,
    ):
        states = [EMPTY]
        for _ in range(60):
            db = chance.choice((ada, bob))
            await db.add_all([Note(title="x" * chance.randrange(300))])
            if chance.random() < 0.4:
                await db.pull(hub)
            states.append(await db.head())
            await hub.pull(db)
            if chance.random() < 0.1:
                lane, seq = chance.choice(list(await hub.head()))
                await hub.reject(CommitId(lane, seq), "no")
            if chance.random() < 0.6:
                continue
            tail.add(await hub._read(tail.look))
            states.append(await hub.head())
            assert tail.top == states[-1]
            for beyond in [*chance.sample(states, 3), tail.base, tail.top]:
                ask = ReadCommits(beyond, 0, 2_000, or_snapshot=False)
                found = tail.batch(ask)
                assert (found is None) or beyond >= tail.base
                if found is None:
                    continue
                read = await hub._read(lambda conn, beyond=beyond: outgoing(conn, beyond, after=0, size_bytes=2_000))  # type: ignore[misc]  # that of now
                lines = zip(read.ids, read.texts, strict=True)
                assert found == fitting(ask, lines, read.envelopes, read.serial, len(read.texts) + read.left)
                given += bool(found.body)
    assert given > 5


async def test_line_larger_than_asked_for_is_left_to_a_read_of_the_log(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "hub.db", models=MODELS) as hub:
        tail = Tail()
        await hub.add_all([Note(title="a")])
        tail.add(await hub._read(tail.look))
        before = await hub.head()
        await hub.add_all([Note(title="x" * 5_000)])
        tail.add(await hub._read(tail.look))
        assert tail.batch(ReadCommits(before, 0, 1_000, or_snapshot=False)) is None
        whole = tail.batch(ReadCommits(before, 0, 100_000, or_snapshot=False))
        assert whole is not None
        assert (len(whole.body.splitlines()), whole.left) == (1, 0)
        assert tail.batch(ReadCommits(Vector(), 0, 100_000, or_snapshot=False)) is None
