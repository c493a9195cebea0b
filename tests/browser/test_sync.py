"""A page, a native program and a server: the same peers over the browser's own WebSocket."""

from __future__ import annotations

import asyncio
from pathlib import Path

from eddyline import Column, Database, Model, column
from eddyline.core.sync.door import Knock, Principal
from eddyline.core.sync.server import Server
from eddyline.signals import until
from tests.patience import PATIENCE_S

from .chromium import Browser, Page


class Issue(Model):
    title: Column[str]
    n: Column[int] = column(default=0)


OPEN = """
from eddyline import Column, Database, Model, column
from eddyline.signals import until

class Issue(Model):
    title: Column[str]
    n: Column[int] = column(default=0)

db = await Database.open({name!r}, models=[Issue], log=True, actor="page")
view = await db.live(Issue.order_by(Issue.title))
link = db.connect({url!r}, token="page")
await link.online()
"""
TITLES = "[i.title for i in view.rows()]"


def anybody(knock: Knock) -> Principal:
    return Principal(knock.token or "somebody", read=True, write=True)


async def test_page_and_native_program_see_each_others_writes_also_those_made_offline_and_after_a_reload(
    browser: Browser, page: Page, tmp_path: Path
) -> None:
    async def python(code: str) -> object:
        return await asyncio.to_thread(page.python, code)

    async with (
        Server(tmp_path / "hub", models=[Issue], authorize=anybody) as server,
        Database.open(tmp_path / "native.db", models=[Issue], log=True, actor="native") as native,
    ):
        listener = await server.listen("ws://127.0.0.1:0")
        opened = OPEN.format(name="synced.db", url=f"{listener.url}/tracker")
        link = native.connect(f"{listener.url}/tracker", token="native")
        rows = await native.live(Issue.order_by(Issue.title))

        async def both(titles: list[str]) -> None:
            await until(lambda: [row.title for row in rows.rows()] == titles, timeout=PATIENCE_S)
            await asyncio.to_thread(page.until, TITLES, titles)

        await python(opened)
        await link.online()
        await python('await db.write(lambda tx: tx.add(Issue(title="page")))')
        await native.write(lambda tx: tx.add(Issue(title="native")))
        await both(["native", "page"])

        await python('link.offline = True\nawait db.write(lambda tx: tx.add(Issue(title="tunnel")))')
        await native.write(lambda tx: tx.add(Issue(title="meanwhile")))
        assert await python("link.pending.peek() > 0 or await until(lambda: link.pending() > 0) or True")
        await python("link.offline = False")
        await both(["meanwhile", "native", "page", "tunnel"])

        large = "x" * 2_000_000  # more than a frame, more than the page buffers
        await python(f'await db.write(lambda tx: tx.add(Issue(title="large", n={len(large)})))')
        await python(
            f'await db.write(lambda tx: tx.add_all([Issue(title="z" * {len(large) // 20}) for _ in range(20)]))'
        )
        await python('await db.saved("server")')
        await until(lambda: len(rows.rows()) == 25, timeout=PATIENCE_S)

        lanes = await native.fetch("SELECT count(DISTINCT lane) FROM _eddy_lanes")
        await asyncio.to_thread(page.open)
        await python(opened)
        await python('await db.write(lambda tx: tx.add(Issue(title="again")))')
        await until(lambda: any(row.title == "again" for row in rows.rows()), timeout=PATIENCE_S)
        assert await native.fetch("SELECT count(DISTINCT lane) FROM _eddy_lanes") == lanes
        await python("await db.close()")


def test_a_server_that_does_not_answer_is_offline_and_says_so(page: Page) -> None:
    state, said = page.python(
        """
from eddyline import Column, Database, Model
from eddyline.signals import until

class Note(Model):
    text: Column[str]

async with Database.open(":memory:", models=[Note], log=True) as db:
    link = db.connect("ws://127.0.0.1:9/notes")
    await until(lambda: link.state() == "offline")
    answer = [link.state.peek(), str(link.last_error.peek())]
answer
"""
    )
    assert state == "offline"
    assert "doesn't answer" in said
