"""Schedulers: an effect that runs once a turn of the loop, once a frame, or whenever a function says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from eddyline.signals import (
    Effect,
    FlushLimitError,
    Scheduler,
    Scope,
    batch,
    computed,
    each_turn,
    effect,
    on_cleanup,
    signal,
)
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def scope() -> Iterator[Scope]:
    with Scope() as scope:
        yield scope


class Frames:
    """A scheduler that waits for `next()`, as a binding waits for the screen."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []
        self.asked = 0

    def __call__(self, run: Callable[[], None]) -> None:
        self.asked += 1
        self.due.append(run)

    def next(self) -> None:
        due, self.due = self.due, []
        for run in due:
            run()


def at_once(run: Callable[[], None]) -> None:
    run()


async def test_effect_by_turn_runs_once_a_turn_however_many_writes_came() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append(a()), schedule=each_turn())
    for n in range(1, 6):
        a.set(n)
    assert seen == [0]
    await asyncio.sleep(0)
    assert seen == [0, 5]
    a.set(6)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == [0, 5, 6]


def test_first_run_of_a_scheduled_effect_is_at_once_and_its_error_is_the_callers() -> None:
    frames, runs = Frames(), []
    effect(lambda: runs.append(1), schedule=frames)
    assert [runs, frames.asked] == [[1], 0]
    with pytest.raises(ZeroDivisionError):
        effect(lambda: 1 / 0, schedule=frames)


def test_scheduler_is_asked_once_for_each_run() -> None:
    frames, a, b = Frames(), signal(0), signal(0)
    effect(lambda: (a(), b()), schedule=frames)
    a.set(1)
    b.set(1)
    a.set(2)
    assert frames.asked == 1
    frames.next()
    assert frames.asked == 1
    b.set(2)
    assert frames.asked == 2


def test_scheduled_run_sees_what_is_current_when_it_comes() -> None:
    frames, a, seen = Frames(), signal(1), []
    double = computed(lambda: a() * 2)
    effect(lambda: seen.append((a(), double())), schedule=frames)
    a.set(2)
    a.set(3)
    frames.next()
    assert seen == [(1, 2), (3, 6)]


def test_change_that_is_taken_back_before_the_frame_runs_nothing() -> None:
    frames, a, seen = Frames(), signal(1), []
    same = computed(lambda: a() + 0)
    effect(lambda: seen.append(same()), schedule=frames)
    a.set(2)
    a.set(1)
    frames.next()
    assert [seen, frames.asked] == [[1], 1]


def test_computed_behind_a_frame_is_made_once_a_frame() -> None:
    frames, a, runs = Frames(), signal(0), []
    total = computed(lambda: runs.append(a()))
    effect(total, schedule=frames)
    for n in range(1, 100):
        a.set(n)
    frames.next()
    assert runs == [0, 99]


def test_closing_a_scheduled_effect_cancels_its_run() -> None:
    frames, a, seen = Frames(), signal(0), []
    log = effect(lambda: seen.append(a()), schedule=frames)
    a.set(1)
    log.close()
    frames.next()
    assert [seen, a.watched] == [[0], False]


def test_closing_the_scope_of_a_scheduled_effect_cancels_its_run() -> None:
    frames, a, seen = Frames(), signal(0), []
    with Scope():
        effect(lambda: seen.append(a()), schedule=frames)
        a.set(1)
    frames.next()
    assert seen == [0]


def test_scheduled_effect_made_in_an_effect_is_cancelled_by_its_next_run() -> None:
    frames, a, b, seen = Frames(), signal(0), signal(0), []

    def body() -> None:
        n = a()
        effect(lambda: seen.append((n, b())), schedule=frames)

    effect(body)
    b.set(1)
    a.set(1)
    assert seen == [(0, 0), (1, 1)]
    frames.next()
    assert seen == [(0, 0), (1, 1)]


def test_call_that_comes_twice_or_after_the_run_does_nothing() -> None:
    frames, a, seen = Frames(), signal(0), []
    effect(lambda: seen.append(a()), schedule=frames)
    a.set(1)
    (run,) = frames.due
    run()
    run()
    assert seen == [0, 1]


async def test_error_of_an_effect_by_turn_goes_to_the_handler_of_the_loop_and_the_effect_lives() -> None:
    a, seen, errors = signal(1), [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    effect(lambda: seen.append(1 / a()), schedule=each_turn())
    a.set(0)
    await asyncio.sleep(0)
    assert [type(error) for error in errors] == [ZeroDivisionError]
    a.set(2)
    await asyncio.sleep(0)
    assert seen == [1.0, 0.5]


def test_error_of_a_scheduled_run_is_raised_to_whoever_calls_it() -> None:
    frames, a = Frames(), signal(1)
    effect(lambda: 1 / a(), schedule=frames)
    a.set(0)
    with pytest.raises(ZeroDivisionError):
        frames.next()


def test_error_of_the_scheduler_is_raised_to_the_writer_and_the_next_write_asks_again() -> None:
    broken, a, seen = [True], signal(0), []
    frames = Frames()

    def schedule(run: Callable[[], None]) -> None:
        if broken:
            raise LookupError
        frames(run)

    same = computed(lambda: a() + 0)
    effect(lambda: seen.append(same()), schedule=schedule)
    with pytest.raises(LookupError):
        a.set(1)
    broken.clear()
    a.set(2)
    frames.next()
    assert seen == [0, 2]


def test_inner_effect_waits_with_its_scheduled_outer_and_is_closed_by_its_run() -> None:
    frames, x, inputs = Frames(), signal(1), []
    positive = computed(lambda: x() > 0)

    def outer() -> None:
        if positive():
            effect(lambda: inputs.append(x()))

    effect(outer, schedule=frames)
    x.set(-1)
    frames.next()
    x.set(-2)
    assert inputs == [1]


def test_inner_effect_runs_after_its_scheduled_outer_that_had_no_need_to_run() -> None:
    frames, x = Frames(), signal(1)
    order: list[object] = []
    positive = computed(lambda: x() > 0)

    def outer() -> None:
        order.append("outer")
        if positive():
            effect(lambda: order.append(x()))

    effect(outer, schedule=frames)
    x.set(2)
    assert order == ["outer", 1]
    frames.next()
    assert order == ["outer", 1, 2]
    x.set(3)
    frames.next()
    assert order == ["outer", 1, 2, 3]


def test_inner_effect_of_a_scheduled_outer_that_is_current_runs_at_once() -> None:
    frames, a, seen = Frames(), signal(0), []
    effect(lambda: effect(lambda: seen.append(a())), schedule=frames)
    a.set(1)
    assert [seen, frames.asked] == [[0, 1], 0]


def test_cleanup_of_a_scheduled_effect_waits_with_its_run() -> None:
    frames, a, order = Frames(), signal(0), []

    def body() -> None:
        n = a()
        on_cleanup(lambda: order.append(n))

    effect(body, schedule=frames)
    a.set(1)
    assert order == []
    frames.next()
    assert order == [0]


def test_write_in_a_scheduled_run_is_flushed_with_it_and_wakes_itself_for_the_next() -> None:
    frames, a, b, order = Frames(), signal(0), signal(0), []

    def climb() -> None:
        if 0 < a() < 3:
            b.set(a())
            a.set(a() + 1)

    effect(climb, schedule=frames)
    effect(lambda: order.append(b()))
    a.set(1)
    frames.next()
    assert [order, a()] == [[0, 1], 2]
    frames.next()
    assert [order, a()] == [[0, 1, 2], 3]
    frames.next()
    assert [order, frames.asked] == [[0, 1, 2], 3]


def test_scheduler_that_calls_at_once_is_like_none_and_is_bounded() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append(a()), schedule=at_once)
    a.set(1)
    assert seen == [0, 1]
    on = signal(False)
    effect(lambda: a.set(a() + 1) if on() else None, "grow", schedule=at_once)
    with pytest.raises(FlushLimitError, match="grow"):
        on.set(True)
    on.set(False)
    a.set(-1)
    assert seen[-1] == -1


def test_without_a_running_loop_an_effect_by_turn_runs_at_once() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append(a()), schedule=each_turn())
    a.set(1)
    assert seen == [0, 1]


def test_effect_by_turn_whose_loop_is_closed_before_the_turn_follows_the_next_write() -> None:
    a, seen = signal(0), []
    double = computed(lambda: a() * 2)

    async def follow() -> None:
        effect(lambda: seen.append(double()), schedule=each_turn())

    async def write_and_wait(n: int) -> None:
        a.set(n)
        await asyncio.sleep(0)

    asyncio.run(follow())
    loop = asyncio.new_event_loop()
    loop.call_soon(a.set, 1)
    loop.call_soon(loop.stop)
    loop.run_forever()  # stands still before the turn
    assert seen == [0]
    loop.close()
    assert seen == [0]
    asyncio.run(write_and_wait(2))
    assert seen == [0, 4]
    a.set(3)  # no loop: at once
    assert seen == [0, 4, 6]


def test_scheduler_that_drops_the_run_is_asked_again_and_a_dropped_run_of_a_closed_effect_does_nothing() -> None:
    a, seen = signal(0), []
    asked: list[int] = []

    def dropping(run: Callable[[], None]) -> None:
        asked.append(len(asked))

    log = effect(lambda: seen.append(a()), schedule=dropping)
    a.set(1)
    a.set(2)
    assert [asked, seen] == [[0, 1], [0]]
    frames = Frames()
    other = effect(lambda: seen.append(a()), schedule=frames)
    a.set(3)
    for each in (log, other):
        each.close()
    frames.due.clear()
    assert [seen, other.closed] == [[0, 2], True]


async def test_writes_of_a_foreign_thread_arrive_and_run_an_effect_by_turn_on_its_loop() -> None:
    a, seen = signal(0), []
    effect(lambda: seen.append((a(), threading.get_ident())), schedule=each_turn())

    def write() -> None:
        for n in (1, 2, 3):
            a.set(n)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join(PATIENCE_S)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == [(0, threading.get_ident()), (3, threading.get_ident())]


async def test_scheduler_may_call_on_another_thread_and_the_effect_runs_on_its_loop() -> None:
    a, threads, threaded = signal(0), [], []

    def on_a_thread(run: Callable[[], None]) -> None:
        threaded.append(threading.Thread(target=run))

    def body() -> None:
        a()
        threads.append(threading.get_ident())

    effect(body, schedule=on_a_thread)
    a.set(1)
    threaded[0].start()
    threaded[0].join(PATIENCE_S)
    await asyncio.sleep(0)
    assert threads == [threading.get_ident()] * 2


def test_batch_asks_the_scheduler_at_its_end() -> None:
    frames, a = Frames(), signal(0)
    effect(a.get, schedule=frames)
    with batch():
        a.set(1)
        assert frames.asked == 0
    assert frames.asked == 1


def test_decorator_takes_a_scheduler() -> None:
    frames, a, seen = Frames(), signal(0), []

    @effect(schedule=frames, name="log")
    def log() -> None:
        seen.append(a())

    a.set(1)
    frames.next()
    assert [seen, repr(log), isinstance(log, Effect)] == [[0, 1], "<Effect log: 1 dependencies>", True]


@pytest.mark.parametrize("schedule", [None, at_once, each_turn()])
def test_every_scheduler_leaves_the_effect_with_the_newest_value(schedule: Scheduler | None) -> None:
    seen: list[int] = []

    async def main() -> None:
        a = signal(0)
        with effect(partial(lambda read: seen.append(read()), a.get), schedule=schedule):
            for n in (1, 2):
                a.set(n)
            await asyncio.sleep(0)

    asyncio.run(main())
    assert seen[-1] == 2
