"""`watch` and `until`: signals for code that waits."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections.abc import Iterator
from contextlib import aclosing
from weakref import ref

import pytest

from eddyline.signals import ManualClock, Scope, Signal, Watch, batch, computed, effect, signal, store, until, watch
from eddyline.signals.scope import root
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def scope() -> Iterator[Scope]:
    with Scope() as scope:
        yield scope


async def turns(n: int = 5) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def collect(values: Watch[int], into: list[int]) -> None:
    async for value in values:
        into.append(value)  # noqa: PERF401  # seen while it goes on


async def test_watch_gives_the_present_value_at_once_then_each_change() -> None:
    count = signal(0)
    seen: list[int] = []
    reader = asyncio.create_task(collect(values := watch(count), seen))
    await turns()
    for n in (1, 2):
        count.set(n)
        await turns()
    values.close()
    await reader
    assert seen == [0, 1, 2]


async def test_slow_reader_gets_the_newest_value_only() -> None:
    count = signal(0)
    values = watch(count)
    assert await anext(values) == 0
    for n in range(1, 100):
        count.set(n)
    assert await anext(values) == 99


async def test_reader_that_waits_gets_the_newest_of_one_turn() -> None:
    count = signal(0)
    values = watch(count)
    await anext(values)
    waiting = asyncio.create_task(anext(values))
    await turns()
    count.set(1)
    count.set(2)
    assert await waiting == 2


async def test_watched_function_is_told_only_of_values_that_differ() -> None:
    count = signal(1)
    seen: list[int] = []
    reader = asyncio.create_task(collect(values := watch(lambda: count() // 10), seen))
    for n in (2, 3, 11, 12, 25):
        await turns()
        count.set(n)
    await turns()
    values.close()
    await reader
    assert seen == [0, 1, 2]


async def test_nothing_is_subscribed_while_nobody_waits() -> None:
    count = signal(0)
    values = watch(count)
    await anext(values)
    assert not count.watched
    waiting = asyncio.create_task(anext(values))
    await turns()
    assert count.watched
    count.set(1)
    await waiting
    assert not count.watched


async def test_computed_does_not_run_for_a_reader_that_is_busy() -> None:
    count, runs = signal(0), []

    def body() -> int:
        runs.append(1)
        return count()

    values = watch(body)
    await anext(values)
    for n in range(1, 10):
        count.set(n)
    assert len(runs) == 1
    await anext(values)
    assert len(runs) == 2


async def test_break_leaves_nothing_behind(scope: Scope) -> None:
    count = signal(0)
    async for value in watch(count):
        assert value == 0
        break
    assert [count.watched, repr(scope)] == [False, "<Scope: 0 items>"]


async def test_dropped_watch_is_collected() -> None:
    count = signal(0)
    values = watch(count)
    await anext(values)
    gone = ref(values)
    del values
    gc.collect()
    assert gone() is None


async def test_cancelled_reader_leaves_nothing_behind_and_the_next_one_goes_on() -> None:
    count = signal(0)
    values = watch(count)
    await anext(values)
    waiting = asyncio.create_task(anext(values))
    await turns()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not count.watched
    count.set(1)
    assert await anext(values) == 1


async def test_scope_in_which_it_was_made_ends_the_iteration() -> None:
    count = signal(0)
    seen: list[int] = []
    with Scope():
        reader = asyncio.create_task(collect(watch(count), seen))
        await turns()
    await reader
    assert [seen, count.watched] == [[0], False]


async def test_aclose_ends_the_iteration_for_who_waits_and_for_who_asks() -> None:
    values = watch(signal(0))
    await anext(values)
    waiting = asyncio.create_task(anext(values, "end"))
    await turns()
    await values.aclose()
    await values.aclose()
    assert [await waiting, await anext(values, "end"), values.closed] == ["end", "end", True]


async def test_aclosing_and_async_with_close_it() -> None:
    async with aclosing(watch(signal(0))) as first, watch(signal(0)) as second:
        assert [first.closed, second.closed] == [False, False]
    assert [first.closed, second.closed] == [True, True]


async def test_error_of_a_computed_is_raised_in_the_iterator_and_the_next_value_comes() -> None:
    n = signal(0)
    values = watch(computed(lambda: 1 / n()))
    with pytest.raises(ZeroDivisionError):
        await anext(values)
    n.set(4)
    assert await anext(values) == 0.25
    waiting = asyncio.create_task(anext(values))
    await turns()
    n.set(0)  # not raised to the writer
    with pytest.raises(ZeroDivisionError):
        await waiting


async def test_two_readers_of_one_watch_are_refused() -> None:
    values = watch(signal(0))
    await anext(values)
    waiting = asyncio.create_task(anext(values))
    await turns()
    with pytest.raises(RuntimeError, match="each reader needs a watch"):
        await anext(values)
    values.close()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_two_watches_of_one_signal_are_independent() -> None:
    count = signal(0)
    first, second = watch(count), watch(count)
    await anext(first)
    count.set(1)
    assert [await anext(first), await anext(second)] == [1, 1]


async def test_batch_is_one_change() -> None:
    a, b = signal(1), signal(2)
    seen: list[int] = []
    reader = asyncio.create_task(collect(values := watch(lambda: a() + b()), seen))
    await turns()
    with batch():
        a.set(10)
        b.set(20)
    await turns()
    values.close()
    await reader
    assert seen == [3, 30]


async def test_write_of_another_thread_wakes_the_reader() -> None:
    count = signal(0)
    effect(count.get)  # the graph belongs to this loop
    values = watch(count)
    await anext(values)
    waiting = asyncio.create_task(anext(values))
    await turns()
    thread = threading.Thread(target=count.set, args=(7,))
    thread.start()
    assert await waiting == 7
    thread.join(PATIENCE_S)


async def test_close_from_another_thread_ends_the_wait() -> None:
    values = watch(signal(0))
    await anext(values)
    waiting = asyncio.create_task(anext(values, "end"))
    await turns()
    thread = threading.Thread(target=values.close)
    thread.start()
    assert await waiting == "end"
    thread.join(PATIENCE_S)


async def test_effect_that_a_reader_makes_lives_on_in_its_own_scope(scope: Scope) -> None:
    count, other, seen = signal(0), signal("a"), []
    async for _ in watch(count):
        effect(lambda: seen.append(other()))
        break
    other.set("b")
    assert seen == ["a", "b"]


async def test_reading_in_a_watch_is_not_tracked_by_an_effect_that_started_the_task() -> None:
    count, runs, tasks = signal(0), [], []

    def body() -> None:
        runs.append(1)
        tasks.append(asyncio.ensure_future(anext(watch(count))))

    effect(body)
    await turns()
    count.set(1)
    assert [len(runs), [task.result() for task in tasks]] == [1, [0]]


async def test_repr_of_a_watch_shows_what_it_does() -> None:
    values = watch(signal(0, "count"))
    before = repr(values)
    values.close()
    assert [before, repr(values)] == ["<Watch watch(count): idle>", "<Watch watch(count): closed>"]


async def test_watch_of_a_plain_value_is_refused() -> None:
    with pytest.raises(TypeError, match="a function that reads some is needed"):
        watch(3)  # type: ignore[arg-type]  # the claim


@pytest.mark.parametrize("seed", range(30))
async def test_reader_always_ends_with_the_newest_value_in_any_interleaving(seed: int) -> None:
    chance = random.Random(seed)
    count, other = signal(0), signal(0)
    total = computed(lambda: count() + other())
    seen: list[int] = []

    async def read(values: Watch[int]) -> None:
        async for value in values:
            seen.append(value)
            await turns(chance.randrange(4))

    values = watch(total)
    reader = asyncio.create_task(read(values))
    last = 0
    for n in range(1, 30):
        chance.choice([count, other]).set(n)
        last = total()
        if chance.random() < 0.1:  # cancelled in the middle, and another one goes on
            reader.cancel()
            await asyncio.wait([reader])
            reader = asyncio.create_task(read(values))
        await turns(chance.randrange(4))
    await turns(20)
    assert seen[-1] == last, f"seed {seed}"
    values.close()
    await reader
    assert not total._subs


# -- until


async def test_until_returns_the_truthy_value_at_once_if_it_is_there() -> None:
    name = signal("Ada")
    assert await until(name) == "Ada"


async def test_until_waits_for_the_first_truthy_value() -> None:
    name: Signal[str | None] = signal(None)
    waiting = asyncio.create_task(until(name))
    await turns()
    name.set("")
    await turns()
    assert not waiting.done()
    name.set("Ada")
    assert await waiting == "Ada"
    assert not name.watched


async def test_until_raises_what_its_condition_raises() -> None:
    n = signal(1)
    waiting = asyncio.create_task(until(lambda: 1 / n() < 0))
    await turns()
    n.set(0)
    with pytest.raises(ZeroDivisionError):
        await waiting


async def test_until_gives_up_after_its_timeout() -> None:
    clock, flag = ManualClock(), signal(False, "flag")
    waiting = asyncio.create_task(until(flag, timeout=5, clock=clock))
    await turns()
    clock.advance(4)
    await turns()
    assert not waiting.done()
    clock.advance(1)
    with pytest.raises(TimeoutError, match=r"until\(flag\) was not true within 5 s"):
        await waiting
    assert not flag.watched


async def test_until_that_is_met_or_cancelled_drops_its_timer() -> None:
    clock, flag = ManualClock(), signal(False)
    met, cancelled = (asyncio.create_task(until(flag, timeout=5, clock=clock)) for _ in range(2))
    await turns()
    cancelled.cancel()
    flag.set(True)
    assert await met is True
    await asyncio.wait([cancelled])
    assert [cancelled.cancelled(), clock.waiting, flag.watched] == [True, 0, False]


async def test_value_that_comes_in_the_turn_of_the_timeout_wins() -> None:
    clock, flag = ManualClock(), signal(False)
    waiting = asyncio.create_task(until(flag, timeout=5, clock=clock))
    await turns()
    flag.set(True)
    clock.advance(5)
    assert await waiting is True


async def test_until_says_that_its_scope_was_closed() -> None:
    flag = signal(False, "flag")
    with Scope():
        waiting = asyncio.create_task(until(flag))
        await turns()
    with pytest.raises(RuntimeError, match=r"until\(flag\) was waiting when its Scope was closed"):
        await waiting


async def test_until_takes_the_clock_of_the_loop_unless_given() -> None:
    with pytest.raises(TimeoutError):
        await until(signal(False), timeout=0)


async def test_watches_leave_nothing_in_the_root_scope() -> None:
    before = len(root._items)
    flag = signal(False)
    waiting = asyncio.create_task(root.run(lambda: until(flag)))
    await turns()
    flag.set(True)
    await waiting
    assert len(root._items) == before


async def test_watch_of_a_store_gives_what_changes_deep_inside() -> None:
    shop = store({"goods": [{"price": 3}]})
    values = watch(shop)
    seen = [await anext(values)]
    waiting = asyncio.create_task(anext(values))
    await turns()
    shop.goods[0].price = 4
    await turns()
    assert waiting.done()
    assert [*seen, await waiting] == [{"goods": [{"price": 3}]}, {"goods": [{"price": 4}]}]
