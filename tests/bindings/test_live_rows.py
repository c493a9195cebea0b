from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eddyline.bindings.live_rows import LiveRows
from eddyline.signals import Insert, Move, Patch, Remove, Reset, Update, apply_patches


def filled(keys: str, cursor: int = 0) -> LiveRows:
    rows = LiveRows()
    rows.apply([Reset(tuple(keys), tuple(keys))], top=0)
    rows.cursor = cursor
    return rows


def test_cursor_stays_on_its_row_when_rows_come_go_and_move_above_it() -> None:
    rows = filled("abcd", cursor=2)
    for patch in (Insert(0, "x", "x"), Remove(1, "a"), Move(3, 0, "d"), Move(0, 3, "d"), Move(1, 0, "b")):
        rows.apply([patch], top=0)
        assert rows.cursor_key == "c", patch


def test_cursor_goes_with_its_row() -> None:
    rows = filled("abcd", cursor=0)
    rows.apply([Move(0, 3, "a")], top=0)
    assert (rows.cursor, rows.cursor_key) == (3, "a")


def test_cursor_whose_row_goes_takes_the_next_one_and_at_the_end_the_last() -> None:
    rows = filled("abc", cursor=1)
    places = []
    for patch in (Remove(1, "b"), Remove(1, "c"), Remove(0, "a"), Insert(0, "z", "z")):
        rows.apply([patch], top=0)
        places.append((rows.cursor, rows.cursor_key))
    assert places == [(1, "c"), (0, "a"), (-1, None), (0, "z")]


def test_row_taken_out_and_put_in_again_in_one_go_gets_the_cursor_back() -> None:
    rows = filled("abcd", cursor=1)
    rows.apply([Remove(1, "b"), Insert(3, "B", "b")], top=0)
    assert (rows.cursor, rows.cursor_key) == (3, "b")


def test_reset_finds_cursor_and_top_by_key() -> None:
    rows = filled("abcdef", cursor=4)
    assert rows.apply([Reset("xyabcdef", "xyabcdef")], top=3).top == 5
    assert rows.cursor_key == "e"


def test_reset_without_the_row_leaves_the_cursor_at_its_place() -> None:
    rows = filled("abcdef", cursor=4)
    rows.apply([Reset("uvw", "uvw")], top=0)
    assert (rows.cursor, rows.cursor_key) == (2, "w")
    rows.apply([Reset("", "")], top=0)
    assert rows.cursor == -1


def test_top_follows_the_rows_above_it_but_not_from_the_very_top() -> None:
    rows = filled("abcdef")
    assert rows.apply([Insert(0, "x", "x")], top=0).top == 0
    assert rows.apply([Insert(0, "y", "y"), Insert(9, "z", "z")], top=3).top == 4
    assert rows.apply([Remove(0, "y")], top=4).top == 3
    assert rows.apply([Remove(0, "x"), Insert(0, "w", "w")], top=1).top == 1


def test_touched_names_rows_and_columns() -> None:
    rows = filled("abc")
    changes = rows.apply(
        [Update(0, "A", ("n",), "a"), Update(0, "AA", ("m",), "a"), Insert(1, "x", "x"), Update(1, "X", ("n",), "x")],
        top=0,
    )
    assert changes.touched == {"a": frozenset({"n", "m"}), "x": None}


@st.composite
def steps(draw: st.DrawFn) -> tuple[list[int], int, int, list[list[Patch]]]:
    start = list(range(draw(st.integers(0, 12))))
    keys: list[Hashable] = list(start)
    fresh = 100
    batches = []
    for _ in range(draw(st.integers(1, 6))):
        batch: list[Patch] = []
        for _ in range(draw(st.integers(1, 4))):
            kind = draw(st.sampled_from("iirmu" if keys else "i"))
            at = draw(st.integers(0, len(keys) - (kind != "i")))
            patch: Patch
            if kind == "i":
                fresh += 1
                patch = Insert(at, fresh, fresh)
            elif kind == "r":
                patch = Remove(at, keys[at])
            elif kind == "m":
                patch = Move(at, draw(st.integers(0, len(keys) - 1)), keys[at])
            else:
                patch = Update(at, keys[at], ("n",), keys[at])
            apply_patches([patch], list(keys), mirror := list(keys))
            keys = mirror
            batch.append(patch)
        batches.append(batch)
    cursor = draw(st.integers(0, max(len(start) - 1, 0)))
    return start, cursor, draw(st.integers(0, max(len(start) - 1, 0))), batches


@given(steps())
def test_rows_equal_a_plain_list_and_cursor_and_top_stay_on_living_rows(case: tuple[Any, ...]) -> None:
    start, cursor, top, batches = case
    rows = LiveRows()
    rows.apply([Reset(tuple(start), tuple(start))], top=0)
    if start:
        rows.cursor = cursor
    plain_rows: list[Any] = list(start)
    plain_keys: list[Hashable] = list(start)
    for batch in batches:
        apply_patches(batch, plain_rows, plain_keys)
        before = rows.cursor_key
        above = rows.keys[top] if 0 < top < len(rows.keys) else None
        top = rows.apply(batch, top=top).top
        assert rows.keys == plain_keys
        assert rows.rows == plain_rows
        assert (rows.cursor == -1) == (not plain_keys)
        assert 0 <= rows.cursor < len(plain_keys) or not plain_keys
        if before in plain_keys:
            assert rows.cursor_key == before
        if above in plain_keys and not any(isinstance(patch, Move) for patch in batch):
            assert plain_keys[top] == above
