"""After an error, an interrupt or a limit has cut work short, the next write still reaches everybody."""

from __future__ import annotations

import pytest

from eddyline.signals import FlushLimitError, computed, effect, signal


def test_effect_dropped_by_the_limit_is_woken_through_a_computed_that_was_left_stale() -> None:
    a, grow, seen = signal(0), signal(True), []
    same = computed(lambda: a() + 0)

    def body() -> None:
        seen.append(same())
        if grow.peek() and seen[-1]:
            a.set(a.peek() + 1)

    effect(body)
    with pytest.raises(FlushLimitError):
        a.set(1)
    grow.set(False)
    seen.clear()
    a.set(-5)
    assert seen == [-5]


def test_computed_that_gave_up_at_the_limit_is_computed_again_when_its_inputs_change() -> None:
    a, grow = signal(0), signal(True)
    same = computed(lambda: a() + 0)

    @computed
    def value() -> int:
        n = same()
        if grow.peek():
            a.set(n + 1)
        return n

    with pytest.raises(FlushLimitError):
        value()
    grow.set(False)
    a.set(-5)
    assert value() == -5


def test_effect_interrupted_while_its_first_dependency_is_computed_is_woken_by_its_second() -> None:
    a, b, seen, interrupts = signal(0), signal(0), [], [None, KeyboardInterrupt()]

    @computed
    def first() -> int:
        n = a()
        interrupt = interrupts.pop(0) if interrupts else None
        if interrupt is not None:
            raise interrupt
        return n

    second = computed(lambda: a() + b())
    effect(lambda: seen.append((first(), second())))
    with pytest.raises(KeyboardInterrupt):
        a.set(1)
    b.set(10)
    assert seen == [(0, 0), (1, 11)]


def test_effect_interrupted_in_its_run_is_woken_by_what_it_had_not_read_yet() -> None:
    a, b, seen = signal(0), signal(0), []
    second = computed(lambda: a() + b())

    def body() -> None:
        if a() == 1 and not b.peek():
            raise KeyboardInterrupt
        seen.append(second())

    effect(body)
    with pytest.raises(KeyboardInterrupt):
        a.set(1)
    b.set(10)
    assert seen == [0, 11]


def test_computed_interrupted_in_its_run_passes_on_what_it_had_not_read_yet() -> None:
    a, b, seen = signal(0), signal(0), []
    second = computed(lambda: a() + b())

    @computed
    def value() -> int:
        if a() == 1 and not b.peek():
            raise KeyboardInterrupt
        return second()

    effect(lambda: seen.append(value()))
    with pytest.raises(KeyboardInterrupt):
        a.set(1)
    b.set(10)
    assert seen == [0, 11]
