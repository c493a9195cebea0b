"""Tables of another SQLite file, read on a snapshot of it.

A table that isn't here yet is made by its own DDL there: types, keys, constraints, STRICT and WITHOUT ROWID stay, so
do its indexes. For another name SQLite renames it in an empty database first, so what refers to itself
goes on to. Computed columns are computed anew. Views, triggers and virtual tables stay behind.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from ..errors import ImportFileError
from ..schema.catalog import Catalog, TableInfo, TableName
from ..sqltext import quote_name
from ..write.sync import SyncTransaction
from .files import Source, failure
from .load import BATCH_ROWS, Target, insert, target_of
from .result import ImportedTable

__all__ = ["count_rows", "import_tables"]

_LOCK_WAIT_S = 2.0
_NAME = r""" "(?:[^"]|"")*" | '(?:[^']|'')*' | `(?:[^`]|``)*` | \[[^\]]*\] | [^\s(]+ """
_INDEX = re.compile(rf"(CREATE\ (?:UNIQUE\ )?INDEX\ )({_NAME})", re.VERBOSE)


@contextmanager
def _opened(source: Source) -> Iterator[sqlite3.Connection]:
    """Open the file on one snapshot. What SQLite can't read of it becomes `ImportFileError`."""
    target = f"file:{quote(str(source.path.resolve()))}?mode=ro"
    try:
        with closing(
            sqlite3.connect(target, uri=True, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
        ) as conn:
            conn.execute("BEGIN")
            yield conn
    except sqlite3.Error as error:
        raise failure(source.path, f"SQLite can't read it: {error}") from error


def _tables(source: Source, catalog: Catalog) -> list[TableName]:
    """Return the tables to import. Raises `ImportFileError` where the source doesn't say which."""
    there = [name for name in catalog.ordinary() if name.schema == "main"]
    if source.table is not None:
        lowered = source.table.lower()
        chosen = [name for name in there if name.name.lower() == lowered]
        if not chosen:
            listed = ", ".join(name.name for name in there) or "none"
            raise failure(source.path, f"there is no table {source.table!r}; there are: {listed}")
        return chosen
    if not there:
        raise failure(source.path, "it holds no table")
    if source.into is not None and len(there) > 1:
        listed = ", ".join(name.name for name in there)
        raise failure(source.path, f"into= takes one table, and the file has {listed}; say which: table=")
    return there


def count_rows(source: Source, told: Callable[[int], None]) -> int:
    """Return how many rows will be imported. `told(bytes)` is called now and then, and may raise."""
    with _opened(source) as conn:
        rows = 0
        for name in _tables(source, Catalog(conn)):
            told(0)
            rows += int(conn.execute(f"SELECT count(*) FROM {name.sql}").fetchone()[0])
        told(source.size_bytes)
        return rows


@dataclass(frozen=True, slots=True)
class _Copied:
    """One table there, and the table here that takes its rows."""

    there: TableInfo
    target: Target


def import_tables(
    tx: SyncTransaction, catalog: Callable[[], Catalog], source: Source, told: Callable[[int], None]
) -> tuple[ImportedTable, ...]:
    """Copy the tables; return what was done to each. `told(rows)` is called after each batch, and may raise."""
    done: list[ImportedTable] = []
    with _opened(source) as conn:
        there = Catalog(conn)
        names = there.parents_first(_tables(source, there))
        copied = [_table(tx, catalog, source, conn, there.table(name)) for name in names]
        _check_parents(catalog(), source, copied)
        for one in copied:
            written = partial(_told_beside, told, sum(table.rows for table in done))
            unit = f"{one.there.name.name}, row"
            rows = insert(tx, source, one.target, _records(conn, one.there), unit=unit, told=written)
            done.append(ImportedTable(one.target.info.name.name, rows, one.target.created, one.target.added))
    return tuple(done)


def _told_beside(told: Callable[[int], None], before: int, rows: int) -> None:
    told(before + rows)


def _table(
    tx: SyncTransaction, catalog: Callable[[], Catalog], source: Source, conn: sqlite3.Connection, there: TableInfo
) -> _Copied:
    """Make or find the table here that takes the rows of `there`."""
    into = source.into or there.name.name
    types = {column.name: "REAL" if column.affinity == "NUMERIC" else column.affinity for column in there.columns}
    ddl, indexes = _ddl(source, conn, there.name.name, into)
    target = target_of(tx, catalog, source, into, types, is_text=False, make=lambda: _make(tx, source, ddl))
    for index in indexes if target.created else ():
        _make(tx, source, _free_name(catalog(), index, into))
    return _Copied(there, target)


def _check_parents(catalog: Catalog, source: Source, copied: list[_Copied]) -> None:
    """Raise where a table that was made refers to one that is not here: no row could be written to it."""
    for one in copied:
        name = one.target.info.name
        missing = [
            foreign.table for foreign in catalog.foreign_keys(name) if catalog.find(foreign.table, "main") is None
        ]
        if one.target.created and missing:
            raise failure(
                source.path, f"{name} refers to {', '.join(missing)}, not there yet; import that first, or all tables"
            )


def _records(conn: sqlite3.Connection, there: TableInfo) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a table in the order of their rowids; columns that are computed are left out."""
    columns = [column.name for column in there.columns if not column.generated]
    order = f" ORDER BY {quote_name(there.rowid_alias)}" if there.rowid_alias else ""
    cursor = conn.execute(f"SELECT {', '.join(map(quote_name, columns))} FROM {there.name.sql}{order}")
    at = 0
    while batch := cursor.fetchmany(BATCH_ROWS):
        for row in batch:
            at += 1
            yield at, dict(zip(columns, row, strict=True))


def _make(tx: SyncTransaction, source: Source, ddl: str) -> None:
    try:
        tx.execute(ddl)
    except ImportFileError:
        raise
    except Exception as error:
        raise failure(source.path, f"{' '.join(ddl.split())[:80]!r} can't be run here: {error}") from error


def _ddl(source: Source, conn: sqlite3.Connection, name: str, into: str) -> tuple[str, list[str]]:
    """Return the DDL of table `name` under the name `into`, and that of its indexes."""
    query = "SELECT type, sql FROM sqlite_schema WHERE tbl_name = ? AND type IN ('table', 'index') AND sql IS NOT NULL"
    query += " ORDER BY type DESC, rowid"
    found = conn.execute(query, (name,)).fetchall()
    if name != into:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
            try:
                for _, sql in found:
                    empty.execute(sql)
                empty.execute(f"ALTER TABLE {quote_name(name)} RENAME TO {quote_name(into)}")
            except sqlite3.Error as error:
                raise failure(source.path, f"{name} can't be made under another name: {error}") from error
            found = empty.execute(query, (into,)).fetchall()
    return str(found[0][1]), [str(sql) for kind, sql in found if kind == "index"]


def _free_name(catalog: Catalog, ddl: str, table: str) -> str:
    """Return the DDL of an index under a name that is free here: its own, or one with the table's behind it."""
    match = _INDEX.match(ddl)
    assert match is not None, "SQLite writes the start of every CREATE INDEX alike"
    name = _unquoted(match[2])
    taken = catalog.index_names()
    free = name
    at = 1
    while free.lower() in taken:
        free = f"{name}_{table}" if at == 1 else f"{name}_{table}_{at}"
        at += 1
    return ddl if free == name else f"{match[1]}{quote_name(free)}{ddl[match.end() :]}"


def _unquoted(token: str) -> str:
    if token[0] == "[":
        return token[1:-1]
    return token[1:-1].replace(token[0] * 2, token[0]) if token[0] in "\"'`" else token
