"""What tests of an application use: a server in the process, a network that fails on demand, time that stands still.

    async with serving([Issue]) as server:                       a server over a folder that goes at the end
        db.connect(server.address("tracker"), token="ada")       who shows a name is that one, and may do everything
        db.connect(network.through(server.address("tracker")))   the same, over a network that one can cut

    network.cut()            every connection breaks, frames under way are lost
    network.is_down = True   nobody gets through until it is False
    network.loss, .doubled   how many frames of a hundred are lost, or come twice
    network.delay_s          how long a frame is under way

Nothing here sleeps or opens a socket, but a delay that is asked for; chance comes from a seed.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from eddyline import DisconnectedError, Model
from eddyline.signals import Clock, ManualClock
from eddyline.sync import Address, Knock, Principal, Server, Timing, Transport

__all__ = ["ManualClock", "Network", "anybody", "serving", "timing"]


def anybody(knock: Knock) -> Principal:
    """Let everybody do everything: a rule for tests. The token is taken for a name."""
    return Principal(knock.token or "somebody", read=True, write=True, actors=True, relay=True)


@asynccontextmanager
async def serving(
    models: Sequence[type[Model]], *, folder: str | Path | None = None, **options: Any
) -> AsyncIterator[Server]:  # Any: as `Server` takes them
    """Open a server for `models`, over a folder of its own that is removed at the end, or over `folder`.

    It lets everybody in, unless `authorize=` says otherwise; the rest of `options` is what `Server` takes.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="eddyline-") as made:
            async with serving(models, folder=made, **options) as server:
                yield server
        return
    async with Server(folder, models=models, **{"authorize": anybody, "durability": "off", **options}) as server:
        yield server


def timing(clock: Clock, *, seed: int = 0, wall_ms: int = 0) -> Timing:
    """Return a link's `timing=` for tests: time by `clock`, the wall clock as it is said, chance from `seed`."""
    return Timing(clock, lambda: wall_ms + int(clock.time() * 1000), Random(seed).random)


class Network:
    """A network between clients and a server in one process. `seed` decides which frames meet with an accident."""

    def __init__(self, *, seed: int = 0, loss: float = 0.0, doubled: float = 0.0, delay_s: float = 0.0) -> None:
        self.loss, self.doubled, self.delay_s = loss, doubled, delay_s
        self._chance = Random(seed)
        self._is_down = False
        self._open: set[_Faulty] = set()

    @property
    def is_down(self) -> bool:
        """Whether nobody gets through."""
        return self._is_down

    @is_down.setter
    def is_down(self, is_down: bool) -> None:
        self._is_down = is_down
        if is_down:
            self.cut()

    def cut(self) -> None:
        """Break every connection as a network does: what is under way is lost, nobody says a word."""
        for transport in list(self._open):
            transport.cut()

    def through(self, address: Address) -> Address:
        """Return an address that leads to the same place over this network."""

        async def dial() -> Transport:
            if self._is_down:
                raise DisconnectedError(f"{address.text} doesn't answer: the network is down", code=1006, reason="")
            transport = _Faulty(self, await address.dial())
            self._open.add(transport)
            return transport

        return Address(dial, address.workspace, address.text)

    def _meets(self, odds: float) -> bool:
        return odds > 0 and self._chance.random() < odds


class _Faulty:
    """One connection over a network, seen from the client's end."""

    def __init__(self, network: Network, inner: Transport) -> None:
        self._network, self._inner = network, inner
        self._cut = asyncio.Event()
        self._again: str | bytes | None = None

    @property
    def address(self) -> str:
        return self._inner.address

    @property
    def headers(self) -> Mapping[str, str]:
        return self._inner.headers

    async def send(self, frame: str | bytes) -> None:
        self._check()
        if not self._network._meets(self._network.loss):
            await self._pause()
            await self._inner.send(frame)
            if self._network._meets(self._network.doubled):
                await self._inner.send(frame)

    async def recv(self) -> str | bytes:
        if self._again is not None:
            frame, self._again = self._again, None
            return frame
        while True:
            frame = await self._until_cut()
            await self._pause()
            if not self._network._meets(self._network.loss):
                self._again = frame if self._network._meets(self._network.doubled) else None
                return frame

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._network._open.discard(self)
        await self._inner.close(code, reason)

    def cut(self) -> None:
        self._network._open.discard(self)
        self._cut.set()

    async def _until_cut(self) -> str | bytes:
        self._check()
        coming, cut = asyncio.ensure_future(self._inner.recv()), asyncio.ensure_future(self._cut.wait())
        try:
            await asyncio.wait({coming, cut}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            cut.cancel()
            if not coming.done():
                coming.cancel()
        self._check()
        return await coming

    async def _pause(self) -> None:
        if self._network.delay_s:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._cut.wait(), self._network.delay_s)
            self._check()

    def _check(self) -> None:
        if self._cut.is_set():
            raise DisconnectedError("the network was cut", code=1006, reason="")
