"""`each_frame`: effects at the pace of the screen."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Label

from eddyline.bindings.textual import each_frame, widget_scope
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
