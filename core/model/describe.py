"""Models out of a database: the Python text of a class for each table, as `eddyline models FILE` prints it.

    CREATE TABLE Album (AlbumId INTEGER PRIMARY KEY, Title NVARCHAR(160) NOT NULL, ArtistId INTEGER REFERENCES Artist)

    class Album(Existing, table="Album"):
        AlbumId: Column[int] = column(default=None, primary_key=True)
        Title: Column[str]
        ArtistId: Ref[Artist | None] = ref(default=None)

A column's type is what it declares, looked at beside what the first 100,000 rows hold: SQLite keeps any value in nearly
any column. A date or time is one only if every value there has the form that we write, so that what is read compares
equal with what is stored. A table stands after those that it refers to; a name that Python can't have becomes `name=`.
What can't be a model (no primary key, a view, a virtual table, a computed column) is named in a comment, with why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Final
from unicodedata import normalize

from ..errors import UnknownTableError
from ..schema.catalog import Catalog, ColumnInfo, ForeignKey, TableInfo, TableName
from ..sqltext import quote_name
from ..store import Connection
from .base import RESERVED

__all__ = ["model_source"]

_ROWS_SEEN: Final = 100_000
_COLUMNS_AT_ONCE: Final = 200
_FACE = ("Column", "Existing", "Ref", "column", "new_id", "ref")
_TIMES = ("date", "datetime", "time")
_TAKEN: Final = frozenset({*_FACE, *_TIMES, "bool", "bytes", "dict", "float", "int", "list", "str", "Any"})
"""Names that the text itself uses: neither a class nor a column is called so."""

_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_TIME = "[0-9][0-9]:[0-5][0-9]:[0-5][0-9]"
_IS_DAY = "date(substr({0}, 1, 10), '+0 days') IS substr({0}, 1, 10) AND substr({0}, 1, 4) <> '0000'"
_FORMS: Final = {  # of a value, by the Python type that is written so: SQL over the column {0}
    "bool": "typeof({0}) = 'integer' AND {0} IN (0, 1)",
    "date": f"typeof({{0}}) = 'text' AND {{0}} GLOB '{_DATE}' AND {_IS_DAY}",
    "time": f"typeof({{0}}) = 'text' AND {{0}} GLOB '{_TIME}' AND substr({{0}}, 1, 2) < '24'",
    "datetime": f"typeof({{0}}) = 'text' AND {{0}} GLOB '{_DATE}T{_TIME}.[0-9][0-9][0-9][0-9][0-9][0-9]Z' "
    f"AND substr({{0}}, 12, 2) < '24' AND {_IS_DAY}",
    "dict": "CASE WHEN typeof({0}) = 'text' AND json_valid({0}) THEN json_type({0}) = 'object' END",
    "list": "CASE WHEN typeof({0}) = 'text' AND json_valid({0}) THEN json_type({0}) = 'array' END",
}


def model_source(conn: Connection, catalog: Catalog, tables: Sequence[str], title: str) -> str:
    """Return Python that declares a model for each of `tables`, or for every table. Raises `UnknownTableError`."""
    chosen = _chosen(catalog, tables)
    made = [name for name in catalog.parents_first(chosen) if catalog.table(name).primary_key]
    classes = _class_names(made)
    used: set[str] = set()
    bodies = [_Class(conn, catalog, name, classes, made[:at], used).text() for at, name in enumerate(made)]
    return "".join([*_head(title, used), *(f"\n\n{body}" for body in bodies), *_left_out(catalog, chosen, tables)])


def _chosen(catalog: Catalog, tables: Sequence[str]) -> list[TableName]:
    there = {name.name.lower(): name for name in catalog.ordinary() if name.schema == "main"}
    for table in tables:
        if table.lower() not in there:
            near = catalog.near(table)
            hint = f"did you mean {', '.join(near)}?" if near else f"there are: {', '.join(map(str, there.values()))}"
            raise UnknownTableError(f"no table {table!r}; {hint}", sql="", table=table, near=near)
    return [there[table.lower()] for table in tables] if tables else list(there.values())


def _class_names(tables: Iterable[TableName]) -> dict[str, str]:
    """Return the name of a class for each table, by the table's name in lower case."""
    names: dict[str, str] = {}
    for table in tables:
        words = re.split("[ _]+", _spaced(table.name))
        name = "".join(word[:1].upper() + word[1:] for word in words)
        name = name if name.isidentifier() else f"Table{name}"
        name = f"{name}_" if iskeyword(name) or name in _TAKEN else name
        names[table.name.lower()] = _free(name, set(names.values()))
    return names


def _spaced(name: str) -> str:
    """Return `name` with a blank for each character that no name in Python may hold."""
    return "".join(one if f"_{one}".isidentifier() else " " for one in normalize("NFKC", name))


def _free(name: str, taken: set[str]) -> str:
    """Return `name`, with a number behind it where it is taken."""
    free, at = name, 1
    while free in taken:
        at += 1
        free = f"{name}{'' if name.endswith('_') else '_'}{at}"
    return free


def _head(title: str, used: set[str]) -> Iterator[str]:
    yield f"# Models of {_plain(title)}, as `eddyline models` reads them. The tables stay as they are.\n"
    standard = [("datetime", [name for name in _TIMES if name in used]), ("typing", ["Any"] if "Any" in used else [])]
    lines = "".join(f"from {module} import {', '.join(names)}\n" for module, names in standard if names)
    names = [name for name in _FACE if name in used]
    if lines:
        yield f"\n{lines}"
    if names:
        yield f"\nfrom eddyline import {', '.join(names)}\n"


def _left_out(catalog: Catalog, chosen: list[TableName], tables: Sequence[str]) -> Iterator[str]:
    """Yield a comment for each thing that a query can read and that is no model."""
    kinds = {"view": "is a view", "virtual": "is a virtual table"}
    lines = [
        f"# {_plain(name.name)} has no primary key by which a row could be found again"
        for name in chosen
        if not catalog.table(name).primary_key
    ]
    if not tables:
        others = [(name, catalog.kind_of(name)) for name in catalog if name.schema == "main"]
        lines += [f"# {_plain(name.name)} {kinds[kind]}" for name, kind in others if kind in kinds]
    if lines:
        yield "\n\n# No models, for SQL only:\n"
        yield from (f"{line}\n" for line in lines)


def _plain(text: str) -> str:
    """Return `text` as it can stand in a comment."""
    return text if text.isprintable() else ascii(text)


def _quoted(text: str) -> str:
    """Return `text` as Python writes it, in double quotes where it has none itself."""
    if not text.isprintable():
        return ascii(text)
    shown = repr(text)
    return shown if '"' in text else f'"{shown[1:-1]}"'


@dataclass(frozen=True, slots=True)
class _Held:
    """What the rows hold in one column: how many values, of which storage classes, in which of `_FORMS`."""

    count: int
    kinds: frozenset[str]
    forms: frozenset[str]


class _Class:
    """The text of one class."""

    def __init__(
        self,
        conn: Connection,
        catalog: Catalog,
        name: TableName,
        classes: dict[str, str],
        earlier: list[TableName],
        used: set[str],
    ) -> None:
        self._catalog, self._info, self._classes, self._used = catalog, catalog.table(name), classes, used
        self._earlier = {table.name.lower() for table in earlier}
        self._columns = [column for column in self._info.columns if column.name and not column.generated]
        self._held = _look(conn, self._info, self._columns)
        self._foreign = catalog.foreign_keys(name)
        self._key = self._info.primary_key

    def text(self) -> str:
        info = self._info
        self._used.add("Existing")
        name = self._classes[info.name.name.lower()]
        lines = [f"class {name}(Existing, table={_quoted(info.name.name)}):"]
        attributes: set[str] = set()
        for column in self._columns:
            attribute = self._attribute(column.name, attributes)
            attributes.add(attribute)
            lines.append(f"    {self._line(column, attribute)}")
        for column in info.columns:
            if column not in self._columns:
                why = "is computed by the table" if column.generated else "a column without a name"
                lines.append(f"    # {_plain(f'{column.name} {why}'.strip())}: for SQL only")
        for foreign in self._foreign:
            if len(foreign.columns) > 1:
                columns, to = (", ".join(map(_plain, names)) for names in (foreign.columns, foreign.to))
                lines.append(f"    # ({columns}) refers to {_plain(foreign.table)} ({to})")
        return "".join(f"{line}\n" for line in lines)

    def _attribute(self, name: str, taken: set[str]) -> str:
        """Return what Python calls the column `name`."""
        made = normalize("NFKC", name)
        if not made.isidentifier():
            made = re.sub(" +", "_", _spaced(name)).strip("_")
            made = made if made.isidentifier() else f"column_{made}".rstrip("_")
        if made.startswith("_"):
            made = made.strip("_") or "column_"
            made = made if made.isidentifier() else f"column_{made}"
        if iskeyword(made) or made in RESERVED or made in _TAKEN or made in self._classes.values():
            made += "_"
        return _free(made, taken)

    def _line(self, column: ColumnInfo, attribute: str) -> str:
        options: dict[str, str] = {}
        if attribute != column.name:
            options["name"] = _quoted(column.name)
        is_key = column.name in self._key
        if is_key:
            options["primary_key"] = "True"
        foreign = self._reference(column)
        nullable = not column.not_null and not is_key
        call, remark = "column", ""
        if foreign is not None:
            call, other = "ref", self._classes[foreign.table.lower()]
            inner = f"{other} | None" if nullable else other
            hint = f"Ref[{inner}]" if foreign.table.lower() in self._earlier else f'Ref["{inner}"]'
            default = None
            self._used.add("Ref")
        else:
            kind, remark = self._kind(column)
            hint = f"Column[{kind} | None]" if nullable else f"Column[{kind}]"
            default = None if is_key else _literal(column.default, kind)
            self._used.update(("Column", *re.findall(r"\w+", kind)))
            if is_key and self._info.strict and self._key == ("id",) and kind == "str":
                options["default_factory"] = "new_id"
                self._used.add("new_id")
            if is_key and column.name == self._info.rowid_alias:
                default = "None"  # left out, SQLite gives it
            remark = remark or self._unfollowed(column)
        if default is not None or nullable:
            options["default"] = default or "None"
        if options:
            self._used.add(call)
        said = ", ".join(f"{name}={value}" for name, value in sorted(options.items(), key=_order))
        return f"{attribute}: {hint}" + (f" = {call}({said})" if said else "") + (f"  # {remark}" if remark else "")

    def _reference(self, column: ColumnInfo) -> ForeignKey | None:
        """Return the foreign key that can be a `Ref`: of one column, to the one key column of a model."""
        for foreign in self._foreign:
            if foreign.columns == (column.name,) and foreign.table.lower() in self._classes:
                other = self._catalog.find(foreign.table, "main")
                if other is not None and len(other.primary_key) == 1 and foreign.to[:1]:
                    in_circle = column.name in self._key and foreign.table.lower() not in self._earlier
                    if foreign.to[0].lower() == other.primary_key[0].lower() and not in_circle:
                        return foreign
        return None

    def _unfollowed(self, column: ColumnInfo) -> str:
        """Return the remark about a foreign key of one column that can't be a `Ref`."""
        for foreign in self._foreign:
            if foreign.columns == (column.name,):
                return f"refers to {_plain(foreign.table)}" + (f" ({_plain(foreign.to[0])})" if foreign.to else "")
        return ""

    def _kind(self, column: ColumnInfo) -> tuple[str, str]:
        """Return the Python type of a column, and a remark where its values are not all of that type."""
        held = self._held[column.name]
        declared = column.type.upper()
        wanted = _by_declaration(declared)
        for form in wanted:
            if form in held.forms or (form == "bool" and not held.count):
                return _GENERIC.get(form, form), ""
        if not held.kinds:
            return "str" if wanted or not column.type else _EMPTY[column.affinity], ""
        if held.kinds <= {"integer", "real"}:
            whole = held.kinds == {"integer"} and column.affinity in ("INTEGER", "BLOB", "TEXT")
            return ("int" if whole or (wanted and held.kinds == {"integer"}) else "float"), ""
        if len(held.kinds) == 1:
            return ("str" if "text" in held.kinds else "bytes"), ""
        kind = _EMPTY[column.affinity] if column.type else "str"
        return kind, f"holds {', '.join(sorted(held.kinds))}"


_EMPTY: Final = {"INTEGER": "int", "REAL": "float", "NUMERIC": "float", "TEXT": "str", "BLOB": "bytes"}


_GENERIC: Final = {"dict": "dict[str, Any]", "list": "list[Any]"}


def _order(option: tuple[str, str]) -> int:
    return ("default", "default_factory", "primary_key", "name").index(option[0])


def _by_declaration(declared: str) -> tuple[str, ...]:
    """Return the types that a declared type may mean beside SQLite's own."""
    if "BOOL" in declared:
        return ("bool",)
    if "DATETIME" in declared or "TIMESTAMP" in declared:
        return ("datetime",)
    if declared.startswith("DATE"):
        return ("date", "datetime")
    if declared.startswith("TIME"):
        return ("time",)
    return ("dict", "list") if declared.startswith("JSON") else ()


def _literal(default: str | None, kind: str) -> str | None:
    """Return the table's default as Python writes it, where it is a plain value of `kind`."""
    if default is None:
        return None
    text = default.strip()
    if kind in ("int", "float") and re.fullmatch(r"[+-]?[0-9]+", text):
        return str(int(text)) if kind == "int" else f"{int(text)}.0"
    if kind == "float" and re.fullmatch(r"[+-]?[0-9]+\.[0-9]+", text):
        return repr(float(text))
    if kind == "bool" and text.upper() in ("0", "1", "FALSE", "TRUE"):
        return str(text.upper() in ("1", "TRUE"))
    if kind == "str" and len(text) >= 2 and text[0] == text[-1] == "'":
        return _quoted(text[1:-1].replace("''", "'"))
    return None


def _look(conn: Connection, info: TableInfo, columns: list[ColumnInfo]) -> dict[str, _Held]:
    """Return what the first rows of a table hold, by column."""
    held: dict[str, _Held] = {}
    for start in range(0, len(columns), _COLUMNS_AT_ONCE):
        held |= _look_at(conn, info, columns[start : start + _COLUMNS_AT_ONCE])
    return held


def _look_at(conn: Connection, info: TableInfo, columns: list[ColumnInfo]) -> dict[str, _Held]:
    asked: list[str] = []
    for at, column in enumerate(columns):
        asked.append(f"count(c{at})")
        asked += [f"total(typeof(c{at}) = '{kind}')" for kind in ("integer", "real", "text", "blob")]
        asked += [f"total({_FORMS[form].format(f'c{at}')})" for form in _by_declaration(column.type.upper())]
    named = ", ".join(f"{quote_name(column.name)} AS c{at}" for at, column in enumerate(columns))
    inner = f"SELECT {named} FROM {info.name.sql} LIMIT {_ROWS_SEEN}"
    found = list(conn.execute(f"SELECT {', '.join(asked)} FROM ({inner})").fetchone())
    held: dict[str, _Held] = {}
    for column in columns:
        forms = _by_declaration(column.type.upper())
        count, *rest = (found.pop(0) for _ in range(5 + len(forms)))
        kinds = frozenset(kind for kind, n in zip(("integer", "real", "text", "blob"), rest, strict=False) if n)
        all_of = frozenset(form for form, n in zip(forms, rest[4:], strict=True) if count and n == count)
        held[column.name] = _Held(count, kinds, all_of)
    return held
