"""The catalog: tables, columns and keys as SQLite itself describes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from eddyline.core.schema import Catalog, TableName
from eddyline.core.schema.catalog import affinity_of, collations, similar


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        yield made


def key_of(conn: sqlite3.Connection, table: str) -> tuple[str, ...]:
    info = Catalog(conn).find(table)
    assert info is not None
    return info.key


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        ("id INTEGER PRIMARY KEY, a", ("id",)),
        ("Id integer, a, PRIMARY KEY (Id)", ("Id",)),
        ("id INT PRIMARY KEY, a", ("rowid",)),
        ("id INTEGER PRIMARY KEY DESC, a", ("rowid",)),
        ("id TEXT PRIMARY KEY, a", ("rowid",)),
        ("a, b", ("rowid",)),
        ("rowid TEXT, a", ("_rowid_",)),
        ("RowId, _rowid_, a", ("oid",)),
        ("rowid, _rowid_, oid", ()),
        ("rowid, _rowid_, oid, id INTEGER PRIMARY KEY", ("id",)),
    ],
)
def test_a_rowid_table_is_keyed_by_its_rowid_under_a_name_no_column_has(
    conn: sqlite3.Connection, columns: str, key: tuple[str, ...]
) -> None:
    conn.execute(f"CREATE TABLE t ({columns})")
    assert key_of(conn, "t") == key


def test_a_table_without_rowid_is_keyed_by_its_primary_key_in_key_order(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE t (a, b, c, PRIMARY KEY (c, a)) WITHOUT ROWID")
    assert key_of(conn, "t") == ("c", "a")


@pytest.mark.parametrize(
    ("declared", "affinity"),
    [
        ("INT", "INTEGER"),
        ("BIGINT", "INTEGER"),
        ("FLOATING POINT", "INTEGER"),
        ("varchar(10)", "TEXT"),
        ("CLOB", "TEXT"),
        ("BLOB", "BLOB"),
        ("", "BLOB"),
        ("DOUBLE", "REAL"),
        ("DECIMAL(10,2)", "NUMERIC"),
        ("BOOLEAN", "NUMERIC"),
        ("ANY", "NUMERIC"),
    ],
)
def test_affinity_follows_sqlites_five_rules(conn: sqlite3.Connection, declared: str, affinity: str) -> None:
    assert affinity_of(declared) == affinity
    conn.execute(f"CREATE TABLE t (a {declared})")
    conn.execute("INSERT INTO t VALUES ('1'), (1)")
    kept = [row[0] for row in conn.execute("SELECT typeof(a) FROM t")]
    twin = affinity if affinity != "BLOB" else ""
    conn.execute(f"CREATE TABLE twin (a {twin})")
    conn.execute("INSERT INTO twin VALUES ('1'), (1)")
    assert kept == [row[0] for row in conn.execute("SELECT typeof(a) FROM twin")]


def test_a_strict_any_column_has_no_affinity(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE t (a ANY, b INTEGER) STRICT")
    info = Catalog(conn).find("t")
    assert info is not None
    assert [(column.affinity, column.declared) for column in info.columns] == [("BLOB", ""), ("INTEGER", " INTEGER")]


def test_columns_know_their_collation_and_whether_they_are_generated(conn: sqlite3.Connection) -> None:
    conn.execute(
        "CREATE TABLE t (a TEXT COLLATE NOCASE, b TEXT COLLATE rtrim, c AS (a || b), d AS (a) STORED, "
        '"e f" INT COLLATE BINARY)'
    )
    info = Catalog(conn).find("T")
    assert info is not None
    assert [(c.name, c.collation, c.generated, c.declared) for c in info.columns] == [
        ("a", "NOCASE", False, " TEXT COLLATE NOCASE"),
        ("b", "RTRIM", False, " TEXT COLLATE RTRIM"),
        ("c", "BINARY", True, ""),
        ("d", "BINARY", True, ""),
        ("e f", "BINARY", False, " INTEGER"),
    ]


def test_a_collation_that_only_its_maker_knows_hinders_no_one(conn: sqlite3.Connection) -> None:
    conn.create_collation("maker", lambda left, right: (left > right) - (left < right))
    conn.execute("CREATE TABLE t (a TEXT COLLATE maker, b TEXT COLLATE NOCASE)")
    conn.create_collation("maker", None)
    info = Catalog(conn).find("t")
    assert info is not None
    assert [column.collation for column in info.columns] == ["BINARY", "NOCASE"]


def test_the_collation_of_an_expression_is_sqlites_own(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE t (a COLLATE NOCASE, b)")
    assert collations(conn, "t", ["a", "b", "a || b", "b COLLATE RTRIM"]) == ["NOCASE", "BINARY", "BINARY", "RTRIM"]
    assert collations(conn, "t", []) == []


def test_a_name_is_found_in_temp_then_main_then_attached(conn: sqlite3.Connection) -> None:
    conn.execute("ATTACH ':memory:' AS aux")
    conn.execute("CREATE TABLE aux.t (a)")
    assert Catalog(conn).find("t") == Catalog(conn).table(TableName("aux", "t"))
    conn.execute("CREATE TABLE main.t (a)")
    assert Catalog(conn).table(TableName("main", "t")) == Catalog(conn).find("t")
    conn.execute("CREATE TEMP TABLE t (a)")
    found = Catalog(conn).find("T")
    assert found is not None
    assert (str(found.name), found.name.sql) == ("temp.t", '"temp".t')


def test_only_ordinary_tables_are_the_users(conn: sqlite3.Connection) -> None:
    for sql in ("TABLE b (a)", "TABLE a (a INTEGER PRIMARY KEY AUTOINCREMENT)", "VIEW v AS SELECT * FROM a"):
        conn.execute(f"CREATE {sql}")
    conn.execute("CREATE VIRTUAL TABLE f USING fts5(x)")
    conn.execute("CREATE TABLE _eddy_meta (version)")
    catalog = Catalog(conn)
    assert [str(name) for name in catalog.ordinary()] == ["a", "b"]
    assert min(map(str, catalog.shadows(TableName("main", "f")))) == "f_config"
    assert [catalog.kind(name) for name in ("A", "v", "f", "f_data", "nowhere")] == [
        "table", "view", "virtual", "shadow", None,
    ]  # fmt: skip


def test_a_broken_view_or_a_missing_module_hinders_no_one(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE t (a)")
    conn.execute("CREATE TABLE gone (a)")
    conn.execute("CREATE VIEW v AS SELECT * FROM gone")
    conn.execute("DROP TABLE gone")
    conn.execute("PRAGMA writable_schema = 1")
    conn.execute("INSERT INTO sqlite_schema VALUES ('table', 'm', 'm', 0, 'CREATE VIRTUAL TABLE m USING nowhere(a)')")
    assert [str(name) for name in Catalog(conn).ordinary()] == ["t"]


def test_names_that_resemble_come_with_the_likeliest_first() -> None:
    assert similar("isue", ["project", "Issue", "issues", "user"]) == ("Issue", "issues")
    assert similar("xyz", ["project", "issue"]) == ()
