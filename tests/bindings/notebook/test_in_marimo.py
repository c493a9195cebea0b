"""A real marimo in a real Chromium: the same table, a signal as marimo's state and an element that sets it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.free_port import free_port

from ...browser.chromium import Browser, Page
from .lab import WAIT_S, wait_for
from .tools import home, tools

APP = """
import marimo

app = marimo.App()


@app.cell
async def _():
    import asyncio

    import marimo as mo

    from eddyline import Database, signal

    db = await Database.open(":memory:")
    await db.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, title, n)")
    await db.executemany("INSERT INTO issue VALUES (?, ?, 0)", [(i, f"issue {i}") for i in range(1000)])
    limit = signal(5)
    view = await db.live("SELECT id, title, n FROM issue ORDER BY id LIMIT :limit", limit=limit)
    return asyncio, db, limit, mo, view


@app.cell
def _(view):
    view
    return


@app.cell
def _(limit):
    limit
    return


@app.cell
def _(view):
    from eddyline import computed
    from eddyline.bindings.jupyter import LiveTable

    table = LiveTable(view)
    chosen = computed(lambda: (table.sort(), [row.title for row in table.selected()]))
    table
    return chosen, table


@app.cell
def _(chosen):
    chosen
    return


@app.cell
def _(limit):
    from eddyline.bindings.marimo import state

    get_limit, set_limit = state(limit)
    return get_limit, set_limit


@app.cell
def _(get_limit, mo, set_limit):
    mo.ui.number(1, 100, value=get_limit(), on_change=set_limit, label="limit")
    return


@app.cell
def _(get_limit, mo):
    mo.md(f"the limit is {get_limit()} now")
    return


@app.cell
def _(limit, mo):
    mo.ui.button(label="twelve", on_click=lambda _: limit.set(12))
    return


@app.cell
def _(asyncio, db):
    async def work():
        for _ in range(200):
            await db.execute("UPDATE issue SET n = n + 1 WHERE id = 0")
            await asyncio.sleep(0.005)

    task = asyncio.create_task(work())
    return
"""


Server = subprocess.Popen[bytes]


@pytest.fixture
def served(browser: Browser, tmp_path: Path) -> Iterator[tuple[Page, Server]]:
    """Return a page of the app, and the marimo that serves it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    options = ["--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    with (tmp_path / "marimo.log").open("wb") as log:
        command = [str(tools() / "marimo"), "run", "app.py", *options]
        server = subprocess.Popen(command, cwd=tmp_path, env=home(tmp_path), stdout=log, stderr=log)
        try:
            wait_for(url, server)
            page = browser.tab()
            page.call(lambda page: page.goto(url))
            yield page, server
            page.close()
        finally:
            server.terminate()
            server.wait(WAIT_S)


def see(page: Page, selector: str, text: str) -> None:
    """Wait until an element that `selector` finds has this text; shadow roots are looked into."""

    async def wait(shown: Any) -> None:  # Any: playwright's Page
        await shown.locator(selector).get_by_text(text, exact=True).first.wait_for(timeout=WAIT_S * 1000)

    page.call(wait)


def test_view_sort_choice_and_state_follow_until_the_server_is_gone(
    served: tuple[Page, Server],
) -> None:
    page, server = served
    see(page, ".eddy-row", "issue 0")
    see(page, ".eddy-row", "200")  # a task's last write
    see(page, ".eddy-value", "5")
    see(page, ".eddy-value", "(None, [])")
    page.call(lambda page: page.locator(".eddy-table").nth(1).locator(".eddy-head").get_by_text("title").click())
    see(page, ".eddy-value", "(('title', False), [])")
    page.call(lambda page: page.locator(".eddy-table").nth(1).locator(".eddy-row").get_by_text("issue 3").click())
    see(page, ".eddy-value", "(('title', False), ['issue 3'])")
    page.call(lambda page: page.get_by_text("twelve").click())
    see(page, ".eddy-note", "12 rows")
    see(page, ".eddy-value", "12")
    see(page, "body", "the limit is 12 now")
    page.call(lambda page: page.locator("input").first.fill("3"))
    page.call(lambda page: page.locator("input").first.press("Enter"))
    see(page, ".eddy-note", "3 rows")
    see(page, "body", "the limit is 3 now")
    server.terminate()
    see(page, ".eddy-life", "not live: no connection. These are the values that came last.")
    see(page, ".eddy-row", "issue 2")
