"""Persistent capture: what other programs change, exactly, without reading views anew.

    any tool:  UPDATE issue ...      plain SQL triggers note the row as it was     main._eddy_capture_issue
    we, at the next look:            rows noted since the last look                 (seq, was there?, key, columns)
                                     first note of each key = old row  -1 \\
                                     the table now          = new row  +1  ->  the TEMP log, as if we had written it

A note says only how a row was before it was touched; how it is now the table says. So a note too many does no harm: a
BEFORE trigger notes each row that REPLACE might evict through a UNIQUE index, of which SQLite tells nobody: where it
was not evicted after all, old and new row are the same and cancel out. Our own writes are noted, too, and skipped: so
several of us on one file follow each other exactly.
A log keeps its last `rows_max` notes; who looks after more than that reads anew, as without capture. So does who finds
columns that the log doesn't have (ALTER TABLE), or a table without one.
While it is on, other programs can't drop a column of the table (SQLite refuses: a trigger names it), and each row they
write costs an insert more, two lookups for each UNIQUE index.
Cost of a look: one indexed read of the notes, one lookup a touched row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from ..changes import WEIGHT, Changes
from ..errors import ParameterError, UnknownTableError
from ..schema.catalog import Catalog, TableInfo, TableName
from ..schema.meta import Execute, check_version, make_meta
from ..sqltext import quote_name
from ..store import Connection
from .capture import LogTable

__all__ = ["ROWS_MAX", "PersistentCapture", "disable", "enable"]

ROWS_MAX = 10_000
PREFIX = "_eddy_capture"
_SEQ, _WAS = "_eddy_seq", "_eddy_was"
_EVENTS = {
    "insert": "AFTER INSERT",
    "delete": "AFTER DELETE",
    "update": "AFTER UPDATE",
    "before_insert": "BEFORE INSERT",
    "before_update": "BEFORE UPDATE",
}


@dataclass(frozen=True, slots=True)
class Notes:
    """The lasting log of one table; `columns` are those that it notes."""

    table: TableName
    name: str
    columns: frozenset[str]


class PersistentCapture:
    """What one connection has seen of the lasting logs."""

    def __init__(self) -> None:
        self._notes: dict[TableName, Notes] = {}
        self._seen: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._notes)

    @property
    def tables(self) -> list[str]:
        """The names of the tables that are captured."""
        return sorted(table.name for table in self._notes)

    def look(self, conn: Connection, catalog: Catalog) -> None:
        """Take the logs that are there now; all that they hold counts as seen."""
        self._notes = {notes.table: notes for notes in _notes(conn, catalog)}
        self._seen = self.last(conn)

    def last(self, conn: Connection) -> dict[str, int]:
        """Return the number of the last note of each log that has had one; `keep` them once they are committed.

        A statement that fails under OR FAIL leaves its rows and their notes behind, but not their numbers in SQLite's
        own table: so the log is asked, too.
        """
        if not self._notes:
            return {}
        found: dict[str, int] = dict(conn.execute("SELECT name, seq FROM main.sqlite_sequence").fetchall())
        for notes in self._notes.values():
            with suppress(sqlite3.OperationalError):  # a log that this transaction drops
                last = conn.execute(f"SELECT max({_SEQ}) FROM main.{quote_name(notes.name)}").fetchone()[0]
                if last is not None:
                    found[notes.name] = max(last, found.get(notes.name, 0))
        return found

    def keep(self, last: dict[str, int]) -> None:
        """Skip what has been noted up to there."""
        self._seen = last

    def changes(self, conn: Connection, logs: Iterable[LogTable]) -> Changes:
        """Fill the TEMP logs with what was noted since the last look; tables that can't be followed are `unknown`.

        Runs on a snapshot that holds still.
        """
        changes, last = Changes(), self.last(conn)
        for log in logs:
            name = log.table.name
            notes = self._notes.get(name)
            if notes is None or not notes.columns.issuperset(log.columns):
                changes.unknown.add(name)
                continue
            seen, now = self._seen.get(notes.name, 0), last.get(notes.name, 0)
            if now == seen:
                continue
            log_sql = f"main.{quote_name(notes.name)}"
            kept = conn.execute(f"SELECT min({_SEQ}) FROM {log_sql}").fetchone()[0]
            if kept is None or kept > seen + 1 or now < seen:
                changes.unknown.add(name)
                continue
            changes.touched.add(name)
            if log.columns:
                for statement in _delta_statements(log, log_sql):
                    conn.execute(statement, {"seen": seen})
        self._seen = last
        return changes


def enable(execute: Execute, conn: Connection, catalog: Catalog, names: Iterable[str], rows_max: int) -> None:
    """Make the lasting logs of the tables `names` of `main`, anew where they are there. Inside a transaction.

    Raises `UnknownTableError`, and `ParameterError` for what can't be captured.
    """
    check_version(conn, catalog)
    if rows_max < 1:
        raise ParameterError(f"rows_max is how many notes a table keeps: 1 or more, not {rows_max!r}")
    statements = [
        statement for name in names for statement in _note_statements(conn, _capturable(conn, catalog, name), rows_max)
    ]
    make_meta(execute)
    for statement in statements:
        execute(statement)


def disable(execute: Execute, conn: Connection, catalog: Catalog, names: Iterable[str]) -> None:
    """Take the lasting logs of the tables `names` away; of all tables if none is named."""
    there = {notes.table for notes in _notes(conn, catalog)}
    wanted = {_table(catalog, name).name for name in names} or there
    for table in sorted(wanted & there):
        for statement in _drop_statements(table):
            execute(statement)


# -- what stands in the file


def _notes(conn: Connection, catalog: Catalog) -> list[Notes]:
    rows = conn.execute(
        "SELECT tbl_name FROM main.sqlite_schema WHERE type = 'trigger' AND name GLOB ?", (f"{PREFIX}.update.*",)
    ).fetchall()
    if rows:
        check_version(conn, catalog)
    found: list[Notes] = []
    for (target,) in rows:
        table = catalog.find(str(target), "main")
        log = catalog.find(_log_name(str(target)), "main")
        if table is not None and log is not None:
            columns = frozenset(column.name for column in log.columns if column.name not in (_SEQ, _WAS))
            found.append(Notes(table.name, log.name.name, columns))
    return found


def _log_name(table: str) -> str:
    return f"{PREFIX}_{table}"


def _trigger_name(event: str, table: str) -> str:
    return f"{PREFIX}.{event}.{table}"


def _table(catalog: Catalog, name: str) -> TableInfo:
    table = catalog.find(name, "main")
    if table is None:
        near = catalog.near(name)
        hint = f"; similar: {', '.join(near)}" if near else ""
        raise UnknownTableError(f"no table {name!r} in this database{hint}", sql="", table=name, near=near)
    return table


def _capturable(conn: Connection, catalog: Catalog, name: str) -> TableInfo:
    table = _table(catalog, name)
    if table.kind != "table" or not table.key:
        raise ParameterError(f"{name!r} is a {table.kind}: only tables can be captured")
    if any(None in columns for columns in _unique(conn, table)):
        raise ParameterError(
            f"{name!r} has a UNIQUE index on an expression: which rows REPLACE evicts through it can't be told"
        )
    return table


def _unique(conn: Connection, table: TableInfo) -> list[tuple[str | None, ...]]:
    """Return the columns of every UNIQUE index, partial ones too, and of the primary key."""
    lists: list[tuple[str | None, ...]] = [table.key]
    for index in conn.execute(f"PRAGMA main.index_list({quote_name(table.name.name)})").fetchall():
        if index[2]:
            rows = conn.execute(f"PRAGMA main.index_info({quote_name(str(index[1]))})").fetchall()
            lists.append(tuple(row[2] for row in rows))
    return list(dict.fromkeys(lists))


# -- SQL


def _drop_statements(table: TableName) -> Iterable[str]:
    for event in _EVENTS:
        yield f"DROP TRIGGER IF EXISTS main.{quote_name(_trigger_name(event, table.name))}"
    yield f"DROP TABLE IF EXISTS main.{quote_name(_log_name(table.name))}"


def _note_statements(conn: Connection, table: TableInfo, rows_max: int) -> Iterable[str]:
    """Yield the DDL of one lasting log: its table and the triggers that write notes."""
    yield from _drop_statements(table.name)
    target, log = quote_name(table.name.name), quote_name(_log_name(table.name.name))
    hidden = [name for name in table.key if table.column(name) is None]
    names = [*hidden, *(column.name for column in table.columns)]
    declared = ", ".join(f"{quote_name(name)}{table.key_column(name).declared}" for name in names)
    yield f"CREATE TABLE main.{log} ({_SEQ} INTEGER PRIMARY KEY AUTOINCREMENT, {_WAS} INTEGER, {declared})"
    into = f"INSERT INTO {log} ({_WAS}, {', '.join(map(quote_name, names))})"

    def row(alias: str) -> str:
        return ", ".join(f"{alias}.{quote_name(name)}" for name in names)

    moved = " OR ".join(f"NEW.{quote_name(key)} IS NOT OLD.{quote_name(key)}" for key in table.key)
    trim = f"DELETE FROM {log} WHERE {_SEQ} <= (SELECT max({_SEQ}) FROM {log}) - {rows_max};"
    evicted = [
        f"{into} SELECT 1, {row('t')} FROM {target} AS t WHERE "
        + " AND ".join(f"t.{quote_name(str(name))} = NEW.{quote_name(str(name))}" for name in columns)
        for columns in _unique(conn, table)
    ]
    other = " OR ".join(f"t.{quote_name(key)} IS NOT OLD.{quote_name(key)}" for key in table.key)
    bodies = {
        "insert": f"{into} VALUES (0, {row('NEW')}); {trim}",
        "delete": f"{into} VALUES (1, {row('OLD')}); {trim}",
        "update": f"{into} VALUES (1, {row('OLD')}); {into} SELECT 0, {row('NEW')} WHERE {moved}; {trim}",
        "before_insert": " ".join(f"{insert};" for insert in evicted),
        "before_update": " ".join(f"{insert} AND ({other});" for insert in evicted),
    }
    for event, body in bodies.items():
        name = quote_name(_trigger_name(event, table.name.name))
        yield f"CREATE TRIGGER main.{name} {_EVENTS[event]} ON {target} BEGIN {body} END"


def _delta_statements(log: LogTable, notes: str) -> Iterable[str]:
    """Yield what fills a TEMP log: old rows by the first note of each key, new rows by the table."""
    columns = ", ".join(map(quote_name, log.columns))
    keys = ", ".join(map(quote_name, log.table.key))
    into = f"INSERT INTO temp.{log.name} ({WEIGHT}, {columns})"
    first = f"SELECT min({_SEQ}) FROM {notes} WHERE {_SEQ} > :seen GROUP BY {keys}"
    yield f"{into} SELECT -1, {columns} FROM {notes} WHERE {_SEQ} IN ({first}) AND {_WAS} ORDER BY {_SEQ}"
    same = " AND ".join(f"t.{quote_name(key)} IS d.{quote_name(key)}" for key in log.table.key)
    now = ", ".join(f"t.{quote_name(name)}" for name in log.columns)
    yield (
        f"{into} SELECT 1, {now} FROM (SELECT DISTINCT {keys} FROM {notes} WHERE {_SEQ} > :seen) AS d "
        f"CROSS JOIN {log.table.name.sql} AS t ON {same}"
    )
