"""The gate: side by side or alone, in the order of asking, also when somebody gives up."""

from __future__ import annotations

import asyncio
import random

import pytest

from eddyline.core.write.gate import Gate
from tests.patience import PATIENCE_S


async def turns(times: int = 4) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


class Guests:
    """Tasks that enter and stay until they are told to leave; `inside` are those that are in, in their order."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.inside: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def come(self, name: str, *, alone: bool = False) -> None:
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._stay(name, alone=alone))
        await turns()

    async def _stay(self, name: str, *, alone: bool) -> None:
        await self.gate.enter(alone=alone)
        self.inside.append(name)
        try:
            await self._ends[name].wait()
        finally:
            self.inside.remove(name)
            self.gate.leave(alone=alone)

    async def go(self, name: str) -> None:
        self._ends[name].set()
        await turns()

    async def give_up(self, name: str) -> None:
        self.tasks[name].cancel()
        await turns()


@pytest.fixture
async def guests() -> Guests:
    return Guests(Gate())


async def test_many_are_inside_side_by_side_and_one_alone_waits_for_all_of_them(guests: Guests) -> None:
    await guests.come("a")
    await guests.come("b")
    await guests.come("C", alone=True)
    assert guests.inside == ["a", "b"]
    await guests.go("a")
    assert guests.inside == ["b"]
    await guests.go("b")
    assert guests.inside == ["C"]


async def test_who_comes_after_one_alone_waits_behind_it(guests: Guests) -> None:
    await guests.come("a")
    await guests.come("B", alone=True)
    await guests.come("c")
    await guests.come("d")
    assert guests.inside == ["a"]
    assert not guests.gate.try_enter()
    await guests.go("a")
    assert guests.inside == ["B"]
    await guests.go("B")
    assert guests.inside == ["c", "d"]
    assert guests.gate.try_enter()


async def test_when_one_alone_gives_up_those_behind_it_come_in_at_once(guests: Guests) -> None:
    await guests.come("a")
    await guests.come("B", alone=True)
    await guests.come("c")
    await guests.give_up("B")
    assert guests.inside == ["a", "c"]


async def test_turn_of_one_who_is_cancelled_as_it_comes_goes_on_to_the_next(guests: Guests) -> None:
    await guests.come("A", alone=True)
    await guests.come("B", alone=True)
    await guests.come("c")
    guests._ends["A"].set()
    await asyncio.sleep(0)  # A leaves: it is B's turn, and B has not heard of it
    await guests.give_up("B")
    assert guests.inside == ["c"]
    await guests.go("c")
    assert not guests.gate.busy


@pytest.mark.parametrize("seed", range(30))
async def test_nobody_is_beside_one_alone_and_nobody_is_forgotten(seed: int) -> None:
    rng, gate = random.Random(seed), Gate()
    inside = {"beside": 0, "alone": 0}

    async def guest(stay: int, *, alone: bool) -> None:
        await gate.enter(alone=alone)
        inside["alone" if alone else "beside"] += 1
        try:
            assert inside["alone"] <= 1
            assert not (inside["alone"] and inside["beside"])
            await turns(stay)
        finally:
            inside["alone" if alone else "beside"] -= 1
            gate.leave(alone=alone)

    tasks = []
    for _ in range(40):
        tasks.append(asyncio.create_task(guest(rng.randrange(4), alone=rng.random() < 0.3)))
        await turns(rng.randrange(3))
        if rng.random() < 0.3:
            rng.choice(tasks).cancel()
    done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), PATIENCE_S)
    assert {type(one) for one in done} <= {type(None), asyncio.CancelledError}
    assert not gate.busy
    assert gate.try_enter()
