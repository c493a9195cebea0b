"""Diagnosis: SQLite's errors in our words, with the place and what there is instead."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from eddyline import (
    ConstraintError,
    ParameterError,
    QueryError,
    SqlSyntaxError,
    StatementError,
    UnknownColumnError,
    UnknownTableError,
)
from eddyline.core.query.diagnose import translate


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT NOT NULL, phase CHECK (phase <> 'bad'))")
        made.execute("CREATE TABLE project (id INTEGER PRIMARY KEY, name)")
        yield made


def fail(conn: sqlite3.Connection, sql: str, *args: object) -> BaseException:
    with pytest.raises(sqlite3.Error) as caught:
        conn.execute(sql, args).fetchall()
    return translate(caught.value, sql, conn)


@pytest.mark.parametrize(
    ("sql", "culprit"),
    [
        ("SELECT * FORM issue", "FORM"),
        ("SELEC * FROM issue", "SELEC"),
        ("SELECT a FROM\n issue\n WHER a = 1\n AND FROM", "a = 1"),
        ("SELECT 'FROM' FROM FROM issue", "FROM issue"),
        ("SELECT /* FROM */ ) FROM issue -- )", ")"),
        ("INSERT INTO issue VALUES (1, 2, 3", None),
        ("SELECT 1 +", None),
        ("EXPLAIN QUERY PLAN SELECT * FORM issue", "FORM"),
        ("PRAGMA user_version = ,", ","),
        ("SELECT é é é FROM issue", "é FROM"),
        ("SELECT * FROM issue WHERE title = 'it", "'it"),
    ],
)
def test_a_syntax_error_shows_its_place(conn: sqlite3.Connection, sql: str, culprit: str | None) -> None:
    error = fail(conn, sql)
    assert isinstance(error, SqlSyntaxError)
    at = len(sql) if culprit is None else sql.index(culprit)
    line = sql.count("\n", 0, at) + 1
    assert (error.line, error.col) == (line, at - (sql.rfind("\n", 0, at) + 1) + 1)
    shown, caret = str(error).splitlines()[-2:]
    assert shown == f"  {sql.splitlines()[line - 1]}"
    assert caret.index("^") - 1 == error.col


def test_a_place_in_a_text_with_odd_line_ends_shows_the_right_line(conn: sqlite3.Connection) -> None:
    error = fail(conn, "SELECT '\u2028\x0c',\r\n  FORM, FROM issue")
    assert isinstance(error, SqlSyntaxError)
    assert (error.line, error.col) == (2, 9)
    assert "\n    FORM, FROM issue\n" in str(error)


def test_looking_for_the_place_runs_nothing(conn: sqlite3.Connection) -> None:
    conn.execute("INSERT INTO project VALUES (1, 'Core')")
    assert isinstance(fail(conn, "DELETE FROM project WHERE id = 1 garbage"), SqlSyntaxError)
    assert conn.execute("SELECT count(*) FROM project").fetchone() == (1,)


def test_an_unknown_table_comes_with_near_names_and_its_place(conn: sqlite3.Connection) -> None:
    error = fail(conn, "SELECT *\nFROM isue")
    assert isinstance(error, UnknownTableError)
    assert (error.table, error.near, error.line, error.col) == ("isue", ("issue",), 2, 6)
    assert str(error) == "no table 'isue'; did you mean issue? (line 2, column 6)\n  FROM isue\n       ^"


def test_an_unknown_table_that_resembles_none_lists_what_there_is(conn: sqlite3.Connection) -> None:
    assert "no table 'xyz'; there are: issue, project" in str(fail(conn, "SELECT * FROM xyz"))
    conn.execute("DROP TABLE issue")
    conn.execute("DROP TABLE project")
    assert "no table 'xyz'; there are: no tables at all" in str(fail(conn, "SELECT * FROM main.xyz"))


@pytest.mark.parametrize(
    "sql", ["SELECT titel FROM issue", "SELECT i.titel FROM issue i", "INSERT INTO issue (titel) VALUES (1)"]
)
def test_an_unknown_column_comes_with_near_names_and_its_place(conn: sqlite3.Connection, sql: str) -> None:
    error = fail(conn, sql)
    assert isinstance(error, UnknownColumnError)
    assert (error.column, error.near, error.line, error.col) == ("titel", ("title",), 1, sql.index("titel") + 1)


def test_an_unknown_column_that_resembles_none_lists_what_there_is(conn: sqlite3.Connection) -> None:
    columns = [row[1] for row in conn.execute("PRAGMA table_info(project)")]
    assert f"no column 'colour'; there are: {', '.join(columns)} (line 1, column 8)" in str(
        fail(conn, "SELECT colour FROM project")
    )


def test_a_column_of_another_table_of_the_statement_is_not_suggested_for_itself(conn: sqlite3.Connection) -> None:
    error = fail(conn, "SELECT id FROM project WHERE EXISTS (SELECT 1 FROM issue) AND title = 'a'")
    assert "no column 'title'; a table of the statement has one, but not where it is asked for" in str(error)


def test_unrecognized_token_is_shown_without_what_follows_it(conn: sqlite3.Connection) -> None:
    error = fail(conn, "SELECT 'never closed\nFROM issue")
    assert str(error) == "unrecognized token: \"'never closed\" (line 1, column 8)\n  SELECT 'never closed\n         ^"


def test_unknown_function_is_placed_and_says_how_it_comes_there(conn: sqlite3.Connection) -> None:
    error = fail(conn, "SELECT id,\n nowhere(1) FROM issue")
    assert isinstance(error, QueryError)
    assert (error.line, error.col) == (2, 2)
    assert str(error).startswith('no such function: nowhere; register it: await db.register("nowhere", function)')


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM issue, project",
        "SELECT max() FROM issue",
        "SELECT count(*) FROM issue WHERE count(*) > 1",
    ],
)
def test_a_text_that_compiles_to_nothing_is_a_query_error(conn: sqlite3.Connection, sql: str) -> None:
    error = fail(conn, sql)
    assert isinstance(error, QueryError)
    assert (error.sql, error.line) == (sql, None)


def test_a_nul_in_the_text_shows_its_place(conn: sqlite3.Connection) -> None:
    error = fail(conn, "SELECT\n \0 1")
    assert isinstance(error, SqlSyntaxError)
    assert (error.line, error.col) == (2, 2)


def test_a_constraint_says_which(conn: sqlite3.Connection) -> None:
    assert isinstance(fail(conn, "INSERT INTO issue VALUES (1, NULL, 'open')"), ConstraintError)
    error = fail(conn, "INSERT INTO issue VALUES (1, 'a', 'bad')")
    assert isinstance(error, ConstraintError)
    assert str(error) == "CHECK constraint failed: phase <> 'bad'; the statement left nothing behind"


def test_wrong_parameters_say_how_many_there_are(conn: sqlite3.Connection) -> None:
    assert str(fail(conn, "SELECT ?, ?", 1)) == "the query takes 2 parameters, 1 was given"
    with pytest.raises(sqlite3.Error) as caught:
        conn.execute("SELECT :a", {})
    missing = translate(caught.value, "SELECT :a", conn)
    assert (type(missing), str(missing)) == (ParameterError, "the query takes a parameter :a that was not given")
    with pytest.raises(sqlite3.Error) as caught:
        conn.execute("SELECT ?", {"a": 1})
    assert isinstance(translate(caught.value, "SELECT ?", conn), ParameterError)


def test_a_failure_while_running_keeps_the_text_short(conn: sqlite3.Connection) -> None:
    error = fail(conn, f"SELECT json('{'x' * 500}')")
    assert isinstance(error, StatementError)
    assert str(error).startswith("malformed JSON, while running: SELECT json('xxx")
    assert len(str(error)) < 140


def test_two_statements_at_once_are_refused(conn: sqlite3.Connection) -> None:
    with pytest.raises((sqlite3.Warning, sqlite3.Error)) as caught:
        conn.execute("SELECT 1; SELECT 2")
    assert str(translate(caught.value, "", conn)) == "more than one statement; run them one by one"


def test_what_is_not_sqlites_comes_back_as_it_is(conn: sqlite3.Connection) -> None:
    error = ValueError("mine")
    assert translate(error, "SELECT 1", conn) is error


def test_a_kept_error_keeps_no_cursor_open(conn: sqlite3.Connection) -> None:
    """A cursor that failed half-way locks its tables for as long as the traceback holds it."""
    conn.execute("INSERT INTO project VALUES (1, '[]'), (2, 'malformed')")

    def read() -> None:
        cursor = conn.execute("SELECT json(name) FROM project")
        while cursor.fetchone() is not None:
            pass

    kept: BaseException
    try:
        read()
    except sqlite3.Error as error:
        kept = translate(error, "SELECT json(name) FROM project", conn)
        kept.__cause__ = error
    conn.execute("DROP TABLE project")
    assert isinstance(kept, StatementError)
