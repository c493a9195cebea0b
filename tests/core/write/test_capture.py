"""Capture: what the logs say is the difference between the table before and after, whatever wrote to it."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from eddyline.core.changes import TOUCH
from eddyline.core.schema import Catalog, TableName
from eddyline.core.zset import ZSet

TABLES = {
    "rowid": "CREATE TABLE t (k, v)",
    "integer key": "CREATE TABLE t (k INTEGER PRIMARY KEY, v)",
    "text key": "CREATE TABLE t (k TEXT PRIMARY KEY, v)",
    "without rowid": "CREATE TABLE t (v, k, PRIMARY KEY (k)) WITHOUT ROWID",
    "two key columns": "CREATE TABLE t (v, k, PRIMARY KEY (k, v)) WITHOUT ROWID",
    "rowid shadowed": "CREATE TABLE t (rowid TEXT, k UNIQUE, v)",
    "no name left": "CREATE TABLE t (rowid, _rowid_, k UNIQUE, v)",
    "generated": "CREATE TABLE t (k UNIQUE, v, twice AS (v || v), kept AS (k || v) STORED)",
    "strict any": "CREATE TABLE t (k ANY UNIQUE, v ANY) STRICT",
    "collated": "CREATE TABLE t (k TEXT COLLATE NOCASE UNIQUE, v COLLATE RTRIM)",
    "affinities": "CREATE TABLE t (k UNIQUE, v NUMERIC)",
    "indexed": "CREATE TABLE t (k, v, UNIQUE (k), CHECK (v <> 'bad'))",
}
STATEMENTS = [
    "INSERT INTO t (k, v) VALUES ('9', 'nine'), (10, '10')",
    "INSERT INTO t (k, v) SELECT 'copy ' || k, v FROM t",
    "UPDATE t SET v = 'x' WHERE k = 1",
    "UPDATE t SET v = v",
    "UPDATE t SET k = k + 10, v = '1.0' WHERE k < 3",
    "DELETE FROM t WHERE k = 2",
    "DELETE FROM t",
    "UPDATE t SET v = u.v FROM (SELECT 1 AS k, 'from' AS v) AS u WHERE u.k = t.k",
    "INSERT OR IGNORE INTO t (k, v) VALUES (1, 'again'), (4, 'four')",
    "INSERT OR FAIL INTO t (k, v) VALUES (5, 'five'), (5, 'bad'), (1, 'one')",
    "UPDATE OR IGNORE t SET k = 1",
    "UPDATE t SET k = 1",
    "INSERT INTO t (k, v) VALUES (6, 'six'), (7, 'bad')",
]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_log_is_the_difference(captured: Any, difference: Any, table: str, statement: str) -> None:
    captured.conn.execute(TABLES[table])
    captured.conn.execute("INSERT INTO t (k, v) VALUES (1, 'one'), (2, '2'), (3, 3)")
    captured.watch("t")
    before = captured.rows("t")
    captured.conn.execute("BEGIN")
    changes = captured.run(statement)
    assert captured.delta("t") == difference(captured.rows("t"), before)
    assert not changes.unknown


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET rowid = rowid + 5",
        "UPDATE t SET _rowid_ = 9, v = 'x' WHERE k = 1",
        "UPDATE t SET oid = -1 WHERE k = 1",
    ],
)
def test_a_change_of_the_rowid_is_logged_though_no_column_changes(captured: Any, difference: Any, sql: str) -> None:
    captured.conn.execute("CREATE TABLE t (k, v)")
    captured.conn.execute("INSERT INTO t VALUES (1, 'one')")
    captured.watch("t")
    before = captured.rows("t")
    captured.run(sql)
    assert captured.delta("t") == difference(captured.rows("t"), before)
    assert len(captured.delta("t")) == 2


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT OR REPLACE INTO t VALUES (1, 'new', 'c')",
        "REPLACE INTO t VALUES (5, 'a', 'z')",
        "UPDATE OR REPLACE t SET u = 'a' WHERE k = 2",
        "INSERT INTO t VALUES (1, 'x', 'y') ON CONFLICT (k) DO UPDATE SET v = excluded.v",
    ],
)
def test_rows_that_replace_evicts_are_logged(captured: Any, difference: Any, sql: str) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, u UNIQUE, v)")
    captured.conn.execute("INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y')")
    captured.watch("t")
    before = captured.rows("t")
    changes = captured.run(sql)
    assert captured.delta("t") == difference(captured.rows("t"), before)
    assert not changes.unknown


def test_cascades_are_logged(captured: Any, difference: Any) -> None:
    captured.conn.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    captured.conn.execute(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE)"
    )
    captured.conn.execute("CREATE TABLE loose (id INTEGER PRIMARY KEY, c REFERENCES child ON DELETE SET NULL)")
    captured.conn.execute("INSERT INTO parent VALUES (1), (2)")
    captured.conn.execute("INSERT INTO child VALUES (10, 1), (20, 2), (21, 2)")
    captured.conn.execute("INSERT INTO loose VALUES (100, 10), (200, 20)")
    captured.watch("parent", "child", "loose")
    for sql in ("DELETE FROM parent WHERE id = 2", "UPDATE parent SET id = 7"):
        before = [captured.rows(table) for table in ("parent", "child", "loose")]
        captured.run(sql)
        for table, old in zip(("parent", "child", "loose"), before, strict=True):
            assert captured.delta(table) == difference(captured.rows(table), old), (sql, table)
        captured.clear()


TRIGGERS = {
    "audit": "AFTER UPDATE ON t BEGIN INSERT INTO other VALUES (OLD.k, NEW.v); END",
    "updated_at": "AFTER UPDATE ON t BEGIN UPDATE t SET at = 'now' WHERE k = NEW.k; END",
    "updated_at of new rows": "AFTER INSERT ON t BEGIN UPDATE t SET at = 'now' WHERE k = NEW.k; END",
    "ignore": "BEFORE UPDATE ON t WHEN OLD.k = 1 BEGIN SELECT RAISE(IGNORE); END",
    "fail": "AFTER UPDATE ON t WHEN OLD.k = 2 BEGIN SELECT RAISE(FAIL, 'half way'); END",
    "abort": "AFTER UPDATE ON t WHEN OLD.k = 2 BEGIN SELECT RAISE(ABORT, 'no'); END",
    "mirror": "AFTER DELETE ON t BEGIN DELETE FROM other; INSERT INTO t VALUES (OLD.k + 9, 1, 1); END",
    "replacing": "AFTER INSERT ON t BEGIN INSERT OR REPLACE INTO other VALUES (NEW.k, NEW.v); END",
}


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize(
    "sql", ["UPDATE t SET v = 'x'", "INSERT INTO t VALUES (4, 'v', '')", "DELETE FROM t WHERE k = 1"]
)
def test_what_the_users_triggers_write_is_logged(captured: Any, difference: Any, trigger: str, sql: str) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v, at)")
    captured.conn.execute("CREATE TABLE other (a INTEGER PRIMARY KEY, b)")
    captured.conn.execute(f"CREATE TRIGGER g {TRIGGERS[trigger]}")
    captured.conn.execute("INSERT INTO t VALUES (1, 'a', ''), (2, 'b', ''), (3, 'c', '')")
    captured.conn.execute("INSERT OR IGNORE INTO other VALUES (1, 'old'), (2, 'old')")
    captured.watch("t", "other")
    before = {table: captured.rows(table) for table in ("t", "other")}
    captured.conn.execute("BEGIN")
    changes = captured.run(sql)
    for table, old in before.items():
        if TableName("main", table) not in changes.unknown:
            assert captured.delta(table) == difference(captured.rows(table), old)
    assert not changes.unknown or trigger == "replacing"


@pytest.mark.parametrize("event", ["UPDATE", "DELETE"])
def test_a_before_trigger_that_writes_the_row_itself_makes_the_log_unknown(captured: Any, event: str) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v, n)")
    captured.conn.execute(f"CREATE TRIGGER g BEFORE {event} ON t BEGIN UPDATE t SET n = n + 1 WHERE k = OLD.k; END")
    captured.conn.execute("INSERT INTO t VALUES (1, 'a', 0), (2, 'b', 0)")
    captured.watch("t")
    assert captured.run("UPDATE t SET v = 'x' WHERE k = 1").unknown == {TableName("main", "t")}


@pytest.mark.parametrize("name", ["two words", 'quo"te', "select", "naïve", "a.b", "1st", "'single'", "[b]", "{0}"])
def test_any_name_can_be_captured(captured: Any, difference: Any, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    captured.conn.execute(f"CREATE TABLE {quoted} ({quoted} PRIMARY KEY, v)")
    captured.watch(name)
    before = captured.rows(name)
    captured.run(f"INSERT INTO {quoted} VALUES (1, 2), (2, 3)")
    assert captured.delta(name) == difference(captured.rows(name), before)
    assert len(captured.delta(name)) == 2


def test_a_table_called_like_a_log_is_not_hidden(captured: Any, difference: Any) -> None:
    captured.conn.execute("CREATE TABLE _eddy_log_0 (a)")
    captured.conn.execute("CREATE TABLE t (a)")
    captured.watch("t", "_eddy_log_0")
    before = captured.rows("_eddy_log_0")
    captured.run("INSERT INTO _eddy_log_0 VALUES ('mine')", "INSERT INTO t VALUES (1)")
    assert captured.conn.execute("SELECT * FROM _eddy_log_0").fetchall() == [("mine",)]
    assert captured.delta("_eddy_log_0") == difference(captured.rows("_eddy_log_0"), before)


def test_a_failed_statement_leaves_no_trace_in_the_log(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v CHECK (v <> 'bad'))")
    captured.watch("t")
    captured.conn.execute("BEGIN")
    captured.run("INSERT INTO t VALUES (1, 'good'), (2, 'bad')", "INSERT INTO t VALUES (3, 'good')")
    assert list(captured.delta("t")) == [((3, "good"), 1)]


def test_a_rolled_back_savepoint_leaves_no_trace_in_the_log(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY)")
    captured.watch("t")
    captured.conn.execute("BEGIN")
    captured.conn.execute("INSERT INTO t VALUES (1)")
    captured.conn.execute("SAVEPOINT x")
    captured.conn.execute("INSERT INTO t VALUES (2)")
    captured.conn.execute("ROLLBACK TO x")
    captured.run()
    assert list(captured.delta("t")) == [((1,), 1)]


def test_changes_that_undo_each_other_are_no_change(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v)")
    captured.conn.execute("INSERT INTO t VALUES (1, 'a')")
    captured.watch("t")
    changes = captured.run(
        "UPDATE t SET v = 'b'",
        "INSERT INTO t VALUES (2, 'x')",
        "UPDATE t SET v = 'a' WHERE k = 1",
        "DELETE FROM t WHERE k = 2",
    )
    assert (changes.logs, changes.counts) == ({}, {})


def test_one_and_one_point_zero_are_a_change(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v)")
    captured.conn.execute("INSERT INTO t VALUES (1, 1)")
    captured.watch("t")
    captured.run("UPDATE t SET v = 1.0")
    assert list(captured.delta("t")) == [((1, 1), -1), ((1, 1.0), 1)]


def test_only_the_columns_asked_for_are_logged(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v, big)")
    captured.conn.execute("INSERT INTO t VALUES (1, 'a', zeroblob(1000))")
    captured.watch("t", columns=["k", "v"])
    changes = captured.run("UPDATE t SET big = 'other'")
    assert not changes
    assert captured.run("UPDATE t SET v = 'b'").counts == {TableName("main", "t"): 2}
    assert captured.capture.rows(captured.conn, TableName("main", "t"))[0] == ("k", "v")


def test_a_touch_is_noted_once_and_logs_no_row(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v)")
    captured.capture.install(captured.conn, Catalog(captured.conn), {TableName("main", "t"): TOUCH})
    changes = captured.run("INSERT INTO t VALUES (1, 1)", "INSERT INTO t VALUES (2, 1)", "DELETE FROM t")
    assert (changes.touched, changes.logs) == ({TableName("main", "t")}, {})


def test_text_that_is_no_utf8_can_be_changed_and_removed(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT)")
    captured.conn.execute("INSERT INTO t VALUES (1, CAST(x'ff41' AS TEXT)), (2, CAST(x'ff' AS TEXT)), (3, x'ff')")
    captured.watch("t")
    changes = captured.run("UPDATE t SET v = v || 'x' WHERE k = 1", "DELETE FROM t WHERE k > 1")
    assert changes.counts == {TableName("main", "t"): 4}
    assert list(captured.delta("t")) == [
        ((1, b"\xffA"), -1),
        ((1, b"\xffAx"), 1),
        ((2, b"\xff"), -1),
        ((3, b"\xff"), -1),
    ]


def test_a_log_compares_as_its_table_does(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b NUMERIC, c)")
    captured.watch("t")
    changes = captured.run("INSERT INTO t VALUES (1, 'Ab', '7', '7')")
    log = changes.logs[TableName("main", "t")]
    for source in ("t", log):
        found = captured.conn.execute(
            f"SELECT count(*) FROM {source} WHERE a = 'aB' AND b = '7.0' AND c <> 7"
        ).fetchone()
        assert found == (1,), source


def test_taking_capture_off_leaves_nothing(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k, v)")
    captured.watch("t")
    captured.capture.remove(captured.conn)
    kept = captured.conn.execute("SELECT name FROM temp.sqlite_schema WHERE name NOT LIKE 'sqlite_%'").fetchall()
    assert kept == []
    assert captured.capture.covers({})


def test_capture_that_broke_off_half_way_does_not_pass_for_installed(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k, v)")
    needs = {TableName("main", "t"): frozenset({"rowid", "k", "v"})}

    class Half:
        """A connection that fails at the last trigger."""

        def __getattr__(self, name: str) -> Any:
            return getattr(captured.conn, name)

        def execute(self, sql: str, *args: Any) -> Any:
            if "AFTER UPDATE" in sql:
                raise sqlite3.OperationalError("database is locked")
            return captured.conn.execute(sql, *args)

    half: Any = Half()
    with pytest.raises(sqlite3.OperationalError):
        captured.capture.install(half, Catalog(captured.conn), needs)
    assert not captured.capture.covers(needs)
    captured.capture.install(captured.conn, Catalog(captured.conn), needs)
    captured.run("INSERT INTO t VALUES (1, 1)", "UPDATE t SET v = 2")
    assert list(captured.delta("t")) == [((1, 1, 2), 1)]


@pytest.mark.parametrize(
    ("rows", "count", "large"), [(64, 64, False), (65, 65, False), (1_000, 1_000, False), (1_001, 1_001, True)]
)
def test_a_log_is_counted_whatever_its_size_and_read_at_once_where_it_is_small(
    captured: Any, rows: int, count: int, large: bool
) -> None:
    captured.conn.execute("CREATE TABLE n (id INTEGER PRIMARY KEY, x)")
    captured.watch("n")
    counted = f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {rows})"
    changes = captured.run(f"{counted} INSERT INTO n SELECT n, n FROM c")
    name = TableName("main", "n")
    assert (changes.counts[name], name in changes.large) == (count, large)
    assert len(changes.rows[name](captured.conn)[0]) == rows


def test_the_planner_takes_a_log_for_small(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v)")
    captured.watch("t")
    kept = captured.conn.execute("SELECT tbl, idx, stat FROM temp.sqlite_stat1").fetchall()
    assert kept == [("_eddy_log_0", None, "1")]
    assert captured.conn.execute("SELECT name FROM main.sqlite_schema WHERE name LIKE 'sqlite_stat%'").fetchall() == []


def test_a_z_set_of_the_log_is_consolidated(captured: Any) -> None:
    captured.conn.execute("CREATE TABLE t (v)")
    captured.watch("t", columns=["v"])
    captured.run("INSERT INTO t VALUES ('same'), ('same')")
    assert captured.delta("t") == ZSet([(("same",), 2)])
