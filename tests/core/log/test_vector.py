"""Version vectors: a lattice, written the same way every time, checked when it comes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline import CommitFormatError
from eddyline.core.log.vector import EMPTY, CommitId, Lane, Vector

A, B, C = (Lane("0" * 25 + letter) for letter in "ABC")
vectors = st.dictionaries(st.sampled_from([A, B, C]), st.integers(1, 4)).map(Vector)


def test_a_vector_holds_the_first_commits_of_each_lane() -> None:
    vector = Vector({A: 2})
    assert [CommitId(A, 2) in vector, CommitId(A, 3) in vector, CommitId(B, 1) in vector] == [True, False, False]


def test_of_two_vectors_each_may_hold_what_the_other_lacks() -> None:
    left, right = Vector({A: 2, B: 1}), Vector({A: 1, C: 1})
    assert (left >= right, left <= right) == (False, False)
    assert left | right == Vector({A: 2, B: 1, C: 1})
    assert left & right == Vector({A: 1})
    assert list(left.beyond(right)) == [(A, 2, 2), (B, 1, 1)]


def test_a_commit_is_added_once() -> None:
    assert Vector({A: 2}).plus(CommitId(B, 1)).plus(CommitId(A, 1)) == Vector({A: 2, B: 1})


@given(vectors, vectors, vectors)
def test_join_and_meet_make_a_lattice(a: Vector, b: Vector, c: Vector) -> None:
    assert (a | b, a & b) == (b | a, b & a)
    assert ((a | b) | c, (a & b) & c) == (a | (b | c), a & (b & c))
    assert (a | (a & b), a & (a | b)) == (a, a)
    assert (a >= b) == (a | b == a) == (a & b == b)
    assert a | EMPTY == a


@given(vectors, vectors)
def test_what_lies_beyond_makes_up_the_join(a: Vector, b: Vector) -> None:
    grown = b
    for lane, first, last in a.beyond(b):
        assert first == b[lane] + 1
        grown = grown.plus(CommitId(lane, last))
    assert grown == a | b


@given(vectors)
def test_equal_vectors_are_one_text_and_one_hash(vector: Vector) -> None:
    other = Vector(reversed(list(vector)))
    assert (hash(other), other.to_json()) == (hash(vector), vector.to_json())
    assert Vector.from_json(vector.to_json()) == vector


def test_the_text_is_json_in_the_order_of_lanes() -> None:
    assert Vector({B: 1, A: 2}).to_json() == f'{{"{A}":2,"{B}":1}}'
    assert repr(Vector({A: 2})) == f"<Vector {A}:2>"


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '{"a":1}', f'{{"{A}":0}}', f'{{"{A}":true}}', f'{{"{A}":1.0}}', "[" * 9999]
)
def test_what_is_no_vector_is_refused(text: str) -> None:
    with pytest.raises(CommitFormatError):
        Vector.from_json(text)


@pytest.mark.parametrize("text", ["", f"{A}", f"{A}:", f"{A}:0", f"{A}:-1", f"{A}:{'9' * 40}", f"{A}:٣", "a:1", None])
def test_what_is_no_commit_id_is_refused(text: object) -> None:
    with pytest.raises(CommitFormatError):
        CommitId.parse(text)


def test_a_commit_id_is_read_as_it_is_written() -> None:
    assert CommitId.parse(str(CommitId(A, 12))) == (A, 12)
