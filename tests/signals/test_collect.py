"""Memory: nothing upstream keeps a computed alive, and a long-lived signal gathers no dead subscribers."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable
from functools import partial

import pytest

from eddyline.signals import Computed, Scope, computed, effect, on_cleanup, signal


def test_computed_that_nobody_holds_is_freed_at_once() -> None:
    a = signal(1)
    value = computed(lambda: a())
    value()
    alive = weakref.ref(value)
    assert a.watched
    del value
    assert alive() is None
    assert not a.watched


def test_computed_in_a_reference_cycle_is_freed_by_the_collector() -> None:
    a = signal(1)
    box: list[object] = []
    value = computed(lambda: (a(), len(box))[1])
    box.append(value)
    value()
    alive = weakref.ref(value)
    del value
    box = []
    gc.collect()
    assert alive() is None
    assert not a.watched


def test_long_lived_signal_gathers_no_dead_subscribers() -> None:
    a = signal(0)
    for _ in range(1_000):
        computed(lambda: a() + 1)()
        effect(lambda: a()).close()
    assert len(a._subs or ()) == 0


def test_watched_computed_is_kept_by_its_effect_alone() -> None:
    a, seen = signal(0), []
    alive = weakref.ref(double := computed(lambda: a() * 2))
    log = effect(partial(lambda read: seen.append(read()), double.get))
    del double
    a.set(1)
    assert [alive() is not None, seen] == [True, [0, 2]]
    log.close()
    del log
    gc.collect()
    assert alive() is None


def test_effect_is_kept_by_what_it_follows_and_by_its_scope() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append(a()))
    gc.collect()
    a.set(1)
    assert seen == [0, 1]


def test_closed_effect_is_freed() -> None:
    a = signal(0)
    alive = weakref.ref(log := effect(lambda: a()))
    log.close()
    del log
    gc.collect()
    assert alive() is None


def test_closed_scope_frees_what_was_in_it() -> None:
    a = signal(0)
    with Scope():
        alive = weakref.ref(effect(lambda: on_cleanup(a)))
    gc.collect()
    assert alive() is None


def test_effect_that_makes_a_computed_each_run_leaves_one() -> None:
    a, b = signal(0), signal(0)
    with Scope():
        effect(lambda: a() + computed(lambda: b())())
        for n in range(50):
            a.set(n + 1)
        assert len(b._subs or ()) == 1
    assert len(b._subs or ()) == 0


def test_subscriber_collected_while_others_are_marked_does_no_harm() -> None:
    a, seen = signal(0), []
    doomed: list[Computed[int]] = []

    def body() -> None:
        doomed.clear()
        seen.append(a())

    effect(body)
    doomed.extend(computed(lambda: a()) for _ in range(20))
    assert sum(each() for each in doomed) == 0
    effect(lambda: seen.append(a() + 100))
    a.set(1)
    assert [seen, len(a._subs or ())] == [[0, 100, 1, 101], 2]


SOURCE = signal(0)


def bytes_each(make: Callable[[], object], n: int = 2_000) -> float:
    gc.collect()
    kept: list[object] = [None] * n
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for i in range(n):
            kept[i] = make()
        return (tracemalloc.get_traced_memory()[0] - before) / n
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("what", "limit"), [("signal", 110), ("computed", 450), ("effect", 650)])
def test_bytes_stay_within_the_numbers_to_hold(what: str, limit: int) -> None:
    def make_computed() -> object:
        made = computed(lambda: SOURCE())
        made()
        return made

    makers = {"signal": lambda: signal(0), "computed": make_computed, "effect": lambda: effect(lambda: SOURCE())}
    with Scope():
        assert bytes_each(makers[what]) <= limit
