"""Signals: reading, writing, and when a write counts as none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from eddyline.signals import Readable, Signal, computed, effect, signal, untracked
from eddyline.signals.equality import same


def test_all_ways_to_read_give_the_value() -> None:
    count = signal(3)
    assert [count.get(), count.value, count(), count.peek()] == [3, 3, 3, 3]


def test_all_ways_to_write_change_the_value() -> None:
    count = signal(0)
    count.set(1)
    count.value += 1
    count.update(lambda n: n * 10)
    assert count.get() == 20


@pytest.mark.parametrize("read", [Signal.get, Signal.__call__, lambda s: s.value])
def test_reads_are_tracked(read: object) -> None:
    count, seen = signal(0), []
    effect(lambda: seen.append(read(count)))  # type: ignore[operator]
    count.set(1)
    assert seen == [0, 1]


def test_peek_is_not_tracked() -> None:
    count, seen = signal(0), []
    effect(lambda: seen.append(count.peek()))
    count.set(1)
    assert seen == [0]


def test_untracked_read_is_not_followed_but_later_reads_are() -> None:
    a, b, seen = signal(0), signal(0), []
    effect(lambda: seen.append((untracked(a), b())))
    a.set(1)
    b.set(1)
    assert seen == [(0, 0), (1, 1)]


def test_computed_first_run_inside_untracked_tracks_its_own_reads() -> None:
    a = signal(1)
    double = computed(lambda: a() * 2)
    effect(lambda: untracked(double))
    a.set(2)
    assert double() == 4


def test_write_of_an_equal_value_wakes_nobody() -> None:
    names, seen = signal(["a"]), []
    effect(lambda: seen.append(names()))
    names.set(["a"])
    assert seen == [["a"]]


def test_equals_replaces_the_rule() -> None:
    angle, seen = signal(10, equals=lambda old, new: old % 360 == new % 360), []
    effect(lambda: seen.append(angle()))
    angle.set(370)
    angle.set(20)
    assert seen == [10, 20]


class Array:
    """Answers `==` like numpy: with an array, whose truth can't be asked."""

    def __eq__(self, other: object) -> Array:  # type: ignore[override]
        return Array()

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")

    __hash__ = None  # type: ignore[assignment]


class Broken:
    """Its `==` raises."""

    def __eq__(self, other: object) -> bool:
        raise TypeError("can't compare")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("kind", [Array, Broken])
def test_values_that_cannot_be_compared_count_as_changed(kind: type) -> None:
    value, seen = signal(kind()), []
    double = computed(lambda: (value(), kind())[1])
    effect(lambda: seen.append(double()))
    value.set(kind())
    assert len(seen) == 2


def test_the_same_object_is_no_change_even_if_it_cannot_be_compared() -> None:
    array = Array()
    value, seen = signal(array), []
    effect(lambda: seen.append(value()))
    value.set(array)
    assert len(seen) == 1


def test_nan_after_nan_is_no_change_and_an_effect_that_writes_it_rests() -> None:
    value, runs = signal(0.0), []

    def write_nan() -> None:
        runs.append(value())
        value.set(float("inf") - float("inf"))

    effect(write_nan)
    assert len(runs) == 2


def test_nan_of_a_decimal_after_nan_is_no_change() -> None:
    value, runs = signal(Decimal(1)), []

    def write_nan() -> None:
        runs.append(value())
        value.set(Decimal("nan"))

    effect(write_nan)
    assert len(runs) == 2


def test_nan_of_a_complex_number_after_nan_is_no_change() -> None:
    assert same(complex("nan"), complex("nan"))
    assert not same(complex("nan"), complex(1))


class NumpyBool:
    """What numpy's scalars answer to `==`: a bool that is no `bool`."""

    def __init__(self, value: object) -> None:
        self.value = bool(value)

    def __bool__(self) -> bool:
        return self.value


NumpyBool.__module__, NumpyBool.__name__ = "numpy", "bool_"


class NumpyFloat(float):
    """A float as numpy has it."""

    def __eq__(self, other: object) -> NumpyBool:  # type: ignore[override]
        return NumpyBool(float(self) == other)

    def __ne__(self, other: object) -> NumpyBool:  # type: ignore[override]
        return NumpyBool(float(self) != other)

    __hash__ = float.__hash__


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf")])
def test_scalars_of_numpy_are_cut_off_like_floats(value: float) -> None:
    total, runs = signal(NumpyFloat(0)), []

    def write() -> None:
        runs.append(total())
        total.set(NumpyFloat(value))

    effect(write)
    assert len(runs) == 2


class ArrayOfOne:
    """An array without dimensions: answers `==` with one bool of numpy's, whatever its kind."""

    def __eq__(self, other: object) -> NumpyBool:  # type: ignore[override]
        return NumpyBool(value=True)

    def __setitem__(self, index: object, value: object) -> None: ...

    __hash__ = None  # type: ignore[assignment]


def test_array_without_dimensions_counts_as_changed() -> None:
    assert not same(ArrayOfOne(), ArrayOfOne())


class NeverEqual:
    """Differs from everything, itself included, and is no number."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


def test_another_object_that_is_never_equal_is_a_change() -> None:
    value, seen = signal(NeverEqual()), []
    effect(lambda: seen.append(value()))
    value.set(NeverEqual())
    assert len(seen) == 2


def test_repr_shows_name_and_value() -> None:
    assert repr(signal(3, "count")) == "<Signal count: 3>"
    assert repr(signal("x")) == "<Signal: 'x'>"


def test_signals_and_computeds_are_readable() -> None:
    def total(*parts: Readable[int]) -> int:
        return sum(part.get() for part in parts)

    one = signal(1)
    assert total(one, computed(lambda: one() + 1)) == 3


def test_read_of_one_signal_many_times_is_one_dependency() -> None:
    count = signal(1)
    total = computed(lambda: sum(count() for _ in range(50)))
    assert total() == 50
    assert total._deps == (count,)
