"""The feed of a table, and the page's side of it in JavaScript: what the page has equals what the list is."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from eddyline.bindings.notebook.assets import asset
from eddyline.bindings.notebook.sorted_rows import SortedRows
from eddyline.bindings.notebook.table_feed import TableFeed

from ..fake_view import FakeView

Sent = list[dict[str, Any]]  # Any: JSON


def feed_of(view: FakeView) -> tuple[TableFeed, Sent]:
    """Return a feed of `view` and the list of what it sends."""
    sent: Sent = []
    feed = TableFeed(SortedRows(), sent.append)
    feed.columns = tuple(view.columns)
    view.subscribe(feed.changed)
    return feed, sent


def a_view(rows: int = 10) -> FakeView:
    return FakeView(["id", "n"], [(i, i * 10) for i in range(rows)])


def test_page_gets_its_window_alone() -> None:
    feed, sent = feed_of(a_view(100_000))
    feed.want("a", 500, 3)
    assert sent == [
        {
            "op": "rows",
            "n": 0,
            "total": 100_000,
            "to": "a",
            "facts": {},
            "first": 500,
            "columns": [{"name": "id", "kind": "number"}, {"name": "n", "kind": "number"}],
            "ids": [0, 1, 2],
            "rows": [[500, 5000], [501, 5010], [502, 5020]],
        }
    ]


def test_flush_tells_all_windows_in_one_numbered_message() -> None:
    view = a_view()
    feed, sent = feed_of(view)
    feed.want("a", 0, 3)
    feed.want("b", 2, 2)
    sent.clear()
    view.update(2, (2, 99))
    view.insert(0, (77, 0))
    feed.flush()
    assert sent == [
        {
            "op": "patch",
            "n": 1,
            "total": 11,
            "facts": {},
            "windows": {
                "a": {"first": 0, "ops": [["r", 2], ["i", 0, 4, [77, 0], True]]},
                "b": {"first": 2, "ops": [["r", 1], ["i", 0, 1, [1, 10], False], ["u", 1, {"1": 99}]]},
            },
        }
    ]


def test_change_that_no_window_shows_is_told_by_the_total_alone() -> None:
    view = a_view()
    feed, sent = feed_of(view)
    feed.want("a", 0, 2)
    feed.flush()
    sent.clear()
    view.update(9, (9, 1))
    feed.flush()
    assert sent == []
    view.remove(9)
    feed.flush()
    assert sent == [{"op": "patch", "n": 1, "total": 9, "windows": {}}] or [m["total"] for m in sent] == [9]


def test_nobody_there_nothing_sent_and_nothing_counted() -> None:
    view = a_view()
    feed, sent = feed_of(view)
    view.remove(0)
    feed.flush()
    assert (sent, feed.serial) == ([], 0)


def test_sixteen_pages_are_told_the_oldest_goes() -> None:
    feed, _ = feed_of(a_view())
    for page in range(17):
        feed.want(f"page {page}", 0, 5)
    assert len(feed.reach()) == 16


def test_window_is_never_larger_than_the_limit() -> None:
    feed, sent = feed_of(a_view(5000))
    feed.want("a", -5, 10**9)
    assert (sent[0]["first"], len(sent[0]["rows"])) == (0, 2000)


def test_numbers_that_no_page_can_mean_are_forgotten() -> None:
    view = a_view(30_000)
    feed, _ = feed_of(view)
    for first in range(0, 30_000, 2000):
        feed.want("a", first, 2000)
    feed.kept = lambda: [5]
    view.remove(29_999)
    feed.flush()
    assert feed.key_of(5) == 5
    with pytest.raises(KeyError):
        feed.key_of(6)


VALUES = [None, 3, 2.5, -1, "b", "a", "", b"\x00", b"a", 2**62, "B", 3.0, 1e300]


@pytest.mark.parametrize("descending", [False, True])
def test_rows_are_sorted_as_sqlite_sorts_them(descending: bool) -> None:
    rows = SortedRows()
    rows.keys, rows.rows = list(range(len(VALUES))), [(value,) for value in VALUES]
    rows.sort(0, descending=descending)
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    db.executemany("INSERT INTO t (v) VALUES (?)", rows.rows)
    direction = "DESC" if descending else "ASC"
    expected = [row[0] for row in db.execute(f"SELECT v FROM t ORDER BY v {direction}, id")]
    db.close()
    assert [row[0] for row in rows.window(0, 99)[1]] == expected


# --- the page's side, in node

MIRROR = """
import { readFileSync } from "node:fs";
const rows = new FeedRows("a");
const said = [];
for (const message of JSON.parse(readFileSync(0, "utf8"))) said.push(rows.take(message));
console.log(JSON.stringify({ said, ...rows.snapshot() }));
"""


def page_after(messages: Sent, folder: Path) -> Any:  # Any: JSON
    """Return what a page has after these messages, and what it said to each."""
    if shutil.which("node") is None:
        pytest.skip("node isn't installed: the page's side can't be run here")
    script = folder / "page.mjs"
    script.write_text(asset("feed_rows.js") + MIRROR, encoding="utf-8")
    ran = subprocess.run(
        ["node", script], input=json.dumps(messages), capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(ran.stdout)


def write_at_random(view: FakeView, rng: random.Random, serial: int) -> None:
    """Do one of the things that a view does."""
    count = len(view.keys())
    at = rng.randrange(count) if count else 0
    match rng.randrange(7) if count else 0:
        case 0 | 1:
            view.insert(at, (serial, rng.randrange(5)))
        case 2:
            view.remove(at)
        case 3 | 4:
            view.update(at, (view.keys()[at], rng.randrange(5)))
        case 5:
            view.move(at, rng.randrange(count))
        case 6:
            view.reset(rng.sample(view.rows(), k=max(1, count - 1)))


@pytest.mark.parametrize("sort", [None, 1])
def test_page_has_the_window_after_any_changes(sort: int | None, tmp_path: Path) -> None:
    rng = random.Random(7)
    view = a_view(40)
    feed, sent = feed_of(view)
    feed.rows.sort(sort)
    feed.want("a", 5, 20)
    for serial in range(1000, 1400):
        write_at_random(view, rng, serial)
        if rng.random() < 0.5:
            feed.flush()
    feed.flush()
    page = page_after(sent, tmp_path)
    expected = feed.rows.window(5, 20)[1]
    assert page["rows"] == [list(row) for row in expected]
    assert [feed.key_of(number) for number in page["ids"]] == [row[0] for row in expected]
    assert (page["total"], set(page["said"])) == (len(view.keys()), {"changed"})


def test_lost_message_is_a_gap_and_the_window_anew_heals_it(tmp_path: Path) -> None:
    view = a_view()
    feed, sent = feed_of(view)
    feed.want("a", 0, 3)
    for at in range(4):
        view.update(at, (at, at + 500))
        view.remove(len(view.keys()) - 1)
        feed.flush()
    del sent[2]
    feed.want("a", 0, 3)
    page = page_after(sent, tmp_path)
    assert page["said"] == ["changed", "changed", "gap", "gap", "changed"]
    assert page["rows"] == [[0, 500], [1, 501], [2, 502]]


def test_message_that_comes_twice_or_late_changes_nothing(tmp_path: Path) -> None:
    view = a_view(3)
    feed, sent = feed_of(view)
    feed.want("a", 0, 3)
    view.insert(0, (9, 9))
    feed.flush()
    page = page_after([*sent, sent[1], {**sent[0], "to": "another page"}], tmp_path)
    assert (page["said"], page["rows"]) == (["changed", "changed", "same", "same"], [[9, 9], [0, 0], [1, 10]])
