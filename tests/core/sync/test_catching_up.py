"""Those who come late: a long log, a compacted one, commits larger than a frame, a snapshot in place of the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, StateError, effect
from eddyline.core.log.encoding import encode
from eddyline.core.log.vector import EMPTY, Vector
from eddyline.core.sync import asks as a
from eddyline.core.sync.answers import ClientAnswers
from eddyline.core.sync.link import Link
from eddyline.core.sync.transport import Address, Transport
from eddyline.core.sync.workspace import Workspace

from .world import MODELS, Note, World, seen, shows, soon, world


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as opened:
        yield opened


async def titles(db: Database) -> list[str]:
    return [note.title for note in await db.fetch(Note.order_by(Note.title))]


async def test_late_comer_gets_a_long_log_in_batches_and_is_told_how_far_it_is(
    pair: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eddyline.core.sync.workspace._READS_SHARED", 1)
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
    assert len((await pair.server._open("shared"))._read) == 1  # a server doesn't keep what it has read
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


async def test_rejection_of_what_one_has_from_a_snapshot_alone_is_followed(
    pair: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, _ = await pair.client("ada")
    a, b, c, d = (letter * 90_000 for letter in "abcd")
    for title in (a, b, c):
        await ada.execute("INSERT INTO note (id, title) VALUES ('n', ?1) ON CONFLICT DO UPDATE SET title = ?1", title)
    await soon(ada.saved())
    monkeypatch.setattr(Workspace, "snapshot_beyond", 0)  # of three commits two fit into a frame
    bob, link = await pair.client("bob")
    await soon(link.settled())
    assert len(await bob.fetch(bob.log())) < 3
    monkeypatch.undo()
    hub = await pair.server.workspace("shared")
    await ada.execute("UPDATE note SET title = ?", d)
    ours, theirs = await ada.live(Note), await bob.live(Note)
    await shows(theirs, [d])
    fourth, third, second = (await ada.commits())[:0:-1]
    for commit, left in ((fourth, c), (second, c), (third, a)):
        await hub.reject(commit.id, "withdrawn")
        await shows(ours, [left])
        await shows(theirs, [left])
    await soon(link.settled())
    assert (await bob.digests(), await bob.check()) == (await hub.digests(), [])


class Held:
    """A connection whose client takes the first frames, and the rest once it is let go."""

    def __init__(self, inner: Transport, frames: int, let_go: asyncio.Event) -> None:
        self._inner, self._left, self._let_go = inner, frames, let_go
        self.is_held = asyncio.Event()
        self.address, self.headers = inner.address, inner.headers

    async def send(self, frame: str | bytes) -> None:
        await self._inner.send(frame)

    async def recv(self) -> str | bytes:
        if not self._left:
            self.is_held.set()
            await self._let_go.wait()
        self._left = max(0, self._left - 1)
        return await self._inner.recv()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._inner.close(code, reason)


async def test_ten_slow_clients_take_ten_snapshots_at_once_and_each_comes_to_its_end(
    pair: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workspace, "snapshot_beyond", 5)
    hub = await pair.server.workspace("shared")
    for part in "abcdefgh":
        await hub.add_all([Note(id=f"{part}{number}", title="x" * 20_000) for number in range(10)])
    address, let_go, links = pair.server.address("shared"), asyncio.Event(), list[Link]()
    held: asyncio.Queue[Held] = asyncio.Queue()

    async def dial() -> Transport:
        held.put_nowait(connection := Held(await address.dial(), 3, let_go))  # a welcome, a transfer, a segment
        return connection

    for number in range(10):
        for _ in range(6):
            await hub.execute("UPDATE note SET title = title || 'y' WHERE id = 'a0'")
        db = await pair.open(f"client{number}")
        links.append(db.connect(Address(dial, "shared", "held")))
        await soon((await soon(held.get())).is_held.wait())
    served = await pair.server._open("shared")
    assert len({session.peer.sending for session in served.sessions} & served._snapshots.keys()) == 10
    let_go.set()
    for link in links:
        await soon(link.settled())
    assert held.empty()  # nobody had to connect again


async def test_a_commit_that_had_to_make_room_is_read_again_for_its_next_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eddyline.core.sync.answers._COMMITS_KEPT_BYTES", 1)
    async with Database.open(tmp_path / "a.db", models=MODELS, log=True) as db:
        for title in "ab":
            await db.write(lambda tx, title=title: tx.add(Note(title=title * 50_000)))  # type: ignore[misc]  # that of now
        first, second = await db.commits()
        answers = ClientAnswers(db, "w")
        found: list[Any] = [
            await answers(a.ReadCommits(beyond, None, 9_000, False)) for beyond in (EMPTY, Vector([first.id]))
        ]
        assert [offer.vector for offer in found] == [Vector([first.id]), Vector([second.id])]
        name = found[0].name
        pieces: list[Any] = [await answers(a.ReadSegment(name, number, 9_000)) for number in range(6)]
        assert b"".join(piece.data for piece in pieces).decode() == encode(first)
        assert [piece.last for piece in pieces] == [False] * 5 + [True]
        await answers(a.ReadSegment(found[1].name, 0, 9_000))
        await db.reject(first.id, "no")
        with pytest.raises(StateError, match="connect again"):
            await answers(a.ReadSegment(name, 0, 9_000))
