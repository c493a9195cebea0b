"""`trace`: what was written, what ran, and why; nothing at all while nobody asks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from eddyline.signals import (
    Ran,
    Scope,
    Signal,
    Source,
    Wrote,
    batch,
    computed,
    effect,
    flush,
    nodes,
    signal,
    trace,
)


def lines(fn: Callable[[], object]) -> list[str]:
    """Return what a trace tells while `fn` runs."""
    told: list[str] = []
    with trace(lambda event: told.append(str(event))):
        fn()
    return told


def test_trace_tells_what_was_written_what_ran_and_why() -> None:
    count = signal(1, "count")
    double = computed(lambda: count() * 2, "double")
    with effect(lambda: double(), "log"):
        assert lines(lambda: count.set(2)) == [
            "count = 2",
            "double ran because count changed: 4",
            "log ran because double changed",
        ]


def test_trace_prints_if_it_is_given_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    count = signal(1, "count")
    with trace():
        count.set(2)
    assert capsys.readouterr().out == "count = 2\n"


def test_event_of_a_write_holds_source_value_and_writer() -> None:
    told: list[object] = []
    a, b = signal(0, "a"), signal(0, "b")
    copy = effect(lambda: b.set(a()), "copy")
    with trace(told.append):
        a.set(7)
    assert told == [Wrote(a, 7, None), Wrote(b, 7, copy), Ran(copy, (a,), False, None, None)]
    copy.close()


def test_event_of_a_run_holds_the_dependencies_that_changed() -> None:
    told: list[Any] = []
    a, b, c = signal(0), signal(0), signal(0)
    total = computed(lambda: a() + b() + c())
    total()
    with batch(), trace(told.append):
        c.set(1)
        a.set(1)
        total()
    assert told[2:] == [Ran(total, (a, c), False, 2, None)]


def test_first_run_is_told_as_such() -> None:
    one = computed(lambda: 1, "one")
    assert lines(one) == ["one ran for the first time: 1"]


def test_run_that_failed_is_told_with_its_error() -> None:
    a = signal(1, "a")
    inverse = computed(lambda: 1 / a(), "inverse")
    inverse()

    def write() -> None:
        a.set(0)
        with pytest.raises(ZeroDivisionError):
            inverse()

    assert lines(write) == ["a = 0", "inverse ran because a changed: ZeroDivisionError('division by zero')"]


def test_write_of_an_equal_value_and_a_read_of_a_current_value_are_not_told() -> None:
    a = signal(1)
    double = computed(lambda: a() * 2)
    double()
    assert lines(lambda: (a.set(1), a(), double())) == []  # type: ignore[func-returns-value]  # for its effect


def test_validation_that_runs_nothing_tells_nothing() -> None:
    a = signal(1, "a")
    parity = computed(lambda: a() % 2, "parity")
    with effect(lambda: parity(), "log"):
        assert lines(lambda: a.set(3)) == ["a = 3", "parity ran because a changed: 1"]


def test_write_inside_an_effect_is_told_before_the_end_of_its_run() -> None:
    a, b = signal(0, "a"), signal(0, "b")
    with Scope():
        effect(lambda: b.set(a()), "copy")
        effect(lambda: b(), "log")
        assert lines(lambda: a.set(1)) == [
            "a = 1",
            "b = 1, written by copy",
            "copy ran because a changed",
            "log ran because b changed",
        ]


def test_change_of_a_source_without_a_value_is_told() -> None:
    class Ticker(Source):
        pass

    assert lines(Ticker().changed) == ["Ticker changed"]


def test_nameless_things_are_told_by_class_and_place() -> None:
    a = signal(1)
    double = computed(lambda: a() * 2)
    assert lines(double) == [f"<lambda test_trace.py:{sys._getframe().f_lineno - 1}> ran for the first time: 2"]
    assert lines(lambda: a.set(2)) == ["Signal = 2"]


def test_long_and_odd_values_are_told_on_one_short_line() -> None:
    class Frame:
        def __repr__(self) -> str:
            return "   a  b\n0  1  2\n" * 50

    class Broken:
        def __repr__(self) -> str:
            raise LookupError

    a: Signal[object] = signal(None, "a")
    (told,) = lines(lambda: a.set(list(range(10_000))))
    assert told == "a = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...]"
    (told,) = lines(lambda: a.set(Frame()))
    assert len(told) < 130
    assert told.startswith("a = a b 0 1 2 a b")
    (told,) = lines(lambda: a.set(Broken()))
    assert told.startswith("a = <Broken")


def test_computed_that_was_unwound_from_a_deep_chain_is_told_once() -> None:
    read: Callable[[], int] = signal(0, "s").get
    for n in range(300):
        read = computed(partial(lambda below: below() + 1, read), f"c{n}").get
    assert lines(read) == [f"c{n} ran for the first time: {n + 1}" for n in range(300)]


def test_reads_of_the_callback_are_not_dependencies() -> None:
    a, b, runs = signal(0), signal(0), []
    with trace(lambda event: b()), effect(lambda: runs.append(a())):
        a.set(1)
        b.set(1)
        assert runs == [0, 1]
        assert not b.watched


def test_what_the_callback_sets_off_is_not_traced() -> None:
    told: list[str] = []
    a, count = signal(0, "a"), signal(0, "count")
    with trace(lambda event: (told.append(str(event)), count.set(len(told)))):  # type: ignore[func-returns-value]
        a.set(1)
        a.set(2)
    assert [told, count()] == [["a = 1", "a = 2"], 2]


def test_error_of_the_callback_disturbs_nothing_and_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: reported.append(kind))
    a, seen = signal(0), []
    with trace(lambda event: 1 / 0), effect(lambda: seen.append(a())):
        a.set(1)
    assert seen == [0, 1]
    assert reported == [ZeroDivisionError] * 3


def test_two_traces_are_told_and_each_ends_by_itself() -> None:
    first: list[str] = []
    second: list[str] = []
    a = signal(0, "a")
    one, two = trace(lambda event: first.append(str(event))), trace(lambda event: second.append(str(event)))
    a.set(1)
    one.close()
    one.close()
    a.set(2)
    two.close()
    a.set(3)
    assert [first, second] == [["a = 1"], ["a = 1", "a = 2"]]


def test_while_nobody_traces_the_plain_functions_are_in_place() -> None:
    plain = nodes.run, flush.changed
    with trace(print), trace(print):
        assert (nodes.run, flush.changed) != plain
    assert (nodes.run, flush.changed) == plain


def test_trace_may_be_closed_and_opened_by_an_effect_that_it_tells_of() -> None:
    told: list[str] = []
    a = signal(0, "a")

    def body() -> None:
        if a() == 1:
            outer.close()

    with effect(body, "body"):
        outer = trace(lambda event: told.append(str(event)))
        a.set(1)
        a.set(2)
    assert told == ["a = 1"]
