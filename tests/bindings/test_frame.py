"""`each_frame`: effects at the pace of the screen."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Label

from eddyline.bindings.frame import Frame
from eddyline.bindings.textual import bind, each_frame, widget_scope
from eddyline.signals import computed, effect, signal


class Shell(App[None]):
    """One label."""

    def compose(self) -> ComposeResult:
        yield Label()


async def test_effect_runs_once_a_frame_however_many_writes_came() -> None:
    count = signal(0)
    runs: list[object] = []
    double = computed(lambda: (runs.append("computed"), count() * 2)[1])  # type: ignore[func-returns-value]
    async with Shell().run_test() as pilot:
        label = pilot.app.query_one(Label)
        with widget_scope(label):
            effect(lambda: runs.append(double()), schedule=each_frame(label))
            for n in range(1, 50):
                count.set(n)
            assert runs == ["computed", 0]
            await pilot.pause()
            assert runs == ["computed", 0, "computed", 98]


async def test_effects_of_one_frame_run_in_the_order_in_which_they_were_woken() -> None:
    a, b, order = signal(0), signal(0), []
    async with Shell().run_test() as pilot:
        label = pilot.app.query_one(Label)
        with widget_scope(label):
            frame = each_frame(label)
            effect(lambda: order.append(("a", a())), schedule=frame)
            effect(lambda: order.append(("b", b())), schedule=frame)
            order.clear()
            b.set(1)
            a.set(1)
            assert order == []
            await pilot.pause()
            assert order == [("b", 1), ("a", 1)]


async def test_effect_ends_with_its_widget() -> None:
    count, runs = signal(0), []
    async with Shell().run_test() as pilot:
        label = pilot.app.query_one(Label)
        widget_scope(label).run(lambda: effect(lambda: runs.append(count()), schedule=each_frame(label)))
        count.set(1)
        await label.remove()
        count.set(2)
        await pilot.pause()
        assert runs in ([0], [0, 1])
        assert not count.watched


async def test_error_in_a_frame_ends_the_app_after_the_others_ran() -> None:
    count, seen = signal(1), []
    with pytest.raises(ZeroDivisionError):
        async with Shell().run_test() as pilot:
            label = pilot.app.query_one(Label)
            frame = each_frame(label)
            widget_scope(label).run(lambda: effect(lambda: 1 / count(), schedule=frame))
            widget_scope(label).run(lambda: effect(lambda: seen.append(count()), schedule=frame))
            count.set(0)
            await pilot.pause()
    assert seen == [1, 0]


async def test_widgets_that_change_at_once_change_in_one_frame_in_the_order_of_their_requests() -> None:
    order: list[str] = []
    async with Shell().run_test() as pilot:
        label, screen, app = pilot.app.query_one(Label), pilot.app.screen, pilot.app
        turns: list[object] = []
        call_later = app.call_later
        app.call_later = lambda *args: (turns.append(args), call_later(*args))[1]  # type: ignore[method-assign, func-returns-value]
        Frame(label, lambda: order.append("label")).request()
        Frame(screen, lambda: order.append("screen")).request()
        Frame(app, lambda: order.append("app")).request()
        assert (order, len(turns)) == ([], 1)
        await pilot.pause()
        assert order == ["label", "screen", "app"]


async def test_request_of_a_widget_that_is_still_to_come_is_met_when_it_has_come() -> None:
    seen: list[str] = []
    async with Shell().run_test() as pilot:
        late = Label()
        Frame(late, lambda: seen.append("late")).request()
        await pilot.pause()
        assert seen == []
        await pilot.app.mount(late)
        await pilot.pause()
        assert seen == ["late"]


async def test_source_of_a_binding_is_read_once_a_frame() -> None:
    count, reads = signal(0), []
    async with Shell().run_test() as pilot:
        bind(pilot.app.query_one(Label), "update", lambda: (reads.append(count()), str(count()))[1])  # type: ignore[func-returns-value]
        await pilot.pause()
        for n in range(1, 50):
            count.set(n)
        await pilot.pause()
        assert reads == [0, 49]


async def test_what_a_binding_makes_while_it_applies_outlives_the_next_application() -> None:
    count, seen = signal(0), []
    async with Shell().run_test() as pilot:
        label = pilot.app.query_one(Label)
        bind(label, lambda at: effect(lambda: seen.append(count())) if at == 0 else None, count)
        await pilot.pause()
        count.set(1)
        await pilot.pause()
        count.set(2)
        assert seen == [0, 1, 2]
