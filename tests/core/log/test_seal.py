"""Seals and horizons: what is a state, and what may be forgotten."""

from __future__ import annotations

from eddyline.core.log.life import Cell, Life, RowId
from eddyline.core.log.seal import (
    closed_below,
    compact_lives,
    compact_moves,
    is_closed,
    may_drop_ops,
    row_digest,
    table_digest,
)
from eddyline.core.log.stamps import Header
from eddyline.core.log.tree import Moved
from eddyline.core.log.vector import EMPTY, CommitId, Lane, Vector

A, B = Lane("0" * 25 + "A"), Lane("0" * 25 + "B")
A1, A2, B1, B2 = CommitId(A, 1), CommitId(A, 2), CommitId(B, 1), CommitId(B, 2)
PARENTS = {A1: EMPTY, A2: Vector({A: 1, B: 2}), B1: Vector({A: 1}), B2: Vector({A: 1, B: 1})}
ROW = RowId("t", ("k",))


def test_a_vector_without_the_parents_of_what_it_holds_is_no_state() -> None:
    assert is_closed(Vector({A: 2, B: 2}), PARENTS.__getitem__)
    assert not is_closed(Vector({A: 2, B: 1}), PARENTS.__getitem__)
    assert not is_closed(Vector({B: 1}), PARENTS.__getitem__)


def test_the_largest_state_within_a_vector_is_found_step_by_step() -> None:
    assert closed_below(Vector({A: 2, B: 1}), PARENTS.__getitem__) == Vector({A: 1, B: 1})
    assert closed_below(Vector({B: 2}), PARENTS.__getitem__) == EMPTY
    assert closed_below(Vector({A: 2, B: 2}), PARENTS.__getitem__) == Vector({A: 2, B: 2})


def test_ops_stay_while_a_commit_that_has_not_seen_the_seal_may_be_clamped() -> None:
    seal = Vector({A: 1})
    assert may_drop_ops(seal, [Header(B1, Vector({A: 1}), 0)], admitted=seal)
    assert not may_drop_ops(seal, [Header(B1, EMPTY, 0)], admitted=seal)
    assert may_drop_ops(seal, [Header(B1, EMPTY, 0)], admitted=Vector({A: 1, B: 1}))


def test_a_seal_holds_only_what_no_hub_will_clamp() -> None:
    assert not may_drop_ops(Vector({A: 1}), [], admitted=EMPTY)


def test_of_a_life_whose_end_all_have_seen_its_number_is_kept() -> None:
    ended = Life(1, {"title": Cell("a", A1)}, ends=(B1,))
    assert compact_lives(ROW, [ended], Vector({A: 1, B: 1}), PARENTS.__getitem__) == (Life(1, ends=(B1,)),)
    assert compact_lives(ROW, [ended], Vector({A: 1}), PARENTS.__getitem__) == (ended,)


def test_where_a_row_was_in_a_tree_is_kept() -> None:
    ended = Life(1, {"title": Cell("a", A1), "parent": Cell("l", A1)}, ends=(B1,))
    kept = Life(1, {"parent": Cell("l", A1)}, ends=(B1,))
    assert compact_lives(ROW, [ended], Vector({A: 1, B: 1}), PARENTS.__getitem__, ["parent"]) == (kept,)


def test_a_life_below_another_one_is_forgotten_a_living_one_never() -> None:
    ended, living = Life(1, {"title": Cell("a", A1)}, ends=(B1,)), Life(3, {"title": Cell("b", B2)})
    assert compact_lives(ROW, [ended, living], Vector({A: 2, B: 2}), PARENTS.__getitem__) == (living,)


def test_a_life_in_conflict_is_kept() -> None:
    lost = Life(1, {"title": Cell("a", A2)}, ends=(B1,))
    assert compact_lives(ROW, [lost], Vector({A: 2, B: 2}), PARENTS.__getitem__) == (lost,)


def test_moves_are_forgotten_up_to_the_first_that_is_kept() -> None:
    moves = [Moved((stamp, by.lane), by, ("k",), 1, None) for stamp, by in ((1, A1), (2, B1), (3, A2))]
    assert compact_moves(moves, Vector({A: 2})) == moves[1:]
    assert compact_moves(moves, Vector({A: 2, B: 1})) == []


def test_a_digest_says_which_rows_there_are_in_no_order_and_with_their_types() -> None:
    one, other = row_digest(ROW, {"a": 1, "b": None}), row_digest(RowId("t", ("l",)), {"a": 1})
    assert one == row_digest(ROW, {"b": None, "a": 1})
    assert one != row_digest(ROW, {"a": 1.0, "b": None})
    assert table_digest([one, other]) == table_digest([other, one]) != table_digest([one])
    assert table_digest([one, other, other]) == one
    assert 0 <= one < 2**64
