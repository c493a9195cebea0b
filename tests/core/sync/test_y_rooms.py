"""Yjs clients that know nothing of us, at one text column, with terminals and replicas beside them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from eddyline import Column, Database, LogEntry, Model, Text
from eddyline.core.errors import DisconnectedError, MalformedUpdateError
from eddyline.core.sync.transports import dial
from eddyline.core.sync.y_protocol import (
    Awareness,
    QueryAwareness,
    Seen,
    Step1,
    Update,
    YMessage,
    decode_y,
    encode_y,
)
from eddyline.core.sync.y_room import TextPlace, text_place
from eddyline.signals import until
from eddyline.sync import Knock, Principal, Server
from tests.patience import PATIENCE_S

KEY = "01HZX0000000000000000000YY"


class Issue(Model):
    title: Column[str]
    body: Text = Text()


def let_in(knock: Knock) -> Principal | None:
    return Principal(knock.token, read=True, write=knock.token != "Reader") if knock.token else None


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """What is served: one issue."""
    async with Database.open(tmp_path / "tracker.db", models=[Issue]) as db, db.transaction() as tx:
        await tx.add(Issue(id=KEY, title="Crash", body="Hello"))
    return tmp_path


@asynccontextmanager
async def serving(folder: Path, port: int = 0) -> AsyncIterator[tuple[Server, str]]:
    async with Server(folder, models=[Issue], authorize=let_in) as server:
        yield server, (await server.listen(f"ws://127.0.0.1:{port}")).url


class Clients:
    """Real Yjs in node."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, client: int, act: str, **said: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"client": client, "do": act, **said}).encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            line = await self._process.stdout.readline()
        assert line, "node has ended"
        return json.loads(line)["value"]


@pytest.fixture
async def node(node_packages: Callable[..., Path]) -> AsyncIterator[Callable[[str], Any]]:
    """Start node with Yjs clients for the server at a URL."""
    modules = node_packages("yjs@13.6.27", "y-websocket@3.1.0", "ws@8.23.0")
    script = modules / "y_client.mjs"
    shutil.copy(Path(__file__).with_name("y_client.mjs"), script)
    async with AsyncExitStack() as stack:

        async def start(url: str) -> Clients:
            process = await asyncio.create_subprocess_exec(
                "node", str(script), f"{url}/y/tracker/issue", f"{KEY}/body",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip

            async def end() -> None:
                process.kill()
                await process.wait()
                process._transport.close()  # type: ignore[attr-defined]  # else its pipes warn, once the loop is gone

            stack.push_async_callback(end)
            return Clients(process)

        yield start


async def test_yjs_clients_and_ours_type_into_one_text_also_over_a_restart(
    folder: Path, node: Callable[[str], Any], tmp_path: Path
) -> None:
    async with serving(folder) as (server, url):
        port = int(url.rpartition(":")[2])
        js = await node(url)
        await js.do(1, "open", name="Ada")
        await js.do(2, "open", name="Ben")
        await js.do(1, "sees", text="Hello")
        async with Database.open(tmp_path / "mine.db", models=[Issue], actor="Eve") as mine:
            link = mine.connect(f"{url}/tracker", token="Eve")
            await link.settled()
            text = await mine.text(("issue", KEY), Issue.body, window_s=0)
            await js.do(1, "insert", at=5, text=" 😀 world")
            await js.do(2, "sees", text="Hello 😀 world")
            async with asyncio.timeout(PATIENCE_S):
                await until(lambda: text() == "Hello 😀 world")
            text.insert(7, ",")
            await js.do(2, "sees", text="Hello 😀, world")
            await js.do(1, "names", names=["Ada", "Ben"])
            async with (await server.workspace("tracker")).transaction() as tx:
                await tx.execute("UPDATE issue SET body = body || '!'")  # any writer counts
            await js.do(1, "sees", text="Hello 😀, world!")
            await server.close()
            await js.do(1, "connected", **{"is": False})
            await js.do(1, "insert", at=0, text="A")  # while there is no server
            text.insert(0, "E")
            await text.flush()
            async with serving(folder, port) as (again, _):
                await js.do(2, "has", text="A")
                await js.do(2, "has", text="E")
                link.retry()
                async with asyncio.timeout(PATIENCE_S):
                    await until(lambda: "A" in text() and len(text()) == 17)
                shown = text()
                assert sorted(shown[:2]) == ["A", "E"]
                assert shown[2:] == "Hello 😀, world!"
                await js.do(1, "sees", text=shown)
                served = await again.workspace("tracker")
                await link.settled()
                row = await served.get(Issue, KEY)
                assert row is not None
                assert row.body == shown
                actors = {entry.actor for entry in await served.fetch(LogEntry)}
                assert {"Ada", "Eve"} <= actors
                text.close()


async def test_who_leaves_is_gone_for_the_others(folder: Path, node: Callable[[str], Any]) -> None:
    async with serving(folder) as (_, url):
        js = await node(url)
        await js.do(1, "open", name="Ada")
        await js.do(2, "open", name="Ben")
        await js.do(1, "names", names=["Ada", "Ben"])
        await js.do(2, "disconnect")
        await js.do(1, "names", names=["Ada"])
        await js.do(3, "open", name="Cy")
        await js.do(3, "names", names=["Ada", "Cy"])


# -- the protocol without Yjs


class Raw:
    """A client of our own making, which may say anything."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    async def say(self, message: YMessage | bytes) -> None:
        await self.transport.send(message if isinstance(message, bytes) else encode_y(message))

    async def hear(self) -> YMessage | None:
        frame = await self.transport.recv()
        assert isinstance(frame, bytes)
        return decode_y(frame)

    async def ended(self) -> int:
        with pytest.raises(DisconnectedError) as ended:
            while True:
                await self.transport.recv()
        return ended.value.code


async def raw(url: str, path: str = f"issue/{KEY}/body", token: str = "Ada", workspace: str = "tracker") -> Raw:
    return Raw(await dial(f"{url}/y/{workspace}/{path}?token={token}"))


@pytest.mark.parametrize(
    ("path", "token", "workspace", "code"),
    [
        (f"issue/{KEY}/body", "", "tracker", 4403),
        (f"issue/{KEY}/body", "Ada", "..", 4404),
        ("issue/nobody/body", "Ada", "tracker", 4404),
        (f"issue/{KEY}/title", "Ada", "tracker", 4404),
        (f"nothing/{KEY}/body", "Ada", "tracker", 4404),
        (f"issue/{KEY}/nothing", "Ada", "tracker", 4404),
    ],
)
async def test_who_may_not_or_asks_for_no_text_is_sent_away(
    folder: Path, path: str, token: str, workspace: str, code: int
) -> None:
    async with serving(folder) as (_, url):
        client = await raw(url, path, token, workspace)
        assert await client.ended() == code


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0",
        b"\0\0\5ab",
        b"\0\2\3abc",
        b"\0\0\1\xff",
        b"\1\2\xff\xff",
        b"\1\5\1\1\1\2no",
        b"\0\2\xff\xff\xff\xff\x0f",
    ],
)
async def test_garbage_ends_its_own_connection_alone(folder: Path, frame: bytes) -> None:
    async with serving(folder) as (_, url):
        good, bad = await raw(url), await raw(url)
        assert isinstance(await good.hear(), Step1)
        await bad.say(frame)
        assert await bad.ended() == 4400
        await good.say(Step1(b"\0"))
        answer = await good.hear()
        assert isinstance(answer, Update)
        assert answer.answers


async def test_reader_is_sent_everything_and_may_change_nothing(folder: Path) -> None:
    async with serving(folder) as (server, url):
        reader = await raw(url, token="Reader")
        vector = await reader.hear()
        assert isinstance(vector, Step1)
        await reader.say(Update(b"\0\0", answers=True))  # nothing: harmless
        await reader.say(Step1(b"\0"))
        state = await reader.hear()
        assert isinstance(state, Update)
        await reader.say(Update(state.update))
        assert await reader.ended() == 4403
        row = await (await server.workspace("tracker")).get(Issue, KEY)
        assert row is not None
        assert row.body == "Hello"


async def test_unknown_messages_are_passed_over(folder: Path) -> None:
    async with serving(folder) as (_, url):
        client = await raw(url)
        await client.hear()
        await client.say(b"\2\0")
        await client.say(b"\x63")
        await client.say(Step1(b"\0"))
        assert isinstance(await client.hear(), Update)


@pytest.mark.parametrize(
    "message",
    [
        Step1(b"\1\2\3"),
        Update(b"abc"),
        Update(b"\0\0", answers=True),
        QueryAwareness(),
        Awareness((Seen(2**40, 7, '{"a":"ä"}'), Seen(1, 0, "null"))),
    ],
)
def test_messages_are_read_as_they_were_written(message: YMessage) -> None:
    assert decode_y(encode_y(message)) == message


def test_awareness_is_bounded() -> None:
    with pytest.raises(MalformedUpdateError, match="speak of 1,001 clients"):
        decode_y(encode_y(Awareness(tuple(Seen(n, 0, "null") for n in range(1001)))))
    with pytest.raises(MalformedUpdateError, match="more than 16,384 characters"):
        decode_y(encode_y(Awareness((Seen(1, 0, json.dumps("x" * 20_000)),))))


def test_path_names_a_text() -> None:
    assert text_place("/y/tracker/issue/K%2F1/body?token=a%20b&x=1") == TextPlace(
        "tracker", "issue", "K/1", "body", "a b"
    )
    assert text_place("/sync/y/tracker/issue/K/body") == TextPlace("tracker", "issue", "K", "body")  # mounted
    assert [text_place(path) for path in ("/tracker", "/x/tracker/issue/K/body", "/y/tracker//K/body", "")] == [
        None
    ] * 4
