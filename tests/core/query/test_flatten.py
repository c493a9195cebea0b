"""Views, CTEs and subqueries in FROM, written out as the tables behind them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from eddyline.core.query.parse import parse
from eddyline.core.query.plan import Select, Unplannable
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

STAYS = [
    "SELECT * FROM per",
    "SELECT * FROM (SELECT id FROM issue LIMIT 3) AS z",
    "SELECT * FROM (SELECT 1 AS x) AS z",
    "SELECT * FROM (SELECT rank() OVER (ORDER BY id) AS r FROM issue) AS z",
    "SELECT * FROM (SELECT id FROM issue UNION SELECT id FROM project) AS z",
    "SELECT * FROM project LEFT JOIN opened ON no = id",
    "SELECT e FROM project LEFT JOIN (SELECT id AS i, coalesce(title, 1) AS e FROM issue) z ON i = id",
    "SELECT * FROM (SELECT title COLLATE NOCASE AS t FROM issue) AS z",
    "SELECT 1 FROM (SELECT lower(title) AS t FROM issue) AS z WHERE t = 'A' COLLATE NOCASE",
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


@pytest.mark.parametrize("text", STAYS)
def test_what_cannot_be_written_out_stays_in_from(conn: sqlite3.Connection, text: str) -> None:
    plan = parse(text, Catalog(conn), conn)
    assert isinstance(plan, Select)
    assert [source.select is not None for source in plan.sources] == [*[False] * (len(plan.sources) - 1), True]


def test_a_cte_that_is_used_twice_is_written_out_twice(conn: sqlite3.Connection) -> None:
    flat = render(parse("WITH x AS (SELECT id FROM issue) SELECT * FROM x, x AS y", Catalog(conn), conn))
    assert flat == "SELECT x_issue.id, y_issue.id\nFROM main.issue AS x_issue\n, main.issue AS y_issue"


def test_a_cte_that_groups_is_said_once(conn: sqlite3.Connection) -> None:
    text = "WITH x(s, n) AS (SELECT state, count(*) FROM issue GROUP BY 1) SELECT x.s FROM x JOIN x AS y ON y.n < x.n"
    assert (
        render(parse(text, Catalog(conn), conn))
        == """\
WITH x AS (SELECT issue.state AS s, count(*) AS n FROM main.issue AS issue GROUP BY issue.state)
SELECT x.s
FROM x AS x
JOIN x AS y ON y.n < x.n"""
    )


def test_a_subquery_with_two_columns_of_one_name_is_re_run(conn: sqlite3.Connection) -> None:
    with pytest.raises(Unplannable, match="z has two columns of one name, or one without"):
        parse("SELECT * FROM (SELECT id, id FROM issue) AS z", Catalog(conn), conn)


def test_what_is_computed_in_from_compares_as_binary_whatever_the_other_side_is(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE TABLE word (w TEXT COLLATE NOCASE)")
    conn.executemany("INSERT INTO word VALUES (?)", [("core",), ("CORE",)])
    text = "SELECT word.w FROM (SELECT lower('C') || substr(w, 2) AS c FROM word) AS z JOIN word ON z.c = word.w"
    flat = render(parse(text, Catalog(conn), conn))
    expected = sorted(conn.execute(text).fetchall())
    assert sorted(conn.execute(flat).fetchall()) == expected == [("core",)]
    assert sorted(conn.execute(flat.replace(" COLLATE BINARY", "")).fetchall()) != expected
