"""`history`: undo and redo give back the values that were."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.signals import ListSignal, Scope, batch, effect, history, linked, signal
from tests.patience import PATIENCE_S


def test_undo_and_redo_go_through_the_values_that_were() -> None:
    text = signal("")
    steps = history(text)
    for value in ("a", "ab", "abc"):
        text.set(value)
    assert [steps.undo(), text(), steps.undo(), text()] == [True, "ab", True, "a"]
    assert [steps.redo(), text(), steps.redo(), text()] == [True, "ab", True, "abc"]
    assert steps.redo() is False
    steps.close()


def test_batch_is_one_step() -> None:
    text = signal("")
    steps = history(text)
    with batch():
        text.set("a")
        text.set("ab")
    assert [steps.undo(), text(), steps.undo()] == [True, "", False]
    steps.close()


def test_group_makes_one_step_of_several_writes_also_if_it_fails() -> None:
    text, seen = signal(""), []
    steps = history(text)
    log = effect(lambda: seen.append(text()))
    with pytest.raises(ZeroDivisionError), steps.group():
        text.set("a")
        text.set("ab")
        raise ZeroDivisionError
    assert seen == ["", "a", "ab"]
    assert [steps.undo(), text(), steps.undo()] == [True, "", False]
    steps.close()
    log.close()


def test_write_after_an_undo_drops_what_could_be_redone() -> None:
    text = signal(0)
    steps = history(text)
    text.set(1)
    steps.undo()
    text.set(2)
    assert [steps.redo(), text(), steps.undo(), text()] == [False, 2, True, 0]
    steps.close()


def test_can_undo_and_can_redo_are_followed() -> None:
    text, seen = signal(0), []
    steps = history(text)
    log = effect(lambda: seen.append((steps.can_undo(), steps.can_redo())))
    text.set(1)
    text.set(2)
    steps.undo()
    steps.undo()
    assert seen == [(False, False), (True, False), (True, True), (False, True)]
    log.close()
    steps.close()


def test_limit_forgets_the_oldest_step() -> None:
    text = signal(0)
    steps = history(text, limit=2)
    for value in (1, 2, 3):
        text.set(value)
    assert [steps.undo(), steps.undo(), steps.undo(), text()] == [True, True, False, 1]
    steps.close()
    with pytest.raises(ValueError, match="limit has to be 1 or more"):
        history(text, limit=0)


def test_undo_inside_a_batch_takes_back_what_the_batch_wrote() -> None:
    text = signal(0)
    steps = history(text)
    with batch():
        text.set(1)
        steps.undo()
        assert text() == 0
    assert [text(), steps.redo(), text()] == [0, True, 1]
    steps.close()


def test_history_ends_with_its_scope() -> None:
    text = signal(0)
    with Scope("editor"):
        steps = history(text)
        text.set(1)
    text.set(2)
    assert repr(steps) == "<History: 1 to undo, 0 to redo>"
    steps.clear()
    assert steps.undo() is False


def test_closed_history_notes_no_more_and_can_still_go_back_and_forth() -> None:
    text = signal(0)
    steps = history(text)
    text.set(1)
    text.set(2)
    steps.close()
    with steps.group():
        text.set(3)
    assert repr(steps) == "<History: 2 to undo, 0 to redo>"
    assert [steps.undo(), text(), steps.undo(), text(), steps.undo()] == [True, 1, True, 0, False]
    text.set(9)
    assert [steps.redo(), text(), steps.redo(), text(), steps.redo()] == [True, 1, True, 2, False]


@pytest.mark.parametrize("verb", ["undo", "redo"])
def test_undo_and_redo_inside_a_group_are_refused_and_change_nothing(verb: str) -> None:
    text = signal("")
    steps = history(text)
    for value in ("a", "b"):
        text.set(value)
    steps.undo()
    with pytest.raises(RuntimeError, match=rf"{verb}\(\) inside a group\(\) .*: its step has not ended"), steps.group():
        text.set("c")
        getattr(steps, verb)()
    assert text() == "c"
    assert [steps.undo(), text(), steps.undo(), text(), steps.undo()] == [True, "a", True, "", False]
    steps.close()


def test_list_and_a_linked_value_have_a_history_too() -> None:
    items = ListSignal([1, 2])
    with history(items) as steps:
        items.append(3)
        items.reverse()
        steps.undo()
        assert items == [1, 2, 3]
        steps.undo()
        assert items == [1, 2]
    value = linked(lambda: 5)
    with history(value) as of_value:
        value.set(6)
        of_value.undo()
        assert value() == 5


@given(ops=st.lists(st.sampled_from(["undo", "redo", "0", "1", "2"])))
def test_any_steps_leave_what_a_plain_model_leaves(ops: list[str]) -> None:
    text = signal("start")
    steps = history(text)
    states, at = ["start"], 0
    for op in ops:
        if op == "undo":
            assert steps.undo() is (at > 0)
            at = max(at - 1, 0)
        elif op == "redo":
            assert steps.redo() is (at < len(states) - 1)
            at = min(at + 1, len(states) - 1)
        else:
            if op != states[at]:
                states[at + 1 :] = [op]
                at += 1
            text.set(op)
        assert text() == states[at]
        assert [steps.can_undo(), steps.can_redo()] == [at > 0, at < len(states) - 1]
    steps.close()


async def test_undo_and_redo_of_another_thread_are_posted_like_writes() -> None:
    number = signal(0)
    steps = history(number)
    for value in (1, 2, 3):
        number.set(value)

    answers: list[object] = []

    def elsewhere() -> None:
        with steps.group():
            number.set(4)
            number.set(5)
        answers.extend([steps.undo(), steps.undo(), steps.undo(), steps.redo(), number.peek()])

    for work in (elsewhere, steps.clear):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(PATIENCE_S)  # the loop stands still meanwhile
        if work is elsewhere:
            assert answers == [True, True, True, False, 3]
            await asyncio.sleep(0)
            assert [number(), steps.redo(), number(), steps.redo(), number()] == [2, True, 3, True, 5]
    assert steps.can_undo()
    await asyncio.sleep(0)
    assert [number(), steps.can_undo(), steps.can_redo()] == [5, False, False]
    steps.close()
