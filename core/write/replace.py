"""REPLACE: the one way to delete a row that no trigger sees, unless `recursive_triggers` is on.

With the pragma on, REPLACE fires delete triggers; but so do triggers that write their own table, without end
("too many levels of trigger recursion"), and a delete trigger of the user's would fire where it did not before. So it
is turned on only where no trigger of the user's can tell; elsewhere a table that REPLACE may have hit is compared anew.

What a log can't tell rightly besides is a row that changes while it is being changed: by a BEFORE trigger of its own
table, or when `UPDATE OR REPLACE` evicts a row whose foreign key action reaches it. SQLite has read OLD before that, so
the row would leave twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..schema.catalog import Catalog, TableName
from ..sqltext import may_replace, quote_name
from ..store import Connection
from .triggers import user_triggers

__all__ = ["old_is_spoilt", "refer_to_themselves", "replace_possible", "rows_change_before", "triggers_would_notice"]

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_DELETE_TRIGGER = re.compile(r"\bDELETE\s+ON\b", re.IGNORECASE)
_LATER_OR_NEW = re.compile(r"\bAFTER\s+(?:DELETE|UPDATE|INSERT)\b|\bINSERT\s+ON\b|\bINSTEAD\s+OF\b", re.IGNORECASE)
_BODY = re.compile(r"\bBEGIN\b", re.IGNORECASE)
_SPOILS = {
    *((child, parent) for child in ("INTEGER", "REAL", "NUMERIC") for parent in ("TEXT", "BLOB")),
    *(("TEXT", parent) for parent in ("BLOB", "REAL", "NUMERIC")),
}
_WORDS = re.compile(r"[\w$]+|\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|\[[^\]]*\]|`[^`]*`")


def _user_triggers(conn: Connection, catalog: Catalog) -> list[tuple[str, str]]:
    """Return (table in lower case, SQL text without comments) of each trigger that isn't ours."""
    return [(one.table.lower(), _COMMENT.sub(" ", one.sql)) for one in user_triggers(conn, catalog.schemas)]


def triggers_would_notice(conn: Connection, catalog: Catalog) -> bool:
    """Say whether a trigger of the user's might act differently with `recursive_triggers` on.

    That is one on DELETE (REPLACE would fire it), or one that can reach its own table again through triggers and
    cascades. Tables are taken from the words of a trigger's body, so a doubt counts as yes.
    """
    triggers = _user_triggers(conn, catalog)
    if any(_DELETE_TRIGGER.search(sql) for _, sql in triggers):
        return True
    if not triggers:
        return False
    reaches = _reaches(conn, catalog, triggers)
    return any(_reaches_itself(table, reaches) for table, _ in triggers)


def rows_change_before(conn: Connection, catalog: Catalog) -> set[str]:
    """Return the tables, in lower case, of which a BEFORE UPDATE or DELETE trigger may change the row it fires for."""
    triggers = _user_triggers(conn, catalog)
    before = {table for table, sql in triggers if not _LATER_OR_NEW.search(_BODY.split(sql, 1)[0])}
    if not before:
        return before
    reaches = _reaches(conn, catalog, triggers)
    return {table for table in before if _reaches_itself(table, reaches)}


def _reaches(conn: Connection, catalog: Catalog, triggers: list[tuple[str, str]]) -> dict[str, set[str]]:
    """Return which tables a change of each table may write, through triggers and cascades."""
    tables = {name.name.lower() for name in catalog}
    reaches: dict[str, set[str]] = {}
    for table, sql in triggers:
        words = {word.strip("\"'[]`").replace('""', '"').lower() for word in _WORDS.findall(_BODY.split(sql, 1)[-1])}
        reaches.setdefault(table, set()).update(words & tables)
    for parent, children in _cascades(conn, catalog).items():
        reaches.setdefault(parent, set()).update(children)
    return reaches


def _cascades(conn: Connection, catalog: Catalog) -> dict[str, set[str]]:
    """Return the tables with a foreign key to each table, all in lower case."""
    cascades: dict[str, set[str]] = {}
    for name in catalog.ordinary():
        pragma = f"PRAGMA {quote_name(name.schema)}.foreign_key_list({quote_name(name.name)})"
        for row in conn.execute(pragma).fetchall():
            cascades.setdefault(str(row[2]).lower(), set()).add(name.name.lower())
    return cascades


def refer_to_themselves(conn: Connection, catalog: Catalog) -> set[str]:
    """Return the tables, in lower case, that foreign keys lead back to."""
    cascades = _cascades(conn, catalog)
    return {table for table in cascades if _reaches_itself(table, cascades)}


def old_is_spoilt(conn: Connection, catalog: Catalog, captured: Iterable[TableName]) -> set[str]:
    """Return the captured tables, in lower case, with a foreign key from a column whose affinity changes their values.

    SQLite looks for children by an index with the parent's old value turned to their affinity, and it turns the very
    value that triggers then see as OLD: '01' becomes '1'.
    """
    parents = {(name.schema, name.name.lower()): catalog.table(name) for name in captured}
    spoilt: set[str] = set()
    for name in catalog.ordinary():
        pragma = f"PRAGMA {quote_name(name.schema)}.foreign_key_list({quote_name(name.name)})"
        for _, seq, parent, own, to, *_ in conn.execute(pragma).fetchall():
            table = parents.get((name.schema, str(parent).lower()))
            if table is None or table.kind != "table":
                continue
            keys = sorted((c for c in table.columns if c.primary_key), key=lambda c: c.primary_key)
            key = table.column(to) if to is not None else keys[seq] if seq < len(keys) else None
            column = catalog.table(name).column(own)
            if key is not None and column is not None and (column.affinity, key.affinity) in _SPOILS:
                spoilt.add(table.name.name.lower())
    return spoilt


def _reaches_itself(start: str, reaches: dict[str, set[str]]) -> bool:
    seen: set[str] = set()
    stack = [start]
    while stack:
        for table in reaches.get(stack.pop(), ()):
            if table == start:
                return True
            if table not in seen:
                seen.add(table)
                stack.append(table)
    return False


def replace_possible(conn: Connection, catalog: Catalog, captured: Iterable[TableName]) -> set[TableName]:
    """Return the captured tables in which a plain statement may REPLACE: by a constraint, or by any trigger's body."""
    captured = set(captured)
    if any(may_replace(sql) for _, sql in _user_triggers(conn, catalog)):
        return captured
    found = set()
    for name in captured:
        row = conn.execute(
            f"SELECT sql FROM {quote_name(name.schema)}.sqlite_schema WHERE type = 'table' AND name = ?", (name.name,)
        ).fetchone()
        if row and may_replace(str(row[0])):
            found.add(name)
    return found
