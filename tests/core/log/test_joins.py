"""Joined columns: the laws of merge functions are looked at; a function that fails never makes a merge fail."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from eddyline.core.log.commit import Commit, PutJoined
from eddyline.core.log.dots import Dot
from eddyline.core.log.joins import MergeFunction, joined, put
from eddyline.core.log.vector import CommitId, Lane, Vector
from eddyline.core.values import SqlValue

A, B, C = (Lane("0" * 25 + letter) for letter in "ABC")
STAMPS = {CommitId(A, 1): (7, A), CommitId(B, 1): (5, B)}
DOTS = (Dot(CommitId(A, 1), 3), Dot(CommitId(B, 1), 5))


def of(function: Callable[..., SqlValue]) -> MergeFunction:
    return function


def test_a_value_replaces_what_its_author_had_seen_and_stands_beside_what_not() -> None:
    op = PutJoined("t", ("k",), 1, "top", "max", 1)
    assert put(DOTS, Commit(C, 1, Vector({A: 1}), 0, (op,)), op) == (DOTS[1], Dot(CommitId(C, 1), 1))


def test_the_function_makes_one_of_several() -> None:
    assert joined(DOTS, of(max), STAMPS.__getitem__) == 5
    assert joined(DOTS[:1], of(max), STAMPS.__getitem__) == 3


def test_without_the_function_the_latest_is_shown() -> None:
    assert joined(DOTS, None, STAMPS.__getitem__) == 3


def fails(left: SqlValue, right: SqlValue) -> SqlValue:
    raise ZeroDivisionError(left, right)


@pytest.mark.parametrize("function", [fails, lambda *_: object(), lambda *_: float("nan")])
def test_a_function_that_fails_shows_the_latest_and_is_logged(
    function: MergeFunction, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "eddyline.log"):
        assert joined(DOTS, function, STAMPS.__getitem__) == 3
    assert [record.message for record in caplog.records] == [
        "a merge function failed for [3, 5]: the latest value is shown"
    ]
