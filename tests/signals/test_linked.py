"""`linked`: what is written stands until the source changes."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.signals import batch, computed, effect, linked, signal


def test_value_follows_its_source_until_it_is_written() -> None:
    options = signal(["S", "M"])
    choice = linked(lambda: options()[0])
    assert choice() == "S"
    choice.set("M")
    assert [choice.get(), choice.value, choice.peek()] == ["M", "M", "M"]


def test_change_of_the_source_resets_what_was_written() -> None:
    options = signal(["S", "M"])
    choice = linked(lambda: options()[0])
    choice.set("M")
    options.set(["L", "XL"])
    assert choice() == "L"


def test_what_was_written_stands_while_the_value_of_the_source_is_the_same() -> None:
    options = signal(["S", "M"])
    choice = linked(lambda: options()[0])
    choice.set("M")
    options.set(["S", "M", "L"])
    assert choice() == "M"


def test_function_of_the_source_is_called_when_it_changes_and_reads_untracked() -> None:
    query, start = signal("a"), signal(1)
    page = linked(query, lambda _: start())
    page.update(lambda n: n + 4)
    start.set(2)
    assert page() == 5
    query.set("b")
    assert page() == 2


def test_write_after_the_source_changed_in_the_same_batch_stands() -> None:
    source = signal(1)
    value, seen = linked(source), []
    log = effect(lambda: seen.append(value()))
    with batch():
        source.set(2)
        value.value = 9
        assert value() == 9
    assert seen == [1, 9]
    log.close()


def test_readers_run_only_when_the_value_differs() -> None:
    source, seen = signal(1), []
    value = linked(lambda: source())
    log = effect(lambda: seen.append(value()))
    value.set(2)
    source.set(2)  # reset to what was written
    value.set(2)
    assert seen == [1, 2]
    log.close()


def test_error_of_the_source_is_raised_to_readers_and_writers() -> None:
    source = signal(1)
    value = linked(lambda: 10 // source())
    value.set(7)
    source.set(0)
    with pytest.raises(ZeroDivisionError):
        value()
    with pytest.raises(ZeroDivisionError):
        value.set(1)
    source.set(5)
    assert value() == 2


def test_repr_shows_the_value_and_computes_nothing() -> None:
    value = linked(signal(1), name="page")
    assert repr(value) == "<Linked page: stale>"
    value()
    assert repr(value) == "<Linked page: 1>"


def test_linked_value_is_collected_when_dropped() -> None:
    source = signal(1)
    value = linked(source)
    same = computed(value.get)
    assert same() == 1
    gone = weakref.ref(value)
    del value, same
    gc.collect()
    assert gone() is None
    assert not source.watched


@given(ops=st.lists(st.tuples(st.sampled_from(["source", "write"]), st.integers(0, 3))))
def test_any_writes_leave_what_a_plain_model_leaves(ops: list[tuple[str, int]]) -> None:
    source = signal(0)
    value = linked(lambda: source() // 2)
    model, reset_to = 0, 0
    for kind, n in ops:
        if kind == "write":
            value.set(n)
            model = n
        else:
            source.set(n)
            if n // 2 != reset_to:
                model = reset_to = n // 2
        assert value() == model
