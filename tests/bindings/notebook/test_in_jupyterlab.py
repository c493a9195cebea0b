"""A real JupyterLab in a real Chromium: what a reader of a notebook sees."""

from __future__ import annotations

from collections.abc import Callable

from .lab import Notebook

Opened = Callable[..., Notebook]

SETUP = """
import asyncio
from eddyline import Column, Database, Model
db = await Database.open(":memory:")
await db.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, title, n)")
await db.executemany("INSERT INTO issue VALUES (?, ?, ?)", [(i, f"issue {i}", 0) for i in range(100_000)])
view = await db.live("SELECT id, title, n FROM issue ORDER BY id")
"""
WORK = """
async def work():
    for k in range(1000):
        await db.execute("UPDATE issue SET n = n + 1 WHERE id = ?", k % 10)
        if k % 100 == 0:
            await asyncio.sleep(0.1)
task = asyncio.create_task(work())
"""
CELL = "document.querySelector('.eddy-row:nth-child({row}) .eddy-cell:nth-child({cell})')"
SEEN = """() => {
    window.seen = new Set();
    const cell = document.querySelector(".eddy-row .eddy-cell:nth-child(3)");
    new MutationObserver(() => seen.add(cell.textContent)).observe(cell, {childList: true, characterData: true});
}"""


def test_view_follows_a_background_task(notebook: Opened) -> None:
    book = notebook(SETUP, "view", WORK)
    book.run(0)
    book.run(1)
    book.wait("document.querySelectorAll('.eddy-row').length > 8")
    assert book.page.js("() => document.querySelectorAll('.eddy-row').length") < 60
    book.page.js(SEEN)
    book.run(2)
    book.wait("document.querySelectorAll('.eddy-row .eddy-cell:nth-child(3)')[9].textContent === '100'")
    seen = book.page.js("() => [...window.seen]")
    assert seen[-1] == "100"
    assert len(seen) >= 3
