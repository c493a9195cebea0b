"""Scopes: who owns what is made, and how it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from eddyline.signals import (
    ListSignal,
    Scope,
    computed,
    current_scope,
    effect,
    on_cleanup,
    signal,
    untracked,
    watch,
)


class Thing:
    """Something with a life."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def close(self) -> None:
        self.log.append(self.name)


def test_scope_closes_what_was_made_in_it_at_the_end_of_its_block() -> None:
    a, seen = signal(0), []
    with Scope():
        effect(lambda: seen.append(a()))
        a.set(1)
    a.set(2)
    assert seen == [0, 1]


def test_scope_closes_last_made_first() -> None:
    order: list[str] = []
    with Scope() as scope:
        scope.add(Thing("thing", order))
        scope.add(lambda: order.append("function"))
        effect(lambda: on_cleanup(lambda: order.append("effect")))
        on_cleanup(lambda: order.append("cleanup"))
    assert order == ["cleanup", "effect", "function", "thing"]


def test_close_twice_closes_once() -> None:
    order: list[str] = []
    scope = Scope()
    scope.add(lambda: order.append("x"))
    scope.close()
    scope.close()
    assert [order, scope.closed] == [["x"], True]


def test_add_returns_what_it_was_given_and_one_function_may_come_twice() -> None:
    order: list[str] = []
    thing = Thing("thing", order)

    def note() -> None:
        order.append("note")

    with Scope() as scope:
        assert scope.add(thing) is thing
        scope.add(note)
        scope.add(note)
    assert order == ["note", "note", "thing"]


def test_run_makes_things_in_the_scope_and_leaves_it_open() -> None:
    a, seen = signal(0), []
    scope = Scope()
    log = scope.run(lambda: effect(lambda: seen.append(a())))
    a.set(1)
    scope.close()
    a.set(2)
    assert [seen, log.closed] == [[0, 1], True]
    assert current_scope() is not scope


def test_child_scope_is_closed_with_its_parent() -> None:
    order: list[str] = []
    with Scope("app"):
        child = Scope("screen")
        child.add(lambda: order.append("child"))
        on_cleanup(lambda: order.append("app"))
    assert [order, child.closed] == [["app", "child"], True]


def test_closed_child_is_forgotten_by_its_parent() -> None:
    with Scope() as parent:
        Scope().close()
        effect(lambda: None).close()
        assert repr(parent) == "<Scope: 0 items>"


def test_errors_while_closing_stop_nothing_and_come_together() -> None:
    order: list[str] = []
    scope = Scope("screen")
    scope.add(lambda: order.append("first"))
    scope.add(lambda: 1 / 0)
    scope.add(lambda: [].pop())
    with pytest.raises(ExceptionGroup, match="2 errors while closing <Scope screen: closed>") as caught:
        scope.close()
    assert [type(error) for error in caught.value.exceptions] == [IndexError, ZeroDivisionError]
    assert order == ["first"]


def test_what_comes_after_the_close_is_closed_at_once_and_refused() -> None:
    order: list[str] = []
    scope = Scope()
    scope.close()
    with pytest.raises(RuntimeError, match="is closed"):
        scope.add(Thing("late", order))
    with pytest.raises(RuntimeError, match="is closed"), scope:
        pass
    assert order == ["late"]


def test_effect_in_a_closed_scope_is_refused_before_it_runs() -> None:
    scope, runs = Scope(), []
    scope.close()
    with pytest.raises(RuntimeError, match="is closed"):
        scope.run(lambda: effect(lambda: runs.append(1)))
    assert runs == []


def test_effect_outside_any_scope_lives_until_it_is_closed() -> None:
    a, seen = signal(0), []
    log = effect(lambda: seen.append(a()))
    with Scope():
        pass
    a.set(1)
    log.close()
    a.set(2)
    assert seen == [0, 1]


def test_scope_made_in_an_effect_is_closed_by_its_next_run() -> None:
    a, order = signal(0), []

    def body() -> None:
        n = a()
        Scope().add(lambda: order.append(n))

    log = effect(body)
    a.set(1)
    assert order == [0]
    log.close()
    assert order == [0, 1]


def test_scope_run_inside_an_effect_owns_what_is_made_there() -> None:
    a, b, seen = signal(0), signal(0), []
    app = Scope()

    def body() -> None:
        if a() == 0:
            app.run(lambda: effect(lambda: seen.append(b())))

    app.run(lambda: effect(body))
    a.set(1)
    b.set(1)
    assert seen == [0, 1]
    app.close()
    b.set(2)
    assert seen == [0, 1]


def test_on_cleanup_without_any_owner_is_refused() -> None:
    with pytest.raises(RuntimeError, match="outside any effect or Scope"):
        on_cleanup(lambda: None)


async def test_scope_holds_across_await_and_in_the_tasks_started_in_it() -> None:
    a, seen = signal(0), []

    async def child() -> None:
        await asyncio.sleep(0)
        effect(lambda: seen.append(("child", a())))

    with Scope():
        await asyncio.sleep(0)
        effect(lambda: seen.append(("body", a())))
        await asyncio.create_task(child())
        a.set(1)
    a.set(2)
    assert seen == [("body", 0), ("child", 0), ("body", 1), ("child", 1)]


async def test_task_started_in_an_effect_makes_things_in_the_scope_of_the_effect() -> None:
    a, b, seen, tasks = signal(0), signal(0), [], []

    async def later() -> None:
        effect(lambda: seen.append(b()))

    def body() -> None:
        if a() == 0:
            tasks.append(asyncio.ensure_future(later()))

    with Scope():
        effect(body)
        with Scope():
            await tasks[0]
            a.set(1)
        b.set(1)
        assert seen == [0, 1]
    b.set(2)
    assert seen == [0, 1]


def test_scopes_of_two_contexts_do_not_mix() -> None:
    outer = Scope("outer")
    with outer:
        inner = Scope("inner")
        assert inner.run(current_scope) is inner
        assert current_scope() is outer
    assert current_scope() is not outer


OWNED: dict[str, Callable[[], object]] = {
    "effect": lambda: effect(lambda: None),
    "on_cleanup": lambda: on_cleanup(lambda: None),
    "scope": Scope,
    "subscribe": lambda: ListSignal([1]).subscribe(lambda patches: None),
    "watch": lambda: watch(signal(1)),
    "untracked effect": lambda: untracked(lambda: effect(lambda: None)),
}


@pytest.mark.parametrize("kind", OWNED)
@pytest.mark.parametrize("reader", ["plain", "effect", "computed", "list"])
def test_what_needs_an_owner_is_refused_inside_a_computed_whoever_reads_it(kind: str, reader: str) -> None:
    made = computed(OWNED[kind], "made")
    outer = computed(lambda: made(), "outer")
    rows = ListSignal([1]).map(lambda row: OWNED[kind]())
    readers: dict[str, Callable[[], object]] = {
        "plain": made,
        "effect": lambda: effect(made),
        "computed": outer,
        "list": rows.rows,
    }
    with Scope() as scope:
        with pytest.raises(
            RuntimeError, match=r"inside the computed (made|<lambda .*>) would never be closed: .* scope\.run"
        ):
            readers[reader]()
        assert repr(scope) == "<Scope: 0 items>"


def test_computed_may_say_to_whom_an_effect_belongs_also_when_computeds_nest() -> None:
    a, seen = signal(1), []
    screen = Scope("screen")
    follow = computed(lambda: screen.run(lambda: effect(lambda: seen.append(a()))), "follow")
    refused = computed(lambda: screen.run(lambda: inner()), "refused")
    inner = computed(lambda: effect(lambda: None), "inner")
    outer = effect(lambda: [follow()])
    with pytest.raises(RuntimeError, match="inside the computed inner"):
        refused()
    outer.close()
    a.set(2)
    screen.close()
    a.set(3)
    assert seen == [1, 2]


def test_scope_left_open_in_a_run_owns_nothing_of_the_next() -> None:
    a, closed = signal(0), []
    other = Scope("other")

    def body() -> None:
        if a() == 0:
            other.__enter__()
        else:
            on_cleanup(lambda: closed.append(a.peek()))

    log = effect(body)
    a.set(1)
    a.set(2)
    assert closed == [2]
    log.close()
    other.__exit__(None, None, None)
    assert closed == [2, 2]
