"""Random schemas, and a schema as SQLite describes it.

The first letter of a column's name says what it holds, so a table read back from a file after any DDL can still be
written and queried sensibly:

| letter | holds | letter | holds |
|---|---|---|---|
| i | the integer key | k | part of a key |
| n | small integers | r | reals that add up exactly (quarters) |
| t | text, BINARY | c, e | text under NOCASE, RTRIM |
| m, x | anything under any affinity; x under NOCASE | f | reals that don't (tenths) |
| j | JSON, often malformed | b, a | integers near 2^63 that overflow in sum(), in abs() |
| p | a reference to a parent | u | UNIQUE integers |
| g | generated | w | filler of wide tables |
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from random import Random

__all__ = ["Column", "Table", "quote", "random_schema", "read_schema"]

MIXED_TYPES = ("", "BLOB", "NUMERIC", "INTEGER", "TEXT", "REAL", "VARCHAR(9)", "DECIMAL(10,2)")
TYPES: dict[str, tuple[str, ...]] = {
    "n": ("INTEGER", "INT", "BIGINT"), "t": ("TEXT", "VARCHAR(20)"), "c": ("TEXT COLLATE NOCASE",),
    "e": ("TEXT COLLATE RTRIM",), "r": ("REAL", "DOUBLE", "NUMERIC"), "m": MIXED_TYPES,
    "x": tuple(f"{kind} COLLATE NOCASE" for kind in MIXED_TYPES), "f": ("REAL",), "j": ("TEXT",), "b": ("INTEGER",),
    "a": ("INTEGER",), "u": ("INTEGER",), "w": ("INTEGER", "TEXT", ""),
}  # fmt: skip
STRICT: dict[str, str] = {
    "n": "INT", "t": "TEXT", "c": "TEXT COLLATE NOCASE", "e": "TEXT COLLATE RTRIM", "r": "REAL", "m": "ANY",
    "x": "ANY COLLATE NOCASE", "f": "REAL", "j": "TEXT", "b": "INTEGER", "a": "INTEGER", "u": "INTEGER", "w": "ANY",
}  # fmt: skip
NAMES = ("issue", "project", "tag", "person", "Order Items", "group", "label", 'od"d')
ACTIONS = (
    "", "", "ON DELETE CASCADE", "ON DELETE CASCADE", "ON DELETE SET NULL", "ON UPDATE CASCADE",
    "ON UPDATE CASCADE ON DELETE CASCADE", "ON DELETE SET NULL ON UPDATE SET NULL", "ON DELETE SET DEFAULT",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column as `table_xinfo` shows it."""

    name: str
    declared: str
    pk: int
    generated: bool
    collation: str = "BINARY"

    @property
    def kind(self) -> str:
        return self.name[0].lower()


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `key` is what tells its rows apart: the rowid, or the primary key where there is none."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    without_rowid: bool
    strict: bool

    @property
    def writable(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if not column.generated)

    @property
    def pk(self) -> tuple[str, ...]:
        return tuple(c.name for c in sorted(self.columns, key=lambda c: c.pk) if c.pk)

    def of(self, kinds: str) -> list[Column]:
        return [column for column in self.columns if column.kind in kinds]


def quote(name: str) -> str:
    """Return `name` as an identifier in SQL."""
    return name if name.isidentifier() and name != "group" else '"' + name.replace('"', '""') + '"'


def read_schema(conn: sqlite3.Connection) -> dict[str, Table]:
    """Return the ordinary tables of the file, by name."""
    found = conn.execute(
        "SELECT name, wr, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()
    tables = {}
    for name, without_rowid, strict in found:
        rows = conn.execute(f"PRAGMA table_xinfo({quote(name)})").fetchall()
        (ddl,) = conn.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
        columns = tuple(Column(row[1], row[2], row[5], row[6] in (2, 3), _collation(ddl, row[1])) for row in rows)
        taken = {column.name.lower() for column in columns}
        rowid = tuple(alias for alias in ("rowid", "_rowid_", "oid") if alias not in taken)[:1]
        pk = tuple(column.name for column in sorted(columns, key=lambda c: c.pk) if column.pk)
        tables[name] = Table(name, columns, pk if without_rowid else rowid, bool(without_rowid), bool(strict))
    return tables


def _collation(ddl: str, name: str) -> str:
    found = re.search(rf'\b{re.escape(name)}\b"? [^,]*?COLLATE (\w+)', ddl)
    return found.group(1) if found else "BINARY"


def random_schema(rng: Random) -> tuple[list[str], list[str]]:
    """Return the DDL of the tables and indexes, then that of triggers and views (they come after the first rows)."""
    makers: list[_Maker] = []
    names = rng.sample(NAMES[:4], 4) if rng.random() < 0.85 else rng.sample(NAMES, 5)
    for name in names[: rng.choice([2, 3, 3, 4])]:
        makers.append(_Maker(rng, name, makers))
    ddl = [maker.ddl() for maker in makers]
    for number in range(rng.randint(0, 3)):
        maker = rng.choice(makers)
        on = ", ".join(quote(name) for name in rng.sample(maker.names, min(len(maker.names), rng.randint(1, 2))))
        where = f" WHERE {quote(maker.names[-1])} IS NOT NULL" if rng.random() < 0.2 else ""
        ddl.append(f"CREATE INDEX by{number} ON {quote(maker.name)} ({on}){where}")
    later: list[str] = []
    if rng.random() < 0.35:
        later += _audit(rng, makers, ddl)
    if rng.random() < 0.25:
        later += _stamp(rng, rng.choice(makers))
    if rng.random() < 0.1:
        later += _guard(rng, rng.choice(makers))
    if rng.random() < 0.4:
        one = rng.choice(makers)
        later.append(
            f"CREATE VIEW seen AS SELECT {', '.join(map(quote, one.names[:3]))} FROM {quote(one.name)} "
            f"WHERE {quote(one.names[0])} IS NOT NULL"
        )
    return ddl, later


class _Maker:
    """One table in the making."""

    def __init__(self, rng: Random, name: str, before: list[_Maker]) -> None:
        self.rng, self.name = rng, name
        self.strict = rng.random() < 0.2
        self.shape = rng.choices(
            ["id", "bare", "text", "odd", "single", "double", "shadow"], [44, 12, 9, 4, 10, 16, 3]
        )[0]  # fmt: skip
        self.parts: list[str] = []
        self.tail: list[str] = []
        self.names: list[str] = []
        self.target: tuple[tuple[str, str], ...] = ()
        self._key()
        self._values()
        if before and rng.random() < 0.75:
            self._parent(rng.choice([*before, self]) if rng.random() < 0.9 else self)

    @property
    def without_rowid(self) -> bool:
        return self.shape in ("single", "double")

    def ddl(self) -> str:
        options = [*(["WITHOUT ROWID"] if self.without_rowid else []), *(["STRICT"] if self.strict else [])]
        body = ", ".join([*self.parts, *self.tail])
        return f"CREATE TABLE {quote(self.name)} ({body}) {', '.join(options)}".strip()

    def _add(self, name: str, rest: str) -> None:
        self.names.append(name)
        self.parts.append(f"{quote(name)} {rest}".strip())

    def _key(self) -> None:
        rng = self.rng
        if self.shape == "id":
            self._add("id", "INTEGER PRIMARY KEY" + rng.choice(["", "", "", " AUTOINCREMENT"]))
            self.target = (("id", "INTEGER"),)
        elif self.shape == "odd":
            self._add("ix", "INTEGER PRIMARY KEY DESC")  # no alias of the rowid: an old fault that SQLite keeps
            self.target = (("ix", "INTEGER"),)
        elif self.shape == "text":
            self._add("k1", f"{self._key_type()} PRIMARY KEY")
            self.target = (("k1", "TEXT"),)
        elif self.shape == "single":
            kind = self._key_type()
            self._add("k1", f"{kind} PRIMARY KEY")
            self.target = (("k1", kind.split()[0]),)
        elif self.shape == "double":
            first, second = self._key_type(), self._key_type()
            self._add("k1", first)
            self._add("k2", second)
            order = ("k1", "k2") if rng.random() < 0.7 else ("k2", "k1")
            self.tail.append(f"PRIMARY KEY ({', '.join(order)})")
            self.target = tuple(
                zip(order, ["TEXT" if k[0] == "T" else "INTEGER" for k in (first, second)], strict=True)
            )
        elif self.shape == "shadow":
            self._add("rowid", "TEXT")

    def _key_type(self) -> str:
        return self.rng.choice(["INTEGER", "TEXT", "TEXT", "TEXT COLLATE NOCASE"])

    def _values(self) -> None:
        rng = self.rng
        chosen = rng.choices("ntcermxfjba", [8, 5, 4, 2, 5, 5, 3, 1, 2, 1, 1], k=rng.randint(2, 5))
        if rng.random() < 0.25:
            chosen.append("u")
        for number, letter in enumerate(chosen, 1):
            declared = STRICT[letter] if self.strict else rng.choice(TYPES[letter])
            if letter == "u":
                declared += " UNIQUE" + rng.choice(["", "", " ON CONFLICT REPLACE", " ON CONFLICT IGNORE"])
            elif letter == "n" and rng.random() < 0.25:
                declared += rng.choice(
                    [" NOT NULL DEFAULT 0", " NOT NULL ON CONFLICT REPLACE DEFAULT 7", f" CHECK (n{number} < 8)"]
                )
            self._add(f"{letter}{number}", declared)
        if rng.random() < 0.08:
            for number in range(rng.choice([30, 80])):
                self._add(f"w{number}", STRICT["w"] if self.strict else rng.choice(TYPES["w"]))
        if rng.random() < 0.25:
            source = rng.choice([name for name in self.names if name[0] not in "jbawi"] or [self.names[-1]])
            body = rng.choice([f"{source} || '!'", f"typeof({source})", f"{source} IS NULL", f"length({source})"])
            declared = rng.choice(["TEXT", "INTEGER"]) if self.strict else rng.choice(["TEXT", "", "INTEGER"])
            if self.strict and ("||" in body or "typeof" in body):
                declared = "TEXT"
            self._add("g1", f"{declared} GENERATED ALWAYS AS ({body}) {rng.choice(['VIRTUAL', 'STORED'])}")
        if rng.random() < 0.12 and len(self.names) > 2:
            pair = [name for name in self.names if name[0] in "ntm"][:2]
            if len(pair) == 2:
                self.tail.append(f"UNIQUE ({', '.join(pair)})" + rng.choice(["", " ON CONFLICT REPLACE"]))

    def _parent(self, parent: _Maker) -> None:
        if not parent.target:
            return
        rng = self.rng
        names = [f"p{at}" for at, _ in enumerate(parent.target, 1)]
        for name, (_, kind) in zip(names, parent.target, strict=True):
            self._add(name, ("INT" if kind == "INTEGER" else "TEXT") if self.strict else kind)
        late = rng.choice(["", "DEFERRABLE INITIALLY DEFERRED", "DEFERRABLE INITIALLY DEFERRED"])
        to = ", ".join(name for name, _ in parent.target)
        refer = f"REFERENCES {quote(parent.name)} ({to}) {rng.choice(ACTIONS)} {late}"
        self.tail.append(f"FOREIGN KEY ({', '.join(names)}) {refer}".strip())


def _audit(rng: Random, makers: list[_Maker], ddl: list[str]) -> list[str]:
    """Return triggers that note changes of some tables in another one; its table goes to `ddl`."""
    ddl.append("CREATE TABLE audit (id INTEGER PRIMARY KEY, t1 TEXT, m2)")
    found = []
    for number, maker in enumerate(rng.sample(makers, rng.randint(1, len(makers)))):
        event = rng.choice(["INSERT", "UPDATE", "DELETE"])
        row = "OLD" if event == "DELETE" else "NEW"
        when = f"{rng.choice(['AFTER', 'AFTER', 'BEFORE'])} {event} ON {quote(maker.name)}"
        note = f"INSERT INTO audit (t1, m2) VALUES ('{event.lower()}', {row}.{quote(maker.names[-1])})"
        found.append(f"CREATE TRIGGER audit{number} {when} BEGIN {note}; END")
    return found


def _stamp(rng: Random, maker: _Maker) -> list[str]:
    """Return the `updated_at` pattern: a trigger that writes the row that was written."""
    numbers = [name for name in maker.names if name[0] == "n"]
    if not numbers or maker.shape in ("bare", "shadow"):
        return []
    where = " AND ".join(f"{quote(name)} IS NEW.{quote(name)}" for name, _ in maker.target)
    name = quote(maker.name)
    again = f"UPDATE {name} SET {numbers[0]} = ({numbers[0]} + 1) % 5 WHERE {where}"
    return [f"CREATE TRIGGER stamp AFTER UPDATE ON {name} BEGIN {again}; END"]


def _guard(rng: Random, maker: _Maker) -> list[str]:
    """Return a trigger that refuses or ignores some deletes."""
    how = rng.choice(["IGNORE", "ABORT, 'no'", "FAIL, 'no'", "ROLLBACK, 'no'"])
    column = quote(maker.names[0])
    when = f"BEFORE DELETE ON {quote(maker.name)} WHEN OLD.{column} IN (3, '3', 'a')"
    return [f"CREATE TRIGGER guard {when} BEGIN SELECT RAISE({how}); END"]
