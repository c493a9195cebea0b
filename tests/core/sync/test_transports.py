"""One suite for every transport: frames arrive whole, in order and as they were, a slow reader holds its sender, and
who ends or breaks off is noticed at the other end.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from eddyline.core.errors import DisconnectedError, ParameterError
from eddyline.core.sync.pair import pair
from eddyline.core.sync.transport import Transport
from eddyline.core.sync.transports import asgi_app, dial, listen

FRAME_BYTES = 100_000
Ends: TypeAlias = tuple[Transport, Transport]
Connect: TypeAlias = Callable[[], "Awaitable[Ends]"]


class Meeting:
    """Serves connections by handing them to the test, and holds them open until it ends."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[Transport] = asyncio.Queue()
        self.ended = asyncio.Event()

    async def accept(self, transport: Transport) -> None:
        self.came.put_nowait(transport)
        await self.ended.wait()


@asynccontextmanager
async def over_memory(folder: Path) -> AsyncIterator[Connect]:
    async def connect() -> Ends:
        return pair(FRAME_BYTES)

    yield connect


def over_socket(url: Callable[[Path], str]) -> Callable[[Path], Any]:  # Any: a context manager of contextlib
    @asynccontextmanager
    async def over(folder: Path) -> AsyncIterator[Connect]:
        meeting = Meeting()
        listener = await listen(url(folder), meeting.accept, frame_bytes_max=FRAME_BYTES)

        async def connect() -> Ends:
            client = await dial(listener.url, frame_bytes_max=FRAME_BYTES)
            return client, await meeting.came.get()

        yield connect
        meeting.ended.set()
        await listener.close()

    return over


@asynccontextmanager
async def over_uvicorn(folder: Path) -> AsyncIterator[Connect]:
    """The ASGI application under a real server, mounted in a real framework."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    meeting = Meeting()

    async def ended() -> None: ...

    app = Starlette(routes=[Mount("/sync", asgi_app(meeting.accept, ended, frame_bytes_max=FRAME_BYTES))])
    async with served(app) as port:

        async def connect() -> Ends:
            client = await dial(f"ws://127.0.0.1:{port}/sync/tracker", frame_bytes_max=FRAME_BYTES)
            return client, await meeting.came.get()

        yield connect
        meeting.ended.set()


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:  # Any: an ASGI application, as uvicorn takes it
    """Run uvicorn in this loop; yield its port."""
    import uvicorn

    config = uvicorn.Config(app, port=0, log_level="error", ws="websockets-sansio", lifespan="on")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    listening = socket.create_server(("127.0.0.1", 0))
    await server.startup(sockets=[listening])  # `serve` would take over the signals of the process
    running = asyncio.create_task(server.main_loop())
    yield listening.getsockname()[1]
    server.should_exit = True
    await running
    await server.shutdown(sockets=[listening])
    listening.close()


OVER = {
    "memory": over_memory,
    "websocket": over_socket(lambda folder: "ws://127.0.0.1:0"),
    "unix": over_socket(lambda folder: f"unix:{folder}/s"),
    "asgi": over_uvicorn,
}


@pytest.fixture(params=OVER)
async def connect(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Connect]:
    async with OVER[request.param](tmp_path) as connect:
        yield connect


async def test_frames_arrive_whole_and_in_order_as_text_and_as_bytes(connect: Connect) -> None:
    left, right = await connect()
    sent: list[str | bytes] = ["", "a", b"\x00\xff", "\u00e9\U0001f600\n", b"", "b" * 50_000, b"c" * 50_000]
    for frame in sent:
        await left.send(frame)
    assert [await right.recv() for _ in sent] == sent
    await right.send("back")
    assert await left.recv() == "back"
    await left.close()


async def test_who_closes_is_noticed_with_code_and_reason_after_what_was_sent(connect: Connect) -> None:
    left, right = await connect()
    await left.send("last words")
    await left.close(4000, "flood")
    await left.close()
    assert await right.recv() == "last words"
    with pytest.raises(DisconnectedError) as ended:
        await right.recv()
    assert ended.value.code in {4000, 1006}  # a bare socket carries no code
    with pytest.raises(DisconnectedError):
        await right.recv()
    with suppress(DisconnectedError):  # what follows may still fit a buffer of the system's
        await right.send("x")


async def test_one_that_is_closed_here_sends_and_receives_no_more(connect: Connect) -> None:
    left, _ = await connect()
    await left.close()
    with pytest.raises(DisconnectedError):
        await left.send("x")
    with pytest.raises(DisconnectedError):
        await left.recv()


async def test_sender_waits_while_nobody_reads_and_loses_nothing(connect: Connect) -> None:
    left, right = await connect()
    frame, sent = "x" * 90_000, 0

    async def send() -> None:
        nonlocal sent
        for _ in range(200):
            await left.send(frame)
            sent += 1

    sending = asyncio.create_task(send())
    done, _ = await asyncio.wait([sending], timeout=0.3)
    assert not done
    assert sent < 200
    assert [await right.recv() for _ in range(200)] == [frame] * 200
    await sending
    await left.close()


async def test_frame_beyond_the_limit_ends_that_connection_alone(connect: Connect) -> None:
    left, right = await connect()
    other, others_end = await connect()
    with suppress(DisconnectedError):
        await left.send("x" * (FRAME_BYTES + 1))
    with pytest.raises(DisconnectedError) as ended:
        await right.recv()
    assert ended.value.code == 1009
    await other.send("fine")
    assert await others_end.recv() == "fine"
    await other.close()
    await left.close()


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/tracker", "unix:/nowhere/s"])
async def test_nobody_there_is_a_disconnected_error(url: str) -> None:
    with pytest.raises(DisconnectedError, match="doesn't answer"):
        await dial(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1", "tracker", ""])
async def test_address_of_another_kind_is_refused_with_those_that_there_are(url: str) -> None:
    async def accept(transport: Transport) -> None: ...

    with pytest.raises(ParameterError, match="ws, wss, unix"):
        await dial(url)
    with pytest.raises(ParameterError, match="ws, wss, unix"):
        await listen(url, accept)


async def test_socket_file_of_a_server_that_died_is_taken_over_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    async def accept(transport: Transport) -> None: ...

    url = f"unix:{tmp_path}/s"
    left_behind = socket.socket(socket.AF_UNIX)
    left_behind.bind(f"{tmp_path}/s")
    left_behind.close()
    listener = await listen(url, accept)
    with pytest.raises(DisconnectedError, match="somebody serves"):
        await listen(url, accept)
    await listener.close()
    assert not (tmp_path / "s").exists()


async def test_bytes_that_are_no_websocket_disturb_nobody(tmp_path: Path) -> None:
    meeting = Meeting()
    listener = await listen("ws://127.0.0.1:0", meeting.accept)
    port = int(listener.url.rpartition(":")[2])
    for garbage in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 5_000,
        b"GET /tracker HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 300,
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage)
        writer.close()
    client = await dial(listener.url)
    await client.send("fine")
    assert await (await meeting.came.get()).recv() == "fine"
    await client.close()
    meeting.ended.set()
    await listener.close()


async def test_http_request_to_the_asgi_application_is_told_what_is_here() -> None:
    async def accept(transport: Transport) -> None: ...

    async def ended() -> None: ...

    sent: list[MutableMapping[str, Any]] = []  # Any: ASGI's messages

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await asgi_app(accept, ended)({"type": "http"}, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 426


async def test_lifespan_of_an_asgi_server_ends_ours(tmp_path: Path) -> None:
    ended: list[str] = []

    async def accept(transport: Transport) -> None: ...

    async def end() -> None:
        ended.append("ended")

    async with served(asgi_app(accept, end)):
        assert ended == []
    assert ended == ["ended"]
