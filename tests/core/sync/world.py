"""A server and its clients in one process, for tests: files in a folder of their own, connections in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from eddyline import Column, Database, Model, View, column
from eddyline.core.sync.door import Knock, Principal
from eddyline.core.sync.link import Link
from eddyline.core.sync.server import Server
from eddyline.signals import until
from tests.patience import PATIENCE_S


class Note(Model):
    title: Column[str]
    state: Column[str] = column(default="open")


class Secret(Model):
    title: Column[str]


MODELS = (Note, Secret)


def anybody(knock: Knock) -> Principal:
    """Let everybody do everything, by the name that they show as their token."""
    return Principal(knock.token or "somebody", read=True, write=True, actors=True, relay=True)


class World:
    """One server, and clients by name."""

    def __init__(self, folder: Path, server: Server, stack: AsyncExitStack) -> None:
        self.folder, self.server, self._stack = folder, server, stack

    async def open(self, name: str, **options: Any) -> Database:  # Any: as Database.open takes them
        """Open the database of a client."""
        opening = Database.open(self.folder / f"{name}.db", models=MODELS, log=True, actor=name, **options)
        return await self._stack.enter_async_context(opening)

    async def client(self, name: str, workspace: str = "shared") -> tuple[Database, Link]:
        """Open the database of a client and connect it."""
        db = await self.open(name)
        link = db.connect(self.server.address(workspace), token=name)
        await soon(link.online())
        return db, link


@asynccontextmanager
async def world(folder: Path, **options: Any) -> AsyncIterator[World]:  # Any: as Server takes them
    """Open a world in `folder`; everything in it is closed at the end."""
    options = {"authorize": anybody, **options}
    async with Server(folder / "hub", models=MODELS, **options) as server, AsyncExitStack() as stack:
        yield World(folder, server, stack)


async def soon(awaited: Any) -> Any:  # Any: whatever is awaited
    """Return what is awaited; a test that waits in vain fails here."""
    return await asyncio.wait_for(awaited, PATIENCE_S)


async def shows(view: View[Any], expected: list[str]) -> None:
    """Wait until the titles that `view` shows are these."""
    await seen(lambda: [row.title for row in view.rows()], expected)


async def seen(read: Callable[[], object], expected: object) -> None:
    """Wait until a function of signals gives `expected`."""
    try:
        await until(lambda: read() == expected, timeout=PATIENCE_S)
    except TimeoutError:
        assert read() == expected
