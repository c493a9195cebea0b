"""Unkind programs: things closed from where one would not, cleanups that write and fail, reads in odd places."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from eddyline import signals
from eddyline.signals import (
    Computed,
    CycleError,
    Effect,
    Scope,
    Signal,
    Source,
    batch,
    computed,
    effect,
    on_cleanup,
    signal,
    untracked,
)
from tests.patience import PATIENCE_S


def test_inner_effect_may_close_its_outer_while_only_itself_runs() -> None:
    a = signal(0)
    order: list[object] = []

    def inner() -> None:
        on_cleanup(lambda: order.append("inner cleaned"))
        if a():
            outer.close()
            order.append("inner end")

    def outer_body() -> None:
        on_cleanup(lambda: order.append("outer cleaned"))
        effect(inner)

    outer = effect(outer_body)
    a.set(1)
    a.set(2)
    assert order == ["inner cleaned", "outer cleaned", "inner end", "inner cleaned"]
    assert not a.watched


def test_inner_effect_may_close_its_outer_during_the_run_that_makes_it() -> None:
    a, runs = signal(0), []

    def body() -> None:
        runs.append(a())
        if a():
            effect(lambda: outer.close())

    outer = effect(body)
    a.set(1)
    a.set(2)
    assert [runs, outer.closed, a.watched] == [[0, 1], True, False]


def test_effect_may_close_the_scope_that_it_lives_in() -> None:
    a = signal(0)
    order: list[object] = []
    scope = Scope()
    scope.add(lambda: order.append("scope"))

    def body() -> None:
        order.append(a())
        if a():
            scope.close()
            order.append("end")

    scope.run(lambda: effect(body))
    a.set(1)
    a.set(2)
    assert order == [0, 1, "scope", "end"]
    assert not a.watched


def test_effect_made_after_its_effect_closed_itself_is_closed_with_it() -> None:
    a, b = signal(0), signal(0)
    seen: list[int] = []

    def body() -> None:
        if a():
            me.close()
            effect(lambda: seen.append(b()))

    me = effect(body)
    a.set(1)
    b.set(1)
    assert seen == [0]


def test_cleanup_that_writes_what_its_effect_reads_does_not_run_it_twice() -> None:
    a, other, runs = signal(0), signal(0), []

    def body() -> None:
        runs.append((a(), other()))
        on_cleanup(lambda: other.update(lambda n: n + 1))

    log = effect(body)
    a.set(1)
    a.set(2)
    assert runs == [(0, 0), (1, 1), (2, 2)]
    log.close()
    assert [other(), runs[3:]] == [3, []]


def test_cleanup_that_writes_wakes_others_after_the_run() -> None:
    a, closed = signal(0), signal(0)
    order: list[object] = []

    def body() -> None:
        order.append(f"run {a()}")
        on_cleanup(lambda: closed.update(lambda n: n + 1))

    log = effect(body)
    effect(lambda: order.append(f"closed {closed()}"))
    a.set(1)
    log.close()
    assert order == ["run 0", "closed 0", "run 1", "closed 1", "closed 2"]


def test_scope_whose_cleanup_writes_still_closes_everything() -> None:
    a, order = signal(0), []
    with Scope() as scope:
        effect(lambda: order.append(("effect", a())))
        scope.add(lambda: a.set(1))
        scope.add(lambda: a.set(2))
    a.set(3)
    assert order == [("effect", 0), ("effect", 2), ("effect", 1)]


def test_error_of_a_cleanup_and_of_another_effect_arrive_together() -> None:
    a = signal(0)

    def body() -> None:
        if not a():
            on_cleanup(lambda: 1 / 0)

    effect(body)
    effect(lambda: [][a() - 1] if a() else None)
    with pytest.raises(ExceptionGroup) as caught:
        a.set(1)
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError, IndexError]


def test_errors_of_two_cleanups_and_of_the_run_all_arrive() -> None:
    a = signal(0)

    def body() -> None:
        if a():
            raise LookupError
        on_cleanup(lambda: 1 / 0)
        on_cleanup(lambda: [].pop())

    effect(body)
    with pytest.raises(ExceptionGroup) as caught:
        a.set(1)
    assert [type(error) for error in leaves(caught.value)] == [IndexError, ZeroDivisionError, LookupError]


def leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in leaves(each)]
    return [error]


def test_first_run_that_fails_after_waking_a_failing_effect_raises_both() -> None:
    a = signal(1)
    effect(lambda: 1 / a())

    def body() -> None:
        a.set(0)
        raise LookupError

    with pytest.raises(ExceptionGroup) as caught:
        effect(body)
    assert [type(error) for error in caught.value.exceptions] == [LookupError, ZeroDivisionError]


def test_write_that_wakes_an_interrupt_and_an_error_raises_both() -> None:
    a = signal(0)

    def interrupted() -> None:
        if a():
            raise KeyboardInterrupt

    effect(interrupted)
    effect(lambda: 1 / (a() - 1))
    with pytest.raises(BaseExceptionGroup) as caught:
        a.set(1)
    assert [type(error) for error in caught.value.exceptions] == [KeyboardInterrupt, ZeroDivisionError]


def test_cycle_through_a_dependency_that_a_write_brings_in_is_the_error_of_the_effect_that_reads_it() -> None:
    b: Computed[int]
    on, seen = signal(False), []
    a = computed(lambda: b() if on() else 0, "a")
    b = computed(lambda: a() + 1, "b")
    effect(lambda: seen.append(b()))
    with pytest.raises(CycleError):
        on.set(True)
    on.set(False)
    assert [seen[0], b()] == [1, 1]


def test_cycle_that_is_caught_inside_leaves_values_that_follow() -> None:
    b: Computed[int]
    x = signal(1)

    @computed
    def a() -> int:
        try:
            return b()
        except CycleError:
            return x() * 10

    b = computed(lambda: a() + x(), "b")
    assert b() == 11
    x.set(2)
    assert b() == 22


def test_computed_read_inside_a_batch_between_writes_is_current_each_time() -> None:
    a, b = signal(1), signal(1)
    total = computed(lambda: a() + b())
    seen: list[int] = []
    effect(lambda: seen.append(total()))
    with batch():
        a.set(2)
        assert total() == 3
        b.set(2)
        assert total() == 4
        a.set(1)
        b.set(1)
    assert [total(), seen] == [2, [2, 2]]  # the value that was seen in between makes it run once


def test_signal_read_by_a_custom_equality_is_no_dependency() -> None:
    a, tolerance, runs = signal(1.0), signal(0.5), []
    close = computed(lambda: a(), equals=lambda old, new: abs(old - new) < tolerance())
    direct = signal(0, equals=lambda old, new: tolerance() < 0)

    def body() -> None:
        runs.append(close())
        direct.set(len(runs))

    effect(body)
    a.set(2.0)
    runs.clear()
    tolerance.set(0.1)
    assert [runs, tolerance.watched] == [[], False]


def test_effect_closed_in_another_thread_while_it_runs_ends_after_the_run() -> None:
    a = signal(0)
    order: list[str] = []
    started, closing = threading.Event(), threading.Event()

    def body() -> None:
        if a():
            started.set()
            closing.wait(PATIENCE_S)
            order.append("end of run")

    log = effect(body)

    def close() -> None:
        started.wait(PATIENCE_S)
        closing.set()
        log.close()
        order.append("closed")

    thread = threading.Thread(target=close)
    thread.start()
    a.set(1)
    thread.join(PATIENCE_S)
    a.set(2)
    assert [order, a.watched] == [["end of run", "closed"], False]


def test_wrong_arguments_of_a_computed_leave_no_half_made_one() -> None:
    unraisable: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, unraisable.append
    try:
        with pytest.raises(TypeError):
            Computed(lambda: 1, wrong=2)  # type: ignore[call-arg]  # what is tested
        gc.collect()
    finally:
        sys.unraisablehook = before
    assert unraisable == []


def test_program_that_ends_with_live_computeds_and_effects_says_nothing() -> None:
    code = """
from eddyline.signals import *
a = signal(1)
b = computed(lambda: a() + 1)
ring = []
c = computed(lambda: (b(), len(ring))); ring.append(c); c()
e = effect(lambda: (c(), on_cleanup(lambda: a.set(5))))
class Late:
    def __del__(self):
        a.set(9); b(); computed(lambda: b())()
late = Late()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert [done.stdout, done.stderr] == ["", ""]


def test_finalizer_that_writes_a_signal_while_a_run_goes_on_is_harmless() -> None:
    a, gone, seen = signal(0), signal(0), []

    class Thing:
        def __del__(self) -> None:
            gone.set(gone.peek() + 1)

    def body() -> None:
        a()
        Thing()
        seen.append(gone.peek())

    effect(body)
    a.set(1)
    assert [seen, gone(), gone.watched] == [[1, 2], 2, False]


def test_cold_computeds_in_a_ring_with_their_error_are_collected() -> None:
    a = signal(0)
    ring: list[Any] = []
    value = computed(lambda: 1 / a() + len(ring))
    ring.append(value)
    with pytest.raises(ZeroDivisionError):
        value()
    alive = weakref.ref(value)
    del value
    ring.clear()
    gc.collect()
    assert alive() is None
    assert not a.watched


def test_read_in_the_loop_over_a_generator_that_outlives_its_run_is_not_tracked() -> None:
    a, b, runs, kept = signal(0), signal(0), [], []

    def numbers() -> Any:
        yield a()
        yield b()

    def body() -> None:
        kept.append(numbers())
        runs.append(next(kept[-1]))

    effect(body)
    assert list(kept[0]) == [0]
    b.set(1)
    a.set(1)
    assert runs == [0, 1]


def test_function_that_reads_itself_through_peek_is_a_cycle_too() -> None:
    me: Computed[int]
    me = computed(lambda: me.peek() + 1, "me")
    with pytest.raises(CycleError, match="me -> me"):
        me()


def test_untracked_inside_untracked_and_a_run_inside_both_track_their_own() -> None:
    a, b, c, runs = signal(0), signal(0), signal(0), []
    inner = computed(lambda: b() + untracked(c))

    def body() -> None:
        runs.append(a() + untracked(lambda: untracked(inner)))

    effect(body)
    b.set(1)
    c.set(1)
    assert [runs, inner()] == [[0], 2]
    a.set(1)
    assert len(runs) == 2


def test_error_inside_untracked_gives_tracking_back() -> None:
    a, b, seen = signal(1), signal(0), []

    def body() -> None:
        try:
            untracked(lambda: 1 / b())
        except ZeroDivisionError:
            seen.append(a())

    effect(body)
    a.set(2)
    assert seen == [1, 2]


def test_effect_that_closes_itself_and_fails_is_closed_and_its_error_arrives() -> None:
    a, order = signal(0), []

    def body() -> None:
        on_cleanup(lambda: order.append("cleaned"))
        if a():
            me.close()
            raise LookupError

    me = effect(body)
    with pytest.raises(LookupError):
        a.set(1)
    assert [order, me.closed, a.watched] == [["cleaned", "cleaned"], True, False]


def test_batch_inside_a_computed_is_flushed_after_the_read() -> None:
    a, b, order = signal(0), signal(0), []
    effect(lambda: order.append(("effect", b())))

    @computed
    def value() -> int:
        with batch():
            b.set(a() + 1)
        order.append(("computed", a()))
        return a()

    assert value() == 0
    assert order == [("effect", 0), ("computed", 0), ("effect", 1)]


def test_thousand_effects_that_close_each_other_in_one_flush() -> None:
    a, runs = signal(0), []
    effects: list[Effect] = []

    def body(n: int) -> None:
        if a():
            runs.append(n)
            if n + 1 < len(effects):
                effects[n + 1].close()

    effects.extend(effect(partial(body, n)) for n in range(1_000))
    a.set(1)
    assert runs == list(range(0, 1_000, 2))


def test_source_changed_inside_its_own_reader_runs_it_until_it_rests() -> None:
    class Steps(Source):
        def __init__(self) -> None:
            super().__init__()
            self.n = 0

        def read(self) -> int:
            self.track()
            return self.n

    steps, seen = Steps(), []

    def body() -> None:
        seen.append(steps.read())
        if steps.n < 3:
            steps.n += 1
            steps.changed()

    effect(body)
    assert seen == [0, 1, 2, 3]


def test_scopes_inside_one_another_three_thousand_deep_close_from_the_inside_out() -> None:
    order: list[int] = []
    outer = scope = Scope()
    for n in range(3_000):
        scope = Scope(parent=scope)
        scope.add(partial(order.append, n))
    outer.close()
    assert order == list(range(2_999, -1, -1))


def test_deep_chain_below_an_effect_recovers_from_an_error_at_the_bottom() -> None:
    a, seen = signal(1), []
    read: Callable[[], float] = computed(lambda: 1 / a()).get
    for _ in range(3_000):
        read = computed(partial(lambda below: below() + 1, read)).get

    def body() -> None:
        seen.append(read())

    effect(body)
    with pytest.raises(ZeroDivisionError):
        a.set(0)
    a.set(2)
    assert seen == [3001.0, 3000.5]


def test_deep_chain_that_is_cut_short_recovers() -> None:
    a, interrupts = signal(1), [KeyboardInterrupt()]

    def bottom() -> int:
        if a() == 2 and interrupts:
            raise interrupts.pop()
        return a()

    read: Callable[[], int] = computed(bottom).get
    for _ in range(3_000):
        read = computed(partial(lambda below: below() + 1, read)).get
    assert read() == 3_001
    a.set(2)
    with pytest.raises(KeyboardInterrupt):
        read()
    assert read() == 3_002


def test_cold_deep_chain_that_is_cut_short_at_the_bottom_recovers() -> None:
    a, interrupts = signal(1), [KeyboardInterrupt()]

    def bottom() -> int:
        if interrupts:
            raise interrupts.pop()
        return a()

    read: Callable[[], int] = computed(bottom).get
    for _ in range(3_000):
        read = computed(partial(lambda below: below() + 1, read)).get
    with pytest.raises(KeyboardInterrupt):
        read()
    assert read() == 3_001


def test_signals_folder_says_what_it_is_in_every_file() -> None:
    assert signals.__file__ is not None
    files = sorted(Path(signals.__file__).parent.glob("*.py"))
    assert [file.name for file in files if not file.read_text(encoding="utf-8").lstrip("r").startswith('"""')] == []


def test_update_inside_an_effect_follows_what_its_function_reads_but_not_the_signal() -> None:
    total, step, runs = signal(0), signal(1), []

    def body() -> None:
        runs.append(step())
        total.update(lambda n: n + step())

    effect(body)
    total.set(10)
    step.set(5)
    assert [runs, total()] == [[1, 5], 15]


def test_write_of_a_signal_to_itself_changes_nothing() -> None:
    a: Signal[int] = signal(1)
    runs: list[int] = []
    effect(lambda: runs.append(a()))
    a.value = a.value
    assert runs == [1]
