"""DDL out of a model: one STRICT table, its indexes.

    CREATE TABLE issue (
        id TEXT NOT NULL PRIMARY KEY,
        state TEXT NOT NULL DEFAULT 'open',
        project TEXT NOT NULL REFERENCES project(id)
    ) STRICT

A constant default stands in the table, so that plain SQL gets it, too; a `default_factory` can't. Uniqueness is an
index of its own, not a part of the table: it can be added and dropped without a rebuild. Our indexes are called
`_eddy_ix_*` and `_eddy_ux_*`.
"""

from __future__ import annotations

from ..sqltext import quote_name
from ..values import SqlValue
from .table import MISSING, ColumnSpec, TableSpec

__all__ = ["check_prefix", "column_sql", "create_table", "default_of", "index_name", "indexes", "literal"]

_ON_DELETE = {"restrict": "", "cascade": " ON DELETE CASCADE", "set null": " ON DELETE SET NULL"}


def create_table(spec: TableSpec) -> str:
    """Return the CREATE TABLE statement."""
    lines = [column_sql(spec, column) for column in spec.columns]
    lines += [f"{check_prefix(name)} ({condition})" for name, condition in spec.checks.items()]
    return f"CREATE TABLE {quote_name(spec.name)} (\n    " + ",\n    ".join(lines) + "\n) STRICT"


def column_sql(spec: TableSpec, column: ColumnSpec) -> str:
    """Return one column as it stands in CREATE TABLE."""
    parts = [quote_name(column.name), column.kind.sql]
    if column.generated:
        return " ".join([*parts, f"GENERATED ALWAYS AS ({column.generated}) VIRTUAL"])
    if not column.kind.optional:
        parts.append("NOT NULL")
    if column.primary_key:
        parts.append("PRIMARY KEY")
    default = default_of(spec, column)
    if default is not MISSING:
        parts.append(f"DEFAULT {literal(default)}")
    if column.check is not None:
        parts.append(f"CHECK ({column.check})")
    if column.reference is not None:
        to = column.reference
        parts.append(f"REFERENCES {quote_name(to.table)}({quote_name(to.column)}){_ON_DELETE[to.on_delete]}")
    return " ".join(parts)


def default_of(spec: TableSpec, column: ColumnSpec) -> SqlValue | object:
    """Return the constant default as SQLite holds it, or MISSING; None is what SQLite takes anyway."""
    if column.default is MISSING or column.default is None:
        return MISSING
    return spec.encode(column, column.default)


def literal(value: object) -> str:
    """Return a value of SQLite's as it stands in SQL."""
    match value:
        case None:
            return "NULL"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case bytes():
            return f"x'{value.hex()}'"
        case float() if value in (float("inf"), float("-inf")):
            return "9e999" if value > 0 else "-9e999"
    return repr(value)


def check_prefix(name: str) -> str:
    """Return how a condition on rows begins in CREATE TABLE."""
    return f"CONSTRAINT {quote_name(name)} CHECK"


def index_name(spec: TableSpec, *columns: ColumnSpec, unique: bool) -> str:
    """Return the name of our index of these columns."""
    return f"_eddy_{'ux' if unique else 'ix'}_{spec.name}_{'_'.join(column.name for column in columns)}"


def indexes(spec: TableSpec) -> dict[str, str]:
    """Return name -> CREATE INDEX statement of each index."""
    made: dict[str, str] = {}
    for column in spec.columns:
        if column.primary_key or not (column.unique or column.index):
            continue
        _add_index(made, spec, (column,), unique=column.unique)
    for columns in spec.uniques:
        _add_index(made, spec, columns, unique=True)
    return made


def _add_index(made: dict[str, str], spec: TableSpec, columns: tuple[ColumnSpec, ...], *, unique: bool) -> None:
    name = index_name(spec, *columns, unique=unique)
    listed = ", ".join(quote_name(column.name) for column in columns)
    made[name] = f"CREATE {'UNIQUE ' if unique else ''}INDEX {quote_name(name)} ON {quote_name(spec.name)} ({listed})"
