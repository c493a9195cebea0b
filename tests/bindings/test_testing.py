"""The kit for tests of applications, used as an application's tests would."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

from eddyline import Column, Database, Model
from eddyline.bindings.pytest_fixtures import eddyline_clock, eddyline_network, eddyline_server
from eddyline.signals import ManualClock, until
from eddyline.sync import Server
from eddyline.testing import Network, timing
from tests.patience import PATIENCE_S

__all__ = ["eddyline_clock", "eddyline_network", "eddyline_server"]  # the fixtures


class Item(Model):
    name: Column[str]


async def test_two_clients_meet_again_after_the_network_was_down(
    tmp_path: Path, eddyline_server: Callable[..., Awaitable[Server]], eddyline_network: Network
) -> None:
    server = await eddyline_server([Item])
    address = eddyline_network.through(server.address("shop"))
    async with (
        Database.open(tmp_path / "a.db", models=[Item], log=True) as ada,
        Database.open(tmp_path / "b.db", models=[Item], log=True) as bob,
    ):
        ours, theirs = ada.connect(address, token="ada"), bob.connect(address, token="bob")
        await asyncio.gather(ours.online(), theirs.online())
        eddyline_network.is_down = True
        await until(lambda: ours.state() == theirs.state() == "offline", timeout=PATIENCE_S)
        await ada.write(lambda tx: tx.add(Item(name="tea")))
        eddyline_network.is_down = False
        ours.retry()
        theirs.retry()
        view = await bob.live(Item)
        await until(lambda: [item.name for item in view.rows()] == ["tea"], timeout=PATIENCE_S)


async def test_network_that_loses_and_doubles_frames_loses_no_commit(
    tmp_path: Path, eddyline_server: Callable[..., Awaitable[Server]]
) -> None:
    server = await eddyline_server([Item])
    network = Network(seed=7, loss=0.1, doubled=0.1)
    async with Database.open(tmp_path / "a.db", models=[Item], log=True) as ada:
        clock = ManualClock()
        ada.connect(network.through(server.address("shop")), timing=timing(clock))
        for number in range(20):
            await ada.write(lambda tx, n=number: tx.add(Item(name=f"{n:02}")))  # type: ignore[misc]  # the number of now
        saved = asyncio.ensure_future(ada.saved("server"))
        async with asyncio.timeout(PATIENCE_S):
            while not saved.done():
                clock.advance(0.2)
                await asyncio.sleep(0.001)
        hub = await server.workspace("shop")
        assert [item.name for item in await hub.fetch(Item.order_by(Item.name))] == [f"{n:02}" for n in range(20)]


async def test_back_off_waits_longer_each_time_and_by_the_clock_alone(
    tmp_path: Path, eddyline_server: Callable[..., Awaitable[Server]], eddyline_network: Network,
    eddyline_clock: ManualClock,
) -> None:  # fmt: skip
    server = await eddyline_server([Item])
    tries: list[float] = []
    first = asyncio.Event()
    eddyline_network.is_down = True
    address = eddyline_network.through(server.address("shop"))

    async def dial() -> object:
        tries.append(eddyline_clock.time())
        first.set()
        return await address.dial()

    async with Database.open(tmp_path / "a.db", models=[Item], log=True) as ada:
        from eddyline.sync import Address

        ada.connect(Address(dial, "shop", "shop"), timing=timing(eddyline_clock))  # type: ignore[arg-type]  # it counts
        await asyncio.wait_for(first.wait(), PATIENCE_S)  # it reads first how it stood with the server
        for _ in range(4_000):
            await asyncio.sleep(0)
            eddyline_clock.advance(0.1)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits[0] < 1
    assert all(15 <= wait < 31 for wait in waits[8:])
    assert len(waits) > 9
