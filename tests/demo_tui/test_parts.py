"""The parts behind the screen: activity, counts, colours, queries for tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from rich.text import Text

from eddyline import Database
from eddyline.demo_tui import table_counts
from eddyline.demo_tui.activity import Activity
from eddyline.demo_tui.examples import table_query
from eddyline.demo_tui.rule_panel import cost_text
from eddyline.demo_tui.session import TABLES_SQL
from eddyline.demo_tui.sql_colors import colored, sql_styles
from eddyline.demo_tui.table_counts import TableCounts, short

Foreign = Callable[[str], None]


async def test_commits_are_told_apart_as_ours_and_those_of_others(music: Path, foreign: Foreign) -> None:
    clock = [0.0]
    async with Database.open(music, poll_s=0) as db:
        activity = Activity(db, lambda: clock[0])
        await db.execute("UPDATE genre SET name = 'Rock!' WHERE id = 1")
        await db.execute("UPDATE genre SET name = 'Rock' WHERE id = 1")
        clock[0] = 1.0
        activity.tick()
        assert (activity.commits(), activity.others(), activity.per_s()) == (2, 0, 2.0)
        foreign("UPDATE genre SET name = 'Tango' WHERE id = 2")
        await db.settled()
        activity.tick()
        assert (activity.commits(), activity.others(), activity.others_lately()) == (3, 1, True)
        await db.execute("UPDATE genre SET name = 'Jazz' WHERE id = 2")
        activity.tick()
        assert (activity.commits(), activity.others()) == (4, 1)
        clock[0] = 9.0
        activity.tick()
        assert not activity.others_lately()
        activity.close()


async def test_commits_from_before_one_counts_are_nobodys(music: Path) -> None:
    async with Database.open(music, poll_s=0) as db:
        await db.execute("UPDATE genre SET name = 'Rock!' WHERE id = 1")
        activity = Activity(db, lambda: 0.0)
        activity.tick()
        assert (activity.commits(), activity.others(), activity.others_lately()) == (0, 0, False)
        await db.execute("UPDATE genre SET name = 'Rock' WHERE id = 1")
        activity.tick()
        assert (activity.commits(), activity.others()) == (1, 0)
        activity.close()


async def test_costly_count_is_told_once_and_not_kept(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_counts, "LIVE_COST_US_MAX", -1)
    async with Database.open(music) as db:
        counts = TableCounts(db, await db.live(TABLES_SQL))
        rows: list[object] = []
        counts.subscribe(lambda patches: rows.append(patches[-1]))
        await counts.fill()
        assert "('track', '~5')" in str(rows[-1])
        assert "2 views" not in repr(db)
        counts.close()


async def test_view_that_no_longer_works_is_listed_without_a_count(music: Path) -> None:
    with closing(sqlite3.connect(music)) as conn:
        conn.execute("CREATE VIEW broken AS SELECT * FROM gone")
    async with Database.open(music) as db:
        counts = TableCounts(db, await db.live(TABLES_SQL))
        await counts.fill()
        rows: list[str] = []
        counts.subscribe(lambda patches: rows.append(str(patches[0])))
        assert "('broken', '?')" in rows[0]
        counts.close()


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (3503, "3,503"), (999_999, "999,999"), (12_345_678, "12.3 M"), (10**9, "1,000.0 M")]
)
def test_count_is_short(count: int, text: str) -> None:
    assert short(count) == text


@pytest.mark.parametrize(
    ("cost_us", "text"), [(None, "–"), (41.4, "41 µs"), (2_345.0, "2,345 µs"), (20_100.0, "20.1 ms")]
)
def test_cost_is_told_in_a_unit_that_fits(cost_us: float | None, text: str) -> None:
    assert cost_text(cost_us) == text


def test_sql_is_coloured_by_kind() -> None:
    text = colored(Text("SELECT count(*) FROM \"from\" WHERE a = 'select' AND b > 12 -- from"))
    kinds = [(text.plain[span.start : span.end], span.style) for span in text.spans]
    assert kinds == [
        ("SELECT", sql_styles(dark=True)["keyword"]),
        ("count", sql_styles(dark=True)["call"]),
        ("FROM", sql_styles(dark=True)["keyword"]),
        ("WHERE", sql_styles(dark=True)["keyword"]),
        ("'select'", sql_styles(dark=True)["string"]),
        ("AND", sql_styles(dark=True)["keyword"]),
        ("12", sql_styles(dark=True)["number"]),
        ("-- from", sql_styles(dark=True)["comment"]),
    ]


@pytest.mark.parametrize("name", ["track", "order", "two words", 'a "quote"', "1st", "_x", "naïve"])
async def test_table_of_any_name_can_be_shown(name: str) -> None:
    async with Database.open(":memory:") as db:
        await db.execute(f'CREATE TABLE "{name.replace(chr(34), chr(34) * 2)}" (a)')
        view = await db.live(table_query(name, has_rowid=True))
        assert view.columns == ("a",)
