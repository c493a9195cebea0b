"""Effects: when they run, what they own, how they end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from eddyline.signals import Effect, FlushLimitError, Scope, batch, computed, effect, on_cleanup, signal


def test_effect_runs_at_once_and_before_each_write_returns() -> None:
    a = signal(1)
    seen: list[object] = []
    effect(lambda: seen.append(a()))
    a.set(2)
    seen.append("after")
    assert seen == [1, 2, "after"]


def test_closed_effect_runs_no_more_and_closing_twice_is_harmless() -> None:
    a, seen = signal(1), []
    log = effect(lambda: seen.append(a()))
    log.close()
    log.close()
    a.set(2)
    assert [seen, log.closed, a.watched] == [[1], True, False]


def test_effect_is_a_context_manager() -> None:
    a, seen = signal(1), []
    with effect(lambda: seen.append(a())):
        a.set(2)
    a.set(3)
    assert seen == [1, 2]


def test_effect_decorator_gives_the_effect() -> None:
    a, seen = signal(1), []

    @effect
    def log() -> None:
        seen.append(a())

    @effect(name="other")
    def second() -> None:
        a()

    log.close()
    a.set(2)
    assert [seen, second.label(), repr(log)] == [[1], "other", "<Effect log: closed>"]


def test_effects_run_in_the_order_in_which_they_subscribed() -> None:
    a, order = signal(0), []
    for name in "xyz":
        effect(partial(lambda name: order.append(name) if a() else None, name))
    a.set(1)
    assert order == ["x", "y", "z"]


def test_cleanup_runs_before_the_next_run_and_at_close_last_first() -> None:
    a, order = signal(1), []

    def body() -> None:
        n = a()
        order.append(f"run {n}")
        on_cleanup(lambda: order.append(f"first {n}"))
        on_cleanup(lambda: order.append(f"second {n}"))

    log = effect(body)
    a.set(2)
    log.close()
    assert order == ["run 1", "second 1", "first 1", "run 2", "second 2", "first 2"]


def test_reads_of_a_cleanup_are_not_dependencies() -> None:
    a, b, runs = signal(0), signal(0), []

    def body() -> None:
        runs.append(a())
        on_cleanup(b)

    effect(body)
    a.set(1)
    b.set(1)
    assert runs == [0, 1]


def test_nested_effect_is_closed_when_the_outer_runs_again() -> None:
    a, b, seen = signal(0), signal(0), []

    def outer() -> None:
        n = a()
        effect(lambda: seen.append((n, b())))

    effect(outer)
    a.set(1)
    b.set(1)
    assert seen == [(0, 0), (1, 0), (1, 1)]


def test_nested_effect_is_closed_with_the_outer() -> None:
    b, seen = signal(0), []
    outer = effect(lambda: effect(lambda: seen.append(b())))
    outer.close()
    b.set(1)
    assert seen == [0]


def test_outer_runs_before_the_inner_that_it_will_close() -> None:
    x = signal(1)
    inputs: list[int] = []

    def outer() -> None:
        if positive():
            effect(lambda: inputs.append(x()))

    positive = computed(lambda: x() > 0)
    effect(outer)
    x.set(-1)
    assert inputs == [1]


def test_inner_subscribed_first_still_waits_for_the_outer() -> None:
    x, y = signal(1), signal(0)
    inputs: list[object] = []

    def outer() -> None:
        y()
        effect(lambda: inputs.append(x()))
        if x() < 0:
            inputs.append("negative")

    effect(outer)
    x.set(-1)
    assert inputs == [1, -1, "negative"]


def test_three_levels_of_effects_close_from_the_inside_out() -> None:
    order: list[str] = []

    def level(name: str, then: Callable[[], object] | None = None) -> None:
        on_cleanup(lambda: order.append(name))
        if then is not None:
            effect(then)

    outer = effect(lambda: level("a", lambda: level("b", lambda: level("c"))))
    outer.close()
    assert order == ["c", "b", "a"]


def test_effect_that_closes_itself_runs_to_its_end_and_then_goes() -> None:
    a = signal(0)
    order: list[str] = []

    def body() -> None:
        if a():
            me.close()
            on_cleanup(lambda: order.append("cleanup"))
            order.append("end")

    me = effect(body)
    a.set(1)
    a.set(2)
    assert order == ["end", "cleanup"]
    assert not a.watched


def test_effect_closed_by_an_earlier_one_in_the_same_flush_does_not_run() -> None:
    victim: Effect
    a, seen = signal(0), []
    effect(lambda: victim.close() if a() else None)
    victim = effect(lambda: seen.append(a()))
    a.set(1)
    assert seen == [0]


def test_effect_closed_by_its_own_cleanup_does_not_run_again() -> None:
    a, runs = signal(0), []

    def body() -> None:
        runs.append(a())
        on_cleanup(lambda: me.close())

    me = effect(body)
    a.set(1)
    a.set(2)
    assert runs == [0]


def test_effect_that_writes_what_it_reads_runs_until_it_rests() -> None:
    a, seen = signal(0), []

    def climb() -> None:
        seen.append(a())
        if a() < 3:
            a.set(a() + 1)

    effect(climb)
    assert seen == [0, 1, 2, 3]


def test_write_in_an_effect_is_flushed_after_it() -> None:
    a, b, order = signal(0), signal(0), []
    effect(lambda: order.append(("b", b())))

    def copy() -> None:
        b.set(a())
        order.append(("a", a()))

    effect(copy)
    a.set(1)
    assert order == [("b", 0), ("a", 0), ("a", 1), ("b", 1)]


def test_effect_that_never_rests_is_named() -> None:
    a = signal(0)
    with pytest.raises(FlushLimitError, match="grow ran at least 100 times") as caught:
        effect(lambda: a.set(a() + 1), "grow")
    assert [caught.value.label, caught.value.runs] == ["grow", 100]
    assert not a.watched


def test_two_effects_that_wake_each_other_are_stopped_and_others_run() -> None:
    a, b, on, seen = signal(0), signal(0), signal(False), []
    effect(lambda: b.set(a() + 1) if on() else None, "ping")
    effect(lambda: a.set(b() + 1) if on() else None, "pong")
    effect(lambda: seen.append(on()))
    with pytest.raises(FlushLimitError, match=r"ping|pong"):
        on.set(True)
    assert seen == [False, True]


def test_effect_that_only_follows_a_loop_is_not_blamed_and_sees_the_end() -> None:
    a, on = signal(0), signal(False)
    before: list[int] = []
    after: list[int] = []
    effect(lambda: before.append(a()))
    effect(lambda: a.set(a() + 1) if on() else None, "grow")
    effect(lambda: after.append(a()))
    with pytest.raises(FlushLimitError, match="grow"):
        on.set(True)
    assert before[-1] == after[-1] == a()


def test_effect_stopped_by_the_limit_works_again_later() -> None:
    a, stop = signal(0), signal(False)
    seen: list[object] = []

    def grow() -> None:
        if stop():
            seen.append("stopped")
        else:
            a.set(a() + 1)

    with batch(on_error=seen.append):
        stop.set(True)
    me = effect(grow)
    with pytest.raises(FlushLimitError):
        stop.set(False)
    stop.set(True)
    assert seen == ["stopped", "stopped"]
    me.close()


def test_long_flush_of_many_effects_is_no_loop() -> None:
    a, runs = signal(0), []
    with Scope():
        for _ in range(500):
            effect(lambda: runs.append(a()))
        a.set(1)
    assert len(runs) == 1000


def test_outer_run_again_and_again_by_its_inner_is_stopped() -> None:
    a = signal(0)

    def outer() -> None:
        a()
        effect(lambda: a.set(a.peek() + 1))

    with pytest.raises(FlushLimitError, match="outer"):
        effect(outer)


def test_effect_made_inside_a_computed_for_a_scope_works_and_later_writes_are_flushed() -> None:
    a, b, seen = signal(0), signal(0), []
    screen = Scope("screen")

    @computed
    def value() -> int:
        screen.run(lambda: effect(lambda: seen.append(("made inside", b()))))
        b.set(b.peek() + 1)
        return a()

    with screen:
        assert value() == 0
        effect(lambda: seen.append(("outside", a())))
        a.set(7)
    b.set(9)
    assert seen == [("made inside", 0), ("made inside", 1), ("outside", 0), ("outside", 7)]


def test_thousand_effects_that_each_write_for_the_next_run_once_each() -> None:
    links = [signal(0) for _ in range(1_001)]
    runs: list[int] = []

    def pass_on(n: int) -> None:
        runs.append(n)
        links[n + 1].set(links[n]())

    with Scope():
        for n in range(1_000):
            effect(partial(pass_on, n))
        runs.clear()
        links[0].set(7)
    assert [links[-1](), runs] == [7, list(range(1_000))]


def test_reads_inside_the_function_of_an_inner_effect_are_not_the_outers() -> None:
    a, b, runs = signal(0), signal(0), []

    def outer() -> None:
        runs.append(a())
        effect(b)

    effect(outer)
    b.set(1)
    assert runs == [0]


def test_computed_made_in_an_effect_is_new_each_run_and_follows() -> None:
    a, b, seen = signal(1), signal(10), []

    def body() -> None:
        factor = a()
        scaled = computed(lambda: b() * factor)
        effect(lambda: seen.append(scaled()))

    effect(body)
    b.set(20)
    a.set(2)
    b.set(30)
    assert seen == [10, 20, 40, 60]


def test_cleanup_of_an_effect_without_dependencies_waits_for_its_close() -> None:
    order: list[str] = []
    log = effect(lambda: on_cleanup(lambda: order.append("cleaned")))
    signal(0).set(1)
    assert order == []
    log.close()
    assert order == ["cleaned"]


def test_effects_of_a_scope_are_closed_last_made_first() -> None:
    order: list[int] = []
    with Scope():
        for n in range(3):
            effect(partial(lambda n: on_cleanup(lambda: order.append(n)), n))
    assert order == [2, 1, 0]
