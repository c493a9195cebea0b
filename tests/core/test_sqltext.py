"""SQL text: names, and the kind of a statement."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from eddyline import QueryError
from eddyline.core.sqltext import check_text, first_word, may_replace, quote_name, statement_kind

NAMES = ["plain", "_x1", "two words", 'quo"te', "select", "Order", "naïve", "1st", "a.b", "[x]", "`y`", "'z'", "", "表"]


@pytest.mark.parametrize("name", NAMES)
def test_a_quoted_name_is_that_name_to_sqlite(name: str) -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute(f"CREATE TABLE t ({quote_name(name)} INTEGER)")
        assert conn.execute("SELECT name FROM pragma_table_xinfo('t')").fetchall() == [(name,)]
        conn.execute(f"INSERT INTO t ({quote_name(name)}) VALUES (7)")
        assert conn.execute(f"SELECT t.{quote_name(name)} FROM t").fetchall() == [(7,)]


def test_only_a_name_that_needs_it_is_quoted() -> None:
    assert [quote_name(name) for name in ("track", "order", "a b", 'a"b')] == ["track", '"order"', '"a b"', '"a""b"']


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", "read"),
        ("  \n-- a comment\n/* and\nanother */ select 1", "read"),
        ("\ufeffCOMMIT", "control"),
        (";;BEGIN", "control"),
        ("VALUES (1)", "read"),
        ("EXPLAIN DELETE FROM t", "read"),
        ("WITH x AS (SELECT 1) DELETE FROM t", "write"),
        ("insert into t values (1)", "write"),
        ("REPLACE INTO t VALUES (1)", "write"),
        ("BEGIN", "control"),
        ("end transaction", "control"),
        ("ROLLBACK", "control"),
        ("ROLLBACK; -- rollback to x", "control"),
        ("ROLLBACK -- TO x", "control"),
        ("ROLLBACK TO x", "savepoint"),
        ("rollback/**/transaction -- gone\n to savepoint x", "savepoint"),
        ("SAVEPOINT x", "savepoint"),
        ("RELEASE x", "savepoint"),
        ("CREATE TABLE t (a)", "ddl"),
        ("ANALYZE", "ddl"),
        ("PRAGMA user_version", "session"),
        ("/* */ ATTACH 'x' AS y", "session"),
        ("", "write"),
        ("nonsense", "write"),
    ],
)
def test_a_text_is_of_its_kind(sql: str, kind: str) -> None:
    assert statement_kind(sql) == kind


def test_the_first_word_stands_after_comments() -> None:
    assert [first_word(sql) for sql in ("/* x */ select 1", "--\nPragma x", "", "-- only")] == [
        "SELECT",
        "PRAGMA",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("sql", "may"),
    [
        ("INSERT OR REPLACE INTO t VALUES (1)", True),
        ("replace into t values (1)", True),
        ("UPDATE OR REPLACE t SET a = 1", True),
        ("CREATE TABLE t (a UNIQUE ON CONFLICT REPLACE)", True),
        ("UPDATE t SET a = replace(a, 'x', 'y')", False),
        ("UPDATE t SET replaced = 1", False),
    ],
)
def test_replace_is_told_from_the_function(sql: str, *, may: bool) -> None:
    assert may_replace(sql) is may


@pytest.mark.parametrize("sql", [None, 7, b"SELECT 1", "", "  ;\n;", "-- only", "/* open", "SELECT '\ud800'"])
def test_what_holds_no_statement_is_refused(sql: Any) -> None:
    with pytest.raises(QueryError) as caught:
        check_text(sql)
    assert caught.value.sql is not None


def test_a_text_with_a_statement_comes_back_as_it_is() -> None:
    assert check_text("-- ä\nSELECT 'é'") == "-- ä\nSELECT 'é'"
