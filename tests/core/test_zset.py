"""Z-sets: rows with weights that add up."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.values import SqlRow, typed
from eddyline.core.zset import ZSet

ROWS = st.tuples(st.sampled_from([None, 0, 0.0, 1, 1.0, "1", b"1", "a"]))


def test_weights_of_equal_rows_add_up() -> None:
    assert list(ZSet([(("a",), 1), (("b",), 1), (("a",), 2)])) == [(("a",), 3), (("b",), 1)]


def test_a_row_that_leaves_and_comes_is_no_change() -> None:
    assert list(ZSet([(("a",), -1), (("a",), 1)])) == []
    assert len(ZSet([(("a",), -1), (("a",), 1)])) == 0


def test_one_and_one_point_zero_are_two_rows() -> None:
    assert list(ZSet([((1,), -1), ((1.0,), 1), (("1",), 1)])) == [((1,), -1), ((1.0,), 1), (("1",), 1)]


def test_a_weight_of_zero_adds_nothing() -> None:
    zset = ZSet()
    zset.add(("a",), 0)
    assert len(zset) == 0


def test_z_sets_are_equal_whatever_the_order_of_their_rows() -> None:
    assert ZSet([(("a",), 1), (("b",), -1)]) == ZSet([(("b",), -1), (("a",), 1)])
    assert ZSet([((1,), 1)]) != ZSet([((1.0,), 1)])


def test_a_z_set_shows_its_rows_with_their_signs() -> None:
    assert repr(ZSet([(("a",), -1), (("b",), 2)])) == "<ZSet -1('a',) +2('b',)>"


@given(st.lists(st.tuples(ROWS, st.integers(-3, 3))))
def test_a_z_set_holds_the_sum_of_the_weights(weighted: list[tuple[SqlRow, int]]) -> None:
    sums: Counter[object] = Counter()
    for row, weight in weighted:
        sums[typed(row)] += weight
    held = {typed(row): weight for row, weight in ZSet(weighted)}
    assert held == {row: weight for row, weight in sums.items() if weight}
