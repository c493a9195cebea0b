"""The demo at a server: what others do is on the screen, and a cut connection loses nothing."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from textual.widgets import Label

from eddyline import Database, EntryError, OpenError
from eddyline.demo_tui import joining
from eddyline.demo_tui.cursors import cursors_at
from eddyline.demo_tui.joining import Joined, join, joined_target
from eddyline.demo_tui.seed import ensure_sample
from eddyline.demo_tui.serve import WORKSPACE, let_in, serve
from eddyline.demo_tui.session import open_session
from eddyline.demo_tui.target import Target
from eddyline.demo_tui.together import TogetherField
from eddyline.demo_tui.tracker_data import MODELS, Issue, Person
from eddyline.signals import until
from eddyline.sync import Knock, Server

from .screen import Seen, demo


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server with the sample."""
    async with Server(tmp_path / "served", models=MODELS, authorize=let_in) as server:
        await ensure_sample(await server.workspace(WORKSPACE))
        yield server


@pytest.fixture
async def url(server: Server) -> str:
    return f"{(await server.listen('ws://127.0.0.1:0')).url}/{WORKSPACE}"


@pytest.fixture
async def ben(tmp_path: Path, url: str) -> AsyncIterator[tuple[Database, Joined]]:
    """Somebody else at the same tracker."""
    async with Database.open(tmp_path / "ben.db", models=MODELS, actor="Ben") as db:
        yield db, await join(db, url, "Ben")


def status(seen: Seen) -> str:
    return str(seen.app.screen_stack[1].query_one("#joined", Label).content).strip()


async def test_screen_follows_others_says_who_is_there_and_works_on_offline(
    tmp_path: Path, url: str, ben: tuple[Database, Joined]
) -> None:
    db, there = ben
    there.link.present(issue="")
    async with demo(Target(tmp_path / "ada.db", "joined", url), name="Ada") as seen:
        joined = seen.app.session.peek().joined
        assert joined is not None
        await until(lambda: joined.others() == ["Ben"] and there.others() == ["Ada"])
        await seen.settle()
        assert status(seen) == "● online · with Ben"

        issue = (await db.fetch(Issue.order_by(Issue.id.desc()).limit(1)))[0]
        async with db.transaction("triage") as tx:
            await tx.update(issue, title="Found by Ben", state="open", priority=9)
        await until(lambda: any("Found by Ben" in row.title for row in _listed(seen)))
        await seen.press("home")
        there.link.present(issue=seen.tracker.current.peek())
        await until(lambda: joined.others_at(seen.tracker.current).get() == ["Ben"])
        await seen.settle()
        assert str(seen.tracker.panel.border_subtitle) == "Ben is here, too"

        await seen.press("w")
        await until(lambda: joined.link.state() == "offline")
        mine = seen.tracker.current.peek()
        await seen.press("d")
        await until(lambda: joined.link.pending() == 1)
        await seen.settle()
        assert status(seen) == "○ offline, 1 to send"

        await seen.press("w")
        await joined.link.settled()
        await there.link.settled()
        found = await db.get(Issue, mine)
        assert found is not None
        assert found.state == "doing"
        people = await db.fetch(Person.where(Person.team == "Guests").order_by(Person.name))
        assert [person.name for person in people] == ["Ada", "Ben"]
    await until(lambda: there.others() == [])


def _listed(seen: Seen) -> list[Issue]:
    shown = seen.tracker._shown()
    assert shown is not None
    return list(shown[1].rows())


async def test_two_type_into_one_description(tmp_path: Path, url: str, ben: tuple[Database, Joined]) -> None:
    db, there = ben
    async with demo(Target(tmp_path / "ada.db", "joined", url), name="Ada") as seen:
        joined = seen.app.session.peek().joined
        assert joined is not None
        await joined.link.settled()
        key = seen.tracker.current.peek()
        async with db.transaction() as tx:
            await tx.execute("UPDATE issue SET body = 'one three' WHERE id = ?", key)
        theirs = await db.text(("issue", key), "body", window_s=0)
        await until(lambda: any(row.body == "one three" for row in _listed(seen)))
        seen.tracker.panel.query_one("#body").focus()
        await seen.settle()
        field = seen.tracker.panel.query_one(TogetherField)
        await seen.press("end", "!")
        await until(lambda: theirs() == "one three!")
        theirs.insert(4, "two ")
        await theirs.flush()
        shared = field.shared
        assert shared is not None
        await until(lambda: "two" in shared())
        await seen.press("?")
        assert (field.text, field.cursor_location) == ("one two three!?", (0, 15))
        await until(lambda: [one.name for one in cursors_at(there, key).get()] == ["Ada"])
        there.link.present(issue=key, at=theirs.sticky(3).hex())
        await until(lambda: [one.name for one in cursors_at(joined, key).get()] == ["Ben"])
        await seen.press("escape")
        assert not seen.tracker.panel.query(TogetherField)
        await until(lambda: theirs() == "one two three!?" and any(row.body == theirs() for row in _listed(seen)))
        await until(lambda: cursors_at(there, key).get() == [])
        theirs.close()


async def test_server_on_any_free_port_says_which_it_took(sample_file: Path, tmp_path: Path) -> None:
    shutil.copy(sample_file, tmp_path / f"{WORKSPACE}.db")
    told: asyncio.Queue[str] = asyncio.Queue()
    serving = asyncio.create_task(serve(tmp_path, "127.0.0.1", 0, told.put_nowait))
    url = await told.get()
    assert re.fullmatch(r"ws://127\.0\.0\.1:[1-9]\d+", url)
    serving.cancel()
    await asyncio.wait([serving])


async def test_replica_is_opened_again_without_a_server(
    tmp_path: Path, url: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(tmp_path / "ada.db", "joined", url)
    await (await open_session(target, name="Ada", poll_s=0)).close()
    await server.close()
    monkeypatch.setattr(joining, "LATER_S", 0.01)
    session = await open_session(target, name="Ada", poll_s=0)
    assert session.joined is not None
    assert len(await session.db.fetch(Issue)) == 5000
    assert not session.joined.state().startswith("online")
    await session.close()


async def test_what_cannot_be_joined_is_said(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "FIRST_S", 0.05)
    nowhere = Target(tmp_path / "a.db", "joined", "ws://127.0.0.1:9/tracker")
    with pytest.raises(OpenError, match=r"nothing came from ws://127\.0\.0\.1:9/tracker in 0\.05 s.*python3 dev serve"):
        await open_session(nowhere, name="Ada")
    monkeypatch.setattr(joining, "FIRST_S", 20.0)
    with pytest.raises(EntryError, match="nobody is let into"):
        await open_session(Target(tmp_path / "b.db", "joined", url), name=" ")


def test_door_of_the_demo_asks_for_a_name() -> None:
    assert [let_in(Knock("tracker", token)) is None for token in ("Ada", "", "  ", "x" * 41, "a\x1b[31m")] == [
        False, True, True, True, True,
    ]  # fmt: skip


def test_replica_has_a_file_for_each_server_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    target = joined_target("wss://example.org:8765/../tracker", "Ada B/../c")
    assert target.path == tmp_path / "eddyline" / "joined" / "example.org_8765_.._tracker Ada_B_.._c.db"
    assert (target.kind, target.shown) == ("joined", "wss://example.org:8765/../tracker")


async def test_transcript_of_joining_tells_of_both_replicas_and_leaves_nothing(server: Server, url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "eddyline.demo_tui", "--join", url, "--name", "Ada",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    lines = out.decode().splitlines()
    assert [line.strip() for line in lines if "projects" in line] == ["online: 12 projects, 5000 issues"]
    assert [line.strip() for line in lines if "zero" in line] == [
        "Ada: 'zero one two three', doing, priority 3",
        "Guide: 'zero one two three', doing, priority 3",
    ]
    db = await server.workspace(WORKSPACE)
    assert (len(await db.fetch(Issue)), await db.fetch(Person.where(Person.team == "Guests"))) == (5000, [])
