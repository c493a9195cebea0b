"""Make the table of docs/queries.md: for each form of SQL by which rule it is kept, as `explain()` says.

python3 docs/make_queries.py        writes the table into the page; tests/test_queries_page.py checks that it is so
"""

# ruff: noqa: E501  # a form a line
from __future__ import annotations

import asyncio
from pathlib import Path

from eddyline import Database

PAGE = Path(__file__).with_name("queries.md")
BEGIN, END = "<!-- made by docs/make_queries.py -->", "<!-- end -->"

SCHEMA = (
    "CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, parent INT)",
    "CREATE TABLE issue (id INTEGER PRIMARY KEY, project INT REFERENCES project, title TEXT, state TEXT, n INT, made TEXT, data TEXT, size REAL, day TEXT AS (substr(made, 1, 10)))",
    "CREATE TABLE tag (issue INT, name TEXT, PRIMARY KEY (issue, name)) WITHOUT ROWID",
    "CREATE VIEW open AS SELECT id, title FROM issue WHERE state = 'open'",
    "CREATE VIEW per_state AS SELECT state, count(*) AS n FROM issue GROUP BY state",
    "CREATE VIRTUAL TABLE found USING fts5(title)",
    "CREATE VIRTUAL TABLE place USING rtree(id, x0, x1)",
)

FEATURES = (
    ("filters, expressions, CASE", "SELECT id, CASE WHEN n > 3 THEN 'high' ELSE 'low' END FROM issue WHERE n IS NOT NULL"),
    ("JSON functions, `->`, `->>`", "SELECT id, data ->> '$.owner' FROM issue WHERE json_array_length(data, '$.tags') > 1"),
    ("LIKE, GLOB, IN, BETWEEN, row values", "SELECT id FROM issue WHERE title LIKE 'a%' AND (n, id) > (:n, :id)"),
    ("collations", "SELECT id FROM project WHERE name = 'core' ORDER BY name COLLATE BINARY"),
    ("generated columns", "SELECT id, day FROM issue WHERE day > '2026-01-01'"),
    ("date functions of a column", "SELECT id, date(made, '+1 day') FROM issue"),
    ("date functions of the clock", "SELECT id FROM issue WHERE made > date('now')"),
    ("ORDER BY, NULLS FIRST/LAST, LIMIT, OFFSET", "SELECT id FROM issue ORDER BY n DESC NULLS LAST LIMIT 10 OFFSET 5"),
    ("inner, cross, comma and self joins", "SELECT a.id, b.id FROM issue a, issue b JOIN project p ON p.id = a.project WHERE a.n = b.n"),
    ("NATURAL, USING", "SELECT issue.title FROM issue JOIN project USING (id)"),
    ("LEFT JOIN", "SELECT p.name, i.id FROM project p LEFT JOIN issue i ON i.project = p.id"),
    ("RIGHT JOIN", "SELECT p.name, i.id FROM issue i RIGHT JOIN project p ON i.project = p.id"),
    ("RIGHT JOIN behind other joins", "SELECT p.name FROM tag t JOIN issue i ON i.id = t.issue RIGHT JOIN project p ON i.project = p.id"),
    ("FULL JOIN", "SELECT p.name, i.id FROM issue i FULL JOIN project p ON i.project = p.id"),
    ("NATURAL or USING with RIGHT or FULL", "SELECT * FROM issue FULL JOIN project USING (id)"),
    ("EXISTS, NOT EXISTS", "SELECT id FROM issue i WHERE NOT EXISTS (SELECT 1 FROM tag WHERE issue = i.id)"),
    ("IN, NOT IN (SELECT ...)", "SELECT id FROM issue WHERE project NOT IN (SELECT id FROM project WHERE name = 'x')"),
    ("a count or sum in a subquery as a value", "SELECT name, (SELECT count(*) FROM issue WHERE project = p.id) FROM project p"),
    ("a lookup by a unique key", "SELECT id, (SELECT name FROM project WHERE id = i.project) FROM issue i"),
    ("a subquery as a value that may choose among rows", "SELECT name, (SELECT title FROM issue WHERE project = p.id) FROM project p"),
    ("UNION in EXISTS or IN", "SELECT id FROM issue WHERE id IN (SELECT issue FROM tag UNION SELECT n FROM issue)"),
    ("INTERSECT and EXCEPT in a subquery", "SELECT id FROM issue WHERE id IN (SELECT issue FROM tag EXCEPT SELECT n FROM issue)"),
    ("window functions in a subquery", "SELECT id FROM issue WHERE id IN (SELECT first_value(id) OVER () FROM issue)"),
    ("GROUP BY with count, sum, total, avg, min, max", "SELECT state, count(*), sum(n), avg(n), max(n) FROM issue GROUP BY state"),
    ("FILTER, HAVING, groups by expression or position", "SELECT substr(day, 1, 7), count(*) FILTER (WHERE n > 1) FROM issue GROUP BY 1 HAVING count(*) > 2"),
    ("aggregates of all rows", "SELECT count(*), sum(n) FROM issue"),
    ("DISTINCT in aggregates, group_concat, json_group_array", "SELECT state, group_concat(title), count(DISTINCT n) FROM issue GROUP BY state"),
    ("bare columns beside aggregates", "SELECT state, title, max(n) FROM issue GROUP BY state"),
    ("groups over left joins", "SELECT p.name, count(i.id) FROM project p LEFT JOIN issue i ON i.project = p.id GROUP BY p.name"),
    ("groups of a left join by its right side", "SELECT i.state, count(*) FROM project p LEFT JOIN issue i ON i.project = p.id GROUP BY i.state"),
    ("DISTINCT", "SELECT DISTINCT state, n FROM issue"),
    ("DISTINCT of groups or windows", "SELECT DISTINCT count(*) FROM issue GROUP BY state"),
    ("UNION ALL", "SELECT title FROM issue UNION ALL SELECT name FROM project ORDER BY 1 LIMIT 9"),
    ("UNION, INTERSECT, EXCEPT", "SELECT id FROM issue EXCEPT SELECT issue FROM tag"),
    ("UNION ALL behind another word", "SELECT id FROM issue UNION SELECT id FROM project UNION ALL SELECT issue FROM tag"),
    ("sums of whole numbers in UNION, INTERSECT, EXCEPT", "SELECT sum(length(title)) FROM issue UNION SELECT 1"),
    ("other sums in UNION, INTERSECT, EXCEPT", "SELECT sum(size) FROM issue UNION SELECT 1.0"),
    ("views, CTEs, subqueries in FROM", "SELECT o.title, p.name FROM open o JOIN project p ON p.id = o.id"),
    ("the same that group, also used twice", "WITH g AS (SELECT project, count(*) AS n FROM issue GROUP BY 1) SELECT a.n FROM g a JOIN g b ON a.n > b.n"),
    ("the same with LIMIT", "SELECT * FROM (SELECT * FROM issue ORDER BY n DESC LIMIT 3) i JOIN project p ON p.id = i.project"),
    ("the same put together", "SELECT x, count(*) FROM (SELECT id AS x FROM issue UNION ALL SELECT issue FROM tag) GROUP BY x"),
    ("window functions with PARTITION BY", "SELECT id, rank() OVER (PARTITION BY project ORDER BY n DESC), sum(n) OVER (PARTITION BY project) FROM issue"),
    ("running totals, frames, named windows", "SELECT id, sum(n) OVER w, lag(n) OVER w FROM issue WINDOW w AS (PARTITION BY project ORDER BY made ROWS 3 PRECEDING)"),
    ("window functions over all rows", "SELECT id, row_number() OVER (ORDER BY made) FROM issue"),
    ("window functions over groups", "SELECT day, sum(count(*)) OVER (ORDER BY day) FROM issue GROUP BY day"),
    ("the first of each group", "SELECT * FROM (SELECT id, row_number() OVER (PARTITION BY project ORDER BY n) AS r FROM issue) WHERE r <= 3"),
    ("recursive CTEs", "WITH RECURSIVE up(id) AS (SELECT 1 UNION SELECT parent FROM project JOIN up USING (id)) SELECT id FROM up"),
    ("FTS5", "SELECT title FROM found WHERE found MATCH 'word'"),
    ("R*Tree", "SELECT id FROM place WHERE x0 > 1"),
    ("table-valued functions", "SELECT issue.id, j.value FROM issue, json_each(issue.data) AS j"),
    ("functions that aren't deterministic", "SELECT id, random() FROM issue"),
    ("VALUES", "VALUES (1), (2)"),
)  # fmt: skip


async def table() -> str:
    """Return the table in Markdown."""
    lines = ["| form | kept by | how, or why not |", "|---|---|---|"]
    async with Database.open(":memory:") as db:
        for statement in SCHEMA:
            await db.execute(statement)
        for name, sql in FEATURES:
            params = {key: 1 for key in ("n", "id") if f":{key}" in sql}
            with await db.live(sql, **params) as view:
                data = view.explain().data
            rule = "partition" if data["reason"].startswith("window functions: touched") else data["rule"]
            lines.append(f"| {name} | {rule} | {data['reason'].replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def page(made: str) -> str:
    """Return the page with the table `made` in its place."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(asyncio.run(table())), encoding="utf-8")
