"""The canonical encoding: exact, one text for equal commits, and nothing gets in that is no commit."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline import CommitFormatError
from eddyline.core.log.commit import Add, Commit, End, Move, Op, Put, PutJoined, SetUpdate, TextUpdate
from eddyline.core.log.encoding import Limits, commit_hash, decode, decode_ops, encode, encode_ops
from eddyline.core.log.vector import EMPTY, CommitId, Lane, Vector
from eddyline.core.values import typed

A, B = Lane("0" * 25 + "A"), Lane("0" * 25 + "B")
ONE = Commit(A, 3, Vector({B: 1, A: 2}), 70_000, (Put("issue", ("k",), 1, {"title": "a"}),), command="add", sent_ms=2)
ONE_TEXT = (
    f'{{"format":1,"lane":"{A}","seq":3,"parents":{{"{A}":2,"{B}":1}},"hlc":70000,"sent_ms":2,"command":"add",'
    '"ops":[["put","issue","k",1,{"title":"a"}]]}'
)
OPS: list[tuple[Op, str]] = [
    (Put("t", ("k", 2), 3, {"b": None, "a": 1.0}), '["put","t",["k",2],3,{"a":1.0,"b":null}]'),
    (Put("t", (b"\0",), 1, {"n": 2**53}), '["put","t",{"b":"AA=="},1,{"n":{"i":"9007199254740992"}}]'),
    (Put("t", ("k",), 1, {"r": -math.inf}), '["put","t","k",1,{"r":{"r":"-inf"}}]'),
    (End("t", ("k",), 1), '["end","t","k",1]'),
    (Add("t", ("k",), 1, "n", CommitId(A, 2), -5), f'["add","t","k",1,"n","{A}:2",-5]'),
    (SetUpdate("t", ("k",), 1, "tags", ('"a"', "1"), ("true",)), '["set","t","k",1,"tags",["a",1],[true]]'),
    (PutJoined("t", ("k",), 1, "top", "max", 7), '["join","t","k",1,"top","max",7]'),
    (Move("t", ("k",), 1, "parent", None), '["move","t","k",1,"parent",null]'),
    (TextUpdate("t", ("k",), 1, "body", 0, b"\1"), '["text","t","k",1,"body",0,"AQ=="]'),
]

surrogateless = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | surrogateless
    | st.binary(max_size=8)
    | st.sampled_from([0.0, -0.0, 1.0, 2**53, -(2**53), 2**53 - 1])
)
scalars = surrogateless | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
elements = scalars.map(lambda one: json.dumps(one, ensure_ascii=False))
keys = st.tuples(values) | st.tuples(values, values)
ids = st.builds(CommitId, st.just(A), st.integers(1, 9))
rows = (surrogateless, keys, st.integers(0, 2**62 - 1).map(lambda n: 2 * n + 1))
ops = st.one_of(
    st.builds(Put, *rows, st.dictionaries(surrogateless, values, max_size=3)),
    st.builds(End, *rows),
    st.builds(Add, *rows, surrogateless, ids, st.integers(-(2**63), 2**63 - 1)),
    st.builds(SetUpdate, *rows, surrogateless, st.tuples(elements), st.just(()) | st.tuples(elements, elements)),
    st.builds(PutJoined, *rows, surrogateless, surrogateless, values),
    st.builds(Move, *rows, surrogateless, values),
    st.builds(TextUpdate, *rows, surrogateless, st.integers(0, 9), st.binary(max_size=8)),
)


def test_a_commit_is_one_line_of_json() -> None:
    assert encode(ONE) == ONE_TEXT
    assert decode(ONE_TEXT) == ONE
    assert decode(ONE_TEXT.encode()) == ONE


@pytest.mark.parametrize(("op", "text"), OPS, ids=lambda part: type(part).__name__)
def test_each_op_has_its_text(op: Op, text: str) -> None:
    assert encode_ops([op]) == f"[{text}]"
    assert decode_ops(f"[{text}]") == (op,)


@given(st.lists(ops, max_size=4))
def test_what_was_written_is_read_with_value_and_type(many: list[Op]) -> None:
    text = encode_ops(many)
    read = decode_ops(text)
    assert encode_ops(read) == text
    for op, again in zip(many, read, strict=True):
        assert typed(map(repr, fields(again))) == typed(map(repr, fields(op)))


def fields(op: Op) -> list[Any]:  # Any: the values of any op
    parts = [getattr(op, name) for name in op.__slots__]
    return [sorted(part.items()) if isinstance(part, dict) else part for part in parts]


def test_equal_commits_have_one_hash_whatever_order_their_cells_came_in() -> None:
    left = replace(ONE, ops=(Put("t", ("k",), 1, {"a": 1, "b": 2}),))
    right = replace(ONE, ops=(Put("t", ("k",), 1, {"b": 2, "a": 1}),))
    assert commit_hash(left) == commit_hash(right)
    assert len(commit_hash(left)) == 64


@pytest.mark.parametrize(
    "other",
    [
        replace(ONE, hlc=70_001),
        replace(ONE, previous="f"),
        replace(ONE, parents=Vector({A: 2})),
        replace(ONE, ops=(Put("issue", ("k",), 1, {"title": "b"}),)),
        replace(ONE, ops=(Put("issue", ("k",), 1, {"title": 1}),)),
        replace(ONE, ops=(Put("issue", ("k",), 1, {"title": 1.0}),)),
    ],
)
def test_the_hash_covers_what_the_author_wrote(other: Commit) -> None:
    assert commit_hash(other) != commit_hash(ONE)


def without(**fields: object) -> str:
    data = json.loads(ONE_TEXT)
    data.update(fields)
    return json.dumps({name: value for name, value in data.items() if value is not ...})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no commit"),
        (b"\xff", "is no commit"),
        ("[1]", "is no commit"),
        ("[" * 100_000, "is no commit"),
        (without(format=2), "a newer one made it"),
        (without(format=...), "a commit of format None"),
        (without(colour=1), "a commit has no 'colour'"),
        (without(lane="a"), "'a' names no lane"),
        (without(seq=True), "True is no place in a lane"),
        (without(seq=4), "has seen 2 commits of its own lane; that has to be 3"),
        (without(parents=[]), "is no version vector"),
        (without(hlc=-1), "hlc is -1"),
        (without(hlc=2**62), "hlc is 4611686018427387904"),
        (without(hlc=1.0), "hlc is 1.0"),
        (without(actor=7), "actor is 7; it has to be a text"),
        (without(message="\ud800"), "half a surrogate pair"),
        (without(ops=...), "None are no ops"),
        (without(ops=[["put"]]), "is no op"),
        (without(ops=[["put", "t", "k", 2, {}]]), "those that live are odd"),
        (without(ops=[["put", "t", ["k"], 1, {}]]), "is no key"),
        (without(ops=[["put", "t", "k", 1, {"a": [1]}]]), "is no value"),
        (without(ops=[["put", "t", "k", 1, {"a": True}]]), "True is no value"),
        (without(ops=[["put", "t", "k", 1, {"a": 2**53}]]), "9007199254740992 is no value"),
        (without(ops=[["put", "t", "k", 1, {"a": {"i": "7"}}]]), "no integer of 54 to 64 bits"),
        (without(ops=[["put", "t", "k", 1, {"a": {"r": "nan"}}]]), "neither inf nor -inf"),
        (without(ops=[["put", "t", "k", 1, {"a": {"b": "?"}}]]), "is no base64"),
        (without(ops=[["add", "t", "k", 1, "n", f"{A}:1", "1"]]), "grows by a number"),
        (without(ops=[["add", "t", "k", 1, "n", "x", 1]]), "is no commit's id"),
        (without(ops=[["set", "t", "k", 1, "s", [None], []]]), "None is no element of a set"),
        (without(ops=[["fly", "t", "k", 1]]), "no op that this Eddyline knows"),
        (without(ops=[["end", "t", "k", 1, 2]]), "no op that this Eddyline knows"),
    ],
)
def test_what_is_no_commit_is_refused_and_said(text: str | bytes, message: str) -> None:
    with pytest.raises(CommitFormatError) as caught:
        decode(text)
    assert message in str(caught.value)


def test_nan_never_gets_in() -> None:
    with pytest.raises(CommitFormatError):
        decode(ONE_TEXT.replace('"title":"a"', '"title":NaN'))


def test_limits_hold_before_work_is_done() -> None:
    with pytest.raises(CommitFormatError, match="a commit of 4 ops; the limit is 3"):
        decode_ops(encode_ops([End("t", ("k",), 1)] * 4), Limits(ops=3))
    with pytest.raises(CommitFormatError, match=r"bytes; the limit is 10"):
        decode(ONE_TEXT, Limits(size_bytes=10))


def test_a_first_commit_has_seen_nothing() -> None:
    first = Commit(A, 1, EMPTY, 5, ())
    assert encode(first) == f'{{"format":1,"lane":"{A}","seq":1,"parents":{{}},"hlc":5,"sent_ms":0,"ops":[]}}'
    assert decode(encode(first)) == first
