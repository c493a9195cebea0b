"""Which rule keeps which query, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from eddyline.core.changes import TOUCH
from eddyline.core.ivm.compile import Template, compile_template
from eddyline.core.query.asked import Asked
from eddyline.core.schema import Catalog, TableName

SCHEMA = """
CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT COLLATE NOCASE, state TEXT, priority INT, project INT);
CREATE TABLE loose (a, b);
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
    ("SELECT p.name, i.title FROM project p LEFT JOIN issue i ON i.project = p.id", "key"),
    ("SELECT p.name, count(i.id) FROM project p LEFT JOIN issue i ON i.project = p.id GROUP BY p.name", "key"),
    ("SELECT state, group_concat(title) FROM issue GROUP BY state", "key"),
    ("SELECT state, count(DISTINCT project) FROM issue GROUP BY state", "key"),
    ("SELECT state, title, count(*) FROM issue GROUP BY state", "key"),
    ("SELECT state, count(*) FROM issue GROUP BY state HAVING state > 'b'", "key"),
    ("SELECT count(DISTINCT project) FROM issue", "re-run"),
    ("SELECT i.state, count(*) FROM project p LEFT JOIN issue i ON i.project = p.id GROUP BY i.state", "re-run"),
    ("SELECT title, random() FROM issue", "re-run"),
    ("SELECT title, date('now') FROM issue", "re-run"),
    ("SELECT title FROM issue WHERE date(title) = '2026-01-01'", "delta"),
    ("SELECT DISTINCT state FROM issue", "re-run"),
]


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    conn.executescript(SCHEMA)
    yield conn
    conn.close()


def compiled(conn: sqlite3.Connection, text: str) -> Template:
    return compile_template(conn, Asked(text), Catalog(conn)).template


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
    template = compiled(conn, "SELECT DISTINCT state FROM issue")
    assert template.needs == {TableName("main", "issue"): TOUCH}


def test_an_aggregate_of_the_programs_own_is_rerun(conn: sqlite3.Connection) -> None:
    class Last:
        def __init__(self) -> None:
            self.value = None

        def step(self, value: None) -> None:
            self.value = value

        def finalize(self) -> None:
            return self.value

    conn.create_aggregate("last", 1, Last)  # type: ignore[arg-type]  # typeshed wants int results
    template = compiled(conn, "SELECT last(title) FROM issue")
    assert (template.rule, template.reason) == ("re-run", "last is an aggregate of the program's own")


def test_a_collation_of_the_programs_own_is_rerun(conn: sqlite3.Connection) -> None:
    conn.create_collation("backwards", lambda a, b: (a < b) - (a > b))
    template = compile_template(
        conn, Asked("SELECT title FROM issue ORDER BY title COLLATE backwards"), Catalog(conn)
    ).template
    assert (template.rule, template.reason) == ("re-run", "collation BACKWARDS is the program's own")
