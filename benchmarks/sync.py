"""What replication costs over real websockets on loopback, with the server in a process of its own.

python3 dev bench sync                 a minute: 200 clients, 1,000 idle ones
python3 dev bench sync 50 200 20000    clients, idle clients, ops to catch up with

live       from `db.execute` on one replica to the patch of a live view on another; the server's disk is between
catch-up   a new replica takes in so many ops, 100 a commit, and one a commit; a snapshot where the log is long
reconnect  what goes over the wire when nothing is new
fan-out    50 commits a second to many clients, each of which stores in memory and acknowledges: their delays
idle       what a connected client that does nothing holds at the server (resident memory)
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles

from eddyline import Column, Database, Model
from eddyline.core.log.vector import EMPTY
from eddyline.core.sync import asks as a
from eddyline.core.sync.answers import ends_of, schema_of
from eddyline.core.sync.client_peer import Calling, ClientPeer
from eddyline.core.sync.session import Session
from eddyline.core.sync.transport import Frame, Transport, size_of
from eddyline.core.sync.transports import dial
from eddyline.sync import Address

CLIENTS, IDLE, OPS = 200, 1_000, 100_000
COMMITS_A_SECOND, SECONDS = 50, 5
WORKERS = 2


class Item(Model):
    text: Column[str]


MODELS = [Item]


class Served:
    """A server in a process of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "eddyline", "serve", str(folder), "--models", "sync", "--open"]
        self.process = subprocess.Popen(
            [*command, "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent
        )
        assert self.process.stdout is not None, "a pipe, as asked for"
        self.url = self.process.stdout.readline().split()[-1]

    @property
    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


# --- Light clients: the real protocol over a store that only counts ---------------------------------------------------


class Light:
    """A client without a database: it acknowledges what comes, and notes how long that was under way."""

    def __init__(self, url: str, workspace: str, schema: str, delays_ms: list[float]) -> None:
        self.url, self.workspace, self.schema, self.delays_ms = url, workspace, schema, delays_ms
        self.online = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        base_ms = time.time_ns() // 1_000_000 - int(loop.time() * 1000)
        peer = ClientPeer(Calling(self.workspace), base_ms + int(loop.time() * 1000))
        transport = await dial(f"{self.url}/{self.workspace}")
        await Session(peer, transport, self._answer, self._tell, loop, base_ms).run(peer.start())

    async def _answer(self, ask: a.Ask) -> object:
        match ask:
            case a.OpenLog():
                return a.Opened(EMPTY, self.schema, replica="light")
            case a.Apply(commits):
                now_ns = time.time_ns()
                for commit in commits:
                    for op in commit.ops:
                        text = getattr(op, "cells", {}).get("text", "")
                        if str(text).isdigit():
                            self.delays_ms.append((now_ns - int(str(text))) / 1e6)
                return a.Taken(ends_of(commits))
            case a.ReadCommits(beyond):
                return a.Batch("", beyond)
            case a.ReadDigests():
                return a.Digests(EMPTY, 0, {})
        return None

    def _tell(self, news: a.News) -> None:
        if isinstance(news, a.Online):
            self.online.set()


async def light_clients(count: int, url: str, workspace: str, schema: str) -> None:
    """Connect `count` clients, say so, and when a line comes print their delays."""
    delays_ms: list[float] = []
    clients = [Light(url, workspace, schema, delays_ms) for _ in range(count)]
    running = []
    for client in clients:
        running.append(asyncio.ensure_future(client.run()))
        await client.online.wait()
    print("online", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(" ".join(f"{delay:.3f}" for delay in delays_ms), flush=True)
    for task in running:
        task.cancel()


def workers(count: int, served: Served, workspace: str, schema: str) -> list[subprocess.Popen[str]]:
    """Start light clients in processes of their own, and wait until all are online."""
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "light", str(count // WORKERS), served.url, workspace, schema],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(WORKERS)
    ]  # fmt: skip
    for worker in started:
        assert worker.stdout is not None, "a pipe, as asked for"
        assert worker.stdout.readline() == "online\n", "the clients didn't get in"
    return started


def delays_of(started: list[subprocess.Popen[str]]) -> list[float]:
    return [float(text) for worker in started for text in worker.communicate("\n", timeout=120)[0].split()]


# --- The measurements ------------------------------------------------------------------------------------------------


async def live(served: Served, folder: Path, rounds: int = 300) -> None:
    async with (
        Database.open(folder / "a.db", models=MODELS, log=True) as ada,
        Database.open(folder / "b.db", models=MODELS, log=True) as bob,
    ):
        links = [db.connect(f"{served.url}/live") for db in (ada, bob)]
        await asyncio.gather(*(link.settled() for link in links))
        view = await bob.live(Item)
        came = asyncio.Event()
        view.subscribe(lambda patches: came.set())
        times = []
        for number in range(rounds):
            came.clear()
            started = time.perf_counter()
            await ada.execute("INSERT INTO item (id, text) VALUES (?, 'x')", f"k{number:05}")
            await came.wait()
            times.append((time.perf_counter() - started) * 1e3)
    told("live: commit to remote live view", f"median {median(times):.2f} ms, p99 {quantiles(times, n=100)[98]:.2f} ms")


async def catch_up(served: Served, folder: Path, ops: int) -> None:
    for name, size in (("100 a commit", 100), ("1 a commit", 1)):
        workspace = f"long{size}"
        async with Database.open(folder / f"{workspace}-a.db", models=MODELS, log=True) as ada:
            link = ada.connect(f"{served.url}/{workspace}")
            link.offline = True
            for at in range(0, ops, size):
                await ada.write(
                    lambda tx, at=at, size=size: tx.executemany(  # type: ignore[misc]  # those of now
                        "INSERT INTO item (id, text) VALUES (?, 'some text of a usual length')",
                        [(f"k{number:07}",) for number in range(at, at + size)],
                    )
                )
            link.offline = False
            started = time.perf_counter()
            await ada.saved("server")
            up = ops / (time.perf_counter() - started)
            async with Database.open(folder / f"{workspace}-b.db", models=MODELS, log=True) as bob:
                started = time.perf_counter()
                await bob.connect(f"{served.url}/{workspace}").settled()
                down = ops / (time.perf_counter() - started)
                assert len(await bob.fetch("SELECT id FROM item")) == ops, "all of it came"
        told(f"catch-up: {ops:,} ops, {name}", f"up {up:,.0f} ops/s, down {down:,.0f} ops/s")


async def reconnect(served: Served, folder: Path) -> None:
    counted: list[tuple[str, int]] = []

    class Counted:
        def __init__(self, inner: Transport) -> None:
            self.inner, self.address, self.headers = inner, inner.address, inner.headers

        async def send(self, frame: Frame) -> None:
            counted.append(("out", size_of(frame)))
            await self.inner.send(frame)

        async def recv(self) -> Frame:
            frame = await self.inner.recv()
            counted.append(("in", size_of(frame)))
            return frame

        async def close(self, code: int = 1000, reason: str = "") -> None:
            await self.inner.close(code, reason)

    async def counting() -> Transport:
        return Counted(await dial(f"{served.url}/again"))

    async with Database.open(folder / "again.db", models=MODELS, log=True) as db:
        link = db.connect(Address(counting, "again", "counted"))
        await db.execute("INSERT INTO item (id, text) VALUES ('a', 'x')")
        await db.saved("server")
        await link.settled()
        link.offline = True
        counted.clear()
        link.offline = False
        await link.online()  # and that is all: what is settled is known from the welcome
    sizes = {way: [size for at, size in counted if at == way] for way in ("out", "in")}
    told(
        "reconnect with nothing new",
        f"{len(sizes['out'])} frame of {sum(sizes['out'])} bytes out, {len(sizes['in'])} of {sum(sizes['in'])} in",
    )


async def fan_out(served: Served, folder: Path, clients: int) -> None:
    async with Database.open(folder / "fan.db", models=MODELS, log=True) as db:
        schema = await db._read(schema_of)
        link = db.connect(f"{served.url}/fan")
        await link.online()
        started = await asyncio.to_thread(workers, clients, served, "fan", schema)
        begun = time.perf_counter()
        for number in range(COMMITS_A_SECOND * SECONDS):
            await asyncio.sleep(max(0.0, begun + number / COMMITS_A_SECOND - time.perf_counter()))
            await db.execute("INSERT INTO item (id, text) VALUES (?, ?)", f"k{number:05}", str(time.time_ns()))
        await asyncio.sleep(1)
        delays = await asyncio.to_thread(delays_of, started)
    wanted = COMMITS_A_SECOND * SECONDS * (clients // WORKERS * WORKERS)
    parts = quantiles(delays, n=100)
    told(
        f"fan-out: {clients} clients, {COMMITS_A_SECOND} commits/s",
        f"median {parts[49]:.1f} ms, p99 {parts[98]:.1f} ms, {len(delays):,} of {wanted:,} deliveries in time",
    )


async def idle(served: Served, folder: Path, clients: int) -> None:
    async with Database.open(folder / "idle.db", models=MODELS, log=True) as db:
        schema = await db._read(schema_of)
        link = db.connect(f"{served.url}/idle")
        await link.online()
        few = await asyncio.to_thread(workers, 20, served, "idle", schema)  # what the first ones cost besides
        before = served.resident_bytes
        many = await asyncio.to_thread(workers, clients, served, "idle", schema)
        after = served.resident_bytes
        for started in (few, many):
            await asyncio.to_thread(delays_of, started)
    told(f"idle: {clients:,} clients", f"{(after - before) / clients / 1024:.1f} KB each at the server")


def told(what: str, found: str) -> None:
    print(f"{what:<42} {found}", flush=True)


async def main() -> None:
    if sys.argv[1:2] == ["light"]:
        count, url, workspace, schema = sys.argv[2:]
        await light_clients(int(count), url, workspace, schema)
        return
    clients, idle_clients, ops = [*map(int, sys.argv[1:]), *(CLIENTS, IDLE, OPS)[len(sys.argv) - 1 :]]
    files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 8_192)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    parts: list[Callable[[Served, Path], Awaitable[None]]] = [
        live,
        reconnect,
        lambda served, folder: fan_out(served, folder, clients),
        lambda served, folder: idle(served, folder, idle_clients),
        lambda served, folder: catch_up(served, folder, ops),
    ]
    for part in parts:
        with tempfile.TemporaryDirectory() as made:
            served = Served(Path(made) / "hub")
            try:
                await part(served, Path(made))
            finally:
                served.end()


if __name__ == "__main__":
    asyncio.run(main())
