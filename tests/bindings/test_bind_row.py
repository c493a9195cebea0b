"""Two-way binding of a widget and a cell of a row: typed values are written, other writers' come in."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Literal

import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Select, TextArea

from eddyline import Column, Database, Email, Model, Money, Text, column
from eddyline.bindings.textual import bind_input


class Issue(Model):
    title: Column[str]
    body: Text = Text()
    state: Column[Literal["open", "done"]] = column(default="open")
    urgent: Column[bool] = column(default=False)
    due: Column[dt.date | None] = column(default=None)
    mail: Column[Email | None] = column(default=None)
    price: Column[Money] = column(default=Decimal(0))


class Form(App[None]):
    """One widget, bound to a cell."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_mount(self) -> None:
        self.widget.focus()


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Issue]) as database:
        yield database


async def stored(db: Database) -> Issue:
    return (await db.fetch(Issue))[0]


async def test_typed_text_is_written_and_other_writers_come_in(db: Database) -> None:
    issue = await db.write(lambda tx: tx.add(Issue(title="Slow")))
    box, watched = Input(), issue.watch()
    bind_input(box, watched, Issue.title)
    async with Form(box).run_test() as pilot:
        assert box.value == "Slow"
        await pilot.press("end", *"er now")
        await watched.cell(Issue.title).written()
        assert (await stored(db)).title == "Slower now"
        await db.execute("UPDATE issue SET title = 'Theirs'")
        await pilot.pause()
        assert box.value == "Theirs"
    watched.close()


async def test_letters_typed_while_older_ones_are_written_are_never_lost(db: Database) -> None:
    issue = await db.write(lambda tx: tx.add(Issue(title="")))
    box, watched = Input(), issue.watch()
    bind_input(box, watched, Issue.title)
    async with Form(box).run_test() as pilot:
        for at, letter in enumerate("abcdefghij", 1):
            await pilot.press(letter)
            assert box.value == "abcdefghij"[:at]
        await watched.cell(Issue.title).written()
        await pilot.pause()
        assert (box.value, (await stored(db)).title) == ("abcdefghij", "abcdefghij")


@pytest.mark.parametrize(
    ("name", "shown", "keys", "left", "value"),
    [
        ("mail", "", ["a", "@"], "a@", None),
        ("mail", "", ["a", "@", "b", ".", "i", "o"], "a@b.io", "a@b.io"),
        ("due", "", [*"2026-01-0"], "2026-01-0", None),
        ("due", "", [*"2026-01-02"], "2026-01-02", dt.date(2026, 1, 2)),
        ("price", "0.00", ["home", "1", "2"], "120.00", Decimal("120.00")),
    ],
)
async def test_text_is_read_as_the_column_means_it(
    db: Database, name: str, shown: str, keys: list[str], left: str, value: Any
) -> None:
    issue = await db.write(lambda tx: tx.add(Issue(title="Slow")))
    box, watched = Input(), issue.watch()
    cell = watched.cell(getattr(Issue, name))
    bind_input(box, cell)
    async with Form(box).run_test() as pilot:
        assert box.value == shown
        await pilot.press(*keys)
        await cell.written()
        assert (await stored(db))[name] == value
        assert box.value == left


async def test_area_check_box_and_menu_are_bound_to_cells(db: Database) -> None:
    issue = await db.write(lambda tx: tx.add(Issue(title="Slow", body="one")))
    area, check, menu = TextArea(), Checkbox(), Select([("Open", "open"), ("Done", "done"), ("Odd", "odd")])
    for widget, one in ((area, Issue.body), (check, Issue.urgent), (menu, Issue.state)):
        bind_input(widget, issue, one)

    class Forms(App[None]):
        def compose(self) -> ComposeResult:
            yield from (area, check, menu)

    async with Forms().run_test() as pilot:
        assert (area.text, check.value, menu.value) == ("one", False, "open")
        area.insert("two ")
        check.value, menu.value = True, "done"
        await pilot.pause()
        await db.settled()
        assert await db.fetch(Issue.select(Issue.body, Issue.urgent, Issue.state)) == [("two one", True, "done")]
        menu.value = "odd"  # what the column doesn't take stays in the menu alone
        await pilot.pause()
        assert (await stored(db)).state == "done"
        assert len(db._live) == 3
    assert len(db._live) == 0  # each watch was the widget's own


async def test_binding_of_what_is_no_row_is_refused() -> None:
    anything: Any = "issue"
    with pytest.raises(TypeError, match="bind_input takes a signal, or a row of a model and a column, not str"):
        bind_input(Input(), anything, Issue.title)
