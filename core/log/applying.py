"""Applying: what a merge has come to, written to rows, stamps, conflicts and violations.

    Outcome  changes     old row, new row, lives   ->  INSERT, UPDATE of the cells that differ, DELETE; stamps
             conflicts, violations                 ->  _eddy_conflicts, _eddy_violations

Rows go first, those that end before those that change and those that come; so a value that moves from one row to
another passes a UNIQUE index. Where two rows of different authors share it the index gives way: it is dropped, an
ordinary one stands in its place, and the violation is noted. A merge never fails because of what a row says.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow, SqlValue
from . import counters
from .commit import CommitId
from .encoding import key_text, plain_value
from .joins import StampOf
from .life import TEXT, Life, RowId, alive
from .row_changes import checksum, exceptions_text, newest
from .rows import Change, Outcome
from .stored import Stored
from .tables import LoggedTable
from .violations import Judged

__all__ = [
    "delete_row", "insert_rows", "note_conflicts", "note_violations", "stamps_of", "tighten", "update_row",
    "write_rows", "write_stamps",
]  # fmt: skip

_NOTHING = object()


def write_rows(conn: Connection, stored: Stored, outcome: Outcome) -> None:
    """Write the rows that have changed."""
    gone, kept, come = [], [], []
    for row, change in outcome.changes.items():
        table = stored.tables.get(row.table)
        if table is None:
            continue
        if change.new is None:
            if change.old is not None:
                gone.append((table, row, change))
        elif change.old is None:
            come.append((table, row, change))
        else:
            kept.append((table, row, change))
    for table, row, _ in gone:
        delete_row(conn, table, row.key)
    for table, row, change in kept:
        assert change.old is not None, "a row that was there"
        assert change.new is not None, "and still is"
        old, new = change.old, change.new
        columns = [column for column in table.ids if column in new]
        was = tuple(old.get(column, _NOTHING) for column in columns)
        _update(conn, table, row.key, columns, was, tuple(new[column] for column in columns))
    for table, row, change in come:
        assert change.new is not None, "a row that comes"
        columns = [column for column in table.ids if column in change.new]
        values = (*row.key, *(change.new[column] for column in columns))
        _run(conn, table, _insert(table, tuple(columns)), values)


def delete_row(conn: Connection, table: LoggedTable, key: SqlRow) -> None:
    """Delete one row."""
    conn.execute(f"DELETE FROM {table.name.sql} WHERE {_same_key(table)}", key)


def update_row(conn: Connection, table: LoggedTable, key: SqlRow, old: SqlRow, new: SqlRow) -> None:
    """Write the cells of a row that differ."""
    _update(conn, table, key, table.ids, old, new)


def insert_rows(conn: Connection, table: LoggedTable, rows: list[SqlRow]) -> None:
    """Insert whole rows: key, then all cells."""
    sql = _insert(table, table.ids)
    if table.unique:  # each by itself, for an index may have to give way
        for row in rows:
            _run(conn, table, sql, row)
    elif rows:
        conn.executemany(sql, rows)


def _update(
    conn: Connection, table: LoggedTable, key: SqlRow, columns: Sequence[str], old: Sequence[object], new: SqlRow
) -> None:
    moved = [at for at, (was, now) in enumerate(zip(old, new, strict=True)) if was is not now and not _same(was, now)]
    if moved:
        names = table.names
        assigned = ", ".join(f"{quote_name(names[table.places[columns[at]]])} = ?" for at in moved)
        sql = f"UPDATE {table.name.sql} SET {assigned} WHERE {_same_key(table)}"
        _run(conn, table, sql, (*(new[at] for at in moved), *key))


def _same(was: object, now: object) -> bool:
    return type(was) is type(now) and was == now


def _insert(table: LoggedTable, columns: Sequence[str]) -> str:
    names = [*table.key, *(table.names[table.places[column]] for column in columns)]
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table.name.sql} ({', '.join(map(quote_name, names))}) VALUES ({marks})"


def _same_key(table: LoggedTable) -> str:
    return " AND ".join(f"{quote_name(name)} = ?" for name in table.key)


def _run(conn: Connection, table: LoggedTable, sql: str, values: Sequence[SqlValue]) -> None:
    """Run one write; where a UNIQUE index of ours is in the way, without it."""
    while True:
        try:
            conn.execute(sql, values)
        except sqlite3.IntegrityError as error:
            if not _give_way(conn, table, str(error)):
                raise
        else:
            return


def _give_way(conn: Connection, table: LoggedTable, message: str) -> bool:
    """Put an ordinary index in the place of the UNIQUE one of ours that `message` names."""
    named = {part.strip().rpartition(".")[2].lower() for part in message.partition(": ")[2].split(",")}
    rows = conn.execute(
        "SELECT name, sql FROM main.sqlite_schema "
        "WHERE type = 'index' AND lower(tbl_name) = ? AND name GLOB '_eddy_ux_*'",
        (table.name.name.lower(),),
    ).fetchall()
    for name, sql in rows:
        listed = conn.execute(f"PRAGMA main.index_info({quote_name(name)})").fetchall()
        if {str(row[2]).lower() for row in listed} == named:
            conn.execute(f"DROP INDEX main.{quote_name(name)}")
            ordinary = str(sql).replace("CREATE UNIQUE INDEX", "CREATE INDEX", 1).replace("_eddy_ux_", "_eddy_vx_", 1)
            conn.execute(ordinary)
            return True
    return False


def tighten(conn: Connection) -> None:
    """Make the indexes UNIQUE again that gave way: nothing violates them any more."""
    rows = conn.execute(
        "SELECT name, sql FROM main.sqlite_schema WHERE type = 'index' AND name GLOB '_eddy_vx_*'"
    ).fetchall()
    for name, sql in rows:
        conn.execute(f"DROP INDEX main.{quote_name(name)}")
        unique = str(sql).replace("CREATE INDEX", "CREATE UNIQUE INDEX", 1).replace("_eddy_vx_", "_eddy_ux_", 1)
        conn.execute(unique)


def write_stamps(
    conn: Connection, stored: Stored, outcome: Outcome, number: int, numbers: Callable[[CommitId], int]
) -> None:
    """Write the stamps of all rows of the outcome by commit `number`."""
    by_table: dict[str, list[tuple[Any, ...]]] = {}
    for row, change in outcome.changes.items():
        table = stored.tables.get(row.table)
        if table is not None:
            by_table.setdefault(row.table, []).append(stamps_of(table, row, change, number, numbers, stored.stamp))
    for table_id, rows in by_table.items():
        table = stored.tables[table_id]
        marks = ", ".join("?" * (len(table.key) + 6))
        conn.executemany(f"INSERT OR REPLACE INTO {table.rows} VALUES ({marks})", rows)


def stamps_of(
    table: LoggedTable,
    row: RowId,
    change: Change,
    number: int,
    numbers: Callable[[CommitId], int],
    stamp_of: StampOf,
) -> tuple[Any, ...]:
    """Return the stamps of a row, key first, of which commit `number` spoke last.

    A text was written by the last of those who edited it.
    """
    life = alive(change.lives)
    if life is None:
        last = change.lives[-1]
        stamp = max(map(numbers, last.ends))
        return (*row.key, last.incarnation + 1, stamp, None, None if stamp == number else number, None, None)
    assert change.new is not None, "a life that goes on is a row"
    by = {column: life.cells[column].by for column in table.ids if column in life.cells}
    for (kind, column), dots in life.dots.items():
        if kind == TEXT and dots:
            wrote = [dot.by for dot in dots]
            by[column] = max([*wrote, by[column]] if column in by else wrote, key=stamp_of)
    written = {column: numbers(by[column]) for column in table.ids if column in by}
    stamp = Counter(written.values()).most_common(1)[0][0] if written else number
    exceptions = {column: commit for column, commit in written.items() if commit != stamp}
    cells = exceptions_text(exceptions) if exceptions else None
    row_now = tuple(change.new.get(column.id, column.absent) for column in table.columns)
    last_said = None if newest(stamp, cells) == number else number
    return (
        *row.key, life.incarnation, stamp, cells, last_said, checksum(table, row_now),
        _extra(table, life, change.new, numbers),
    )  # fmt: skip


def _extra(
    table: LoggedTable, life: Life, new: Mapping[str, SqlValue], numbers: Callable[[CommitId], int]
) -> str | None:
    """Return what of a life neither the row nor its stamps hold, as JSON, or None."""
    here = set(table.ids)
    cells = {
        column: [plain_value(cell.value), numbers(cell.by)]
        for column, cell in life.cells.items()
        if column not in here or (counters.KIND, column) in life.dots
    }
    dots = [
        [kind, column, [[numbers(dot.by), plain_value(dot.value)] for dot in listed]]
        for (kind, column), listed in sorted(life.dots.items())
        if kind != TEXT
    ]
    none = sorted(here - life.cells.keys())
    extra = {name: value for name, value in (("cells", cells), ("dots", dots), ("none", none)) if value}
    return json.dumps(extra, separators=(",", ":"), ensure_ascii=False) if cells or dots else None


def note_conflicts(conn: Connection, outcome: Outcome) -> None:
    """Write the conflicts that stand and take away those that are settled."""
    for (row, incarnation), conflict in outcome.conflicts.items():
        at = (row.table, key_text(row.key), incarnation)
        if conflict is None:
            conn.execute("DELETE FROM main._eddy_conflicts WHERE (table_id, row_key, incarnation) = (?, ?, ?)", at)
        else:
            said = (conflict.columns, tuple(map(str, conflict.edits)), tuple(map(str, conflict.ends)))
            conn.execute(
                "INSERT OR REPLACE INTO main._eddy_conflicts VALUES (?, ?, ?, ?, ?, ?)", (*at, *map(json.dumps, said))
            )


def note_violations(conn: Connection, judged: Judged) -> None:
    """Write what is broken and take away what is mended."""
    for (constraint, row), violation in judged.items():
        at = (constraint, row.table, key_text(row.key))
        if violation is None:
            conn.execute("DELETE FROM main._eddy_violations WHERE (name, table_id, row_key) = (?, ?, ?)", at)
        else:
            values = json.dumps([plain_value(value) for value in violation.values])
            holder = None if violation.holder is None else key_text(violation.holder)
            conn.execute(
                "INSERT OR REPLACE INTO main._eddy_violations VALUES (?, ?, ?, ?, ?, ?)",
                (*at, violation.kind, values, holder),
            )
