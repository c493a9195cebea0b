"""The tables of the log, in the file beside the user's own.

    _eddy_commits   one row a commit, in order of arrival: HLC, actor, command, message, ops, hash
    _eddy_runs      from commit `id` on, `lane` counts up from `seq`; `parents` is the vector below the first of them
    _eddy_lanes     lane number -> lane                        small numbers, so that nothing else repeats a long name
    _eddy_tables    logged tables: number, stable id, name, history
    _eddy_columns   their columns: stable id, name, what a row holds that no op has written
    _eddy_moves     moves in trees, in the order of stamps; _eddy_places: where each row is now
    _eddy_texts     documents of text columns, _eddy_text_updates what came to them since they were folded
    _eddy_rows_N    of table N one row for each key that ever was: life, stamp, exceptions, checksum

A row's *stamp* is the commit that last wrote it; `cells` names the columns that another commit wrote, so a row that was
only inserted costs one small number. `life` is its incarnation: odd alive, even ended. `last` is the last commit that
spoke of it, where that isn't the newest of its stamps (an op that lost). `sum` is a checksum of its cells, by which
a row that another program changed is known. Commits carry integers of this file; outside they are (lane, seq).
Runs make the index over (lane, seq) a table of one row for each change of the writing lane.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

from ..errors import ParameterError
from ..schema.catalog import Catalog, TableInfo, TableName
from ..schema.merging import History
from ..schema.meta import check_version, make_meta, read_meta
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlValue
from .fates import FATES_SCHEMA

__all__ = [
    "ADD_COLUMN",
    "LoggedColumn",
    "LoggedTable",
    "can_be_logged",
    "cells_of",
    "declare_merging",
    "free_id",
    "has_log",
    "is_replicated",
    "loggable",
    "make_tables",
    "read_tables",
    "schema_hash",
]

_SCHEMA = """
CREATE TABLE main._eddy_lanes (no INTEGER PRIMARY KEY, lane TEXT NOT NULL UNIQUE);
CREATE TABLE main._eddy_runs (
    id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, seq INTEGER NOT NULL, parents TEXT NOT NULL, schema TEXT NOT NULL
);
CREATE TABLE main._eddy_commits (
    id INTEGER PRIMARY KEY, hlc INTEGER NOT NULL, eff INTEGER, hash BLOB NOT NULL, ops TEXT NOT NULL, before TEXT,
    left_out INTEGER, message TEXT, actor TEXT, command TEXT, args TEXT, sent_ms INTEGER, received_ms INTEGER,
    handled_ms INTEGER, clamped INTEGER
);
CREATE TABLE main._eddy_tables (
    no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, history TEXT NOT NULL
);
CREATE TABLE main._eddy_columns (
    tab INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, place INTEGER NOT NULL, role TEXT NOT NULL,
    added INTEGER NOT NULL, absent, merge TEXT NOT NULL DEFAULT 'last', grouped TEXT, PRIMARY KEY (tab, id)
) WITHOUT ROWID;
CREATE TABLE main._eddy_conflicts (
    table_id TEXT NOT NULL, row_key TEXT NOT NULL, incarnation INTEGER NOT NULL, columns TEXT NOT NULL,
    edits TEXT NOT NULL, ends TEXT NOT NULL, PRIMARY KEY (table_id, row_key, incarnation)
) WITHOUT ROWID;
CREATE TABLE main._eddy_violations (
    name TEXT NOT NULL, table_id TEXT NOT NULL, row_key TEXT NOT NULL, kind TEXT NOT NULL, "values" TEXT NOT NULL,
    holder TEXT, PRIMARY KEY (name, table_id, row_key)
) WITHOUT ROWID;
CREATE TABLE main._eddy_moves (
    table_id TEXT NOT NULL, column_id TEXT NOT NULL, eff INTEGER NOT NULL, lane TEXT NOT NULL, seq INTEGER NOT NULL,
    n INTEGER NOT NULL, row_key TEXT NOT NULL, incarnation INTEGER NOT NULL, parent, before TEXT,
    PRIMARY KEY (table_id, column_id, eff, lane, n)
) WITHOUT ROWID;
CREATE TABLE main._eddy_places (
    table_id TEXT NOT NULL, column_id TEXT NOT NULL, row_key TEXT NOT NULL, incarnation INTEGER NOT NULL, parent,
    lane TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (table_id, column_id, row_key)
) WITHOUT ROWID;
CREATE TABLE main._eddy_texts (
    no INTEGER PRIMARY KEY, table_id TEXT NOT NULL, row_key TEXT NOT NULL, column_id TEXT NOT NULL,
    incarnation INTEGER NOT NULL, epoch INTEGER NOT NULL, put INTEGER NOT NULL, loose TEXT, seen TEXT NOT NULL,
    state BLOB NOT NULL, base BLOB, base_epoch INTEGER NOT NULL DEFAULT 0,
    UNIQUE (table_id, row_key, incarnation, column_id)
);
CREATE TABLE main._eddy_text_updates (
    text INTEGER NOT NULL, commit_id INTEGER NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (text, commit_id, n)
) WITHOUT ROWID;
CREATE VIEW main.eddy_commits AS
SELECT
    c.id, l.lane, r.seq + c.id - r.id AS seq,
    strftime('%Y-%m-%dT%H:%M:%f000Z', (c.hlc >> 16) / 1000.0, 'unixepoch') AS at,
    coalesce(c.actor, '') AS actor, coalesce(c.command, '') AS command, coalesce(c.args, '') AS args,
    coalesce(c.message, '') AS message, json_array_length(c.ops) + coalesce(c.left_out, 0) AS changes
FROM main._eddy_commits AS c
JOIN main._eddy_runs AS r ON r.id = (SELECT max(id) FROM main._eddy_runs WHERE id <= c.id)
JOIN main._eddy_lanes AS l ON l.no = r.lane;
CREATE VIEW main.eddy_changes AS
SELECT
    c.id AS commit_id, o.key AS n, json_extract(o.value, '$[1]') AS table_id,
    json_extract(o.value, '$[2]') AS row_key, json_extract(o.value, '$[3]') AS incarnation,
    CASE json_extract(o.value, '$[0]')
        WHEN 'end' THEN 'delete'
        WHEN 'withheld' THEN 'rejected'
        WHEN 'put' THEN iif(coalesce(json_extract(c.before, '$[' || o.key || ']'), 0) <= 0, 'insert', 'update')
        ELSE 'update'
    END AS kind,
    json_extract(o.value, '$[0]') AS op, CASE json_extract(o.value, '$[0]')
        WHEN 'end' THEN NULL
        WHEN 'put' THEN json_extract(o.value, '$[4]')
        WHEN 'set' THEN json_object(o.value ->> '$[4]', json_array(o.value -> '$[5]', o.value -> '$[6]'))
        ELSE json_object(o.value ->> '$[4]', o.value -> '$[#-1]')
    END AS cells
FROM main._eddy_commits AS c, json_each(c.ops) AS o;
CREATE VIEW main.eddy_conflicts AS SELECT * FROM main._eddy_conflicts;
CREATE VIEW main.eddy_violations AS SELECT * FROM main._eddy_violations
"""


ADD_COLUMN = "INSERT INTO main._eddy_columns (tab, id, name, place, role, added, absent) VALUES (?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class LoggedColumn:
    """One column: `id` stays when it is renamed. `added`: after the table was; rows then held `absent` in it.

    `merge` is "last", "counter", "set", "tree", "text" or "join", by the function that its model declares; `group` its
    group's name.
    """

    id: str
    name: str
    added: bool
    absent: SqlValue
    merge: str = "last"
    group: str | None = None


@dataclass(frozen=True)
class LoggedTable:
    """One table as the log knows it: key columns and cells apart, in the order of the table.

    `unique`: an index of ours keeps two rows from the same values. `numbered`: SQLite gives keys, the same ones
    in every copy. `keeps`: its changes go into the log, with history="none" only in a file that hands them on.
    `sole`: the columns of a UNIQUE that isn't ours.
    """

    no: int
    id: str
    name: TableName
    history: History
    key: tuple[str, ...]
    columns: tuple[LoggedColumn, ...]
    unique: bool = False
    numbered: bool = False
    keeps: bool = True
    sole: str = ""

    @property
    def unshared(self) -> str:
        """Why two databases can't have it in common, and what to do; "" if they can."""
        if self.numbered:
            return (
                f"{self.name} has an INTEGER PRIMARY KEY: two databases give one number to different rows, so "
                "they can't be joined; make the key a text that is unique everywhere: CREATE TABLE ... (id TEXT "
                f"NOT NULL PRIMARY KEY, ...), INSERT INTO ... SELECT 'a-' || {self.key[0]}, ... FROM {self.name}"
            )
        if self.sole:
            return (
                f"{self.name} has a UNIQUE on {self.sole}: two databases may each write a row that is fine by itself, "
                "and a join refuses neither; make it a model with unique=..., which reports such rows, or make the "
                "table anew without UNIQUE, or drop the unique index"
            )
        return ""

    @property
    def rows(self) -> str:
        """The name of the table of its stamps, as it stands in SQL."""
        return f"main._eddy_rows_{self.no}"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of its cells."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The stable ids of its cells."""
        return tuple(column.id for column in self.columns)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each cell stands, by its id."""
        return {column: place for place, column in enumerate(self.ids)}

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The names of the key's columns in the table of stamps."""
        return tuple(f"k{at}" for at in range(len(self.key)))

    @cached_property
    def grown(self) -> bool:
        """Whether columns were added after the table was."""
        return any(column.added for column in self.columns)

    @cached_property
    def special(self) -> bool:
        """Whether a column merges in another way than that its last writer wins by itself."""
        return any(column.merge not in ("last", "text") or column.group for column in self.columns)

    @cached_property
    def texts(self) -> frozenset[str]:
        """The columns that are texts, by their ids."""
        return frozenset(column.id for column in self.columns if column.merge == "text")

    @cached_property
    def trees(self) -> tuple[str, ...]:
        """The columns that lead to the row above, by their ids."""
        return tuple(column.id for column in self.columns if column.merge == "tree")

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The columns that win or lose as one, by their ids."""
        names = dict.fromkeys(column.group for column in self.columns if column.group)
        return tuple(tuple(column.id for column in self.columns if column.group == name) for name in names)

    def on(self, stamps: str, row: str) -> str:
        """Return the condition that joins its stamps to rows by key."""
        pairs = zip(self.keys, self.key, strict=True)
        return " AND ".join(f"{stamps}.{own} = {row}.{quote_name(name)}" for own, name in pairs)


def has_log(catalog: Catalog) -> bool:
    """Say whether the file holds a log."""
    return catalog.find("_eddy_commits", "main") is not None


def loggable(catalog: Catalog, name: str) -> TableInfo:
    """Return the table `name`, whose rows the log can tell apart for good. Raises `ParameterError` with the reason."""
    table = catalog.find(name, "main")
    if table is None or table.kind != "table" or name.lower().startswith(("_eddy_", "sqlite_")):
        raise ParameterError(f"{name!r} is no table of this database that can be logged")
    if not table.primary_key:
        raise ParameterError(
            f"{name!r} has no primary key, and SQLite may give its rows other numbers; the log needs one: rebuild the "
            "table with a PRIMARY KEY"
        )
    for column in table.primary_key:
        info = table.key_column(column)
        if info.collation != "BINARY":
            raise ParameterError(
                f"the key {name}.{column} compares under {info.collation}; the log tells keys apart by their bytes: "
                "rebuild the table with a BINARY key"
            )
    return table


def can_be_logged(catalog: Catalog, name: str) -> bool:
    """Say whether the log could tell the rows of the table `name` apart."""
    try:
        loggable(catalog, name)
    except ParameterError:
        return False
    return True


def make_tables(
    conn: Connection, catalog: Catalog, names: Iterable[str], history: History, local: Iterable[str] = ()
) -> list[str]:
    """Make the log, and its part for each of the tables `names` that isn't logged yet; return their names.

    Columns called "table.column" in `local` are left out. Inside a transaction.
    """
    if history not in get_args(History):
        raise ParameterError(f"history is one of {', '.join(get_args(History))}, not {history!r:.40}")
    check_version(conn, catalog)
    make_meta(conn.execute)
    if not has_log(catalog):
        for statement in (*_SCHEMA.split(";\n"), *FATES_SCHEMA.split(";\n")):
            conn.execute(statement)
    logged = {str(row[0]).lower() for row in conn.execute("SELECT name FROM main._eddy_tables").fetchall()}
    new = [loggable(catalog, name) for name in names if name.lower() not in logged]
    for table in new:
        _add_table(conn, table, history, frozenset(local))
    return [table.name.name for table in new]


def _add_table(conn: Connection, table: TableInfo, history: History, local: frozenset[str]) -> None:
    name = table.name.name
    taken = {str(row[0]) for row in conn.execute("SELECT id FROM main._eddy_tables").fetchall()}
    found = conn.execute(
        "INSERT INTO main._eddy_tables (id, name, history) VALUES (?, ?, ?) RETURNING no",
        (free_id(name, taken), name, history),
    ).fetchone()
    no = int(found[0])
    for place, column in enumerate(table.columns):
        cell = "local" if column.generated or f"{name}.{column.name}" in local else "cell"
        role = "key" if column.primary_key else cell
        conn.execute(ADD_COLUMN, (no, column.name, column.name, place, role, 0, None))
    keys = [f"k{at}{table.key_column(key).declared} NOT NULL" for at, key in enumerate(table.primary_key)]
    names = ", ".join(f"k{at}" for at in range(len(keys)))
    conn.execute(
        f"CREATE TABLE main._eddy_rows_{no} ({', '.join(keys)}, life INTEGER NOT NULL, stamp INTEGER NOT NULL, "
        f"cells TEXT, last INTEGER, sum INTEGER, extra TEXT, PRIMARY KEY ({names})) WITHOUT ROWID"
    )


def free_id(name: str, taken: set[str]) -> str:
    """Return an id that no table has had before."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}~{number}"
    return free


def read_tables(conn: Connection, catalog: Catalog) -> dict[TableName, LoggedTable]:
    """Return the logged tables that are there, by name; empty where the file has no log."""
    if not has_log(catalog):
        return {}
    check_version(conn, catalog)
    columns: dict[int, list[Sequence[SqlValue]]] = {}
    cells = "SELECT tab, id, name, added, absent, merge, grouped FROM main._eddy_columns WHERE role = 'cell'"
    for row in conn.execute(cells).fetchall():
        columns.setdefault(row[0], []).append(row)
    found: dict[TableName, LoggedTable] = {}
    handed_on = is_replicated(conn)
    for no, table_id, name, history in conn.execute("SELECT no, id, name, history FROM main._eddy_tables").fetchall():
        info = catalog.find(name, "main")
        if info is not None:
            known = {
                str(row[2]): LoggedColumn(str(row[1]), str(row[2]), bool(row[3]), *row[4:])  # type: ignore[arg-type]
                for row in columns.get(no, ())
            }
            logged = tuple(known[column.name] for column in info.columns if column.name in known)
            listed = conn.execute(f"PRAGMA main.index_list({quote_name(name)})").fetchall()
            unique = any(str(row[1]).startswith("_eddy_ux_") for row in listed)
            numbered = info.rowid_alias in info.primary_key
            sole = next((_columns_of(conn, str(row[1])) for row in listed if _is_unique_of_theirs(row)), "")
            found[info.name] = LoggedTable(
                no, table_id, info.name, history, info.primary_key, logged, unique, numbered,
                handed_on or history != "none", sole,
            )  # fmt: skip
    return found


def _is_unique_of_theirs(index: Sequence[SqlValue]) -> bool:
    """Say whether a row of `PRAGMA index_list` is a UNIQUE that is neither the key nor one of ours."""
    _, name, unique, origin, *_ = index
    return bool(unique) and origin != "pk" and not str(name).startswith("_eddy_")


def _columns_of(conn: Connection, index: str) -> str:
    found = conn.execute(f"PRAGMA main.index_info({quote_name(index)})").fetchall()
    return ", ".join("an expression" if row[2] is None else str(row[2]) for row in found)


def is_replicated(conn: Connection) -> bool:
    """Say whether the file has ever been connected to a server, or is one's."""
    return read_meta(conn, "replica") is not None or read_meta(conn, "backend") is not None


def declare_merging(conn: Connection, table: str, column: str, merge: str, group: str | None) -> bool:
    """Note how a column merges, as its model says now; say whether that is another way than before."""
    changed = conn.execute(
        "UPDATE main._eddy_columns SET merge = ?, grouped = ? WHERE role = 'cell' AND name = ? AND tab = "
        "(SELECT no FROM main._eddy_tables WHERE lower(name) = lower(?)) AND (merge, grouped) IS NOT (?, ?)",
        (merge, group, column, table, merge, group),
    )
    return changed.rowcount > 0


def schema_hash(tables: Iterable[LoggedTable]) -> str:
    """Return what tells one set of logged tables and columns from another."""
    listed = sorted([table.id, list(table.key), sorted(table.ids)] for table in tables)
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


def cells_of(text: str | None) -> dict[str, int]:
    """Return the exceptions of a row: the commit that wrote a column, by the column's id."""
    found: dict[str, int] = {} if text is None else json.loads(text)
    return found
