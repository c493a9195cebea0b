"""Random schemas: rowid, WITHOUT ROWID and STRICT tables, all affinities and collations, constraints, triggers."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Literal

Kind = Literal["integer key", "rowid", "text key", "without rowid", "composite key", "strict"]

TYPES = (
    "INTEGER", "TEXT", "REAL", "NUMERIC", "", "BLOB", "TEXT COLLATE NOCASE", "COLLATE RTRIM", "VARCHAR(9)",
)  # fmt: skip
STRICT_TYPES = ("INTEGER", "TEXT", "REAL", "ANY", "BLOB", "TEXT COLLATE NOCASE", "ANY COLLATE NOCASE")
VALUES = (
    None, None, 0, 1, 2, 3, 1.0, 2.5, -1, "1", "a", "A", "b", "B ", "b", "", b"a", b"", 10**12, "1.0", "ß", 0.1,
)  # fmt: skip


@dataclass
class Table:
    """One table as the generator knows it. `key` names what tells its rows apart."""

    name: str
    kind: Kind
    ddl: str
    columns: list[str]
    key: tuple[str, ...]

    @property
    def upsertable(self) -> bool:
        return self.kind in ("integer key", "without rowid", "strict")


@dataclass
class Schema:
    """The tables of a world, and what else is in its file."""

    tables: list[Table] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def ddl(self) -> list[str]:
        return [table.ddl for table in self.tables] + self.others


KEYS: dict[Kind, tuple[str, ...]] = {
    "integer key": ("id",),
    "rowid": ("rowid",),
    "text key": ("rowid",),
    "without rowid": ("id",),
    "composite key": ("k", "id"),
    "strict": ("id",),
}


def random_schema(rng: Random) -> Schema:
    """Return two or three tables, of which later ones may refer to the first."""
    schema = Schema()
    for number in range(rng.randint(2, 3)):
        schema.tables.append(_table(rng, number, schema.tables))
    schema.others.append("CREATE TABLE audit (what, value)")
    schema.others.append("CREATE INDEX by_c1 ON t0 (c1)")
    if rng.random() < 0.3:
        table = rng.choice(schema.tables)
        schema.others.append(
            f"CREATE TRIGGER stamp AFTER UPDATE OF c1 ON {table.name} BEGIN "
            f"UPDATE {table.name} SET c2 = NULL WHERE {table.key[-1]} = NEW.{table.key[-1]}; END"
        )
    if rng.random() < 0.2:
        table = rng.choice(schema.tables)
        schema.others.append(
            f"CREATE TRIGGER noted AFTER DELETE ON {table.name} BEGIN INSERT INTO audit VALUES ('gone', OLD.c0); END"
        )
    return schema


def _table(rng: Random, number: int, before: list[Table]) -> Table:
    kinds: list[Kind] = ["integer key", "integer key", "rowid", "without rowid", "composite key", "text key", "strict"]
    kind = rng.choice(kinds)
    types = STRICT_TYPES if kind == "strict" else TYPES
    wide = rng.random() < 0.08
    columns = [f"c{at}" for at in range(60 if wide else 3)]
    parts = [f"{name} {rng.choice(types)}" for name in columns]
    names = ["id", *columns]
    tail = []
    match kind:
        case "integer key" | "strict":
            parts.insert(0, "id INTEGER PRIMARY KEY")
        case "rowid":
            parts.insert(0, "id INTEGER")
        case "text key":
            parts.insert(0, "id TEXT PRIMARY KEY")
        case "without rowid":
            parts.insert(0, "id INTEGER NOT NULL PRIMARY KEY")
        case "composite key":
            parts.insert(0, f"k {rng.choice(['TEXT COLLATE NOCASE', '', 'TEXT'])}")
            parts.insert(0, "id INTEGER")
            names.append("k")
            tail.append("PRIMARY KEY (k, id)")
    if before and before[0].kind in ("integer key", "without rowid", "strict") and rng.random() < 0.5:
        action = rng.choice(["ON DELETE CASCADE", "ON DELETE SET NULL", "", "ON UPDATE CASCADE ON DELETE CASCADE"])
        parts.append(f"p INTEGER REFERENCES t0 (id) {action} DEFERRABLE INITIALLY DEFERRED")
        names.append("p")
    if rng.random() < 0.2 and kind != "composite key":
        parts.append(f"g {'TEXT' if kind == 'strict' else ''} GENERATED ALWAYS AS (c0 || c1) VIRTUAL")
    if rng.random() < 0.25:
        tail.append("UNIQUE (c0)" + (" ON CONFLICT REPLACE" if rng.random() < 0.3 else ""))
    suffix = {"without rowid": " WITHOUT ROWID", "composite key": " WITHOUT ROWID", "strict": " STRICT"}.get(kind, "")
    ddl = f"CREATE TABLE t{number} ({', '.join([*parts, *tail])}){suffix}"
    return Table(f"t{number}", kind, ddl, [*names[:4], *names[len(columns) + 1 :]], KEYS[kind])


def sql_literal(value: object) -> str:
    """Return `value` as it stands in SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"x'{value.hex()}'" if isinstance(value, bytes) else repr(value)
