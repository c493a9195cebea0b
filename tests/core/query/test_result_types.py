"""Result types: text of an expression, and what its column is declared for."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from eddyline.core.query.parse import parse
from eddyline.core.query.result_types import result_types
from eddyline.core.schema.catalog import Catalog

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, i INT, r REAL, s VARCHAR(9), b BLOB, any, num DATE)"


def types(sql: str) -> tuple[str | None, ...]:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute(TABLE)
        return result_types(parse(sql, catalog := Catalog(conn), conn), catalog)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("id, i, r, s, b, any, num", ("int", "int", "float", "str", "bytes", None, None)),
        ("1, 1.5, .5, 'x', x'00', NULL, TRUE", ("int", "float", "float", "str", "bytes", None, "int")),
        ("i = 1, NOT i, i IS NULL, i IN (1, 2), i BETWEEN 1 AND 2, s LIKE 'x'", ("int",) * 6),
        ("i + 1, i * r, i + s, i << 1, -r, s || i", ("int", "float", None, "int", "float", "str")),
        ("CAST(s AS INTEGER), CAST(i AS TEXT), CAST(i AS BLOB)", ("int", "str", "bytes")),
        ("CASE WHEN i THEN r ELSE NULL END, CASE WHEN i THEN r ELSE s END", ("float", None)),
        ("coalesce(i, 0), ifnull(s, 1), iif(i, r, r), length(s), upper(s)", ("int", None, "float", "int", "str")),
        ("count(*), sum(i), sum(r), sum(s), avg(i), total(i), min(s), group_concat(i)",
         ("int", "int", "float", None, "float", "float", "str", "str")),
        ("(SELECT max(u.r) FROM t u WHERE u.i = t.i), EXISTS (SELECT 1 FROM t u)", ("float", "int")),
        ("any ->> '$.a', :x", (None, None)),
    ],
)  # fmt: skip
def test_expression_has_its_type(expr: str, expected: tuple[str | None, ...]) -> None:
    assert types(f"SELECT {expr} FROM t") == expected
