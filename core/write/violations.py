"""Violations told in full: which constraint of which model said no, and which rows are in the way.

    SQLite: UNIQUE constraint failed: project.name
    ours:   Project.name is unique, and 'Core' is taken by project '01K...'; the statement left nothing behind

SQLite names a constraint and no rows, and a foreign key not at all. After a failure, and only then, the rows of the
model are held against its constraints one by one, through the transaction they failed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from ..errors import ConstraintError
from ..model.base import ModelBase
from ..row import Row
from ..schema.table import ColumnSpec, TableSpec
from ..sqltext import quote_name
from ..values import SqlValue, shown

__all__ = ["told"]

_ROWS_MAX = 5
_LEFT = "the statement left nothing behind"


class _Ran(Protocol):
    @property
    def rows(self) -> list[Row]: ...


class _Executes(Protocol):
    def execute(self, sql: str, /, *args: Any, **named: Any) -> _Ran: ...


@contextmanager
def told(tx: _Executes, written: Sequence[ModelBase], *, delete: bool = False) -> Iterator[None]:
    """Let a `ConstraintError` about rows of one model, as they were to be written or deleted, say all of it."""
    try:
        yield
    except ConstraintError as error:
        found = _find(tx, error, written, delete=delete) if written else None
        if found is None:
            raise
        raise found from error.__cause__


def _find(
    tx: _Executes, error: ConstraintError, written: Sequence[ModelBase], *, delete: bool
) -> ConstraintError | None:
    spec: TableSpec = type(written[0]).__table__
    match error.kind:
        case "unique":
            return _unique(tx, error, spec, written)
        case "check":
            return _check(tx, error, spec, written)
        case "foreign key" if delete:
            return _still_referred(tx, error, spec, written[0])
        case "foreign key":
            return _leads_nowhere(tx, error, spec, written)
    return None


def _unique(
    tx: _Executes, error: ConstraintError, spec: TableSpec, written: Sequence[ModelBase]
) -> ConstraintError | None:
    columns = [column for column in spec.columns if column.name in error.columns]
    if spec.name != error.table or not columns:
        return None
    where = " AND ".join(f"{quote_name(column.name)} = ?" for column in columns)
    keys = ", ".join(quote_name(column.name) for column in spec.key)
    sql = f"SELECT {keys} FROM {quote_name(spec.name)} WHERE {where} LIMIT {_ROWS_MAX}"
    names = ", ".join(column.attribute for column in columns)
    is_key = all(column.primary_key for column in columns)
    seen: dict[tuple[SqlValue, ...], object] = {}
    for row in written:
        values = tuple(spec.encode(column, row[column.attribute]) for column in columns)
        said = ", ".join(shown(row[column.attribute]) for column in columns)
        taken = [(spec.name, _key(found)) for found in tx.execute(sql, *values).rows]
        others = [one for one in taken if is_key or one[1] != row.__key__()]
        if not others and values in seen:
            others = [(spec.name, seen[values])]
        if others:
            message = f"{spec.model}.{names} is unique, and {said} is taken by {_listed(others)}; {_LEFT}"
            return _error(error, message, spec.name, columns, others)
        seen[values] = row.__key__()
    return None


def _check(
    tx: _Executes, error: ConstraintError, spec: TableSpec, written: Sequence[ModelBase]
) -> ConstraintError | None:
    named = {column.check: (column.check, [column]) for column in spec.columns if column.check is not None}
    conditions = {**named, **{name: (text, []) for name, text in spec.checks.items()}}
    if error.constraint not in conditions:
        return None
    text, columns = conditions[error.constraint]
    given = ", ".join(f"? AS {quote_name(column.name)}" for column in spec.columns)
    sql = f"SELECT NOT ({text}) FROM (SELECT {given}) AS {quote_name(spec.name)}"
    for row in written:
        values = [spec.encode(column, row[column.attribute]) for column in spec.columns]
        seen = bool(tx.execute(sql, *values).rows[0][0])  # not of a value that SQLite has computed
        if seen or len(written) == 1:
            at = [(spec.name, row.__key__())]
            who = f"{spec.model}.{columns[0].attribute} of {_listed(at)}" if columns else _listed(at)
            value = f" is {shown(row[columns[0].attribute])}, which" if columns and seen else ""
            message = f"{who}{value} fails the check {error.constraint!r}; {_LEFT}"
            return _error(error, message, spec.name, columns, at)
    return None


def _leads_nowhere(
    tx: _Executes, error: ConstraintError, spec: TableSpec, written: Sequence[ModelBase]
) -> ConstraintError | None:
    for row in written:
        for column in spec.columns:
            to, value = column.reference, row[column.attribute]
            if to is None or value is None:
                continue
            sql = f"SELECT 1 FROM {quote_name(to.table)} WHERE {quote_name(to.column)} = ?"
            if not tx.execute(sql, spec.encode(column, value)).rows and value != row.__key__():
                message = f"{spec.model}.{column.attribute} is {shown(value)}, and {to.table} has no such row; {_LEFT}"
                return _error(error, message, spec.name, [column], [(spec.name, row.__key__())])
    return None


def _still_referred(tx: _Executes, error: ConstraintError, spec: TableSpec, row: ModelBase) -> ConstraintError | None:
    """Return the error that names who refers to `row`, in any table of the file."""
    referring = tx.execute(
        'SELECT m.name, f."from" FROM main.sqlite_schema m JOIN pragma_foreign_key_list(m.name) f '
        "WHERE m.type = 'table' AND lower(f.\"table\") = ? AND f.on_delete IN ('NO ACTION', 'RESTRICT') "
        "ORDER BY m.name, f.seq",
        spec.name.lower(),
    ).rows
    if len(spec.key) != 1:
        return None
    key, found = spec.encode(spec.key[0], row.__key__()), []
    for table, column in referring:
        rowid = tx.execute("SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", table).rows
        names = ", ".join(quote_name(str(name[0])) for name in rowid) or "rowid"
        sql = f"SELECT {names} FROM {quote_name(table)} WHERE {quote_name(column)} = ? LIMIT {_ROWS_MAX}"
        found += [(str(table), _key(one)) for one in tx.execute(sql, key).rows]
    if not found:
        return None
    message = f"{spec.model} {shown(row.__key__())} can't be deleted: {_listed(found)} still lead to it; {_LEFT}"
    return _error(error, message, spec.name, [], found[:_ROWS_MAX])


def _error(
    error: ConstraintError,
    message: str,
    table: str,
    columns: Iterable[ColumnSpec],
    rows: Iterable[tuple[str, object]],
) -> ConstraintError:
    names = tuple(column.attribute for column in columns)
    constraint = error.constraint or ", ".join(names)
    return ConstraintError(
        message, sql=error.sql, kind=error.kind, constraint=constraint, table=table, columns=names, rows=tuple(rows)
    )


def _key(found: Row) -> object:
    return found[0] if len(found) == 1 else tuple(found)


def _listed(rows: Sequence[tuple[str, object]]) -> str:
    said = [f"{table} {shown(key)}" for table, key in rows[:_ROWS_MAX]]
    return ", ".join(said) + (" and more" if len(rows) >= _ROWS_MAX else "")
