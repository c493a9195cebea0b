"""Delta statements: which there are, what they say, and that their sum is the change of the join."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing

from eddyline.core.changes import Changes
from eddyline.core.ivm.delta import Delta, changed_subsets
from eddyline.core.query.plan import Binary, Column, Output, Select, Source
from eddyline.core.schema import TableName

A, B = TableName("main", "a"), TableName("main", "b")
JOIN = Select(
    sources=(Source(A, "a"), Source(B, "b", "JOIN", Binary("=", Column(0, "x"), Column(1, "x")))),
    outputs=(Output(Column(0, "y")),),
)


def test_every_subset_of_changed_occurrences_is_joined() -> None:
    assert changed_subsets([0, 2, 3]) == [(0,), (2,), (3,), (0, 2), (0, 3), (2, 3), (0, 2, 3)]


def test_the_statement_of_a_subset_reads_logs_in_place_of_tables() -> None:
    delta = Delta(JOIN, [Column(0, "y"), Column(1, "y")])
    assert delta.statement((0, 1), {0: "temp.log_a", 1: "temp.log_b"}) == (
        "SELECT a.y, b.y, -(a._eddy_w * b._eddy_w) AS _eddy_w\nFROM temp.log_a AS a\nJOIN temp.log_b AS b ON a.x = b.x"
    )


def test_the_sum_over_subsets_is_the_change_of_the_join() -> None:
    rng = random.Random(5)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        _compare_random_changes(conn, rng)


def _compare_random_changes(conn: sqlite3.Connection, rng: random.Random) -> None:
    for table in "ab":
        conn.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, x, y)")
        conn.execute(f"CREATE TEMP TABLE log_{table} (_eddy_w, id, x, y)")
        for event, weight, row in (("INSERT", 1, "NEW"), ("DELETE", -1, "OLD")):
            conn.execute(
                f"CREATE TEMP TRIGGER {table}_{event} AFTER {event} ON main.{table} "
                f"BEGIN INSERT INTO log_{table} VALUES ({weight}, {row}.id, {row}.x, {row}.y); END"
            )
    delta = Delta(JOIN, [Column(0, "id"), Column(1, "id"), Column(0, "y")])
    query = "SELECT a.id, b.id, a.y FROM a JOIN b ON a.x = b.x"
    changes = Changes(logs={A: "temp.log_a", B: "temp.log_b"})
    for _ in range(200):
        before = Counter(conn.execute(query).fetchall())
        for _ in range(rng.randrange(1, 5)):
            table = rng.choice("ab")
            if rng.random() < 0.5:
                conn.execute(f"INSERT INTO {table} (x, y) VALUES (?, ?)", (rng.randrange(3), rng.randrange(3)))
            else:
                conn.execute(f"DELETE FROM {table} WHERE id % 3 = ?", (rng.randrange(3),))
        after = Counter(conn.execute(query).fetchall())
        change = {row: after[row] - before[row] for row in {*after, *before} if after[row] != before[row]}
        assert dict(delta.rows(conn, changes, {})) == change
        conn.execute("DELETE FROM log_a")
        conn.execute("DELETE FROM log_b")
