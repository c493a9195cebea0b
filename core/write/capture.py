"""Capture: TEMP triggers that write each changed row, old and new, into TEMP log tables.

    UPDATE main.Track SET GenreId = 2 WHERE TrackId = 7
        |  AFTER UPDATE trigger, only if a captured column is named in SET
        v
    temp._eddy_log_0:   _eddy_seq  _eddy_w  TrackId  GenreId
                             1       -1        7        1
                             2       +1        7        2

A log is a table and not a Python callback because a table rolls back with a savepoint or a failed statement; a callback
has then seen rows that never were. Log columns carry the names, affinities and collations of the table's own, so a
query reads a log in a table's place without a change to its text. A table that is only re-run over gets a single mark
instead. Rules found by running (docs/architecture.md, "Capture"):
- trigger bodies take no qualified names; unqualified ones resolve to temp first;
- `UPDATE OF` compares names with the SET list only, so it may list `rowid`; it misses generated columns, hence no list
then;
- the conflict clause of the outer statement rules inside the trigger: an INSERT OR IGNORE there is none;
- the planner takes a log for a million rows unless `sqlite_stat1` says otherwise.
Cost: 1-3 us a changed row; nothing for tables that no view reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..changes import LOG_COLUMNS, LOGGED_MAX, TOUCH, WEIGHT, Changes, Needs
from ..schema.catalog import Catalog, TableInfo, TableName
from ..sqltext import quote_name
from ..store import Connection
from ..values import typed
from ..zset import ZSet
from .reach import Reach
from .replace import old_is_spoilt, refer_to_themselves, replace_possible, rows_change_before, triggers_would_notice

__all__ = ["Capture", "LogTable"]

_PREFIX = "_eddy_log_"
_FEW = 2  # so many logs are read outright: asking first which of them hold rows would cost more
_COMPARED_MAX = 64  # so many rows of a log are read at once; of more it is asked first how many there are
LARGE = 1_000  # rows of a log that are consolidated only if someone steps by them
_NO_MARKS: frozenset[int] = frozenset()
_IS_OURS = f"name GLOB '*{_PREFIX}*'"
_OURS = f"SELECT type, name FROM temp.sqlite_schema WHERE {_IS_OURS}"


@dataclass(frozen=True, slots=True)
class LogTable:
    """One captured table: `columns` are logged; `marked` notes besides that anything changed at all."""

    name: str
    table: TableInfo
    columns: tuple[str, ...]
    number: int
    marked: bool

    def read_sql(self, value: str = "{0}") -> str:
        """Return the query of the first `?` rows, as (number, weight, *columns); `value` is how a column is read."""
        columns = ", ".join(value.format(quote_name(name)) for name in self.columns)
        return f"SELECT _eddy_seq, {WEIGHT}, {columns} FROM temp.{self.name} ORDER BY _eddy_seq LIMIT ?"


class Capture:
    """The triggers and logs on one connection."""

    def __init__(self) -> None:
        self._logs: dict[TableName, LogTable] = {}
        self._installed: dict[TableName, frozenset[str]] | None = {}
        self._prefix = _PREFIX
        self._probe = ""
        self._reads: dict[int, str] = {}
        self._few: list[LogTable] = []
        self._reach = Reach[LogTable]({})
        self._found: list[LogTable] = []
        self._marks = False
        self._deletes_by_replace_seen = False
        self._table_replaces: set[TableName] = set()
        self._rows_change_before: set[str] = set()
        self._refer_to_themselves: set[str] = set()

    def install(self, conn: Connection, catalog: Catalog, needs: Needs) -> None:
        """Capture exactly what `needs` asks for. What the logs hold is lost."""
        self.remove(conn)
        self.forget()
        self._set_recursive_triggers(conn, catalog, needs)
        self._rows_change_before = rows_change_before(conn, catalog) | old_is_spoilt(conn, catalog, needs)
        self._prefix = _free_prefix(catalog)
        for number, (name, wanted) in enumerate(sorted(needs.items())):
            table = catalog.table(name)
            columns = tuple(c.name for c in table.columns if c.name in wanted and c.name.lower() not in LOG_COLUMNS)
            rowid = tuple(key for key in table.key if key in wanted and table.column(key) is None)
            logged = rowid + columns if len(columns) <= LOGGED_MAX else ()
            marked = wanted >= TOUCH or not logged or not self._deletes_by_replace_seen
            self._logs[name] = LogTable(f"{self._prefix}{number}", table, logged, number, marked)
        if self._logs:
            self._make(conn)
        self._installed = {name: frozenset(wanted) for name, wanted in needs.items()}

    def _make(self, conn: Connection) -> None:
        """Make the triggers and logs."""
        touched = f"{self._prefix}touched"
        conn.execute(f"CREATE TEMP TABLE {touched} (number INTEGER)")
        for log in self._logs.values():
            for statement in _log_statements(log, touched):
                conn.execute(statement)
        self._tell_planner(conn)
        with_rows = [log for log in self._logs.values() if log.columns]
        self._reads = {log.number: log.read_sql() for log in with_rows}
        marks = any(log.marked for log in self._logs.values())
        self._few = with_rows if len(with_rows) <= _FEW and not marks else []
        pages = dict(conn.execute("SELECT name, rootpage FROM temp.sqlite_schema WHERE type = 'table'").fetchall())
        self._reach = Reach({pages[touched]: None, **{pages[log.name]: log for log in with_rows}})
        self._probe = " UNION ALL ".join(
            [f"SELECT {log.number}, 0 WHERE EXISTS (SELECT 1 FROM temp.{log.name})" for log in with_rows]
            + [f"SELECT number, 1 FROM temp.{touched}"]
        )

    @property
    def logs(self) -> Iterable[LogTable]:
        """The logs that are installed."""
        return self._logs.values()

    def covers(self, needs: Needs) -> bool:
        """Say whether what is installed is what `needs` asks for."""
        return self._installed == dict(needs)

    def forget(self) -> None:
        """Cover nothing until the next `install`: a rollback, or another program, has moved what is there."""
        self._installed = None

    def remove(self, conn: Connection) -> None:
        """Take every trigger and log of ours off `conn`."""
        self.forget()
        for kind, name in sorted(conn.execute(_OURS).fetchall(), reverse=True):
            conn.execute(f"DROP {kind} IF EXISTS temp.{quote_name(name)}")
        if conn.execute(_OURS).fetchall():
            _erase_orphans(conn)
        self._logs.clear()
        self._installed = {}
        self._found, self._few = [], []
        self._reach = Reach({})
        self._probe = ""

    def note_statement(self, conn: Connection, loud: bool, changes: Changes) -> None:
        """After a statement ran: where REPLACE may have deleted rows unseen, stop trusting the logs it wrote.

        `loud` says that it holds the word itself. Where the deletion is seen but can reach the very row that an UPDATE
        is about, the log is wrong, too.
        """
        if (loud or self._table_replaces) and self._logs:
            changes.unknown.update(
                log.table.name
                for log in self._written(conn)[0]
                if (loud or log.table.name in self._table_replaces)
                and (not self._deletes_by_replace_seen or log.table.name.name.lower() in self._refer_to_themselves)
            )

    def reached(self, conn: Connection, sql: str, parameters: Any) -> list[LogTable] | None:  # Any: what `bind` gives
        """Return the only logs that `sql` can write, or None where any may be."""
        return self._reach.logs(conn, sql, parameters)

    def changes(self, conn: Connection, changes: Changes, reached: list[LogTable] | None = None) -> Changes:
        """Fill `changes` with what the logs hold, consolidated but for large ones. Only `reached` are looked at."""
        if reached is not None:
            maybe, marked = reached, _NO_MARKS
        else:
            maybe, marked = (self._few, _NO_MARKS) if self._few else self._written(conn)
        self._found, self._marks = [], bool(marked)
        for log in maybe:
            rows = self._read(conn, log, _COMPARED_MAX + 1) if log.columns else []
            if not rows and log.number not in marked:
                continue
            self._found.append(log)
            name = log.table.name
            if log.number in marked or log.marked:  # a row that went and came may differ where it isn't logged
                changes.touched.add(name)
            if self._rows_change_before and name.name.lower() in self._rows_change_before:
                changes.unknown.add(name)
            most = len(rows)
            if most > min(_COMPARED_MAX, LARGE):
                most = conn.execute(f"SELECT max(_eddy_seq) FROM temp.{log.name}").fetchone()[0]
            if most > LARGE:
                changes.logs[name] = f"temp.{log.name}"
                changes.counts[name] = most
                changes.large[name] = partial(self._consolidate_all, conn, log)
                changes.rows[name] = partial(self._read_now, log)
                continue
            if most > _COMPARED_MAX:
                rows = self._read(conn, log)
            left = _consolidate(conn, log, rows) if rows else 0
            if left:
                changes.logs[name] = f"temp.{log.name}"
                changes.rows[name] = partial(self._read_now, log) if left < len(rows) else partial(_known, rows, log)
                changes.counts[name] = left
                if len(rows) <= _COMPARED_MAX:
                    changes.moved[name] = partial(_moved, log.columns, rows)
        return changes

    def _read_now(
        self, log: LogTable, conn: Connection
    ) -> tuple[list[tuple[Any, ...]], Sequence[str]]:  # Any: as above
        return self._read(conn, log), log.columns

    def _consolidate_all(self, conn: Connection, log: LogTable) -> int:
        return _consolidate(conn, log, self._read(conn, log))

    def rows(self, conn: Connection, name: TableName) -> tuple[tuple[str, ...], ZSet]:
        """Return the columns logged of `name` and its changed rows as a Z-set."""
        log = self._logs[name]
        rows = self._read(conn, log)
        return log.columns, ZSet((tuple(row[2:]), row[1]) for row in rows)

    def clear(self, conn: Connection) -> None:
        """Empty the logs that the last `changes` found written."""
        for log in self._found:
            if log.columns:
                conn.execute(f"DELETE FROM temp.{log.name}")
        if self._marks:
            conn.execute(f"DELETE FROM temp.{self._prefix}touched")
        self._found = []

    def _read(self, conn: Connection, log: LogTable, limit: int = -1) -> list[tuple[Any, ...]]:  # Any: SQLite's values
        """Return the first rows of a log as `read_sql` says. Text that isn't UTF-8 comes as its bytes."""
        try:
            return conn.execute(self._reads[log.number], (limit,)).fetchall()
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise
            as_bytes = log.read_sql("CASE typeof({0}) WHEN 'text' THEN CAST({0} AS BLOB) ELSE {0} END")
            return conn.execute(as_bytes, (limit,)).fetchall()

    def _written(self, conn: Connection) -> tuple[list[LogTable], frozenset[int]]:
        """Return the tables with log rows or a mark, and the numbers of those with a mark."""
        if not self._logs:
            return [], _NO_MARKS
        found = conn.execute(self._probe).fetchall()
        numbers = {number for number, _ in found}
        written = [log for log in self._logs.values() if log.number in numbers]
        return written, frozenset(number for number, is_mark in found if is_mark)

    def _set_recursive_triggers(self, conn: Connection, catalog: Catalog, captured: Iterable[TableName]) -> None:
        """Let REPLACE fire delete triggers where no trigger of the user's would notice the difference.

        With triggers on the shadow tables of FTS5, SQLite 3.40 crashes when the pragma is on.
        """
        captured = list(captured)
        shadows = any(catalog.table(name).kind == "shadow" for name in captured)
        self._deletes_by_replace_seen = not shadows and not triggers_would_notice(conn, catalog)
        conn.execute(f"PRAGMA recursive_triggers = {int(self._deletes_by_replace_seen)}")
        self._refer_to_themselves = refer_to_themselves(conn, catalog)
        self._table_replaces = {
            name
            for name in replace_possible(conn, catalog, captured)
            if not self._deletes_by_replace_seen or name.name.lower() in self._refer_to_themselves
        }

    def _tell_planner(self, conn: Connection) -> None:
        for log in self._logs.values():
            if log.columns:
                conn.execute(f"ANALYZE temp.{log.name}")
                conn.execute("DELETE FROM temp.sqlite_stat1 WHERE tbl = ?", (log.name,))
                conn.execute("INSERT INTO temp.sqlite_stat1 VALUES (?, NULL, '1')", (log.name,))
        if self._logs:
            conn.execute("ANALYZE temp.sqlite_schema")


def _erase_orphans(conn: Connection) -> None:
    """Take off triggers whose table another program has dropped: SQLite has not loaded them, so it can't drop them.

    They would come to life when the table comes back, beside new ones of the same name: a malformed schema, for good.
    """
    conn.execute("PRAGMA writable_schema = 1")
    try:
        conn.execute(f"DELETE FROM temp.sqlite_schema WHERE {_IS_OURS}")
    finally:
        conn.execute("PRAGMA writable_schema = 0")


def _consolidate(conn: Connection, log: LogTable, rows: Sequence[tuple[Any, ...]]) -> int:  # Any: SQLite's values
    """Delete pairs of log rows, of all its `rows`, that undo each other; return how many are left."""
    if len(rows) == 1 or (len(rows) == 2 and rows[0][2:] != rows[1][2:]):
        return len(rows)
    open_by_row: dict[object, list[tuple[int, int]]] = {}
    gone: list[tuple[int]] = []
    for seq, weight, *values in rows:
        waiting = open_by_row.setdefault(typed(values), [])
        if waiting and waiting[-1][1] == -weight:
            gone += [(waiting.pop()[0],), (seq,)]
        else:
            waiting.append((seq, weight))
    if gone:
        conn.executemany(f"DELETE FROM temp.{log.name} WHERE _eddy_seq = ?", gone)
    return len(rows) - len(gone)


def _known(
    rows: Sequence[tuple[Any, ...]], log: LogTable, _conn: Connection
) -> tuple[Sequence[tuple[Any, ...]], Sequence[str]]:  # Any: SQLite's values
    """Return the rows of a log as they were read and its columns."""
    return rows, log.columns


def _moved(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> frozenset[str] | None:  # Any: SQLite's values
    """Return the columns in which old and new rows differ; None if rows came or went.

    Who reads no other column sees each old row come back as the new one, whichever of them belong together.
    """
    if len(rows) % 2:
        return None
    moved: set[str] = set()
    for old, new in zip(rows[::2], rows[1::2], strict=True):
        if old[1] + new[1]:
            return None
        for name, before, after in zip(columns, old[2:], new[2:], strict=True):
            if before is not after and (before != after or type(before) is not type(after)):
                moved.add(name)
    return frozenset(moved)


def _free_prefix(catalog: Catalog) -> str:
    """Return a beginning of names that no table outside of `temp` has: a log must hide no table of the user's."""
    taken = [name.name.lower() for name in catalog if name.schema != "temp"]
    prefix = _PREFIX
    while any(name.startswith(prefix) for name in taken):
        prefix = f"_{prefix}"
    return prefix


def _log_statements(log: LogTable, touched: str) -> Iterable[str]:
    """Yield the DDL of one log: triggers for the mark, then the table with its three triggers.

    Where rows are logged, only an update can change the table unlogged: one of other columns.
    """
    table, target = log.table, log.table.name.sql
    mark = (
        f"INSERT INTO {touched} SELECT {log.number} WHERE NOT EXISTS "
        f"(SELECT 1 FROM {touched} WHERE number = {log.number});"
    )
    for event in ("UPDATE",) if log.columns else ("INSERT", "UPDATE", "DELETE"):
        if log.marked:
            yield f"CREATE TEMP TRIGGER {log.name}_mark_{event.lower()} AFTER {event} ON {target} BEGIN {mark} END"
    if not log.columns:
        return
    columns = ", ".join(f"{quote_name(name)}{table.key_column(name).declared}" for name in log.columns)
    yield f"CREATE TEMP TABLE {log.name} (_eddy_seq INTEGER PRIMARY KEY, {WEIGHT} INTEGER, {columns})"
    names = ", ".join(map(quote_name, log.columns))
    into = f"INSERT INTO {log.name} ({WEIGHT}, {names}) VALUES"
    old, new = (
        f"({w}, {', '.join(f'{r}.{quote_name(n)}' for n in log.columns)})" for w, r in ((-1, "OLD"), (1, "NEW"))
    )
    yield f"CREATE TEMP TRIGGER {log.name}_insert AFTER INSERT ON {target} BEGIN {into} {new}; END"
    yield f"CREATE TEMP TRIGGER {log.name}_delete AFTER DELETE ON {target} BEGIN {into} {old}; END"
    yield f"CREATE TEMP TRIGGER {log.name}_update AFTER UPDATE{_of(log)} ON {target} BEGIN {into} {old}, {new}; END"


def _of(log: LogTable) -> str:
    """Return ` OF columns`, so that other columns cost nothing; "" where a generated column is captured."""
    infos = [log.table.column(name) for name in log.columns]
    if any(info is not None and info.generated for info in infos):
        return ""
    taken = {column.name.lower() for column in log.table.columns}
    rowids = [name for name in ("rowid", "_rowid_", "oid") if name not in taken]
    return f" OF {', '.join(map(quote_name, dict.fromkeys((*log.columns, *rowids))))}"
