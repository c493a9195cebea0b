"""Batches: one wave for several writes."""

from __future__ import annotations

import pytest

from eddyline.signals import Scope, batch, computed, effect, signal


def test_effects_wait_for_the_end_of_the_batch_and_run_once() -> None:
    a, b, seen = signal(1), signal(1), []
    effect(lambda: seen.append((a(), b())))
    with batch():
        a.set(2)
        b.set(2)
        assert seen == [(1, 1)]
    assert seen == [(1, 1), (2, 2)]


def test_values_and_computeds_are_current_inside_a_batch() -> None:
    a = signal(1)
    double = computed(lambda: a() * 2)
    assert double() == 2
    with batch():
        a.set(5)
        assert [a(), double()] == [5, 10]
        a.set(6)
        assert double() == 12


def test_only_the_outermost_batch_flushes() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append(a()))
    with batch():
        with batch():
            a.set(1)
        assert seen == [0]
        a.set(2)
    assert seen == [0, 2]


def test_writes_before_an_exception_are_flushed_and_the_exception_goes_on() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append(a()))
    with pytest.raises(LookupError), batch():
        a.set(1)
        raise LookupError
    a.set(2)
    assert seen == [0, 1, 2]


def test_error_of_the_body_and_of_effects_arrive_together() -> None:
    a = signal(1)
    effect(lambda: 1 / a())
    with pytest.raises(ExceptionGroup) as caught, batch():
        a.set(0)
        raise LookupError
    assert [type(error) for error in caught.value.exceptions] == [LookupError, ZeroDivisionError]


def test_exception_caught_inside_the_outer_batch_does_not_end_it() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append(a()))
    with batch():
        with pytest.raises(LookupError), batch():
            a.set(1)
            raise LookupError
        assert seen == [0]
    assert seen == [0, 1]


def test_batch_decorates_a_function() -> None:
    a, b, seen = signal(0), signal(0), []
    effect(lambda: seen.append((a(), b())))

    @batch()
    def move(x: int, *, y: int) -> str:
        a.set(x)
        b.set(y)
        return "moved"

    assert move(1, y=2) == "moved"
    assert [seen, move.__name__] == [[(0, 0), (1, 2)], "move"]


def test_batch_inside_an_effect_is_part_of_its_flush() -> None:
    go, a, b = signal(0), signal(0), signal(0)
    order: list[object] = []

    def body() -> None:
        with batch():
            a.set(go())
            b.set(go())
        order.append("written")

    effect(body)
    effect(lambda: order.append((a(), b())))
    order.clear()
    go.set(1)
    assert order == ["written", (1, 1)]


def test_effect_made_inside_a_batch_runs_at_once() -> None:
    a, seen = signal(0), []
    with batch():
        a.set(1)
        effect(lambda: seen.append(a()))
        assert seen == [1]
    assert seen == [1]


def test_write_that_is_read_inside_the_batch_still_wakes_at_its_end() -> None:
    a, seen = signal(0), []
    double = computed(lambda: a() * 2)
    effect(lambda: seen.append(double()))
    with batch():
        a.set(1)
        double()
        a.set(2)
        double()
    assert seen == [0, 4]


def test_batch_refuses_to_decorate_a_coroutine_function() -> None:
    async def move() -> None: ...

    with pytest.raises(TypeError, match=r"move is a coroutine function; use `with batch\(\):` inside it"):
        batch()(move)


def test_one_batch_object_may_be_entered_again_inside_itself() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append(a()))
    together = batch()
    with together:
        with together:
            a.set(1)
        assert seen == [0]
    assert seen == [0, 1]


def test_recursive_function_that_is_a_batch_flushes_once() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append(a()))

    @batch()
    def climb(n: int) -> None:
        a.set(n)
        if n < 5:
            climb(n + 1)

    climb(1)
    assert seen == [0, 5]


def test_batch_without_writes_runs_nothing_and_raises_the_error_of_its_body_alone() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append(a()))
    with pytest.raises(LookupError), batch():
        raise LookupError
    assert seen == [0]


def test_effects_woken_by_the_flush_of_a_batch_are_part_of_it() -> None:
    a, b, seen = signal(0), signal(0), []
    effect(lambda: b.set(a() * 10))
    effect(lambda: seen.append((a(), b())))
    with batch():
        a.set(1)
        a.set(2)
    assert seen[-1] == (2, 20)
    assert (2, 10) not in seen


def test_batch_opened_by_an_effect_ends_with_it_and_is_not_the_writers() -> None:
    a, b, order = signal(0), signal(0), []
    effect(lambda: order.append(("b", b())))

    def body() -> None:
        with batch():
            b.set(a() + 1)
            order.append(("inside", b.peek()))
        order.append(("after", b.peek()))

    effect(body)
    order.clear()
    a.set(1)
    assert order == [("inside", 2), ("after", 2), ("b", 2)]


def test_effect_closed_inside_a_batch_does_not_run_at_its_end() -> None:
    a, seen = signal(0), []
    log = effect(lambda: seen.append(a()))
    with batch():
        a.set(1)
        log.close()
    assert seen == [0]


def test_scope_closed_inside_a_batch_takes_its_woken_effects_along() -> None:
    a, seen = signal(0), []
    with batch(), Scope():
        effect(lambda: seen.append(a()))
        a.set(1)
    assert seen == [0]
