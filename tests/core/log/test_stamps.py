"""Effective stamps: one order for all, which no clock can turn against what its author had seen."""

from __future__ import annotations

from eddyline.core.clock import stamp_at
from eddyline.core.log.stamps import Header, clamp, effective, restamp
from eddyline.core.log.vector import EMPTY, CommitId, Lane, Vector

A, B, C = (Lane("0" * 25 + letter) for letter in "ABC")
A1, B1, C1 = CommitId(A, 1), CommitId(B, 1), CommitId(C, 1)


def test_a_commit_comes_after_its_parents_whatever_its_clock_says() -> None:
    effs = {A1: 900, C1: 300}
    assert effective(Header(B1, Vector({A: 1, C: 1}), 100), effs.__getitem__) == 901
    assert effective(Header(B1, Vector({C: 1}), 700), effs.__getitem__) == 700
    assert effective(Header(B1, EMPTY, 100), effs.__getitem__) == 100


def test_three_commits_that_pairwise_rules_would_put_in_a_circle_have_one_order() -> None:
    effs = {A1: 900}  # A's clock runs ahead; B has seen A; C has seen neither, and 900 > 500 > 100
    effs[B1] = effective(Header(B1, Vector({A: 1}), 100), effs.__getitem__)
    effs[C1] = effective(Header(C1, EMPTY, 500), effs.__getitem__)
    assert sorted(effs, key=lambda commit: (effs[commit], commit.lane)) == [C1, A1, B1]


def test_a_stamp_more_than_a_minute_ahead_is_clamped_to_when_it_was_received() -> None:
    assert clamp(stamp_at(60_000), received_ms=0) is None
    assert clamp(stamp_at(60_000) + 1, received_ms=0) == 0
    assert clamp(stamp_at(90_000), received_ms=20_000) == stamp_at(20_000)


def test_a_clamp_moves_what_follows_the_commit_and_nothing_else() -> None:
    effs = {A1: 900, B1: 901, C1: 500}
    headers = [Header(A1, EMPTY, 900, clamped=110), Header(B1, Vector({A: 1}), 100), Header(C1, EMPTY, 500)]
    assert restamp(headers, effs.__getitem__) == {A1: 110, B1: 111}


def test_a_clamp_above_the_stamp_changes_nothing() -> None:
    assert restamp([Header(A1, EMPTY, 900, clamped=1_000)], {A1: 900}.__getitem__) == {}


def test_a_clamped_commit_still_comes_after_its_parents() -> None:
    assert effective(Header(B1, Vector({A: 1}), 950, clamped=110), {A1: 900}.__getitem__) == 901
