"""The app, driven by keys and mouse, read from its screen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from eddyline import ClosedError
from eddyline.bindings.textual import LiveTable
from eddyline.demo_tui.examples import EXAMPLES
from eddyline.demo_tui.query_list import QueryList
from eddyline.demo_tui.table_list import TableList
from eddyline.demo_tui.target import Target

from .screen import demo, explorer

Foreign = Callable[[str], None]

BY_GENRE = """SELECT g.name, count(*) AS tracks, sum(t.seconds) AS seconds
FROM track t JOIN genre g ON g.id = t.genre
GROUP BY g.name ORDER BY tracks DESC, g.name"""


def state_of(path: Path) -> tuple[object, ...]:
    """Journal mode and schema of a file."""
    with closing(sqlite3.connect(path)) as conn:
        schema = conn.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()
        return (conn.execute("PRAGMA journal_mode").fetchone()[0], schema)


def bytes_of(path: Path) -> bytes:
    """What stands in a file."""
    return path.read_bytes()


async def test_sample_opens_with_counts_and_a_grouped_join(sample: Target) -> None:
    async with explorer(sample) as seen:
        assert seen.tables() == ["comment 6,000", "issue 5,000", "person 40", "project 12"]
        assert len(seen.rows()) == 12
        assert seen.rows()[0] == "Lighthouse 415 5229 3.09"
        assert seen.text("#chip").strip() == "DELTA"


async def test_every_example_of_the_sample_is_shown_by_its_rule(sample: Target) -> None:
    async with explorer(sample) as seen:
        rules = {}
        queries = seen.explorer.query_one(QueryList)
        for place, example in enumerate(EXAMPLES):
            queries.focus()
            queries.highlighted = place
            await seen.pilot.press("enter")
            await seen.settle()
            rules[example.name] = seen.text("#chip").strip().lower()
            assert seen.explorer.box.sql == example.sql
            assert seen.rows()
        assert set(rules.values()) >= {"delta", "key"}


async def test_typed_query_shows_rows_and_rule(music: Path) -> None:
    async with demo(music) as seen:
        await seen.run(BY_GENRE)
        assert seen.rows() == ["Jazz 2 556", "Rock 2 381", "Folk 1 95"]
        assert seen.text("#chip").strip() == "DELTA"
        assert seen.explorer.result.border_title == "3 rows · live"


async def test_footer_says_how_to_quit_while_a_query_is_typed(music: Path) -> None:
    async with demo(music) as seen:
        shown = [one.binding.description for one in seen.app.screen.active_bindings.values() if one.binding.show]
        assert shown.count("Quit") == 1


async def test_write_of_another_program_reaches_the_screen(music: Path, foreign: Foreign) -> None:
    async with demo(music, query=BY_GENRE) as seen:
        foreign("INSERT INTO track VALUES (6, 'Sluice', 3, 100)")
        foreign("UPDATE track SET genre = 3 WHERE id = 2")
        await seen.settle()
        assert seen.rows() == ["Folk 3 375", "Jazz 2 556", "Rock 1 201"]
        assert "track 6" in seen.tables()
        assert seen.text("#all .value") != "0"
        seen.app.session.peek().activity.tick()
        await seen.settle()
        assert "another program writes" in seen.text("#activity")


async def test_table_of_another_program_is_listed_at_once(music: Path, foreign: Foreign) -> None:
    async with demo(music) as seen:
        foreign("CREATE TABLE album (id INTEGER PRIMARY KEY)")
        await seen.settle()
        assert seen.tables()[0].startswith("album")


async def test_bad_query_shows_its_place_and_keeps_the_rows(music: Path) -> None:
    async with demo(music, query=BY_GENRE) as seen:
        await seen.run("SELECT title,\n       secnds\nFROM track")
        assert seen.text("#error") == "no column 'secnds'; did you mean seconds? (line 2, column 8)"
        assert seen.explorer.box.area.mark == (1, 7)
        assert len(seen.rows()) == 3
        await seen.run(BY_GENRE)
        assert not seen.explorer.box.has_class("-wrong")


async def test_lock_held_too_long_is_told_and_waited_out(music: Path) -> None:
    async with demo(music, query=BY_GENRE, busy_timeout_s=0.01) as seen:
        with closing(sqlite3.connect(music)) as other:
            other.execute("BEGIN EXCLUSIVE")
            seen.explorer.box.sql = "SELECT max(seconds) FROM track"
            await seen.pilot.press("enter")
            await seen.app.workers.wait_for_complete()
            assert "lock" in seen.text("#error")
            assert len(seen.rows()) == 3
        await seen.run("SELECT max(seconds) FROM track")
        assert seen.rows() == ["312"]


async def test_mark_of_an_error_goes_when_one_types_on(music: Path) -> None:
    async with demo(music) as seen:
        await seen.run("SELEC 1")
        assert seen.explorer.box.area.mark == (0, 0)
        await seen.pilot.press("x")
        await seen.settle()
        assert seen.explorer.box.area.mark is None


async def test_click_on_a_table_shows_its_newest_rows(music: Path) -> None:
    async with demo(music) as seen:
        place = seen.tables().index("track 5")
        await seen.pilot.click(TableList, offset=(3, 1 + place))
        await seen.settle()
        assert seen.rows()[0] == "5 Eddy 2 312"
        assert seen.explorer.box.sql == "SELECT * FROM track\nORDER BY rowid DESC LIMIT 200"


@pytest.mark.parametrize("name", ["genre", "long", "playlist", "track"])
async def test_any_kind_of_table_is_shown_by_enter(music: Path, name: str) -> None:
    async with demo(music) as seen:
        tables = seen.explorer.query_one(TableList)
        tables.focus()
        tables.move_cursor(key=name)
        await seen.pilot.press("enter")
        await seen.settle()
        assert f"FROM {name}" in seen.explorer.box.sql
        assert seen.rows()
        assert seen.text("#error") == ""


async def test_foreign_file_gains_nothing(music: Path) -> None:
    before, data = state_of(music), bytes_of(music)
    async with demo(music) as seen:
        await seen.run(BY_GENRE)
        await seen.run("SELECT t.title FROM track t LEFT JOIN playlist p ON p.track = t.id ORDER BY t.title LIMIT 3")
    assert state_of(music) == before
    assert bytes_of(music) == data
    assert [path.name for path in music.parent.iterdir()] == ["music.db"]


async def test_empty_file_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    async with demo(path) as seen:
        assert seen.rows() == ["no tables yet"]
    assert path.read_bytes() == b""


async def test_typed_write_is_refused_on_a_foreign_file(music: Path) -> None:
    data = bytes_of(music)
    async with demo(music) as seen:
        await seen.run("DELETE FROM track")
        assert "only reads" in seen.text("#error")
    assert bytes_of(music) == data


async def test_typed_write_is_made_on_the_sample_and_shown(sample: Target) -> None:
    async with explorer(sample) as seen:
        await seen.run("UPDATE issue SET state = 'done' WHERE project = (SELECT min(id) FROM project)")
        assert not any(row.startswith("Lighthouse") for row in seen.rows())
        assert seen.text("#last .value") == "1"


async def test_load_key_starts_and_stops_the_load(sample: Target) -> None:
    async with explorer(sample) as seen:
        activity = seen.app.session.peek().activity
        await seen.pilot.press("ctrl+l")
        await seen.until(lambda: activity.commits.peek() >= 20)
        assert seen.app.load_on.peek()
        await seen.pilot.press("ctrl+l")
        await seen.until(lambda: not seen.app.load_on.peek())
        assert activity.others.peek() == 0


async def test_load_on_a_foreign_file_asks_and_goes_on_with_a_copy(music: Path) -> None:
    data = bytes_of(music)
    async with demo(music, query=BY_GENRE) as seen:
        await seen.pilot.press("ctrl+l")
        await seen.pilot.press("n")
        await seen.settle()
        assert seen.app.session.peek().target.kind == "file"
        await seen.pilot.press("ctrl+l")
        await seen.pilot.press("y")
        await seen.until(lambda: seen.app.load_on.peek())
        session = seen.app.session.peek()
        await seen.until(lambda: session.activity.commits.peek() >= 5)
        assert session.target.kind == "copy"
        assert session.target.path.exists()
    assert bytes_of(music) == data
    assert not session.target.path.exists()


async def test_explain_opens_above_and_closes(music: Path) -> None:
    async with demo(music, query=BY_GENRE) as seen:
        await seen.pilot.press("f2")
        assert len(seen.app.screen_stack) == 3
        await seen.pilot.press("escape")
        assert len(seen.app.screen_stack) == 2


async def test_earlier_queries_come_back(music: Path) -> None:
    async with demo(music) as seen:
        await seen.run("SELECT 1 AS a")
        await seen.run("SELECT 2 AS b")
        await seen.pilot.press("ctrl+up")
        assert seen.explorer.box.sql == "SELECT 1 AS a"
        await seen.pilot.press("ctrl+down")
        assert seen.explorer.box.sql == "SELECT 2 AS b"


async def test_new_line_key_begins_a_line_and_runs_nothing(music: Path) -> None:
    async with demo(music, query=BY_GENRE) as seen:
        seen.explorer.box.sql = "SELECT 1"
        await seen.pilot.press("ctrl+j")
        await seen.settle()
        assert seen.explorer.box.sql == "SELECT 1\n"
        assert len(seen.rows()) == 3


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (40, 12)])
async def test_screens_of_any_size_have_room_for_rows(sample: Target, size: tuple[int, int]) -> None:
    async with explorer(sample, size=size) as seen:
        result = seen.explorer.query_one("#result", LiveTable)
        assert result.region.height >= (10 if size[1] >= 24 else 3)
        assert seen.app.screen.region.contains_region(result.region)


async def test_quitting_closes_the_database(music: Path) -> None:
    async with demo(music) as seen:
        session = seen.app.session.peek()
        seen.explorer.result.focus()
        await seen.pilot.press("q")
    assert session.closed
    with pytest.raises(ClosedError):
        await session.db.fetch("SELECT 1")


async def test_keys_pressed_while_it_starts_are_typed_into_the_box(music: Path) -> None:
    async with demo(music, early=[*" -- in time"]) as seen:
        await seen.until(lambda: seen.explorer.box.sql.endswith(" -- in time"))


async def test_table_that_another_program_makes_or_renames_is_counted(
    music: Path, foreign: Callable[[str], None]
) -> None:
    async with demo(music) as seen:
        foreign("CREATE TABLE album (name)")
        foreign("INSERT INTO album VALUES ('Weir'), ('Delta')")
        foreign("ALTER TABLE genre RENAME TO style")
        await seen.settle()
        await seen.settle()
        assert seen.tables() == ["album 2", "playlist 2", "style 3", "track 5", "long 3"]
