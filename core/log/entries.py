"""The log as queries read it: two views of the file, typed.

    eddy_commits   one row a commit: lane and seq, when, who, by which command, with which words    LogEntry
    eddy_changes   one row a changed row: insert, update or delete, and the cells it wrote          LogChange

Ordinary queries, so they can be asked, joined and kept live like any other.
"""

from __future__ import annotations

import datetime as dt

from ..model.base import Existing
from ..model.column import Column, column
from ..store import Connection
from .history import Spoken

__all__ = ["LogChange", "LogEntry", "change_of", "entry_of"]


class LogEntry(Existing, table="eddy_commits"):
    """One commit. `id` counts up in this file; `lane` and `seq` name it in every copy. `args` is a JSON object."""

    id: Column[int] = column(primary_key=True)
    lane: Column[str]
    seq: Column[int]
    at: Column[dt.datetime]
    actor: Column[str]
    command: Column[str]
    args: Column[str]
    message: Column[str]
    changes: Column[int]


class LogChange(Existing, table="eddy_changes"):
    """What one commit did to one row; `cells` is a JSON object of what it wrote, by the columns' stable ids."""

    commit_id: Column[int] = column(primary_key=True)
    n: Column[int] = column(primary_key=True)
    table_id: Column[str]
    row_key: Column[str]
    incarnation: Column[int]
    kind: Column[str]
    cells: Column[str | None]


def entry_of(conn: Connection, commit: int) -> LogEntry:
    """Return commit `commit`, which is there."""
    return LogEntry._from_sql(conn.execute(_ENTRY, (commit,)).fetchone())


def change_of(conn: Connection, spoken: Spoken) -> LogChange:
    """Return what one op did."""
    return LogChange._from_sql(conn.execute(_CHANGE, spoken).fetchone())


def _select(model: type[Existing], where: str) -> str:
    spec = model.__table__
    return f"SELECT {', '.join(column.name for column in spec.columns)} FROM main.{spec.name} WHERE {where}"


_ENTRY = _select(LogEntry, "id = ?")
_CHANGE = _select(LogChange, "commit_id = ? AND n = ?")
