"""Debug mode: what is changed in place is found and named, nothing else is; off, it is gone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from eddyline.signals import (
    Computed,
    MutatedError,
    Scope,
    Signal,
    computed,
    debug,
    effect,
    flush,
    nodes,
    signal,
    untracked,
)


@pytest.fixture(autouse=True)
def scope() -> Iterator[Scope]:
    with Scope() as scope:
        yield scope


def found(fn: Callable[[], object]) -> list[str]:
    """Return what debug mode reports while `fn` runs and at its end."""
    messages: list[str] = []
    with debug(report=lambda error: messages.append(str(error))):
        fn()
    return messages


def test_list_changed_in_place_is_found_and_the_message_says_what_to_use() -> None:
    items = signal(["a"], "items")
    with debug():
        items().append("b")
        with pytest.raises(MutatedError) as caught:
            items()
    assert str(caught.value) == (
        "Signal items holds a list that was changed in place: ['a'] became ['a', 'b']. "
        "Nobody was told. Use ListSignal, or set a new list."
    )
    assert caught.value.label == "items"


def test_dict_and_set_changed_in_place_are_found() -> None:
    words, tags = signal({"a": 1}, "words"), signal({1}, "tags")

    def change() -> None:
        words()["b"] = 2
        tags().add(2)

    first, second = found(change)
    assert first == (
        "Signal words holds a dict that was changed in place: {'a': 1} became {'a': 1, 'b': 2}. "
        "Nobody was told. Use MapSignal, or store() for nested data, or set a new dict."
    )
    assert second == (
        "Signal tags holds a set that was changed in place: {1} became {1, 2}. "
        "Nobody was told. Use SetSignal, or set a new set."
    )


@pytest.mark.parametrize(
    ("value", "change", "shown"),
    [
        ([1, 2], lambda v: v.__setitem__(0, 9), "[1, 2] became [9, 2]"),
        ([2, 1], lambda v: v.sort(), "[2, 1] became [1, 2]"),
        ([1], lambda v: v.clear(), "[1] became []"),
        ({"a": 1}, lambda v: v.update(a=2), "{'a': 1} became {'a': 2}"),
        ({"a": 1}, lambda v: v.pop("a"), "{'a': 1} became {}"),
        ({1, 2}, lambda v: v.discard(2), "{1, 2} became {1}"),
        (deque([1]), lambda v: v.append(2), "deque([1]) became deque([1, 2])"),
        (bytearray(b"a"), lambda v: v.append(98), "bytearray(b'a') became bytearray(b'ab')"),
    ],
)
def test_every_way_to_change_in_place_is_found(value: object, change: Callable[[Any], object], shown: str) -> None:
    held = signal(value)
    (message,) = found(lambda: change(held()))
    assert f"changed in place: {shown}. Nobody was told." in message


def test_nested_container_is_found_and_its_place_is_named() -> None:
    state = signal({"todo": [{"tags": ["x"]}]}, "state")
    (message,) = found(lambda: state()["todo"][0]["tags"].append("y"))
    assert message == (
        "Signal state holds a list at ['todo'][0]['tags'] that was changed in place: ['x'] became ['x', 'y']. "
        "Nobody was told. Use MapSignal, or store() for nested data, or set a new dict."
    )


def test_list_inside_a_tuple_is_found() -> None:
    pair = signal((1, [2]), "pair")
    (message,) = found(lambda: pair()[1].append(3))
    assert "holds a list at [1] that was changed in place: [2] became [2, 3]" in message


def test_setting_the_list_that_was_changed_in_place_is_found() -> None:
    items, seen = signal([1]), []
    effect(lambda: seen.append(len(items())))
    with debug():
        held = items.peek()
        held.append(2)
        with pytest.raises(MutatedError, match=r"\[1\] became \[1, 2\]"):
            items.set(held)
    assert seen == [1]


def test_update_that_changes_in_place_is_found() -> None:
    items = signal([1])
    with debug(), pytest.raises(MutatedError, match=r"\[1\] became \[1, 2\]"):
        items.update(lambda held: (held.append(2), held)[1])  # type: ignore[func-returns-value]  # for its effect


@pytest.mark.parametrize("made", ["before", "inside"])
def test_list_that_is_kept_elsewhere_and_changed_there_is_found(made: str) -> None:
    kept = [1]
    items = signal(kept, "items")

    def change() -> None:
        again = items if made == "before" else signal(kept, "items")
        kept.append(2)
        again()

    (message,) = found(change)
    assert message.startswith("Signal items holds a list that was changed in place: [1] became [1, 2].")


def test_value_of_a_computed_changed_by_its_reader_is_found() -> None:
    items = signal([2, 1], "items")
    ordered = computed(lambda: sorted(items()), "ordered")
    (message,) = found(lambda: ordered().append(3))
    assert message == (
        "Computed ordered holds a list that was changed in place: [1, 2] became [1, 2, 3]. "
        "Its value belongs to it: change a copy."
    )


def test_effect_that_changes_what_it_read_is_named_and_gets_the_error() -> None:
    items = signal([2, 1], "items")

    def log() -> None:
        items().sort()

    with debug(), pytest.raises(MutatedError, match="changed in place while log ran: "):
        effect(log)


def test_computed_that_changes_what_it_read_is_named_and_keeps_the_error() -> None:
    items = signal([2, 1], "items")

    @computed
    def ordered() -> list[int]:
        held = items()
        held.sort()
        return held

    with debug():
        for _ in range(2):
            with pytest.raises(MutatedError, match="changed in place while ordered ran: "):
                ordered()


def test_plain_list_that_a_computed_reads_and_somebody_changes_is_found() -> None:
    plain: list[int] = []
    count = computed(lambda: len(plain), "count")
    count()

    def change() -> None:
        plain.append(1)
        count()

    (message,) = found(change)
    assert message == (
        "Computed count reads a plain list that was changed since: [] became [1]. "
        "A computed follows signals only. Use ListSignal, or set a new list in a signal."
    )


def test_plain_list_in_the_arguments_of_a_partial_is_found() -> None:
    plain: list[int] = []
    count = computed(partial(len, plain), "count")

    def change() -> None:
        count()
        plain.append(1)
        count()

    assert len(found(change)) == 1


def test_plain_list_that_makes_no_difference_is_not_reported() -> None:
    a, runs = signal(1), []
    double = computed(lambda: (runs.append(1), a() * 2)[1])  # type: ignore[func-returns-value]  # for its effect

    def change() -> None:
        double()
        runs.clear()
        double()

    assert found(change) == []


async def test_change_in_a_handler_is_found_on_the_next_turn_of_the_loop() -> None:
    errors: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    items = signal([1])
    with debug():
        items().append(2)
        await asyncio.sleep(0)
        assert [type(error) for error in errors] == [MutatedError]


def test_check_looks_at_everything_and_the_end_of_the_block_does() -> None:
    items, words = signal([1]), signal({"a": 1})
    mode = debug()
    items.peek().append(2)
    with pytest.raises(MutatedError):
        mode.check()
    mode.check()
    mode.close()
    with pytest.raises(ExceptionGroup, match="2 values were changed in place"), debug():
        items().append(3)
        words()["b"] = 2


def test_error_of_the_block_is_not_hidden_by_what_was_found() -> None:
    items = signal([1])
    with pytest.raises(LookupError), debug():
        items().append(2)
        raise LookupError


def test_each_change_is_reported_once_though_several_hold_the_list() -> None:
    items = signal([1])
    same = computed(lambda: items())

    def change() -> None:
        same().append(2)
        for _ in range(3):
            items()
            same()

    assert len(found(change)) == 1


def test_new_value_set_instead_is_never_reported() -> None:
    items, words, seen = signal([1]), signal({"a": 1}), []
    effect(lambda: seen.append((items(), words())))

    def change() -> None:
        items.set([*items(), 2])
        items.update(lambda held: [*held, 3])
        words.set({**words(), "b": 2})
        words.value = {}

    assert found(change) == []
    assert seen[-1] == ([1, 2, 3], {})


def test_old_value_may_be_changed_once_it_was_replaced() -> None:
    items = signal([1])

    def change() -> None:
        old = items()
        items.set([2])
        old.append(3)
        items()

    assert found(change) == []


def test_signal_with_an_equality_of_its_own_is_left_alone() -> None:
    items, seen = signal([1], equals=lambda old, new: False), []
    effect(lambda: seen.append(len(items())))

    def change() -> None:
        items().append(2)
        items.set(items())

    assert found(change) == []
    assert seen == [1, 2]


def test_item_replaced_by_an_equal_one_is_no_change() -> None:
    items = signal([10**20, float("nan")])

    def change() -> None:
        held = items()
        held[0], held[1] = 10**20, float("nan")

    assert found(change) == []


class Array:
    """Answers `==` like numpy, can't be asked for its truth or hash, and iterates."""

    def __eq__(self, other: object) -> Array:  # type: ignore[override]
        return Array()

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")

    def __iter__(self) -> Iterator[Array]:
        return iter([self])

    def __len__(self) -> int:
        raise TypeError("len() of unsized object")

    __hash__ = None  # type: ignore[assignment]


def test_arrays_alone_and_inside_containers_neither_raise_nor_count() -> None:
    array = Array()
    alone, inside = signal(array), signal({"x": [array], "nan": float("nan")})
    both = computed(lambda: (alone(), inside(), array))

    def read() -> None:
        both()
        alone.set(Array())
        inside()
        both()

    assert found(read) == []
    (message,) = found(lambda: inside()["x"].__setitem__(0, Array()))  # type: ignore[index]  # it is a list
    assert "holds a list at ['x']" in message


def test_containers_in_circles_and_very_deep_ones_are_looked_at_without_recursion() -> None:
    circle: list[Any] = []
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    both = signal((circle, deep))
    assert found(both.get) == []
    assert len(found(lambda: both()[0].append(1))) == 1


def test_containers_beyond_the_bound_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eddyline.signals.debugging.ITEMS_MAX", 10)
    small, large = signal(list(range(10))), signal(list(range(11)))
    assert len(found(lambda: (small().append(1), large().append(1)))) == 1  # type: ignore[func-returns-value]


def test_reads_of_debug_mode_are_not_dependencies() -> None:
    items, runs = signal([1]), []
    with debug(), effect(lambda: runs.append(untracked(items))):
        items.set([2])
        assert len(runs) == 1
        assert not items.watched


def test_off_the_plain_methods_and_functions_are_in_place() -> None:
    def in_place() -> list[object]:
        readers = [vars(cls)[name] for cls in (Signal, Computed) for name in ("get", "__call__", "peek")]
        return [*readers, Signal.set, Signal.update, Signal.__init__, nodes.run, flush.changed]

    plain = in_place()
    with debug():
        with debug():
            pass
        assert not any(now is before for now, before in zip(in_place(), plain, strict=True))
    assert in_place() == plain


def test_close_twice_is_harmless_and_after_it_nothing_is_found() -> None:
    items = signal([1])
    mode = debug()
    mode.close()
    mode.close()
    items().append(2)
    assert items() == [1, 2]


def test_two_debug_modes_each_report() -> None:
    items = signal([1])
    inner: list[str] = []

    def change() -> None:
        inner.extend(found(lambda: items().append(2)))

    assert len(found(change)) == 1
    assert len(inner) == 1
