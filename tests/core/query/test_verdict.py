"""SQLite's verdict: valid or not, which tables are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from eddyline.core.errors import QueryError
from eddyline.core.query.verdict import check, column_names, index_use, tables_read
from eddyline.core.schema import Catalog, TableName


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    conn.execute("CREATE TABLE a (x INTEGER PRIMARY KEY, y)")
    conn.execute("CREATE TABLE b (x)")
    conn.execute("CREATE VIEW v AS SELECT y FROM a WHERE x IN (SELECT x FROM b)")
    conn.execute("CREATE VIRTUAL TABLE f USING fts5(body)")
    yield conn
    conn.close()


@pytest.mark.parametrize(
    "text",
    ["DELETE FROM a", "INSERT INTO b VALUES (1) RETURNING x", "CREATE TABLE c (x)", "PRAGMA user_version = 4",
     "EXPLAIN SELECT 1", "EXPLAIN QUERY PLAN SELECT 1"],
)  # fmt: skip
def test_only_a_query_that_writes_nothing_can_live(conn: sqlite3.Connection, text: str) -> None:
    with pytest.raises(QueryError, match="must be a SELECT"):
        check(conn, text)


def test_tables_behind_a_view_are_read(conn: sqlite3.Connection) -> None:
    tables, functions = tables_read(conn, "SELECT upper(y) FROM v", Catalog(conn))
    assert tables == {TableName("main", "a"), TableName("main", "b")}
    assert functions == ("upper",)


def test_a_virtual_table_is_read_through_its_shadow_tables(conn: sqlite3.Connection) -> None:
    tables, _ = tables_read(conn, "SELECT * FROM f WHERE f MATCH 'x'", Catalog(conn))
    assert TableName("main", "f_data") in tables


def test_names_of_columns_need_no_parameters(conn: sqlite3.Connection) -> None:
    assert column_names(conn, "SELECT x, count(*) AS n, y + ? FROM a WHERE y = ? -- end") == ("x", "n", "y + ?")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*), sum(x), count(*) FROM a GROUP BY y ORDER BY 1 LIMIT 5 OFFSET 1;  -- end;",
        "SELECT (a.y COLLATE BINARY), y, +x, -x, 'limit', (SELECT 1 LIMIT 1) FROM a LIMIT (SELECT 2)",
        "SELECT * FROM a JOIN b USING (x)",
        'SELECT x AS x, y AS "limit" FROM a /* LIMIT */ WHERE x = 1',
        "SELECT (x COLLATE NOCASE) FROM a INTERSECT SELECT x FROM b ORDER BY 1",
        "SELECT (x COLLATE NOCASE) FROM a INTERSECT SELECT x FROM b ORDER BY 1 COLLATE NOCASE; -- end",
    ],
)
def test_names_of_columns_are_sqlites_own(conn: sqlite3.Connection, text: str) -> None:
    assert column_names(conn, text) == tuple(column[0] for column in conn.execute(text).description)


def test_names_of_columns_need_no_collation_that_the_query_does_not_need(conn: sqlite3.Connection) -> None:
    conn.create_collation("foo", lambda a, b: (a > b) - (a < b))
    conn.execute("CREATE TABLE c (a TEXT COLLATE foo)")
    conn.create_collation("foo", None)
    assert column_names(conn, "SELECT a FROM c") == ("a",)


def test_index_use_is_sqlites_own_plan(conn: sqlite3.Connection) -> None:
    assert index_use(conn, "SELECT y FROM a WHERE x = ?") == ("SEARCH a USING INTEGER PRIMARY KEY (rowid=?)",)
