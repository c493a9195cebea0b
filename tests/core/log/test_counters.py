"""Counters: one sum a lane, exact, in whatever order lanes come."""

from __future__ import annotations

import math
from itertools import permutations

import pytest

from eddyline.core.log.counters import added, total
from eddyline.core.log.dots import Dot
from eddyline.core.log.vector import CommitId, Lane
from eddyline.core.values import SqlValue

A, B = Lane("0" * 25 + "A"), Lane("0" * 25 + "B")


def test_a_lane_has_one_sum_under_its_last_commit() -> None:
    dots = added(added(added((), CommitId(B, 1), 5), CommitId(A, 3), 2), CommitId(A, 7), -1)
    assert dots == (Dot(CommitId(A, 7), 1), Dot(CommitId(B, 1), 5))
    assert total(10, dots) == 16


@pytest.mark.parametrize(("base", "shown"), [(10, 13), (None, 3), ("x", 3), (0.5, 3.5)])
def test_what_is_no_number_counts_as_zero(base: SqlValue, shown: SqlValue) -> None:
    assert total(base, added((), CommitId(A, 1), 3)) == shown


def test_what_was_never_added_to_shows_its_base_as_it_is() -> None:
    assert total("x", ()) == "x"


def test_integers_wrap_around_at_64_bits() -> None:
    assert total(2**63 - 1, added((), CommitId(A, 1), 1)) == -(2**63)


def test_real_sums_are_rounded_once_so_lanes_have_no_order() -> None:
    parts = [0.1, 0.2, 0.3, 1e16, -1e16]
    lanes = [Lane(f"{number:026d}") for number in range(5)]
    sums = set()
    for order in permutations(zip(lanes, parts, strict=True)):
        dots: tuple[Dot, ...] = ()
        for lane, part in order:
            dots = added(dots, CommitId(lane, 1), part)
        sums.add(total(0.0, dots))
    assert sums == {0.6}


def test_a_real_sum_beyond_the_largest_is_infinite_and_an_infinite_base_stays() -> None:
    assert total(1.7e308, added((), CommitId(A, 1), 1.7e308)) == math.inf
    assert total(-1.7e308, added((), CommitId(A, 1), -1.7e308)) == -math.inf
    assert total(-math.inf, added((), CommitId(A, 1), 1)) == -math.inf
