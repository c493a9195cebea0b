"""The tracker, driven by its keys, read from its screen."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from textual.color import Color
from textual.widgets import Input, Label, OptionList, Select, Static, TextArea
from textual.widgets._footer import FooterKey

from eddyline import acting
from eddyline.demo_tui.app import WATER
from eddyline.demo_tui.history_screen import HistoryScreen
from eddyline.demo_tui.issue_panel import IssuePanel
from eddyline.demo_tui.state_chart import bar, sparkline
from eddyline.demo_tui.target import Target
from eddyline.demo_tui.tracker_data import Issue
from eddyline.demo_tui.tracker_dialogs import AssignDialog, DeleteDialog, HelpScreen, NewDialog
from eddyline.demo_tui.tracker_screen import TrackerScreen

from .screen import Seen, demo

CHART = "The chart drops accents in right-to-left text"
PREVIEW = "A preview in the status page"


async def issue_of(seen: Seen, title: str) -> Issue:
    """The newest issue of that title, as the database has it."""
    found = await seen.tracker.db.fetch(Issue.where(Issue.title == title).order_by(Issue.id.desc()).limit(1))
    return found[0]


def current(seen: Seen) -> str:
    """The title under the cursor."""
    row: Any = seen.tracker.table.cursor_row  # Any: a row of the list
    return str(row.title)


def write(target: Target, sql: str) -> None:
    """Write as another program would."""
    with closing(sqlite3.connect(target.path)) as conn, conn:
        conn.execute(sql)


async def test_sample_opens_in_the_tracker_with_counts_list_and_issue(sample: Target) -> None:
    async with demo(sample) as seen:
        assert seen.rows("#projects")[:4] == ["All 2,253", "Mine 231", "Compass 164", "Driftwood 122"]
        assert seen.tracker.table.border_title == "all projects · active · 2,253 live"
        assert seen.rows("#issues")[0].startswith("○ 9 The chart drops accents")
        assert seen.tracker.query_one("#title", Input).value == CHART
        assert "2,747" in str(seen.tracker.query_one("#chart", Static).content)


@pytest.mark.parametrize(
    ("key", "column", "value"),
    [("d", "state", "doing"), ("x", "state", "done"), ("minus", "priority", 8), ("plus", "priority", 9)],
)
async def test_key_changes_the_issue_under_the_cursor(sample: Target, key: str, column: str, value: object) -> None:
    async with demo(sample) as seen:
        await seen.press(key)
        assert getattr(await issue_of(seen, CHART), column) == value


async def test_done_issue_leaves_the_list_and_the_counts(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("x")
        assert seen.rows("#projects")[0] == "All 2,252"
        assert current(seen) == PREVIEW
        await seen.press("f", "f", "f")
        assert seen.tracker.table.border_title == "all projects · done · 2,748 live"
        await seen.press("home", "o")
        assert "2,747" in str(seen.tracker.table.border_title)


async def test_cursor_stays_on_its_issue_while_others_change_and_when_it_is_assigned(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("down", "down")
        before = current(seen)
        write(sample, f"UPDATE issue SET state = 'done' WHERE title = '{CHART}'")
        await seen.settle()
        assert current(seen) == before
        await seen.press("m")
        assert current(seen) == before
        assert seen.tracker.query_one("#assignee", Select).value == seen.tracker.me.peek()


async def test_search_narrows_as_one_types_and_letters_are_no_commands(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("slash", *"undo x")
        assert seen.tracker.search() == "undo x"
        assert seen.tracker.table.row_count == 0
        assert "Nothing here." in seen.tracker.table.render_line(1).text
        await seen.press("backspace", "backspace")
        assert seen.tracker.table.row_count == 77
        await seen.press("enter")
        assert seen.app.focused is seen.tracker.table
        await seen.press("escape")
        assert seen.tracker.table.row_count == 2253
        assert (await issue_of(seen, CHART)).state == "open"


async def test_list_is_sorted_by_keys_with_the_cursor_kept(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("s")
        assert current(seen) == CHART
        assert seen.tracker.table.sort_marker == ("title", False)
        await seen.press("home")
        assert current(seen).startswith("A better") or current(seen).startswith("A ")
        await seen.press("r", "home")
        assert current(seen) == "Undo stops after an error when two people edit" or current(seen) > "U"
        for column in ("who", "project", "due", "age", "priority"):
            await seen.press("s")
            assert seen.tracker.table.sort_marker is not None
            assert seen.tracker.table.sort_marker.column == column


async def test_project_under_the_cursor_is_listed(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("p", "down")
        assert seen.tracker.table.border_title == "mine · active · 231 live"
        await seen.press("down", "enter")
        assert seen.tracker.table.border_title == "Compass · active · 164 live"
        assert seen.app.focused is seen.tracker.table


async def test_new_issue_is_made_by_its_dialog(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("n")
        assert isinstance(seen.app.screen, NewDialog)
        await seen.press("enter")  # no title yet
        assert isinstance(seen.app.screen, NewDialog)
        await seen.press(*"Fix it", "enter")
        assert (await issue_of(seen, "Fix it")).priority == 5
        assert seen.rows("#projects")[0] == "All 2,254"


async def test_deleted_issue_comes_back_with_its_comments(sample: Target) -> None:
    async with demo(sample) as seen:
        issue = await issue_of(seen, CHART)
        await seen.press("c", *"Why", "enter", "escape")
        await seen.press("delete")
        assert isinstance(seen.app.screen, DeleteDialog)
        await seen.press("n", "delete", "y")
        assert await seen.tracker.db.get(Issue, issue.id) is None
        await seen.press("u")
        assert await seen.tracker.db.get(Issue, issue.id) == issue
        said = await seen.tracker.db.fetch("SELECT body FROM comment WHERE issue = ?", issue.id)
        assert [row.body for row in said] == ["Why"]


async def test_issue_is_assigned_by_a_part_of_a_name(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("a")
        assert isinstance(seen.app.screen, AssignDialog)
        await seen.press(*"ada ka", "enter")
        assert seen.tracker.query_one("#assignee", Select).value == (await issue_of(seen, CHART)).assignee
        await seen.press("a", *"nobod")
        assert seen.app.screen.query_one(OptionList).option_count == 1
        await seen.press("enter")
        assert (await issue_of(seen, CHART)).assignee is None


async def test_fields_are_saved_when_they_are_left(sample: Target) -> None:
    async with demo(sample) as seen:
        key = (await issue_of(seen, CHART)).id
        await seen.press("enter", "end", "x", "tab")
        assert (await issue_of(seen, CHART + "x")).id == key
        seen.tracker.query_one("#due", Input).focus()
        await seen.press(*"2027-02-30", "enter")  # no such day: said, not written
        await seen.press("escape", *"2027-03-01", "enter")
        seen.tracker.query_one("#body", TextArea).focus()
        await seen.press(*"why", "ctrl+s", "escape")
        issue = await issue_of(seen, CHART + "x")
        assert (str(issue.due), issue.body) == ("2027-03-01", "why")
        assert seen.app.focused is seen.tracker.table


async def test_quitting_saves_what_was_typed_into_the_issue(sample: Target) -> None:
    async with demo(sample) as seen:
        key = (await issue_of(seen, CHART)).id
        await seen.press("enter", "end", "x")
        await seen.pilot.press("ctrl+q")
    with closing(sqlite3.connect(sample.path)) as conn:
        assert conn.execute("SELECT title FROM issue WHERE id = ?", (key,)).fetchone() == (CHART + "x",)


@pytest.mark.parametrize(
    "keys",
    [
        ["c", *"half a comment"],
        ["n", *"half an issue"],
        ["enter", "ctrl+a", "ctrl+k"],  # no title left: that can't be saved
    ],
    ids=["comment", "new issue", "no title"],
)
async def test_quitting_with_text_that_cannot_be_saved_takes_two_times(sample: Target, keys: list[str]) -> None:
    async with demo(sample) as seen:
        await seen.press(*keys)
        await seen.press("ctrl+q")
        assert seen.app._exit is False
        assert "Ctrl+Q again" in [notification.message for notification in seen.app._notifications][-1]
        await seen.pilot.press("ctrl+q")
        assert seen.app._exit is True


async def test_keys_pressed_while_it_starts_are_taken_when_the_list_is_there(sample: Target) -> None:
    async with demo(sample, early=["down", "down", "x"]) as seen:
        await seen.until(lambda: "2,748" in str(seen.tracker.query_one("#chart", Static).content))  # one more is done
        assert seen.tracker.table.cursor_index == 2


async def test_change_by_others_takes_nothing_away_from_the_one_who_types(sample: Target) -> None:
    async with demo(sample) as seen:
        key = (await issue_of(seen, CHART)).id
        await seen.press("enter", "end", "!")
        write(sample, f"UPDATE issue SET title = 'Theirs', priority = 1 WHERE id = '{key}'")
        await seen.settle()
        panel = seen.tracker.query_one(IssuePanel)
        assert panel.query_one("#title", Input).value == CHART + "!"
        assert panel.query_one("#priority", Select).value == 1
        assert "title changed meanwhile" in str(panel.query_one("#notice", Label).content)
        await seen.press("escape")
        assert panel.query_one("#title", Input).value == "Theirs"
        await seen.press("end", "?", "ctrl+s")
        assert (await issue_of(seen, "Theirs?")).id == key


async def test_issue_deleted_by_others_leaves_what_is_typed(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("enter", "end", "!")
        write(sample, f"DELETE FROM issue WHERE title = '{CHART}'")
        await seen.settle()
        assert seen.tracker.query_one("#title", Input).value == CHART + "!"
        assert "deleted meanwhile" in str(seen.tracker.query_one("#notice", Label).content)


async def test_themes_help_and_load_have_their_keys(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("t")
        assert seen.app.theme == "textual-light"
        await seen.press("question_mark")
        assert isinstance(seen.app.screen, HelpScreen)
        await seen.press("escape")
        activity = seen.app.session.peek().activity
        await seen.pilot.press("l")
        await seen.until(lambda: activity.commits.peek() > 5)
        await seen.pilot.press("l")
        await seen.until(lambda: not seen.app.load_on.peek())


async def test_explorer_and_tracker_change_places_and_leave_no_view_behind(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("x", "e")
        assert seen.tables() == ["comment 6,000", "issue 5,000", "person 40", "project 12"]
        await seen.press("f3")
        assert seen.rows("#projects")[0] == "All 2,252"
        db = seen.tracker.db
        await seen.app.action_go("tracker")
        await seen.settle()
        assert repr(db).endswith(": 9 views>")  # the session's own and eight of the one screen on show


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12), (200, 60)])
async def test_list_and_issue_have_room_on_any_screen(sample: Target, size: tuple[int, int]) -> None:
    async with demo(sample, size=size) as seen:
        assert len(seen.rows("#issues")) >= 6
        await seen.press("enter")
        assert seen.tracker.panel.size.width > 20
        await seen.press("escape")
        assert seen.app.focused is seen.tracker.table


async def test_narrow_screen_is_the_list_alone_with_projects_and_issue_in_its_place(sample: Target) -> None:
    async with demo(sample, size=(60, 20)) as seen:
        side, centre = seen.tracker.query_one("#side"), seen.tracker.query_one("#centre")
        assert (seen.tracker.table.size.width, side.display) == (58, False)
        await seen.press("p")
        assert (side.display, centre.display) == (True, False)
        await seen.press("down", "enter")
        assert (side.display, centre.display) == (False, True)
        assert seen.tracker.table.border_title == "mine · active · 231 live"
        await seen.press("p", "slash")
        assert seen.app.focused is seen.tracker.query_one("#search")


async def test_help_and_quit_are_in_the_footer_of_a_narrow_screen(sample: Target) -> None:
    async with demo(sample, size=(60, 20)) as seen:
        shown = [key.description for key in seen.tracker.query(FooterKey) if key.region.right <= 60]
        assert {"Edit", "New", "Search", "Help", "Quit"} <= set(shown)


async def test_help_that_is_higher_than_the_screen_scrolls_by_keys(sample: Target) -> None:
    async with demo(sample, size=(60, 14)) as seen:
        await seen.press("question_mark", "end")
        box = seen.app.screen.query_one("#ask")
        assert box.region.height <= 14
        assert box.scroll_target_y == box.max_scroll_y > 0


async def test_search_box_and_list_are_of_one_width(sample: Target) -> None:
    async with demo(sample) as seen:
        search, table = seen.tracker.query_one("#search").region, seen.tracker.table.region
        assert (search.x, search.right) == (table.x, table.right)


async def test_names_of_others_are_followed(sample: Target) -> None:
    async with demo(sample) as seen:
        issue = await issue_of(seen, CHART)
        write(sample, f"UPDATE person SET name = 'Aa Zz' WHERE id = '{issue.assignee}'")
        write(sample, f"UPDATE project SET name = 'Aqua' WHERE id = '{issue.project}'")
        await seen.settle()
        chosen, head = seen.tracker.query_one("#assignee #label", Static), seen.tracker.query_one("#issue-head", Label)
        await seen.until(lambda: "Aa Zz" in seen.rows("#issues")[0])
        await seen.until(lambda: str(chosen.content) == "Aa Zz")
        await seen.until(lambda: str(head.content).startswith("Aqua · "))


async def test_issue_assigned_to_a_person_who_was_just_made_is_shown(sample: Target) -> None:
    async with demo(sample) as seen:
        with closing(sqlite3.connect(sample.path)) as conn, conn:
            conn.execute("INSERT INTO person (id, name, team) VALUES ('zz', 'Zoe Quist', 'Field')")
            conn.execute("UPDATE issue SET assignee = 'zz' WHERE title = ?", (CHART,))
        await seen.settle()
        assert seen.tracker.query_one("#assignee", Select).value == "zz"
        assert "Zoe Quist" in seen.rows("#issues")[0]


async def test_lists_that_come_and_go_leave_one_title_behind(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("f", "s", "f", "r")
        assert seen.tracker.table.border_title == "all projects · doing · 577 live"
        seen.tracker.search.set("undo")
        await seen.settle()
        assert str(seen.tracker.table.border_title).startswith("all projects · doing · “undo” · ")


async def test_moving_the_cursor_lays_nothing_out_anew(sample: Target) -> None:
    async with demo(sample) as seen:
        laid_out: list[object] = []
        seen.tracker.screen_layout_refresh_signal.subscribe(seen.tracker, laid_out.append)
        titles = set()
        for _ in range(8):
            await seen.press("down")
            titles.add(seen.tracker.query_one("#title", Input).value)
        assert len(titles) == 8
        assert laid_out == []


async def test_long_title_body_and_comments_are_reached_by_scrolling(sample: Target) -> None:
    async with demo(sample) as seen:
        key = (await issue_of(seen, CHART)).id
        with closing(sqlite3.connect(sample.path)) as conn, conn:
            person = conn.execute("SELECT min(id) FROM person").fetchone()[0]
            conn.execute(
                "UPDATE issue SET title = ?, body = ? WHERE id = ?", ("long " * 30 + "end", "line\n" * 30, key)
            )
            said = [(f"c{i:02}", key, person, "said", "2026-01-01 00:00:00") for i in range(30)]
            conn.executemany("INSERT INTO comment (id, issue, author, body, written) VALUES (?, ?, ?, ?, ?)", said)
        await seen.settle()
        title, body, said_box = (seen.tracker.query_one(name) for name in ("#title", "#body", "#said"))
        await seen.until(lambda: said_box.max_scroll_y >= 30)
        assert (body.show_vertical_scrollbar, said_box.show_vertical_scrollbar) == (True, True)
        await seen.press("enter", "end")
        assert title.render_line(0).text.rstrip().endswith("long end")


@pytest.mark.parametrize("selector", ["#comments", "#activity"])
async def test_less_important_words_are_muted(sample: Target, selector: str) -> None:
    async with demo(sample) as seen:
        segment = next(iter(seen.tracker.query_one(selector).render_line(0)))
        assert segment.style is not None
        assert segment.style.color is not None
        assert segment.style.color.triplet != Color.parse(WATER.foreground or "").rich_color.triplet
        assert segment.style.color.triplet != Color.parse("white").rich_color.triplet


async def test_first_key_in_the_title_replaces_nothing(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("enter", "!", "ctrl+s")
        assert (await issue_of(seen, CHART + "!")).title == CHART + "!"


def test_bars_and_lines_are_drawn_to_an_eighth() -> None:
    assert bar(0.5, 3) == "█▌"
    assert bar(1, 3) == "███"
    assert sparkline([0.0, 50.0, 100.0]) == "▁▅█"
    assert sparkline([0.0]) == "▁"


async def test_what_the_user_did_is_undone_and_made_again_but_not_what_the_load_did(sample: Target) -> None:
    async with demo(sample) as seen:
        before = await issue_of(seen, CHART)
        await seen.press("d", "minus")
        with acting("the load"):
            await seen.tracker.db.execute("UPDATE issue SET hours = 77 WHERE id = ?", before.id)
        changed = await seen.tracker.db.get(Issue, before.id)
        assert changed is not None
        assert (changed.state, changed.priority, changed.hours) == ("doing", 8, 77)
        await seen.press("u", "u")
        undone = await seen.tracker.db.get(Issue, before.id)
        assert undone is not None
        assert (undone.state, undone.priority, undone.hours) == (before.state, before.priority, 77)
        await seen.press("U")
        again = await seen.tracker.db.get(Issue, before.id)
        assert again is not None
        assert (again.state, again.priority) == ("doing", before.priority)


async def test_the_history_of_an_issue_says_who_wrote_what_and_keeps_up(sample: Target) -> None:
    async with demo(sample) as seen:
        issue = await issue_of(seen, CHART)
        await seen.press("d", "h")
        assert isinstance(seen.app.screen, HistoryScreen)
        with acting("the load"):
            await seen.tracker.db.execute("UPDATE issue SET hours = 77 WHERE id = ?", issue.id)
        history = seen.app.screen.query_one("#history", Static)
        await seen.until(lambda: "77" in str(history.content))
        told = [line.split("  ", 1)[1].strip() for line in str(history.content).splitlines() if line]
        assert told[:4] == ["the load  update", "hours → 77", "you  doing", "state → doing"]
        await seen.press("escape")
        assert isinstance(seen.app.screen, TrackerScreen)
