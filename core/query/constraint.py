"""Constraints as SQLite names them in its errors, as facts.

UNIQUE constraint failed: issue.project, issue.number   kind "unique", table "issue", columns ("project", "number")
CHECK constraint failed: in order                       kind "check", constraint "in order"
FOREIGN KEY constraint failed                           kind "foreign key": SQLite doesn't say which
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any, Final

__all__ = ["constraint_facts"]

_KINDS: Final = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: "unique",
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: "unique",
    sqlite3.SQLITE_CONSTRAINT_ROWID: "unique",
    sqlite3.SQLITE_CONSTRAINT_CHECK: "check",
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: "not null",
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: "foreign key",
    sqlite3.SQLITE_CONSTRAINT_TRIGGER: "trigger",
}
_STRICT: Final = re.compile(r"cannot store \S+ value in \S+ column (.+)")


def constraint_facts(error: sqlite3.Error) -> dict[str, Any]:
    """Return what `error` says, as the attributes of a `ConstraintError`."""
    message = str(error)
    kind = _KINDS.get(getattr(error, "sqlite_errorcode", 0), "")
    if (strict := _STRICT.match(message)) is not None:
        return {"kind": "type", **_placed(strict[1])}
    named = message.partition(" constraint failed: ")[2]
    if kind == "check":
        return {"kind": kind, "constraint": named}
    if kind in ("unique", "not null") and named and not named.startswith("index '"):
        return {"kind": kind, **_placed(named)}
    return {"kind": kind, "constraint": named.removeprefix("index ").strip("'")}


def _placed(named: str) -> dict[str, Any]:
    """Return table and columns of `t.a, t.b`."""
    table = named.partition(".")[0]
    first, *others = named.split(f", {table}.")
    columns = (first.partition(".")[2], *others)
    return {"constraint": ", ".join(columns), "table": table, "columns": columns}
