"""Reach: the logs that a statement can write are known from SQLite's program for it, and no log is missed."""

from __future__ import annotations

from typing import Any

import pytest

TABLES = (
    "CREATE TABLE a (id TEXT PRIMARY KEY, n INTEGER)",
    "CREATE TABLE b (id TEXT PRIMARY KEY, a TEXT REFERENCES a ON DELETE CASCADE, n INTEGER)",
    "CREATE TABLE c (id TEXT PRIMARY KEY, b TEXT REFERENCES b ON DELETE SET NULL, n INTEGER)",
    "CREATE TABLE d (id TEXT PRIMARY KEY, n INTEGER UNIQUE)",
    "CREATE TABLE e (id TEXT PRIMARY KEY, n INTEGER)",
    "CREATE TRIGGER d_to_e AFTER INSERT ON d BEGIN INSERT INTO e VALUES (NEW.id, NEW.n); END",
    "CREATE VIEW v AS SELECT * FROM e",
    "CREATE TRIGGER v_to_d INSTEAD OF INSERT ON v BEGIN INSERT INTO d VALUES (NEW.id, NEW.n); END",
    "INSERT INTO a VALUES ('1', 1), ('2', 2)",
    "INSERT INTO b VALUES ('1', '1', 1)",
    "INSERT INTO c VALUES ('1', '1', 1)",
    "INSERT INTO d VALUES ('1', 1)",
)


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("INSERT INTO a VALUES ('3', 3)", "a"),
        ("UPDATE a SET n = n + 1", "a"),
        ("DELETE FROM a WHERE n = 1", "a b c"),  # cascades, and what a cascade does in turn
        ("DELETE FROM b", "b c"),
        ("INSERT INTO d VALUES ('2', 2) ON CONFLICT (id) DO UPDATE SET n = 9", "d e"),  # a trigger
        ("INSERT INTO v VALUES ('5', 5)", "d e"),  # a trigger of a trigger
        ("REPLACE INTO e VALUES ('1', 2)", "e"),
        ("UPDATE e SET n = a.n FROM a WHERE a.id = e.id", "e"),
        ("WITH w AS (SELECT id FROM a) DELETE FROM e WHERE id IN w", "e"),
        ("INSERT INTO c SELECT id || 'x', NULL, n FROM a RETURNING id", "c"),
    ],
)
def test_the_logs_a_statement_can_write_are_known_the_second_time(captured: Any, sql: str, tables: str) -> None:
    for statement in TABLES:
        captured.conn.execute(statement)
    captured.conn.execute("PRAGMA foreign_keys = 1")
    captured.watch("a", "b", "c", "d", "e")
    captured.conn.execute("BEGIN")
    capture = captured.capture
    assert capture.reached(captured.conn, sql, ()) is None
    reached = capture.reached(captured.conn, sql, ())
    assert " ".join(log.table.name.name for log in reached) == tables
    captured.run(sql)
    written = {str(name) for name in captured.run().logs}
    assert written <= set(tables.split())


def test_what_writes_to_a_virtual_table_may_reach_any_log(captured: Any) -> None:
    captured.conn.execute("CREATE VIRTUAL TABLE f USING fts5(body)")
    captured.conn.execute("CREATE TABLE a (id TEXT PRIMARY KEY)")
    captured.watch("a", "f_content")
    for _ in range(3):
        assert captured.capture.reached(captured.conn, "INSERT INTO f VALUES (?)", ("x",)) is None


def test_a_statement_that_may_leave_a_mark_may_reach_any_log(captured: Any) -> None:
    for statement in TABLES:
        captured.conn.execute(statement)
    captured.conn.execute("CREATE TRIGGER e_gone AFTER DELETE ON e BEGIN DELETE FROM a; END")  # REPLACE mustn't fire it
    captured.watch("a", "d", "e", columns=["id"])
    for _ in range(3):
        assert captured.capture.reached(captured.conn, "UPDATE a SET n = 1", ()) is None
    assert [captured.capture.reached(captured.conn, "DELETE FROM a", ()) is None for _ in range(2)] == [True, False]


def test_another_capture_knows_nothing_of_what_statements_reached(captured: Any) -> None:
    for statement in TABLES:
        captured.conn.execute(statement)
    captured.watch("a")
    sql = "UPDATE a SET n = 1"
    assert [captured.capture.reached(captured.conn, sql, ()) is None for _ in range(3)] == [True, False, False]
    captured.watch("a", "b")
    assert [captured.capture.reached(captured.conn, sql, ()) is None for _ in range(3)] == [True, False, False]
