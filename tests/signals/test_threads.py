"""Threads and tasks: batches belong to a task, reads to the thread that runs, foreign writes go to the owning loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from functools import partial

import pytest

from eddyline.signals import Scope, Signal, Source, batch, computed, effect, nodes, signal


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
    thread.join(10)
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
            thread.join(30)
    assert [a(), b(), total(), seen[-1]] == [600, 600, 1200, 1200]
    assert seen == sorted(seen)


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
        thread.join(30)
    assert [total._deps for total in totals] == [tuple(row) for row in sources]


def test_error_on_one_thread_leaves_the_lock_free_for_another() -> None:
    a = signal(1)
    with Scope():
        effect(lambda: 1 / a())
        with pytest.raises(ZeroDivisionError):
            a.set(0)
        in_thread(lambda: a.set(2))
    assert a() == 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
async def test_task_started_eagerly_inside_an_effect_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "holder_of", None)
    loop = asyncio.get_running_loop()
    loop.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009 - the type checker reads as 3.11
    a, b, runs, made, tasks = signal(0), signal(0), [], [], []

    async def task() -> None:
        b()
        made.append(effect(lambda: None))

    def body() -> None:
        runs.append(a())
        tasks.append(asyncio.ensure_future(task()))
        a()

    with Scope():
        effect(body)
        b.set(1)
        a.set(1)
        assert [runs, [each.closed for each in made]] == [[0, 1], [False, False]]
        await asyncio.gather(*tasks)
    loop.set_task_factory(None)
