"""A query that a client has the server run: read-only, within limits, over tables that its principal may read.

    query as JSON (`dump`) -> load -> SELECT, prepared under an authorizer -> rows, each a line of JSON

SQLite itself says what a statement touches: its authorizer is asked for each table, function and pragma while the
statement is compiled, views and subqueries included; what isn't reading of an allowed table is denied. A statement that
runs for long is interrupted.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from ..database import Database
from ..errors import FetchError
from ..log.encoding import dumps, plain_value
from ..log.owners import SECRET_TABLES
from ..model.travel import load
from ..query.diagnose import translate
from ..store import Connection
from . import asks as a
from .door import Principal

__all__ = ["FETCH_S", "run_fetch"]

FETCH_S = 5.0
"""How long a query of a client may run."""

_STEPS = 20_000  # between two looks at the clock
_HARMLESS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


async def run_fetch(db: Database, ask: a.RunFetch, principal: Principal) -> a.Fetched:
    """Return the rows of what a client asks for. Raises an `EddylineError`."""
    query = load(ask.query)
    allowed = None if principal.read is True else principal

    def authorizer(action: int, table: str | None, column: str | None, schema: str | None, inner: str | None) -> int:
        if action == sqlite3.SQLITE_READ:
            fine = allowed is None or (table is not None and allowed.may_read(table))
            return sqlite3.SQLITE_OK if fine and table not in SECRET_TABLES else sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK if action in _HARMLESS else sqlite3.SQLITE_DENY

    def job(conn: Connection) -> a.Fetched:
        raw: Any = conn  # Any: what a store's connection has beyond the engine's protocol
        until = time.monotonic() + FETCH_S
        raw.set_authorizer(authorizer)
        raw.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        try:
            cursor = conn.execute(query.sql, query.values)
            columns = tuple(str(column[0]) for column in cursor.description or ())
            rows = cursor.fetchmany(ask.rows_max + 1)
        except sqlite3.Error as error:
            raw.set_authorizer(None)
            if "interrupted" in str(error):
                raise FetchError(f"the query ran longer than {FETCH_S:g} s", error="too-long") from error
            if "prohibited" in str(error) or "not authorized" in str(error):
                raise FetchError(f"{principal.name} may not run this: {error}", error="forbidden") from error
            raise translate(error, query.sql, conn) from error
        finally:
            raw.set_authorizer(None)
            raw.set_progress_handler(None, 0)
        if len(rows) > ask.rows_max:
            raise FetchError(f"more than {ask.rows_max:,} rows: ask for fewer, with a LIMIT", error="too-large")
        return a.Fetched(columns, tuple(dumps([*map(plain_value, row)]) for row in rows))

    return await db._read(job)
