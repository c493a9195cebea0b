"""The rows of one file into one table: the part of an import that runs inside the write job.

    the table is there?   no: sqlite-utils makes it     yes: columns matched by name, new ones added or refused
    record  -->  the columns that it has, nothing for those it hasn't: defaults hold, an upsert leaves the others alone
            -->  INSERT, or with `key` INSERT .. ON CONFLICT(key) DO UPDATE, 500 rows a statement run

A row that the table refuses is found by running its batch again row by row: all of it is undone anyhow.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from ..errors import ParameterError, QueryError, ReadOnlyError, RolledBackError, StatementError
from ..ids import new_id
from ..schema.catalog import Catalog, ColumnInfo, TableInfo
from ..schema.tables import add_column, create_table
from ..sqltext import quote_name
from ..values import has_lone_surrogate
from ..write.sync import SyncTransaction
from .files import Source, failure
from .models import default_of, encoder
from .records import fold
from .types import number

__all__ = ["Target", "insert", "target_of"]

BATCH_ROWS: Final = 500
_STATEMENTS_MAX: Final = 1_000

_Batch: TypeAlias = list[tuple[int, list[Any]]]  # the place of each row in the file, and its values


@dataclass(frozen=True, slots=True)
class Target:
    """The table that takes the rows; `columns` leads from a name in the file to a column, None where it is computed."""

    info: TableInfo
    created: bool
    added: tuple[str, ...]
    columns: dict[str, ColumnInfo | None]
    key: tuple[str, ...]
    filled: dict[str, Callable[[], Any]]  # Any: a value of SQLite's, where a record says nothing
    converted: dict[str, Callable[[Any], Any]]  # Any: a value of the file, and what SQLite is given for it


def target_of(
    tx: SyncTransaction,
    catalog: Callable[[], Catalog],
    source: Source,
    name: str,
    types: dict[str, Any],
    *,
    is_text: bool,
    make: Callable[[], None] | None = None,
) -> Target:
    """Return the table `name`, made or altered so that it takes columns of `types`, names of the file.

    `make` makes it instead of sqlite-utils. Raises `ImportFileError` where the file doesn't fit the table.
    """
    path = source.path
    _check_names(source, types)
    key = tuple(_in_file(source, one, types) for one in source.key)
    info = catalog().find(name, "main")
    created = info is None
    added: tuple[str, ...] = ()
    if info is None:
        if name.lower() in source.models:
            model = source.models[name.lower()].model
            raise failure(path, f"the table of {model} is not there yet; open the database with models=[{model}]")
        if make is None:
            create_table(tx.execute, name, types, key=key)
        else:
            make()
    elif info.kind != "table":
        raise failure(path, f"{name!r} is no ordinary table but a {info.kind} table or view; name another: into=")
    else:
        added = _add_missing(tx, source, info, types)
    info = catalog().find(name, "main")
    assert info is not None, "made or found above"
    columns = {one: _column(info, one) for one in types}
    if key and not created:
        _check_unique(catalog(), source, info, [columns[one] for one in key])
    usable = {one: None if column is not None and column.generated else column for one, column in columns.items()}
    filled, converted = _by_model(source, info, usable)
    if is_text:
        converted = {**_converted(catalog(), source, info, columns, types), **converted}
    return Target(info, created, added, usable, key, filled, converted)


def insert(
    tx: SyncTransaction,
    source: Source,
    target: Target,
    records: Iterable[tuple[int, dict[str, Any]]],
    *,
    unit: str,
    told: Callable[[int], None],
) -> int:
    """Write `records`; return how many. `told(rows)` is called after each batch, and may raise."""
    rows = 0
    names: tuple[str, ...] | None = None
    batch: _Batch = []
    statements: dict[tuple[str, ...], _Statement] = {}

    def flush() -> None:
        nonlocal rows
        if batch and names is not None:
            _run(tx, source, statements[names], batch, unit)
            rows += len(batch)
            batch.clear()
            told(rows)

    for place, record in records:
        try:
            for name, convert in target.converted.items():
                if name in record:
                    record[name] = convert(record[name])
            said = tuple(record)
            for name, value in target.filled.items():
                if name not in record:
                    record[name] = value()
        except ParameterError as error:
            raise _at(source, unit, place, str(error)) from error
        if said != names or len(batch) >= BATCH_ROWS:
            flush()
            names = said
            if names not in statements:
                if len(statements) >= _STATEMENTS_MAX:
                    statements.clear()
                statements[names] = _statement(target, tuple(record), names)
        for name in target.key:
            if record.get(name) is None:
                raise _at(source, unit, place, f"no value for the key {name!r}, by which rows are found")
        batch.append((place, [record[name] for name in statements[names].names]))
    flush()
    return rows


# -- statements


@dataclass(frozen=True, slots=True)
class _Statement:
    """How rows with the columns `names` are written: `insert`, or first `update` and `insert` where it found none."""

    names: tuple[str, ...]
    insert: str
    update: str | None
    update_order: tuple[int, ...]


def _statement(target: Target, names: Sequence[str], said: Sequence[str]) -> _Statement:
    """Return how records with the columns `names` are written, of which the file said `said`: only those update."""
    info = target.info
    kept: list[tuple[str, str]] = []
    for name in names:
        column = target.columns[name]
        if column is not None:
            kept.append((name, column.name))
    table = info.name.sql
    columns = [column for _, column in kept]
    values = ", ".join("?" * len(columns))
    sql = (
        f"INSERT INTO {table} ({', '.join(map(quote_name, columns))}) VALUES ({values})"
        if columns
        else f"INSERT INTO {table} DEFAULT VALUES"
    )
    update: str | None = None
    order: tuple[int, ...] = ()
    if target.key:
        key = [column for name, column in kept if name in target.key]
        own = info.primary_key if target.filled else ()  # the key of a model's row stays its own
        set_ = [
            at
            for at, (name, column) in enumerate(kept)
            if name in said and name not in target.key and column not in own
        ]
        if _lacks_required(info, columns) and set_:
            sets = ", ".join(f"{quote_name(columns[at])} = ?" for at in set_)
            where = " AND ".join(f"{quote_name(column)} = ?" for column in key)
            update = f"UPDATE {table} SET {sets} WHERE {where}"
            order = (*set_, *(columns.index(column) for column in key))
        else:
            sets = ", ".join(f"{quote_name(columns[at])} = excluded.{quote_name(columns[at])}" for at in set_)
            sql += f" ON CONFLICT ({', '.join(map(quote_name, key))}) DO "
            sql += f"UPDATE SET {sets}" if set_ else "NOTHING"
    return _Statement(tuple(name for name, _ in kept), sql, update, order)


def _lacks_required(info: TableInfo, columns: list[str]) -> bool:
    """Say whether a row with only `columns` could not be inserted, and so not be upserted in one statement."""
    return any(
        one.not_null and one.default is None and one.name not in columns and one.name != info.rowid_alias
        for one in info.columns
        if not one.generated
    )


def _run(tx: SyncTransaction, source: Source, statement: _Statement, batch: _Batch, unit: str) -> None:
    try:
        if statement.update is None:
            tx.executemany(statement.insert, [values for _, values in batch])
            return
    except (ReadOnlyError, RolledBackError):
        raise
    except (StatementError, ParameterError):
        pass  # the batch is undone: find the row that it was
    for place, values in batch:
        try:
            if statement.update is not None:
                done = tx.execute(statement.update, *(values[at] for at in statement.update_order))
                if done.rowcount:
                    continue
            tx.execute(statement.insert, *values)
        except (ReadOnlyError, RolledBackError):
            raise
        except (StatementError, ParameterError, QueryError) as error:
            raise _at(source, unit, place, _reason(error, statement.names)) from error


def _reason(error: Exception, names: Sequence[str]) -> str:
    text = str(error).removesuffix("; the statement left nothing behind")
    text = re.sub(r"\Aparameter (\d+)", lambda found: repr(names[int(found[1]) - 1]), text)
    hint = "; key= updates rows that are there" if text.startswith("UNIQUE") else ""
    return f"the table refuses the row: {text}{hint}" if isinstance(error, StatementError) else text


def _at(source: Source, unit: str, place: int, message: str) -> Exception:
    if unit == "line":
        return failure(source.path, message, line=place)
    return failure(source.path, f"{unit} {place}: {message}")


# -- the table


def _check_names(source: Source, types: dict[str, Any]) -> None:
    """Raise where the columns of the file can't be those of a table."""
    seen = Counter(map(fold, types))
    twice = [name for name in types if seen[fold(name)] > 1]
    if twice:
        raise failure(source.path, f"columns that differ in case alone: {', '.join(twice)}; rename one")
    wrong = [name for name in types if "\0" in name or has_lone_surrogate(name)]
    if wrong:
        raise failure(source.path, f"no column can have the name {wrong[0]!a}")
    if not types:
        raise failure(source.path, "its rows have no columns")


def _add_missing(tx: SyncTransaction, source: Source, info: TableInfo, types: dict[str, Any]) -> tuple[str, ...]:
    missing = tuple(name for name in types if _column(info, name) is None)
    spec = source.models.get(info.name.name.lower())
    declared = spec is not None and not spec.existing
    if missing and (declared or not source.alter):
        raise failure(
            source.path,
            f"{info.name} has no column {', '.join(map(repr, missing))}; it has: "
            f"{', '.join(column.name for column in info.columns)}; "
            + (f"declare them in {spec.model}" if spec is not None and declared else "alter=True adds them"),
        )
    for name in missing:
        add_column(tx.execute, info.name.name, name, types[name])
    return missing


def _in_file(source: Source, name: str, types: dict[str, Any]) -> str:
    """Return the file's own spelling of the key column `name`."""
    found = next((one for one in types if fold(one) == fold(name)), None)
    if found is None:
        raise failure(source.path, f"it has no column {name!r} for key=; it has: {', '.join(types)}")
    return found


def _check_unique(catalog: Catalog, source: Source, info: TableInfo, columns: list[ColumnInfo | None]) -> None:
    key = {column.name for column in columns if column is not None}
    if not any(set(unique) == key for unique in catalog.unique(info.name)):
        raise failure(
            source.path,
            f"several rows of {info.name} may have the same {', '.join(sorted(key))}; key= takes its PRIMARY KEY, or "
            "columns that have a UNIQUE index",
        )


def _column(info: TableInfo, name: str) -> ColumnInfo | None:
    return next((column for column in info.columns if fold(column.name) == fold(name)), None)


def _by_model(
    source: Source, info: TableInfo, columns: dict[str, ColumnInfo | None]
) -> tuple[dict[str, Callable[[], Any]], dict[str, Callable[[Any], Any]]]:
    """Return what fills a column that a record lacks, and what makes values of the others: as a model would.

    `columns` gains those that are filled. A STRICT table with a text `id` has the form of a model's, known or not.
    """
    filled: dict[str, Callable[[], Any]] = {}
    converted: dict[str, Callable[[Any], Any]] = {}
    spec = source.models.get(info.name.name.lower())
    in_file = {column.name: name for name, column in columns.items() if column is not None}
    if spec is None:
        key = info.column("id")
        if info.strict and info.primary_key == ("id",) and key is not None and key.type.upper() == "TEXT":
            filled[in_file.get("id", "id")] = new_id
            converted[in_file.get("id", "id")] = lambda value: value or new_id()
    for one in spec.columns if spec is not None else ():
        column = info.column(one.name)
        if spec is not None and column is not None:
            name = in_file.get(column.name, column.name)
            converted[name] = encoder(spec, one, empty_is_null=source.empty_is_null)
            if one.default_factory is not None:
                filled[name] = partial(default_of, spec, one)
    columns.update({name: info.column(name) for name in filled if name not in columns})
    return filled, converted


def _converted(
    catalog: Catalog,
    source: Source,
    info: TableInfo,
    columns: dict[str, ColumnInfo | None],
    types: dict[str, Any],
) -> dict[str, Callable[[Any], Any]]:
    """Return what becomes of a cell, by column: CSV has no numbers and no NULL, so the column says what is meant."""
    refers = {name for foreign in catalog.foreign_keys(info.name) for name in foreign.columns}
    found: dict[str, Callable[[Any], Any]] = {}
    for name, column in columns.items():
        assert column is not None, "missing columns were added or refused"
        numeric = column.affinity in ("INTEGER", "REAL", "NUMERIC") or (not column.type and types[name] != "text")
        if numeric:
            found[name] = _number_or_null
        elif source.empty_is_null or column.name in refers:
            found[name] = _text_or_null
    return found


def _number_or_null(cell: str) -> int | float | str | None:
    return number(cell) if cell else None


def _text_or_null(cell: str) -> str | None:
    return cell or None
