"""Which rule keeps which query, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from eddyline.core.changes import TOUCH, Changes
from eddyline.core.ivm.compile import compile_template
from eddyline.core.ivm.derived import DerivedTables
from eddyline.core.ivm.groups import GroupsOperator
from eddyline.core.ivm.keyed import KeyedOperator
from eddyline.core.ivm.layout import Layout
from eddyline.core.ivm.template import Template
from eddyline.core.query.asked import Asked
from eddyline.core.schema import Catalog, TableName

SCHEMA = """
CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT COLLATE NOCASE, state TEXT, priority INT, project INT);
CREATE TABLE loose (a, b);
CREATE TABLE tag (name TEXT UNIQUE, size INT);
CREATE TABLE tally (id INTEGER PRIMARY KEY, kind TEXT, n INTEGER) STRICT;
CREATE TABLE own (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, nick TEXT COLLATE NOCASE NOT NULL UNIQUE,
                  born INT, n INT);
"""

RULES = [
    ("SELECT title FROM issue WHERE state = 'open'", "delta"),
    ("SELECT i.title, p.name FROM issue i JOIN project p ON p.id = i.project ORDER BY p.name LIMIT 5", "delta"),
    ("SELECT a.id FROM issue a, issue b, issue c WHERE a.project = b.project AND b.project = c.project", "delta"),
    ("SELECT count(*), sum(priority), total(priority), avg(priority), min(title), max(title) FROM issue", "delta"),
    ("SELECT state, count(*) n FROM issue GROUP BY state HAVING n > 1 ORDER BY n DESC LIMIT 3", "delta"),
    ("SELECT upper(state), sum(priority) / 2.0 FROM issue GROUP BY 1", "delta"),
    ("SELECT title, count(*) FROM issue GROUP BY title", "delta"),
    ("SELECT p.id, p.name, count(*) FROM issue i JOIN project p ON p.id = i.project GROUP BY p.id", "delta"),
    ("SELECT i.project, p.name, count(*) FROM issue i JOIN project p ON p.id = i.project GROUP BY i.project", "delta"),
    ("SELECT w.name, w.born, count(*) FROM own w JOIN loose ON a = w.id GROUP BY w.id", "delta"),
    ("SELECT w.name, w.born, count(*) FROM own w JOIN loose ON a = w.id GROUP BY w.name", "delta"),
    ("SELECT w.name, w.born, count(*) FROM own w JOIN loose ON a = w.id GROUP BY w.nick", "key"),
    ("SELECT size, name, count(*) FROM tag GROUP BY name", "key"),
    ("SELECT p.name, i.title FROM project p LEFT JOIN issue i ON i.project = p.id", "key"),
    ("SELECT p.name, count(i.id) FROM project p LEFT JOIN issue i ON i.project = p.id GROUP BY p.name", "key"),
    ("SELECT state, group_concat(title) FROM issue GROUP BY state", "key"),
    ("SELECT state, count(DISTINCT project) FROM issue GROUP BY state", "key"),
    ("SELECT state, title, count(*) FROM issue GROUP BY state", "key"),
    ("SELECT state, count(*) FROM issue GROUP BY state HAVING state > 'b'", "key"),
    ("SELECT count(DISTINCT project) FROM issue", "key"),
    (
        "SELECT state, count(*) FILTER (WHERE priority > 1), max(title) FILTER (WHERE id > 1) FROM issue GROUP BY 1",
        "delta",
    ),
    ("SELECT group_concat(title), json_group_array(id) FROM issue", "key"),
    ("SELECT count(*) FROM project p LEFT JOIN issue i ON i.project = p.id", "key"),
    ("SELECT count(*), (SELECT count(*) FROM project) FROM issue HAVING EXISTS (SELECT 1 FROM loose)", "key"),
    ("SELECT title, name FROM issue NATURAL JOIN project", "delta"),
    ("SELECT id, title, name FROM issue NATURAL RIGHT JOIN project", "key"),
    ("SELECT id, title, own.name FROM issue FULL JOIN project USING (id) JOIN own USING (id) ORDER BY id", "key"),
    ("SELECT name, x.n, y.n FROM own x FULL JOIN own y USING (name)", "key"),
    ("SELECT name, x.n, y.n FROM own x RIGHT JOIN own y USING (name)", "key"),
    ("SELECT z.name FROM (SELECT name FROM own x FULL JOIN own y USING (name) WHERE x.n > 1) AS z", "key"),
    ("SELECT name FROM own x FULL JOIN own y USING (name) EXCEPT SELECT name FROM project", "key"),
    ("SELECT title, name FROM issue i RIGHT JOIN project p ON p.id = i.project JOIN loose ON a = p.id", "key"),
    ("SELECT title, name FROM loose JOIN issue i RIGHT JOIN project p ON p.id = i.project", "key"),
    ("SELECT title, name FROM issue i FULL JOIN project p ON p.id = i.project ORDER BY 1 LIMIT 5", "key"),
    ("SELECT title FROM issue i FULL JOIN project p ON p.id IN (SELECT a FROM loose)", "re-run"),
    (
        "SELECT title FROM issue i JOIN tag ON size IN (SELECT a FROM loose) FULL JOIN project p ON p.id = i.id",
        "re-run",
    ),
    ("SELECT n, count(*) FROM (SELECT count(*) AS n FROM issue GROUP BY state) GROUP BY n", "delta"),
    ("WITH x AS (SELECT project, count(*) AS n FROM issue GROUP BY 1) SELECT a.n FROM x a, x b", "delta"),
    ("SELECT * FROM (SELECT title, priority FROM issue ORDER BY priority LIMIT 3) JOIN project", "delta"),
    ("SELECT * FROM (SELECT id, rank() OVER (ORDER BY priority) AS r FROM issue) WHERE r < 4", "key"),
    ("SELECT u FROM (SELECT state AS u FROM issue UNION SELECT name FROM project) WHERE u > 'a'", "delta"),
    ("SELECT u FROM (SELECT state AS u FROM issue UNION ALL SELECT priority FROM issue) WHERE u > 'a'", "re-run"),
    ("SELECT u FROM (SELECT (SELECT max(id) FROM project) AS u, count(*) FROM issue) WHERE u > 'a'", "re-run"),
    ("SELECT title, (SELECT b FROM loose WHERE a = i.title ORDER BY b, rowid DESC LIMIT 1) FROM issue i", "key"),
    ("SELECT title, (SELECT b FROM loose WHERE a = i.title ORDER BY b LIMIT 1) FROM issue i", "re-run"),
    ("SELECT title, (SELECT size FROM tag WHERE name = i.state) FROM issue i", "key"),
    ("SELECT title, (SELECT size FROM tag WHERE i.title = name) FROM issue i", "re-run"),
    ("SELECT title, (SELECT size FROM tag WHERE name = i.priority) FROM issue i", "re-run"),
    ("SELECT title FROM issue WHERE id IN (SELECT id FROM issue ORDER BY priority DESC, id LIMIT 3)", "key"),
    ("SELECT i.state, count(*) FROM project p LEFT JOIN issue i ON i.project = p.id GROUP BY i.state", "key"),
    ("SELECT title, row_number() OVER (PARTITION BY state ORDER BY id) FROM issue ORDER BY 2 DESC LIMIT 3", "key"),
    ("SELECT title FROM issue ORDER BY count(*) OVER (PARTITION BY project) DESC, max(id) OVER ()", "key"),
    ("SELECT title, lag(id) OVER (ORDER BY id) FROM issue UNION ALL SELECT name, id FROM project", "key"),
    ("SELECT id, sum(priority) OVER () FROM issue UNION SELECT 1, 2", "re-run"),
    ("SELECT DISTINCT rank() OVER (ORDER BY state) FROM issue", "key"),
    ("SELECT id FROM issue WHERE id IN (SELECT row_number() OVER () FROM project)", "re-run"),
    ("SELECT state, sum(count(*)) OVER (ORDER BY state) FROM issue GROUP BY state", "key"),
    ("SELECT max(title) AS m FROM issue GROUP BY state ORDER BY m COLLATE NOCASE", "delta"),
    ("SELECT title, random() FROM issue", "re-run"),
    ("SELECT title, date('now') FROM issue", "re-run"),
    ("SELECT title FROM issue WHERE date(title) = '2026-01-01'", "delta"),
    ("SELECT DISTINCT state, 1 AS one FROM issue ORDER BY state DESC LIMIT 3", "delta"),
    ("SELECT DISTINCT p.* FROM project p JOIN issue i ON i.project = p.id", "delta"),
    ("SELECT DISTINCT p.name FROM project p LEFT JOIN issue i ON i.project = p.id", "key"),
    ("SELECT DISTINCT name FROM project p WHERE EXISTS (SELECT DISTINCT state FROM issue WHERE project = p.id)", "key"),
    ("SELECT DISTINCT state FROM issue ORDER BY id", "re-run"),
    ("SELECT DISTINCT 1 FROM issue", "delta"),
    ("SELECT DISTINCT 1, 2 FROM project p LEFT JOIN issue i ON i.project = p.id", "key"),
    ("SELECT DISTINCT count(*) FROM issue GROUP BY state", "delta"),
    ("SELECT id FROM issue i WHERE EXISTS (SELECT 1 FROM project WHERE id = i.project) ORDER BY title LIMIT 3", "key"),
    ("SELECT name, EXISTS (SELECT 1 FROM issue WHERE project = p.id) AS used FROM project p ORDER BY used", "key"),
    ("SELECT name FROM project p WHERE id = 1 OR NOT EXISTS (SELECT 1 FROM issue WHERE project = p.id)", "key"),
    ("SELECT title FROM issue WHERE project NOT IN (SELECT id FROM project WHERE name = 'x')", "key"),
    ("SELECT title FROM issue i JOIN project p ON p.id = i.project AND p.id IN (SELECT project FROM issue)", "key"),
    ("SELECT title FROM issue WHERE project IN (SELECT project FROM issue GROUP BY 1 HAVING count(*) > 3)", "key"),
    ("SELECT title FROM issue WHERE title IN (SELECT title FROM issue GROUP BY 1 HAVING count(*) > 3)", "re-run"),
    ("SELECT title FROM issue WHERE id IN (SELECT max(id) FROM issue GROUP BY project)", "re-run"),
    ("SELECT title FROM issue WHERE id IN (SELECT id FROM issue LIMIT 3)", "re-run"),
    ("SELECT title FROM issue UNION ALL SELECT name FROM project ORDER BY 1 LIMIT 3", "delta"),
    ("SELECT title FROM issue UNION SELECT name FROM project INTERSECT SELECT 'x'", "delta"),
    ("SELECT state, count(*) FROM issue GROUP BY 1 UNION ALL SELECT 'all', count(*) FROM issue", "delta"),
    ("SELECT id, title FROM issue EXCEPT SELECT p.id, i.title FROM project p LEFT JOIN issue i ON i.id = p.id", "key"),
    ("SELECT title FROM issue UNION SELECT name FROM project UNION ALL SELECT 'x'", "delta"),
    ("SELECT id FROM issue EXCEPT SELECT id FROM project UNION ALL SELECT id FROM tally ORDER BY 1 LIMIT 5", "delta"),
    ("SELECT state, sum(length(title)) FROM issue GROUP BY 1 UNION SELECT 'x', 1", "delta"),
    ("SELECT kind, sum(n) FROM tally GROUP BY 1 INTERSECT SELECT kind, n FROM tally", "delta"),
    ("SELECT state, sum(priority) FROM issue GROUP BY 1 UNION SELECT 'x', 1", "re-run"),
    ("SELECT state, avg(priority) FROM issue GROUP BY 1 UNION SELECT 'x', 1.0", "re-run"),
    ("SELECT id FROM issue UNION SELECT 1 UNION SELECT title FROM issue", "re-run"),
    ("SELECT 1, :x", "delta"),
    ("SELECT (SELECT count(*) FROM issue), EXISTS (SELECT 1 FROM project WHERE name = 'x')", "key"),
    ("SELECT title FROM issue WHERE (priority, id) > (?2, ?1) ORDER BY priority, id LIMIT 3;", "delta"),
    ("SELECT title FROM issue WHERE (project, id) NOT IN (SELECT id, $id FROM project) -- row values", "key"),
    ("SELECT title FROM issue WHERE (project, id) = (SELECT id, 1 FROM project)", "re-run"),
    ("SELECT state, count(*) FROM issue i WHERE EXISTS (SELECT 1 FROM project WHERE id = i.project) GROUP BY 1", "key"),
    ("SELECT state, EXISTS (SELECT 1 FROM project) FROM issue GROUP BY 1", "key"),
    ("SELECT count(*) FROM issue GROUP BY (SELECT max(id) FROM project)", "re-run"),
    ("SELECT count(*) FROM issue i WHERE EXISTS (SELECT 1 FROM project WHERE id = i.project)", "key"),
    ("SELECT name, (SELECT count(*) FROM issue WHERE project = p.id) AS n FROM project p ORDER BY n DESC", "key"),
    ("SELECT title, (SELECT name FROM project WHERE id = i.project) FROM issue i", "key"),
    ("SELECT name, (SELECT title FROM issue WHERE project = p.id) FROM project p", "re-run"),
    ("SELECT name, (SELECT max(title) FROM issue WHERE project = p.id) FROM project p", "re-run"),
    ("SELECT name, (SELECT max(priority) FROM issue WHERE project = p.id) FROM project p", "key"),
    ("SELECT name FROM project p LEFT JOIN issue i ON i.id IN (SELECT id FROM issue)", "key"),
    ("SELECT name FROM project LIMIT (SELECT count(*) FROM issue)", "re-run"),
    ("SELECT name FROM project p WHERE EXISTS (SELECT 1 FROM issue WHERE project = p.id AND random() > 0)", "re-run"),
]


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    conn.executescript(SCHEMA)
    yield conn
    conn.close()


def compiled(conn: sqlite3.Connection, text: str) -> Template:
    return compile_template(conn, Asked(text), Catalog(conn), None, DerivedTables()).template


@pytest.mark.parametrize(("text", "rule"), RULES)
def test_each_query_is_kept_by_its_rule(conn: sqlite3.Connection, text: str, rule: str) -> None:
    template = compiled(conn, text)
    assert (template.rule, text) == (rule, text), template.reason
    assert template.reason


def test_only_columns_that_the_query_reads_are_captured(conn: sqlite3.Connection) -> None:
    template = compile_template(
        conn, Asked("SELECT title FROM issue WHERE state = 'open' ORDER BY priority"), Catalog(conn)
    ).template
    assert template.needs == {TableName("main", "issue"): frozenset({"id", "title", "state", "priority"})}


def test_a_rerun_query_captures_only_the_touch(conn: sqlite3.Connection) -> None:
    template = compiled(conn, "SELECT state FROM issue UNION VALUES ('x')")
    assert template.needs == {TableName("main", "issue"): TOUCH}


def test_an_aggregate_of_the_programs_own_that_wasnt_registered_with_us_is_rerun(conn: sqlite3.Connection) -> None:
    class Last:
        def __init__(self) -> None:
            self.value = None

        def step(self, value: None) -> None:
            self.value = value

        def finalize(self) -> None:
            return self.value

    conn.create_aggregate("last", 1, Last)  # type: ignore[arg-type]  # typeshed wants int results
    template = compiled(conn, "SELECT last(title) FROM issue")
    assert (template.rule, template.reason) == ("re-run", "a function isn't deterministic")


def test_a_collation_of_the_programs_own_is_rerun(conn: sqlite3.Connection) -> None:
    conn.create_collation("backwards", lambda a, b: (a < b) - (a > b))
    template = compile_template(
        conn, Asked("SELECT title FROM issue ORDER BY title COLLATE backwards"), Catalog(conn)
    ).template
    assert (template.rule, template.reason) == ("re-run", "collation BACKWARDS is the program's own")


@pytest.mark.parametrize("having", ["count(*)", "count(DISTINCT a)"])
def test_a_group_under_rtrim_is_looked_up_without_an_index(conn: sqlite3.Connection, having: str) -> None:
    template = compiled(conn, f"SELECT {having} FROM loose GROUP BY b COLLATE RTRIM, a")
    if template.groups is not None:
        text = template.groups.one_sql
    else:
        assert template.touch is not None, "kept by key or delta"
        assert isinstance(template.layout, Layout), "a planned template of one SELECT"
        text = KeyedOperator(template.layout, template.touch, {}, None).one_sql
    assert "WHERE +(loose.b COLLATE RTRIM) IS :" in text
    assert "AND loose.a IS :" in text


def touch_sql(conn: sqlite3.Connection, text: str, *changed: str) -> list[str]:
    """Return what says which keys are touched when the tables `changed` changed."""
    touch = compiled(conn, text).touch
    assert touch is not None, "kept by key"
    return touch.statements(Changes(logs={TableName("main", name): f"temp.log_{name}" for name in changed}))


def test_a_subquery_reaches_outer_rows_through_the_log_of_its_table(conn: sqlite3.Connection) -> None:
    text = (
        "SELECT 1 FROM project p WHERE name > 'a' AND EXISTS (SELECT 1 FROM issue WHERE project = p.id AND state = ?)"
    )
    assert touch_sql(conn, text, "issue") == [
        """\
SELECT DISTINCT +p.id, +p.id
FROM main.project AS p
JOIN temp.log_issue AS issue
WHERE p.name > 'a' AND issue.project = p.id AND issue.state = :p1
LIMIT 201"""
    ]


def test_the_keys_a_change_touches_are_read_from_its_log_on_whatever_index_gives_their_order(
    conn: sqlite3.Connection,
) -> None:
    conn.execute("CREATE INDEX by_state ON issue (state)")
    conn.execute("CREATE TEMP TABLE log_comment AS SELECT 1 AS id, 1 AS issue, 1 AS _eddy_w")
    conn.execute("CREATE TABLE comment (id INTEGER PRIMARY KEY, issue INT)")
    conn.execute("ANALYZE temp.log_comment")
    text = "SELECT id FROM issue i WHERE state = 'a' AND EXISTS (SELECT 1 FROM comment WHERE issue = i.id)"
    (statement,) = touch_sql(conn, text, "comment")
    steps = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert steps[:2] == ["SCAN comment", "SEARCH i USING INTEGER PRIMARY KEY (rowid=?)"]


def test_a_parent_and_a_child_that_go_together_are_reached_through_both_logs(conn: sqlite3.Connection) -> None:
    text = "SELECT a FROM loose WHERE a IN (SELECT p.name FROM project p JOIN issue i ON i.project = p.id)"
    froms = [sql.splitlines()[1:4] for sql in touch_sql(conn, text, "issue", "project")]
    assert froms == [
        ["FROM main.loose AS loose", f"JOIN {p} AS p", f"JOIN {i} AS i ON i.project = p.id"]
        for p, i in [
            ("temp.log_project", "main.issue"),
            ("main.project", "temp.log_issue"),
            ("temp.log_project", "temp.log_issue"),
        ]
    ]


def test_a_null_under_not_in_reaches_every_row_but_only_where_there_may_be_one(conn: sqlite3.Connection) -> None:
    def conditions(text: str) -> list[str]:
        return [sql.splitlines()[-2] for sql in touch_sql(conn, text, "issue")]

    assert conditions("SELECT name FROM project WHERE id NOT IN (SELECT project FROM issue)") == [
        "WHERE project.id = issue.project",
        "WHERE issue.project IS NULL",
    ]
    assert conditions("SELECT name FROM project WHERE name NOT IN (SELECT id FROM issue)") == [
        "WHERE project.name = issue.id",
        "WHERE project.name IS NULL",
    ]
    assert conditions("SELECT name FROM project WHERE id IN (SELECT project FROM issue)") == [
        "WHERE project.id = issue.project"
    ]


def test_of_an_exists_only_what_correlates_is_captured(conn: sqlite3.Connection) -> None:
    text = "SELECT name FROM project p WHERE EXISTS (SELECT * FROM issue WHERE project = p.id ORDER BY title)"
    needs = compiled(conn, text).needs
    assert needs == {
        TableName("main", "project"): frozenset({"id", "name"}),
        TableName("main", "issue"): frozenset({"id", "project"}),
    }


def test_groups_with_a_subquery_follow_their_own_tables_by_delta_and_the_subquerys_by_key(
    conn: sqlite3.Connection,
) -> None:
    text = (
        "SELECT state, count(*) FROM issue i WHERE EXISTS (SELECT 1 FROM project WHERE id = i.project) GROUP BY state"
    )
    template = compiled(conn, text)
    assert template.groups is not None
    operator = GroupsOperator(template.groups, {}, template.touch)

    def froms(name: str) -> list[str]:
        changes = Changes(logs={TableName("main", name): f"temp.log_{name}"})
        return [
            line for sql in operator.statements(changes) for line in sql.splitlines() if line[:5] in ("FROM ", "JOIN ")
        ]

    assert froms("issue") == ["FROM temp.log_issue AS i"]
    assert froms("project") == ["FROM main.issue AS i", "JOIN temp.log_project AS project", "FROM main.issue AS i"]
