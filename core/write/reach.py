"""Reach: which logs a statement can write, read off SQLite's own program for it.

    INSERT INTO issue ...   --EXPLAIN-->   OpenWrite main 5 | trigger: OpenWrite temp 3      its log and no other
    (a text's second time)                 cascades and triggers of triggers are subprograms, all of them listed

After a transaction of one statement only these logs are read: otherwise each captured table costs a look.
"Any may" is said of a text that comes for the first time (most texts with values in them never come again), of one that
writes to a virtual table, which has statements of its own, and of one that may leave a mark.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from ..sqltext import uncached
from ..store import Connection

__all__ = ["Reach"]

Log = TypeVar("Log")

_KNOWN_MAX = 2_000
_TEMP = 1  # the number of the schema in SQLite's programs


class Reach(Generic[Log]):
    """What statements reach of the logs, which stand on the pages `roots` of the TEMP schema; None is that of marks."""

    def __init__(self, roots: Mapping[int, Log | None]) -> None:
        self._roots = roots
        self._seen: dict[str, None] = {}
        self._known: dict[str, list[Log] | None] = {}

    def logs(self, conn: Connection, sql: str, parameters: Any) -> list[Log] | None:  # Any: what `bind` gives
        """Return the logs that `sql` can write, or None where any may be."""
        if sql in self._known:
            return self._known[sql]
        if sql not in self._seen:
            if len(self._seen) >= _KNOWN_MAX:
                self._seen.clear()
                self._known.clear()
            self._seen[sql] = None
            return None
        known = self._known[sql] = self._explained(conn, sql, parameters)
        return known

    def _explained(self, conn: Connection, sql: str, parameters: Any) -> list[Log] | None:
        try:
            program = conn.execute(uncached(f"EXPLAIN {sql}"), parameters).fetchall()
        except sqlite3.Error:
            return None
        found: dict[int, Log] = {}
        for _, opcode, _, root, schema, *_ in program:
            if opcode == "VUpdate":
                return None
            if opcode == "OpenWrite" and schema == _TEMP and root in self._roots:
                log = self._roots[root]
                if log is None:
                    return None
                found[root] = log
        return [found[root] for root in sorted(found)]
