"""`SetSignal`: a set in what it does, followed element by element, patches in what it tells."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.signals import Drop, EntryPatch, Put, Reset, SetSignal, apply_entries, batch, computed, effect

ITEMS = st.integers(0, 5)
SETS = st.sets(ITEMS)
Op = tuple[str, Any]
OPS: st.SearchStrategy[Op] = st.one_of(
    st.tuples(st.sampled_from(["add", "discard", "remove"]), ITEMS),
    st.tuples(st.sampled_from(["update", "ior", "iand", "isub", "ixor", "set"]), SETS),
    st.tuples(st.just("clear"), st.none()),
)


def do(target: Any, op: Op) -> object:
    """Do `op` to a set or a SetSignal; return which error it raises."""
    kind, a = op
    try:
        match kind:
            case "ior":
                target |= a
            case "iand":
                target &= a
            case "isub":
                target -= a
            case "ixor":
                target ^= a
            case "clear":
                target.clear()
            case "set" if isinstance(target, SetSignal):
                target.set(a)
            case "set":
                target.clear()
                target.update(a)
            case _:
                getattr(target, kind)(a)
    except KeyError as error:
        return type(error)
    return None


@given(start=SETS, batches=st.lists(st.lists(OPS, max_size=4), max_size=6))
@settings(deadline=None)
def test_any_writes_do_what_a_set_does_and_the_patches_give_the_same_set(
    start: set[int], batches: list[list[Op]]
) -> None:
    chosen, plain = SetSignal(start), set(start)
    copy: set[int] = set()
    in_order: dict[int, int] = {}
    stops = [chosen.subscribe(lambda patches: apply_entries(patches, copy))]
    stops.append(chosen.subscribe(lambda patches: apply_entries(patches, in_order)))
    for ops in batches:
        with batch():
            for op in ops:
                assert do(chosen, op) == do(plain, op)
                assert [set(chosen), len(chosen), chosen.peek(), chosen()] == [plain, len(plain), plain, plain]
        assert copy == plain
        assert list(in_order) == list(chosen)
    for stop in stops:
        stop()


@given(start=SETS, ops=st.lists(OPS, max_size=8))
@settings(deadline=None)
def test_reader_of_one_element_runs_exactly_when_it_comes_or_goes(start: set[int], ops: list[Op]) -> None:
    chosen = SetSignal(start)
    seen: dict[int, list[bool]] = {item: [] for item in range(6)}
    effects = [effect(partial(lambda item: seen[item].append(item in chosen), item)) for item in seen]
    for op in ops:
        before = {item: len(runs) for item, runs in seen.items()}
        old = chosen.peek()
        do(chosen, op)
        for item, runs in seen.items():
            assert runs[-1] is (item in chosen.peek())
            assert len(runs) - before[item] == ((item in old) != (item in chosen.peek()))
    for each in effects:
        each.close()


def test_patches_name_the_elements() -> None:
    chosen = SetSignal(["a"])
    told: list[tuple[EntryPatch, ...]] = []
    stop = chosen.subscribe(told.append)
    with batch():
        chosen.add("b")
        chosen.discard("a")
    chosen.add("b")
    chosen.discard("a")
    assert told == [(Reset(["a"], ["a"]),), (Put("b", "b"), Drop("a"))]
    stop()


def test_operators_and_methods_give_plain_sets_and_are_followed() -> None:
    chosen = SetSignal([1, 2])
    both = computed(lambda: chosen & {2, 3})
    assert [both(), chosen | {3}, chosen - {1}, chosen ^ {2, 3}] == [{2}, {1, 2, 3}, {2}, {1, 3}]
    assert [chosen.union([3]), chosen.intersection([2, 3]), chosen.difference([1])] == [{1, 2, 3}, {2}, {2}]
    assert [chosen.issubset([1, 2, 3]), chosen.issuperset([1]), chosen <= {1, 2}, chosen == {1, 2}] == [True] * 4
    chosen.add(3)
    assert both() == {2, 3}
    assert type(both()) is set


def test_pop_takes_the_element_that_came_first() -> None:
    chosen = SetSignal([3, 1, 2])
    assert [chosen.pop(), chosen.pop(), chosen.pop()] == [3, 1, 2]
    with pytest.raises(KeyError, match="the set is empty"):
        chosen.pop()
    chosen.value = [1]
    assert repr(chosen) == "<SetSignal: [1]>"
