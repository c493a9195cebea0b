"""What stands in a database is text on the screen: it colours nothing, orders the terminal nothing, ends nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from textual.widgets import Input, OptionList, Select, Static, TextArea
from textual.widgets._select import SelectOverlay
from textual.widgets._toast import Toast

from eddyline.demo_tui.target import Target
from eddyline.demo_tui.terminal_text import one_line

from .screen import Seen, demo

WILD = "Zoe [/] [red]漢字 é\u0301\x1b]0;owned\x07\x1b[31m\x9b31m\u202eabc\b\r\nnext"


def make_wild(target: Target, text: str) -> None:
    """Have the issue on top, its project, its person, its comment and its body say `text`."""
    with closing(sqlite3.connect(target.path)) as conn, conn:
        project = conn.execute("SELECT id FROM project ORDER BY id LIMIT 1").fetchone()[0]
        conn.execute("UPDATE project SET name = ? WHERE id = ?", (text, project))
        conn.execute("INSERT INTO person (id, name, team) VALUES ('zz', ?, 'Field')", (text,))
        conn.execute(
            "INSERT INTO issue (id, title, body, priority, project, assignee, opened) "
            "VALUES ('ZZ', ?, ?, 9, ?, 'zz', '2026-01-01 00:00:00')",
            (text, text, project),
        )
        conn.execute(
            "INSERT INTO comment (id, issue, author, body, written) VALUES ('zz', 'ZZ', 'zz', ?, '2026-01-01')",
            (text,),
        )


def drawn(seen: Seen) -> str:
    """All that the terminal is sent for the screen on show."""
    return "".join(
        segment.text for line in seen.app.screen._compositor.render_strips() for segment in line if not segment.control
    )


@pytest.mark.parametrize("keys", [[], ["delete"], ["a"], ["n"], ["n", "tab", "enter"], ["enter", "tab"], ["e"]])
async def test_no_control_character_of_the_data_reaches_the_terminal(sample: Target, keys: list[str]) -> None:
    make_wild(sample, WILD)
    async with demo(sample) as seen:
        seen.tracker.search.set("Zoe")
        await seen.settle()
        await seen.press(*keys)
        shown = drawn(seen)
        assert "Zoe" in shown or keys == ["e"]
        assert [character for character in shown if character in "\x07\x08\x1b\x9b\r\n\u202e"] == []


async def test_names_with_markup_are_shown_as_they_are(sample: Target) -> None:
    make_wild(sample, "[/] [red]x")
    async with demo(sample) as seen:
        seen.tracker.search.set("[/]")
        await seen.settle()
        assert seen.tracker.query_one("#title", Input).value == "[/] [red]x"
        assert seen.tracker.query_one("#body", TextArea).text == "[/] [red]x"
        assert str(seen.tracker.query_one("#assignee #label", Static).visual) == "[/] [red]x"
        await seen.press("a", "[")
        assert seen.app.screen.query_one("#people", OptionList).option_count == 1
        await seen.press("escape", "n")
        assert seen.app.screen.query_one("#new-project", Select).is_mounted
        await seen.press("escape")


async def test_typing_in_a_choice_of_people_finds_a_name(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("enter", "tab", "tab", "tab", "enter", "k", "o", "f", "i")
        overlay = seen.tracker.query_one("#assignee", Select).query_one(SelectOverlay)
        assert overlay.highlighted is not None
        assert str(overlay.get_option_at_index(overlay.highlighted).prompt).startswith("Kofi")


async def test_what_is_no_date_is_said_as_it_was_typed(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("enter", "tab", "tab", "tab", "tab", "[", "/", "]", "ctrl+s")
        told = [str(Toast(notification).render()) for notification in seen.app._notifications]
        assert told == ["'[/]' is no date; write it as 2026-12-31"]


def test_a_name_is_one_line() -> None:
    assert one_line("a\x1b[31m\r\nb 👩\u200d👧") == "a·[31m··b 👩\u200d👧"
