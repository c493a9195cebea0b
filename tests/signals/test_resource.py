"""`resource`: a value that has to be fetched, as signals."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
from collections.abc import Iterator
from typing import Any
from weakref import ref

import pytest

from eddyline.signals import (
    ManualClock,
    Resource,
    Scope,
    Signal,
    batch,
    computed,
    debounced,
    effect,
    on_cleanup,
    resource,
    signal,
    watch,
)
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def scope() -> Iterator[Scope]:
    with Scope() as scope:
        yield scope


async def turns(n: int = 5) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


class Server:
    """A fetcher whose answers are given by hand."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.asked: list[object] = []
        self.cancelled: list[object] = []
        self.replies: dict[object, asyncio.Future[str]] = {}
        self.stubborn = stubborn

    async def __call__(self, question: object = "all") -> str:
        self.asked.append(question)
        reply = self.replies[question] = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.shield(reply)
        except asyncio.CancelledError:
            self.cancelled.append(question)
            if not self.stubborn:
                raise
        late: str = await reply
        return late

    async def answer(self, question: object, text: str) -> None:
        self.replies[question].set_result(text)
        await turns()

    async def fail(self, question: object, error: Exception) -> None:
        self.replies[question].set_exception(error)
        await turns()


def states(found: Resource[str]) -> list[tuple[object, ...]]:
    seen: list[tuple[object, ...]] = []
    effect(lambda: seen.append((found.status, found.value, found.error)))
    return seen


async def test_resource_without_source_fetches_once_and_is_ready() -> None:
    server = Server()
    seen = states(resource(server))
    await turns()
    await server.answer("all", "rows")
    assert seen == [("pending", None, None), ("ready", "rows", None)]


async def test_fetcher_gets_the_value_of_the_source_and_is_asked_anew_when_it_changes() -> None:
    server, text = Server(), signal("a")
    seen = states(resource(server, source=text))
    await turns()
    await server.answer("a", "A")
    text.set("b")
    await turns()
    await server.answer("b", "B")
    assert server.asked == ["a", "b"]
    assert seen == [("pending", None, None), ("ready", "A", None), ("refreshing", "A", None), ("ready", "B", None)]


async def test_source_may_be_a_computed_or_a_function_and_is_asked_only_for_values_that_differ() -> None:
    n, server, other = signal(1), Server(), Server()
    resource(server, computed(lambda: n() // 10))
    resource(other, lambda: n() // 10)
    await turns()
    for value in (2, 3, 11):
        n.set(value)
        await turns()
    assert [server.asked, other.asked] == [[0, 1], [0, 1]]


async def test_source_may_be_debounced() -> None:
    clock, text, server = ManualClock(), signal(""), Server()
    resource(server, debounced(text, 0.25, clock=clock))
    for typed in ("a", "ab", "abc"):
        text.set(typed)
        await turns()
    clock.advance(0.25)
    await turns()
    assert server.asked == ["", "abc"]


async def test_status_value_and_error_are_tracked_one_by_one() -> None:
    server, text, seen = Server(), signal("a"), []
    found = resource(server, text)
    effect(lambda: seen.append(found.value))
    await turns()
    await server.answer("a", "same")
    text.set("b")
    await turns()
    await server.answer("b", "same")
    assert seen == [None, "same"]


async def test_resource_is_read_like_a_signal() -> None:
    server = Server()
    found = resource(server)
    shout = computed(lambda: (found() or "").upper())
    before = shout()
    await turns()
    await server.answer("all", "rows")
    assert [before, shout(), found.get(), found.peek(), found.value] == ["", "ROWS", "rows", "rows", "rows"]


async def test_change_of_the_source_cancels_the_fetch_under_way() -> None:
    server, text = Server(), signal("a")
    found = resource(server, text)
    await turns()
    text.set("b")
    await turns()
    assert [server.asked, server.cancelled, found.status] == [["a", "b"], ["a"], "pending"]


async def test_late_answer_is_dropped_though_the_fetcher_swallows_its_cancellation() -> None:
    server, text = Server(stubborn=True), signal("a")
    seen = states(resource(server, text))
    await turns()
    text.set("b")
    await turns()
    await server.answer("b", "B")
    await server.answer("a", "A")
    assert server.cancelled == ["a"]
    assert seen == [("pending", None, None), ("ready", "B", None)]


async def test_late_error_is_dropped_and_not_retried() -> None:
    clock, server, text = ManualClock(), Server(stubborn=True), signal("a")
    found = resource(server, text, retry=3, clock=clock)
    await turns()
    text.set("b")
    await turns()
    await server.fail("a", OSError("late"))
    assert [found.status, found.error, clock.waiting, server.asked] == ["pending", None, 0, ["a", "b"]]
    await server.answer("b", "B")


async def test_fetch_that_is_cancelled_before_it_began_asks_nothing() -> None:
    server, text = Server(), signal("a")
    resource(server, text)
    text.set("b")
    text.set("c")
    await turns()
    assert server.asked == ["c"]


async def test_batch_asks_once() -> None:
    server, a, b = Server(), signal(1), signal(2)
    resource(server, lambda: a() + b())
    await turns()
    with batch():
        a.set(10)
        b.set(20)
    await turns()
    assert server.asked == [3, 30]


async def test_source_of_none_asks_nothing_and_cancels_and_the_last_value_stays() -> None:
    server, key = Server(), Signal[str | None](None)
    found = resource(server, key)
    await turns()
    assert [found.status, found.value, server.asked] == ["pending", None, []]
    key.set("a")
    await turns()
    await server.answer("a", "A")
    key.set("b")
    await turns()
    key.set(None)
    await turns()
    assert [found.status, found.value, server.cancelled] == ["ready", "A", ["b"]]


async def test_what_the_fetcher_reads_is_not_followed() -> None:
    n, asked = signal(1), []

    async def fetch() -> int:
        asked.append(n())
        return n()

    found = resource(fetch)
    await found.ready()
    n.set(2)
    await turns()
    assert [asked, n.watched] == [[1], False]


# -- errors


async def test_error_of_the_fetcher_is_the_state_failed_and_the_last_value_stays() -> None:
    server, text, error = Server(), signal("a"), OSError("down")
    seen = states(resource(server, text))
    await turns()
    await server.answer("a", "A")
    text.set("b")
    await turns()
    await server.fail("b", error)
    assert seen[2:] == [("refreshing", "A", None), ("failed", "A", error)]


async def test_next_fetch_forgets_the_error() -> None:
    server, text = Server(), signal("a")
    found = resource(server, text)
    await turns()
    await server.fail("a", OSError("down"))
    text.set("b")
    await turns()
    assert [found.status, found.error] == ["pending", None]
    await server.answer("b", "B")
    assert [found.status, found.value] == ["ready", "B"]


async def test_fetcher_that_raises_before_its_first_await_fails_like_any_other() -> None:
    def fetch() -> asyncio.Future[int]:
        raise LookupError

    found = resource(fetch)
    await turns()
    assert [found.status, type(found.error)] == ["failed", LookupError]


async def test_fetcher_that_is_not_async_is_told_so() -> None:
    def fetch() -> Any:  # Any: a checker would have told
        return 3

    found: Resource[int] = resource(fetch, name="found")
    await turns()
    assert str(found.error) == "the fetcher of found must be async; it returned 3"


async def test_error_of_the_source_is_the_state_failed() -> None:
    n, server = signal(1), Server()
    found = resource(server, lambda: 1 / n())
    await turns()
    n.set(0)  # not raised to the writer
    await turns()
    assert [found.status, type(found.error), server.cancelled] == ["failed", ZeroDivisionError, [1.0]]
    n.set(2)
    await turns()
    assert [found.status, server.asked] == ["pending", [1.0, 0.5]]


async def test_fetch_that_is_cut_short_from_outside_is_failed() -> None:
    async def fetch() -> int:
        raise asyncio.CancelledError

    found = resource(fetch, name="found")
    await turns()
    assert [found.status, str(found.error)] == ["failed", "the fetch of found was cut short: CancelledError"]


def test_interrupt_in_a_fetcher_ends_the_loop_and_the_resource_is_failed() -> None:
    made: list[Resource[int]] = []

    async def fetch() -> int:
        raise KeyboardInterrupt

    async def main() -> None:
        made.append(resource(fetch, name="found"))
        await turns()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert str(made[0].error) == "the fetch of found was cut short: KeyboardInterrupt"


async def test_error_of_an_effect_that_follows_goes_to_the_handler_of_the_loop_and_the_value_stands() -> None:
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    server = Server()
    found = resource(server)
    effect(lambda: 1 / (0 if found.value else 1))
    await turns()
    await server.answer("all", "rows")
    assert [[type(error) for error in errors], found.status] == [[ZeroDivisionError], "ready"]


def test_without_a_running_loop_the_error_says_what_to_do() -> None:
    text = signal("a")
    with pytest.raises(RuntimeError, match="found needs a running asyncio loop to fetch in: make it in a coroutine"):
        resource(Server(), text, name="found")
    assert not text.watched


def test_write_after_the_loop_is_closed_says_so_to_the_writer_and_close_is_quiet() -> None:
    text, made = signal("a"), []

    async def main() -> None:
        made.append(resource(Server(), text, name="found"))
        await turns()

    asyncio.run(main())
    with pytest.raises(RuntimeError, match="the loop of found is closed"):
        text.set("b")
    made[0].close()
    text.set("c")


# -- retry


async def test_retry_asks_again_after_pauses_that_grow_and_then_fails() -> None:
    clock, asked = ManualClock(), []

    async def fetch() -> int:
        asked.append(clock.time())
        raise OSError("down")

    found = resource(fetch, retry=3, clock=clock)
    for _ in range(40):
        await turns()
        clock.advance(0.25)
    assert [asked, found.status, str(found.error)] == [[0, 0.5, 1.5, 3.5], "failed", "down"]


async def test_status_is_pending_while_it_retries_and_ready_when_one_succeeds() -> None:
    clock, answers = ManualClock(), iter([OSError("down"), OSError("down"), "rows"])

    async def fetch() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return str(answer)

    found = resource(fetch, retry=2, backoff=lambda attempt: attempt * 10, clock=clock)
    seen = states(found)
    await turns()
    assert clock.waiting == 1
    clock.advance(10)
    await turns()
    clock.advance(20)
    await turns()
    assert seen == [("pending", None, None), ("ready", "rows", None)]


async def test_change_of_the_source_cancels_the_pause_before_a_retry() -> None:
    clock, server, text = ManualClock(), Server(), signal("a")
    resource(server, text, retry=5, clock=clock)
    await turns()
    await server.fail("a", OSError("down"))
    assert clock.waiting == 1
    text.set("b")
    await turns()
    clock.advance(100)
    await turns()
    assert [clock.waiting, server.asked] == [0, ["a", "b"]]


async def test_negative_retry_is_refused() -> None:
    with pytest.raises(ValueError, match="retry must be 0 or more, not -1"):
        resource(Server(), retry=-1)


# -- refresh, ready, close


async def test_refresh_asks_the_same_again_and_keeps_the_stale_value() -> None:
    server = Server()
    found = resource(server)
    await turns()
    await server.answer("all", "old")
    found.refresh()
    await turns()
    assert [found.status, found.value] == ["refreshing", "old"]
    await server.answer("all", "new")
    assert [found.status, found.value, server.asked] == ["ready", "new", ["all", "all"]]


async def test_refresh_of_a_closed_resource_is_refused() -> None:
    found = resource(Server(), name="found")
    found.close()
    with pytest.raises(RuntimeError, match="found is closed: it can't be refreshed"):
        found.refresh()


async def test_refresh_from_another_thread_asks_on_the_loop() -> None:
    server = Server()
    found = resource(server)
    await turns()
    await server.answer("all", "old")
    thread = threading.Thread(target=found.refresh)
    thread.start()
    thread.join(PATIENCE_S)
    await turns()
    await server.answer("all", "new")
    assert found.value == "new"


async def test_ready_waits_for_the_answer_of_the_newest_question() -> None:
    server, text = Server(), signal("a")
    found = resource(server, text)
    waiting = asyncio.create_task(found.ready())
    await turns()
    text.set("b")
    await turns()
    assert not waiting.done()
    await server.answer("b", "B")
    assert [await waiting, await found.ready()] == ["B", "B"]


async def test_ready_raises_what_the_fetch_raised() -> None:
    server = Server()
    found = resource(server)
    waiting = asyncio.create_task(found.ready())
    await turns()
    await server.fail("all", OSError("down"))
    with pytest.raises(OSError, match="down"):
        await waiting


async def test_ready_says_that_the_resource_was_closed() -> None:
    found = resource(Server(), name="found")
    waiting = asyncio.create_task(found.ready())
    await turns()
    found.close()
    with pytest.raises(RuntimeError, match="found was closed before it had a value"):
        await waiting


async def test_initial_value_counts_as_a_stale_one() -> None:
    server = Server()
    found = resource(server, initial="none yet")
    assert [found.status, found.value] == ["refreshing", "none yet"]


async def test_close_cancels_the_fetch_and_the_last_value_stays() -> None:
    server, text = Server(), signal("a")
    found = resource(server, text)
    await turns()
    await server.answer("a", "A")
    text.set("b")
    await turns()
    found.close()
    found.close()
    await turns()
    text.set("c")
    await turns()
    assert [found.value, found.status, found.closed] == ["A", "ready", True]
    assert [server.cancelled, server.asked, text.watched] == [["b"], ["a", "b"], False]


async def test_answer_after_close_is_dropped() -> None:
    server = Server(stubborn=True)
    found = resource(server)
    await turns()
    found.close()
    await turns()
    await server.answer("all", "late")
    assert found.value is None


async def test_close_from_another_thread_cancels_on_the_loop() -> None:
    server = Server()
    found = resource(server)
    await turns()
    thread = threading.Thread(target=found.close)
    thread.start()
    thread.join(PATIENCE_S)
    await turns()
    assert server.cancelled == ["all"]


async def test_scope_ends_the_resources_made_in_it() -> None:
    server = Server()
    with Scope():
        found = resource(server)
        await turns()
    await turns()
    assert [found.closed, server.cancelled] == [True, ["all"]]


async def test_effect_that_makes_a_resource_closes_it_before_its_next_run() -> None:
    server, key = Server(), signal("a")

    def body() -> None:
        asked = key()
        resource(server, lambda: asked)

    effect(body)
    await turns()
    key.set("b")
    await turns()
    assert [server.asked, server.cancelled] == [["a", "b"], ["a"]]


async def test_what_a_fetch_makes_lives_as_long_as_its_value() -> None:
    text, closed = signal("a"), []

    async def fetch(question: str) -> str:
        on_cleanup(lambda: closed.append(question))
        await asyncio.sleep(0)
        if question == "bad":
            raise OSError
        return question

    found = resource(fetch, text)
    await turns()
    assert closed == []
    text.set("bad")
    await turns()
    assert closed == ["bad"]
    text.set("dropped")
    await asyncio.sleep(0)
    text.set("b")
    await turns()
    assert closed == ["bad", "dropped", "a"]
    found.close()
    assert closed == ["bad", "dropped", "a", "b"]


async def test_fetch_may_watch_signals_and_begin_tasks_of_its_own() -> None:
    n = signal(1)

    async def fetch() -> int:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(anext(watch(n)))
        return first.result()

    assert await resource(fetch).ready() == 1


# -- garbage and races


async def test_no_task_is_left_when_resources_are_closed() -> None:
    text, before = signal("a"), asyncio.all_tasks()
    for stubborn in (False, True):
        server = Server(stubborn=stubborn)
        with Scope():
            resource(server, text)
            await turns()
        await turns()
        for reply in server.replies.values():
            reply.set_result("late")
    await turns()
    assert asyncio.all_tasks() == before


async def test_closed_resource_is_collected_without_a_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    text = signal("a")

    async def forever(question: str) -> str:
        await asyncio.get_running_loop().create_future()
        return question

    found = resource(forever, text)
    await turns()
    text.set("b")
    found.close()
    await turns()
    gone = ref(found)
    del found
    gc.collect()
    await turns()
    assert [gone(), complaints] == [None, []]


def test_loop_that_ends_in_the_middle_of_a_fetch_leaves_no_complaint() -> None:
    complaints: list[object] = []

    async def main() -> Resource[str]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        found = resource(Server())
        await turns()
        return found

    found = asyncio.run(main())
    gc.collect()
    assert [complaints, found.status] == [[], "failed"]


@pytest.mark.parametrize("seed", range(40))
async def test_value_belongs_to_the_newest_question_in_any_interleaving(seed: int) -> None:
    chance = random.Random(seed)
    text: Signal[int | None] = Signal(0)
    under_way = 0
    most = [0]

    async def fetch(question: int) -> int:
        nonlocal under_way
        under_way += 1
        most[0] = max(most[0], under_way)
        try:
            for _ in range(chance.randrange(6)):
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    if chance.random() < 0.5:
                        raise
            if chance.random() < 0.2:
                raise OSError(question)
            return question
        finally:
            under_way -= 1

    found = resource(fetch, text, retry=chance.randrange(2), backoff=lambda _: 0)
    seen: list[tuple[object, object]] = []  # an answer never comes for a question that is no longer asked
    effect(lambda: seen.append((text.peek(), found.value)) if found.status == "ready" else None)
    for n in range(1, 40):
        match chance.randrange(6):
            case 0:
                text.set(None)
            case 1:
                found.refresh()
            case _:
                text.set(n)
        await turns(chance.randrange(8))
    text.set(100)
    while found.status not in ("ready", "failed"):  # noqa: ASYNC110  # the claim is about every turn
        await asyncio.sleep(0)
    assert found.value == 100 if found.status == "ready" else str(found.error) == "100", f"seed {seed}"
    assert all(asked in (None, value) for asked, value in seen), f"seed {seed}"
    found.close()
    await turns(20)
    assert under_way == 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_fetch_of_an_eager_task_is_the_same() -> None:
    async def main() -> list[object]:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        n, text, runs = signal(1), signal("a"), []

        async def fetch(question: str) -> str:
            n()
            effect(lambda: runs.append(question))
            return question + "!"

        found = resource(fetch, text)
        first = found.value
        text.set("b")
        return [first, found.value, n.watched, runs]

    assert asyncio.run(main()) == ["a!", "b!", False, ["a", "b"]]


async def test_repr_shows_status_and_value_or_error() -> None:
    server = Server()
    found = resource(server, name="found")
    before = repr(found)
    await turns()
    await server.answer("all", "rows")
    ready = repr(found)
    found.close()
    assert [before, ready, repr(found)] == [
        "<Resource found: pending>",
        "<Resource found: ready, 'rows'>",
        "<Resource found: closed, 'rows'>",
    ]
