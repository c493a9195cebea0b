"""SQLite's own verdict on a text: is it valid, what does it compile to, which tables does it read.

`EXPLAIN` compiles without running. The authorizer is asked about every table that a text reads, views and triggers
included; it expires the prepared statements of its connection, so it is set only for texts that no plan covers.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from ..errors import QueryError
from ..schema.catalog import Catalog, TableName
from ..sqltext import first_word, statement_kind, uncached
from ..store import Connection, Cursor
from .diagnose import tokens, translate

__all__ = ["check", "column_names", "explain", "index_use", "is_private", "overheard", "same_program", "tables_read"]

Note: TypeAlias = Callable[[int, str | None, str | None, str | None, str | None], None]
"""Hears of an action (https://sqlite.org/c3ref/c_alter_table.html), two names, the schema, the trigger behind it."""

_USES = re.compile(r"uses (\d+)")
_TRANSACTION, _OPCODE, _P2 = "Transaction", 1, 3


_NAMES_END = frozenset({";", "LIMIT", "UNION", "INTERSECT", "EXCEPT"})


class _Anything(dict[str, None]):
    """Parameters for EXPLAIN: NULL under every name."""

    def __missing__(self, name: str) -> None:
        return None


def explain(conn: Connection, sql: str, how: str = "EXPLAIN") -> list[tuple[Any, ...]]:
    """Return the rows of `EXPLAIN sql`, whatever parameters it takes. Raises SQLite's error.

    Bytes of blob literals stand among the instructions as text.
    """
    usual, conn.text_factory = conn.text_factory, _any_bytes
    try:
        return _run(conn, uncached(f"{how} {sql}")).fetchall()
    finally:
        conn.text_factory = usual


def _any_bytes(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def column_names(conn: Connection, sql: str) -> tuple[str, ...]:
    """Return the names of the columns of the valid query `sql`, as SQLite gives them, without reading a row.

    Those of a compound are its first SELECT's, which is asked alone: SQLite runs the parts of one also under LIMIT 0.
    Where such a query is ordered under a COLLATE it is asked whole all the same: SQLite then names columns otherwise.
    """
    depth, first, end, collates = 0, len(sql), len(sql), False
    for at, token in tokens(sql):
        depth += (token == "(") - (token == ")")
        word = token.upper() if depth == 0 else ""
        if word in _NAMES_END:
            first = min(first, at)
            if word in (";", "LIMIT"):
                end = at
                break
        collates = collates or (word == "COLLATE" and first < at)
    cursor = _run(conn, f"{sql[: end if collates else first]}\nLIMIT 0")
    return tuple(str(column[0]) for column in cursor.description)


def _run(conn: Connection, sql: str) -> Cursor:
    """Run `sql` with NULL for each of its parameters, named or not."""
    try:
        return conn.execute(sql, _Anything())
    except sqlite3.ProgrammingError as error:
        if "has no name" not in str(error):
            raise
    try:
        return conn.execute(sql)
    except sqlite3.ProgrammingError as error:
        uses = _USES.search(str(error))
        if uses is None:
            raise
        return conn.execute(sql, [None] * int(uses.group(1)))


def check(conn: Connection, sql: str) -> None:
    """Raise our `QueryError` unless `sql` is one valid query that writes nothing."""
    if statement_kind(sql) not in ("read", "write") or first_word(sql) == "EXPLAIN":
        raise QueryError(f"a live query must be a SELECT, not {first_word(sql)}", sql=sql)
    try:
        program = explain(conn, sql)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise translate(error, sql, conn) from error
    if any(row[_OPCODE] == _TRANSACTION and row[_P2] for row in program) or not _returns_rows(program):
        raise QueryError("a live query must be a SELECT; this statement writes or returns nothing", sql=sql)


def _returns_rows(program: list[tuple[Any, ...]]) -> bool:
    return any(row[_OPCODE] == "ResultRow" for row in program)


def same_program(conn: Connection, left: str, right: str) -> bool:
    """Say whether SQLite compiles both texts to the same instructions."""
    return _instructions(conn, left) == _instructions(conn, right)


def _instructions(conn: Connection, sql: str) -> list[tuple[Any, ...]]:
    """Return opcodes and operands, without the names of parameters."""
    return [row[:4] if row[_OPCODE] == "Variable" else row[:7] for row in explain(conn, sql)]


def index_use(conn: Connection, sql: str) -> tuple[str, ...]:
    """Return SQLite's query plan as lines, one a loop."""
    return tuple(str(row[3]) for row in explain(conn, sql, "EXPLAIN QUERY PLAN"))


@contextmanager
def overheard(conn: Connection, note: Note) -> Iterator[None]:
    """Have SQLite tell `note` what each text does that is compiled inside; nothing is forbidden."""

    def allow(*said: Any) -> int:  # Any: an action and its names
        note(*said)
        return sqlite3.SQLITE_OK

    conn.set_authorizer(allow)
    try:
        yield
    finally:
        conn.set_authorizer(None)


def is_private(sql: str, catalog: Catalog) -> bool:
    """Say whether `sql` may speak of what only this connection sees, in temp or an attached memory database."""
    return any(text.strip('"`[]').lower() in catalog.private for _, text in tokens(sql))


def tables_read(conn: Connection, sql: str, catalog: Catalog) -> tuple[frozenset[TableName], tuple[str, ...]]:
    """Return the tables whose change can change the result of `sql`, and the functions that it calls.

    A virtual table counts as its shadow tables, where its rows are kept. The schema table takes no trigger, but whoever
    changes it moves the schema, which is followed anyway; SQLite's other own tables may change with any table.
    """
    read: set[tuple[str, str]] = set()
    functions: set[str] = set()

    def note(action: int, first: str | None, second: str | None, schema: str | None, _inner: str | None) -> None:
        if action == sqlite3.SQLITE_READ and first:
            read.add((schema or "main", first))
        elif action == sqlite3.SQLITE_FUNCTION and second:
            functions.add(second.lower())

    with overheard(conn, note):
        explain(conn, sql)
    tables: set[TableName] = set()
    for schema, name in read:
        table = catalog.find(name, schema)
        if table is None or table.kind == "view":
            continue
        if table.kind == "virtual":
            tables.update(catalog.shadows(table.name))
        elif not table.name.name.lower().startswith("sqlite_"):
            tables.add(table.name)
        elif not table.name.name.lower().endswith(("_schema", "_master")):
            tables.update(catalog.ordinary())
    return frozenset(tables), tuple(sorted(functions))
