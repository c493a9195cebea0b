"""Eddyline in a page of a real Chromium: the wheel as it is served, models, live queries, writes, patches."""

from __future__ import annotations

from .chromium import Browser, Page

THIN = """
from eddyline import Column, Database, Model, Update, Insert, Reset, column

class Issue(Model):
    title: Column[str]
    state: Column[str] = column(default="open")

db = await Database.open(":memory:", models=[Issue])
view = await db.live(Issue.where(Issue.state == "open").order_by(Issue.title))
told = []
view.subscribe(lambda patches: told.append([type(patch).__name__ for patch in patches]))
async with db.transaction() as tx:
    first = await tx.add(Issue(title="b"))
    await tx.add(Issue(title="a"))
await db.write(lambda tx: tx.update(first, title="c"))
await db.execute("UPDATE issue SET state = 'done' WHERE title = 'a'")
titles = [row.title for row in view.rows()]
rule = view.explain().data["rule"]
await db.close()
[told, titles, rule]
"""


def test_a_live_query_of_a_model_follows_writes_in_the_page(page: Page) -> None:
    told, titles, rule = page.python(THIN)
    assert told == [["Reset"], ["Insert", "Insert"], ["Update"], ["Remove"]]
    assert titles == ["c"]
    assert rule == "delta"


LIGHT = """
import sys
heavy = {"sqlglot", "sqlite_utils", "click", "aiosqlite", "textual", "pycrdt", "websockets"}
sorted(heavy & {name.partition(".")[0] for name in sys.modules})
"""


def test_the_page_has_loaded_nothing_that_a_query_of_models_needs_not(page: Page) -> None:
    page.python(THIN)
    assert page.python(LIGHT) == []


GROWN = """
import sqlite3
from eddyline import Column, Database, Model, column

class Note(Model):
    text: Column[str]
    stars: Column[int] = column(default=3)

with sqlite3.connect("/tmp/grown.db", isolation_level=None) as conn:
    conn.execute("CREATE TABLE note (id TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL) STRICT")
    conn.execute("INSERT INTO note VALUES ('a', 'old')")
async with Database.open("/tmp/grown.db", models=[Note]) as db:
    found = [(note.text, note.stars) for note in await db.fetch(Note)]
[list(row) for row in found]
"""


def test_a_model_gains_a_column_where_sqlite_utils_is_not_installed(page: Page) -> None:
    assert page.python(GROWN) == [["old", 3]]


RERUN = """
from eddyline import Database
async with Database.open(":memory:") as db:
    await db.execute("CREATE TABLE t (n)")
    view = await db.live("SELECT count(*) AS n FROM t")
    await db.execute("INSERT INTO t VALUES (1), (2)")
    await db.settled()
    explained = view.explain().data
    answer = [view.rows()[0].n, explained["rule"], explained["reason"]]
answer
"""


def test_a_text_is_run_again_where_sqlglot_is_not_installed_and_says_so(page: Page) -> None:
    number, rule, reason = page.python(RERUN)
    assert (number, rule) == (2, "re-run")
    assert "sqlglot, which reads texts, isn't installed" in reason


KEPT = """
async with Database.open("worker.db", models=[Issue]) as db:
    await db.write(lambda tx: tx.add(Issue(title="written in the worker")))
    await db.saved("local")
    async with Database.open("worker.db", models=[Issue]) as again:
        titles = [issue.title for issue in await again.fetch(Issue)]
titles
"""


def test_the_same_code_runs_in_a_worker(browser: Browser) -> None:
    page = browser.tab()
    page.open(worker=True)
    assert page.python("import js; hasattr(js, 'document')") is False
    assert page.python(THIN) == [[["Reset"], ["Insert", "Insert"], ["Update"], ["Remove"]], ["c"], "delta"]
    assert page.python(KEPT) == ["written in the worker"]
    page.close()
