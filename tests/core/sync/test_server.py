"""The server: over every transport, workspaces that come and go, clients that read slowly or not at all."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eddyline import ClosedError, Database, ParameterError
from eddyline.core.log.vector import EMPTY
from eddyline.core.sync import frames as f
from eddyline.core.sync.server import Server
from eddyline.signals import ManualClock
from tests.patience import PATIENCE_S

from .test_transports import served
from .world import MODELS, Note, anybody, seen, shows, soon, world


@asynccontextmanager
async def by_websocket(server: Server, folder: Path) -> AsyncIterator[str]:
    yield (await server.listen("ws://127.0.0.1:0")).url


@asynccontextmanager
async def by_unix_socket(server: Server, folder: Path) -> AsyncIterator[str]:
    yield (await server.listen(f"unix:{folder}/s")).url


@asynccontextmanager
async def by_starlette(server: Server, folder: Path) -> AsyncIterator[str]:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    async with served(Starlette(routes=[Mount("/sync", server.asgi())])) as port:
        yield f"ws://127.0.0.1:{port}/sync"
        await server.close()


WAYS = {"websocket": by_websocket, "unix": by_unix_socket, "starlette": by_starlette}


@pytest.mark.parametrize("way", WAYS)
async def test_two_replicas_meet_over_each_transport(tmp_path: Path, way: str) -> None:
    async with world(tmp_path) as pair, WAYS[way](pair.server, tmp_path) as url:
        ada, bob = await pair.open("ada"), await pair.open("bob")
        links = [db.connect(f"{url}/shared", token="x") for db in (ada, bob)]
        view = await bob.live(Note.order_by(Note.title))
        await ada.write(lambda tx: tx.add(Note(title="a" * 300_000)))  # larger than a frame
        await ada.write(lambda tx: tx.add(Note(title="b")))
        await shows(view, ["a" * 300_000, "b"])
        await soon(ada.saved())
        for db in (ada, bob):
            await db.close()
        assert [link.state() for link in links] == ["offline", "offline"]


async def test_one_that_does_not_read_holds_a_window_at_most_and_others_go_on(tmp_path: Path) -> None:
    async with world(tmp_path) as pair:
        ada, _ = await pair.client("ada")
        bob, _ = await pair.client("bob")
        view = await bob.live(Note.order_by(Note.title))
        schema = (await ada._read(ada.links[0]._answers._opened)).schema
        slow = await pair.server.address("shared").dial()
        await slow.send(f.encode(f.Hello(f.PROTOCOL, "shared", "slow", schema, "none", EMPTY), 1))
        titles = [f"{number}{'x' * 100_000}" for number in range(30)]
        for title in titles:
            await ada.add_all([Note(title=title)])
        await shows(view, sorted(titles))
        (workspace,) = [opening.result() for opening in pair.server._workspaces.values()]
        held = [sum(map(len, session._outbox)) for session in workspace.sessions]
        assert max(held) <= f.LIMITS.window_bytes
        await slow.close()
        await seen(lambda: ada.links[0].state(), "online")


async def test_workspace_that_is_empty_is_closed_after_a_while_and_opened_again_when_somebody_comes(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    async with world(tmp_path, clock=clock, idle_s=60) as pair:
        ada, link = await pair.client("ada")
        await ada.write(lambda tx: tx.add(Note(title="a")))
        await soon(ada.saved())
        link.close()
        await asyncio.wait(pair.server._serving, timeout=PATIENCE_S)
        clock.advance(59)
        assert list(pair.server._workspaces) == ["shared"]
        clock.advance(1)
        assert list(pair.server._workspaces) == []
        bob, theirs = await pair.client("bob")
        await soon(theirs.settled())
        assert [note.title for note in await bob.fetch(Note)] == ["a"]


async def test_what_the_server_itself_writes_goes_to_all_and_what_clients_write_shows_in_its_views(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as pair:
        ada, _ = await pair.client("ada")
        hub = await pair.server.workspace("shared")
        ours, theirs = await hub.live(Note.order_by(Note.title)), await ada.live(Note.order_by(Note.title))
        await hub.write(lambda tx: tx.add(Note(title="a")))
        await shows(theirs, ["a"])
        await ada.write(lambda tx: tx.add(Note(title="b")))
        await shows(ours, ["a", "b"])


async def test_server_that_was_restored_from_a_backup_gets_back_what_it_lost(tmp_path: Path) -> None:
    async with world(tmp_path) as before:
        ada, link = await before.client("ada")
        await ada.write(lambda tx: tx.add(Note(title="a")))
        await soon(ada.saved())
        hub = await before.server.workspace("shared")
        await hub.backup(tmp_path / "backup.db")
        await ada.write(lambda tx: tx.add(Note(title="b")))
        await soon(ada.saved())
        await before.server.close()
        link.close()
        for file in (tmp_path / "hub").iterdir():
            file.unlink()
        (tmp_path / "backup.db").rename(tmp_path / "hub" / "shared.db")
        async with Server(tmp_path / "hub", models=MODELS, authorize=anybody) as restored:
            back = ada.connect(restored.address("shared"), token="ada")
            await soon(back.settled())
            hub = await restored.workspace("shared")
            view = await hub.live(Note.order_by(Note.title))
            await shows(view, ["a", "b"])


async def test_closed_server_serves_nobody_and_closing_it_again_is_harmless(tmp_path: Path) -> None:
    async with world(tmp_path) as pair:
        _, link = await pair.client("ada")
        await pair.server.close()
        await pair.server.close()
        await seen(lambda: link.state(), "offline")
        assert getattr(link.last_error(), "code", "") == "closing"
        with pytest.raises(ClosedError):
            await pair.server.workspace("shared")
        with pytest.raises(ClosedError):
            await pair.server.listen("ws://127.0.0.1:0")


async def test_what_another_process_writes_to_a_client_or_to_the_server_is_heard_of(tmp_path: Path) -> None:
    async with world(tmp_path) as pair:
        await pair.client("ada")
        bob, _ = await pair.client("bob")
        view = await bob.live(Note.order_by(Note.title))
        for path in (tmp_path / "ada.db", tmp_path / "hub" / "shared.db"):
            async with Database.open(path, models=MODELS) as other:
                await other.write(lambda tx, path=path: tx.add(Note(title=path.stem)))  # type: ignore[misc]  # the path of now
        await shows(view, ["ada", "shared"])


async def test_replica_reaches_a_server_over_tls_and_one_that_does_not_trust_it_does_not(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no `openssl` here to make a certificate with")
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    await asyncio.to_thread(
        subprocess.run,
        ["openssl", *made, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", *files],
        check=True,
        capture_output=True,
        timeout=60,
    )
    here = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    here.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    async with world(tmp_path) as pair:
        url = (await pair.server.listen("wss://localhost:0", ssl=here)).url
        ada, eve = await pair.open("ada"), await pair.open("eve")
        link = ada.connect(f"{url}/shared", ssl=trusting)
        await ada.write(lambda tx: tx.add(Note(title="a")))
        await soon(ada.saved())
        assert link.state() == "online"
        doubting = eve.connect(f"{url}/shared")
        await seen(lambda: doubting.state(), "offline")
        assert "certificate" in str(doubting.last_error())
        with pytest.raises(ParameterError, match="wss://"):
            await pair.server.listen("wss://localhost:0")
