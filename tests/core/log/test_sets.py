"""Sets: an adding stands unless somebody who had seen it took it out."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from eddyline.core.kinds import kind_of
from eddyline.core.log.commit import Commit, SetUpdate
from eddyline.core.log.dots import Dot
from eddyline.core.log.sets import between, text, updated
from eddyline.core.log.vector import CommitId, Lane, Vector
from eddyline.core.values import SqlValue, to_sql

A, B = Lane("0" * 25 + "A"), Lane("0" * 25 + "B")


def change(
    dots: tuple[Dot, ...], lane: Lane, seq: int, seen: Mapping[Lane, int], added: str = "", removed: str = ""
) -> tuple[Dot, ...]:
    op = SetUpdate("t", ("k",), 1, "tags", tuple(added.split()), tuple(removed.split()))
    return updated(dots, Commit(lane, seq, Vector(seen), 0, (op,)), op)


def test_a_removal_takes_out_only_what_its_author_had_seen() -> None:
    dots = change(change((), A, 1, {}, "1 2"), B, 1, {}, "1")
    assert text(change(dots, A, 2, {A: 1}, removed="1 2")) == "[1]"
    assert text(change(dots, A, 2, {A: 1, B: 1}, removed="1 2")) == "[]"


def test_an_element_added_again_by_who_had_seen_it_has_one_dot() -> None:
    assert change(change((), A, 1, {}, "1"), A, 2, {A: 1}, "1") == (Dot(CommitId(A, 2), "1"),)


def test_elements_are_as_many_as_their_texts() -> None:
    assert text(change((), A, 1, {}, '1 1.0 "1" true')) == '["1",1,1.0,true]'


def test_the_text_is_that_of_a_frozenset_column() -> None:
    kind, value = kind_of(frozenset[str]), frozenset({"b", "ä", "a"})
    held = to_sql(kind.encode(value, "x"))
    assert held == text(change((), A, 1, {}, " ".join(between(None, held)[0])))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('["a","b"]', '["b","c"]', (('"c"',), ('"a"',))),
        (None, "[2,1,1]", (("1", "2"), ())),
        ("[1,true]", "[1.0]", (("1.0",), ("1", "true"))),
        ("{}", "no json", ((), ())),
        ("[[1],null,3]", b"[4]", ((), ("3",))),
    ],
)
def test_what_came_and_went_between_two_values(
    old: SqlValue, new: SqlValue, expected: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    assert between(old, new) == expected
