"""The writer: what happens on the one connection that writes, in its order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eddyline import ClosedError, CommitError, ConstraintError, RolledBackError, StateError, TransactionError
from eddyline.core.origin import Origin
from eddyline.core.write.hooks import Hooks
from eddyline.core.write.sync import SyncTransaction
from eddyline.core.write.writer import Busy, Writer


class Conn:
    """A connection that calls `after[sql]` after, and `before[sql]` before, it ran a statement."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.conn, name)

    def execute(self, sql: str, *args: Any) -> Any:
        if sql in self.before:
            self.before.pop(sql)()
        result = self.conn.execute(sql, *args)
        if sql in self.after:
            self.after.pop(sql)()
        return result


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Conn]:
    with closing(sqlite3.connect(tmp_path / "t.db", isolation_level=None, timeout=0)) as made:
        made.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n UNIQUE)")
        made.execute("CREATE TABLE child (t REFERENCES t DEFERRABLE INITIALLY DEFERRED)")
        made.execute("PRAGMA foreign_keys = 1")
        yield Conn(made)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "t.db", isolation_level=None, timeout=0)) as made:
        yield made


@pytest.fixture
def part(tap: Any) -> Any:
    return tap("t")


@pytest.fixture
def writer(conn: Any, part: Any) -> Writer:
    return Writer(conn, part, Hooks())


def write(writer: Writer, *statements: str) -> Any:
    writer.begin()
    for sql in statements:
        writer.execute(sql, (), {})
    return writer.commit(Origin("message", "ada"))


def test_a_commit_is_staged_before_and_published_after_it_is_durable(writer: Writer, part: Any) -> None:
    commit = write(writer, "INSERT INTO t VALUES (1, 10)", "UPDATE t SET n = 11")
    assert part.heard() == [("step", {"t": [(1, 1, 11)]}), ("publish", 1)]
    assert (commit.number, commit.message, commit.actor, [str(table) for table in commit.tables]) == (
        1,
        "message",
        "ada",
        ["t"],
    )


def test_a_transaction_that_writes_nothing_is_no_commit(writer: Writer, part: Any) -> None:
    assert write(writer, "SELECT * FROM t") is None
    assert write(writer, "UPDATE t SET n = 1 WHERE id = 77") is None
    assert [told for told in part.heard() if told[0] == "publish"] == []


def test_a_failing_statement_undoes_only_itself(writer: Writer, part: Any) -> None:
    writer.begin()
    writer.execute("INSERT INTO t VALUES (1, 10)", (), {})
    with pytest.raises(ConstraintError):
        writer.executemany("INSERT OR FAIL INTO t VALUES (?, ?)", [(2, 20), (3, 10)])
    writer.execute("INSERT INTO t VALUES (4, 40)", (), {})
    writer.commit()
    assert part.heard()[0] == ("step", {"t": [(1, 1, 10), (1, 4, 40)]})


def test_a_rollback_discards(writer: Writer, part: Any, conn: Any) -> None:
    writer.begin()
    writer.execute("INSERT INTO t VALUES (1, 10)", (), {})
    writer.rollback()
    writer.rollback()
    assert part.heard() == ["discard"]
    assert conn.execute("SELECT * FROM t").fetchall() == []
    assert write(writer, "INSERT INTO t VALUES (2, 20)").number == 1


def test_a_step_that_fails_leaves_nothing_of_the_transaction(writer: Writer, part: Any, conn: Any) -> None:
    def fail(conn: Any, changes: Any) -> None:
        raise ZeroDivisionError

    part.on_step = fail
    with pytest.raises(ZeroDivisionError):
        write(writer, "INSERT INTO t VALUES (1, 10)")
    assert part.heard()[-1] == "discard"
    assert (conn.in_transaction, conn.execute("SELECT * FROM t").fetchall()) == (False, [])


def test_a_commit_that_fails_is_discarded_after_its_step(writer: Writer, part: Any, conn: Any) -> None:
    with pytest.raises(CommitError):
        write(writer, "INSERT INTO t VALUES (1, 10)", "INSERT INTO child VALUES (99)")
    assert part.heard() == [("step", {"t": [(1, 1, 10)]}), "discard"]
    assert conn.execute("SELECT * FROM t").fetchall() == []


def test_a_foreign_change_is_stepped_and_shown_before_our_first_statement(
    writer: Writer, part: Any, other: sqlite3.Connection
) -> None:
    write(writer, "INSERT INTO t VALUES (1, 10)")
    part.heard()
    other.execute("INSERT INTO t VALUES (2, 20)")
    writer.begin()
    assert part.heard() == [("step", "everything"), ("publish", 2)]
    writer.execute("INSERT INTO t VALUES (3, 30)", (), {})
    writer.rollback()
    assert part.heard() == ["discard"]
    assert not writer.foreign_pending()


def test_a_foreign_schema_change_is_planned_anew_first(writer: Writer, part: Any, other: sqlite3.Connection) -> None:
    write(writer, "INSERT INTO t VALUES (1, 10)")
    other.execute("ALTER TABLE t ADD COLUMN extra")
    part.heard()
    write(writer, "INSERT INTO t VALUES (2, 20, 'x')")
    assert part.heard() == [
        "schema moved", ("step", "everything"), ("publish", 2), ("step", {"t": [(1, 2, 20, "x")]}), ("publish", 3),
    ]  # fmt: skip


def test_a_table_made_anew_by_another_program_is_logged_by_its_new_types(
    writer: Writer, part: Any, other: sqlite3.Connection
) -> None:
    other.execute("CREATE TABLE kind (id INTEGER PRIMARY KEY, v INTEGER)")
    part.tables = ("kind",)
    write(writer, "INSERT INTO kind VALUES (1, 1)")
    other.execute("DROP TABLE kind")
    other.execute("CREATE TABLE kind (id INTEGER PRIMARY KEY, v TEXT)")
    part.heard()
    write(writer, "INSERT INTO kind VALUES (5, '007')")
    assert part.heard()[-2] == ("step", {"kind": [(1, 5, "007")]})


def test_a_foreign_schema_change_right_after_our_own_is_not_missed(
    writer: Writer, part: Any, conn: Any, other: sqlite3.Connection
) -> None:
    write(writer, "INSERT INTO t VALUES (1, 10)")
    conn.after["COMMIT"] = lambda: other.execute("ALTER TABLE t RENAME COLUMN n TO m")
    write(writer, "CREATE INDEX by_n ON t (n)")
    part.heard()
    writer.begin()
    assert part.heard()[:2] == ["schema moved", ("step", "everything")]


def test_busy_at_begin_leaves_nothing_begun(writer: Writer, other: sqlite3.Connection) -> None:
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy) as caught:
        writer.begin()
    assert not caught.value.committing
    other.execute("ROLLBACK")
    assert write(writer, "INSERT INTO t VALUES (1, 10)").number == 1


def test_busy_at_commit_goes_on_where_it_stopped(writer: Writer, part: Any, other: sqlite3.Connection) -> None:
    other.execute("BEGIN")
    other.execute("SELECT * FROM t").fetchall()
    with pytest.raises(Busy) as caught:
        write(writer, "INSERT INTO t VALUES (1, 10)")
    assert caught.value.committing
    assert part.heard() == [("step", {"t": [(1, 1, 10)]})]
    other.execute("COMMIT")
    commit = writer.finish()
    assert commit is not None
    assert (commit.number, part.heard()) == (1, [("publish", 1)])


def test_a_lock_that_comes_while_capture_is_put_on_does_not_leave_it_half_on(
    writer: Writer, part: Any, conn: Any, other: sqlite3.Connection
) -> None:
    write(writer, "INSERT INTO t VALUES (1, 10)")
    part.tables, part.needs_version = ("t", "child"), 2
    conn.before["ANALYZE temp._eddy_log_0"] = lambda: _raise_locked()
    with pytest.raises(Busy):
        writer.begin()
    part.heard()
    write(writer, "INSERT INTO child VALUES (1)", "UPDATE t SET n = 11")
    assert part.heard()[0] == ("step", {"child": [(1, 1, 1)], "t": [(-1, 1, 10), (1, 1, 11)]})


def _raise_locked() -> None:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    raise error


def test_ddl_plans_anew_inside_the_transaction(writer: Writer, part: Any) -> None:
    writer.begin()
    writer.execute("INSERT INTO t VALUES (1, 10)", (), {})
    writer.execute("ALTER TABLE t ADD COLUMN extra DEFAULT 'e'", (), {})
    assert part.heard() == ["schema moved"]
    writer.execute("INSERT INTO t VALUES (2, 20, 'x')", (), {})
    writer.commit()
    assert part.heard() == [("step", "everything"), ("publish", 1)]
    write(writer, "DELETE FROM t WHERE id = 1")
    assert part.heard() == [("step", {"t": [(-1, 1, 10, "e")]}), ("publish", 2)]


def test_ddl_that_is_rolled_back_leaves_capture_as_it_was(writer: Writer, part: Any) -> None:
    write(writer, "INSERT INTO t VALUES (1, 10)")
    writer.begin()
    writer.execute("DROP TABLE t", (), {})
    writer.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT)", (), {})
    writer.rollback()
    part.heard()
    write(writer, "INSERT INTO t VALUES (2, 20)")
    assert part.heard()[-2:] == [("step", {"t": [(1, 2, 20)]}), ("publish", 3)]


def test_a_trigger_made_and_rolled_back_leaves_replaced_rows_seen(writer: Writer, part: Any) -> None:
    write(writer, "INSERT INTO t VALUES (1, 10), (2, 20)")
    writer.begin()
    writer.execute("CREATE TRIGGER g AFTER DELETE ON t BEGIN SELECT 1; END", (), {})
    writer.rollback()
    part.heard()
    write(writer, "UPDATE OR REPLACE t SET n = 20 WHERE id = 1")
    kind, rows = part.heard()[-2]
    assert (kind, sorted(rows["t"])) == ("step", [(-1, 1, 10), (-1, 2, 20), (1, 1, 20)])


def test_statements_after_the_end_are_refused(writer: Writer) -> None:
    writer.begin()
    tx = SyncTransaction(writer)
    tx.execute("INSERT INTO t VALUES (1, 10)")
    writer.commit()
    with pytest.raises(ClosedError, match="this transaction has ended"):
        tx.execute("INSERT INTO t VALUES (2, 20)")
    writer.begin()
    with pytest.raises(ClosedError, match="this transaction has ended"):
        tx.execute("INSERT INTO t VALUES (2, 20)")
    writer.rollback()


def test_two_transactions_at_once_are_a_bug_of_ours(writer: Writer) -> None:
    writer.begin()
    with pytest.raises(StateError):
        writer.begin()


def test_a_savepoint_that_a_statement_ended_is_told(writer: Writer) -> None:
    writer.begin()
    writer.execute("SAVEPOINT mine", (), {})
    writer.savepoint("ours")
    writer.execute("ROLLBACK TO mine", (), {})
    with pytest.raises(TransactionError, match="this savepoint is gone"):
        writer.release("ours")
    writer.rollback_to("ours")
    with pytest.raises(RolledBackError, match="could not be undone"):
        writer.commit()
