"""Accumulators follow what SQLite computes over the same values, or say that the group must be read anew."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eddyline.core.ivm.aggregate import Accumulator, Extremum, accumulator_for
from eddyline.core.query.plan import Call, Column

values = st.one_of(
    st.none(),
    st.integers(-5, 5),
    st.integers(-(2**40), 2**40),
    st.sampled_from([0.5, 1.0, -2.25, 1e10, 0.1, "5", "x", b"\x01"]),
)


def make(name: str, affinity: Any) -> tuple[Accumulator, str]:
    found = accumulator_for(Call(name, (Column(0, "x"),)), affinity, "BINARY", "UTF-8", "x")
    assert found is not None
    return found[0](), ", ".join(found[1])


def agree(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return type(left) is type(right) and bool(left == right)


@example("sum", [None], [0.5, None, None, None, "5", None])
@given(
    st.sampled_from(["count", "sum", "total", "avg", "min", "max"]),
    st.lists(values, max_size=6),
    st.lists(values, max_size=25),
)
def test_accumulators_follow_sqlite(name: str, start: list[Any], steps: list[Any]) -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute("CREATE TABLE t (x)")
        conn.executemany("INSERT INTO t VALUES (?)", [(value,) for value in start])
        accumulator, fill = make(name, None)
        accumulator.load(conn.execute(f"SELECT {fill} FROM t").fetchone())
        held = list(start)
        for at, value in enumerate(steps):
            if at % 3 == 2 and held:
                gone = held.pop(at % len(held))
                conn.execute(
                    "DELETE FROM t WHERE rowid = (SELECT rowid FROM t WHERE x IS ? AND typeof(x) = typeof(?) LIMIT 1)",
                    (gone, gone),
                )
                known = accumulator.add(gone, -1)
            else:
                held.append(value)
                conn.execute("INSERT INTO t VALUES (?)", (value,))
                known = accumulator.add(value, 1)
            if not known:
                accumulator.load(conn.execute(f"SELECT {fill} FROM t").fetchone())
            (expected,) = conn.execute(f"SELECT {name}(x) FROM t").fetchone()
            assert agree(accumulator.copy().result(), expected), (accumulator.result(), expected)


def test_the_loss_of_the_extremum_asks_for_the_group() -> None:
    accumulator, _ = make("max", "INTEGER")
    assert accumulator.add(3, 1)
    assert accumulator.add(2, 1)
    assert accumulator.add(2, -1)
    assert not accumulator.add(3, -1)


def test_min_under_nocase_ignores_case() -> None:
    found = accumulator_for(Call("min", (Column(0, "x"),)), "TEXT", "NOCASE", "UTF-8", "x")
    assert found is not None
    accumulator = found[0]()
    assert isinstance(accumulator, Extremum)
    accumulator.add("b", 1)
    accumulator.add("A", 1)
    accumulator.add("C", 1)
    assert accumulator.result() == "A"


def test_a_sum_that_cancels_is_read_anew_before_rounding_shows() -> None:
    accumulator, _ = make("sum", "REAL")
    assert accumulator.add(1e16, 1)
    assert accumulator.add(0.1, 1)
    assert not accumulator.add(1e16, -1)


def test_a_sum_beyond_64_bits_fails_as_sqlites_does() -> None:
    accumulator, _ = make("sum", "INTEGER")
    accumulator.add(2**62, 1)
    accumulator.add(2**62, 1)
    with pytest.raises(OverflowError):
        accumulator.result()


@pytest.mark.parametrize(
    "call", [Call("group_concat", (Column(0, "x"),)), Call("count", (Column(0, "x"),), distinct=True)]
)
def test_other_aggregates_have_no_accumulator(call: Call) -> None:
    assert accumulator_for(call, None, "BINARY", "UTF-8", "x") is None
