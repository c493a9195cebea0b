"""Random statements, many of which fail, and schema changes."""

from __future__ import annotations

from random import Random
from typing import Any

from .schema import VALUES, Schema, Table

Statement = tuple[str, list[Any]]


def random_statement(rng: Random, schema: Schema) -> Statement:
    """Return an INSERT, upsert, REPLACE, UPDATE (FROM), or DELETE with its parameters."""
    table = rng.choice(schema.tables)
    name, columns, draw = table.name, table.columns, rng.random()
    one, two = rng.choice(columns), rng.choice(columns)
    marks = ", ".join("?" * len(columns))
    row = [_value(rng, column) for column in columns]
    if draw < 0.35:
        verb = rng.choice(["INSERT", "INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE", "REPLACE", "INSERT OR FAIL"])
        return f"{verb} INTO {name} ({', '.join(columns)}) VALUES ({marks})", row
    if draw < 0.43 and table.upsertable:
        into = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})"
        return f"{into} ON CONFLICT (id) DO UPDATE SET {one} = excluded.{two}", row
    if draw < 0.7:
        verb = rng.choice(["UPDATE", "UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE"])
        where = f"{rng.choice(table.key)} = ?"
        return f"{verb} {name} SET {one} = ?, {two} = ? WHERE {where}", [
            _value(rng, one), _value(rng, two), rng.randint(1, 12),
        ]  # fmt: skip
    if draw < 0.73 and table.key == ("rowid",):
        return f"UPDATE {name} SET rowid = rowid + ? WHERE rowid = ?", [rng.randint(1, 9), rng.randint(1, 12)]
    if draw < 0.77:
        return f"UPDATE {name} SET {one} = {two}", []
    if draw < 0.81:
        other = rng.choice(schema.tables).name
        return f"UPDATE {name} SET {one} = u.c0 FROM {other} AS u WHERE u.c1 = {name}.c1", []
    if draw < 0.97:
        column = rng.choice([*table.key, one])
        return f"DELETE FROM {name} WHERE {column} = ?", [_value(rng, "id")]
    return f"DELETE FROM {name}", []


def _value(rng: Random, column: str) -> Any:
    if column in ("id", "p") and rng.random() < 0.8:
        return rng.randint(1, 12)
    return rng.choice(VALUES)


def random_ddl(rng: Random, schema: Schema, number: int) -> list[str]:
    """Return one schema change; `undo_ddl` brings back what the generator knows."""
    table = rng.choice(schema.tables)
    return rng.choice(
        [
            [f"CREATE INDEX IF NOT EXISTS by_{number} ON {table.name} (c2, c0)"],
            ["DROP INDEX IF EXISTS by_c1"],
            [f"ALTER TABLE {table.name} ADD COLUMN x{number}"],
            [f"ALTER TABLE {table.name} RENAME COLUMN c2 TO away"],
            [f"ALTER TABLE {table.name} RENAME TO away"],
            rebuild(table),
        ]
    )


def rebuild(table: Table) -> list[str]:
    """Return the twelve steps of https://sqlite.org/lang_altertable.html, those that touch the table."""
    columns = ", ".join(table.columns)
    return [
        table.ddl.replace(f"CREATE TABLE {table.name} ", "CREATE TABLE fresh ", 1),
        f"INSERT OR IGNORE INTO fresh ({columns}) SELECT {columns} FROM {table.name}",
        f"DROP TABLE {table.name}",
        f"ALTER TABLE fresh RENAME TO {table.name}",
    ]


def undo_ddl(schema: Schema) -> list[str]:
    """Return statements of which those apply that bring tables and columns back to their names."""
    renames = [f"ALTER TABLE {table.name} RENAME COLUMN away TO c2" for table in schema.tables]
    return renames + [f"ALTER TABLE away RENAME TO {table.name}" for table in schema.tables]
