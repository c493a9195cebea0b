"""Rows of models: what `tx.add`, `update`, `delete`, `upsert` and `get` run.

    tx.add(Issue(title="x"))      INSERT INTO issue (id, title, ...) VALUES (?, ?, ...)
    tx.update(issue, state="x")   UPDATE issue SET state = :s0 WHERE id = :k0 RETURNING ...

Ordinary statements through the transaction they are called in, so capture, hooks and views see them as any other. The
texts are constant per model and set of columns: the driver's cache keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from itertools import groupby
from typing import Any, Protocol, TypeAlias, TypeVar

from ..errors import ConflictError, ConstraintError, MissingRowError, ParameterError
from ..model.base import ModelBase
from ..model.column import Assignment, Column, key_of
from ..query.compiled import compile_exprs
from ..query.expr import read_once
from ..row import Row
from ..schema.table import ColumnSpec, TableSpec
from ..sqltext import quote_name
from ..values import SqlValue, same_typed
from .violations import told

__all__ = ["By", "add", "add_all", "delete", "erase", "expect", "get", "restore", "select_row", "update", "upsert"]

M = TypeVar("M", bound=ModelBase)

By: TypeAlias = Column[Any] | Sequence[Column[Any]]
"""The column, or the columns, by which `upsert` finds a row."""


class Ran(Protocol):
    """What a statement gave back."""

    @property
    def rowcount(self) -> int: ...
    @property
    def rows(self) -> list[Row]: ...
    @property
    def lastrowid(self) -> int | None: ...


class Executes(Protocol):
    """The open transaction, as far as it is needed here."""

    def execute(self, sql: str, /, *args: Any, **named: Any) -> Ran: ...
    def executemany(self, sql: str, many: Iterable[Any], /) -> Ran: ...
    def savepoint(self) -> AbstractContextManager[None]: ...
    def _gives(self, table: str, column: str) -> bool: ...


def add(tx: Executes, row: M) -> M:
    """Insert `row`; return it, with the key that SQLite has given where it was left out."""
    spec = _spec(row)
    values = _encoded(spec, row)
    at = next((at for at, column in enumerate(spec.columns) if column.given_by_sqlite and values[at] is None), None)
    if at is not None and not tx._gives(spec.name, spec.columns[at].name):
        raise ParameterError(
            f"{spec.model} needs {spec.columns[at].attribute}: SQLite gives numbers to an INTEGER PRIMARY KEY alone, "
            "and that column is none"
        )
    back = " RETURNING " + _names(spec.columns) if len(spec.written) < len(spec.columns) else ""
    with told(tx, [row]):
        result = tx.execute(_insert(spec) + back, *values)
    if back:
        return type(row)._from_sql(result.rows[0])
    if at is None:
        return row
    made = list(row)
    made[at] = result.lastrowid
    complete: M = tuple.__new__(type(row), made)  # type: ignore[type-var]  # a model is a tuple at run time
    return complete


def add_all(tx: Executes, many: Sequence[M]) -> list[M]:
    """Insert rows, in their order; return them as `add` does."""
    for row in many:
        _spec(row)
    made: list[M] = []
    for _, run in groupby(many, type):
        rows = list(run)
        spec = _spec(rows[0])
        if any(column.given_by_sqlite or column.generated for column in spec.columns):
            made += [add(tx, row) for row in rows]
        else:
            with told(tx, rows):
                tx.executemany(_insert(spec), [_encoded(spec, row) for row in rows])
            made += rows
    return made


def update(tx: Executes, row: M, changes: Sequence[Assignment], values: dict[str, Any]) -> M:
    """Change columns of `row`; return it as it is now. Raises `MissingRowError`."""
    spec = _spec(row)
    texts, args = _set_clause(type(row), spec, changes, values)
    if not texts:
        raise ParameterError(f"update of {spec.model} says no column: tx.update(row, {spec.columns[-1].attribute}=...)")
    where, key = _by_key(spec, row)
    sql = f"UPDATE {quote_name(spec.name)} SET {', '.join(texts)} WHERE {where} RETURNING {_columns(spec)}"

    def run() -> M:
        with told(tx, [_with(spec, row, values)]):
            found = tx.execute(sql, **args, **key).rows
        if not found:
            raise _missing(spec, row)
        return type(row)._from_sql(found[0])

    changed = {*values, *(change.column._attribute for change in changes)}
    looked_at = [column for column in spec.validated if column.attribute in changed]
    if not looked_at and not row._validates():
        return run()
    with tx.savepoint():  # what SQLite has computed is looked at, too
        made = run()
        for column in looked_at:
            spec.validate(column, made[column.attribute])
        if made._validates():
            made._validate_whole()
    return made


def delete(tx: Executes, row: ModelBase) -> None:
    """Delete `row`, by a mark where its model says so. Raises `MissingRowError` if it is gone."""
    spec = _spec(row)
    if not spec.soft:
        erase(tx, row)
        return
    from .soft import mark

    if not mark(tx, row, spec):
        raise _missing(spec, row)


def restore(tx: Executes, row: M) -> M:
    """Take the mark off `row` and what was deleted with it; return it. Raises `MissingRowError` if it is gone."""
    spec = _spec(row)
    if not spec.soft:
        raise ParameterError(f"{spec.model} is deleted for good; a SoftDeleted model can be restored")
    from .soft import unmark

    found = get(tx, type(row), row) if unmark(tx, row, spec) else None
    if found is None:
        raise _missing(spec, row)
    return found


def erase(tx: Executes, row: ModelBase) -> None:
    """Delete `row` for good. Raises `MissingRowError` if it is gone."""
    spec = _spec(row)
    where, key = _by_key(spec, row)
    with told(tx, [row], delete=True):
        gone = tx.execute(f"DELETE FROM {quote_name(spec.name)} WHERE {where}", **key).rowcount
    if not gone:
        raise _missing(spec, row)


def upsert(tx: Executes, row: M, by: By) -> M:
    """Update the row that agrees with `row` in the columns `by`, or insert `row`; return what is there now.

    An update sets the columns that were spelled out when `row` was made, not those that took their default; all of
    them if it was read from the database.
    """
    spec = _spec(row)
    columns = [_own_column(type(row), one) for one in (by if isinstance(by, list | tuple) else [by])]
    if not columns:
        raise ParameterError(f"upsert of {spec.model} says no column to find the row by: by={spec.model}.column")
    where = " AND ".join(f"{quote_name(column.name)} IS :b{at}" for at, column in enumerate(columns))
    wanted = {f"b{at}": spec.encode(column, row[column.attribute]) for at, column in enumerate(columns)}
    found = tx.execute(f"SELECT {_columns(spec)} FROM {quote_name(spec.name)} WHERE {where} LIMIT 2", **wanted).rows
    if not found:
        return add(tx, row)
    if len(found) > 1:
        names = ", ".join(column.attribute for column in columns)
        raise ConstraintError(f"several rows of {spec.name} agree in {names}: upsert can't tell which one", sql=where)
    there = type(row)._from_sql(found[0])
    fixed = {column.attribute for column in (*columns, *spec.key)}
    free = [column.attribute for column in spec.written if column.attribute not in fixed]
    given = {name: row[name] for name in free if name in row._said()}
    if spec.soft and there[spec.soft] is not None:
        given.setdefault(spec.soft, None)  # it is there again
    return update(tx, there, (), given) if given else there


def get(tx: Executes, model: type[M], key: Any) -> M | None:  # Any: a key, of one column or several
    """Return the row of `model` with the key `key`, or None."""
    sql, values = select_row(model, key)
    found = tx.execute(sql, *values).rows
    return model._from_sql(found[0]) if found else None


def expect(tx: Executes, row: ModelBase, columns: Sequence[Column[Any]]) -> None:
    """Raise `ConflictError` unless `row` is still as it was read, in `columns` or in all."""
    spec = _spec(row)
    asked = [_own_column(type(row), column) for column in columns] or list(spec.columns)
    where, key = _by_key(spec, row)
    found = tx.execute(f"SELECT {_columns(spec)} FROM {quote_name(spec.name)} WHERE {where}", **key).rows
    if not found:
        raise ConflictError(
            f"the row of {spec.name} with the key {key_of(row)!r} is gone", row=row, found=None, columns=()
        )
    there = type(row)._from_sql(found[0])
    differ = tuple(
        column.attribute
        for column in asked
        if not same_typed(spec.encode(column, row[column.attribute]), spec.encode(column, there[column.attribute]))
    )
    if differ:
        raise ConflictError(
            f"the row of {spec.name} with the key {key_of(row)!r} has changed since it was read, in "
            f"{', '.join(differ)}; read it again and decide anew",
            row=row,
            found=there,
            columns=differ,
        )


def select_row(model: object, key: Any) -> tuple[str, list[SqlValue]]:  # Any: as in `get`
    """Return the statement that reads one row, and its parameters."""
    if not (isinstance(model, type) and issubclass(model, ModelBase)):
        raise ParameterError(f"get takes a model and a key, not {model!r:.60}")
    spec: TableSpec = model.__table__
    if isinstance(key, ModelBase) and _spec(key).name != spec.name:
        raise ParameterError(f"get of {spec.model} takes its key or a row of it, not a row of {_spec(key).model}")
    parts = key_of(key)
    parts = parts if len(spec.key) > 1 and isinstance(parts, tuple | list) else (parts,)
    if len(parts) != len(spec.key):
        names = ", ".join(column.attribute for column in spec.key)
        raise ParameterError(f"the key of {spec.model} is ({names}): give {len(spec.key)} values")
    values = [spec.encode(column, part) for column, part in zip(spec.key, parts, strict=True)]
    where = " AND ".join(f"{quote_name(column.name)} = ?" for column in spec.key)
    if spec.soft:
        where += f" AND {quote_name(spec.by_attribute[spec.soft].name)} IS NULL"
    return f"SELECT {_columns(spec)} FROM {quote_name(spec.name)} WHERE {where}", values


# --- parts


def _spec(row: object) -> TableSpec:
    if not isinstance(row, ModelBase):
        hint = " (an instance, not the class)" if isinstance(row, type) else ""
        raise ParameterError(f"this takes a row of a model{hint}, not {row!r:.60}")
    spec: TableSpec = type(row).__table__
    return spec


def _with(spec: TableSpec, row: M, values: dict[str, Any]) -> M:
    """Return `row` as it is to become, as far as that is said by values."""
    made: M = tuple.__new__(type(row), [values.get(name, row[name]) for name in spec.attributes])  # type: ignore[type-var]  # a model is a tuple at run time
    return made


def _encoded(spec: TableSpec, row: ModelBase) -> list[SqlValue]:
    return [
        None if value is None and column.given_by_sqlite else spec.encode(column, value)
        for column, value in zip(spec.columns, row, strict=True)
        if not column.generated
    ]


@lru_cache(maxsize=512)
def _insert(spec: TableSpec) -> str:
    marks = ", ".join("?" * len(spec.written))
    return f"INSERT INTO {quote_name(spec.name)} ({_names(spec.written)}) VALUES ({marks})"


def _columns(spec: TableSpec) -> str:
    return _names(spec.columns)


def _names(columns: Iterable[ColumnSpec]) -> str:
    return ", ".join(quote_name(column.name) for column in columns)


def _by_key(spec: TableSpec, row: ModelBase) -> tuple[str, dict[str, SqlValue]]:
    where = " AND ".join(f"{quote_name(column.name)} = :k{at}" for at, column in enumerate(spec.key))
    return where, {f"k{at}": spec.encode(column, row[column.attribute]) for at, column in enumerate(spec.key)}


def _set_clause(
    model: type[ModelBase], spec: TableSpec, changes: Sequence[Assignment], values: dict[str, Any]
) -> tuple[list[str], dict[str, SqlValue]]:
    texts: list[str] = []
    args: dict[str, SqlValue] = {}
    for name, value in values.items():
        column = spec.by_attribute.get(name)
        if column is None:
            raise ParameterError(f"{spec.model} has no column {name}; it has: {', '.join(spec.attributes)}")
        _refuse_computed(spec, column)
        texts.append(f"{quote_name(column.name)} = :s{len(args)}")
        args[f"s{len(args)}"] = spec.encode(column, value)
    columns = []
    for change in changes:
        if not isinstance(change, Assignment):
            raise ParameterError(f"update takes {spec.model}.column.set(value) or column=value, not {change!r:.60}")
        columns.append(_own_column(model, change.column))
        _refuse_computed(spec, columns[-1])
    doubled = _twice([*values, *(column.attribute for column in columns)])
    if doubled is not None:
        raise ParameterError(f"update sets {spec.model}.{doubled} twice; say it once")
    made, given = compile_exprs([change.node for change in changes], model.__origin__)
    texts += [f"{quote_name(column.name)} = {text}" for column, text in zip(columns, made, strict=True)]
    return texts, args | {name: read_once(value) for name, value in given.items()}


def _refuse_computed(spec: TableSpec, column: ColumnSpec) -> None:
    if column.generated:
        raise ParameterError(f"{spec.model}.{column.attribute} is computed by SQLite and can't be set")


def _twice(names: Sequence[str]) -> str | None:
    return next((name for at, name in enumerate(names) if name in names[:at]), None)


def _own_column(model: type[ModelBase], given: object) -> ColumnSpec:
    """Return the column, which has to be one of `model`."""
    if not isinstance(given, Column) or given._owner is not model:
        raise ParameterError(f"{given!r:.60} is no column of {model.__name__}; write {model.__name__}.column")
    return model.__table__.by_attribute[given._attribute]


def _missing(spec: TableSpec, row: ModelBase) -> MissingRowError:
    key = key_of(row)
    message = f"no row of {spec.name} has the key {key!r} any more; nothing was written"
    return MissingRowError(message, table=spec.name, id=key)
