from __future__ import annotations

from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Label, Select, Switch, TextArea
from textual.widgets.text_area import Selection

from eddyline.bindings.text_selection import moved_selection
from eddyline.bindings.textual import bind_input
from eddyline.signals import Signal, signal


class Form(App[None]):
    """One input widget, and its messages."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.seen: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_mount(self) -> None:
        self.widget.focus()

    def on_input_changed(self, message: Input.Changed) -> None:
        self.seen.append(message.value)

    def on_text_area_changed(self, message: TextArea.Changed) -> None:
        self.seen.append(message.text_area.text)


async def test_typed_text_reaches_the_signal_and_the_signal_reaches_the_box_without_echo() -> None:
    name = signal("Ann")
    box = Input()
    bind_input(box, name)
    app = Form(box)
    async with app.run_test() as pilot:
        assert box.value == "Ann"
        await pilot.press("end", "a")
        assert name.peek() == "Anna"
        app.seen.clear()
        name.set("Berta")
        await pilot.pause()
        assert (box.value, app.seen) == ("Berta", [])


async def test_cursor_stays_when_the_text_is_equal() -> None:
    name = signal("Anna")
    box = Input()
    bind_input(box, name)
    async with Form(box).run_test() as pilot:
        await pilot.press("home", "right", "x")
        assert (name.peek(), box.cursor_position) == ("Axnna", 2)
        name.set("Axnna")
        await pilot.pause()
        assert box.cursor_position == 2


async def test_text_area_follows_and_keeps_its_selection_on_the_same_words() -> None:
    note = signal("one two three")
    area = TextArea()
    bind_input(area, note)
    app = Form(area)
    async with app.run_test() as pilot:
        area.selection = Selection((0, 8), (0, 13))
        app.seen.clear()
        note.set("zero\none two three")
        await pilot.pause()
        assert (area.text, area.selected_text, app.seen) == ("zero\none two three", "three", [])
        await pilot.press("x")
        await pilot.pause()
        assert note.peek() == "zero\none two x"


@pytest.mark.parametrize("widget", [Checkbox("c"), Switch()])
async def test_check_box_and_switch_hold_a_bool(widget: Checkbox | Switch) -> None:
    done = signal(True)
    bind_input(widget, done)
    async with Form(widget).run_test() as pilot:
        assert widget.value is True
        await pilot.press("enter")
        assert done.peek() is False
        done.set(True)
        await pilot.pause()
        assert widget.value is True


async def test_select_holds_the_chosen_value_none_for_none_and_ignores_what_it_does_not_offer() -> None:
    state: Signal[Any] = signal("b")
    menu = Select([("A", "a"), ("B", "b")])
    bind_input(menu, state)
    async with Form(menu).run_test() as pilot:
        assert menu.value == "b"
        menu.value = "a"
        assert state.peek() == "a"
        state.set(None)
        await pilot.pause()
        assert menu.is_blank()
        menu.value = "b"
        state.set("unknown")
        await pilot.pause()
        assert menu.is_blank()
        assert state.peek() == "unknown"


async def test_number_is_parsed_and_what_cannot_be_parsed_stays_in_the_box_alone() -> None:
    age = signal(7)
    box = Input()
    bind_input(box, age, parse=int, format=str)
    async with Form(box).run_test() as pilot:
        assert box.value == "7"
        await pilot.press("end", "5")
        assert age.peek() == 75
        await pilot.press("x")
        assert (box.value, age.peek()) == ("75x", 75)
        age.set(8)
        await pilot.pause()
        assert box.value == "8"


async def test_half_typed_number_is_left_as_it_was_typed() -> None:
    load = signal(1.0)
    box = Input()
    bind_input(box, load, parse=float, format=str)
    async with Form(box).run_test() as pilot:
        await pilot.press("end", "backspace")
        await pilot.pause()
        assert (box.value, load.peek()) == ("1.", 1.0)


async def test_two_boxes_of_one_signal_hold_the_same() -> None:
    name = signal("")
    first, second = Input(), Input()
    bind_input(first, name)
    bind_input(second, name)

    class Two(App[None]):
        def compose(self) -> ComposeResult:
            yield first
            yield second

    async with Two().run_test() as pilot:
        first.focus()
        await pilot.press("h", "i")
        await pilot.pause()
        assert second.value == "hi"


async def test_pair_ends_with_the_widget_and_by_hand() -> None:
    name = signal("")
    box = Input()
    pair = bind_input(box, name)
    async with Form(box).run_test() as pilot:
        pair.close()
        await pilot.press("x")
        name.set("y")
        await pilot.pause()
        assert (box.value, name.peek(), name.watched) == ("x", "y", False)
        again = bind_input(box, name)
        await pilot.pause()
        assert (box.value, again.closed) == ("y", False)
        await box.remove()
        assert (again.closed, name.watched) == (True, False)


async def test_widget_without_a_value_is_refused() -> None:
    async with Form(Label()).run_test():
        with pytest.raises(TypeError, match="Label has no value to bind"):
            bind_input(Label(), signal(""))


async def test_signal_that_does_not_fit_the_box_is_refused() -> None:
    async with Form(Label()).run_test():
        with pytest.raises(TypeError, match="Input holds text, its signal 3: give parse=int, format=str"):
            bind_input(Input(), signal(3))
        with pytest.raises(TypeError, match="bind_input takes a signal, which the user's input is set to, not 'x'"):
            bind_input(Input(), "x")  # type: ignore[call-overload]  # the claim


@pytest.mark.parametrize(
    ("before", "after", "place", "expected"),
    [
        ("0123456789", "0189", (0, 5), (0, 2)),  # a delete across the cursor
        ("abc", "xabc", (0, 2), (0, 3)),
        ("abc", "abcx", (0, 2), (0, 2)),
        ("abc", "abc", (0, 3), (0, 3)),
        ("a\nb", "a\nnew\nb", (1, 1), (2, 1)),
        ("a\nb", "", (1, 1), (0, 0)),
        ("", "a\n", (0, 0), (0, 0)),
    ],
)
def test_place_in_a_replaced_text(before: str, after: str, place: tuple[int, int], expected: tuple[int, int]) -> None:
    assert moved_selection(before, after, Selection.cursor(place)) == Selection.cursor(expected)
