"""Who is present, and queries that the server runs: both over the link, both gone with the connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eddyline import DisconnectedError, FetchError, ParameterError
from eddyline.core.sync.door import Knock, Principal
from eddyline.core.sync.link import Link

from .world import Note, Secret, World, seen, soon, world


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as opened:
        yield opened


def known(link: Link) -> object:
    """Return who is present, by name."""
    return {one.who: dict(one.state) for one in link.presence.values()}


async def test_everybody_sees_the_others_and_not_themselves_and_who_leaves_vanishes(pair: World) -> None:
    ada, ours = await pair.client("ada")
    _, theirs = await pair.client("bob")
    ours.present(where="note/1", cursor=3)
    theirs.present(typing=True)
    await seen(lambda: known(ours), {"bob": {"typing": True}})
    await seen(lambda: known(theirs), {"ada": {"where": "note/1", "cursor": 3}})
    ours.present(where="note/2")
    await seen(lambda: known(theirs), {"ada": {"where": "note/2"}})
    theirs.present()
    await seen(lambda: known(ours), {})
    await ada.close()
    await seen(lambda: known(theirs), {})


async def test_who_was_cut_off_vanishes_and_says_it_again_when_back(pair: World) -> None:
    _, ours = await pair.client("ada")
    _, theirs = await pair.client("bob")
    ours.present(where="here")
    await seen(lambda: known(theirs), {"ada": {"where": "here"}})
    theirs.offline = True
    await seen(lambda: known(theirs), {})
    ours.offline = True
    theirs.offline = False
    await soon(theirs.online())
    await seen(lambda: known(theirs), {})  # the server hears of two who leave and come in any order
    ours.offline = False
    await seen(lambda: known(theirs), {"ada": {"where": "here"}})


async def test_late_comer_hears_who_is_there_already(pair: World) -> None:
    _, ours = await pair.client("ada")
    ours.present(x=1)
    _, theirs = await pair.client("bob")
    await seen(lambda: known(theirs), {"ada": {"x": 1}})


async def test_what_no_json_can_hold_and_what_is_too_long_is_refused(pair: World) -> None:
    _, link = await pair.client("ada")
    with pytest.raises(ParameterError, match="JSON"):
        link.present(x=object())
    with pytest.raises(ParameterError, match="4,096 may be said"):
        link.present(x="a" * 5_000)


async def test_fetch_gives_rows_as_the_server_has_them(pair: World) -> None:
    ada, _ = await pair.client("ada")
    await ada.write(lambda tx: tx.add_all([Note(title="a"), Note(title="b", state="closed")]))
    await soon(ada.saved())
    bob = await pair.open("bob")
    link = bob.connect(pair.server.address("shared"), token="bob")
    await soon(link.online())
    assert [note.title for note in await link.fetch(Note.where(Note.state == "open"))] == ["a"]
    rows = await link.fetch("SELECT title, 1.5 AS half, x'00' AS blob FROM note WHERE state = ?", "closed")
    assert [tuple(row) for row in rows] == [("b", 1.5, b"\x00")]
    assert [tuple(row) for row in await link.fetch("SELECT count(*) FROM note")] == [(2,)]


async def test_fetch_of_what_fails_there_says_why_and_the_link_goes_on(pair: World) -> None:
    _, link = await pair.client("ada")
    for sql, said in [
        ("DELETE FROM note", "not authorized"),
        ("SELECT nope FROM note", "nope"),
        ("PRAGMA user_version", "not authorized"),
        ("WITH n AS (SELECT 1) DELETE FROM note", "not authorized"),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n LIMIT 20000", "more than 10,000"),
    ]:
        with pytest.raises(FetchError, match=said):
            await soon(link.fetch(sql))
    assert [tuple(row) for row in await link.fetch("SELECT 1")] == [(1,)]


async def test_fetch_reaches_no_table_that_its_principal_may_not_read_whatever_the_way(tmp_path: Path) -> None:
    def some(knock: Knock) -> Principal:
        return Principal("eve", read=frozenset({"note"})) if knock.token == "eve" else Principal("ada", True, True)

    async with world(tmp_path, authorize=some) as pair:
        ada, _ = await pair.client("ada")
        await ada.write(lambda tx: (tx.add(Note(title="a")), tx.add(Secret(title="b"))))
        await soon(ada.saved())
        hub = await pair.server.workspace("shared")
        await hub.execute("CREATE VIEW told AS SELECT title FROM secret")
        eve = await pair.open("eve")
        link = eve.connect(pair.server.address("shared"), token="eve")
        await soon(link.online())
        assert [note.title for note in await link.fetch(Note)] == ["a"]
        for sql in (
            "SELECT * FROM secret",
            "SELECT (SELECT title FROM secret) FROM note",
            "SELECT * FROM told",
            "SELECT * FROM _eddy_commits",
            "SELECT sql FROM sqlite_schema",
        ):
            with pytest.raises(FetchError, match="may not run this"):
                await soon(link.fetch(sql))
        assert await eve.fetch(Secret) == []


async def test_fetch_without_a_connection_and_one_that_is_cut_are_disconnected_errors(pair: World) -> None:
    _, link = await pair.client("ada")
    link.offline = True
    await seen(lambda: link.state(), "offline")
    with pytest.raises(DisconnectedError):
        await link.fetch(Note)
