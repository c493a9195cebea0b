"""`selector`: a change of the selection runs the readers of two keys, and no others."""

from __future__ import annotations

import gc
import weakref
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.signals import Scope, Signal, batch, computed, effect, nodes, selector, signal


def test_only_readers_of_the_old_and_the_new_key_run() -> None:
    current = signal(0)
    is_selected = selector(current)
    runs: list[tuple[int, bool]] = []
    with Scope("rows"):
        for key in range(1000):
            effect(lambda key=key: runs.append((key, is_selected(key))))  # type: ignore[misc]  # the loop's own
        runs.clear()
        current.set(700)
        assert runs == [(0, False), (700, True)]


def test_change_costs_nothing_for_readers_of_other_keys() -> None:
    current = signal(0)
    is_selected = selector(current)
    others = [computed(lambda key=key: is_selected(key)) for key in range(2, 50)]  # type: ignore[misc]  # as above
    assert not any(other() for other in others)
    current.set(1)
    assert all(other._mark.state == nodes.CLEAN for other in others)


def test_computed_over_a_selector_is_up_to_date_inside_a_batch() -> None:
    current = signal("a")
    is_selected = selector(current)
    shown = computed(lambda: "*" if is_selected("b") else " ")
    assert shown() == " "
    with batch():
        current.set("b")
        assert shown() == "*"
        current.set("c")
        assert shown() == " "


def test_effect_that_reads_signal_and_selector_sees_both_new_and_runs_once() -> None:
    current, seen = signal(1), []
    is_selected = selector(current)
    log = effect(lambda: seen.append((is_selected(2), current())))
    current.set(2)
    assert seen == [(False, 1), (True, 2)]
    log.close()


def test_batch_that_changes_the_selection_back_runs_nobody_for_nothing_twice() -> None:
    current, seen = signal("a"), []
    is_selected = selector(current)
    log = effect(lambda: seen.append(is_selected("a")))
    with batch():
        current.set("b")
        current.set("a")
    assert seen[-1] is True
    assert len(seen) <= 2
    log.close()


def test_selection_may_come_from_a_computed() -> None:
    index, runs = signal(0), []
    names = ["a", "b", "c"]
    current = computed(lambda: names[index()])
    with Scope("list"):
        is_selected = selector(current)
        for name in names:
            effect(lambda name=name: runs.append((name, is_selected(name))))  # type: ignore[misc]  # as above
        runs.clear()
        index.set(2)
        assert runs == [("a", False), ("c", True)]


def test_value_that_cannot_be_hashed_selects_nobody() -> None:
    current: Signal[Any] = signal("a")
    is_selected = selector(current)
    seen: list[bool] = []
    log = effect(lambda: seen.append(is_selected("a")))
    current.set([1])
    current.set("a")
    assert seen == [True, False, True]
    log.close()


def test_keys_that_nobody_follows_any_more_and_the_selector_itself_are_collected() -> None:
    current = signal(0)
    is_selected = selector(current)
    log = effect(partial(is_selected, 5))
    log.close()
    gc.collect()
    assert repr(is_selected) == "<Selector 0: 0 keys followed>"
    gone = weakref.ref(is_selected)
    del is_selected, log
    gc.collect()
    assert gone() is None
    assert not current.watched


@given(st.lists(st.integers(0, 4)))
def test_every_reader_is_right_after_any_changes(values: list[int]) -> None:
    current = signal(0)
    is_selected = selector(current)
    flags = [computed(lambda key=key: is_selected(key)) for key in range(5)]  # type: ignore[misc]  # as above
    for value in values:
        current.set(value)
        assert [flag() for flag in flags] == [key == value for key in range(5)]


def test_selector_of_a_function_follows_what_it_reads() -> None:
    with Scope():
        place = signal({"key": "a"})
        is_selected = selector(lambda: place()["key"])
        seen: list[bool] = []
        effect(lambda: seen.append(is_selected("b")))
        place.set({"key": "b"})
        assert seen == [False, True]


def test_what_cannot_be_read_is_refused_by_selector() -> None:
    with pytest.raises(TypeError, match="a function that reads some is needed, not 5"):
        selector(cast(Any, 5))  # what no type checker lets pass
