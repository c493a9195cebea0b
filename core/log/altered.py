"""Altered tables: the log follows what ALTER TABLE, by anyone, has made of a logged table.

    t (id, x)   ->  t (id, x, y)   y is a column that rows began without: they hold what it was added with
                ->  t (id, w)      w in the place of x: the same column, under the id that it has always had
                ->  u (id, x)      t is gone, and u has its columns and its rows: the same table

Ids stay, so ops of old and new names are about the same cells, here and at every other replica.
"""

from __future__ import annotations

from ..schema.catalog import Catalog, ColumnInfo, TableInfo, TableName
from ..sqltext import quote_name
from ..store import Connection
from .tables import ADD_COLUMN, free_id

__all__ = ["fit_columns"]

_KNOWN = "SELECT name, place FROM main._eddy_columns WHERE tab = ? AND role != 'gone'"


def fit_columns(conn: Connection, catalog: Catalog) -> tuple[list[TableName], list[TableName]]:
    """Note columns that logged tables have gained, lost or renamed; return those that have lost some, and gained some.

    One name in the place of another, with all others as they were, is a rename: a column that is added stands last.
    So is a table with the columns and the rows of one that is gone.
    """
    shrunk, grown = [], []
    logged = conn.execute("SELECT no, name FROM main._eddy_tables").fetchall()
    for no, name in logged:
        info = catalog.find(name, "main") or _renamed(conn, catalog, no, {str(other).lower() for _, other in logged})
        if info is None:
            continue
        known = dict(conn.execute(_KNOWN, (no,)).fetchall())
        there = {column.name: place for place, column in enumerate(info.columns)}
        gone, new = [n for n in known if n not in there], [n for n in there if n not in known]
        if len(gone) == len(new) == 1 and known[gone[0]] == there[new[0]] and len(known) == len(there):
            conn.execute("UPDATE main._eddy_columns SET name = ? WHERE tab = ? AND name = ?", (new[0], no, gone[0]))
            continue
        for old in gone:
            conn.execute("UPDATE main._eddy_columns SET role = 'gone' WHERE tab = ? AND name = ?", (no, old))
        if gone:
            shrunk.append(info.name)
        if new:
            grown.append(info.name)
        for column in info.columns:
            if column.name in new:
                _add_column(conn, no, column, there[column.name])
        for column_name, place in there.items():
            if gone and column_name not in new:
                conn.execute(
                    "UPDATE main._eddy_columns SET place = ? WHERE tab = ? AND name = ? AND role != 'gone'",
                    (place, no, column_name),
                )
    return shrunk, grown


def _renamed(conn: Connection, catalog: Catalog, no: int, logged: set[str]) -> TableInfo | None:
    """Return the table that logged table `no`, which is gone, has become, and note its name.

    It has the same columns and key and at least half of the rows that the log knows, and is no other logged one.
    """
    known = dict(conn.execute(_KNOWN, (no,)).fetchall())
    keys = "SELECT name FROM main._eddy_columns WHERE tab = ? AND role = 'key'"
    key = {row[0] for row in conn.execute(keys, (no,)).fetchall()}
    for name in catalog:
        info = catalog.find(name.name, "main") if name.schema == "main" and name.name.lower() not in logged else None
        if info is None or info.kind != "table" or set(info.primary_key) != key:
            continue
        if {column.name: place for place, column in enumerate(info.columns)} != known:
            continue
        on = " AND ".join(f"s.k{at} = d.{quote_name(column)}" for at, column in enumerate(info.primary_key))
        alive, there = conn.execute(
            f"SELECT count(*), count(d.{quote_name(info.primary_key[0])}) FROM main._eddy_rows_{no} AS s "
            f"LEFT JOIN {info.name.sql} AS d ON {on} WHERE s.life % 2"
        ).fetchone()
        is_empty = conn.execute(f"SELECT 1 FROM {info.name.sql} LIMIT 1").fetchone() is None
        if there * 2 >= alive and (alive or is_empty):
            conn.execute("UPDATE main._eddy_tables SET name = ? WHERE no = ?", (info.name.name, no))
            return info
    return None


def _add_column(conn: Connection, no: int, column: ColumnInfo, place: int) -> None:
    taken = {str(row[0]) for row in conn.execute("SELECT id FROM main._eddy_columns WHERE tab = ?", (no,)).fetchall()}
    absent = None
    if column.default is not None and column.affinity in ("INTEGER", "REAL", "TEXT"):
        absent = conn.execute(f"SELECT CAST({column.default} AS {column.affinity})").fetchone()[0]
    elif column.default is not None:
        absent = conn.execute(f"SELECT {column.default}").fetchone()[0]
    role = "local" if column.generated else "cell"
    conn.execute(ADD_COLUMN, (no, free_id(column.name, taken), column.name, place, role, 1, absent))
