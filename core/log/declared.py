"""What tables and models declare that a merge has to know: constraints that it reports, functions that it calls."""

from __future__ import annotations

from collections.abc import Iterable

from ..schema.catalog import Catalog
from ..schema.table import ColumnSpec, TableSpec
from ..sqltext import quote_name
from ..store import Connection
from .joins import MergeFunction
from .tables import LoggedTable, read_tables
from .violations import Constraint, Foreign, Unique

__all__ = ["constraints_of", "functions_of", "is_logged_as_declared", "merge_word"]


def constraints_of(conn: Connection, catalog: Catalog, tables: Iterable[LoggedTable]) -> tuple[Constraint, ...]:
    """Return the unique indexes of ours on logged tables, and the foreign keys between them."""
    listed = sorted(tables, key=lambda table: table.id)
    by_name = {table.name.name.lower(): table for table in listed}
    found: list[Constraint] = []
    for table in listed:
        ids = {column.name: column.id for column in table.columns}
        for index in conn.execute(f"PRAGMA main.index_list({quote_name(table.name.name)})").fetchall():
            name = str(index[1])
            if name.startswith(("_eddy_ux_", "_eddy_vx_")):
                info = conn.execute(f"PRAGMA main.index_info({quote_name(name)})").fetchall()
                columns = [str(row[2]) for row in info]
                if all(column in ids for column in columns):
                    unique = tuple(ids[column] for column in columns)
                    found.append(Unique(f"{table.id}.{'+'.join(unique)}", table.id, unique))
        for foreign in catalog.foreign_keys(table.name):
            to = by_name.get(foreign.table.lower())
            if to is not None and len(foreign.columns) == 1 and foreign.to == to.key and foreign.columns[0] in ids:
                column = ids[foreign.columns[0]]
                found.append(Foreign(f"{table.id}.{column} -> {to.id}", table.id, column, to.id))
    return tuple(found)


def merge_word(column: ColumnSpec) -> str:
    """Return how a column merges, as the log notes it: "last" where its last writer wins, "join": by a function."""
    if not isinstance(column.merge, str):
        return "join"
    return column.merge if column.merge in ("counter", "set", "text", "tree") else "last"


def is_logged_as_declared(conn: Connection, catalog: Catalog, specs: Iterable[TableSpec]) -> bool:
    """Say whether the tables of `specs` are logged, and their columns merge as their models say."""
    logged = {table.name.name.lower(): table for table in read_tables(conn, catalog).values()}
    for spec in specs:
        table = logged.get(spec.name.lower())
        if table is None:
            return False
        known = {column.name: (column.merge, column.group) for column in table.columns}
        for column in spec.columns:
            if known.get(column.name, (merge_word(column), column.group)) != (merge_word(column), column.group):
                return False
    return True


def functions_of(specs: Iterable[TableSpec], tables: Iterable[LoggedTable]) -> dict[str, MergeFunction]:
    """Return the merge functions that models declare, by the names under which ops call them."""
    by_name = {table.name.name.lower(): table for table in tables}
    found: dict[str, MergeFunction] = {}
    for spec in specs:
        table = by_name.get(spec.name.lower())
        for column in spec.columns if table else ():
            if not isinstance(column.merge, str) and table is not None:
                column_id = next((one.id for one in table.columns if one.name == column.name), column.name)
                found[f"{table.id}.{column_id}"] = _joins(spec, column)
    return found


def _joins(spec: TableSpec, column: ColumnSpec) -> MergeFunction:
    return lambda mine, its: spec.merged(column, mine, its)
