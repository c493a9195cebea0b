"""TextField: several people in one text, in a terminal: cursors stay where they are, undo takes back one's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets.text_area import Selection

from eddyline import Column, Database, Model, SharedText, Text, TextChange, column
from eddyline.bindings.textual import RemoteCursor, TextField
from eddyline.signals import ManualClock, signal


class Page(Model):
    title: Column[str] = column(default="")
    body: Text


class Paper(App[None]):
    def __init__(self, *fields: TextField) -> None:
        super().__init__()
        self.fields = fields

    def compose(self) -> ComposeResult:
        yield from self.fields


Open = Callable[[str], Awaitable[tuple[Database, SharedText, SharedText]]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Open a text twice: one for the field, one for somebody else."""
    async with AsyncExitStack() as stack:

        async def open_one(body: str) -> tuple[Database, SharedText, SharedText]:
            db = await stack.enter_async_context(Database.open(":memory:", models=[Page], log=True))
            async with db.transaction() as tx:
                page = await tx.add(Page(id="1", body=body))
            clock = ManualClock()
            return db, await db.text(page, Page.body, clock=clock), await db.text(page, Page.body, clock=clock)

        yield open_one


def red_of(field: TextField, line: int) -> str:
    """Return what stands on red in a line as it is painted."""
    painted = [(one.text, one.style.bgcolor) for one in field.render_line(line) if one.style]
    return "".join(text for text, color in painted if color is not None and color.name == "#ff0000")


async def hear(pilot: Pilot[None], one: SharedText, other: SharedText) -> None:
    """Let both have what the other has typed."""
    await one.flush()
    await other.flush()
    await pilot.pause()
    assert one() == other()


async def test_what_is_typed_goes_to_the_text(opened: Open) -> None:
    db, text, _ = await opened("one\ntwo")
    async with Paper(field := TextField(text)).run_test() as pilot:
        field.focus()
        field.cursor_location = (1, 3)
        await pilot.press("!", "enter", "y")
        field.insert("😀")
        await pilot.press("backspace", "left", "delete", "x")
        assert text() == field.text == "one\ntwo!\nx"
        assert field.has_class("-pending")
        await text.flush()
        await pilot.pause()
        assert not field.has_class("-pending")
    assert await db.fetch("SELECT body FROM page") == [("one\ntwo!\nx",)]


async def test_others_type_without_moving_the_cursor_from_its_character(opened: Open) -> None:
    _, text, other = await opened("one two\nthree")
    async with Paper(field := TextField(text)).run_test() as pilot:
        field.cursor_location = (1, 2)  # before the r
        for change, place in [
            (TextChange(0, 0, "zero\n"), (2, 2)),  # a line above
            (TextChange(15, 0, "^"), (2, 2)),  # right at the cursor: behind it
            (TextChange(13, 0, "😀"), (2, 3)),  # in its line, before it
            (TextChange(5, 4, ""), (2, 3)),  # above, in another line
            (TextChange(4, 1, " "), (1, 3)),  # two lines above it become one
        ]:
            other.edit([change])
            await hear(pilot, other, text)
            assert (field.text, field.cursor_location) == (other(), place)


async def test_a_delete_across_the_cursor_leaves_it_where_the_gap_was(opened: Open) -> None:
    _, text, other = await opened("0123456789")
    async with Paper(field := TextField(text)).run_test() as pilot:
        field.cursor_location = (0, 5)
        other.delete(2, 8)
        await hear(pilot, other, text)
        assert (field.text, field.cursor_location) == ("0189", (0, 2))


async def test_a_selection_stays_on_its_text(opened: Open) -> None:
    _, text, other = await opened("one two three")
    async with Paper(field := TextField(text)).run_test() as pilot:
        field.selection = Selection((0, 7), (0, 4))  # "two", from behind
        other.edit([TextChange(13, 0, "!"), TextChange(7, 0, "2"), TextChange(5, 0, "W"), TextChange(4, 0, "(")])
        await hear(pilot, other, text)
        assert field.text == "one (tWwo2 three!"
        assert field.selected_text == "tWwo"
        assert field.selection == Selection((0, 9), (0, 5))


async def test_undo_takes_back_what_was_typed_here_and_goes_there(opened: Open) -> None:
    _, text, other = await opened("middle")
    async with Paper(field := TextField(text)).run_test() as pilot:
        field.focus()
        field.cursor_location = (0, 6)
        await pilot.press(*"end")
        other.insert(0, "start ")
        await hear(pilot, other, text)
        field.cursor_location = (0, 0)
        await pilot.press("ctrl+z")
        assert (field.text, field.cursor_location) == ("start middle", (0, 12))
        await pilot.press("ctrl+y")
        assert (field.text, field.cursor_location) == ("start middleend", (0, 15))
        await pilot.press("ctrl+z", "ctrl+z", "ctrl+z")
        await hear(pilot, text, other)
        assert other() == "start middle"


async def test_a_selection_that_is_replaced_cut_and_pasted_goes_to_the_text(opened: Open) -> None:
    _, text, _ = await opened("one two three")
    async with Paper(field := TextField(text)).run_test() as pilot:
        field.focus()
        field.selection = Selection((0, 4), (0, 7))
        await pilot.press("2")
        assert text() == field.text == "one 2 three"
        field.select_all()
        await pilot.press("ctrl+x")
        assert text() == field.text == ""
        await pilot.press("ctrl+v", "!")
        assert text() == field.text == "one 2 three!"
        field.text = "one 3 three!"
        assert text() == field.text == "one 3 three!"


async def test_lines_that_end_in_other_ways_are_kept(opened: Open) -> None:
    _, text, other = await opened("one\r\ntwo\u2028three\n")
    async with Paper(field := TextField(text)).run_test() as pilot:
        field.focus()
        field.cursor_location = (2, 5)
        await pilot.press("!")
        assert text() == "one\r\ntwo\u2028three!\n"
        other.delete(4, 5)  # of \r\n the \n: still the end of a line
        await hear(pilot, other, text)
        assert text() == "one\rtwo\u2028three!\n"
        assert field.document.lines == ["one", "two", "three!", ""]
        assert field.cursor_location == (2, 6)
        await pilot.press("?")
        assert text() == "one\rtwo\u2028three!?\n"


async def test_two_fields_on_two_texts_come_to_the_same(opened: Open) -> None:
    _, text, other = await opened("")
    async with Paper(one := TextField(text), two := TextField(other)).run_test() as pilot:
        for at, field in enumerate([one, two, one, two, two, one]):
            field.focus()
            await pilot.pause()
            await pilot.press(*f"{at}ab", *["left"] * (at % 3), *["enter"] * (at % 2), "delete")
            if at % 2:
                await hear(pilot, text, other)
        await hear(pilot, text, other)
        assert one.text == two.text == text()


async def test_many_changes_at_once_are_loaded_with_the_cursor_kept(opened: Open) -> None:
    _, text, other = await opened("\n".join(["line"] * 50) + "\nhere")
    async with Paper(field := TextField(text)).run_test() as pilot:
        field.cursor_location = (50, 2)
        other.edit([TextChange(5 * at, 4, f"{at:05}") for at in range(50)])
        await hear(pilot, other, text)
        assert field.text == other()
        row, at = field.cursor_location
        assert field.document.lines[row][at:] == "re"


async def test_others_are_seen_where_they_stand(opened: Open) -> None:
    _, text, other = await opened("one\ntwo")
    others = signal(list[RemoteCursor]())
    async with Paper(field := TextField(text, cursors=others)).run_test(size=(40, 10)) as pilot:
        mine = TextField(other)
        await pilot.app.mount(mine)
        mine.cursor_location = (1, 3)
        await pilot.pause()
        at, anchor = mine.cursor.peek(), other.sticky(0)
        assert at is not None
        others.set([RemoteCursor("Ben", "red", at, anchor)])
        await pilot.pause()
        assert " Ben " in str(field.border_subtitle)
        assert [red_of(field, line) for line in (0, 1)] == ["", " "]
        other.insert(0, "zero\n")
        await hear(pilot, other, text)
        assert {row: marks[-1][:2] for row, marks in field._eddy_marks.items() if marks[-1][1] == 4} == {2: (3, 4)}
        others.set([])
        await pilot.pause()
        assert not field.border_subtitle
        assert field._eddy_marks == {}


async def test_a_row_and_its_column_are_opened_with_the_field_and_closed_with_it() -> None:
    async with Database.open(":memory:", models=[Page], log=True) as db:
        async with db.transaction() as tx:
            page = await tx.add(Page(id="1", body="one"))
        async with Paper(field := TextField(page, Page.body)).run_test() as pilot:
            while field.shared is None:
                await pilot.pause()
            shared = field.shared
            field.focus()
            field.cursor_location = (0, 3)
            await pilot.press("!")
            assert field.text == "one!"
            await field.remove()
            assert shared.closed
        await db.settled()
        while shared.pending:
            await db.settled()
        assert await db.fetch("SELECT body FROM page") == [("one!",)]


async def test_where_the_row_is_gone_the_field_is_read_only(opened: Open) -> None:
    db, text, _ = await opened("one")
    async with Paper(field := TextField(text)).run_test() as pilot:
        await db.execute("DELETE FROM page")
        while not field.read_only:
            await pilot.pause()
        assert field.text == "one"


def test_what_is_no_text_is_refused(opened: Open) -> None:
    with pytest.raises(TypeError, match="TextField takes a SharedText, or a row of a model and one of its Text"):
        TextField(Page(body="a"))
