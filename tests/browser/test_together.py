"""Two tabs with the tracker's page and a terminal's replica at one server: edits, cuts, reloads, a killed tab."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eddyline import Database
from eddyline.demo_tui.cursors import cursors_at
from eddyline.demo_tui.joining import join
from eddyline.demo_tui.seed import ensure_sample
from eddyline.demo_tui.serve import WORKSPACE, let_in
from eddyline.demo_tui.tracker_data import MODELS, Issue
from eddyline.signals import until
from eddyline.sync import Server as SyncServer
from tests.patience import PATIENCE_S

from .chromium import Browser, Page

BODY = "document.querySelector('#body')?.value"


class Tab:
    """The tracker's page in a tab, as somebody."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def act(self, act: Callable[[Any], Any]) -> None:
        await asyncio.to_thread(self.page.call, act)

    async def shows(self, condition: str) -> None:
        await self.act(lambda page: page.wait_for_function(condition))

    async def choose(self, title: str) -> None:
        await self.act(lambda page: page.click(f"#issues .pick:has-text('{title}')"))
        await self.shows("document.querySelector('#body') != null")

    async def type(self, text: str) -> None:
        await self.act(lambda page: page.press("#body", "Control+End"))
        await self.act(lambda page: page.locator("#body").press_sequentially(text))


async def test_two_pages_and_a_terminal_are_equal_through_cuts_reloads_and_kills(
    browser: Browser, tracker_url: str, tmp_path: Path
) -> None:
    async def tab(name: str, url: str) -> Tab:
        page = await asyncio.to_thread(browser.tab)
        opened = Tab(page)
        await opened.act(lambda page: page.goto(f"{tracker_url}?join={url}&name={name}"))
        await opened.shows("document.querySelectorAll('#issues li').length > 0")
        return opened

    async def serve() -> SyncServer:
        return SyncServer(tmp_path / "hub", models=MODELS, authorize=let_in)

    hub = await serve()
    await ensure_sample(await hub.workspace(WORKSPACE))
    listener = await hub.listen("ws://127.0.0.1:0")
    url, port = f"{listener.url}/{WORKSPACE}", listener.url.rpartition(":")[2]
    async with Database.open(tmp_path / "eve.db", models=MODELS, actor="Eve") as eve:
        joined = await join(eve, url, "Eve")
        joined.link.present(issue="")
        ada, ben = await tab("Ada", url), await tab("Ben", url)
        try:
            await ada.shows("others.textContent.includes('Eve')")
            async with eve.transaction() as tx:
                project = (await tx.fetch("SELECT id FROM project LIMIT 1"))[0].id
                issue = await tx.add(Issue(title="A shared one", body="0", priority=9, project=project))
            for one in (ada, ben):
                await one.act(lambda page: page.fill("#search", "A shared"))
                await one.choose("A shared one")
                await one.shows(f"{BODY} == '0'")
            text = await eve.text(issue, Issue.body, window_s=0)
            await ada.type("a1")
            await until(lambda: "a1" in text(), timeout=PATIENCE_S)
            await ben.type("b1")
            text.insert(0, "e1 ")
            await until(lambda: sorted(text()) == sorted("e1 0a1b1"), timeout=PATIENCE_S)
            for one in (ada, ben):
                await one.shows(f"{BODY} == {text()!r}")
            cursors = cursors_at(joined, issue.id)
            await until(lambda: sorted(one.name for one in cursors()) == ["Ada", "Ben"], timeout=30)
            assert all(0 < (text.index_of(one.at) or 0) <= len(text) for one in cursors())
            joined.link.present(issue=issue.id, at=text.sticky(0).hex())
            await ada.shows("/Ben.*Eve|Eve.*Ben/.test(document.querySelector('.eddy-cursors')?.textContent)")

            await hub.close()  # the tunnel
            await ada.shows("document.querySelector('#status').dataset.state == 'offline'")
            await ada.type("a2")
            await ben.type("b2")
            text.insert(0, "e2 ")
            await text.flush()
            await ada.shows("document.querySelector('#status').textContent.includes('to send')")
            hub = await serve()
            await hub.listen(f"ws://127.0.0.1:{port}")
            joined.link.retry()
            await until(lambda: sorted(text()) == sorted("e2 e1 0a1b1a2b2"), timeout=PATIENCE_S)
            for one in (ada, ben):
                await one.shows(f"{BODY} == {text()!r}")

            await ada.act(lambda page: page.reload())
            await ada.shows("document.querySelectorAll('#issues li').length > 0")
            await asyncio.to_thread(ben.page.close)  # gone without a word
            ben = await tab("Ben", url)
            for one in (ada, ben):
                await one.act(lambda page: page.fill("#search", "A shared"))
                await one.choose("A shared one")
                await one.shows(f"{BODY} == {text()!r}")
            served = await (await hub.workspace(WORKSPACE)).get(Issue, issue.id)
            assert served is not None
            assert served.body == text()
            text.close()
        finally:
            for one in (ada, ben):
                await asyncio.to_thread(one.page.close)
            await hub.close()
