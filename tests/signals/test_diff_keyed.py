"""`diff_keyed` and `apply_patches`: patches turn the old list into the new one, and are few."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.signals import Insert, Move, Patch, Remove, Reset, Update, apply_patches, diff_keyed

VALUES = st.sampled_from([0, 1, 1.0, True, False, 0.0, None, "a", b"a", "", b"", 2])
ROWS = st.dictionaries(st.integers(0, 25), st.tuples(VALUES, VALUES), max_size=20)


def patches_between(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Patch]:
    """Diff of lists whose rows are their keys."""
    return diff_keyed(old, new, [(key,) for key in old], [(key,) for key in new], ("key",))


def patched(patches: list[Patch], rows: Sequence[Any], keys: Sequence[Hashable]) -> tuple[list[Any], list[Hashable]]:
    new_rows, new_keys = list(rows), list(keys)
    apply_patches(patches, new_rows, new_keys)
    return new_rows, new_keys


@given(old=ROWS, new=ROWS, order=st.randoms(use_true_random=False))
def test_patches_turn_any_old_list_into_any_new_one(old: dict[int, Any], new: dict[int, Any], order: Any) -> None:
    kept = {key: old.get(key, row) if order.random() < 0.6 else row for key, row in new.items()}
    new_keys = list(kept)
    order.shuffle(new_keys)
    check(list(old), new_keys, old, kept)


@given(old=st.dictionaries(st.integers(0, 60), st.tuples(VALUES, VALUES), min_size=12), data=st.data())
def test_few_edits_of_a_list_give_patches_and_no_reset(old: dict[int, Any], data: st.DataObject) -> None:
    keys, rows = list(old), dict(old)
    for _ in range(data.draw(st.integers(0, 3))):
        kind = data.draw(st.sampled_from(["move", "remove", "insert", "update"]))
        at = data.draw(st.integers(0, len(keys) - 1))
        to = data.draw(st.integers(0, len(keys) - 1))
        if kind == "move":
            keys.insert(to, keys.pop(at))
        elif kind == "remove":
            del keys[at]
        elif kind == "insert":
            fresh = 100 + len(rows)
            keys.insert(to, fresh)
            rows[fresh] = (0, 0)
        else:
            rows[keys[at]] = data.draw(st.tuples(VALUES, VALUES))
    patches = check(list(old), keys, old, rows)
    assert len(patches) <= 3 + 3
    assert not any(isinstance(patch, Reset) for patch in patches)


def check(old_keys: list[int], new_keys: list[int], old: dict[int, Any], new: dict[int, Any]) -> list[Patch]:
    old_rows, new_rows = [old[key] for key in old_keys], [new[key] for key in new_keys]
    patches = diff_keyed(old_keys, new_keys, old_rows, new_rows, ("x", "y"))
    rows, keys = patched(patches, old_rows, list(old_keys))
    assert keys == new_keys
    assert repr(rows) == repr(new_rows)  # repr tells 1, 1.0 and True apart
    return patches


def test_equal_lists_give_no_patch() -> None:
    assert patches_between(["a", "b"], ["a", "b"]) == []
    assert patches_between([], []) == []


def test_removes_come_first_and_from_the_end() -> None:
    assert patches_between(["a", "b", "c"], ["b"]) == [Remove(2, "c"), Remove(0, "a")]


def test_inserts_come_from_left_to_right_at_their_final_index() -> None:
    assert patches_between(["b"], ["a", "b", "c"]) == [Insert(0, ("a",), "a"), Insert(2, ("c",), "c")]


def test_one_row_moved_to_the_front_is_one_move() -> None:
    assert patches_between(list("abcdef"), list("fabcde")) == [Move(5, 0, "f")]


def test_one_row_moved_to_the_end_is_one_move() -> None:
    assert patches_between(list("abcdef"), list("bcdefa")) == [Move(0, 5, "a")]


def test_rows_outside_the_longest_common_order_move_and_no_others() -> None:
    moves = patches_between(list("abcdefgh"), list("aefbcdgh"))
    assert moves == [Move(4, 1, "e"), Move(5, 2, "f")]


def test_update_names_the_columns_that_differ_at_the_final_index() -> None:
    old, new = [(1, "a", 2), (2, "b", 3)], [(2, "B", 3), (1, "a", 2)]
    patches = diff_keyed([1, 2], [2, 1], old, new, ("id", "name", "n"))
    assert patches[-1] == Update(0, (2, "B", 3), ("name",), 2)
    assert isinstance(patches[0], Move)


@pytest.mark.parametrize(("old", "new"), [(1, 1.0), (1, True), (0, False), (1.0, True), ("a", b"a"), (None, 0)])
def test_values_of_different_type_differ(old: object, new: object) -> None:
    (patch,) = diff_keyed(["k"], ["k"], [(7, old)], [(7, new)], ("same", "value"))
    assert isinstance(patch, Update)
    assert patch.columns == ("value",)
    assert type(patch.row[1]) is type(new)


def test_more_than_half_touched_is_one_reset() -> None:
    old, new = list(range(20)), list(range(100, 111)) + list(range(9))
    assert patches_between(old, new) == [Reset([(key,) for key in new], new)]


def test_short_lists_are_never_reset() -> None:
    assert patches_between([1, 2], [3]) == [Remove(1, 2), Remove(0, 1), Insert(0, (3,), 3)]
    assert diff_keyed([1], [1], [(5,)], [(6,)], ("n",)) == [Update(0, (6,), ("n",), 1)]


def test_so_many_moves_that_they_would_be_quadratic_are_one_reset() -> None:
    old = list(range(20_000))
    new = old[::2] + old[1::2]
    (patch,) = patches_between(old, [*new[:4_000], *sorted(new[4_000:])])
    assert isinstance(patch, Reset)


def test_thousand_moves_in_a_long_list_are_written_out_and_right() -> None:
    old = list(range(20_000))
    new = sorted(old, key=lambda n: n + 5_000.5 if n % 20 == 0 else n)
    patches = patches_between(old, new)
    assert 990 <= len(patches) <= 1_000
    assert patched(patches, [(key,) for key in old], old)[1] == new


def test_apply_without_keys_changes_rows_alone() -> None:
    rows = ["a", "b"]
    apply_patches([Remove(0, 1), Insert(1, "c", 3), Move(1, 0, 3), Update(1, "B", ("x",), 2)], rows)
    assert rows == ["c", "B"]
    apply_patches([Reset(["z"], [9])], rows)
    assert rows == ["z"]
