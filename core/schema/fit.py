"""Fit: a file made to hold the tables of its models, or the reason why it can't.

    compare(conn, specs)  ->  Fit(create, grow, index)      nothing wrong: `make` does it, in the open transaction
                          ->  SchemaMismatchError           a sentence for each difference; nothing is changed

Missing tables and indexes are made; columns that a model has gained are added, by sqlite-utils where it is there and
can say them (its `add_column` knows no CHECK and no REFERENCES in the column, and takes "NULL" and "f(x)" for SQL).
Everything else is a difference that only a migration can mend. A table of an `Existing` model has to be there with
the columns that are declared; nothing of it is touched.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from ..errors import SchemaMismatchError, is_busy
from ..sqltext import quote_name
from ..store import Connection
from .catalog import Catalog, TableName
from .ddl import check_prefix, column_sql, create_table, default_of, index_name, indexes, literal
from .table import MISSING, ColumnSpec, TableSpec

__all__ = ["Fit", "compare", "make"]


@dataclass(slots=True)
class Fit:
    """What the file at `path` lacks."""

    path: str
    create: list[TableSpec] = field(default_factory=list)
    grow: list[tuple[TableSpec, ColumnSpec]] = field(default_factory=list)
    index: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.create or self.grow or self.index)


def compare(conn: Connection, specs: Sequence[TableSpec], path: str) -> Fit:
    """Return what the file lacks. Raises `SchemaMismatchError` if it differs in anything that can't be added."""
    fit = Fit(path)
    there = {
        str(row[1]).lower(): row
        for row in conn.execute("PRAGMA main.table_list").fetchall()
        if row[0] == "main"
    }  # fmt: skip
    found = conn.execute("SELECT name, lower(tbl_name) FROM main.sqlite_schema WHERE type = 'index'").fetchall()
    made = {str(name): str(on) for name, on in found}
    known = {spec.name.lower() for spec in specs}
    for spec in specs:
        row = there.get(spec.name.lower())
        for column in spec.columns if not spec.existing else ():
            to = column.reference
            if to is not None and to.table.lower() not in known and to.table.lower() not in there:
                fit.wrong.append(f"{spec.name}.{column.name} leads to {to.table}, whose model isn't in models=[...]")
        if row is None:
            if spec.existing:
                fit.wrong.append(f"there is no table {spec.name}, and {spec.model} says that it exists")
            else:
                fit.create.append(spec)
        elif spec.existing:
            _compare_existing(conn, spec, row, fit)
        else:
            _compare_table(conn, spec, row, fit)
            _compare_unique(spec, made, fit)
            _compare_checks(conn, spec, fit)
        if not spec.existing:
            lenient = {
                name.replace("_eddy_vx_", "_eddy_ux_", 1) for name in made
            }  # gave way to a merge (log/applying.py)
            fit.index += [sql for name, sql in indexes(spec).items() if name not in made and name not in lenient]
    if fit.wrong:
        listed = "\n".join(f"  - {sentence}" for sentence in fit.wrong)
        raise SchemaMismatchError(
            f"{path!r} differs from its models in more than new columns; nothing was changed:\n{listed}\n"
            "change the model back, or the file by hand (ALTER TABLE)",
            path=path,
            differences=tuple(fit.wrong),
        )
    return fit


def make(conn: Connection, fit: Fit) -> None:
    """Make tables, columns and indexes that the file lacks, in the open transaction. Raises `SchemaMismatchError`."""
    for spec in fit.create:
        with _making(fit, f"table {spec.name}"):
            conn.execute(create_table(spec))
    for spec, column in fit.grow:
        with _making(fit, f"column {spec.name}.{column.name}"):
            _grow(conn, spec, column)
    for sql in fit.index:
        with _making(fit, sql):
            conn.execute(sql)


@contextmanager
def _making(fit: Fit, what: str) -> Iterator[None]:
    """Turn what SQLite says against `what` into our error: a CHECK that it can't read, rows that contradict it."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.OperationalError) as error:
        if is_busy(error):
            raise
        raise SchemaMismatchError(
            f"{fit.path!r} can't be made to fit its models; nothing was changed:\n  - {what}: {error}\n"
            "change the model, or the rows that are in the way",
            path=fit.path,
            differences=(f"{what}: {error}",),
        ) from error


def _grow(conn: Connection, spec: TableSpec, column: ColumnSpec) -> None:
    if column.generated:
        conn.execute(f"ALTER TABLE {quote_name(spec.name)} ADD COLUMN {column_sql(spec, column)}")
        return
    default = _default_of_old_rows(spec, column)
    plain = column.check is None and column.reference is None and (column.kind.optional == (default is MISSING))
    if plain and find_spec("sqlite_utils") is not None:  # a web page does without: it is 0.75 s there
        import sqlite_utils

        raw: Any = conn  # Any: our Connection is the driver's own where there is a file to open
        database = sqlite_utils.Database(raw, recursive_triggers=False, execute_plugins=False)
        table = database.table(spec.name)
        if default is MISSING:
            table.add_column(column.name, column.kind.sql)
            return
        value: Any = default  # Any: the library says str, and takes what SQLite holds
        if database.quote_default_value(value) == literal(default):
            table.add_column(column.name, column.kind.sql, not_null_default=value)
            return
    text = column_sql(spec, column)
    if default is not MISSING and " DEFAULT " not in text:
        text += f" DEFAULT {literal(default)}"
    conn.execute(f"ALTER TABLE {quote_name(spec.name)} ADD COLUMN {text}")


def _default_of_old_rows(spec: TableSpec, column: ColumnSpec) -> object:
    """Return what rows that are there already get: the default, or one value of the factory for all of them."""
    default = default_of(spec, column)
    if default is MISSING and column.default_factory is not None:
        return spec.encode(column, column.default_factory())
    return default


def _compare_table(conn: Connection, spec: TableSpec, listed: Any, fit: Fit) -> None:  # Any: a row of table_list
    if listed[2] != "table":
        fit.wrong.append(f"{spec.name} is a {listed[2]} in the file, a table in the model")
        return
    if not listed[5]:
        fit.wrong.append(
            f"{spec.name} isn't a STRICT table: describe it as class {spec.model}(Existing, table={spec.name!r})"
        )
        return
    name = quote_name(spec.name)
    there = {str(row[1]).lower(): row for row in conn.execute(f"PRAGMA main.table_xinfo({name})").fetchall()}
    foreign = conn.execute(f"PRAGMA main.foreign_key_list({name})").fetchall()
    leads = {str(row[3]).lower(): (str(row[2]), str(row[6]).lower()) for row in foreign}
    empty = conn.execute(f"SELECT 1 FROM main.{name} LIMIT 1").fetchone() is None
    for column in spec.columns:
        row = there.pop(column.name.lower(), None)
        where = f"{spec.name}.{column.name}"
        if row is not None:
            _compare_column(column, row, leads.get(column.name.lower()), where, fit)
        elif column.primary_key:
            fit.wrong.append(f"{where} is the key in the model and isn't in the file")
        elif column.generated:
            fit.grow.append((spec, column))
        elif not column.kind.optional and not column.has_default and not empty:
            fit.wrong.append(f"{where} is new and rows are there already: give it a default, or `| None`")
        elif not column.kind.optional and not column.has_default:
            fit.wrong.append(f"{where} is new and NOT NULL: give it a default, or `| None`")
        else:
            fit.grow.append((spec, column))
    for row in there.values():
        fit.wrong.append(f"{spec.name}.{row[1]} is in the file and not in {spec.model}")


def _compare_column(
    column: ColumnSpec, row: Any, leads: tuple[str, str] | None, where: str, fit: Fit
) -> None:  # Any: a row of table_xinfo
    if str(row[2]).upper() != column.kind.sql:
        fit.wrong.append(f"{where} is {row[2]} in the file, {column.kind.sql} in the model")
    if bool(row[6]) != bool(column.generated):
        says = ("computed", "written") if row[6] else ("written", "computed")
        fit.wrong.append(f"{where} is {says[0]} in the file, {says[1]} in the model")
    elif bool(row[3]) == column.kind.optional and not column.primary_key and not column.generated:
        says = ("NOT NULL", "`| None`") if row[3] else ("nullable", "NOT NULL")
        fit.wrong.append(f"{where} is {says[0]} in the file, {says[1]} in the model")
    if bool(row[5]) != column.primary_key:
        fit.wrong.append(f"{where} is the key {'in the file' if row[5] else 'in the model'} only")
    to = column.reference
    wanted = None if to is None else (to.table.lower(), "no action" if to.on_delete == "restrict" else to.on_delete)
    found = None if leads is None else (leads[0].lower(), leads[1])
    if found != wanted:
        fit.wrong.append(f"{where} leads to {_shown(found)} in the file, to {_shown(wanted)} in the model")


def _shown(leads: tuple[str, str] | None) -> str:
    if leads is None:
        return "no table"
    return leads[0] if leads[1] == "no action" else f"{leads[0]} (on delete {leads[1]})"


def _compare_unique(spec: TableSpec, made: Mapping[str, str], fit: Fit) -> None:
    wanted = {index_name(spec, *columns, unique=True) for columns in spec.uniques}
    for name, table in made.items():
        if table == spec.name.lower() and name.startswith("_eddy_ux_") and name not in wanted:
            columns = name.removeprefix(f"_eddy_ux_{spec.name}_")
            fit.wrong.append(
                f"{spec.name}.{columns} is unique in the file, not in the model: DROP INDEX {quote_name(name)}"
            )


def _compare_checks(conn: Connection, spec: TableSpec, fit: Fit) -> None:
    if not spec.checks:
        return
    sql = "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND lower(name) = ?"
    text = str(conn.execute(sql, (spec.name.lower(),)).fetchone()[0])
    for name in spec.checks:
        if check_prefix(name) not in text:
            fit.wrong.append(f"the check {name!r} of {spec.name} is in the model, not in the file")


def _compare_existing(conn: Connection, spec: TableSpec, about: Any, fit: Fit) -> None:  # Any: a row of table_list
    listed = conn.execute(f"PRAGMA main.table_xinfo({quote_name(spec.name)})").fetchall()
    there = {str(row[1]).lower(): row for row in listed}
    for column in spec.columns:
        if column.name.lower() not in there:
            names = ", ".join(str(row[1]) for row in listed)
            fit.wrong.append(f"{spec.name} has no column {column.name}; it has: {names}")
    key = {name for name, row in there.items() if row[5]}
    wanted = {column.name.lower() for column in spec.key}
    if key and key != wanted:
        fit.wrong.append(f"the key of {spec.name} is {', '.join(sorted(key))}, not {', '.join(sorted(wanted))}")
    if not key and about[2] == "table" and wanted <= there.keys():
        lists = Catalog(conn).unique(TableName("main", str(about[1])))
        if not any({name.lower() for name in names} == wanted for names in lists):
            fit.wrong.append(
                f"{spec.name} has no key, and several of its rows may have the same {', '.join(sorted(wanted))}: "
                "a UNIQUE index over that makes it one"
            )
