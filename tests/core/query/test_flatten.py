"""Views, CTEs and subqueries in FROM, written out as the tables behind them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from eddyline.core.query.parse import parse
from eddyline.core.query.plan import Unplannable
from eddyline.core.query.render import render
from eddyline.core.schema import Catalog

SCHEMA = """
CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE);
CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT, state TEXT, project INT);
CREATE VIEW opened (no, title, project) AS SELECT i.id, i.title, p.name FROM issue AS i
    JOIN project p ON p.id = i.project WHERE i.state = 'open' ORDER BY i.title;
CREATE VIEW per AS SELECT project, count(*) AS n FROM issue GROUP BY project;
"""

PAIRS = [
    (
        "SELECT title FROM opened WHERE project = 'x'",
        """\
SELECT opened_i.title
FROM main.issue AS opened_i
JOIN main.project AS opened_p ON opened_p.id = opened_i.project
WHERE opened_p.name = 'x' AND opened_i.state = 'open'
ORDER BY opened_i.title""",
    ),
    (
        "WITH x AS (SELECT id, title || state AS both FROM issue WHERE state = ?) SELECT both FROM x WHERE both > 'a'",
        """\
SELECT x_issue.title || x_issue.state
FROM main.issue AS x_issue
WHERE (x_issue.title || x_issue.state) COLLATE BINARY > 'a' AND x_issue.state = :p1""",
    ),
    (
        "SELECT p.name, title FROM project p LEFT JOIN (SELECT * FROM issue WHERE state = 'open') z ON project = p.id",
        """\
SELECT p.name, z_issue.title
FROM main.project AS p
LEFT JOIN main.issue AS z_issue ON z_issue.project = p.id AND z_issue.state = 'open'""",
    ),
    (
        "SELECT name FROM project p WHERE EXISTS (SELECT 1 FROM (SELECT project q FROM issue) p_issue WHERE q = p.id)",
        """\
SELECT p.name
FROM main.project AS p
WHERE EXISTS (SELECT 1 FROM main.issue AS p_issue_issue WHERE p_issue_issue.project = p.id)""",
    ),
]

RERUN = [
    ("SELECT * FROM per", "per in FROM groups its rows"),
    ("SELECT * FROM (SELECT id FROM issue LIMIT 3) AS z", "z in FROM has a LIMIT"),
    ("SELECT * FROM (SELECT 1 AS x) AS z", "z in FROM has no table"),
    ("SELECT * FROM project LEFT JOIN opened ON no = id", "opened, several tables, is the right side of a left join"),
    (
        "SELECT e FROM project LEFT JOIN (SELECT id AS i, coalesce(title, 1) AS e FROM issue) z ON i = id",
        "z.e is computed at the right side of a left join",
    ),
    ("SELECT * FROM (SELECT title COLLATE NOCASE AS t FROM issue) AS z", "z.t has a COLLATE of its own"),
    (
        "SELECT 1 FROM (SELECT lower(title) AS t FROM issue) AS z WHERE t = 'A' COLLATE NOCASE",
        "a computed column of a subquery in FROM beside a COLLATE",
    ),
    (
        "WITH x AS (SELECT id FROM issue) SELECT * FROM x, x AS y",
        "a CTE that is used more than once, or MATERIALIZED, is re-run",
    ),
    ("SELECT * FROM (SELECT id, id FROM issue) AS z", "z has two columns of one name, or one without"),
]


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    conn.executescript(SCHEMA)
    yield conn
    conn.close()


@pytest.mark.parametrize(("text", "flat"), PAIRS)
def test_what_stands_in_from_is_written_out(conn: sqlite3.Connection, text: str, flat: str) -> None:
    assert render(parse(text, Catalog(conn), conn)) == flat


@pytest.mark.parametrize(("text", "reason"), RERUN)
def test_what_cannot_be_written_out_says_why(conn: sqlite3.Connection, text: str, reason: str) -> None:
    with pytest.raises(Unplannable) as caught:
        parse(text, Catalog(conn), conn)
    assert str(caught.value) == reason
