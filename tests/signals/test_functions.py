"""What can't be followed is refused at the call: not functions, and async ones, by name, with what to do instead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from eddyline.signals import (
    ListSignal,
    ManualClock,
    Scope,
    batch,
    computed,
    debounced,
    debug,
    effect,
    history,
    keyed,
    linked,
    on_cleanup,
    resource,
    selector,
    signal,
    trace,
    watch,
)

Taker = Callable[[Any], object]  # Any: what no type checker lets pass

TAKERS: dict[str, tuple[Taker, str]] = {
    "computed": (computed, r"computed\(\) takes a function, not 5"),
    "computed equals": (lambda wrong: computed(lambda: 1, equals=wrong), "equals= takes a function, not 5"),
    "signal equals": (lambda wrong: signal(1, equals=wrong), "equals= takes a function, not 5"),
    "effect": (effect, r"effect\(\) takes a function, not 5"),
    "schedule": (lambda wrong: effect(lambda: None, schedule=wrong), "schedule= takes a function, not 5"),
    "linked": (linked, r"linked\(\) takes a function, not 5"),
    "linked fn": (lambda wrong: linked(lambda: 1, wrong), r"linked\(\) takes a function, not 5"),
    "trace": (trace, r"trace\(\) takes a function, not 5"),
    "debug": (debug, "report= takes a function, not 5"),
    "batch": (batch, "on_error= takes a function, not 5"),
    "resource": (resource, r"resource\(\) takes an async function, not 5"),
    "keyed": (keyed, r"keyed\(\) takes a ListSignal or a view, not 5"),
    "map": (lambda wrong: ListSignal([1]).map(wrong), "a mapped list takes a function, not 5"),
    "sorted": (lambda wrong: ListSignal([1]).sorted(key=wrong), "a sorted list takes a function, not 5"),
    "list key": (lambda wrong: ListSignal([1], key=wrong), "key= takes a function, not 5"),
    "history": (history, r"history\(\) takes what can be read and set, as a signal, not 5"),
    "scope": (lambda wrong: Scope().add(wrong), r"a Scope takes functions and what has a close\(\), not 5"),
}


@pytest.mark.parametrize("taker", TAKERS)
def test_what_is_no_function_is_refused_at_the_call(taker: str) -> None:
    take, message = TAKERS[taker]
    with pytest.raises(TypeError, match=f"^{message}$"):
        take(5)


def test_on_cleanup_of_what_is_no_function_is_refused() -> None:
    with Scope(), pytest.raises(TypeError, match=r"on_cleanup\(\) takes a function, not 5"):
        on_cleanup(5)  # type: ignore[arg-type]  # the claim


def test_effect_that_was_refused_leaves_nothing_behind() -> None:
    with Scope() as scope:
        with pytest.raises(TypeError, match="takes a function"):
            effect(5)  # type: ignore[call-overload]  # the claim
        assert repr(scope) == "<Scope: 0 items>"


async def fetch() -> int:
    return 1


class Fetcher:
    """Called like a function, and async."""

    async def __call__(self) -> int:
        return 1

    async def fetch(self) -> int:
        return 1


ASYNC: dict[str, Callable[[], Coroutine[Any, Any, int]]] = {
    "function": fetch,
    "partial": partial(fetch),
    "method": Fetcher().fetch,
}
FOLLOW: dict[str, tuple[Taker, str]] = {
    "computed": (computed, r"computed\(\)"),
    "effect": (effect, r"effect\(\)"),
    "linked": (linked, r"linked\(\)"),
    "watch": (watch, "whoever follows it"),
    "selector": (selector, "whoever follows it"),
    "debounced": (lambda fn: debounced(fn, 1, clock=ManualClock()), "whoever follows it"),
}


@pytest.mark.parametrize("fn", ASYNC)
@pytest.mark.parametrize("taker", FOLLOW)
def test_async_function_is_refused_at_the_call_and_resource_is_named(taker: str, fn: str) -> None:
    take, who = FOLLOW[taker]
    with pytest.raises(TypeError, match=rf"fetch is async: {who} needs .* resource\(fetch, source"):
        take(ASYNC[fn])


def test_computed_whose_function_returns_a_coroutine_fails_its_readers() -> None:
    latest = computed(Fetcher(), "latest")
    with pytest.raises(TypeError, match=r"latest returns a coroutine: a computed needs .* resource\("):
        assert latest() is None


def test_effect_that_returns_a_coroutine_in_a_later_run_fails_the_writer() -> None:
    wanted = signal(False)
    log = effect(lambda: fetch() if wanted() else None, "log")
    with pytest.raises(TypeError, match=r"log returns a coroutine: an effect needs .* resource\("):
        wanted.set(True)
    log.close()


async def test_effect_may_start_a_task_and_return_it() -> None:
    started: list[asyncio.Task[int]] = []

    def start() -> asyncio.Task[int]:
        started.append(asyncio.create_task(fetch()))
        return started[-1]

    effect(start).close()
    assert await started[0] == 1
