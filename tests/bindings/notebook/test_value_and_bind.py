"""A signal that shows itself, and ipywidgets bound to signals, over comms without a kernel."""

from __future__ import annotations

import gc
import logging
import re
from collections.abc import Callable

import ipywidgets
import pytest

from eddyline import computed, signal
from eddyline.bindings.jupyter import LiveTable, LiveValue, bind, live_chart
from eddyline.signals import ManualClock, Scope

from .fake_comm import FakeComm


def test_value_follows_its_signal_once_a_frame(comms: list[FakeComm]) -> None:
    count, clock = signal(1), ManualClock()
    LiveValue(count, clock=clock)
    comms[0].sent.clear()
    for n in range(100):
        count.set(n)
    clock.advance(0.04)
    assert [data["state"] for data in comms[0].sent] == [{"text": "99"}]


def test_error_of_a_computed_is_shown_as_one(comms: list[FakeComm]) -> None:
    count, clock = signal(1), ManualClock()
    value = LiveValue(computed(lambda: 10 // count()), clock=clock)
    count.set(0)
    clock.advance(0.04)
    assert (value.text, value.failed) == ("ZeroDivisionError: integer division or modulo by zero", True)
    count.set(5)
    clock.advance(0.04)
    assert (value.text, value.failed) == ("2", False)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: LiveValue(3), "LiveValue shows a signal or a computed, not 3"),  # type: ignore[arg-type]
        (lambda: LiveTable("SELECT 1"), "LiveTable shows a view, as `await db.live(...)` gives it, not 'SELECT 1'"),  # type: ignore[arg-type]
        (lambda: live_chart(None), "LiveChart shows a view, as `await db.live(...)` gives it, not None"),  # type: ignore[arg-type]
    ],
)
def test_what_can_not_be_shown_is_refused_by_name(make: Callable[[], object], why: str, comms: list[FakeComm]) -> None:
    with pytest.raises(TypeError, match=re.escape(why)):
        make()
    gc.collect()  # what was half made is gone without a word


def test_closed_value_follows_no_more(comms: list[FakeComm]) -> None:
    count = signal(1)
    value = LiveValue(count, clock=ManualClock())
    value.close()
    value.close()
    assert (count.watched, comms[0].closed) == (False, True)


def test_slider_and_signal_hold_the_same_value(comms: list[FakeComm]) -> None:
    limit, clock = signal(5), ManualClock()
    slider = ipywidgets.IntSlider(0, min=0, max=10)
    bound = bind(slider, "value", limit, clock=clock)
    assert slider.value == 5
    slider.value = 7  # as a person does
    assert limit() == 7
    limit.set(3)
    clock.advance(0.04)
    assert slider.value == 3
    bound.close()
    slider.value = 9
    assert limit() == 3


def test_what_the_widget_makes_of_a_value_is_no_echo(comms: list[FakeComm]) -> None:
    limit, clock = signal(5), ManualClock()
    slider = ipywidgets.IntSlider(0, min=0, max=10)
    bind(slider, "value", limit, clock=clock)
    limit.set(99)
    clock.advance(0.04)
    assert (slider.value, limit()) == (10, 99)


def test_value_that_the_widget_refuses_leaves_it_and_is_logged(
    comms: list[FakeComm], caplog: pytest.LogCaptureFixture
) -> None:
    text = signal("a")
    box, clock = ipywidgets.Text(), ManualClock()
    bind(box, "value", text, clock=clock)
    text.set(None)  # type: ignore[arg-type]  # on purpose
    with caplog.at_level(logging.WARNING, "eddyline"):
        clock.advance(0.04)
    assert box.value == "a"
    assert "Text.value can't show what it is bound to" in caplog.text


def test_function_is_bound_one_way(comms: list[FakeComm]) -> None:
    count, clock = signal(1), ManualClock()
    label = ipywidgets.Label()
    bind(label, "value", lambda: f"{count()} open", clock=clock)
    count.set(2)
    clock.advance(0.04)
    assert label.value == "2 open"


def test_trait_that_is_not_there_is_refused_with_those_that_are(comms: list[FakeComm]) -> None:
    with pytest.raises(AttributeError, match=r"Label has no trait 'size' to bind; it has: .*value"):
        bind(ipywidgets.Label(), "size", signal(1))


def test_scope_ends_what_is_bound_in_it(comms: list[FakeComm]) -> None:
    count = signal(1)
    with Scope("cell"):
        bind(ipywidgets.IntText(), "value", count, clock=ManualClock())
    assert not count.watched
