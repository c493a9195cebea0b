"""Threads and tasks: batches belong to a task, reads to the thread that runs, foreign writes go to the owning loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from eddyline.signals import Scope, Signal, Source, batch, computed, effect, loops, nodes, signal
from tests.patience import PATIENCE_S


def in_thread(fn: Callable[[], object]) -> None:
    """Run `fn` on another thread; raise here what it raised."""
    errors: list[BaseException] = []

    def body() -> None:
        try:
            fn()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


async def test_write_of_another_task_is_not_held_by_an_open_batch() -> None:
    a, b, seen = signal(0), signal(0), []
    inside, done = asyncio.Event(), asyncio.Event()

    async def holder() -> None:
        with batch():
            a.set(1)
            inside.set()
            await done.wait()

    with Scope():
        effect(lambda: seen.append(("a", a())))
        effect(lambda: seen.append(("b", b())))
        task = asyncio.create_task(holder())
        await inside.wait()
        b.set(1)
        assert seen == [("a", 0), ("b", 0), ("b", 1)]
        done.set()
        await task
    assert seen[3:] == [("a", 1)]


async def test_effect_that_an_open_batch_has_claimed_still_runs_for_a_plain_write() -> None:
    a, b, seen = signal(0), signal(0), []
    total = computed(lambda: a() + b())
    inside, done = asyncio.Event(), asyncio.Event()

    async def holder() -> None:
        with batch():
            a.set(1)
            inside.set()
            await done.wait()

    with Scope():
        effect(lambda: seen.append(total()))
        task = asyncio.create_task(holder())
        await inside.wait()
        b.set(10)
        assert seen == [0, 11]
        done.set()
        await task
    assert seen == [0, 11]


async def test_task_started_inside_a_batch_is_not_in_it() -> None:
    a = signal(0)
    seen: list[object] = []

    async def writer() -> None:
        a.set(1)
        seen.append("written")

    with Scope():
        effect(lambda: seen.append(a()))
        with batch():
            await asyncio.create_task(writer())
    assert seen == [0, 1, "written"]


async def test_task_started_inside_an_effect_tracks_nothing_for_it() -> None:
    a, b, runs, tasks = signal(0), signal(0), [], []

    async def reader() -> int:
        return b()

    def body() -> None:
        runs.append(a())
        tasks.append(asyncio.ensure_future(reader()))

    with Scope():
        effect(body)
        await asyncio.gather(*tasks)
        b.set(1)
        assert runs == [0]


async def test_batch_is_held_across_await() -> None:
    a, seen = signal(0), []
    with Scope():
        effect(lambda: seen.append(a()))
        with batch():
            a.set(1)
            await asyncio.sleep(0)
            a.set(2)
    assert seen == [0, 2]


def test_batch_of_one_thread_does_not_hold_the_writes_of_another() -> None:
    a, seen = signal(0), []
    with Scope():
        effect(lambda: seen.append(a()))
        with batch():
            in_thread(lambda: a.set(1))
            assert seen == [0, 1]


def test_read_on_another_thread_is_not_tracked_by_the_run_here() -> None:
    a, b, runs = signal(0), signal(0), []

    def body() -> None:
        runs.append(a())
        in_thread(b.get)

    with Scope():
        effect(body)
        b.set(1)
        assert runs == [0]
        assert not b.watched


async def test_write_from_a_foreign_thread_is_posted_to_the_loop() -> None:
    a = signal(0)
    seen: list[object] = []
    with Scope():
        effect(lambda: seen.append((a(), threading.current_thread() is threading.main_thread())))
        in_thread(lambda: a.set(1))
        seen.append("returned")
        assert [a(), seen] == [0, [(0, True), "returned"]]
        await asyncio.sleep(0)
    assert [a(), seen[2:]] == [1, [(1, True)]]


async def test_foreign_writes_keep_their_order_and_updates_lose_nothing() -> None:
    a = signal(0)
    with Scope():
        effect(lambda: a())

        def write() -> None:
            a.set(10)
            a.update(lambda n: n + 1)
            a.value = a.peek() + 100  # peek sees the old value: the writes are still on their way

        in_thread(write)
        await asyncio.sleep(0)
    assert a() == 100


async def test_batch_on_a_foreign_thread_arrives_as_one() -> None:
    a, b, seen = signal(0), signal(0), []

    def write() -> None:
        with batch():
            a.set(1)
            b.set(1)

    with Scope():
        effect(lambda: seen.append((a(), b())))
        in_thread(write)
        await asyncio.sleep(0)
    assert seen == [(0, 0), (1, 1)]


async def test_change_of_a_source_on_a_foreign_thread_is_posted() -> None:
    source, threads = Source(), []

    def body() -> None:
        source.track()
        threads.append(threading.get_ident())

    with Scope():
        effect(body)
        in_thread(source.changed)
        await asyncio.sleep(0)
    assert threads == [threading.get_ident()] * 2


async def test_error_of_a_posted_write_goes_to_the_handler_of_the_loop() -> None:
    a, errors = signal(1), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    with Scope():
        effect(lambda: 1 / a())
        in_thread(lambda: a.set(0))
        await asyncio.sleep(0)
    assert [type(error) for error in errors] == [ZeroDivisionError]


async def test_effect_runs_on_the_loop_it_was_made_on_when_another_loop_writes() -> None:
    a, threads, ran = signal(0), [], asyncio.Event()

    def body() -> None:
        threads.append(threading.get_ident())
        if a():
            ran.set()

    async def other_loop() -> None:
        with Scope():
            effect(lambda: None)
            a.set(1)
            assert a() == 1

    with Scope():
        effect(body)
        await asyncio.to_thread(lambda: asyncio.run(other_loop()))
        await ran.wait()
    assert threads == [threading.get_ident()] * 2


def test_after_its_loop_has_ended_a_graph_is_written_directly() -> None:
    a, seen = signal(0), []
    scope = Scope()

    async def main() -> None:
        scope.run(lambda: effect(lambda: seen.append(a())))

    asyncio.run(main())
    in_thread(lambda: a.set(1))
    scope.close()
    assert seen == [0, 1]


def test_without_a_loop_updates_from_many_threads_lose_nothing() -> None:
    a, b, seen = signal(0), signal(0), []
    total = computed(lambda: a() + b())

    def work(each: Signal[int]) -> None:
        for _ in range(300):
            each.update(lambda n: n + 1)
            total()

    with Scope():
        effect(lambda: seen.append(total()))
        threads = [threading.Thread(target=work, args=(each,)) for each in (a, a, b, b)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert [a(), b(), total(), seen[-1]] == [600, 600, 1200, 1200]
    assert seen == sorted(seen)


def test_read_of_a_current_value_waits_for_no_lock() -> None:
    a, read = signal(1), []
    double = computed(lambda: a() * 2)
    double()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with nodes.lock:
            held.set()
            done.wait(PATIENCE_S)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(PATIENCE_S)
    read.extend([a(), a.value, double(), double.peek()])
    done.set()
    thread.join(PATIENCE_S)
    assert read == [1, 1, 2, 2]


def test_two_threads_that_compute_at_once_each_track_their_own_reads() -> None:
    sources = [[signal(0) for _ in range(30)] for _ in range(2)]
    totals = [computed(partial(lambda row: sum(s() for s in row), row)) for row in sources]

    def work(i: int) -> None:
        for n in range(1, 60):
            sources[i][n % 30].set(n)
            totals[i]()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert [total._deps for total in totals] == [tuple(row) for row in sources]


def test_error_on_one_thread_leaves_the_lock_free_for_another() -> None:
    a = signal(1)
    with Scope():
        effect(lambda: 1 / a())
        with pytest.raises(ZeroDivisionError):
            a.set(0)
        in_thread(lambda: a.set(2))
    assert a() == 2


def start_eagerly(coroutine: Coroutine[Any, Any, None], how: str) -> asyncio.Task[None]:
    """Start a task whose first step is taken at once."""
    loop = asyncio.get_running_loop()
    if how == "by itself":
        return asyncio.Task(coroutine, loop=loop, eager_start=True)  # type: ignore[call-arg]  # checked as 3.11
    loop.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009 - the type checker reads as 3.11
    try:
        return loop.create_task(coroutine)
    finally:
        loop.set_task_factory(None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
@pytest.mark.parametrize("how", ["by itself", "by the factory of the loop"])
async def test_task_started_eagerly_inside_an_effect_is_not_part_of_it(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "holder_of", None)
    a, b, runs, made, tasks = signal(0), signal(0), [], [], []

    async def task() -> None:
        b()
        made.append(effect(lambda: None))

    def body() -> None:
        runs.append(a())
        tasks.append(start_eagerly(task(), how))
        a()

    with Scope():
        effect(body)
        b.set(1)
        a.set(1)
        assert [runs, [each.closed for each in made]] == [[0, 1], [False, False]]
        await asyncio.gather(*tasks)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
@pytest.mark.parametrize("how", ["by itself", "by the factory of the loop"])
async def test_task_started_eagerly_inside_a_callback_of_the_loop_is_not_part_of_the_effect_there(how: str) -> None:
    a, b, runs, tasks = signal(0), signal(0), [], []

    async def task() -> None:
        b()

    def body() -> None:
        runs.append(a())
        if a():
            tasks.append(start_eagerly(task(), how))

    with Scope():
        effect(body)
        asyncio.get_running_loop().call_soon(a.set, 1)
        await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        b.set(1)
        assert [runs, b.watched] == [[0, 1], False]


async def test_reads_of_an_effect_are_followed_wherever_it_runs() -> None:
    a, b, runs = signal(0), signal(0), []
    with Scope():
        effect(lambda: runs.append((a(), b())))
        asyncio.get_running_loop().call_soon(a.set, 1)
        await asyncio.sleep(0)
        await asyncio.create_task(asyncio.to_thread(a.set, 2))
        await asyncio.sleep(0)
        b.set(1)
    assert runs == [(0, 0), (1, 0), (2, 0), (2, 1)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
@pytest.mark.parametrize("how", ["by itself", "by the factory of the loop"])
async def test_task_started_eagerly_inside_a_batch_is_not_in_it(how: str) -> None:
    a, b, seen = signal(0), signal(0), []

    async def writer() -> None:
        b.set(1)

    with Scope():
        effect(lambda: seen.append((a(), b())))
        with batch():
            a.set(1)
            await start_eagerly(writer(), how)
            assert seen == [(0, 0), (1, 1)]
    assert seen == [(0, 0), (1, 1)]


async def test_callback_of_the_loop_is_not_in_the_batch_of_a_task() -> None:
    a, seen = signal(0), []
    with Scope():
        effect(lambda: seen.append(a()))
        with batch():
            asyncio.get_running_loop().call_soon(a.set, 1)
            await asyncio.sleep(0)
            assert seen == [0, 1]


async def test_work_handed_to_a_thread_inside_a_batch_is_not_in_it() -> None:
    a, b, seen = signal(0), signal(0), []
    with Scope():
        effect(lambda: seen.append((a(), b())))
        with batch():
            a.set(1)
            await asyncio.to_thread(b.set, 1)
            await asyncio.sleep(0)
            assert seen == [(0, 0), (1, 1)]
    assert seen == [(0, 0), (1, 1)]


async def test_what_a_thread_makes_belongs_to_the_scope_that_handed_it_the_work() -> None:
    a, seen = signal(0), []
    with Scope():
        await asyncio.to_thread(lambda: effect(lambda: seen.append(a())))
        a.set(1)
    a.set(2)
    assert seen == [0, 1]


async def test_batches_of_many_threads_arrive_whole_and_in_order() -> None:
    count, total = signal(0), signal(0)
    last = [signal(-1) for _ in range(4)]
    seen: list[tuple[int, int]] = []
    out_of_order: list[object] = []

    def watch(each: Signal[int]) -> None:
        before = [-1]

        def body() -> None:
            if each() < before[0]:
                out_of_order.append((before[0], each()))
            before[0] = each()

        effect(body)

    def work(mine: Signal[int]) -> None:
        for n in range(50):
            with batch():
                count.update(lambda value: value + 1)
                total.update(lambda value: value + 2)
                mine.set(n)

    with Scope():
        effect(lambda: seen.append((count(), total())))
        for each in last:
            watch(each)
        threads = [threading.Thread(target=work, args=(each,)) for each in last]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join, 30)
        await asyncio.sleep(0)
    assert seen == [(n, 2 * n) for n in range(201)]
    assert [out_of_order, [each() for each in last]] == [[], [49] * 4]


def test_computed_that_fails_now_and_then_gives_readers_on_other_threads_a_value_or_its_error() -> None:
    a, odd, done = signal(1), [], threading.Event()
    inverse = computed(lambda: 12 // a())

    def read() -> None:
        while not done.is_set():
            try:
                if inverse() not in (12, 6):
                    odd.append(inverse())
            except ZeroDivisionError:
                continue

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=read) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for n in range(1_500):
            a.set(n % 3)
    finally:
        done.set()
        for thread in threads:
            thread.join(PATIENCE_S)
        sys.setswitchinterval(before)
    assert odd == []


def test_dependencies_that_come_and_go_on_many_threads_end_right() -> None:
    sources = [signal(0) for _ in range(8)]
    which = signal(0)
    some = computed(lambda: sum(sources[(which() + i) % 8]() for i in range(3)))
    seen: list[int] = []

    def work(seed: int) -> None:
        for n in range(200):
            sources[(seed + n) % 8].update(lambda value: value + 1)
            if n % 7 == seed:
                which.update(lambda value: value + 1)
            some()

    with Scope():
        effect(lambda: seen.append(some()))
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        wanted = sum(sources[(which() + i) % 8]() for i in range(3))
        assert [sum(each() for each in sources), some(), seen[-1]] == [800, wanted, wanted]
        assert [i for i, each in enumerate(sources) if each.watched] == sorted((which() + i) % 8 for i in range(3))


class ClosingLoop:
    """A loop that runs when it is asked, and is closed when one comes to it."""

    def __init__(self) -> None:
        self.running = True

    def is_running(self) -> bool:
        return self.running

    def get_task_factory(self) -> object:
        return None

    def call_soon(self, callback: Callable[..., object], /, *args: object) -> object:
        self.running = False
        raise RuntimeError("Event loop is closed")

    call_soon_threadsafe = call_soon


def test_write_to_a_loop_that_has_just_closed_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, seen = signal(0), signal(0), []
    with Scope():
        effect(lambda: seen.append((a(), b())))
        monkeypatch.setattr(loops, "owner", loops.Home(ClosingLoop(), -1))
        a.set(1)
        monkeypatch.setattr(loops, "owner", loops.Home(ClosingLoop(), -1))
        with batch():
            a.set(2)
            b.set(2)
    assert seen == [(0, 0), (1, 0), (2, 2)]


async def test_effect_closed_on_a_foreign_thread_runs_no_more_for_writes_on_their_way() -> None:
    a, seen = signal(0), []
    log = effect(lambda: seen.append(a()))

    def work() -> None:
        a.set(1)
        log.close()

    in_thread(work)
    await asyncio.sleep(0)
    assert [seen, a(), a.watched] == [[0], 1, False]


async def test_computed_read_first_on_a_foreign_thread_is_followed_by_an_effect_of_the_loop() -> None:
    a, seen = signal(0), []
    double = computed(lambda: a() * 2)
    in_thread(lambda: seen.append(double()))
    with Scope():
        effect(lambda: seen.append(double()))
        in_thread(lambda: a.set(1))
        await asyncio.sleep(0)
    assert seen == [0, 0, 2]


async def test_effects_of_two_loops_each_run_on_their_own_thread() -> None:
    a, ready, stop = signal(0), threading.Event(), threading.Event()
    threads: dict[str, set[int]] = {"here": set(), "there": set()}
    told = asyncio.Event()

    def note(name: str) -> None:
        a()
        threads[name].add(threading.get_ident())

    async def there() -> None:
        with Scope():
            effect(partial(note, "there"))
            ready.set()
            await asyncio.to_thread(stop.wait, PATIENCE_S)
            a.set(2)

    def here() -> None:
        note("here")
        if a() == 2:
            told.set()

    with Scope():
        effect(here)
        other = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(there())))
        await asyncio.to_thread(ready.wait, PATIENCE_S)
        a.set(1)
        stop.set()
        await other
        await asyncio.wait_for(told.wait(), PATIENCE_S)
    assert [len(each) for each in threads.values()] == [1, 1]
    assert threads["here"] == {threading.get_ident()} != threads["there"]
