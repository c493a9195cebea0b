"""Databases that the browser keeps, in pages and in workers: reload, killed tabs, several tabs, no room left."""

from __future__ import annotations

import os
import random
from itertools import count

import pytest

from .chromium import Browser, Page

_names = (f"test-{number}.db" for number in count())

OPEN = """
from eddyline import Column, Database, Model, column

class Issue(Model):
    title: Column[str]
    n: Column[int] = column(default=0)

db = await Database.open({name!r}, models=[Issue])
view = await db.live(Issue.order_by(Issue.title))
"""


@pytest.fixture
def name() -> str:
    return next(_names)


def test_what_was_saved_is_there_after_a_reload(page: Page, name: str) -> None:
    page.python(OPEN.format(name=name))
    page.python(
        """
async with db.transaction() as tx:
    await tx.add(Issue(title="kept"))
    await tx.execute("CREATE TABLE plain (x)")
await db.execute("INSERT INTO plain VALUES (1), ('ü'), (NULL), (x'00ff')")
await db.saved("local")
"""
    )
    page.open()
    page.python(OPEN.format(name=name))
    found = page.python(
        "[[i.title for i in view.rows()], [repr(row[0]) for row in await db.fetch('SELECT x FROM plain')]]"
    )
    assert found == [["kept"], ["1", "'ü'", "None", r"b'\x00\xff'"]]
    page.python("await db.close()")


def test_closing_saves_and_opening_twice_in_one_page_is_like_two_programs(page: Page, name: str) -> None:
    page.python(OPEN.format(name=name))
    assert page.python(
        f"""
from eddyline import ReadOnlyError
other = await Database.open({name!r}, models=[Issue])
seen = await other.live(Issue.order_by(Issue.title))
await other.write(lambda tx: tx.add(Issue(title="b")))
await db.write(lambda tx: tx.add(Issue(title="a")))
await other.write(lambda tx: tx.add(Issue(title="c")))
await db.close()
await other.settled()
titles = [i.title for i in seen.rows()]
await other.close()
async with Database.open({name!r}, models=[Issue], readonly=True) as db:
    again = [i.title for i in await db.fetch(Issue.order_by(Issue.title))]
    try:
        await db.execute("DELETE FROM issue")
    except ReadOnlyError:
        again.append("refused")
[titles, again]
"""
    ) == [["a", "b", "c"], ["a", "b", "c", "refused"]]


WRITE = """
import asyncio, js
async def write():
    n = await db.fetch(Issue.where(Issue.title == "total"))
    n = n[0].n if n else 0
    while True:
        n += 1
        async with db.transaction() as tx:
            if n == 1:
                await tx.add(Issue(title="total", n=1))
            await tx.execute("UPDATE issue SET n = ? WHERE title = 'total'", n)
            await tx.execute("INSERT INTO issue (id, title, n) VALUES (?, 'row', ?)", f"row{n:06}", n)
        if n % 3 == 0:
            await db.saved("local")
            js.console.log(f"saved {n}")
writing = asyncio.ensure_future(write())
"""
STATE = """
total = (await db.fetch("SELECT n FROM issue WHERE title = 'total'") or [(0,)])[0][0]
rows = (await db.fetch("SELECT count(*), coalesce(max(n), 0) FROM issue WHERE title = 'row'"))[0]
[total, *rows, (await db.fetch("PRAGMA integrity_check"))[0][0]]
"""


@pytest.mark.parametrize("seed", range(20 if os.environ.get("EDDYLINE_SOAK") == "1" else 1))
def test_a_tab_that_is_killed_anywhere_loses_nothing_that_was_saved(browser: Browser, name: str, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged = 0
    for worker, kill in zip(chance.sample((True, True, False, False), 4), (True, True, True, False), strict=True):
        page = browser.tab()
        page.open(worker=worker)
        page.python(OPEN.format(name=name))
        total, rows, newest, sound = page.python(STATE)
        assert (rows, newest, sound) == (total, total, "ok")
        assert total >= acknowledged
        if kill:
            page.python(WRITE)
            page.wait_for("saved", 1 + chance.randrange(10))
            page.crash(chance.random() * 0.03)
            acknowledged = max(int(line.split()[1]) for line in page.said if line.startswith("saved"))
    page.close()


TWENTY = """
import asyncio
async def write():
    for n in range(20):
        await db.write(lambda tx: tx.add(Issue(title="{which}", n=n)))
        await asyncio.sleep(0.01)
    await db.saved("local")
writing = asyncio.ensure_future(write())
"""


def test_every_tab_writes_and_follows_the_others_and_one_that_is_killed_hands_over(
    browser: Browser, page: Page, name: str
) -> None:
    second = browser.tab()
    second.open(worker=True)
    for tab in (page, second):
        tab.python(OPEN.format(name=name))
    page.python('await db.write(lambda tx: tx.add(Issue(title="a")))')
    second.python('await db.write(lambda tx: tx.add(Issue(title="b")))')
    page.python('await db.write(lambda tx: tx.add(Issue(title="c"))); await db.saved("local")')
    titles = "[i.title for i in view.rows()]"
    for tab in (second, page):
        tab.until(titles, ["a", "b", "c"])

    page.python(TWENTY.format(which="x"))  # both all the time, in turns
    second.python(TWENTY.format(which="y"))
    for tab in (page, second):
        tab.python("await writing")
    for tab in (page, second):
        tab.until("[len(view.rows()), sum(i.n for i in view.rows())]", [43, 2 * sum(range(20))])

    second.python('await db.write(lambda tx: tx.add(Issue(title="kept"))); await db.saved("local")')
    second.crash()
    page.python('await db.write(lambda tx: tx.add(Issue(title="z")))')
    assert {"kept", "z"} < set(page.python(titles))
    page.python("await db.close()")


def test_no_room_left_is_told_and_what_is_in_memory_is_saved_once_there_is(browser: Browser, name: str) -> None:
    origin = browser.url.replace("127.0.0.1", "localhost")  # fresh: Chromium remembers what was free
    page = browser.tab()
    session = browser.run(browser.context.new_cdp_session(page.playwright))
    page.open(origin + "/")
    browser.run(session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1000}))
    page.python(OPEN.format(name=name))
    (reason, message), rows = page.python(
        """
import asyncio
from eddyline import NotSavedError
asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # told here, too
await db.write(lambda tx: tx.add(Issue(title="x" * 100_000)))
try:
    await db.saved("local")
    answer = None
except NotSavedError as error:
    answer = [error.reason, str(error)]
[answer, len(view.rows())]
"""
    )
    browser.run(session.send("Storage.overrideQuotaForOrigin", {"origin": origin}))
    assert (reason, rows) == ("full", 1)
    assert "is committed in memory only; the browser gives this page no more room" in message
    page.python('await db.saved("local"); await db.close()')
    page.python(OPEN.format(name=name))
    assert page.python("[len(i.title) for i in view.rows()]") == [100_000]
    page.close()


def test_a_browser_that_keeps_nothing_is_told_when_the_database_is_opened(page: Page, name: str) -> None:
    page.js(
        """() => {
            window.opens = indexedDB.open
            IDBFactory.prototype.open = () => { throw new DOMException("no", "SecurityError") }
        }"""
    )
    said = page.python(
        f"""
from eddyline import Database, OpenError
try:
    await Database.open({name!r})
    said = ""
except OpenError as error:
    said = str(error)
said
"""
    )
    page.js("() => { IDBFactory.prototype.open = window.opens }")
    assert "in a private window, or where site data is blocked" in said


def test_a_database_that_is_not_there_is_not_made_where_it_must_be(page: Page, name: str) -> None:
    said = page.python(
        f"""
from eddyline import Database, OpenError
said = []
for options in (dict(create=False), dict(readonly=True), dict(durability="fast")):
    try:
        await Database.open({name!r}, **options)
    except OpenError as error:
        said.append(str(error))
said
"""
    )
    assert [text.partition(";")[0] for text in said[:2]] == [f"the browser keeps no database {name!r}"] * 2
    assert said[2].startswith("durability is one of off, normal, full, extra")
