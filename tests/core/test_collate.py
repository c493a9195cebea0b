"""Order: the keys computed in Python sort as SQLite's ORDER BY does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.collate import COLLATIONS, OrderTerm, fold, order_key
from eddyline.core.values import SqlValue

TEXTS = st.text(st.sampled_from("aAbBzZ \t~Éé�\U0001f600\0"), max_size=4)
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.sampled_from([2**53, 2**53 + 1, float(2**53), 9007199254740993, 1e308, float("inf"), float("-inf")]),
)
VALUES = st.one_of(st.none(), NUMBERS, TEXTS, st.binary(max_size=3))
TERMS = st.builds(
    OrderTerm,
    at=st.just(0),
    desc=st.booleans(),
    nulls_first=st.booleans(),
    collation=st.sampled_from(sorted(COLLATIONS)),
)


def sql_of(term: OrderTerm, column: str) -> str:
    nulls, way = "FIRST" if term.nulls_first else "LAST", "DESC" if term.desc else "ASC"
    return f"{column} COLLATE {term.collation} {way} NULLS {nulls}"


@pytest.fixture(scope="module", params=["UTF-8", "UTF-16le", "UTF-16be"])
def conn(request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute(f"PRAGMA encoding = '{request.param}'")
        made.execute("CREATE TABLE t (at INTEGER PRIMARY KEY, a, b)")
        yield made


def in_sqlites_order(conn: sqlite3.Connection, rows: list[tuple[SqlValue, SqlValue]], terms: str) -> list[int]:
    conn.execute("DELETE FROM t")
    conn.executemany("INSERT INTO t VALUES (?, ?, ?)", [(at, *row) for at, row in enumerate(rows)])
    return [row[0] for row in conn.execute(f"SELECT at FROM t ORDER BY {terms}, at")]


@given(st.lists(VALUES, max_size=12), TERMS)
def test_one_term_sorts_as_sqlite_does(conn: sqlite3.Connection, values: list[SqlValue], term: OrderTerm) -> None:
    key = order_key([term], conn.execute("PRAGMA encoding").fetchone()[0])
    ours = sorted(range(len(values)), key=lambda at: key((values[at],)))
    assert ours == in_sqlites_order(conn, [(value, None) for value in values], sql_of(term, "a"))


@given(st.lists(st.tuples(VALUES, VALUES), max_size=12), TERMS, TERMS)
def test_two_terms_sort_as_sqlite_does(
    conn: sqlite3.Connection, rows: list[tuple[SqlValue, SqlValue]], first: OrderTerm, second: OrderTerm
) -> None:
    key = order_key([first, second._replace(at=1)], conn.execute("PRAGMA encoding").fetchone()[0])
    ours = sorted(range(len(rows)), key=lambda at: key(rows[at]))
    assert ours == in_sqlites_order(conn, rows, f"{sql_of(first, 'a')}, {sql_of(second, 'b')}")


@pytest.mark.parametrize("collation", sorted(COLLATIONS))
@given(one=TEXTS, two=TEXTS)
def test_folded_texts_are_equal_where_sqlite_finds_them_equal(
    conn: sqlite3.Connection, collation: str, one: str, two: str
) -> None:
    same = conn.execute(f"SELECT ? = ? COLLATE {collation}", (one, two)).fetchone()[0]
    assert (fold(one, collation) == fold(two, collation)) == bool(same)


@given(VALUES, VALUES, TERMS)
def test_keys_answer_every_comparison(left: SqlValue, right: SqlValue, term: OrderTerm) -> None:
    key = order_key([term, OrderTerm(1)])
    one, two = key((left, 0)), key((right, 0))
    assert [one < two, one == two, one > two].count(True) == 1
    assert (one <= two, one >= two) == (not one > two, not one < two)


def test_three_terms_break_ties_one_after_the_other() -> None:
    key = order_key([OrderTerm(0), OrderTerm(1, desc=True), OrderTerm(2)])
    assert sorted([(1, 1, 2), (1, 2, 9), (0, 0, 0), (1, 1, 1)], key=key) == [(0, 0, 0), (1, 2, 9), (1, 1, 1), (1, 1, 2)]
