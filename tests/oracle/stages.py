"""Random queries in several stages: groups, ranks, first rows in FROM, joined, grouped again, used twice; full joins.

What passes from one stage to the next is a value that SQLite leaves no choice of: a column under BINARY of one type, a
count, a sum of whole numbers or quarters. Rows have no order of their own here, so they are compared as a bag.
"""

from __future__ import annotations

from collections.abc import Callable

from .planned import Planned
from .query import PARAMETER, Query, Rule
from .schema import Column, Table, quote

__all__ = ["Stages"]

STEADY = "nti"


class Stages(Planned):
    """Makes one query that is kept over tables of its own."""

    def make(self) -> Query:
        forms: list[Callable[[], str]] = [
            self._groups_joined, self._groups_joined, self._groups_again, self._used_twice, self._windows_over_groups,
            self._first_of_each, self._distinct_groups, self._top, self._compound, self._outer_join, self._outer_join,
            self._beyond_the_first, self._in_groups,
        ]  # fmt: skip
        form = self.rng.choice(forms)
        sql = form()
        params = {name: value for name, value in self.params.items() if name in PARAMETER.findall(sql)}
        keyed = all(table.key for _, table in self.sources)
        worst: Rule = "key" if keyed and not self.unsure else "re-run"
        return Query(
            f"stages{form.__name__}", sql, sql, worst=worst, params=params, signals=frozenset(params),
            features=frozenset({"stages", *self.features}),
        )  # fmt: skip

    def _body(self, *, left: bool | None = None) -> str:
        """Return FROM and WHERE of one stage."""
        joined = self._from()
        while left is not None and joined != left:
            self.sources.clear()
            self.features -= {"left join", "right join", "self join", "natural join", "subquery in a left join"}
            self._pending.clear()
            joined = self._from()
        where = f" WHERE {self._where(left=joined)}" if self.chance(0.5) else ""
        return f" FROM {self.source}{self._join_conditions(where)}"

    def _steady(self, at: int | None = None) -> str:
        """Return a column whose equal values are always the same."""
        options = [
            f"{quote(alias)}.{quote(column.name)}"
            for number, (alias, table) in enumerate(self.sources)
            if at is None or number == at
            for column in table.columns
            if column.kind in STEADY and not column.generated
        ]
        return self.rng.choice(options) if options else "1"

    def _measure(self) -> str:
        number = self.column("nr")
        shown = number[0] if number[1].kind in "nr" else "1"
        return self.rng.choice(["count(*)", f"count({self._steady()})", f"sum({shown})", f"max({self._steady()})"])

    def _grouped(self) -> str:  # type: ignore[override]  # of one stage
        """Return a SELECT of groups as c0, n, s."""
        body, by = self._body(), self._steady()
        having = f" HAVING count(*) {self.rng.choice(['>', '<'])} {self.rng.choice([1, 2])}" if self.chance(0.2) else ""
        return f"SELECT {by} AS c0, count(*) AS n, {self._measure()} AS s{body} GROUP BY {by}{having}"

    def _beside(self) -> tuple[str, str, str]:  # type: ignore[override]  # a table beside a stage
        """Return a table as a source, and two columns of it."""
        table = self.rng.choice([t for t in self.tables.values() if t.key] or list(self.tables.values()))
        self.sources.append(("s9", table))
        return f"{quote(table.name)} AS s9", self._joinable(table), self._joinable(table)

    def _joinable(self, table: Table) -> str:
        columns: list[Column] = [c for c in table.columns if c.kind not in "wjbae"] or list(table.columns)
        return f"s9.{quote(self.rng.choice(columns).name)}"

    def _in_from(self, select: str) -> tuple[str, str]:
        """Return what stands before SELECT and in FROM."""
        if self.chance(0.4):
            hint = self.rng.choice(["", "", " MATERIALIZED", " NOT MATERIALIZED"])
            return f"WITH z AS{hint} ({select}) ", "z"
        return "", f"({select}) AS z"

    def _asked(self) -> str:
        forms = ["z.n > 1", "z.n = 1", "z.s IS NOT NULL", "z.c0 > 1", "z.c0 = z.s", "z.c0 || '' = 'a'", "z.n < z.c0"]
        return f" WHERE {self.rng.choice(forms)}" if self.chance(0.5) else ""

    def _groups_joined(self) -> str:
        head, source = self._in_from(self._grouped())
        if self.chance(0.3):
            return f"{head}SELECT z.c0, z.n, z.s FROM {source}{self._asked()}"
        beside, first, second = self._beside()
        on = f"{first} = z.{self.rng.choice(['c0', 'c0', 'n', 's'])}"
        joined = self.rng.choice(
            [f"{source} JOIN {beside} ON {on}", f"{beside} LEFT JOIN {source} ON {on}",
             f"{source} LEFT JOIN {beside} ON {on}", f"{beside} JOIN {source} ON {on}"]
        )  # fmt: skip
        return f"{head}SELECT {second}, z.c0, z.n FROM {joined}{self._asked()}"

    def _groups_again(self) -> str:
        head, source = self._in_from(self._grouped())
        by = self.rng.choice(["n", "s", "c0 > 1"])
        what = self.rng.choice(["count(*)", "sum(z.n)", "max(z.c0)", "count(DISTINCT z.s)", "count(z.c0)"])
        if self.chance(0.3):
            return f"{head}SELECT {what}, avg(z.n) FROM {source}{self._asked()}"
        return f"{head}SELECT z.{by}, {what} FROM {source}{self._asked()} GROUP BY z.{by}"

    def _used_twice(self) -> str:
        self.features.add("used twice")
        join = self.rng.choice(["JOIN", "LEFT JOIN"])
        on = self.rng.choice(["x.n < y.n", "x.c0 = y.s", "x.n = y.n AND x.c0 <> y.c0"])
        return f"WITH z AS ({self._grouped()}) SELECT x.c0, x.n, y.c0, y.s FROM z AS x {join} z AS y ON {on}"

    def _windows_over_groups(self) -> str:
        self.features.add("windows over groups")
        body, by = self._body(), self._steady()
        windows = [
            f"sum(count(*)) OVER (ORDER BY {by})", "rank() OVER (ORDER BY count(*) DESC)",
            f"count(*) OVER (PARTITION BY {by} IS NULL)", f"lag(count(*)) OVER (ORDER BY {by})",
            f"row_number() OVER (PARTITION BY count(*) ORDER BY {by})",
        ]  # fmt: skip
        shown = ", ".join(self.rng.sample(windows, self.rng.choice([1, 2])))
        return f"SELECT {by}, {self._measure()}, {shown}{body} GROUP BY {by}"

    def _first_of_each(self) -> str:
        self.features.add("first of each")
        body = self._body()
        keys = ", ".join(f"{quote(alias)}.{quote(part)}" for alias, table in self.sources for part in table.key)
        order = ", ".join([self._steady(), *([keys] if keys else [])])
        ranked = f"row_number() OVER (PARTITION BY {self._steady()} ORDER BY {order}) AS n"
        head, source = self._in_from(f"SELECT {self._steady()} AS c0, {self.column()[0]} AS s, {ranked}{body}")
        return f"{head}SELECT z.c0, z.s, z.n FROM {source} WHERE z.n <= {self.rng.choice([1, 2])}"

    def _distinct_groups(self) -> str:
        body, by = self._body(), self._steady()
        return f"SELECT DISTINCT count(*), {self._measure()}{body} GROUP BY {by}"

    def _top(self) -> str:
        self.features.add("limit in FROM")
        body = self._body()
        keys = ", ".join(f"{quote(alias)}.{quote(part)}" for alias, table in self.sources for part in table.key)
        order = f"{self._steady()}{self.rng.choice(['', ' DESC'])}{', ' + keys if keys else ''}"
        limit = self.rng.choice([1, 2, 4])
        size = self.param(limit) if self.chance(0.2) else str(limit)
        offset = f" OFFSET {self.rng.choice([0, 1, 2])}" if self.chance(0.3) else ""
        inner = (
            f"SELECT {self._steady()} AS c0, {self._steady()} AS s, 1 AS n{body} ORDER BY {order} LIMIT {size}{offset}"
        )
        head, source = self._in_from(inner)
        if self.chance(0.5):
            return f"{head}SELECT * FROM {source}"
        beside, first, second = self._beside()
        return (
            f"{head}SELECT z.s, {second} FROM {source} {self.rng.choice(['', 'LEFT '])}JOIN {beside} ON {first} = z.c0"
        )

    def _compound(self) -> str:
        self.features.add("compound in FROM")
        number = [(t, c) for t in self.tables.values() for c in t.columns if c.kind == "n" and t.key]
        if not number:
            return f"SELECT count(*) FROM ({self._grouped()})"
        parts = []
        for _ in range(self.rng.choice([2, 2, 3])):
            table, column = self.rng.choice(number)
            kept = f" WHERE {quote(column.name)} {self.rng.choice(['> 1', 'IS NOT NULL', '< 4'])}"
            parts.append(
                f"SELECT {quote(column.name)} AS c0 FROM {quote(table.name)}{kept if self.chance(0.5) else ''}"
            )
        word = self.rng.choice([" UNION ALL ", " UNION ALL ", " UNION ", " EXCEPT ", " INTERSECT "])
        head, source = self._in_from(word.join(parts))
        if self.chance(0.5):
            return f"{head}SELECT z.c0, count(*) FROM {source} GROUP BY z.c0"
        beside, first, second = self._beside()
        return f"{head}SELECT z.c0, {second} FROM {source} JOIN {beside} ON {first} = z.c0"

    def _outer_join(self) -> str:
        tables = [t for t in self.tables.values() if t.key] or list(self.tables.values())
        count = self.rng.choice([2, 2, 3])
        self.sources = [(f"s{at}", self.rng.choice(tables)) for at in range(count)]
        joins = ["FULL JOIN"] if count == 2 else self.rng.choice(
            [["JOIN", "RIGHT JOIN"], ["LEFT JOIN", "RIGHT JOIN"], ["FULL JOIN", "JOIN"], ["FULL JOIN", "LEFT JOIN"],
             ["JOIN", "FULL JOIN"], ["FULL JOIN", "FULL JOIN"], ["RIGHT JOIN", "FULL JOIN"]]
        )  # fmt: skip
        self.features.add("full join" if "FULL JOIN" in joins else "right join behind another")
        text = f"{quote(self.sources[0][1].name)} AS s0"
        if self.chance(0.3):
            return self._outer_join_using(text, joins)
        for at, join in enumerate(joins, 1):
            mine, its = self.pair(self.sources[at][1], self.sources[at - 1][1], mixed=False)
            on = f"s{at}.{quote(mine.name)} = s{at - 1}.{quote(its.name)}"
            on += f" AND {self._qualified_condition(at)}" if self.chance(0.2) else ""
            text += f" {join} {quote(self.sources[at][1].name)} AS s{at} ON {on}"
        where = f" WHERE {self._qualified_condition(self.rng.randrange(count))}" if self.chance(0.3) else ""
        if self.chance(0.3):
            by = self._steady()
            return f"SELECT {by}, count(*) FROM {text}{where} GROUP BY {by}"
        shown = [self.column("", self.rng.randrange(count))[0] for _ in range(3)]
        return f"SELECT {', '.join(shown)} FROM {text}{where}"

    def _outer_join_using(self, text: str, joins: list[str]) -> str:
        """Return a query whose outer joins are by a column that all tables have; its bare name is of them all."""
        table = self.sources[0][1]
        self.sources = [(alias, table) for alias, _ in self.sources]
        column = self.rng.choice([c for c in table.columns if c.kind in "nt"] or list(table.columns))
        name = quote(column.name)
        self.features.add("outer join using")
        for at, join in enumerate(joins, 1):
            text += f" {join} {quote(table.name)} AS s{at} USING ({name})"
        other = self.column("", len(joins))[0]
        if self.chance(0.3):
            return f"SELECT {name}, count(*) FROM {text} GROUP BY {name}"
        shown = self.rng.choice(
            [f"{name}, {other}", f"s0.{name} AS a, {name}, {other} AS b", f"upper({name}) AS a, {other}"]
        )
        if not self.chance(0.3):
            return f"SELECT {shown} FROM {text}"
        self.unsure = True  # where the column is NOT NULL, SQLite drops a part of its own form of the condition alone
        return f"SELECT {shown} FROM {text} WHERE {name} IS NOT NULL"

    def _beyond_the_first(self) -> str:
        self.features.add("grouped beyond the first")
        body, by = self._body(left=True), self._steady(-1 if len(self.sources) < 2 else len(self.sources) - 1)
        if self.chance(0.2):
            return f"SELECT DISTINCT {by}, {self._steady()}{body}"
        having = " HAVING count(*) > 1" if self.chance(0.3) else ""
        return f"SELECT {by}, {self._measure()}{body} GROUP BY {by}{having}"

    def _in_groups(self) -> str:
        grouped = self._grouped()
        beside, first, second = self._beside()
        no = self.rng.choice(["", "NOT "])
        if self.chance(0.3):
            return f"SELECT {first}, (SELECT count(*) FROM ({grouped}) AS z WHERE z.c0 = {second}) FROM {beside}"
        return f"SELECT {first}, {second} FROM {beside} WHERE {first} {no}IN (SELECT z.s FROM ({grouped}) AS z)"
