from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from contextvars import Context

import pytest
from textual.app import App, ComposeResult
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Button, Input, Label, ProgressBar, Static

from eddyline.bindings import frame
from eddyline.bindings.textual import bind, widget_scope
from eddyline.signals import computed, signal
from tests.patience import PATIENCE_S

from .fake_view import FakeView
from .table_app import shown


class Shell(App[None]):
    """The widgets it is given."""

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self.widgets = widgets

    def compose(self) -> ComposeResult:
        yield from self.widgets


def text(label: Static) -> str:
    return str(label.content)


async def test_label_follows_a_computed_also_when_bound_before_mounting() -> None:
    count = signal(1)
    double = computed(lambda: count() * 2)
    label = Label("?")
    bind(label, "update", lambda: f"{double()} open")
    async with Shell(label).run_test() as pilot:
        assert text(label) == "2 open"
        count.set(4)
        await pilot.pause()
        assert text(label) == "8 open"


@pytest.mark.parametrize("target", ["update", "content", "renderable"])
async def test_label_takes_text_by_any_of_its_names(target: str) -> None:
    label = Label()
    bind(label, target, signal("hello"))
    async with Shell(label).run_test():
        assert text(label) == "hello"


async def test_bound_method_function_and_attributes_are_targets() -> None:
    value = signal("one")
    seen: list[str] = []
    label, box, bar, button = Label(), Input(), ProgressBar(total=10), Button("x")
    bind(label, label.update, value)
    bind(label, seen.append, value)
    bind(label, "tooltip", value)
    bind(box, "placeholder", value)
    bind(button, "disabled", lambda: value() == "two")
    bind(bar, "progress", lambda: len(value()))
    async with Shell(label, box, bar, button).run_test() as pilot:
        value.set("two")
        await pilot.pause()
        assert (text(label), seen, str(label.tooltip), box.placeholder) == ("two", ["one", "two"], "two", "two")
        assert (button.disabled, bar.progress) == (True, 3)


async def test_view_is_followed() -> None:
    view = FakeView(["id"], [(1,)])
    label = Label()
    bind(label, "update", lambda: f"{len(view.rows())} rows")
    async with Shell(label).run_test() as pilot:
        view.insert(0, (2,))
        await pilot.pause()
        assert text(label) == "2 rows"


async def test_many_changes_between_two_frames_are_one_application() -> None:
    count = signal(0)
    seen: list[int] = []
    label = Label()
    bind(label, seen.append, count)
    async with Shell(label).run_test() as pilot:
        for i in range(1, 1000):
            count.set(i)
        await pilot.pause()
        assert seen == [0, 999]


async def test_stream_of_changes_is_applied_at_the_speed_of_the_screen_and_ends_with_the_newest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frame, "LONGEST", 0.25)
    count = signal(0)
    seen: list[int] = []
    label = Label()

    def show(value: int) -> None:
        seen.append(value)
        label.update(str(value))

    bind(label, show, count)
    async with Shell(label).run_test() as pilot:
        began = time.perf_counter()
        for i in range(1, 500):
            count.set(i)
            await asyncio.sleep(0)
        await shown(pilot, lambda: seen[-1] == 499)
        assert len(seen) <= 2 + frame.AT_ONCE + frame.RATE * (time.perf_counter() - began)


async def test_text_is_not_markup_unless_told() -> None:
    hostile = signal("[bold]x[/bold] [/boom]")
    label, titled, marked = Label(), Static(), Label()
    bind(label, "update", hostile)
    bind(label, label.update, hostile)
    bind(titled, "border_title", hostile)
    bind(marked, "update", signal("[bold]x[/bold]"), markup=True)
    async with Shell(label, titled, marked).run_test():
        assert text(label) == "[bold]x[/bold] [/boom]"
        assert Content.from_markup(titled.border_title or "").plain == "[bold]x[/bold] [/boom]"
        assert str(marked.render()) == "x"


async def test_unknown_attribute_is_an_error_at_once() -> None:
    async with Shell().run_test():
        with pytest.raises(AttributeError, match="Label has no attribute or method 'tilte'"):
            bind(Label(), "tilte", signal(1))
        with pytest.raises(TypeError, match="bind takes a signal, or a function that reads some, not 'x'"):
            bind(Label(), "update", "x")  # type: ignore[arg-type]  # the claim


async def test_binding_ends_with_its_widget() -> None:
    count = signal(0)
    label = Label()
    binding = bind(label, "update", lambda: str(count()))
    async with Shell(label).run_test() as pilot:
        assert count.watched
        removal = label.remove()
        count.set(1)
        await removal
        assert (count.watched, binding.closed, widget_scope(label).closed) == (False, True, True)
        count.set(2)
        await pilot.pause()


async def test_binding_ends_with_its_screen_and_with_the_app() -> None:
    first, second = signal("a"), signal("b")

    class Second(Screen[None]):
        def compose(self) -> ComposeResult:
            label = Label()
            bind(label, "update", first)
            bind(self, "title", first)
            yield label

    label = Label()
    app = Shell(label)
    bind(label, "update", second)
    bind(app, "title", second)
    async with app.run_test() as pilot:
        await app.push_screen(Second())
        assert first.watched
        assert app.title == "b"
        app.pop_screen()
        await pilot.pause()
        assert not first.watched
    assert not second.watched


async def test_label_goes_on_following_after_dialogs_that_opened_and_closed_over_it() -> None:
    count = signal(0)
    label = Label()
    bind(label, "update", lambda: str(count()))
    app = Shell(label)

    class Dialog(ModalScreen[None]):
        def compose(self) -> ComposeResult:
            yield Input()

    async def count_on() -> None:
        while True:
            count.set(count() + 1)
            await asyncio.sleep(0.003)

    async def follow() -> None:
        goal = count() + 30
        while int(text(label)) < goal:  # noqa: ASYNC110 - no event tells that a label was painted
            await asyncio.sleep(0.003)

    async with app.run_test():
        counting = asyncio.create_task(count_on())
        for _ in range(5):
            app.push_screen(dialog := Dialog())
            await asyncio.wait_for(follow(), PATIENCE_S)
            dialog.dismiss()
            await asyncio.wait_for(follow(), PATIENCE_S)
        counting.cancel()


async def test_binding_ends_when_its_container_is_recomposed_or_emptied() -> None:
    count = signal(0)
    label = Label()
    bind(label, "update", lambda: str(count()))
    app = Shell(label)
    async with app.run_test():
        await app.screen.remove_children()
        assert not count.watched


async def test_binding_closed_by_hand_stops() -> None:
    count = signal(0)
    early, late = Label("-"), Label("-")
    async with Shell(early, late).run_test() as pilot:
        binding = bind(early, "update", lambda: str(count()))
        count.set(1)
        binding.close()
        binding.close()
        await pilot.pause()
        assert (text(early), count.watched) == ("0", False)


async def test_widget_that_was_never_mounted_follows_nothing_and_can_be_collected() -> None:
    count = signal(0)
    label = Label()
    binding = bind(label, "update", lambda: str(count()))
    assert not count.watched
    binding.close()
    async with Shell(label).run_test():
        assert not count.watched
    del label, binding
    gc.collect()


async def test_binding_to_a_widget_that_has_gone_is_closed_from_the_start() -> None:
    count = signal(0)
    label = Label()
    async with Shell(label).run_test():
        await label.remove()
        assert bind(label, "update", lambda: str(count())).closed
        assert not count.watched


async def test_writes_of_a_task_that_knows_no_app_and_of_a_thread_arrive() -> None:
    count = signal(0)
    label = Label()
    bind(label, "update", lambda: str(count()))
    async with Shell(label).run_test() as pilot:

        async def write() -> None:
            count.set(1)

        await asyncio.create_task(write(), context=Context())
        await pilot.pause()
        assert text(label) == "1"
        await asyncio.to_thread(count.set, 2)
        await pilot.pause()
        assert text(label) == "2"


async def test_what_is_added_to_the_scope_of_a_widget_is_closed_after_its_own_handlers() -> None:
    order: list[str] = []

    class Mine(Static):
        def on_unmount(self) -> None:
            order.append("handler")

    mine = Mine()
    widget_scope(mine).add(lambda: order.append("scope"))
    assert widget_scope(mine) is widget_scope(mine)
    async with Shell(mine).run_test():
        assert order == []
    assert order == ["handler", "scope"]


def test_package_of_bindings_imports_no_toolkit() -> None:
    code = "import sys, eddyline.bindings; print('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
