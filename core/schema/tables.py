"""Tables and columns made by sqlite-utils, inside a transaction of ours.

    sqlite_utils.Database( connection that only hands on )  --every statement-->  tx.execute

sqlite-utils writes the SQL (names, types, keys, defaults) and looks at what is there; it never sees the connection. So
it can't commit, its savepoints nest in ours, capture is made anew after each statement that changes the schema, and a
failure undoes all of it with the rest of the transaction.
It is imported on first use: 90 ms.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ..sqltext import statement_kind

if TYPE_CHECKING:
    from sqlite_utils import Database as TableTools

__all__ = ["add_column", "create_table", "table_tools"]


class _Cursor:
    """The rows of one statement as a DB-API cursor gives them."""

    def __init__(self, rows: list[Any]) -> None:  # Any: a row is a tuple of SQLite's values
        self._rows = iter(rows)
        self.description = None

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)


class _HandsOn:
    """What sqlite-utils takes for a connection with an open transaction."""

    in_transaction = True

    def __init__(self, execute: Callable[..., Any]) -> None:  # Any: tx.execute, whose result has `rows`
        self._execute = execute

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> _Cursor:
        assert statement_kind(sql) != "control", "sqlite-utils neither begins nor ends a transaction that is open"
        return _Cursor(self._execute(sql, *parameters).rows)


def table_tools(execute: Callable[..., Any]) -> TableTools:  # Any: tx.execute, whose result has `rows`
    """Return sqlite-utils' database over the open transaction that `execute` writes to; it never commits."""
    import sqlite_utils

    conn = cast(sqlite3.Connection, _HandsOn(execute))  # the part of it that sqlite-utils uses
    return sqlite_utils.Database(conn, recursive_triggers=False, execute_plugins=False)


def create_table(
    execute: Callable[..., Any], name: str, columns: Mapping[str, Any], *, key: Sequence[str] = ()
) -> None:
    """Make the table `name` with `columns`: a type for each name, Python's own or SQLite's."""
    table_tools(execute).create_table(name, dict(columns), pk=(key[0] if len(key) == 1 else tuple(key)) or None)


def add_column(execute: Callable[..., Any], table: str, name: str, kind: Any) -> None:  # Any: as in create_table
    """Add the column `name` to `table`; its rows hold NULL in it."""
    table_tools(execute).table(table).add_column(name, kind)
