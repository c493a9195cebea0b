"""Fixtures for pytest, by `pytest_plugins = ["eddyline.pytest_plugin"]`, for asynchronous tests (pytest-asyncio).

async def test_two_see_the_same(eddyline_server, eddyline_network):
    server = await eddyline_server([Issue])
    db.connect(eddyline_network.through(server.address("tracker")), token="ada")
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from eddyline.signals import ManualClock
from eddyline.sync import Server

from .testing import Network, serving

__all__ = ["eddyline_clock", "eddyline_network", "eddyline_server"]


@pytest.fixture
async def eddyline_server() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """What opens servers, `await eddyline_server([Issue])`, and closes them at the end of the test."""
    async with AsyncExitStack() as stack:

        async def open_server(models: Any, **options: Any) -> Server:  # Any: as `serving` takes them
            return await stack.enter_async_context(serving(models, **options))

        yield open_server


@pytest.fixture
def eddyline_network() -> Network:
    """A network that fails on demand."""
    return Network()


@pytest.fixture
def eddyline_clock() -> ManualClock:
    """A clock that stands still until it is told to go on: `db.connect(url, timing=timing(eddyline_clock))`."""
    return ManualClock()
