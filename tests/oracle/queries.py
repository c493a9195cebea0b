"""Random queries, each with the rule that must keep it and the text that defines it.

The defining order comes from the generator's own knowledge of keys, so the engine isn't trusted with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .schema import VALUES, Schema, Table, sql_literal

Sources = list[tuple[str, Table]]

AGGREGATES = (
    "count(*)",
    "count({})",
    "sum({})",
    "avg({})",
    "min({})",
    "max({})",
    "total({})",
    "sum({}) / 2",
    "min({})",
)
COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3)"


@dataclass
class Query:
    """`defining` is `sql` with the key appended to ORDER BY, None where the order is left to SQLite.

    `rules` are those by which the query may be kept. `loose`: grouped, so equal values of one group may show either
    way.
    """

    sql: str
    defining: str | None
    rules: tuple[str, ...]
    loose: bool
    params: int = 0


def random_query(rng: Random, schema: Schema) -> Query:
    """Return a query of any shape."""
    if rng.random() < 0.12:
        return _other(rng, schema)
    sources, text, left = _from(rng, schema)
    params = 0
    where = ""
    if rng.random() < 0.55:
        where = f" WHERE {condition(rng, sources)}"
        if rng.random() < 0.3:
            where += f" AND {_column(rng, sources)} {rng.choice(['=', '<>', '>'])} ?"
            params = 1
    body = f"{text}{where}"
    limit = ""
    zero = False
    if rng.random() < 0.4:
        count = rng.randint(0, 6)
        zero = count == 0
        limit = f" LIMIT {count}" + (f" OFFSET {rng.randint(0, 3)}" if rng.random() < 0.4 else "")
    shape = _grouped if rng.random() < 0.45 else _rows
    head, terms, key, rules, loose = shape(rng, sources, body, left=left)
    if zero:
        rules = ("re-run",)
    sql = head + (f" ORDER BY {', '.join(terms)}" if terms else "") + limit
    total = [*terms, *key]
    defining = head + (f" ORDER BY {', '.join(total)}" if total else "") + limit
    return Query(sql, sql if rules == ("re-run",) else defining, rules, loose, params)


def _from(rng: Random, schema: Schema) -> tuple[Sources, str, bool]:
    count = rng.choice([1, 1, 1, 2, 2, 3, 4])
    sources: Sources = [(f"s{at}", rng.choice(schema.tables)) for at in range(count)]
    text, left = f"{sources[0][1].name} AS s0", False
    for at in range(1, count):
        alias, table = sources[at]
        other, its = rng.choice(sources[:at])
        on = f"{alias}.{rng.choice(table.columns)} = {other}.{rng.choice(its.columns)}"
        if rng.random() < 0.2:
            on += f" AND {alias}.c1 {rng.choice(['<>', '>=', 'IS NOT'])} {_literal(rng)}"
        kind = "LEFT JOIN" if rng.random() < 0.3 else "JOIN"
        left = left or kind == "LEFT JOIN"
        text += f" {kind} {table.name} AS {alias} ON {on}"
    return sources, text, left


def _rows(
    rng: Random, sources: Sources, body: str, *, left: bool
) -> tuple[str, list[str], list[str], tuple[str, ...], bool]:
    outputs = [expression(rng, sources) for _ in range(rng.randint(1, 3))]
    pool = outputs + [expression(rng, sources) for _ in range(2)]
    terms = _order(rng, pool) if rng.random() < 0.7 else []
    key = [f"{alias}.{name}" for alias, table in sources for name in table.key]
    return f"SELECT {', '.join(outputs)} FROM {body}", terms, key, ("key",) if left else ("delta",), False


def _grouped(
    rng: Random, sources: Sources, body: str, *, left: bool
) -> tuple[str, list[str], list[str], tuple[str, ...], bool]:
    alias, table = sources[0]
    groups = [f"{alias}.{rng.choice(table.columns)}"]
    if not left and rng.random() < 0.5:
        groups = [expression(rng, sources, 1) for _ in range(rng.randint(1, 2))]
    if rng.random() < 0.15:
        groups = []
    aggregates = [rng.choice(AGGREGATES).format(expression(rng, sources, 1)) for _ in range(rng.randint(1, 3))]
    distinct = rng.random() < 0.12
    if distinct:
        aggregates.append(f"count(DISTINCT {_column(rng, sources)})")
    having = f" HAVING count(*) > {rng.randint(0, 2)}" if groups and rng.random() < 0.3 else ""
    by = f" GROUP BY {', '.join(groups)}" if groups else ""
    terms = _order(rng, aggregates) if rng.random() < 0.5 else []
    if any("COLLATE" in term for term in terms):
        rules: tuple[str, ...] = ("re-run",)  # SQLite passes an argument's COLLATE on to the aggregate's order
    elif groups:
        rules = ("key",) if left or distinct else ("delta",)
    else:
        rules = ("re-run",) if left or distinct else ("delta",)
    return f"SELECT {', '.join([*groups, *aggregates])} FROM {body}{by}{having}", terms, groups, rules, True


def _other(rng: Random, schema: Schema) -> Query:
    one, two = rng.choice(schema.tables).name, rng.choice(schema.tables).name
    sql, ordered = rng.choice(
        [
            (f"SELECT DISTINCT c0 FROM {one} ORDER BY 1", True),
            (f"SELECT count(*) FROM {one} WHERE c0 IN (SELECT c1 FROM {two})", True),
            (f"SELECT c0 FROM {one} UNION SELECT c1 FROM {two}", False),
            (f"SELECT c0 FROM {one} UNION ALL SELECT c1 FROM {two}", False),
            (f"SELECT c0 FROM {one} EXCEPT SELECT c1 FROM {two}", False),
            (f"SELECT c0, c1 FROM {one} AS a WHERE EXISTS (SELECT 1 FROM {two} AS b WHERE b.c0 = a.c0)", False),
            (f"WITH x AS (SELECT c0, count(*) AS n FROM {one} GROUP BY c0) SELECT n FROM x ORDER BY n", True),
            (f"{COUNTING} SELECT i, (SELECT count(*) FROM {one} WHERE c0 = i) FROM n ORDER BY i", True),
            (f"SELECT count(*) OVER (PARTITION BY c0) FROM {one} ORDER BY 1", True),
            (f"SELECT count(*), (SELECT max(id) FROM {two}) FROM {one}", True),
        ]
    )  # fmt: skip
    return Query(sql, sql if ordered else None, ("re-run",), loose=True)


def _order(rng: Random, pool: list[str]) -> list[str]:
    chosen = rng.sample(pool, min(len(pool), rng.randint(1, 2)))
    return [
        term + rng.choice(["", " DESC"]) + rng.choice(["", "", "", " NULLS LAST", " NULLS FIRST"]) for term in chosen
    ]


def _column(rng: Random, sources: Sources) -> str:
    alias, table = rng.choice(sources)
    return f"{alias}.{rng.choice(table.columns)}"


def _literal(rng: Random) -> str:
    return sql_literal(rng.choice(VALUES))


def expression(rng: Random, sources: Sources, depth: int = 0) -> str:
    """Return an expression; some fail on some rows (malformed JSON, abs of text is fine)."""
    column, draw = _column(rng, sources), rng.random()
    if depth > 1 or draw < 0.5:
        return column
    if draw < 0.6:
        return f"({column} || {expression(rng, sources, depth + 1)})"
    if draw < 0.7:
        return f"({column} + {rng.randint(0, 3)})"
    if draw < 0.75:
        return f"coalesce({column}, {_literal(rng)})"
    if draw < 0.8:
        when = condition(rng, sources, depth + 1)
        return f"CASE WHEN {when} THEN {expression(rng, sources, depth + 1)} ELSE {_literal(rng)} END"
    if draw < 0.85:
        return f"typeof({column})"
    if draw < 0.9:
        return f"CAST({column} AS {rng.choice(['TEXT', 'INTEGER', 'REAL'])})"
    if draw < 0.95:
        return rng.choice([f"abs({column})", f"json_extract({column}, '$')", f"upper({column})"])
    return f"({column} COLLATE {rng.choice(['NOCASE', 'BINARY', 'RTRIM'])})"


def condition(rng: Random, sources: Sources, depth: int = 0) -> str:
    """Return a condition."""
    draw, value = rng.random(), expression(rng, sources, depth + 1)
    if draw < 0.45:
        other = _literal(rng) if rng.random() < 0.6 else expression(rng, sources, depth + 1)
        return f"{value} {rng.choice(['=', '<>', '<', '>=', 'IS', 'IS NOT'])} {other}"
    if draw < 0.55:
        return f"{value} IS NOT NULL"
    if draw < 0.65:
        return f"{value} IN ({_literal(rng)}, {_literal(rng)})"
    if draw < 0.72:
        return f"{value} LIKE '{rng.choice('ab1')}%'"
    if draw < 0.8:
        return f"{value} BETWEEN {_literal(rng)} AND {_literal(rng)}"
    if depth < 2 and draw < 0.9:
        return (
            f"({condition(rng, sources, depth + 1)} {rng.choice(['AND', 'OR'])} {condition(rng, sources, depth + 1)})"
        )
    return f"NOT ({value} = {_literal(rng)})"
