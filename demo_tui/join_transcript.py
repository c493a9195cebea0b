"""The transcript of joining a server, where there is no terminal: what two people at one tracker see.

    join -> what is there -> a change, seen by a second replica -> offline, both write -> back: both have both

Everything happens in temporary replicas; what is written to the server is taken back at the end.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from eddyline import Database
from eddyline.signals import until

from .joining import Joined, join
from .tracker_data import MODELS, Issue, Person, Project
from .transcript import Teller

__all__ = ["print_joined"]


async def print_joined(url: str, name: str) -> int:
    """Print what joining `url` as `name` shows; return the exit code."""
    teller = Teller(sys.stdout.write if sys.stdout is not None else len)
    teller.say("Eddyline without a terminal: a transcript of joining a tracker.", indent=0)
    with tempfile.TemporaryDirectory(prefix="eddyline-join-") as folder:
        async with (
            Database.open(Path(folder) / "mine.db", models=MODELS, actor=name) as mine,
            Database.open(Path(folder) / "second.db", models=MODELS, actor="Guide") as second,
        ):
            await _tell(teller, await _joined(teller, mine, url, name), await join(second, url, "Guide"), mine, second)
    return 0


async def _joined(teller: Teller, db: Database, url: str, name: str) -> Joined:
    teller.chapter(f"Join {url} as {name}")
    joined = await join(db, url, name)
    teller.say(f"{joined.state()}: {len(await db.fetch(Project))} projects, {len(await db.fetch(Issue))} issues")
    return joined


async def _tell(teller: Teller, here: Joined, there: Joined, mine: Database, second: Database) -> None:
    teller.chapter("A second replica joins, as Guide")
    here.link.present(issue="")
    await until(lambda: here.name in there.others())
    teller.say(f"Guide sees present: {here.name}")

    teller.chapter("What one writes is in the live views of the other")
    project = (await mine.fetch(Project.limit(1)))[0]
    async with mine.transaction("try it") as tx:
        issue = await tx.add(Issue(title="Written here", body="one two", project=project))
    seen = await second.live(Issue.where(Issue.id == issue.id))
    await until(lambda: seen.rows())
    teller.say(f"Guide's view: {[row.title for row in seen.rows()]}")

    teller.chapter("Offline: both write, in one description")
    here.link.offline = True
    await until(lambda: here.link.state() == "offline")
    async with mine.transaction() as tx:
        await tx.update(issue, body="zero one two", priority=3)
    async with second.transaction() as tx:
        await tx.update(seen.rows()[0], body="one two three", state="doing")
    await until(lambda: here.link.pending() > 0)
    teller.say(f"{here.name}: {here.state()}")

    teller.chapter("Back: both have both")
    here.link.offline = False
    await until(lambda: here.link.state() == "online")
    await here.link.settled()
    await there.link.settled()
    await until(lambda: seen.rows()[0].priority == 3)
    for db, who in ((mine, here.name), (second, "Guide")):
        row = await db.get(Issue, issue.id)
        assert row is not None, "nobody has deleted it"
        teller.say(f"{who}: {row.body!r}, {row.state}, priority {row.priority}")

    async with mine.transaction("take it back") as tx:
        await tx.delete(issue)
        for guest in await tx.fetch(Person.where(Person.team == "Guests", Person.name.in_([here.name, "Guide"]))):
            await tx.delete(guest)
    await here.link.settled()
    teller.say()
    teller.say("With a terminal this opens the app: python3 dev demo --join URL --name NAME", indent=0)
