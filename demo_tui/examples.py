"""Queries to begin with: on the sample one for each rule, on any other file one for each table."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["EXAMPLES", "Example", "table_query"]

ROWS_SHOWN = 200


class Example(NamedTuple):
    """A query and what it is called."""

    name: str
    sql: str


EXAMPLES: Final = (
    Example(
        "open by project",
        "SELECT p.name AS project, count(*) AS open,\n"
        "       sum(i.hours) AS hours,\n"
        "       round(avg(i.priority), 2) AS urgency\n"
        "FROM issue i JOIN project p ON p.id = i.project\n"
        "WHERE i.state = 'open'\n"
        "GROUP BY p.name ORDER BY open DESC",
    ),
    Example(
        "most urgent",
        "SELECT i.id, i.priority, i.title,\n       p.name AS project\n"
        "FROM issue i JOIN project p ON p.id = i.project\n"
        "WHERE i.state = 'open'\n"
        "ORDER BY i.priority DESC, i.id DESC LIMIT 40",
    ),
    Example(
        "who is busy",
        "SELECT a.name, a.team, count(i.id) AS doing\n"
        "FROM person a\n"
        "LEFT JOIN issue i ON i.assignee = a.id\n"
        "                 AND i.state = 'doing'\n"
        "GROUP BY a.id ORDER BY doing DESC",
    ),
    Example(
        "latest comments",
        "SELECT c.id, a.name, c.body, i.title AS issue\n"
        "FROM comment c\n"
        "JOIN person a ON a.id = c.author\n"
        "JOIN issue i ON i.id = c.issue\n"
        "ORDER BY c.id DESC LIMIT 40",
    ),
    Example(
        "without a word",
        "SELECT i.id, i.title FROM issue i\n"
        "WHERE i.state = 'open' AND NOT EXISTS (\n"
        "    SELECT 1 FROM comment c WHERE c.issue = i.id)\n"
        "ORDER BY i.id DESC LIMIT 40",
    ),
    Example(
        "states",
        "SELECT state, count(*) AS issues,\n"
        "       avg(priority) AS priority,\n"
        "       sum(hours) AS hours\n"
        "FROM issue GROUP BY state ORDER BY issues DESC",
    ),
)


def quote(name: str) -> str:
    """Return `name` as it stands in SQL, bare where that is plainly safe."""
    return name if name.isidentifier() and name.isascii() and name.upper() not in _RESERVED else _quoted(name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def table_query(name: str, *, has_rowid: bool) -> str:
    """Return the query that shows a table: its newest rows, where it has an order of coming in."""
    order = "ORDER BY rowid DESC " if has_rowid else ""
    return f"SELECT * FROM {quote(name)}\n{order}LIMIT {ROWS_SHOWN}"


_RESERVED = frozenset(  # what can't stand bare as a table's name
    """ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE CROSS DEFAULT DEFERRABLE
    DELETE DISTINCT DROP ELSE ESCAPE EXISTS FOREIGN FROM FULL GROUP HAVING IF IN INDEX INNER INSERT INTERSECT INTO IS
    ISNULL JOIN LEFT LIMIT NATURAL NOT NOTHING NOTNULL NULL ON OR ORDER OUTER PRIMARY REFERENCES RETURNING RIGHT SELECT
    SET TABLE THEN TO TRANSACTION UNION UNIQUE UPDATE USING VALUES WHEN WHERE WINDOW WITH""".split()
)
