"""Names and reprs: what one would ask in a debugger, short, on one line, whatever the value."""

from __future__ import annotations

import functools
import sys

import pytest

from eddyline.signals import Scope, Signal, Source, computed, effect, signal


def give_one() -> int:
    return 1


class Thing:
    """Something callable, with a method."""

    def __call__(self) -> int:
        return 1

    def method(self) -> int:
        return 1


def test_computed_is_called_like_its_function() -> None:
    assert [
        computed(give_one).label(),
        computed(Thing().method).label(),
        computed(Thing()).label(),
        computed(functools.partial(give_one)).label(),
        computed(give_one, "other").label(),
    ] == ["give_one", "method", "Thing", "give_one", "other"]


def test_lambda_is_called_by_its_place() -> None:
    assert computed(lambda: 1).label() == f"<lambda test_naming.py:{sys._getframe().f_lineno}>"


def test_effect_is_shown_with_its_name_and_the_number_of_its_dependencies() -> None:
    a, b = signal(1), signal(2)
    with effect(lambda: a() + b(), "log") as log:
        assert repr(log) == "<Effect log: 2 dependencies>"
    assert repr(log) == "<Effect log: closed>"


def test_computed_is_shown_with_value_or_error_or_why_there_is_none() -> None:
    a = signal(1)
    inverse = computed(lambda: 1 / a(), "inverse")
    shown = [repr(inverse)]
    inverse()
    shown.append(repr(inverse))
    a.set(0)
    shown.append(repr(inverse))
    with pytest.raises(ZeroDivisionError):
        inverse()
    shown.append(repr(inverse))
    assert shown == [
        "<Computed inverse: not computed>",
        "<Computed inverse: 1.0>",
        "<Computed inverse: stale>",
        "<Computed inverse: ZeroDivisionError('division by zero')>",
    ]


def test_scope_is_shown_with_its_name_and_what_is_in_it() -> None:
    with Scope("screen") as scope:
        effect(lambda: None)
        assert repr(scope) == "<Scope screen: 1 items>"
    assert repr(scope) == "<Scope screen: closed>"


def test_source_is_shown_by_its_class() -> None:
    class Ticker(Source):
        pass

    assert [repr(Source()), repr(Ticker())] == ["<Source>", "<Ticker>"]


def test_repr_of_a_large_value_is_short_and_on_one_line() -> None:
    class Frame:
        def __repr__(self) -> str:
            return "   a  b\n0  1  2\n" * 1_000

    assert repr(signal(list(range(10_000)), "rows")) == "<Signal rows: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...]>"
    for value in (Frame(), [Frame()] * 50, "x" * 10_000, {n: Frame() for n in range(100)}):
        shown = repr(signal(value))
        assert len(shown) < 150
        assert "\n" not in shown


def test_repr_of_a_value_whose_own_fails_does_not() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise LookupError

    value: Signal[object] = signal(Broken())
    assert repr(value).startswith("<Signal: <")
    assert repr(computed(value.get, "c")) == "<Computed c: not computed>"


def test_repr_of_a_value_that_holds_itself_ends() -> None:
    ring: list[object] = []
    ring.append(ring)
    assert repr(signal(ring)) == "<Signal: [[[[...]]]]>"
