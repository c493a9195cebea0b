"""REPLACE: the one way to delete a row that no trigger sees, unless `recursive_triggers` is on.

With the pragma on, REPLACE fires delete triggers; but so do triggers that write their own table, without end
("too many levels of trigger recursion"), and a delete trigger of the user's would fire where it did not before. So it
is turned on only where no trigger of the user's can tell; elsewhere a table that REPLACE may have hit is compared anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..schema.catalog import Catalog, TableName
from ..sqltext import may_replace, quote_name
from ..store import Connection

__all__ = ["rowless_replace_possible", "triggers_would_notice"]

_DELETE_TRIGGER = re.compile(r"\bDELETE\s+ON\b", re.IGNORECASE)
_WORDS = re.compile(r"[\w$]+|\"(?:[^\"]|\"\")*\"|\[[^\]]*\]|`[^`]*`")


def _user_triggers(conn: Connection, catalog: Catalog) -> list[tuple[str, str]]:
    """Return (table, SQL text) of each trigger that isn't ours."""
    found: list[tuple[str, str]] = []
    for schema in catalog.schemas:
        found += conn.execute(
            f"SELECT tbl_name, sql FROM {quote_name(schema)}.sqlite_schema "
            "WHERE type = 'trigger' AND name NOT LIKE '\\_eddy\\_log\\_%' ESCAPE '\\'"
        ).fetchall()
    return found


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
    tables = {name.name.lower() for name in catalog}
    reaches: dict[str, set[str]] = {}
    for table, sql in triggers:
        body = re.split(r"\bBEGIN\b", sql, maxsplit=1, flags=re.IGNORECASE)[-1]
        words = {word.strip('"[]`').lower() for word in _WORDS.findall(body)}
        reaches.setdefault(table.lower(), set()).update(words & tables)
    for name in catalog.ordinary():
        pragma = f"PRAGMA {quote_name(name.schema)}.foreign_key_list({quote_name(name.name)})"
        for row in conn.execute(pragma).fetchall():
            reaches.setdefault(str(row[2]).lower(), set()).add(name.name.lower())
    return any(_reaches_itself(table.lower(), reaches) for table, _ in triggers)


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


def rowless_replace_possible(conn: Connection, catalog: Catalog, captured: Iterable[TableName]) -> set[TableName]:
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
