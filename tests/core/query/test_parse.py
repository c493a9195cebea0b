"""Text to plan and back: what the plan renders to, and what is left to the re-run rule and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from eddyline.core.query.parse import parse
from eddyline.core.query.parse.text import as_numbered
from eddyline.core.query.plan import Unplannable
from eddyline.core.query.render import render
from eddyline.core.query.verdict import same_program
from eddyline.core.schema import Catalog

SCHEMA = """
CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE);
CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT, state TEXT, priority INT, project INT REFERENCES project);
CREATE TABLE "odd name" (a, "order" TEXT, _rowid_, PRIMARY KEY ("order", a)) WITHOUT ROWID;
CREATE TABLE shadowed (rowid, oid, _rowid_);
CREATE VIEW busy AS SELECT project FROM issue;
"""

PAIRS = [
    (
        "select title from issue where state = 'open' order by priority desc limit 50",
        """\
SELECT issue.title
FROM main.issue AS issue
WHERE issue.state = 'open'
ORDER BY issue.priority DESC
LIMIT 50""",
    ),
    (
        "SELECT p.name, count(*) n FROM issue i JOIN project p ON p.id = i.project GROUP BY 1 HAVING n > 2 ORDER BY 2 DESC",  # noqa: E501
        """\
SELECT p.name, count(*) AS n
FROM main.issue AS i
JOIN main.project AS p ON p.id = i.project
GROUP BY p.name
HAVING count(*) > 2
ORDER BY count(*) DESC""",
    ),
    (
        "SELECT * FROM project LEFT OUTER JOIN issue ON issue.project = project.id",
        """\
SELECT project.id, project.name, issue.id, issue.title, issue.state, issue.priority, issue.project
FROM main.project AS project
LEFT JOIN main.issue AS issue ON issue.project = project.id""",
    ),
    (
        'SELECT "order" FROM "odd name" WHERE a IS NOT NULL AND a NOT IN (1, x\'00ff\') ORDER BY 1 NULLS LAST',
        """\
SELECT "odd name"."order"
FROM main."odd name" AS "odd name"
WHERE "odd name".a IS NOT NULL AND NOT "odd name".a IN (1, x'00ff')
ORDER BY "odd name"."order" NULLS LAST""",
    ),
    (
        "SELECT (id + 1) * 2, -priority, 3 - (1 - 2) FROM issue WHERE NOT (id = 1 OR id = 2) AND id BETWEEN 1 AND :n",
        """\
SELECT (issue.id + 1) * 2, -issue.priority, 3 - (1 - 2)
FROM main.issue AS issue
WHERE NOT (issue.id = 1 OR issue.id = 2) AND issue.id BETWEEN 1 AND :n""",
    ),
    (
        "SELECT CASE state WHEN 'open' THEN 1 ELSE 0 END, cast(id AS TEXT), title COLLATE RTRIM FROM issue WHERE oid = ?",  # noqa: E501
        """\
SELECT CASE issue.state WHEN 'open' THEN 1 ELSE 0 END, CAST(issue.id AS TEXT), issue.title COLLATE RTRIM
FROM main.issue AS issue
WHERE issue.id = :p1""",
    ),
    (
        "SELECT a.id FROM issue a, issue b WHERE a.id = b.project AND a.title LIKE 'x!%%' ESCAPE '!' LIMIT ? OFFSET ?",
        """\
SELECT a.id
FROM main.issue AS a
, main.issue AS b
WHERE a.id = b.project AND a.title LIKE 'x!%%' ESCAPE '!'
LIMIT :p1 OFFSET :p2""",
    ),
    (
        "SELECT max(priority), count(DISTINCT state), count(*) FILTER (WHERE id > 1), min(id, priority) FROM issue i",
        """\
SELECT max(i.priority), count(DISTINCT i.state), count(*) FILTER (WHERE i.id > 1), min(i.id, i.priority)
FROM main.issue AS i""",
    ),
    (
        "SELECT +id, CAST(state AS NUMERIC), CAST(id AS VARCHAR(9)) FROM issue WHERE +id = ?1 AND title NOT LIKE ?2 ESCAPE '!' OR id = ?1",  # noqa: E501
        """\
SELECT +issue.id, CAST(issue.state AS NUMERIC), CAST(issue.id AS VARCHAR(9))
FROM main.issue AS issue
WHERE +issue.id = :p1 AND NOT issue.title LIKE :p2 ESCAPE '!' OR issue.id = :p1""",
    ),
    (
        "SELECT title FROM issue WHERE id > ?2 AND (priority, id) > (?1, ?) OR main.issue.state = ?1; -- the end",
        """\
SELECT issue.title
FROM main.issue AS issue
WHERE issue.id > :p2 AND (issue.priority, issue.id) > (:p1, :p3) OR issue.state = :p1""",
    ),
    (
        "SELECT title FROM issue WHERE state = @state AND (id, priority) IN (SELECT id, $priority FROM project)",
        """\
SELECT issue.title
FROM main.issue AS issue
WHERE issue.state = :state AND (issue.id, issue.priority) IN (SELECT project.id, :priority FROM main.project AS project)""",  # noqa: E501
    ),
    (
        "SELECT title t, id FROM issue UNION ALL SELECT name, 1 FROM project EXCEPT SELECT 'x', ? ORDER BY id, t COLLATE NOCASE DESC LIMIT 3",  # noqa: E501
        """\
SELECT issue.title AS t, issue.id
FROM main.issue AS issue
UNION ALL
SELECT project.name, 1
FROM main.project AS project
EXCEPT
SELECT 'x', :p1
ORDER BY 2, 1 COLLATE NOCASE DESC
LIMIT 3""",
    ),
    (
        "SELECT title, name FROM issue NATURAL JOIN project",
        """\
SELECT issue.title, project.name
FROM main.issue AS issue
JOIN main.project AS project ON issue.id = project.id""",
    ),
    (
        "SELECT id, title FROM issue NATURAL RIGHT JOIN project",
        """\
SELECT project.id, issue.title
FROM main.issue AS issue
RIGHT JOIN main.project AS project ON issue.id = project.id""",
    ),
    (
        "SELECT id, name FROM issue i FULL JOIN project p USING (id) WHERE id > 1",
        """\
SELECT coalesce(i.id, p.id) AS id, p.name
FROM main.issue AS i
FULL JOIN main.project AS p ON i.id = p.id
WHERE coalesce(i.id, p.id) > 1""",
    ),
    (
        "SELECT title, name FROM issue RIGHT JOIN project p ON p.id = issue.project",
        """\
SELECT issue.title, p.name
FROM main.issue AS issue
RIGHT JOIN main.project AS p ON p.id = issue.project""",
    ),
    (
        "SELECT state AS s, title ->> '$.x', id AS o FROM issue ORDER BY s DESC, (2), o",
        """\
SELECT issue.state AS s, issue.title ->> '$.x', issue.id AS o
FROM main.issue AS issue
ORDER BY issue.state DESC, issue.title ->> '$.x', issue.id""",
    ),
    (
        "SELECT DISTINCT state, id FROM issue WHERE id IN (SELECT DISTINCT project FROM issue)",
        """\
SELECT DISTINCT issue.state, issue.id
FROM main.issue AS issue
WHERE issue.id IN (SELECT DISTINCT issue.project FROM main.issue AS issue)""",
    ),
    (
        "SELECT p.id FROM project p CROSS JOIN issue i, issue j WHERE j.id = p.id",
        """\
SELECT p.id
FROM main.project AS p
CROSS JOIN main.issue AS i
, main.issue AS j
WHERE j.id = p.id""",
    ),
    (
        "SELECT title FROM issue WHERE exists (SELECT * FROM project WHERE id = issue.project AND name = ?) AND state = ?",  # noqa: E501
        """\
SELECT issue.title
FROM main.issue AS issue
WHERE EXISTS (SELECT project.id, project.name FROM main.project AS project WHERE project.id = issue.project AND project.name = :p1) AND issue.state = :p2""",  # noqa: E501
    ),
    (
        "SELECT title FROM issue i WHERE project NOT IN (SELECT p.id FROM project p JOIN issue b ON b.project = p.id AND b.id < i.id)",  # noqa: E501
        """\
SELECT i.title
FROM main.issue AS i
WHERE NOT i.project IN (SELECT p.id FROM main.project AS p JOIN main.issue AS b ON b.project = p.id AND b.id < i.id)""",
    ),
    (
        "SELECT name, (SELECT count(*) FROM issue WHERE project = project.id) n FROM project ORDER BY n DESC, id",
        """\
SELECT project.name, (SELECT count(*) FROM main.issue AS issue WHERE issue.project = project.id) AS n
FROM main.project AS project
ORDER BY 2 DESC, project.id""",
    ),
    (
        "SELECT id FROM issue i WHERE EXISTS (SELECT 1 FROM project WHERE EXISTS (SELECT 1 FROM issue WHERE project = name AND id = i.id))",  # noqa: E501
        """\
SELECT i.id
FROM main.issue AS i
WHERE EXISTS (SELECT 1 FROM main.project AS project WHERE EXISTS (SELECT 1 FROM main.issue AS issue WHERE issue.project = project.name AND issue.id = i.id))""",  # noqa: E501
    ),
    (
        "SELECT id, rank() OVER w, sum(id) FILTER (WHERE id > 1) OVER (w ROWS 2 PRECEDING) AS s FROM issue WINDOW w AS (PARTITION BY state ORDER BY id DESC NULLS LAST) ORDER BY s",  # noqa: E501
        """\
SELECT issue.id, rank() OVER (PARTITION BY issue.state ORDER BY issue.id DESC), sum(issue.id) FILTER (WHERE issue.id > 1) OVER (PARTITION BY issue.state ORDER BY issue.id DESC ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS s
FROM main.issue AS issue
ORDER BY 3""",  # noqa: E501
    ),
    (
        "SELECT count(*) OVER (ORDER BY id GROUPS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM issue",
        """\
SELECT count(*) OVER (ORDER BY issue.id GROUPS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES)
FROM main.issue AS issue""",
    ),
]

RERUN = [
    ("VALUES (1)", "Values is re-run"),
    ("SELECT id FROM issue UNION VALUES (1)", "Values in FROM is re-run"),
    (
        "SELECT id FROM issue UNION SELECT id FROM project ORDER BY id + 1",
        "ORDER BY of a compound by what isn't a column's name or place is re-run",
    ),
    ("WITH RECURSIVE x AS (SELECT 1) SELECT * FROM x", "a recursive CTE is re-run"),
    ("SELECT id FROM issue WHERE id IN project", "IN with a table is re-run"),
    ("SELECT id FROM issue WHERE id IN (VALUES (1))", "Values is re-run"),
    (
        "SELECT id FROM issue WHERE id IN (SELECT id FROM project EXCEPT SELECT id FROM issue)",
        "EXCEPT in a subquery is re-run",
    ),
    (
        "SELECT id FROM issue WHERE id IN (SELECT id FROM project UNION SELECT 1)",
        "IN a UNION whose parts compare in different ways is re-run",
    ),
    ("SELECT 1 FROM issue JOIN project USING (nothing)", "USING (nothing) names no column of both sides"),
    ("SELECT * FROM shadowed", "rows of shadowed can't be told apart: columns shadow every name of its rowid"),
    ("SELECT title || state ->> '$.x' FROM issue", "SQLite compiles the plan to another program than the text"),
    ("SELECT id FROM issue WHERE title MATCH 'x'", "MATCH is re-run"),
    ("SELECT id, current_date FROM issue", "current_date reads the clock"),
    ("SELECT id FROM issue WHERE id = ? AND state = :state", "parameters by name and by place in one text"),
]


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    for statement in SCHEMA.strip().split(";\n"):
        conn.execute(statement)
    yield conn
    conn.close()


@pytest.mark.parametrize(("text", "rendered"), PAIRS)
def test_plan_renders_to_text_of_the_same_program(conn: sqlite3.Connection, text: str, rendered: str) -> None:
    plan = parse(text, Catalog(conn), conn)
    assert render(plan) == rendered
    assert same_program(conn, text, as_numbered(text, rendered))


@pytest.mark.parametrize(("text", "rendered"), PAIRS)
def test_rendered_text_has_the_same_plan(conn: sqlite3.Connection, text: str, rendered: str) -> None:
    catalog = Catalog(conn)
    assert render(parse(rendered, catalog, conn)) == rendered


@pytest.mark.parametrize(("text", "reason"), RERUN)
def test_what_no_plan_covers_says_why(conn: sqlite3.Connection, text: str, reason: str) -> None:
    with pytest.raises(Unplannable) as caught:
        parse(text, Catalog(conn), conn)
    assert str(caught.value) == reason


def test_a_text_that_sqlglot_reads_in_another_way_is_refused(conn: sqlite3.Connection) -> None:
    # SQLite: (a || b) = c binds tighter on ||; a plan that read it as a || (b = c) would compile to another program
    text = "SELECT 1 FROM issue WHERE title || state = 'x'"
    assert same_program(conn, text, render(parse(text, Catalog(conn), conn)))
    assert not same_program(conn, text, "SELECT 1 FROM issue WHERE title || (state = 'x')")


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("SELECT state AS s FROM issue ORDER BY s COLLATE NOCASE DESC", "issue.state COLLATE NOCASE DESC"),
        ("SELECT id, state FROM issue ORDER BY 2 COLLATE NOCASE, +1", "issue.state COLLATE NOCASE, issue.id"),
        ("SELECT id, oid AS o FROM issue ORDER BY state, 1", "issue.state, issue.id"),
        ("SELECT id, oid AS o FROM issue ORDER BY state, o", "issue.state, issue.id"),
    ],
)
def test_a_term_of_order_by_that_names_an_output_is_that_output(
    conn: sqlite3.Connection, text: str, order: str
) -> None:
    assert render(parse(text, Catalog(conn), conn)).endswith(f"\nORDER BY {order}")


def test_columns_of_a_using_join_appear_once(conn: sqlite3.Connection) -> None:
    plan = parse("SELECT * FROM issue JOIN project USING (id)", Catalog(conn), conn)
    assert render(plan).splitlines()[0] == (
        "SELECT issue.id, issue.title, issue.state, issue.priority, issue.project, project.name"
    )


def test_parameters_keep_their_order(conn: sqlite3.Connection) -> None:
    plan = parse("SELECT ? FROM issue JOIN project ON project.id = ? WHERE state = ?", Catalog(conn), conn)
    assert ":p1" in render(plan).splitlines()[0]
    assert ":p3" in render(plan).splitlines()[-1]
