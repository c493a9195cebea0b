"""Errors: kept as values by computeds, handed to the writer by effects; nothing is lost, nothing stays broken."""

from __future__ import annotations

import pytest

from eddyline.signals import Computed, CycleError, Scope, batch, computed, effect, on_cleanup, signal


def test_error_of_a_computed_is_kept_and_raised_to_each_reader() -> None:
    a, runs = signal(0), []

    def invert() -> float:
        runs.append(a())
        return 1 / a()

    inverse = computed(invert)
    with pytest.raises(ZeroDivisionError) as first:
        inverse()
    with pytest.raises(ZeroDivisionError) as second:
        inverse.peek()
    assert first.value is second.value
    assert runs == [0]


def test_error_is_cleared_by_the_next_run() -> None:
    a = signal(0)
    inverse = computed(lambda: 1 / a())
    with pytest.raises(ZeroDivisionError):
        inverse()
    a.set(2)
    assert inverse() == 0.5
    assert "0.5" in repr(inverse)


def test_value_after_an_error_is_a_change_even_if_it_equals_the_one_before() -> None:
    a = signal(1)
    seen: list[object] = []
    checked = computed(lambda: 7 // bool(a()))

    def body() -> None:
        try:
            seen.append(checked())
        except ZeroDivisionError:
            seen.append("error")

    effect(body)
    a.set(0)
    a.set(1)
    assert seen == [7, "error", 7]


def test_error_passes_through_the_computeds_behind_it() -> None:
    a = signal(0)
    inverse = computed(lambda: 1 / a())
    top = computed(lambda: inverse() + 1)
    with pytest.raises(ZeroDivisionError):
        top()
    a.set(1)
    assert top() == 2


def test_computed_may_catch_the_error_of_another() -> None:
    a = signal(0)
    inverse = computed(lambda: 1 / a())

    @computed
    def safe() -> float:
        try:
            return inverse()
        except ZeroDivisionError:
            return 0.0

    assert safe() == 0.0
    a.set(4)
    assert safe() == 0.25


def test_raising_a_kept_error_many_times_does_not_grow_its_traceback() -> None:
    broken = computed(lambda: 1 / 0)
    depths = []
    for _ in range(5):
        with pytest.raises(ZeroDivisionError) as caught:
            broken()
        depths.append(len(caught.traceback))
    assert len(set(depths[1:])) == 1


def test_dependencies_read_before_the_error_are_followed() -> None:
    a, b = signal(1), signal(0)
    value = computed(lambda: a() / b())
    with pytest.raises(ZeroDivisionError):
        value()
    b.set(2)
    assert value() == 0.5


def test_effect_error_is_raised_to_the_writer_and_the_value_stands() -> None:
    a = signal(1)
    effect(lambda: 1 / a())
    with pytest.raises(ZeroDivisionError):
        a.set(0)
    assert a() == 0


def test_failed_effect_stays_alive() -> None:
    a, seen = signal(1), []
    effect(lambda: seen.append(1 / a()))
    with pytest.raises(ZeroDivisionError):
        a.set(0)
    a.set(2)
    assert seen == [1.0, 0.5]


def test_several_effect_errors_come_as_a_group_and_the_others_run() -> None:
    a, seen = signal(1), []
    effect(lambda: 1 / a())
    effect(lambda: [][0 if a() else 1] if not a() else None)
    effect(lambda: seen.append(a()))
    with pytest.raises(ExceptionGroup) as caught:
        a.set(0)
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError, IndexError]
    assert seen == [1, 0]


def test_keyboard_interrupt_in_an_effect_goes_on_after_the_others_ran() -> None:
    a, seen = signal(0), []

    def interrupted() -> None:
        if a() == 1:
            raise KeyboardInterrupt

    effect(interrupted)
    effect(lambda: seen.append(a()))
    with pytest.raises(KeyboardInterrupt):
        a.set(1)
    a.set(2)
    assert seen == [0, 1, 2]


def test_computed_cut_short_by_an_interrupt_is_not_kept_and_still_wakes_its_effect() -> None:
    a, seen, interrupts = signal(0), [], [None, KeyboardInterrupt()]

    @computed
    def value() -> int:
        n = a()
        interrupt = interrupts.pop(0) if interrupts else None
        if interrupt is not None:
            raise interrupt
        return n

    effect(lambda: seen.append(value()))
    with pytest.raises(KeyboardInterrupt):
        a.set(1)
    a.set(2)
    assert seen == [0, 2]


def test_failed_first_run_leaves_no_trace_and_raises() -> None:
    a, order = signal(0), []

    def body() -> None:
        a()
        on_cleanup(lambda: order.append("cleanup"))
        raise LookupError("first run")

    with Scope() as scope:
        with pytest.raises(LookupError, match="first run"):
            effect(body)
        assert repr(scope) == "<Scope: 0 items>"
    assert order == ["cleanup"]
    assert not a.watched


def test_failed_first_run_inside_a_flush_is_raised_to_the_writer() -> None:
    a = signal(0)
    effect(lambda: effect(lambda: 1 / 0) if a() else None)
    with pytest.raises(ZeroDivisionError):
        a.set(1)


def test_error_of_a_cleanup_and_of_the_run_after_it_both_arrive() -> None:
    a = signal(0)

    def body() -> None:
        if a():
            raise LookupError
        on_cleanup(lambda: 1 / 0)

    effect(body)
    with pytest.raises(ExceptionGroup) as caught:
        a.set(1)
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError, LookupError]


def test_error_of_a_cleanup_is_raised_by_close_and_the_effect_is_gone() -> None:
    a = signal(0)

    def body() -> None:
        a()
        on_cleanup(lambda: 1 / 0)

    log = effect(body)
    with pytest.raises(ZeroDivisionError):
        log.close()
    assert not a.watched


def test_batch_hands_errors_of_effects_to_the_hook() -> None:
    a, seen = signal(1), []
    errors: list[Exception] = []
    effect(lambda: 1 / a())
    effect(lambda: seen.append(a()))
    with batch(on_error=errors.append):
        a.set(0)
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert seen == [1, 0]


def test_error_in_the_hook_is_raised_and_the_other_errors_still_reach_it() -> None:
    a = signal(1)
    errors: list[Exception] = []
    effect(lambda: 1 / a())
    effect(lambda: 2 / a())

    def hook(error: Exception) -> None:
        errors.append(error)
        if len(errors) == 1:
            raise LookupError

    with pytest.raises(LookupError), batch(on_error=hook):
        a.set(0)
    assert len(errors) == 2


def test_cycle_names_the_path() -> None:
    b: Computed[int]
    c: Computed[int]
    a = computed(lambda: b() + 1, "a")
    b = computed(lambda: c() + 1, "b")
    c = computed(lambda: b() + 1, "c")
    with pytest.raises(CycleError, match="b -> c -> b") as caught:
        a()
    assert caught.value.path == ("b", "c", "b")


def test_computed_that_reads_itself_is_a_cycle_of_one() -> None:
    me: Computed[int]
    me = computed(lambda: me() + 1, "me")
    with pytest.raises(CycleError) as caught:
        me()
    assert caught.value.path == ("me", "me")


def test_cycle_that_a_write_opens_is_gone_for_both() -> None:
    b: Computed[int]
    closed = signal(True)
    a = computed(lambda: b() + 1 if closed() else 1, "a")
    b = computed(lambda: a() + 1, "b")
    with pytest.raises(CycleError):
        a()
    with pytest.raises(CycleError):
        b()
    closed.set(False)
    assert [a(), b()] == [1, 2]


def test_cycle_that_a_write_closes_is_found() -> None:
    b: Computed[int]
    closed = signal(False)
    a = computed(lambda: b() + 1 if closed() else 1, "a")
    b = computed(lambda: a() + 1, "b")
    assert b() == 2
    closed.set(True)
    with pytest.raises(CycleError):
        b()
    closed.set(False)
    assert b() == 2


def test_cycle_is_found_again_on_validation_and_does_not_hang() -> None:
    b: Computed[int]
    x = signal(0)
    a = computed(lambda: b() + x(), "a")
    b = computed(lambda: a() + x(), "b")
    for n in (1, 2, 3):
        with pytest.raises(CycleError):
            a()
        with pytest.raises(CycleError):
            b()
        x.set(n)
