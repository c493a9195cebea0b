"""REPLACE and BEFORE triggers: where a log may be trusted, decided from the triggers of the user's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from eddyline import Database
from eddyline.core.schema import Catalog, TableName
from eddyline.core.write.replace import (
    refer_to_themselves,
    replace_possible,
    rows_change_before,
    triggers_would_notice,
)


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, u UNIQUE, v)")
        made.execute("CREATE TABLE other (a INTEGER PRIMARY KEY, b)")
        made.execute('CREATE TABLE "my table" (a)')
        made.execute("CREATE VIEW w AS SELECT * FROM t")
        yield made


@pytest.mark.parametrize(
    ("trigger", "notices"),
    [
        ("AFTER UPDATE ON t BEGIN INSERT INTO other VALUES (NEW.k, 1); END", False),
        ("AFTER INSERT ON t BEGIN UPDATE other SET b = 1; END", False),
        ("AFTER UPDATE ON t BEGIN UPDATE t SET v = 1 WHERE k = NEW.k; END", True),
        ("AFTER UPDATE ON t BEGIN UPDATE [T] SET v = 1 WHERE k = NEW.k; END", True),
        ("AFTER DELETE ON t BEGIN SELECT 1; END", True),
        ("AFTER DELETE -- a comment\n ON t BEGIN SELECT 1; END", True),
        ("BEFORE INSERT ON t BEGIN SELECT RAISE(IGNORE); END", False),
        ("INSTEAD OF INSERT ON w BEGIN INSERT INTO t VALUES (1, 2, 3); END", False),
        ("INSTEAD OF INSERT ON w BEGIN INSERT INTO w VALUES (1, 2, 3); END", True),
        ("AFTER UPDATE ON \"my table\" BEGIN UPDATE 'my table' SET a = 1; END", True),
        ("AFTER UPDATE ON other BEGIN SELECT 'my table', \"t\" /* other */ -- other\n; END", False),
    ],
)
def test_a_trigger_would_notice_a_delete_or_a_way_back_to_its_own_table(
    conn: sqlite3.Connection, trigger: str, *, notices: bool
) -> None:
    conn.execute(f"CREATE TRIGGER g {trigger}")
    assert triggers_would_notice(conn, Catalog(conn)) is notices


def test_without_triggers_nothing_would_notice(conn: sqlite3.Connection) -> None:
    assert not triggers_would_notice(conn, Catalog(conn))


def test_a_way_back_through_a_second_trigger_or_a_cascade_counts(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TRIGGER a AFTER UPDATE ON t BEGIN UPDATE other SET b = 1; END")
    assert not triggers_would_notice(conn, Catalog(conn))
    conn.execute("CREATE TRIGGER b AFTER UPDATE ON other BEGIN UPDATE t SET v = 1; END")
    assert triggers_would_notice(conn, Catalog(conn))
    conn.execute("DROP TRIGGER b")
    conn.execute("CREATE TABLE child (k REFERENCES other ON UPDATE CASCADE)")
    conn.execute("CREATE TRIGGER c AFTER UPDATE ON child BEGIN UPDATE t SET v = 1; END")
    assert triggers_would_notice(conn, Catalog(conn))


@pytest.mark.parametrize(
    ("trigger", "tables"),
    [
        ("BEFORE UPDATE ON t BEGIN UPDATE t SET v = 1 WHERE k = OLD.k; END", {"t"}),
        ("UPDATE ON t BEGIN UPDATE t SET v = 1; END", {"t"}),
        ("BEFORE DELETE ON t BEGIN UPDATE t SET v = 1; END", {"t"}),
        ("BEFORE UPDATE ON t BEGIN UPDATE other SET b = 1; END", set()),
        ("AFTER UPDATE ON t BEGIN UPDATE t SET v = 1; END", set()),
        ("BEFORE INSERT ON t BEGIN DELETE FROM t WHERE k < 5; END", set()),
        ("INSTEAD OF UPDATE ON w BEGIN UPDATE w SET v = 1; END", set()),
    ],
)
def test_a_before_trigger_that_reaches_its_own_table_spoils_its_log(
    conn: sqlite3.Connection, trigger: str, tables: set[str]
) -> None:
    conn.execute(f"CREATE TRIGGER g {trigger}")
    assert rows_change_before(conn, Catalog(conn)) == tables


def test_a_plain_statement_may_replace_by_constraint_or_trigger(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE r (a UNIQUE ON CONFLICT REPLACE, b DEFAULT (replace('a', 'b', 'c')))")
    captured = [TableName("main", name) for name in ("r", "t")]
    assert replace_possible(conn, Catalog(conn), captured) == {TableName("main", "r")}
    conn.execute("CREATE TRIGGER g AFTER INSERT ON other BEGIN REPLACE INTO t VALUES (1, 2, 3); END")
    assert replace_possible(conn, Catalog(conn), captured) == set(captured)


def test_tables_that_foreign_keys_lead_back_to_are_found(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE tree (id INTEGER PRIMARY KEY, up REFERENCES tree)")
    conn.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, b REFERENCES B)")
    conn.execute("CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES A)")
    conn.execute("CREATE TABLE leaf (tree REFERENCES tree, t REFERENCES t)")
    assert refer_to_themselves(conn, Catalog(conn)) == {"tree", "a", "b"}


@pytest.mark.parametrize("action", ["SET NULL", "CASCADE", "SET DEFAULT"])
@pytest.mark.parametrize("constraint", ["", " ON CONFLICT REPLACE"])
async def test_an_update_that_evicts_a_row_which_refers_to_the_updated_one_is_followed(
    action: str, constraint: str
) -> None:
    async with Database.open(":memory:") as db:
        actions = f"ON DELETE {action} ON UPDATE {action}"
        await db.execute(f"CREATE TABLE g (id INTEGER PRIMARY KEY{constraint}, x, up REFERENCES g {actions})")
        view = await db.live("SELECT id, x, up FROM g ORDER BY id")
        await db.execute("INSERT INTO g VALUES (1, 'a', 1), (5, 'b', 1)")
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO g VALUES (4, 'c', 5)")
            await tx.execute(f"UPDATE {'' if constraint else 'OR REPLACE '}g SET id = id + 1")
        assert (view.status, list(view.rows())) == ("live", await db.fetch("SELECT id, x, up FROM g ORDER BY id"))


SCHEMAS = {
    "no trigger": [],
    "updated_at": ["CREATE TRIGGER g AFTER UPDATE ON t BEGIN UPDATE t SET v = v || '!' WHERE k = NEW.k; END"],
    "audited deletes": ["CREATE TRIGGER g AFTER DELETE ON t BEGIN INSERT INTO log VALUES (OLD.k); END"],
    "before": ["CREATE TRIGGER g BEFORE UPDATE ON t BEGIN UPDATE t SET w = w + 1 WHERE k = OLD.k; END"],
    "replacing": ["CREATE TRIGGER g AFTER INSERT ON other BEGIN INSERT OR REPLACE INTO t VALUES (9, NEW.a, 0, 0); END"],
    "ring": [
        "CREATE TRIGGER g AFTER INSERT ON t WHEN NEW.k > 6 BEGIN DELETE FROM t WHERE k = (SELECT min(k) FROM t); END",
    ],
}
WRITES = [
    "INSERT INTO t VALUES (4, 'd', 'x', 0)",
    "INSERT OR REPLACE INTO t VALUES (1, 'b', 'y', 0)",
    "REPLACE INTO t VALUES (5, 'c', 'z', 0)",
    "INSERT INTO t VALUES (6, 'f', 'x', 0), (7, 'g', 'x', 0)",
    "UPDATE OR REPLACE t SET u = 'd' WHERE k = 7",
    "UPDATE t SET v = 'q' WHERE k > 4",
    "INSERT INTO other VALUES ('f')",
    "INSERT INTO t VALUES (1, 'h', 'x', 0) ON CONFLICT (k) DO UPDATE SET v = 'upserted'",
    "DELETE FROM t WHERE k = 5",
    "UPDATE OR REPLACE t SET k = 9 WHERE k = 6",
]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("constraint", ["", " ON CONFLICT REPLACE"])
async def test_views_stay_right_whatever_replaces_and_whatever_fires(schema: str, constraint: str) -> None:
    async with Database.open(":memory:") as db:
        await db.execute(f"CREATE TABLE t (k INTEGER PRIMARY KEY, u UNIQUE{constraint}, v, w)")
        await db.execute("CREATE TABLE other (a)")
        await db.execute("CREATE TABLE log (k)")
        for trigger in SCHEMAS[schema]:
            await db.execute(trigger)
        await db.execute("INSERT INTO t VALUES (1, 'a', 'x', 0), (2, 'b', 'x', 0), (3, 'c', 'x', 0)")
        queries = [
            "SELECT k, u, v, w FROM t ORDER BY k",
            "SELECT count(*) AS n, sum(w) AS w FROM t",
            "SELECT k FROM log",
        ]
        views = [await db.live(query) for query in queries]
        for sql in WRITES:
            try:
                await db.execute(sql)
            except Exception as error:
                assert "UNIQUE constraint failed" in str(error)  # noqa: PT017
            for view, query in zip(views, queries, strict=True):
                now: list[Any] = await db.fetch(query)
                assert list(view.rows()) == now, (sql, query)
                assert view.status == "live"


async def test_a_recursive_pattern_of_the_users_does_not_recurse_because_of_us() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, n)")
        await db.execute("CREATE TRIGGER g AFTER UPDATE ON t BEGIN UPDATE t SET n = n + 1 WHERE k = NEW.k; END")
        await db.execute("INSERT INTO t VALUES (1, 0)")
        view = await db.live("SELECT n FROM t")
        await db.execute("UPDATE t SET n = 10")
        assert [row.n for row in view.rows()] == [11]
