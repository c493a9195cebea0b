"""Random writes, hubs that reject, clocks that run ahead, snapshots: all come to what one shows that saw none of it.

The one to compare with takes in what was accepted, in order, and never had a row of what wasn't.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from eddyline import ConstraintError, Database
from eddyline.core.clock import Clock, stamp_ms
from eddyline.core.log.commit import Commit
from eddyline.core.log.digests import differing
from eddyline.core.schema.meta import write_meta
from eddyline.core.store import Connection

from .databases import Open, databases
from .random_writes import MODELS, dump, random_statement

SEEDS = 300 if os.environ.get("EDDYLINE_SOAK") == "1" else 6
HOUR_MS = 3_600_000


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Open a database by its letter; all are closed in the end."""
    async with databases(tmp_path, MODELS) as open_one:
        yield open_one


def judge(commit: Commit) -> str | None:
    """Reject what says that it is to be."""
    return "no" if commit.message == "bad" else None


def ahead(ms: int) -> Clock:
    """Return a clock that runs ahead."""
    right = Clock()
    return Clock(lambda: stamp_ms(right.tick()) + ms)


def be_client(journal: object, conn: Connection) -> bool:
    """Have a database know that it has a server."""
    write_meta(conn, "replica", "R")
    return True


async def meet(client: Database, hub: Database) -> None:
    """Have the hub take in what the client has, and the client what the hub has and says."""
    taken = await hub.admit(await client.commits(await hub.head()), judge)
    assert taken.stopped is None
    await client.pull(hub)
    await client.acknowledge(await hub.head())


async def write(db: Database, rng: random.Random) -> None:
    with suppress(ConstraintError):  # a circle of our own
        async with db.transaction(rng.choice(("bad", "", "", ""))) as tx:
            for _ in range(rng.randrange(1, 4)):
                await tx.execute(random_statement(rng))


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_what_hubs_reject_and_clamp_and_snapshots_leave_no_trace(opened: Open, seed: int) -> None:
    rng = random.Random(seed)
    hub, clients = await opened("hub"), [await opened(name) for name in "abc"]
    for client in clients:
        await client._queue.tell(be_client, client._origin())
        if rng.random() < 0.5:
            client._queue.writer.journal._clock = ahead(rng.choice((5_000, 3 * HOUR_MS)))
    for _ in range(70):
        client, chance = rng.choice(clients), rng.random()
        if chance < 0.6:
            await write(client, rng)
        elif chance < 0.66:
            await write(hub, rng)
        elif chance < 0.93:
            await meet(client, hub)
        elif chance < 0.95:
            await client.compact(keep=rng.randrange(1, 10))
        else:
            with await hub.snapshot() as snapshot:
                await client.install(snapshot)
    for client in (*clients, *clients):
        await meet(client, hub)
    expected = await dump(hub)
    clean = await opened("clean")
    await clean.pull(hub)
    late = await opened("late")
    with await hub.snapshot() as snapshot:
        await late.install(snapshot)
    for name, db in zip(("a", "b", "c", "clean", "late"), (*clients, clean, late), strict=True):
        assert (name, await dump(db)) == (name, expected)
        assert await db.head() == await hub.head()
        assert differing(await db.digests(), await hub.digests()) == []
        assert await db.check() == []
    assert await hub.check() == []
