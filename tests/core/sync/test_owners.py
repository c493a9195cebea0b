"""Whose a lane is: nobody forges another's next commit or writes under another's name, and every way that commits of
others come to a server by rights stays open.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from eddyline import Database, EntryError, FetchError, RejectedError, acting
from eddyline.core.log.commit import Commit
from eddyline.core.log.encoding import commit_hash
from eddyline.core.log.owners import SECRET_TABLES
from eddyline.core.sync.door import Knock, Principal
from eddyline.core.sync.link import Link
from eddyline.core.sync.server import Server

from .world import MODELS, Note, World, seen, shows, soon, world


def by_right(knock: Knock) -> Principal:
    """Let everybody in by their name; "relay" may relay, "till" may write as "ada"."""
    actors = ("ada",) if knock.token == "till" else ()
    return Principal(knock.token, read=True, write=True, actors=actors, relay=knock.token == "relay")


@pytest.fixture
async def ruled(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, authorize=by_right) as opened:
        yield opened


async def add(db: Database, title: str) -> None:
    await db.write(lambda tx: tx.add(Note(title=title)))


async def forbidden(link: Link) -> str:
    """Wait until the server won't have it any more; return why."""
    await seen(lambda: link.state(), "needs-auth")
    error = link.last_error()
    assert isinstance(error, EntryError)
    assert error.code == "forbidden"
    return str(error)


async def at(hub: Database) -> list[str]:
    return [note.title for note in await hub.fetch(Note.order_by(Note.title))]


async def last_of(db: Database, actor: str) -> Commit:
    return [commit for commit in await db.commits() if commit.actor == actor][-1]


async def next_of(commit: Commit, title: str) -> Commit:
    """Return what might well be the next commit after `commit`, but for who wrote it."""
    ops = tuple(replace(op, key=(f"{title}0000",), cells={**op.cells, "title": title}) for op in commit.ops)  # type: ignore[arg-type, union-attr]  # puts
    return replace(
        commit, seq=commit.seq + 1, parents=commit.parents.plus(commit.id), hlc=commit.hlc + 1,
        previous=commit_hash(commit), ops=ops,
    )  # fmt: skip


async def test_nobody_forges_the_next_commit_of_another(ruled: World) -> None:
    ada, ours = await ruled.client("ada")
    bob, link = await ruled.client("bob")
    hub = await ruled.server.workspace("shared")
    await add(ada, "a")
    await soon(ada.saved())
    view = await bob.live(Note.order_by(Note.title))
    await shows(view, ["a"])
    await bob.apply([await next_of(await last_of(ada, "ada"), "forged")])
    assert "of a lane that another replica writes" in await forbidden(link)
    assert await at(hub) == ["a"]
    await add(ada, "b")  # its place was left free
    await soon(ada.saved())
    assert (await at(hub), ours.state()) == (["a", "b"], "online")


async def test_a_lane_stays_its_owners_when_the_server_starts_again(tmp_path: Path) -> None:
    async with world(tmp_path, authorize=by_right) as before:
        ada, _ = await before.client("ada")
        await add(ada, "a")
        await soon(ada.saved())
        forged = await next_of(await last_of(ada, "ada"), "forged")
        await before.server.close()
        async with Server(tmp_path / "hub", models=MODELS, authorize=by_right) as again:
            bob = await before.open("bob")
            link = bob.connect(again.address("shared"), token="bob")
            await soon(link.settled())
            await bob.apply([forged])
            await forbidden(link)


async def test_who_may_relay_brings_anything(ruled: World) -> None:
    ada, _ = await ruled.client("ada")
    relay, link = await ruled.client("relay")
    await add(ada, "a")
    await soon(ada.saved())
    await soon(link.settled())
    await relay.apply([await next_of(await last_of(ada, "ada"), "relayed")])
    await soon(relay.saved())
    assert await at(await ruled.server.workspace("shared")) == ["a", "relayed"]


async def test_what_was_pulled_from_one_whom_the_server_has_not_met_is_taken_and_stays_theirs(ruled: World) -> None:
    ada = await ruled.open("ada")
    ada.actor = ""
    await add(ada, "a")
    bob, link = await ruled.client("bob")
    await bob.pull(ada)
    await add(bob, "b")
    await soon(bob.saved())
    assert await at(await ruled.server.workspace("shared")) == ["a", "b"]
    ada.connect(ruled.server.address("shared"), token="ada")
    await add(ada, "c")
    await soon(ada.saved())
    await soon(link.settled())
    await bob.apply([await next_of(await last_of(ada, ""), "forged")])
    await forbidden(link)


async def test_what_was_pulled_and_names_another_is_not_taken_and_not_rejected(ruled: World) -> None:
    ada = await ruled.open("ada")
    await add(ada, "a")
    bob, link = await ruled.client("bob")
    await bob.pull(ada)
    assert "written by 'ada'" in await forbidden(link)
    theirs = ada.connect(ruled.server.address("shared"), token="ada")
    await soon(theirs.settled())
    link.retry()
    await soon(link.settled())
    assert await at(await ruled.server.workspace("shared")) == ["a"]
    assert [fate.state for fate in await ada.fates([(await last_of(ada, "ada")).id])] == ["accepted"]


async def test_a_device_may_change_its_user_and_a_user_their_device(ruled: World, tmp_path: Path) -> None:
    device, link = await ruled.client("ada")
    await add(device, "a")
    await soon(device.saved())
    link.offline = True
    await add(device, "b")  # pending, when another user comes
    link.token = "bob"
    link.offline = False
    with acting("bob"):
        await add(device, "c")
    await soon(device.saved())
    hub = await ruled.server.workspace("shared")
    assert (await at(hub), link.rejections()) == (["a", "b", "c"], ())
    await device.backup(tmp_path / "copy.db")
    copy = await ruled.open("copy")
    copy.actor = "ada"
    await add(copy, "d")
    copied = copy.connect(ruled.server.address("shared"), token="ada")
    await soon(copied.settled())
    assert await at(hub) == ["a", "b", "c", "d"]


async def test_nobody_writes_under_the_name_of_another_who_was_not_given_it(ruled: World) -> None:
    bob, link = await ruled.client("bob")
    till, _ = await ruled.client("till")
    with acting("ada"):
        async with bob.transaction() as tx:
            await tx.add(Note(title="forged"))
        await add(till, "sold")
    with pytest.raises(RejectedError, match="bob may not write under the name 'ada'"):
        await soon(tx.saved("server"))
    await add(bob, "b")
    view = await (await ruled.server.workspace("shared")).live(Note.order_by(Note.title))
    await shows(view, ["b", "sold"])
    await seen(lambda: [one.reason for one in link.rejections()], ["bob may not write under the name 'ada'"])


async def test_a_restored_server_takes_what_it_lost_from_others_until_its_author_is_back(tmp_path: Path) -> None:
    async with world(tmp_path, authorize=by_right) as before:
        ada, ours = await before.client("ada")
        bob, theirs = await before.client("bob")
        await add(ada, "a")
        await soon(ada.saved())
        await (await before.server.workspace("shared")).backup(tmp_path / "backup.db")
        await add(ada, "b")
        await soon(ada.saved())
        await soon(theirs.settled())
        ours.close()
        theirs.close()
        await before.server.close()
        shutil.rmtree(tmp_path / "hub")
        (tmp_path / "hub").mkdir()
        (tmp_path / "backup.db").rename(tmp_path / "hub" / "shared.db")
        async with Server(tmp_path / "hub", models=MODELS, authorize=by_right) as restored:
            back = bob.connect(restored.address("shared"), token="bob")
            hub = await restored.workspace("shared")
            view = await hub.live(Note.order_by(Note.title))
            await shows(view, ["a", "b"])
            mine = ada.connect(restored.address("shared"), token="ada")
            await soon(mine.settled())
            mine.offline = True  # who comes for the second time knows that it was restored
            mine.offline = False
            await soon(mine.online())
            await add(ada, "c")
            await soon(ada.saved())
            await soon(back.settled())
            await bob.apply([await next_of(await last_of(ada, "ada"), "forged")])
            await forbidden(back)
            assert await at(hub) == ["a", "b", "c"]


async def test_names_of_replicas_are_told_to_nobody(tmp_path: Path) -> None:
    async with world(tmp_path) as opened:
        ada, link = await opened.client("ada")
        await add(ada, "a")
        await soon(ada.saved())
        assert [tuple(row) for row in await soon(link.fetch("SELECT actor FROM eddy_commits"))] == [("ada",)]
        for table in SECRET_TABLES:
            with pytest.raises(FetchError, match="may not run this"):
                await soon(link.fetch(f"SELECT * FROM {table}"))
