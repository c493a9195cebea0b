"""Triggers of the user while commits of others are taken in: which go on, and which rest.

    AFTER UPDATE ON issue -> UPDATE issue SET changed_at = ..      a logged table: it came with the commit, so it rests
                          -> INSERT INTO issue_fts ..              not logged: each replica does it for itself
                          -> SELECT RAISE(ABORT, '..')             no word in what others have committed: it rests

What a trigger writes is SQLite's own word: its authorizer names the trigger for each write, while the statements that
fire it are compiled. A trigger is taken whole, for it can't run in part. It rests unless all it writes is outside of
the log, or where that can't be told. One that goes on can't keep a row from coming: none on a logged table may RAISE,
none at all may end the transaction, and where one fails the row comes without it (`Writer.take`).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..log.tables import LoggedTable
from ..query.verdict import explain, overheard
from ..schema.catalog import Catalog, TableName
from ..sqltext import quote_name
from ..store import Connection

__all__ = ["UserTrigger", "resting", "user_triggers"]

_RAISES = re.compile(r"\bRAISE\b", re.IGNORECASE)
_ENDS_ALL = re.compile(r"\b(?:ROLLBACK|FAIL)\b", re.IGNORECASE)
_WRITES = (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE)


@dataclass(frozen=True, slots=True)
class UserTrigger:
    """A trigger as its schema, main or temp, holds it."""

    schema: str
    name: str
    table: str
    sql: str

    def drop(self, conn: Connection) -> None:
        """Take it off."""
        conn.execute(f"DROP TRIGGER {self.schema}.{quote_name(self.name)}")

    def make(self, conn: Connection) -> None:
        """Put it back."""
        conn.execute(self.sql if self.schema == "main" else self.sql.replace("CREATE ", "CREATE TEMP ", 1))


def user_triggers(conn: Connection, schemas: Iterable[str] = ("main", "temp")) -> list[UserTrigger]:
    """Return the triggers that aren't ours, in the order in which they were made."""
    return [
        UserTrigger(schema, *found)
        for schema in schemas
        for found in conn.execute(
            f"SELECT name, tbl_name, sql FROM {quote_name(schema)}.sqlite_schema WHERE type = 'trigger' "
            "AND name NOT GLOB '_eddy_*' AND NOT (? = 'temp' AND name GLOB '*_eddy_log_*') ORDER BY rowid",
            (schema,),
        ).fetchall()
    ]


def resting(
    conn: Connection, catalog: Catalog, tables: Mapping[TableName, LoggedTable]
) -> tuple[list[UserTrigger], list[UserTrigger]]:
    """Return the triggers that rest while rows of `tables` come from elsewhere, and those of theirs that go on."""
    logged = {
        table.name.name.lower(): frozenset(map(str.lower, (*table.key, *table.names))) for table in tables.values()
    }
    triggers = user_triggers(conn)
    if not any(trigger.table.lower() in logged for trigger in triggers):
        return [], []
    reach = _Reach(conn, catalog, triggers)
    rest, on, inner = list[UserTrigger](), list[UserTrigger](), list[UserTrigger]()
    for trigger in triggers:
        fires = trigger.table.lower() in logged
        harmless = reach.is_outside(trigger, logged) and not (fires and _RAISES.search(trigger.sql))
        if fires:
            (on if harmless else rest).append(trigger)
        elif not harmless and catalog.kind(trigger.table) != "view":  # what writes to such a view rests itself
            inner.append(trigger)
    return ([*rest, *inner] if on else rest), on


class _Reach:
    """What triggers write, views followed to what their own triggers write."""

    def __init__(self, conn: Connection, catalog: Catalog, triggers: Sequence[UserTrigger]) -> None:
        self._writes = _writes(conn, catalog, triggers)
        self._texts = dict(
            conn.execute(
                "SELECT lower(name), sql FROM main.sqlite_schema WHERE type = 'table' "
                "UNION ALL SELECT lower(name), sql FROM temp.sqlite_schema WHERE type = 'table'"
            ).fetchall()
        )
        self._of_views: dict[str, list[UserTrigger]] = {}
        for trigger in triggers:
            if catalog.kind(trigger.table) == "view":
                self._of_views.setdefault(trigger.table.lower(), []).append(trigger)

    def is_outside(self, trigger: UserTrigger, logged: Mapping[str, Collection[str]]) -> bool:
        """Say whether `trigger` is known to write, nothing of it to `logged`, and can't end the transaction."""
        seen: dict[str, None] = {}
        todo = [trigger]
        for one in todo:  # grows
            writes = self._writes.get(one.name.lower())
            if writes is None or _ENDS_ALL.search(one.sql):
                return False
            for table, column in writes:
                if table in logged and (column is None or column in logged[table]):
                    return False
                if _ENDS_ALL.search(self._texts.get(table, "")):
                    return False
                if table not in seen:
                    seen[table] = None
                    todo += self._of_views.get(table, ())
        return True


def _writes(
    conn: Connection, catalog: Catalog, triggers: Sequence[UserTrigger]
) -> dict[str, set[tuple[str, str | None]]]:
    """Return what each trigger writes: tables, and of updates the columns; all in lower case, by the trigger's name.

    One that can't be compiled isn't among them. Two of one name, in main and in temp, count as one.
    """
    names = {trigger.name.lower() for trigger in triggers}
    writes: dict[str, set[tuple[str, str | None]]] = {}
    noted: list[tuple[str, str, str | None]] = []

    def note(action: int, first: str | None, second: str | None, _schema: str | None, inner: str | None) -> None:
        if inner is not None and first is not None and action in _WRITES and inner.lower() in names:
            noted.append((inner.lower(), first.lower(), second.lower() if second else None))

    with overheard(conn, note):
        for statement in _firing(catalog, triggers):
            noted.clear()
            with suppress(sqlite3.Error):  # a trigger on what is gone, or a view that nobody may insert into
                explain(conn, statement)
                for name, table, column in noted:
                    writes.setdefault(name, set()).add((table, column))
    return writes


def _firing(catalog: Catalog, triggers: Iterable[UserTrigger]) -> Iterable[str]:
    """Yield statements that fire each of `triggers`."""
    for table in dict.fromkeys(trigger.table.lower() for trigger in triggers):
        for schema in ("main", "temp"):
            info = catalog.find(table, schema)
            if info is None:
                continue
            name = info.name.sql
            yield f"INSERT INTO {name} DEFAULT VALUES"
            yield f"DELETE FROM {name}"
            columns = [quote_name(column.name) for column in info.columns if not column.generated]
            yield f"UPDATE {name} SET {', '.join(f'{column} = {column}' for column in columns)}"
