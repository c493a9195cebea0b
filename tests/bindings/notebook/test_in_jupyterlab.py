"""A real JupyterLab in a real Chromium: what a reader of a notebook sees."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

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
go_on = asyncio.Event()
async def work():
    for k in range(1000):
        if k == 500:
            await go_on.wait()
        await db.execute("UPDATE issue SET n = n + 1 WHERE id = ?", k % 10)
task = asyncio.create_task(work())
"""
TENTH = """[...document.querySelectorAll(".eddy-table")].map(
    (table) => table.querySelectorAll(".eddy-row .eddy-cell:nth-child(3)")[9])"""
BANNERS = "[...document.querySelectorAll('.eddy-life:not([hidden])')].map((one) => one.textContent)"
GONE = "not live any more: its kernel has ended or was started anew. Run the cell again."
DIES = "import os; os._exit(1)"


def test_view_in_two_cells_follows_a_background_task(notebook: Opened) -> None:
    book = notebook(SETUP, "view", WORK, "view", "go_on.set()")
    book.run(0)
    book.run(1)
    book.wait("document.querySelectorAll('.eddy-row').length > 8")
    assert book.page.js("() => document.querySelectorAll('.eddy-row').length") < 60
    book.run(3)
    book.wait("document.querySelectorAll('.eddy-table').length === 2")
    for cell, shown in ((2, "50"), (4, "100")):
        book.run(cell)
        book.wait(f"{TENTH}.length === 2 && {TENTH}.every((cell) => cell?.textContent === '{shown}')")


MODELS = """
from eddyline import Column, Database, Model
from eddyline.bindings.jupyter import LiveTable
class Issue(Model):
    title: Column[str]
    votes: Column[int]
db = await Database.open(":memory:", models=[Issue])
await db.seed(Issue, 5000, seed=1)
await db.execute("UPDATE issue SET votes = rowid")
view = await db.live(Issue.order_by(Issue.votes))
table = LiveTable(view, height=200)
table
"""
TITLES = "() => [...document.querySelectorAll('.eddy-head span')].map(title => title.textContent)"


def test_sort_choice_scroll_and_edit_come_back_to_python(notebook: Opened) -> None:
    book = notebook(
        MODELS,
        "print(table.sort(), [row.votes for row in table.selected()])",
        "print((await db.fetch('SELECT max(votes) AS top FROM issue'))[0].top, view.rows()[-1].votes)",
    )
    book.run(0)
    book.wait("document.querySelector('.eddy-row') !== null")
    at = 1 + book.page.js(TITLES).index("votes")
    votes = f".eddy-row .eddy-cell:nth-child({at})"
    seen = f"[...document.querySelectorAll('{votes}')].map(cell => Number(cell.textContent))"
    book.wait(f"Math.min(...{seen}) === 1")
    book.page.js("() => { document.querySelector('.eddy-scroll').scrollTop = 2000 * 24; }")
    book.wait(f"Math.min(...{seen}) === 2001")
    book.page.call(lambda page: page.click(f".eddy-head span:nth-child({at})"))
    book.page.call(lambda page: page.click(f".eddy-head span:nth-child({at})"))
    book.page.js("() => { document.querySelector('.eddy-scroll').scrollTop = 0; }")
    book.wait(f"Math.max(...{seen}) === 5000")
    top = book.page.call(lambda page: page.locator(votes, has_text="5000").element_handle())
    book.page.call(lambda page: top.click())
    book.wait("document.querySelector('.eddy-note').textContent === '5,000 rows · 1 selected'")
    book.run(1)
    assert "('votes', True) [5000]" in book.output(1)
    book.page.call(lambda page: top.dblclick())
    book.page.call(lambda page: page.fill(".eddy-cell input", "77777"))
    book.page.call(lambda page: page.press(".eddy-cell input", "Enter"))
    book.wait(f"{seen}.includes(77777)")
    book.run(2)
    assert "77777 77777" in book.output(2)


def test_value_and_bound_slider_follow_their_signal_and_set_it(notebook: Opened) -> None:
    book = notebook(
        "import ipywidgets\nfrom eddyline import signal, computed\nfrom eddyline.bindings.jupyter import bind\n"
        "n = signal(3)\nbox = ipywidgets.IntText()\nbound = bind(box, 'value', n)\nbox",
        "computed(lambda: n() * 2)",
        "n.set(20)",
    )
    book.run(0)
    book.run(1)
    book.wait("document.querySelector('.eddy-value')?.textContent === '6'")
    book.run(2)
    book.wait("document.querySelector('.eddy-value')?.textContent === '40'")
    book.page.call(lambda page: page.fill(".widget-text input", "50"))
    book.page.call(lambda page: page.press(".widget-text input", "Tab"))
    book.wait("document.querySelector('.eddy-value')?.textContent === '100'")


def test_saved_notebook_shows_the_last_rows_and_a_restarted_kernel_a_table_anew(notebook: Opened) -> None:
    book = notebook(
        SETUP.replace("100_000", "50"),
        "view",
        "await db.execute('UPDATE issue SET n = 7 WHERE id = 0')",
    )
    for at in (0, 1):
        book.run(at)
    first = "document.querySelector('.eddy-row .eddy-cell:nth-child(3)')?.textContent"
    book.wait(f"{first} === '0'")
    book.run(2)
    book.wait(f"{first} === '7'")
    book.until_saved(lambda saved: any(rows[0] == [0, "issue 0", 7] for rows in snapshots(saved)))
    book.session("shutdown()")
    book.open()
    book.wait(f"{first} === '7'")
    book.wait(f"{BANNERS}.join() === {GONE!r}")
    book.session("restartKernel()")
    book.run(0)
    book.run(1)
    book.wait(f"{first} === '0' && {BANNERS}.length === 0")
    book.run(2)
    book.wait(f"{first} === '7'")


def snapshots(saved: Any) -> list[Any]:  # Any: JSON
    """Return the rows that each table of a saved notebook starts from."""
    held = saved["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    return [widget["state"]["snapshot"]["rows"] for widget in held if "snapshot" in widget["state"]]


WIDGETS = """
from eddyline import signal
from eddyline.bindings.jupyter import live_chart
from IPython.display import display
count = signal(41)
display(view, live_chart(view, "bar", x="title", y="n", height=150), count)
"""
SHOWN = """[document.querySelector('.eddy-row .eddy-cell:nth-child(3)'), document.querySelector('.eddy-value'),
    document.querySelector('.eddy-bar rect')].every((one) => one && getComputedStyle(one).visibility === 'visible')"""


def test_page_of_a_kernel_that_is_gone_says_so_and_keeps_what_it_showed(notebook: Opened) -> None:
    book = notebook(SETUP.replace("100_000", "5"), "await db.execute('UPDATE issue SET n = id + 1')", WIDGETS, DIES)
    for at in (0, 1, 2):
        book.run(at)
    book.wait(f"{SHOWN} && {BANNERS}.length === 0")
    book.session("restartKernel()")
    book.wait(f"{BANNERS}.filter((said) => said === {GONE!r}).length === 3 && {SHOWN}")
    for at in (0, 1, 2):
        book.run(at)
    book.wait(f"{SHOWN} && {BANNERS}.length === 0")
    book.start(3)
    book.wait(f"{BANNERS}.filter((said) => said === {GONE!r}).length === 3 && {SHOWN}")


CHARTS = """
from eddyline import Database
from eddyline.bindings.jupyter import LiveTable, live_chart
from IPython.display import display
db = await Database.open(":memory:")
await db.execute("CREATE TABLE sale (id INTEGER PRIMARY KEY, day TEXT, region TEXT, n INTEGER)")
await db.executemany(
    "INSERT INTO sale (day, region, n) VALUES (?, ?, ?)",
    [(f"2026-01-{d:02}", r, (d * k) % 17 + 3) for d in range(1, 29) for k, r in ((5, "north"), (7, "south"))],
)
days = await db.live("SELECT day, region, sum(n) AS n FROM sale GROUP BY day, region ORDER BY day")
regions = await db.live("SELECT region, sum(n) AS n FROM sale GROUP BY region ORDER BY region")
trend = await db.live("SELECT region, json_group_array(n) AS trend FROM sale GROUP BY region ORDER BY region")
for kind in ("line", "area", "scatter"):
    display(live_chart(days, kind, x="day", y="n", color="region", height=150))
display(live_chart(regions, "bar", x="region", y="n", height=150))
LiveTable(trend, sparklines=["trend"], height=100)
"""
MANY = """
from eddyline import Database
from eddyline.bindings.jupyter import live_chart
from IPython.display import display
db = await Database.open(":memory:")
await db.execute("CREATE TABLE seen (id INTEGER PRIMARY KEY, at REAL, n REAL, host TEXT)")
def rows():
    for i in range(100_000):
        yield i, i / 1000, (i * 7919 % 10_007) / 100, f"host {i % 40_000}"
await db.executemany("INSERT INTO seen VALUES (?, ?, ?, ?)", list(rows()))
line = await db.live("SELECT id, n FROM seen ORDER BY id")
cloud = await db.live("SELECT at, n FROM seen ORDER BY id")
hosts = await db.live("SELECT host, sum(n) AS n FROM seen GROUP BY host")
charts = ((line, "line"), (cloud, "scatter"), (hosts, "bar"))
display(*[live_chart(view, kind, height=150) for view, kind in charts])
"""
CAPTIONS = "[...document.querySelectorAll('.eddy-caption')].map((one) => one.textContent)"


def test_charts_are_drawn_and_follow(notebook: Opened) -> None:
    book = notebook(CHARTS, 'await db.execute("UPDATE sale SET n = 300 WHERE id = 19")')
    book.run(0)
    book.wait("document.querySelectorAll('.eddy-svg').length === 4 && document.querySelector('.eddy-line polyline')")
    found = book.page.js(
        """() => ["line path", "area .eddy-fill", "scatter circle", "bar rect"].map(
            (one) => document.querySelectorAll(`.eddy-series.eddy-${one}`).length)"""
    )
    assert found == [2, 2, 56, 2]
    before = book.page.js("() => document.querySelector('.eddy-line path').getAttribute('d')")
    book.run(1)
    book.wait(f"document.querySelector('.eddy-line path').getAttribute('d') !== {before!r}")
    book.wait("[...document.querySelectorAll('.eddy-svg text')].some((text) => text.textContent === '200')")
    assert len(book.page.js("() => [...document.querySelectorAll('.eddy-legend span')].map(s => s.textContent)")) == 7


def test_charts_of_a_hundred_thousand_rows_say_what_they_draw_and_show_a_new_extreme(notebook: Opened) -> None:
    book = notebook(MANY, 'await db.execute("UPDATE seen SET n = 1e6 WHERE id = 50000")')
    book.run(0)
    book.wait(f"{CAPTIONS}.length === 3 && {CAPTIONS}.every((said) => said !== '')")
    line, cloud, hosts = book.page.js(f"() => {CAPTIONS}")
    assert re.fullmatch(r"100,000 rows by [1-3],\d{3} of them: first, last, least and greatest of each column", line)
    assert re.fullmatch(r"100,000 rows as 1,\d{3} dots: one stands for up to \d+ close to it", cloud)
    assert hosts == "40,000 rows: the greatest bars, and in grey 39,500 others added up, cut off if higher"
    assert book.page.js("() => document.querySelectorAll('.eddy-bar rect').length") == 501
    book.run(1)
    reached = "[...one.querySelectorAll('text')].some((text) => text.textContent === '1.0e6')"
    book.wait(f"[...document.querySelectorAll('.eddy-svg')].slice(0, 2).every((one) => {reached})")
