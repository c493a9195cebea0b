"""Random expressions and conditions over the sources of a query."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from .data import BAD, POOLS, Value, literal, value_for
from .schema import Column, Table, quote

__all__ = ["Expressions"]


class Expressions:
    """Expressions over `sources`; most never fail, `failing` does on some values. `params` fills as they are used."""

    def __init__(self, rng: Random, tables: Mapping[str, Table]) -> None:
        self.rng, self.tables = rng, tables
        self.sources: list[tuple[str, Table]] = []
        self.params: dict[str, Value] = {}
        self.features: set[str] = set()
        self.errs = False

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def param(self, value: Value) -> str:
        name = f"v{len(self.params) + 1}"
        self.params[name] = value
        self.features.add("parameter")
        return f":{name}"

    def column(self, kinds: str = "", at: int | None = None) -> tuple[str, Column, Table]:
        """Return (SQL, column, table) of some column whose kind is in `kinds`, if there is one."""
        options = [
            (alias, table, column)
            for number, (alias, table) in enumerate(self.sources)
            if at is None or number == at
            for column in table.columns
            if ((not kinds or column.kind in kinds) and column.kind != "w") or self.chance(0.02)
        ]
        if not options:
            options = [
                (a, t, c) for number, (a, t) in enumerate(self.sources) if at in (None, number) for c in t.columns
            ]
        alias, table, column = self.rng.choice(options)
        return self.ref(alias, column.name), column, table

    def ref(self, alias: str, name: str) -> str:
        if len(self.sources) == 1 and self.chance(0.4):
            return quote(name)
        return f"{quote(alias)}.{quote(name)}"

    def value(self, table: Table, column: Column) -> Value:
        if column.kind in BAD:
            return self.rng.choice(POOLS[column.kind])
        return value_for(self.rng, table, column)

    def constant(self, table: Table, column: Column, *, param: bool) -> str:
        value = self.value(table, column)
        if isinstance(value, bytes) and table.strict:
            value = 1
        return self.param(value) if param and self.chance(0.25) else literal(value)

    def scalar(self, depth: int = 0) -> str:
        """Return an expression that never fails."""
        rng = self.rng
        sql, column, table = self.column()
        if depth > 1 or self.chance(0.5):
            return sql
        inner = self.scalar(depth + 1)
        number = self.number()
        value = self.constant(table, column, param=True)
        return rng.choice(
            [
                f"{number} + {rng.randint(0, 3)}",
                f"{sql} || '-'",
                f"{sql} || {inner}",
                f"lower({sql})",
                f"length({inner})",
                f"typeof({inner})",
                f"coalesce({sql}, {value})",
                f"CASE WHEN {self.condition(depth + 1)} THEN {inner} ELSE {value} END",
                f"{sql} IS NULL",
                f"CAST({sql} AS {rng.choice(['INTEGER', 'TEXT', 'REAL', 'NUMERIC'])})",
                f"substr({sql}, 1, 1)",
                f"ifnull({sql}, 0)",
                f"nullif({sql}, {value})",
                f"{sql} = {value}",
                f"{sql} < ({inner})",
                f"-{number}",
                f"round({number} * 0.5, 1)",
                f"max({number}, 2)",
                f"min({sql}, {value})",
                f"iif({sql} > 1, 'big', {inner})",
                f"hex({sql})",
                f"instr({sql}, 'a')",
                f"quote({sql})",
                f"{number} % 3",
                f"{number} / 2",
                f"abs({number})",
                f"({sql} COLLATE {rng.choice(['NOCASE', 'RTRIM', 'BINARY'])})",
                f"+{sql}",
                f"NOT {sql}",
                f"printf('%s/%s', {sql}, {inner})",
                f"{number} & 3",
                f"({sql}, 1) < ({inner}, 2)",
                f"CASE {sql} WHEN {value} THEN 1 WHEN 'a' THEN 'x' END",
                f"unicode({sql})",
                f"replace({sql}, 'a', 'z')",
                f"trim({sql})",
                f"upper({sql})",
                f"{sql} LIKE 'a%'",
            ]
        )

    def number(self) -> str:
        sql, column, _ = self.column("nipu")
        return f"length({sql})" if column.kind == "a" else sql

    def failing(self) -> str:
        """Return an expression that fails on some values, where there is a column for it."""
        letters = [c.kind for _, t in self.sources for c in t.columns if c.kind in "ja"]
        if not letters:
            return self.scalar()
        self.errs = True
        self.features.add("may fail")
        sql, column, _ = self.column(self.rng.choice(letters))
        if column.kind == "j":
            return self.rng.choice([f"json_extract({sql}, '$.a')", f"{sql} ->> '$.a'", f"json_array_length({sql})"])
        return f"abs({sql})"

    def condition(self, depth: int = 0, at: int | None = None) -> str:
        """Return a condition that never fails."""
        rng = self.rng
        sql, column, table = self.column("", at)
        value = self.constant(table, column, param=True)
        if depth < 2 and self.chance(0.2):
            return f"({self.condition(depth + 1, at)} {rng.choice(['AND', 'OR'])} {self.condition(depth + 1, at)})"
        other, its, _ = self.column(column.kind, at)
        if column.kind == "e" or its.collation != column.collation:
            other = sql
        return rng.choice(
            [
                f"{sql} = {value}",
                f"{sql} = {value}",
                f"{sql} > {value}",
                f"{sql} <= {value}",
                f"{sql} <> {value}",
                f"{sql} IS {value}",
                f"{sql} IS NOT {value}",
                f"{sql} IN ({value}, {literal(self.value(table, column))})",
                f"{sql} IS NOT NULL",
                f"{sql} NOTNULL",
                f"{sql} BETWEEN {literal(self.value(table, column))} AND {value}",
                f"{sql} LIKE 'a%'",
                f"{sql} GLOB '[aA]*'",
                f"{sql} NOT LIKE '%b%'",
                f"NOT ({sql} = {value})",
                f"{sql} <= {other}",
                f"{sql} = {other}",
                f"{sql}",
                f"typeof({sql}) = 'text'",
                f"{sql} COLLATE NOCASE = 'A'",
                f"lower({sql}) = 'a'",
                f"{sql} NOT IN (1, 'a')",
                f"{value} = {sql}",
                f"{sql} NOT BETWEEN 1 AND 3",
                f"{sql} IS NULL",
                f"length({sql}) < 3",
                f"{sql} == {value}",
                f"{sql} != {value}",
                f"{sql} + 0 = 1",
                f"{sql} IS DISTINCT FROM {value}",
                f"{sql} LIKE '\\%' ESCAPE '\\'",
                f"({sql}, {other}) {rng.choice(['=', '<', '>=', 'IS NOT'])} ({value}, {other})",
                f"({sql}, 1) BETWEEN ({value}, 0) AND ({value}, 2)",
            ]
        )
