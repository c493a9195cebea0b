"""Signals as Observables and back: values, ends, errors, threads, schedulers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import reactivex
from reactivex import operators as ops
from reactivex.subject import Subject
from reactivex.testing import TestScheduler as VirtualTime

from eddyline.bindings.rx import from_observable, to_observable
from eddyline.signals import Scope, batch, computed, effect, signal
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def scope() -> Iterator[Scope]:
    with Scope() as scope:
        yield scope


def log_of(observable: Any, **how: Any) -> tuple[list[Any], Any]:
    seen: list[Any] = []
    return seen, observable.subscribe(seen.append, lambda e: seen.append(repr(e)), lambda: seen.append("end"), **how)


def test_observable_emits_the_present_value_then_each_change() -> None:
    count = signal(0)
    seen, _ = log_of(to_observable(count))
    count.set(1)
    count.set(1)
    count.set(2)
    assert seen == [0, 1, 2]


def test_disposal_closes_the_effect() -> None:
    count = signal(0)
    seen, subscription = log_of(to_observable(count))
    subscription.dispose()
    subscription.dispose()
    count.set(1)
    assert [seen, count.watched] == [[0], False]


def test_nothing_is_followed_before_the_subscription_and_each_has_its_own_effect() -> None:
    count = signal(0)
    observable = to_observable(count)
    assert not count.watched
    first, subscription = log_of(observable)
    count.set(1)
    second, _ = log_of(observable)
    subscription.dispose()
    count.set(2)
    assert [first, second] == [[0, 1], [1, 2]]


def test_operator_that_ends_at_once_disposes_of_the_effect() -> None:
    count = signal(0)
    seen, _ = log_of(to_observable(count).pipe(ops.take(1)))
    count.set(1)
    assert [seen, count.watched] == [[0, "end"], False]


def test_error_of_the_computed_is_emitted_once_and_ends_the_subscription() -> None:
    n = signal(1)
    seen, _ = log_of(to_observable(computed(lambda: 1 / n())))
    n.set(0)
    n.set(2)
    n.set(0)
    assert seen == [1.0, "ZeroDivisionError('division by zero')"]


def test_error_on_subscription_is_emitted() -> None:
    seen, _ = log_of(to_observable(lambda: 1 / 0))
    assert seen == ["ZeroDivisionError('division by zero')"]


def test_end_of_the_scope_completes_the_observable() -> None:
    count = signal(0)
    with Scope():
        seen, _ = log_of(to_observable(count))
    count.set(1)
    assert [seen, count.watched] == [[0, "end"], False]


def test_batch_is_one_emission() -> None:
    a, b = signal(1), signal(2)
    seen, _ = log_of(to_observable(lambda: a() + b()))
    with batch():
        a.set(10)
        b.set(20)
    assert seen == [3, 30]


def test_what_an_observer_reads_is_not_followed_and_what_it_makes_lives_on() -> None:
    count, other, seen = signal(0), signal("a"), []
    runs = []

    def on_next(value: int) -> None:
        runs.append(value)
        other()
        if value == 0:
            effect(lambda: seen.append(other()))

    to_observable(count).subscribe(on_next)
    other.set("b")
    count.set(1)
    other.set("c")
    assert [runs, seen] == [[0, 1], ["a", "b", "c"]]


def test_what_an_observer_raises_is_raised_to_the_writer() -> None:
    count = signal(1)
    to_observable(count).subscribe(lambda value: 1 / value)  # type: ignore[arg-type,return-value,unused-ignore]
    with pytest.raises(ZeroDivisionError):
        count.set(0)


def test_observe_on_says_when_changes_arrive_and_loses_none() -> None:
    time, count = VirtualTime(), signal(0)
    seen, _ = log_of(to_observable(count).pipe(ops.observe_on(time)))
    count.set(1)
    count.set(2)
    assert seen == []
    time.start()
    assert seen == [0, 1, 2]


def test_scheduler_that_an_operator_of_time_passes_up_does_not_delay_changes() -> None:
    time, count = VirtualTime(), signal(0)
    seen, _ = log_of(to_observable(count).pipe(ops.throttle_first(5, scheduler=time)))
    count.set(1)
    time.advance_by(6)
    count.set(2)
    count.set(3)
    assert seen == [0, 2]


def test_subscribe_on_another_scheduler_subscribes_there() -> None:
    time, count = VirtualTime(), signal(0)
    seen, subscription = log_of(to_observable(count).pipe(ops.subscribe_on(time)))
    count.set(1)
    time.start()
    count.set(2)
    subscription.dispose()
    time.start()
    assert [seen, count.watched] == [[1, 2], False]


def test_operators_of_time_work_on_virtual_time() -> None:
    time, text = VirtualTime(), signal("")
    seen, _ = log_of(to_observable(text).pipe(ops.debounce(10, scheduler=time)))
    text.set("a")
    text.set("ab")
    time.advance_by(20)
    assert seen == ["ab"]


def test_received_holds_the_newest_value_and_the_end() -> None:
    subject: Subject[int] = Subject()
    received = from_observable(subject, 0)
    shown = []
    effect(lambda: shown.append((received(), received.completed)))
    subject.on_next(1)
    subject.on_next(2)
    subject.on_completed()
    assert shown == [(0, False), (1, False), (2, False), (2, True)]


def test_received_of_an_observable_that_emits_on_subscription() -> None:
    received = from_observable(reactivex.of(1, 2, 3))
    assert [received.value, received.get(), received.peek(), received.completed] == [3, 3, 3, True]


def test_error_of_the_observable_is_kept_beside_the_last_value() -> None:
    subject: Subject[int] = Subject()
    received = from_observable(subject, 0)
    errors = []
    effect(lambda: errors.append(repr(received.error)))
    subject.on_next(1)
    subject.on_error(OSError("down"))
    subject.on_next(2)
    assert [errors, received(), received.completed] == [["None", "OSError('down')"], 1, False]


def test_scope_or_close_disposes_of_the_subscription() -> None:
    subject: Subject[int] = Subject()
    with Scope():
        first = from_observable(subject, 0)
    second = from_observable(subject, 0)
    second.close()
    second.close()
    subject.on_next(1)
    assert [first(), second(), first.closed, second.closed, subject.observers] == [0, 0, True, True, []]


def test_error_on_subscription_to_an_observable_is_kept_like_any_other() -> None:
    def subscribe(observer: object, scheduler: object) -> Any:
        raise LookupError

    assert repr(from_observable(reactivex.create(subscribe)).error) == "LookupError()"


async def test_error_of_an_effect_goes_to_the_handler_of_the_loop_and_the_subscription_lives() -> None:
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    subject: Subject[int] = Subject()
    received = from_observable(subject, 1)
    effect(lambda: 1 / received())
    subject.on_next(0)
    subject.on_next(2)
    assert [[type(error) for error in errors], received()] == [[ZeroDivisionError], 2]


async def test_emissions_from_another_thread_arrive_on_the_loop_in_order() -> None:
    subject: Subject[int] = Subject()
    received = from_observable(subject, 0)
    seen: list[object] = []
    effect(lambda: seen.append((received(), received.completed, threading.get_ident())))

    def emit() -> None:
        subject.on_next(1)
        subject.on_next(2)
        subject.on_completed()

    thread = threading.Thread(target=emit)
    thread.start()
    thread.join(PATIENCE_S)
    here = threading.get_ident()
    assert seen == [(0, False, here)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert seen == [(0, False, here), (1, False, here), (2, False, here), (2, True, here)]


async def test_emission_that_is_on_its_way_when_it_is_closed_is_dropped() -> None:
    subject: Subject[int] = Subject()
    effect(signal(0).get)  # the graph belongs to this loop
    received = from_observable(subject, 0)
    thread = threading.Thread(target=subject.on_next, args=(1,))
    thread.start()
    thread.join(PATIENCE_S)
    received.close()
    await asyncio.sleep(0)
    assert received() == 0


def test_round_trip_keeps_the_newest_value() -> None:
    def twice(n: int) -> int:
        return n * 2

    count = signal(0)
    doubled = from_observable(to_observable(count).pipe(ops.map(twice)), 0)
    count.set(21)
    assert doubled() == 42


def test_module_loads_without_reactivex_and_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['reactivex'] = None\n"
        "from eddyline.bindings.rx import to_observable\n"
        "try: to_observable(lambda: 1)\n"
        "except ImportError as error: print(error)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "to_observable and from_observable need reactivex: pip install eddyline[rx]"
