"""Two clients and a server in one process: what one writes shows in the live views of the other, in every order of
writing, losing the connection and coming back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eddyline import Database, ModelError, ParameterError, SyncError
from eddyline.bindings.testing import Network
from eddyline.sync import Knock, Principal, Server

from .world import MODELS, Note, World, seen, shows, soon, world


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as opened:
        yield opened


async def test_commit_on_one_shows_in_a_live_view_of_the_other(pair: World) -> None:
    ada, _ = await pair.client("ada")
    bob, _ = await pair.client("bob")
    view = await bob.live(Note.order_by(Note.title))
    async with ada.transaction("plan") as tx:
        await tx.add(Note(title="a"))
        await tx.add(Note(title="b"))
    await shows(view, ["a", "b"])
    await bob.execute("DELETE FROM note WHERE title = 'a'")
    theirs = await ada.live(Note.order_by(Note.title))
    await shows(theirs, ["b"])
    entry = (await bob.fetch(bob.log()))[-1]
    assert (entry.actor, entry.message) == ("ada", "plan")


async def test_what_was_written_before_connecting_goes_there_and_comes_here(pair: World) -> None:
    ada = await pair.open("ada")
    await ada.write(lambda tx: [tx.add(Note(title=title)) for title in "abc"])
    bob = await pair.open("bob")
    await bob.write(lambda tx: tx.add(Note(title="d")))
    links = [db.connect(pair.server.address("shared")) for db in (ada, bob)]
    for db, link in zip((ada, bob), links, strict=True):
        view = await db.live(Note.order_by(Note.title))
        await shows(view, ["a", "b", "c", "d"])
        await soon(link.settled())
        assert link.pending() == 0


async def test_settled_waits_for_what_the_server_has_and_has_not_told_yet(pair: World) -> None:
    ada, _ = await pair.client("ada")
    bob = await pair.open("bob")
    network = Network(delay_s=0.02)
    link = bob.connect(network.through(pair.server.address("shared")), token="bob")
    await soon(link.settled())
    view = await bob.live(Note.order_by(Note.title))
    for count, title in enumerate("abc", start=1):
        async with ada.transaction() as tx:
            await tx.add(Note(title=title))
        await soon(tx.saved("server"))
        await soon(link.settled())
        assert len(view.rows()) == count


async def test_settled_asks_again_when_the_connection_is_lost_meanwhile_and_ends_with_the_link(pair: World) -> None:
    ada, _ = await pair.client("ada")
    bob = await pair.open("bob")
    network = Network()
    link = bob.connect(network.through(pair.server.address("shared")), token="bob")
    await soon(link.online())
    view = await bob.live(Note)
    network.delay_s = 60.0
    waiting = asyncio.ensure_future(link.settled())
    await asyncio.sleep(0)
    await soon(ada.write(lambda tx: tx.add(Note(title="a"))))
    await soon(ada.saved("server"))
    network.delay_s = 0.0
    network.cut()
    await seen(lambda: link.state(), "offline")
    assert not waiting.done()
    link.retry()
    await soon(waiting)
    assert [note.title for note in view.rows()] == ["a"]
    network.delay_s = 60.0
    waiting = asyncio.ensure_future(link.settled())
    await asyncio.sleep(0)
    link.close()
    with pytest.raises(SyncError, match="closed"):
        await soon(waiting)


async def test_more_rejections_than_fit_into_a_frame_come_in_several(tmp_path: Path) -> None:
    name = "x" * 900

    def authorize(knock: Knock) -> Principal:
        return Principal(name, read=True, write={"secret"}, actors=True)

    async with world(tmp_path, authorize=authorize) as pair:
        db = await pair.open("ada")
        for number in range(400):
            await db.write(lambda tx, number=number: tx.add(Note(title=str(number))))  # type: ignore[misc]  # that of now
        link = db.connect(pair.server.address("shared"))
        await soon(link.settled())
        await seen(lambda: len(link.rejections()), 400)
        assert (link.state(), link.pending()) == ("online", 0)


async def test_offline_writes_wait_are_counted_and_go_out_when_the_switch_is_back(pair: World) -> None:
    ada, link = await pair.client("ada")
    bob, _ = await pair.client("bob")
    link.offline = True
    await seen(lambda: link.state(), "offline")
    for title in "abc":
        await ada.write(lambda tx, title=title: tx.add(Note(title=title)))  # type: ignore[misc]  # the title of now
    await seen(lambda: link.pending(), 3)
    view = await bob.live(Note.order_by(Note.title))
    assert list(view.rows()) == []
    link.offline = False
    await shows(view, ["a", "b", "c"])
    await seen(lambda: (link.state(), link.pending()), ("online", 0))


async def test_pending_is_in_the_log_itself_and_outlives_a_restart(pair: World) -> None:
    ada, link = await pair.client("ada")
    await ada.write(lambda tx: tx.add(Note(title="there")))
    await soon(ada.saved("server"))
    link.offline = True
    await ada.write(lambda tx: tx.add(Note(title="here")))
    await ada.close()
    again = await pair.open("ada")
    link = again.connect(pair.server.address("shared"))
    link.offline = True
    await seen(lambda: link.pending(), 1)
    link.offline = False
    await soon(again.saved("server"))
    hub = await pair.server.workspace("shared")
    assert [row.title for row in await hub.fetch(Note.order_by(Note.title))] == ["here", "there"]


async def test_saved_on_the_server_waits_until_it_is_stored_there(pair: World) -> None:
    ada, link = await pair.client("ada")
    link.offline = True
    async with ada.transaction() as tx:
        await tx.add(Note(title="a"))
    await tx.saved("local")
    waiting = asyncio.ensure_future(tx.saved("server"))
    everything = asyncio.ensure_future(ada.saved())
    await seen(lambda: link.pending(), 1)
    assert not waiting.done()
    link.offline = False
    await soon(waiting)
    await soon(everything)
    hub = await pair.server.workspace("shared")
    assert [row.title for row in await hub.fetch(Note)] == ["a"]


async def test_server_that_goes_and_comes_back_is_found_again_and_nothing_is_lost(tmp_path: Path) -> None:
    async with world(tmp_path) as before:
        ada, link = await before.client("ada")
        await ada.write(lambda tx: tx.add(Note(title="a")))
        await soon(ada.saved())
        await before.server.close()
        await seen(lambda: link.state(), "offline")
        assert link.last_error() is not None
        await ada.write(lambda tx: tx.add(Note(title="b")))
        async with world(tmp_path) as after:
            bob, _ = await after.client("bob")
            back = ada.connect(after.server.address("shared"))
            await soon(back.settled())
            view = await bob.live(Note.order_by(Note.title))
            await shows(view, ["a", "b"])


async def test_workspaces_of_one_server_know_nothing_of_each_other(pair: World) -> None:
    ada, _ = await pair.client("ada", "one")
    bob, link = await pair.client("bob", "two")
    await ada.write(lambda tx: tx.add(Note(title="a")))
    await soon(ada.saved())
    await soon(link.settled())
    assert await bob.fetch(Note) == []
    assert sorted(path.name for path in (pair.folder / "hub").glob("*.db")) == ["one.db", "two.db"]


async def test_server_refuses_what_is_no_workspace_or_no_model(pair: World) -> None:
    for name in ("../outside", "", "a/b", ".hidden", None):
        with pytest.raises(ParameterError, match="is no name of one: a workspace is called by"):
            await pair.server.workspace(name)  # type: ignore[arg-type]  # one is None
    assert not (pair.folder / "outside.db").exists()
    with pytest.raises(ModelError, match="takes model classes, not 'Note'"):
        Server(pair.folder / "hub2", models=["Note"], authorize=lambda knock: None)  # type: ignore[list-item]  # the claim


async def test_database_without_a_log_and_an_address_without_a_workspace_are_refused(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db") as db:
        with pytest.raises(ParameterError, match="only what is logged"):
            db.connect("ws://127.0.0.1:1/tracker")
    async with Database.open(tmp_path / "b.db", models=MODELS, log=True) as db:
        for url in ("ws://127.0.0.1:1", "http://127.0.0.1/tracker", "tracker", "unix:", None):
            with pytest.raises(ParameterError, match="leads to no workspace"):
                db.connect(url)  # type: ignore[arg-type]  # one is None
        with pytest.raises(ParameterError, match="connect first"):
            await db.saved("server")
        with pytest.raises(ParameterError, match="'local' or 'server'"):
            await db.saved("cloud")  # type: ignore[arg-type]  # a place that isn't one


async def test_nobody_there_is_said_and_tried_again_until_somebody_is(tmp_path: Path) -> None:
    async with world(tmp_path) as pair:
        db = await pair.open("ada")
        link = db.connect(f"unix:{tmp_path}/s/shared")
        await seen(lambda: link.state(), "offline")
        assert "doesn't answer" in str(link.last_error())
        await pair.server.listen(f"unix:{tmp_path}/s")
        link.retry()
        await soon(link.online())
        assert link.last_error() is None


async def test_closing_the_database_or_the_scope_closes_the_link(pair: World) -> None:
    ada, link = await pair.client("ada")
    assert ada.links == (link,)
    link.close()
    link.close()
    assert link.state() == "offline"
    assert len(ada.links) == 0
    other = ada.connect(pair.server.address("shared"))
    await ada.close()
    assert other.state() == "offline"


async def test_two_links_to_two_servers_carry_commits_from_one_to_the_other(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    async with world(tmp_path / "x") as left, world(tmp_path / "y") as right:
        ada, _ = await left.client("ada")
        ada.connect(right.server.address("other"))
        bob, _ = await right.client("bob", "other")
        await bob.write(lambda tx: tx.add(Note(title="b")))
        hub = await left.server.workspace("shared")
        view = await hub.live(Note.order_by(Note.title))
        await shows(view, ["b"])
