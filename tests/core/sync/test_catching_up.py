"""Those who come late: a long log, a compacted one, commits larger than a frame, a snapshot in place of the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eddyline import Database, effect
from eddyline.core.sync.workspace import Workspace

from .world import Note, World, seen, shows, soon, world


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as opened:
        yield opened


async def titles(db: Database) -> list[str]:
    return [note.title for note in await db.fetch(Note.order_by(Note.title))]


async def test_late_comer_gets_a_long_log_in_batches_and_is_told_how_far_it_is(pair: World) -> None:
    ada, link = await pair.client("ada")
    link.offline = True
    for part in range(30):
        await ada.add_all([Note(title=f"{part:02}{'x' * 900}") for _ in range(20)])
    link.offline = False
    await soon(ada.saved())
    bob, theirs = await pair.client("bob")
    told: list[float | None] = []
    with effect(lambda: told.append(theirs.progress())):
        await soon(theirs.settled())
    assert len(await titles(bob)) == 600
    assert told[-1] is None
    assert await bob.digests() == await ada.digests()


async def test_commit_larger_than_a_frame_goes_in_segments_both_ways(pair: World) -> None:
    ada, _ = await pair.client("ada")
    bob, _ = await pair.client("bob")
    long = "x" * 700_000
    await ada.write(lambda tx: tx.add(Note(title=long)))
    view = await bob.live(Note.order_by(Note.title))
    await shows(view, [long])
    await ada.write(lambda tx: tx.add(Note(title="z")))
    await shows(view, [long, "z"])


async def test_new_replica_of_a_compacted_log_gets_a_snapshot_and_goes_on_from_there(pair: World) -> None:
    ada, _ = await pair.client("ada")
    for title in "abc":
        await ada.add_all([Note(title=title)])
    await soon(ada.saved())
    hub = await pair.server.workspace("shared")
    await hub.compact(keep=1)
    bob, link = await pair.client("bob")
    view = await bob.live(Note.order_by(Note.title))
    await shows(view, ["a", "b", "c"])
    await ada.write(lambda tx: tx.add(Note(title="d")))
    await shows(view, ["a", "b", "c", "d"])
    await bob.write(lambda tx: tx.add(Note(title="e")))
    theirs = await ada.live(Note.order_by(Note.title))
    await shows(theirs, ["a", "b", "c", "d", "e"])
    await soon(link.settled())
    assert await bob.check() == []


async def test_one_who_lacks_more_than_a_snapshot_is_worth_gets_one_and_keeps_what_is_its_own(
    pair: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workspace, "snapshot_beyond", 5)
    ada, _ = await pair.client("ada")
    for number in range(120):
        title = f"{number:03}{'x' * 4_000}"
        await ada.execute("INSERT OR REPLACE INTO note (id, title) VALUES ('a', ?)", title)
    await soon(ada.saved())
    bob = await pair.open("bob")
    await bob.write(lambda tx: tx.add(Note(title="mine")))
    link = bob.connect(pair.server.address("shared"), token="bob")
    await soon(link.settled())
    assert await titles(bob) == [f"119{'x' * 4_000}", "mine"]
    assert len(await bob.fetch(bob.log())) < 10
    await seen(lambda: link.pending(), 0)
    view = await ada.live(Note.where(Note.title == "mine"))
    await shows(view, ["mine"])
    await soon(link.settled())
    assert await bob.digests() == await ada.digests()
