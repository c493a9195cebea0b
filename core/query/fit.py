"""Fit: whether a plan speaks of tables and columns that are there, so that it can be kept.

A plan made of a text has asked the catalog name by name, one made of models comes with their tables. One that came from
elsewhere was made for another catalog: where it doesn't fit this one, its text is run again, and SQLite judges that.
"""

from __future__ import annotations

from ..changes import LOG_COLUMNS, LOGGED_MAX
from ..schema.catalog import Catalog, TableInfo
from .plan import Column, Compound, Exists, InSelect, Scalar, Select, Unplannable, expressions, walk

__all__ = ["check_fit", "check_table"]


def check_table(table: TableInfo | None, name: str) -> TableInfo:
    """Return `table`, which was looked for as `name`. Raises `Unplannable` where no plan can read it."""
    if table is None or table.kind != "table":
        raise Unplannable(f"{name} is {'unknown' if table is None else 'a ' + table.kind}")
    if table.name.name.lower().startswith("sqlite_"):
        raise Unplannable(f"{table.name} is SQLite's own")
    if any(table.column(name) for name in LOG_COLUMNS):
        raise Unplannable(f"{table.name} has a column with a name of ours")
    if len(table.columns) > LOGGED_MAX:
        raise Unplannable(f"{table.name} has more than {LOGGED_MAX} columns")
    if not table.key:
        raise Unplannable(f"rows of {table.name} can't be told apart: columns shadow every name of its rowid")
    return table


def check_fit(plan: Select | Compound, catalog: Catalog) -> None:
    """Raise `Unplannable` unless every table and column of `plan` is there under that very name."""
    for part in plan.parts if isinstance(plan, Compound) else (plan,):
        _check_select(part, catalog, [])


def _check_select(plan: Select, catalog: Catalog, outside: list[TableInfo]) -> None:
    tables = list(outside)
    for source in plan.sources:
        table = check_table(catalog.find(source.table.name, source.table.schema), str(source.table))
        if table.name != source.table:
            raise Unplannable(f"{source.table} is called {table.name} here")
        if source.join == "RIGHT JOIN" and outside:
            raise Unplannable("RIGHT JOIN in a subquery is re-run")
        tables.append(table)
    for node in (node for expr in expressions(plan) for node in walk(expr)):
        match node:
            case Column(at, name) if tables[at].resolve(name) != name:
                raise Unplannable(f"{tables[at].name} has no column {name}")
            case Exists(select) | InSelect(_, select) | Scalar(select):
                _check_select(select, catalog, tables)
