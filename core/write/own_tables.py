"""Our own tables, `_eddy_*`, are nobody else's to write: the log is in them, and what keeps replicas in step.

    DELETE FROM _eddy_commits   --EXPLAIN, the authorizer is asked-->   deletes from _eddy_commits: refused

What a statement writes by triggers is no matter of its own. Reading is free; the views `eddy_*` are made for it.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from ..errors import ReadOnlyError
from ..query.verdict import explain, overheard
from ..store import Connection

__all__ = ["refuse_own"]

_FIRST = {  # actions whose first argument is a table
    sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE,
    sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_CREATE_VTABLE,
}  # fmt: skip
_SECOND = {sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_CREATE_TRIGGER}


def refuse_own(conn: Connection, sql: str) -> None:
    """Raise `ReadOnlyError` where `sql` writes to one of our tables, makes one, or changes one. One EXPLAIN."""
    own: list[str] = []

    def note(action: int, first: str | None, second: str | None, schema: str | None, inner: str | None) -> None:
        table = first if action in _FIRST else second if action in _SECOND else None
        if table is not None and inner is None and table.lower().startswith("_eddy_"):
            own.append(table)

    with overheard(conn, note), suppress(sqlite3.Error):  # the statement itself says so, better
        explain(conn, sql)
    if own:
        raise ReadOnlyError(
            f"{own[0]} is Eddyline's own, as is every table whose name begins with _eddy_: the views eddy_* tell what "
            "is in them; choose another name for a table of yours",
            sql=sql,
        )
