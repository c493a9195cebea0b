"""What a hub says of a commit: a stamp is clamped, a commit rejected; and every replica makes the same of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, ForgottenError
from eddyline.core.clock import Clock
from eddyline.core.log.commit import Commit, Put
from eddyline.core.log.envelopes import Envelope
from eddyline.core.log.fates import Fate
from eddyline.core.log.vector import CommitId

from .databases import Open, databases
from .notes import Folder, Note, dump

NOTE = "INSERT INTO note (id, text) VALUES ('N', 'first')"


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Open a database by its letter; all are closed in the end."""
    async with databases(tmp_path, [Note, Folder]) as open_one:
        yield open_one


def unless(word: str) -> Callable[[Commit], str | None]:
    """Return a judge that rejects commits which put `word` into a column."""

    def judge(commit: Commit) -> str | None:
        values = [value for op in commit.ops if isinstance(op, Put) for value in op.cells.values()]
        return f"no {word}" if word in values else None

    return judge


async def send(db: Database, hub: Database, judge: Callable[[Commit], str | None] | None = None) -> list[Fate]:
    """Hand the hub what it lacks, and take in what it has and says."""
    taken = await hub.admit(await db.commits(await hub.head()), judge)
    assert taken.stopped is None
    await db.pull(hub)
    assert await db.head() == await hub.head()
    return taken.fates


async def test_a_rejected_commit_counts_as_never_made_and_those_behind_it_go_on(opened: Open) -> None:
    a, b, hub = await opened("a"), await opened("b"), await opened("hub")
    await a.execute(NOTE)
    await send(a, hub)
    view = await a.live(Note.select(Note.text, Note.size))
    told: list[Any] = []
    view.subscribe(told.append)
    await a.execute("UPDATE note SET text = 'wrong'")
    await a.execute("UPDATE note SET size = 3")
    fates = await send(a, hub, unless("wrong"))
    assert [(fate.state, fate.reason) for fate in fates] == [("rejected", "no wrong"), ("accepted", "")]
    assert [tuple(row) for row in view.rows()] == [("first", 3)]
    assert len(told) == 4  # as it is, two writes, one rejection
    await b.pull(hub)
    assert await dump(a) == await dump(b) == await dump(hub)
    assert await b.head() == await a.head()
    found = await a.fetch("SELECT lane, seq, reason, settled FROM eddy_rejections")
    assert [tuple(row) for row in found] == [(*fates[0].commit, "no wrong", "")]
    assert await a.fates([fate.commit for fate in fates]) == [fates[0], Fate(fates[1].commit, "pending")]
    assert [await db.check() for db in (a, b, hub)] == [[], [], []]


async def test_others_get_a_rejected_commit_without_its_values(opened: Open) -> None:
    a, b, hub = await opened("a"), await opened("b"), await opened("hub")
    await a.execute("INSERT INTO note (id, text) VALUES ('N', 'wrong')")
    await send(a, hub, unless("wrong"))
    await b.pull(hub)
    for db in (b, hub):
        assert all("wrong" not in text.replace("no wrong", "") for text in (await db.outgoing()).texts)
    assert "wrong" in str(await a.fetch("SELECT ops FROM _eddy_commits"))
    await b.execute("INSERT INTO note (id, text) VALUES ('N', 'good')")
    await send(b, hub)
    await a.pull(hub)
    assert await dump(a) == await dump(b)
    assert [tuple(row) for row in await a.fetch("SELECT id, text FROM note")] == [("N", "good")]


async def test_what_was_built_on_a_rejected_commit_is_rejected_with_it(opened: Open) -> None:
    a, hub = await opened("a"), await opened("hub")
    await a.execute("INSERT INTO note (id, text) VALUES ('N', 'wrong')")
    await a.execute("UPDATE note SET size = 1 WHERE id = 'N'")
    await a.execute("INSERT INTO note (id, text) VALUES ('M', 'good')")
    await a.execute("DELETE FROM note WHERE id = 'N'")
    fates = await send(a, hub, unless("wrong"))
    assert [fate.state for fate in fates] == ["rejected", "rejected", "accepted", "rejected"]
    assert fates[1].reason == f"built on {fates[0].commit}, which was rejected"
    assert [row.id for row in await a.fetch("SELECT id FROM note")] == ["M"]
    assert await dump(a) == await dump(hub)


async def test_additions_to_a_counter_that_a_rejected_commit_has_set_are_rejected(opened: Open) -> None:
    a, hub = await opened("a"), await opened("hub")
    await a.execute(NOTE)
    await send(a, hub)
    async with a.transaction() as tx:
        await tx.execute("DELETE FROM note")
    await a.execute("INSERT INTO note (id, text, votes) VALUES ('N', 'wrong', 10)")
    await a.execute("UPDATE note SET votes = votes + 1")
    fates = await send(a, hub, unless("wrong"))
    assert [fate.state for fate in fates] == ["accepted", "rejected", "rejected"]
    assert await a.fetch("SELECT * FROM note") == []
    assert await dump(a) == await dump(hub)


async def test_a_row_that_only_a_rejected_commit_ended_lives(opened: Open) -> None:
    a, b, hub = await opened("a"), await opened("b"), await opened("hub")
    await a.execute("INSERT INTO note (id, text, votes, labels, best) VALUES ('N', 'x', 5, '[\"red\"]', 4)")
    await a.execute("INSERT INTO folder VALUES ('X', 'x', NULL), ('Y', 'y', 'X')")
    await send(a, hub)
    await b.pull(hub)
    await a.execute("UPDATE note SET votes = votes + 2, labels = '[\"blue\"]', best = 1")
    await a.execute("DELETE FROM note")
    await a.execute("UPDATE folder SET parent = CASE id WHEN 'X' THEN 'Y' END, name = id")
    await b.execute("UPDATE note SET votes = votes + 1, text = 'y'")
    await send(b, hub)
    fates = await send(a, hub, lambda commit: "read only")
    assert [fate.state for fate in fates] == ["rejected"] * 3
    assert await dump(a) == await dump(hub)
    assert [tuple(row) for row in await a.fetch("SELECT text, votes, labels, best FROM note")] == [
        ("y", 6, '["red"]', 4)
    ]
    assert [tuple(row) for row in await a.fetch("SELECT * FROM folder")] == [("X", "x", None), ("Y", "y", "X")]
    await a.execute("UPDATE note SET votes = votes + 1, best = 9")
    await a.execute("UPDATE folder SET parent = NULL")
    await send(a, hub)
    assert await dump(a) == await dump(hub)


async def test_a_clock_that_runs_ahead_is_clamped_by_the_hub_and_its_author_follows(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, hub = await opened("a"), await opened("b"), await opened("hub")
    await a.execute(NOTE)
    await a.execute("INSERT INTO folder VALUES ('X', 'x', NULL), ('Y', 'y', NULL)")
    await send(a, hub)
    await b.pull(hub)
    ahead = Clock(lambda: 4_000_000_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(a._queue.writer.journal, "_clock", ahead)
        await a.execute("UPDATE note SET text = 'ahead'")
        await a.execute("UPDATE folder SET parent = 'Y' WHERE id = 'X'")
        await a.execute("UPDATE note SET size = 1")
    taken = await hub.admit(await a.commits(await hub.head()))
    assert [fate.state for fate in taken.fates] == ["accepted"] * 3
    said = await hub.envelopes()
    assert [one.clamped is not None for one in said] == [True] * 3
    await b.execute("UPDATE note SET text = 'later'")
    await b.execute("UPDATE folder SET parent = 'X' WHERE id = 'Y'")
    await send(b, hub)
    await a.apply(await hub.commits(await a.head()))
    assert [row.text for row in await a.fetch("SELECT text FROM note")] == ["ahead"]
    await a.apply((), said)
    assert [row.text for row in await a.fetch("SELECT text FROM note")] == ["later"]
    assert await dump(a) == await dump(b) == await dump(hub)
    assert [await db.check() for db in (a, b, hub)] == [[], [], []]
    await a.execute("UPDATE note SET text = 'after'")
    await send(a, hub)
    assert await dump(a) == await dump(hub)


async def test_what_is_said_beside_commits_at_the_door_counts_for_those_alone_that_are_new(opened: Open) -> None:
    a, b, hub = await opened("a"), await opened("b"), await opened("hub")
    await a.execute(NOTE)
    await a.execute("UPDATE note SET size = 1")
    first, second = await a.commits()
    await hub.admit([first])
    await hub.admit([first, second], None, [Envelope(first.id, rejected="mine"), Envelope(second.id, rejected="lost")])
    assert [(one.commit, one.rejected) for one in await hub.envelopes()] == [(second.id, "lost")]
    await b.pull(hub)
    assert [tuple(row) for row in await b.fetch("SELECT text, size FROM note")] == [("first", 0)]
    assert await dump(b) == await dump(hub)


async def test_what_a_hub_accepts_is_saved_and_what_it_has_not_is_pending(opened: Open) -> None:
    a, hub = await opened("a"), await opened("hub")
    await a.execute(NOTE)
    await a.execute("UPDATE note SET size = 1")
    (first, *_, last) = await a.commits()
    await hub.admit([first])
    await a.acknowledge(await hub.head())
    assert await a.fates([first.id, last.id]) == [Fate(first.id, "accepted"), Fate(last.id, "pending")]
    assert await a.pending() == 1
    assert await a.fates([CommitId(first.lane, 99)]) == [Fate(CommitId(first.lane, 99), "pending")]


async def test_a_commit_that_is_accepted_may_be_rejected_later(opened: Open) -> None:
    a, hub = await opened("a"), await opened("hub")
    await a.execute(NOTE)
    await a.execute("UPDATE note SET text = 'second'")
    await send(a, hub)
    *_, second = await hub.commits()
    assert await hub.reject(second.id, "withdrawn") is True
    assert await hub.reject(second.id, "withdrawn") is False
    await a.pull(hub)
    assert await dump(a) == await dump(hub)
    assert [row.text for row in await a.fetch("SELECT text FROM note")] == ["first"]


async def test_what_a_log_has_forgotten_can_not_be_rejected_and_stays_as_it_is(opened: Open) -> None:
    a, hub, late = await opened("a"), await opened("hub"), await opened("late")
    await a.execute(NOTE)
    await a.execute("UPDATE note SET text = 'second'")
    await send(a, hub)
    with await hub.snapshot() as snapshot:
        await late.install(snapshot)
    first, second = await hub.commits()
    await late.apply((), [Envelope(first.id, rejected="withdrawn"), Envelope(second.id, rejected="withdrawn")])
    await hub.compact(keep=1)
    await a.execute("UPDATE note SET text = 'third'")
    await send(a, hub)
    third = (await a.commits())[-1]
    for commit in (first, third):  # itself forgotten, and of a row of which something is
        with pytest.raises(ForgottenError, match="can't be rejected any more"):
            await hub.reject(commit.id, "withdrawn")
    for db, text in ((hub, "third"), (late, "second")):
        assert [row.text for row in await db.fetch("SELECT text FROM note")] == [text]
        assert await db.check() == []


async def test_a_clamp_and_a_rejection_that_come_together_leave_a_tree_whole(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, hub = await opened("a"), await opened("hub")
    monkeypatch.setattr(a._queue.writer.journal, "_clock", Clock(lambda: 4_000_000_000_000))
    await a.execute("INSERT INTO folder VALUES ('X', 'x', NULL), ('Y', 'y', 'X')")
    async with a.transaction("wrong") as tx:
        await tx.execute("DELETE FROM folder WHERE id = 'Y'")
    await send(a, hub, lambda commit: "no" if commit.message == "wrong" else None)
    assert await dump(a) == await dump(hub)
    places = "SELECT row_key, parent FROM _eddy_places ORDER BY row_key"
    assert [tuple(row) for row in await a.fetch(places)] == [('"X"', None), ('"Y"', "X")]
