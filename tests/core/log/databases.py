"""Databases of one test that are told apart by a letter: opened when they are asked for, closed when it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from eddyline import Database, Model

__all__ = ["Open", "databases"]

Open: TypeAlias = Callable[..., Awaitable[Any]]  # Any: a Database, whose inner parts a test may look at


@asynccontextmanager
async def databases(
    folder: Path, models: Sequence[type[Model]], *, log: bool = True, poll_s: float = 0
) -> AsyncIterator[Open]:
    """Yield what opens the database called `name` in `folder`; with other `models` where it is told so."""
    async with AsyncExitStack() as stack:

        async def open_one(name: str, models: Sequence[type[Any]] = models) -> Database:  # Any: models of one test
            path = folder / f"{name}.db"
            return await stack.enter_async_context(Database.open(path, models=list(models), log=log, poll_s=poll_s))

        yield open_one
