"""Edits: how two texts are compared, where cursors go, how units are converted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.text.document import TextChange, changed, map_index
from eddyline.core.text.edits import edits_between, genesis_client

TEXTS = st.text(alphabet="ab é😀\n", max_size=30)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", ()),
        ("same", "same", ()),
        ("", "new", (TextChange(0, 0, "new"),)),
        ("old", "", (TextChange(0, 3, ""),)),
        ("one two", "one and two", (TextChange(4, 0, "and "),)),
        ("aaa", "aaaa", (TextChange(3, 0, "a"),)),
        ("the cat sat", "a cat sits", (TextChange(0, 3, "a"), TextChange(7, 1, "i"), TextChange(9, 0, "s"))),
        ("😀b", "😀é", (TextChange(1, 1, "é"),)),
    ],
)
def test_texts_are_compared_to_few_short_changes(before: str, after: str, expected: tuple[TextChange, ...]) -> None:
    assert edits_between(before, after) == expected


def test_very_long_differences_are_one_replacement() -> None:
    before, after = "x" + "a" * 3000 + "y", "x" + "b" * 3000 + "y"
    assert edits_between(before, after) == (TextChange(1, 3000, "b" * 3000),)


@given(TEXTS, TEXTS)
def test_the_changes_between_two_texts_make_one_of_the_other(before: str, after: str) -> None:
    assert changed(before, edits_between(before, after)) == after


@pytest.mark.parametrize(
    ("index", "after", "change", "expected"),
    [
        (5, False, TextChange(2, 0, "xx"), 7),
        (5, False, TextChange(5, 0, "xx"), 5),
        (5, True, TextChange(5, 0, "xx"), 7),
        (5, False, TextChange(6, 2, ""), 5),
        (5, False, TextChange(2, 3, ""), 2),
        (5, False, TextChange(2, 6, "new"), 2),
        (5, True, TextChange(2, 6, "new"), 5),
        (2, False, TextChange(2, 6, "new"), 2),
        (8, False, TextChange(2, 6, "new"), 5),
        (9, False, TextChange(2, 6, ""), 3),
    ],
)
def test_a_cursor_goes_with_its_text(index: int, after: bool, change: TextChange, expected: int) -> None:
    assert map_index(index, [change], after=after) == expected


def test_the_genesis_client_depends_on_everything_that_it_is_for() -> None:
    given = [("k", "c", 1, "t"), ("l", "c", 1, "t"), ("k", "d", 1, "t"), ("k", "c", 3, "t"), ("k", "c", 1, "u")]
    ids = {genesis_client(*one) for one in given}
    assert len(ids) == 5
    assert all(0 <= one < 2**32 for one in ids)
