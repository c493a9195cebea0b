"""The catalog: tables and columns as SQLite itself describes them.

    Catalog(conn).find("track")  ->  TableInfo(main.Track, key=("TrackId",), columns=(TrackId INTEGER, Name TEXT, ...))

Everything is asked of SQLite, nothing parsed: `table_xinfo` for columns (it also lists generated ones), `EXPLAIN` of an
ORDER BY for collations, which no pragma tells for a column without an index.
A table's *key* is what tells two of its rows apart: the rowid, by a name that no column shadows, or the primary key of
a WITHOUT ROWID table. A TEXT PRIMARY KEY of a rowid table may hold several NULLs, so it is no key.
One catalog describes one schema version: it reads a table once and is thrown away when the schema moves.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple, TypeAlias

from ..sqltext import quote_name, uncached
from ..store import Connection

__all__ = ["Affinity", "Catalog", "ColumnInfo", "ForeignKey", "TableInfo", "TableName", "affinity_of", "collations"]

Affinity: TypeAlias = Literal["INTEGER", "TEXT", "BLOB", "REAL", "NUMERIC"]

_ROWID_NAMES = ("rowid", "_rowid_", "oid")
_KEY_INFO = re.compile(r"k\((\d+),(.*)\)\Z", re.DOTALL)


class TableName(NamedTuple):
    """A table by schema (`main`, `temp`, or an attached one) and name, both as SQLite spells them."""

    schema: str
    name: str

    @property
    def sql(self) -> str:
        """The qualified name as it stands in SQL."""
        return f"{quote_name(self.schema)}.{quote_name(self.name)}"

    def __str__(self) -> str:
        return self.name if self.schema == "main" else f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column; `declared` is the type that a log table must declare to compare as this column does.

    `type` is what the table declares, as written; `default` is SQL text.
    """

    name: str
    affinity: Affinity
    collation: str
    primary_key: int
    generated: bool
    type: str = ""
    not_null: bool = False
    default: str | None = None

    @property
    def declared(self) -> str:
        """Type and collation as column DDL; no type at all for BLOB affinity, which keeps values as they are."""
        kind = "" if self.affinity == "BLOB" else f" {self.affinity}"
        return kind if self.collation == "BINARY" else f"{kind} COLLATE {quote_name(self.collation)}"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """One foreign key: `columns` lead to `to` of `table`. Where the table names no columns, `to` is its primary key."""

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]
    on_delete: str


@dataclass(frozen=True, slots=True)
class TableInfo:
    """One table, view or virtual table. `key` is empty where rows can't be told apart."""

    name: TableName
    kind: Literal["table", "view", "virtual", "shadow"]
    columns: tuple[ColumnInfo, ...]
    key: tuple[str, ...]
    rowid_alias: str | None
    strict: bool = False

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns that the table declares as its primary key, in its order."""
        ordered = sorted((column for column in self.columns if column.primary_key), key=lambda one: one.primary_key)
        return tuple(column.name for column in ordered)

    def column(self, name: str) -> ColumnInfo | None:
        """Return the column `name` (case doesn't matter), or None."""
        lowered = name.lower()
        return next((column for column in self.columns if column.name.lower() == lowered), None)

    def key_column(self, name: str) -> ColumnInfo:
        """Return the column behind one name of `key`; the rowid counts as INTEGER."""
        return self.column(name) or ColumnInfo(name, "INTEGER", "BINARY", 0, generated=False)

    def resolve(self, name: str) -> str | None:
        """Return the real name of column or rowid alias `name`, or None."""
        column = self.column(name)
        if column is not None:
            return column.name
        return self.rowid_alias if name.lower() in _ROWID_NAMES else None


class Catalog:
    """What `conn` can see, read as it is asked for.

    `private` are the names, in lower case, of what no other connection sees: in temp and in attached memory databases.
    `files` are the schemas beside temp; `shared` those of them that another connection may write: not a main database
    in memory, which is our connection's own, but an attached one, which may have been given a name and a shared cache.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.encoding = str(conn.execute("PRAGMA encoding").fetchone()[0])
        listed = conn.execute("PRAGMA database_list").fetchall()
        self.schemas = tuple(str(row[1]) for row in listed)
        self.files = tuple(schema for schema in self.schemas if schema != "temp")
        self.shared = tuple(str(row[1]) for row in listed if row[1] != "temp" and (row[2] or row[1] != "main"))
        self._kinds: dict[TableName, tuple[str, bool, bool]] = {}
        for schema, name, kind, _ncol, without_rowid, strict in conn.execute("PRAGMA table_list").fetchall():
            self._kinds[TableName(schema, name)] = (kind, bool(without_rowid), bool(strict))
        fileless = {"temp", *(str(row[1]) for row in listed if not row[2])} - {"main"}
        self.private = frozenset(name.name.lower() for name in self._kinds if name.schema in fileless)
        self._by_lower = {(name.schema.lower(), name.name.lower()): name for name in self._kinds}
        self._tables: dict[TableName, TableInfo] = {}
        self.ddl: dict[TableName, tuple[str, ...]] = {}

    def versions(self, conn: Connection) -> tuple[int, ...]:
        """Return SQLite's number for the schema of each file, as `conn` sees it now."""
        return tuple(conn.execute(f"PRAGMA {quote_name(schema)}.schema_version").fetchone()[0] for schema in self.files)

    def __iter__(self) -> Iterator[TableName]:
        return iter(sorted(self._kinds))

    def find(self, name: str, schema: str | None = None) -> TableInfo | None:
        """Return the table as SQLite would find it: temp, then main, then attached ones; None if there is none."""
        schemas = (schema,) if schema else ("temp", "main", *(s for s in self.schemas if s not in ("temp", "main")))
        for candidate in schemas:
            found = self._by_lower.get((candidate.lower(), name.lower()))
            if found is not None:
                return self.table(found)
        return None

    def kind(self, name: str) -> str | None:
        """Return whether `name` is a table, view, virtual or shadow table, without a look at the database."""
        return next((self._kinds[n][0] for n in self._kinds if name.lower() in (n.name.lower(), str(n).lower())), None)

    def kind_of(self, name: TableName) -> str:
        """Return whether `name`, which exists, is a table, view, virtual or shadow table."""
        return self._kinds[name][0]

    def table(self, name: TableName) -> TableInfo:
        """Return the table `name`, which exists."""
        info = self._tables.get(name)
        if info is None:
            info = self._tables[name] = self._read(name)
        return info

    def adopt(self, info: TableInfo) -> None:
        """Know of a table that was made beside: a derived one, which no query names."""
        self._tables[info.name] = info

    def abandon(self, name: TableName) -> None:
        """Forget an adopted table."""
        self._tables.pop(name, None)

    def sql_of(self, name: TableName) -> str:
        """Return the text that made `name`, as SQLite keeps it; empty where there is none."""
        found = self._conn.execute(
            f"SELECT sql FROM {quote_name(name.schema)}.sqlite_schema WHERE name = ? AND type IN ('table', 'view')",
            (name.name,),
        ).fetchone()
        return "" if found is None or found[0] is None else str(found[0])

    def shadows(self, name: TableName) -> tuple[TableName, ...]:
        """Return the shadow tables in which the virtual table `name` keeps its rows."""
        prefix = name.name.lower() + "_"
        return tuple(
            table
            for table, (kind, _, _) in self._kinds.items()
            if kind == "shadow" and table.schema == name.schema and table.name.lower().startswith(prefix)
        )

    def ordinary(self) -> tuple[TableName, ...]:
        """Return the user's tables in name order: no views, no virtual and no internal ones."""
        return tuple(
            name
            for name in self
            if self._kinds[name][0] == "table" and not name.name.lower().startswith(("sqlite_", "_eddy_"))
        )

    def near(self, name: str) -> tuple[str, ...]:
        """Return names of tables and views that resemble `name`, the likeliest first."""
        return similar(name, [table.name for table in self if not table.name.startswith(("sqlite_", "_eddy_"))])

    def foreign_keys(self, name: TableName) -> tuple[ForeignKey, ...]:
        """Return the foreign keys of the table `name`, in the order in which it declares them."""
        found: dict[int, list[tuple[object, ...]]] = {}
        pragma = f"PRAGMA {quote_name(name.schema)}.foreign_key_list({quote_name(name.name)})"
        for row in self._conn.execute(pragma).fetchall():
            found.setdefault(row[0], []).append(row)
        keys = []
        for number in sorted(found, reverse=True):  # SQLite numbers them from the last one
            rows = sorted(found[number], key=lambda row: int(str(row[1])))
            parent = self.find(str(rows[0][2]), name.schema)
            named = all(row[4] is not None for row in rows)
            to = tuple(str(row[4]) for row in rows) if named else parent.primary_key if parent else ()
            table = parent.name.name if parent else str(rows[0][2])
            keys.append(ForeignKey(tuple(str(row[3]) for row in rows), table, to, str(rows[0][6])))
        return tuple(keys)

    def parents_first(self, names: Iterable[TableName]) -> list[TableName]:
        """Return `names`, each after the tables that it refers to, else by name; in a circle one must come early."""
        left = {name.name: name for name in sorted(names)}
        parents = {
            name: {foreign.table for foreign in self.foreign_keys(table) if foreign.table != name} & left.keys()
            for name, table in left.items()
        }
        ordered: list[TableName] = []
        while left:
            free = [name for name in left if not parents[name] & left.keys()]
            early = free or [min(left, key=lambda name: (len(parents[name] & left.keys()), name))]
            ordered += [left.pop(name) for name in early]
        return ordered

    def unique(self, name: TableName) -> tuple[tuple[str, ...], ...]:
        """Return the column lists of which the table `name` holds each value once: what ON CONFLICT may name."""
        schema, info = quote_name(name.schema), self.table(name)
        lists = [info.primary_key] if info.primary_key else []
        for index in self._conn.execute(f"PRAGMA {schema}.index_list({quote_name(name.name)})").fetchall():
            if index[2] and not index[4]:  # unique, and not for some rows alone
                rows = self._conn.execute(f"PRAGMA {schema}.index_info({quote_name(str(index[1]))})").fetchall()
                lists.append(tuple(str(row[2]) for row in rows))
        return tuple(dict.fromkeys(lists))

    def gathers(self, name: str) -> bool:
        """Say whether the program has defined an aggregate `name` on the connection."""
        found = self._conn.execute(
            "SELECT 1 FROM pragma_function_list WHERE name = ? AND NOT builtin AND type <> 's'", (name,)
        )
        return found.fetchone() is not None

    def note_ddl(self, names: Iterable[TableName]) -> None:
        """Have in `ddl` the statements that made these ordinary tables and their indexes, those of ours too."""
        for name in names:
            if name not in self.ddl:
                rows = self._conn.execute(
                    f"SELECT sql FROM {quote_name(name.schema)}.sqlite_schema "
                    "WHERE tbl_name = ? AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY rowid",
                    (name.name,),
                ).fetchall()
                self.ddl[name] = tuple(str(row[0]) for row in rows)

    def note_index(self, name: TableName, sql: str) -> None:
        """Know of an index that was made just now on the table `name`."""
        if name in self.ddl:
            self.ddl[name] += (sql,)

    def index_names(self) -> frozenset[str]:
        """Return the names, in lower case, that an index of `main` can't have: those of all that is there."""
        rows = self._conn.execute("SELECT lower(name) FROM main.sqlite_schema").fetchall()
        return frozenset(str(row[0]) for row in rows)

    def _read(self, name: TableName) -> TableInfo:
        kind, without_rowid, strict = self._kinds[name]
        schema, table = quote_name(name.schema), quote_name(name.name)
        listed = self._conn.execute(f"PRAGMA {schema}.table_xinfo({table})").fetchall()
        names = [str(row[1]) for row in listed]
        ordered = collations(self._conn, name.sql, [f"+{quote_name(n)}" for n in names]) if kind == "table" else None
        columns = tuple(
            ColumnInfo(
                name=str(row[1]),
                affinity=affinity_of(str(row[2]), strict=strict),
                collation=ordered[at] if ordered else "BINARY",
                primary_key=int(row[5]),
                generated=row[6] in (2, 3),
                type=str(row[2]),
                not_null=bool(row[3]),
                default=None if row[4] is None else str(row[4]),
            )
            for at, row in enumerate(listed)
        )
        key, alias = self._key(name, columns, listed, without_rowid=without_rowid) if kind != "view" else ((), None)
        return TableInfo(name, kind, columns, key, alias, strict)  # type: ignore[arg-type]  # SQLite names just these kinds

    def _key(
        self, name: TableName, columns: tuple[ColumnInfo, ...], listed: list[tuple[object, ...]], *, without_rowid: bool
    ) -> tuple[tuple[str, ...], str | None]:
        ordered = sorted((column for column in columns if column.primary_key), key=lambda column: column.primary_key)
        primary = tuple(column.name for column in ordered)
        if without_rowid:
            return primary, None
        if len(primary) == 1 and next(str(row[2]).upper() for row in listed if row[1] == primary[0]) == "INTEGER":
            pragma = f"PRAGMA {quote_name(name.schema)}.index_list({quote_name(name.name)})"
            if not any(row[3] == "pk" for row in self._conn.execute(pragma).fetchall()):
                return primary, primary[0]
        taken = {column.name.lower() for column in columns}
        alias = next((rowid for rowid in _ROWID_NAMES if rowid not in taken), None)
        return ((alias,) if alias else ()), alias


def similar(name: str, names: list[str]) -> tuple[str, ...]:
    """Return up to three of `names` that resemble `name`, the likeliest first; case doesn't matter."""
    by_lower = {candidate.lower(): candidate for candidate in reversed(names)}
    return tuple(by_lower[match] for match in get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6))


def affinity_of(declared: str, *, strict: bool = False) -> Affinity:
    """Return the affinity of a declared type, by the five rules of https://sqlite.org/datatype3.html section 3.1."""
    upper = declared.upper()
    if strict and upper == "ANY":
        return "BLOB"
    if "INT" in upper:
        return "INTEGER"
    if any(word in upper for word in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if "BLOB" in upper or not upper:
        return "BLOB"
    if any(word in upper for word in ("REAL", "FLOA", "DOUB")):
        return "REAL"
    return "NUMERIC"


def collations(
    conn: Connection, source: str, terms: list[str], parameters: Mapping[str, object] | None = None
) -> list[str]:
    """Return the collation under which `ORDER BY terms` over `FROM source` sorts each term.

    Read off the sorter's key in EXPLAIN: `k(3,B,NOCASE,-B)`, where B is BINARY and a sign is the direction. A collation
    that only the program knows which made the file counts as BINARY: SQLite refuses every query that needs it.
    """
    if not terms:
        return []
    try:
        text = uncached(f"EXPLAIN SELECT 1 FROM {source} ORDER BY {', '.join(terms)}")
        rows = conn.execute(text, {} if parameters is None else parameters).fetchall()
    except sqlite3.OperationalError as error:
        if "no such collation sequence" not in str(error):
            raise
        each = (collations(conn, source, [term], parameters) for term in terms)
        return [name for names in each for name in names] if len(terms) > 1 else ["BINARY"]
    for row in rows:
        match = _KEY_INFO.match(str(row[5] or "")) if row[1] in ("SorterOpen", "OpenEphemeral") else None
        if match and int(match.group(1)) >= len(terms):
            names = [part.removeprefix("-").removeprefix("N.") for part in match.group(2).split(",")]
            return ["BINARY" if name in ("B", "") else name for name in names[: len(terms)]]
    return ["BINARY"] * len(terms)
