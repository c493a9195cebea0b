"""Odd SQL that SQLite accepts is live, whether sqlglot reads it, misreads it or fails: never an exception."""

# ruff: noqa: E501  # a text a line
from __future__ import annotations

import pytest

from eddyline import Database
from eddyline.core.values import typed

SCHEMA = (
    "CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT, state TEXT COLLATE NOCASE, n INT, data TEXT)",
    'CREATE TABLE "order" ("select" INTEGER, [from where] TEXT, `group` REAL, "it""s" BLOB)',
    "CREATE TABLE loose (a, b)",
    "CREATE INDEX by_state ON issue (state)",
    "CREATE VIEW odd(x, y) AS WITH w AS (SELECT n, title FROM issue) SELECT n, title || '!' FROM w",
    "CREATE VIEW both AS SELECT id FROM issue UNION ALL SELECT a FROM loose",
)
WRITES = (
    "INSERT INTO issue VALUES (1, 'a', 'open', 3, '{\"k\": [1, 2]}'), (2, 'b', 'OPEN', NULL, '[]'), (3, '', 'x', 0, '1')",
    "INSERT INTO loose VALUES (1, 'a'), ('1', 1.0), (NULL, x'00')",
    "INSERT INTO \"order\" VALUES (1, 'w', 0.5, x'ff'), (NULL, NULL, 2, 3)",
    "UPDATE issue SET n = coalesce(n, 0) + 1, state = 'closed' WHERE id < 3",
    "DELETE FROM loose WHERE a IS NULL",
    "DELETE FROM issue WHERE id = 1",
)  # fmt: skip

ODD = [
    "VALUES (1, 'a'), (2, NULL)",
    "SELECT * FROM (VALUES (1), (2)) JOIN issue",
    "VALUES (1) UNION SELECT n FROM issue",
    "SELECT 1 WHERE 0",
    "SELECT ALL n FROM issue",
    "SELECT n AS [a b], title \"c\"\"d\", state `e`, id 'f' FROM issue",
    'SELECT "select", [from where], `group`, "it""s" FROM "order"',
    'SELECT "select" AS "from" FROM "order" AS "where" ORDER BY "from"',
    "SELECT n FROM issue WHERE title == 'a' OR title <> 'b' AND NOT n != 3",
    "SELECT id FROM issue WHERE n ISNULL OR title NOTNULL AND n NOT NULL",
    "SELECT id FROM issue WHERE n IS NOT DISTINCT FROM 1 OR n IS DISTINCT FROM title",
    "SELECT id FROM issue WHERE id IN both OR n IN ()",
    "SELECT id FROM issue WHERE (n, id) IN (SELECT a, a FROM loose) OR (n, id) = (SELECT 1, 2)",
    "SELECT id FROM issue WHERE (n, id) IN (VALUES (1, 2), (4, 1))",
    "SELECT id FROM issue ORDER BY id LIMIT 1, 2",
    "SELECT id FROM issue ORDER BY id LIMIT 1 + 1 OFFSET (SELECT 1)",
    "SELECT id FROM issue LIMIT -1 OFFSET -5",
    "SELECT id FROM issue INDEXED BY by_state WHERE state = 'open'",
    "SELECT id FROM issue NOT INDEXED WHERE state = 'open'",
    "SELECT CAST(n AS DOUBLE PRECISION), CAST(title AS UNSIGNED BIG INT) FROM issue",
    "SELECT 0x1F, 1e3, .5, 5., 1e-2, x'0aFF', TRUE, FALSE, NULL FROM issue",
    "SELECT -9223372036854775808, 9223372036854775808, - - n, + - + n, ~ ~n FROM issue",
    "SELECT n % 2, n << 1 | 1, n & -n, 7 / 2, 7 / 2.0, 'a' || 1 || NULL FROM issue",
    "SELECT title || n = 'a4', 1 < 2 = 1, NOT 1 = 2, 1 IS 1 IS 1 FROM issue",
    "SELECT n BETWEEN 1 AND 2 AND 3, n NOT BETWEEN 1 AND 2 FROM issue",
    "SELECT title LIKE 'A%' ESCAPE '!', title NOT LIKE '_', title GLOB '[a-b]', title NOT GLOB '*' FROM issue",
    "SELECT data -> '$.k', data ->> '$.k[0]', data ->> 'k' IS NULL FROM issue",
    "SELECT json_extract(data, '$.k') || '' ->> '$' FROM issue",
    "SELECT CASE WHEN n THEN 1 END, CASE n WHEN 1 THEN 'x' WHEN NULL THEN 'y' ELSE CASE 1 WHEN 1 THEN 2 END END FROM issue",
    "SELECT iif(n, 1, 2), coalesce(NULL, n), nullif(n, 0), max(n, 1), min(1, n, 2), likely(n), unlikely(1) FROM issue",
    "SELECT count(), count(*), count(n) FROM issue",
    "SELECT title, max(n) FROM issue",
    "SELECT title, n FROM issue GROUP BY state HAVING min(n)",
    "SELECT count(*) FROM issue HAVING 1",
    "SELECT state COLLATE BINARY, count(*) FROM issue GROUP BY 1, state COLLATE RTRIM ORDER BY 2 DESC NULLS LAST, 1",
    "SELECT n AS title FROM issue WHERE title > '' GROUP BY title ORDER BY title",
    "SELECT rowid, oid, _rowid_, issue.rowid, main.issue.oid FROM main.issue",
    "SELECT issue.*, * FROM issue AS issue",
    "SELECT * FROM issue, (issue AS i JOIN loose ON i.id = a)",
    "SELECT * FROM (issue JOIN loose ON id = a) AS j",
    "SELECT * FROM (((SELECT id FROM issue)))",
    "SELECT * FROM issue i NATURAL LEFT OUTER JOIN issue j",
    "SELECT * FROM issue JOIN issue j USING (id, n)",
    "SELECT * FROM issue NATURAL FULL OUTER JOIN loose",
    "SELECT i.id FROM issue i INNER JOIN loose l CROSS JOIN issue j ON l.a = i.id AND j.id = i.id",
    "SELECT * FROM issue LEFT JOIN loose ON 0 RIGHT JOIN issue k ON k.id = a",
    "SELECT (SELECT id), (SELECT id FROM issue WHERE id = i.id), EXISTS (VALUES (1)) FROM issue i",
    "SELECT id FROM issue i WHERE EXISTS (SELECT * FROM loose UNION ALL SELECT i.id, 1)",
    "SELECT id, (SELECT count(*) FROM (SELECT a FROM loose WHERE a = 1)) FROM issue",
    "SELECT id FROM issue GROUP BY id HAVING id = (SELECT max(issue.id) FROM loose)",
    "WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b, issue",
    "WITH a AS NOT MATERIALIZED (SELECT n FROM issue) SELECT * FROM a UNION ALL SELECT * FROM a",
    "WITH a(x) AS MATERIALIZED (VALUES (1), (2)) SELECT x, (WITH b AS (SELECT x AS z) SELECT z FROM b) FROM a, loose",
    "WITH issue AS (SELECT 1 AS id) SELECT * FROM issue, main.issue AS m",
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3) SELECT x, id FROM c, issue",
    "WITH RECURSIVE c(x) AS (VALUES (1) UNION SELECT n FROM issue JOIN c ON id = x ORDER BY 1 LIMIT 9) SELECT * FROM c",
    "SELECT id FROM issue UNION SELECT a FROM loose UNION ALL SELECT 1 EXCEPT SELECT 2 ORDER BY 1 COLLATE NOCASE LIMIT 3",
    "SELECT x, y FROM odd WHERE y LIKE '%!' ORDER BY x",
    "SELECT o.id, count(*) FROM both AS o LEFT JOIN issue ON issue.id = o.id GROUP BY 1",
    "SELECT key, value, j.type FROM issue, json_each(issue.data, '$.k') AS j",
    "SELECT name FROM pragma_table_info('issue')",
    "SELECT name, type FROM sqlite_schema WHERE name NOT LIKE '\\_%' ESCAPE '\\'",
    "SELECT sum(n) FILTER (WHERE id > 1), group_concat(DISTINCT title), group_concat(n, '') FROM issue",
    "SELECT sum(n) OVER w, ntile(2) OVER (w ORDER BY id), count(*) FILTER (WHERE n) OVER () FROM issue WINDOW w AS ()",
    "SELECT id, lag(n, 1, -1) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM issue",
    "SELECT row_number() OVER (ORDER BY sum(n)) AS r, state FROM issue GROUP BY state ORDER BY r",
    "SELECT DISTINCT count(*) OVER (PARTITION BY state), sum(n) OVER () FROM issue",
    "SELECT id FROM issue ORDER BY (SELECT count(*) FROM loose WHERE a = id), id COLLATE NOCASE DESC NULLS FIRST",
    "SELECT \"no such column\", 'open' FROM issue",
    "SELECT /* a ; b */ id -- c\n FROM issue /**/ ; -- d",
    "  \n\tSELECT\tid\nFROM\nissue\n;",
    "SELECT 'it''s', '\"', \"title\", '--', '/*', ';' FROM issue",
    "SELECT éa FROM (SELECT n AS éa FROM issue)",
    "SELECT a.b, a.a, b FROM loose a",
    "SELECT id AS n, n AS id FROM issue ORDER BY n, id",
    "SELECT id, id, id AS x, n + n, n + n FROM issue",
    "SELECT typeof(a), quote(b), hex(b), zeroblob(2), char(65, 66), unicode('a') FROM loose",
    "SELECT count(*) FROM issue i, issue j, issue k, loose, issue l WHERE i.id = j.id AND j.id = k.id AND k.id = l.id",
    "SELECT printf('%d %s %.2f', n, title, 1.5), format('%q', title), substr(title, -1), instr(title, 'a') FROM issue",
    "SELECT date(0, 'unixepoch'), strftime('%Y', 0, 'unixepoch'), julianday('2000-01-01') FROM issue",
    "SELECT total(n), avg(n), sum(n) * 1.0 / count(*) FROM issue WHERE 0",
    "SELECT id FROM issue WHERE CASE WHEN 1 THEN n ELSE 1 / 0 END",
    "SELECT id FROM issue WHERE n AND title",
    "SELECT abs(n), round(n / 3.0, 1), sign(n) FROM issue",
]  # fmt: skip


async def bag(db: Database, sql: str) -> list[str]:
    return sorted(repr(typed(tuple(row))) for row in await db.fetch(sql))


@pytest.mark.parametrize("sql", ODD)
async def test_odd_sql_is_live(sql: str) -> None:
    async with Database.open(":memory:") as db:
        for statement in (*SCHEMA, WRITES[0], WRITES[1]):
            await db.execute(statement)
        view = await db.live(sql)
        for statement in ("SELECT 1", *WRITES[2:]):
            await db.execute(statement)
            await db.settled()
            assert (view.status, sorted(repr(typed(tuple(row))) for row in view.rows())) == ("live", await bag(db, sql))
        assert view.explain().data["repairs"] == 0
