"""At the door: no token, an old one, one for another place; garbage, floods and frames too large. Each is refused with
a word that a program can act on, and nobody else notices.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from eddyline import DisconnectedError, EntryError, LogError, ParameterError, RejectedError
from eddyline.core.sync import frames as f
from eddyline.core.sync.door import Knock, Principal, Rate, ServerLimits
from eddyline.core.sync.link import Link
from eddyline.core.sync.tokens import sign_token, token_authorizer
from eddyline.core.sync.transport import Frame, Transport
from eddyline.signals import ManualClock

from .world import Note, Secret, World, seen, shows, soon, world

KEY = "0123456789abcdef0123456789abcdef"
NOW_S = 1_795_000_000.0


def token(**granted: Any) -> str:  # Any: rights, as JSON
    return sign_token(KEY, "ada", granted, expires_s=4e9, now_s=0)


def knock(shown: str, workspace: str = "tracker") -> Knock:
    return Knock(workspace, shown)


# --- Tokens --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granted", "read", "write"),
    [
        ("read", True, False),
        ("write", True, True),
        ({"write": ["note"]}, True, frozenset({"note"})),
        ({"read": ["note"], "write": False}, frozenset({"note"}), False),
    ],
)
def test_token_says_who_and_what_they_may_do(granted: object, read: object, write: object) -> None:
    principal = token_authorizer(KEY)(knock(token(tracker=granted)))
    assert (principal.name, principal.read, principal.write) == ("ada", read, write)
    assert principal.until_ms == 4_000_000_000_000


@pytest.mark.parametrize(
    ("granted", "actors", "relay"),
    [
        ("write", (), False),
        ({"write": True, "actors": ["till"]}, frozenset({"till"}), False),
        ({"write": True, "actors": True, "relay": True}, True, True),
    ],
)
def test_token_says_under_which_names_and_for_whom_one_writes(granted: object, actors: object, relay: bool) -> None:
    principal = token_authorizer(KEY)(knock(token(tracker=granted)))
    assert (principal.actors, principal.relay) == (actors, relay)


def test_star_stands_for_workspaces_that_are_not_named() -> None:
    shown = token(**{"*": "read", "tracker": "write"})
    assert token_authorizer(KEY)(knock(shown, "wiki")).write is False
    assert token_authorizer(KEY)(knock(shown, "tracker")).write is True


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        ("", "token-missing"),
        ("x.y.z", "token-invalid"),
        (sign_token(KEY[::-1], "ada", {"tracker": "write"}, expires_s=4e9, now_s=0), "token-invalid"),
        (sign_token(KEY, "ada", {"tracker": "write"}, expires_s=60, now_s=NOW_S / 2), "token-expired"),
        (token(wiki="write"), "workspace"),
    ],
)
def test_token_that_does_not_open_is_refused_with_a_code(shown: str, code: str) -> None:
    with pytest.raises(EntryError) as refused:
        token_authorizer(KEY)(knock(shown))
    assert refused.value.code == code


def test_token_without_a_signature_or_an_end_or_with_rights_that_are_none_is_refused() -> None:
    import jwt

    rights = {"sub": "ada", "workspaces": {"tracker": "write"}}
    unsigned = jwt.encode({**rights, "exp": 4_000_000_000}, None, algorithm="none")
    endless = jwt.encode(rights, KEY, algorithm="HS256")
    odd = jwt.encode({**rights, "exp": 4_000_000_000, "workspaces": {"tracker": "root"}}, KEY, algorithm="HS256")
    for shown in (unsigned, endless, odd):
        with pytest.raises(EntryError) as refused:
            token_authorizer(KEY)(knock(shown))
        assert refused.value.code == "token-invalid"


def test_secret_that_can_be_guessed_and_right_that_is_none_are_refused_where_they_are_given() -> None:
    with pytest.raises(ParameterError, match="32 or more"):
        token_authorizer("secret")
    with pytest.raises(ParameterError, match="'read', 'write' or"):
        token(tracker="root")
    with pytest.raises(ParameterError, match="a list of names"):
        token(tracker={"write": "note"})


# --- Who is let in -------------------------------------------------------------------------------------------------


async def refused(link: Link) -> str:
    """Wait until the server won't have a link; return the code."""
    with pytest.raises(EntryError) as error:
        await soon(link.online())
    return error.value.code


async def test_link_that_needs_another_token_waits_for_it_and_comes_in_with_it(tmp_path: Path) -> None:
    async with world(tmp_path, authorize=token_authorizer(KEY)) as pair:
        db = await pair.open("ada")
        link = db.connect(pair.server.address("tracker"))
        assert await refused(link) == "token-missing"
        assert link.state() == "needs-auth"
        link.token = token(wiki="write")
        await seen(lambda: getattr(link.last_error(), "code", ""), "workspace")
        link.token = token(tracker="write")
        await seen(lambda: link.state(), "online")
        assert link.last_error() is None


async def test_who_waits_after_giving_another_token_hears_what_comes_of_it(tmp_path: Path) -> None:
    async with world(tmp_path, authorize=token_authorizer(KEY)) as pair:
        db = await pair.open("ada")
        link = db.connect(pair.server.address("tracker"))
        assert await refused(link) == "token-missing"
        link.token = token(tracker="write")
        assert link.state() == "connecting"
        await link.online()  # the refusal of the token before is over


async def test_token_from_a_function_is_asked_for_anew_at_each_connection(tmp_path: Path) -> None:
    given = ["x.y.z", token(tracker="write")]

    async def fresh() -> str:
        return given.pop(0)

    async with world(tmp_path, authorize=token_authorizer(KEY)) as pair:
        db = await pair.open("ada")
        link = db.connect(pair.server.address("tracker"), token=fresh)
        await seen(lambda: link.state(), "online")
        assert given == []


async def test_function_that_gives_no_token_is_said_and_asked_again(tmp_path: Path) -> None:
    asked: list[int] = []

    def fresh() -> str:
        asked.append(1)
        if len(asked) == 1:
            raise OSError("the identity provider is down")
        return token(tracker="write")

    async with world(tmp_path, authorize=token_authorizer(KEY)) as pair:
        db = await pair.open("ada")
        link = db.connect(pair.server.address("tracker"), token=fresh)
        await seen(lambda: str(link.last_error()), "no token could be had: the identity provider is down")
        link.retry()
        await seen(lambda: link.state(), "online")


async def test_session_ends_with_its_token(tmp_path: Path) -> None:
    def authorize(knock: Knock) -> Principal:
        return Principal("ada", read=True, write=True, until_ms=time.time_ns() // 1_000_000 + 30_000)

    clock = ManualClock()
    async with world(tmp_path, authorize=authorize, clock=clock) as pair:
        _, link = await pair.client("ada")
        clock.advance(45)  # less than the silence that ends a session
        await seen(lambda: link.state(), "needs-auth")
        assert getattr(link.last_error(), "code", "") == "token-expired"


@pytest.mark.parametrize(
    ("rule", "workspace", "code"),
    [
        (lambda knock: None, "tracker", "forbidden"),
        (lambda knock: Principal("ada"), "tracker", "forbidden"),
        (lambda knock: Principal("ada", True, True), "../tracker", "workspace"),
        (lambda knock: Principal("ada", True, True), "a/b", "workspace"),
        (lambda knock: Principal("ada", True, True), "", "workspace"),
    ],
)
async def test_nothing_is_allowed_that_no_rule_allows(tmp_path: Path, rule: Any, workspace: str, code: str) -> None:
    async with world(tmp_path, authorize=rule) as pair:
        db = await pair.open("ada")
        assert await refused(db.connect(pair.server.address(workspace))) == code
        assert not (tmp_path / "hub").exists()


async def test_hook_that_fails_lets_nobody_in_and_tells_nobody_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def authorize(knock: Knock) -> Principal:
        raise RuntimeError("the password is swordfish")

    async with world(tmp_path, authorize=authorize) as pair:
        db = await pair.open("ada")
        link = db.connect(pair.server.address("tracker"))
        await seen(lambda: getattr(link.last_error(), "code", ""), "failed")
        assert "swordfish" not in str(link.last_error())
        assert "swordfish" in caplog.text


async def test_other_tables_are_incompatible_and_nothing_is_exchanged(tmp_path: Path) -> None:
    from eddyline import Column, Database, Model

    class Other(Model):
        name: Column[str]

    async with world(tmp_path) as pair, Database.open(tmp_path / "o.db", models=[Other], log=True) as db:
        await db.write(lambda tx: tx.add(Other(name="a")))
        link = db.connect(pair.server.address("shared"))
        assert await refused(link) == "schema"
        assert (link.state(), link.pending()) == ("incompatible", 1)


# --- What may be written -------------------------------------------------------------------------------------------


def by_name(knock: Knock) -> Principal:
    write = {"ada": True, "bob": frozenset({"note"}), "eve": False}[knock.token]
    return Principal(knock.token, read=True, write=write)  # type: ignore[arg-type]  # one of what write= takes


@pytest.fixture
async def ruled(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, authorize=by_name) as opened:
        yield opened


async def test_commit_to_a_table_that_one_may_not_write_is_rejected_and_undone_at_its_author(ruled: World) -> None:
    ada, _ = await ruled.client("ada")
    bob, link = await ruled.client("bob")
    mine = await bob.live(Secret.order_by(Secret.title))
    async with bob.transaction() as tx:
        await tx.add(Secret(title="x"))
    with pytest.raises(RejectedError, match="may not write to 'secret'") as rejected:
        await soon(tx.saved("server"))
    assert rejected.value.reason == "bob may not write to 'secret'"
    await shows(mine, [])
    await bob.write(lambda tx: tx.add(Note(title="y")))  # what is behind it goes on
    await soon(bob.saved())
    view = await ada.live(Note.order_by(Note.title))
    await shows(view, ["y"])
    assert await ada.fetch(Secret) == []
    assert link.pending() == 0


async def test_one_that_may_only_read_gets_everything_and_changes_nothing(ruled: World) -> None:
    ada, _ = await ruled.client("ada")
    eve, _ = await ruled.client("eve")
    await ada.write(lambda tx: tx.add(Note(title="a")))
    view = await eve.live(Note.order_by(Note.title))
    await shows(view, ["a"])
    async with eve.transaction() as tx:
        await tx.execute("UPDATE note SET title = 'mine'")
    with pytest.raises(RejectedError):
        await soon(tx.saved("server"))
    await shows(view, ["a"])
    assert [note.title for note in await ada.fetch(Note)] == ["a"]


async def test_rejected_commit_stands_in_a_list_until_it_is_retried_or_discarded(tmp_path: Path) -> None:
    may_write = False

    def rule(knock: Knock) -> Principal:
        return Principal(knock.token, read=True, write=True if may_write else frozenset({"note"}))

    async with world(tmp_path, authorize=rule) as pair:
        bob, link = await pair.client("bob")
        for title in ("keep", "drop"):
            async with bob.transaction(title) as tx:
                await tx.add(Secret(title=title))
        with pytest.raises(RejectedError):
            await soon(bob.saved())
        view = await bob.live(Secret.order_by(Secret.title))
        await shows(view, [])
        await seen(lambda: [(one.message, one.actor) for one in link.rejections()], [("keep", "bob"), ("drop", "bob")])
        keep, drop = link.rejections()
        assert keep.reason == "bob may not write to 'secret'"
        await bob.discard(drop)
        await seen(lambda: [one.message for one in link.rejections()], ["keep"])
        await bob.retry(keep)  # as long as the rule is the same, so is the answer
        await shows(view, [])
        await seen(lambda: [one.message for one in link.rejections()], ["keep"])
        assert link.rejections() != (keep,)
        may_write = True
        link.offline = True
        link.offline = False
        await soon(link.online())
        await bob.retry(link.rejections()[0])
        await soon(bob.saved())
        await shows(view, ["keep"])
        await seen(lambda: link.rejections(), ())
        with pytest.raises(LogError, match="settled"):
            await bob.retry(keep)
        hub = await pair.server.workspace("shared")
        assert [row.title for row in await hub.fetch(Secret)] == ["keep"]


# --- Those who mean no good ----------------------------------------------------------------------------------------


def hello(**changes: Any) -> Frame:  # Any: fields of a hello
    fields = {"protocol": f.PROTOCOL, "workspace": "shared", "replica": "r", "schema": "s", "head": "h", "token": "bad"}
    return f.encode(f.Hello(**{**fields, **changes}), 1)


async def last_word(transport: Transport) -> str:
    """Return the code of the refusal that comes, and wait for the end after it."""
    code = ""
    with pytest.raises(DisconnectedError):
        while True:
            _, message = f.decode(await soon(transport.recv()))
            code = message.code if isinstance(message, f.Refuse) else code
    return code


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("", "garbage"),
        ("{", "garbage"),
        (b"\x00\xff" * 1_000, "garbage"),
        ("[" * 100_000, "garbage"),
        ('{"n":1,"t":"hello"}', "garbage"),
        (f.encode(f.Ping(1), 1), "garbage"),
        ("x" * 300_000, "too-large"),
        (hello(protocol=99), "protocol"),
        (hello(), "schema"),
    ],
)
async def test_first_word_that_is_none_is_refused_and_others_go_on(tmp_path: Path, first: Frame, code: str) -> None:
    async with world(tmp_path) as pair:
        ada, link = await pair.client("ada")
        transport = await pair.server.address("shared").dial()
        await transport.send(first)
        assert await last_word(transport) == code
        await ada.write(lambda tx: tx.add(Note(title="a")))
        await soon(ada.saved())
        assert link.state() == "online"


async def test_one_who_says_nothing_is_let_go(tmp_path: Path) -> None:
    async with world(tmp_path, limits=ServerLimits(hello_s=0.05)) as pair:
        transport = await pair.server.address("shared").dial()
        assert await last_word(transport) == "garbage"


async def test_flood_is_refused_and_others_go_on(tmp_path: Path) -> None:
    async with world(tmp_path, limits=ServerLimits(frames_per_s=50, burst_s=2)) as pair:
        ada, _ = await pair.client("ada")
        head = await ada._read(ada.links[0]._answers._opened)
        transport = await pair.server.address("shared").dial()
        await transport.send(hello(schema=head.schema))
        f.decode(await soon(transport.recv()))

        async def flood() -> None:
            for number in range(2, 1_000):
                await transport.send(f.encode(f.Ping(1), number))

        flooding = asyncio.create_task(flood())
        assert await last_word(transport) == "flood"
        with suppress(DisconnectedError):
            await flooding
        await ada.write(lambda tx: tx.add(Note(title="a")))
        await soon(ada.saved())


async def test_connections_beyond_the_limit_are_told_to_come_back_and_do(tmp_path: Path) -> None:
    async with world(tmp_path, limits=ServerLimits(connections=1)) as pair:
        ada, ours = await pair.client("ada")
        bob = await pair.open("bob")
        link = bob.connect(pair.server.address("shared"))
        await seen(lambda: getattr(link.last_error(), "code", ""), "busy")
        assert link.state() == "offline"
        ours.close()
        await ada.close()
        link.retry()
        await seen(lambda: link.state(), "online")


def test_rate_gives_what_the_time_has_brought_and_no_more_than_a_burst() -> None:
    rate = Rate(10, 2, 0.0)
    assert [rate.take(15, 0.0), rate.take(6, 0.0), rate.take(6, 0.1)] == [True, False, True]
    assert [rate.take(20, 100.0), rate.take(1, 100.0)] == [True, False]


async def test_link_that_is_no_replica_settles_on_what_is_its_own(tmp_path: Path) -> None:
    def authorize(knock: Knock) -> Principal:
        return Principal(knock.token, read=knock.token == "ada" or {"note"}, write=True)

    async with world(tmp_path, authorize=authorize) as pair:
        ada, theirs = await pair.client("ada")
        await ada.write(lambda tx: tx.add(Note(title="a")))
        await soon(theirs.settled())
        bob, link = await pair.client("bob")
        for title in "bc":
            await bob.write(lambda tx, title=title: tx.add(Note(title=title)))  # type: ignore[misc]  # the title of now
            await soon(link.settled())
            link.offline = True
            link.offline = False
            await soon(link.settled())
        assert [note.title for note in await bob.fetch(Note)] == ["b", "c"]
        assert [note.title for note in await link.fetch(Note.order_by(Note.title))] == ["a", "b", "c"]
        assert link.pending() == 0
