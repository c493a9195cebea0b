"""Projecting: what newer replicas wrote to columns that this one lacked, shown once it has them.

    a commit says size = 9   no such column here   ->  kept in the row's stamps, `extra`: {"cells": {"size": [9, 2]}}
    the model gains `size`   ALTER TABLE           ->  UPDATE .. SET size = 9, and the stamp of an ordinary cell

A row that nobody has written to holds its column's default, as everywhere. What doesn't fit the column stays kept, and
`check` tells it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from ..store import Connection
from .applying import stamps_of, update_row
from .commit import CommitId
from .joins import MergeFunctions
from .life import RowId, alive, shown
from .rows import Change
from .stored import Stored
from .tables import LoggedTable

__all__ = ["project"]


def project(conn: Connection, stored: Stored, tables: Iterable[LoggedTable], functions: MergeFunctions) -> None:
    """Write the cells of `tables` that are kept for columns which are there now; in an open transaction."""
    for table in tables:
        keys = ", ".join(table.keys)
        found = conn.execute(
            f"SELECT {keys} FROM {table.rows} WHERE life % 2 AND EXISTS (SELECT 1 FROM json_each(extra, '$.cells') "
            "WHERE key IN (SELECT value FROM json_each(?)))",
            (json.dumps(table.ids),),
        ).fetchall()
        for key in found:
            _show(conn, stored, table, RowId(table.id, tuple(key)), functions)


def _show(conn: Connection, stored: Stored, table: LoggedTable, row: RowId, functions: MergeFunctions) -> None:
    there = stored.stamps_and_row(row)
    lives = tuple(stored.lives([row]).get(row, ()))
    life = alive(lives)
    if there is None or life is None:
        return
    was = tuple(there[5:])
    now = {**dict(zip(table.ids, was, strict=True)), **shown(life, functions, stored.stamp)}
    try:
        update_row(conn, table, row.key, was, tuple(now[column] for column in table.ids))
    except sqlite3.IntegrityError:
        return

    def number(commit: CommitId) -> int:
        return stored.runs.number(commit)

    change = Change(dict(zip(table.ids, was, strict=True)), now, lives)
    marks = ", ".join("?" * (len(table.key) + 6))
    stamps = stamps_of(table, row, change, stored.last[row], number, stored.stamp)
    conn.execute(f"INSERT OR REPLACE INTO {table.rows} VALUES ({marks})", stamps)
