"""Random queries that are to be kept by delta or key: joins, left joins, groupings, ORDER BY, LIMIT.

`worst` is the worst rule that may keep what was made: a query that is re-run though it need not be is a fault, too.
"""

from __future__ import annotations

import re
from dataclasses import replace

from .nested import Nested
from .query import PARAMETER, Looseness, Query, Rule, Style
from .schema import Table, quote

__all__ = ["Planned"]

FOLD: dict[str, Looseness] = {"c": "nocase", "x": "any", "e": "rtrim", "m": "number", "k": "nocase", "p": "nocase"}
# by GROUP BY 1 and ORDER BY x COLLATE y SQLite sorts twice, by GROUP BY x COLLATE y once
RERUN = re.compile(r"COLLATE .*GROUP BY 1 .*ORDER BY .*COLLATE")


class Planned(Nested):
    """Makes one query that should be kept by delta or key: joins, left joins, subqueries, groups."""

    def make(self) -> Query:
        left = self._from()
        where = f" WHERE {self._where(left=left)}" if self.chance(0.6) else ""
        if self.chance(0.28):
            where = f"{where} AND " if where else " WHERE "
            where += self.nested_condition()
        if self.chance(0.45):
            return self._grouped(where, left=left)
        return self._plain(where, left=left)

    def _from(self) -> bool:
        """Choose the sources, write FROM; return whether there is a left join."""
        rng = self.rng
        count = rng.choices([1, 2, 3, 4], [38, 36, 18, 8])[0]
        names = list(self.tables)
        left = rng.random() < 0.35 and count > 1
        parts: list[str] = []
        aliased = self.chance(0.7)
        comma = False
        for at in range(count):
            table = self.tables[rng.choice(names)]
            if at and self.chance(0.5):
                table = self._relative() or table
            bare = not aliased and table.name not in [alias for alias, _ in self.sources]
            alias = table.name if bare else rng.choice([f"s{at}", f"q{at}"])
            if table.name in [t.name for _, t in self.sources]:
                self.features.add("self join")
            self.sources.append((alias, table))
            source = quote(table.name) + ("" if bare else f"{rng.choice([' AS', ''])} {quote(alias)}")
            if not at:
                parts.append(source)
                continue
            on = self._on(at)
            outer = left and (self.chance(0.65) or (at == count - 1 and "left join" not in self.features))
            if outer:
                self.features.add("left join")
                if self.chance(0.08):
                    on += f" AND {self.nested_condition()}"
                    self.features.add("subquery in a left join")
                side = "LEFT"
                if at == 1 and self.chance(0.25):
                    side = "RIGHT"
                    self.features.add("right join")
                parts.append(f" {side} {rng.choice(['', 'OUTER '])}JOIN {source} ON {on}")
            elif count == 2 and self.chance(0.06):
                self.features.add("natural join")
                parts.append(f" NATURAL {rng.choice(['', 'INNER '])}JOIN {source}")
            elif comma or self.chance(0.12):
                comma = True
                self._pending.append(on)
                parts.append(f", {source}" if not left and self.chance(0.8) else f" CROSS JOIN {source}")
            else:
                if self.chance(0.05):
                    on += f" AND {self.nested_condition()}"
                parts.append(f" {rng.choice(['', '', 'INNER '])}JOIN {source} ON {on}")
        self.source = "".join(parts)
        if "right join" in self.features and " RIGHT " in self.source:
            self.sources[:2] = reversed(self.sources[:2])
        return "left join" in self.features

    @property
    def _pending(self) -> list[str]:
        return self.__dict__.setdefault("pending", [])  # type: ignore[no-any-return]  # conditions of comma joins

    def _relative(self) -> Table | None:
        """Return a parent or child of a source."""
        holders = [t for t in self.tables.values() if t.of("p")]
        return self.rng.choice(holders) if holders else None

    def _on(self, at: int) -> str:
        """Return a join condition between source `at` and one before it."""
        rng = self.rng
        alias, table = self.sources[at]
        other_alias, other = self.sources[rng.randrange(at)]
        refs, keys = table.of("p"), [c for c in other.columns if c.name in other.pk or c.name == "id"]
        if not refs or (other.of("p") and self.chance(0.4)):
            refs, keys = [c for c in table.columns if c.name in table.pk], other.of("p")
        pairs = list(zip(refs, keys, strict=False)) if len(refs) <= len(keys) and self.chance(0.75) else []
        if not pairs or (at > 1 and not all(a.collation == b.collation for a, b in pairs)):
            pairs = [self.pair(table, other, mixed=at < 2)]
        operator = "=" if self.chance(0.9) else rng.choice(["<", "IS", ">=", "<>"])
        sides = [f"{quote(alias)}.{quote(a.name)} {operator} {quote(other_alias)}.{quote(b.name)}" for a, b in pairs]
        if self.chance(0.2):
            sides.append(self._qualified_condition(at))
        return " AND ".join(sides)

    def _qualified_condition(self, at: int) -> str:
        alias, table = self.sources[at]
        column = self.rng.choice([c for c in table.columns if c.kind != "w"] or list(table.columns))
        name = f"{quote(alias)}.{quote(column.name)}"
        value = self.constant(table, column, param=True)
        return self.rng.choice(
            [f"{name} = {value}", f"{name} > {value}", f"{name} IS NOT {value}", f"{name} IS NOT NULL"]
        )

    def _where(self, *, left: bool) -> str:
        if len(self.sources) == 1 and self.chance(0.1):
            failing = self.failing()
            if self.errs:
                return f"{failing} IS NOT NULL"
        if left and self.chance(0.2):
            return f"{self.column('', len(self.sources) - 1)[0]} IS NULL"
        return " AND ".join(self.condition() for _ in range(self.rng.choice([1, 1, 1, 2])))

    def _join_conditions(self, where: str) -> str:
        if not self._pending:
            return where
        joined = " AND ".join(self._pending)
        return f" WHERE {joined}" + (f" AND ({where.removeprefix(' WHERE ')})" if where else "")

    def _plain(self, where: str, *, left: bool) -> Query:
        rng = self.rng
        where = self._join_conditions(where)
        items: list[tuple[str, str]] = []
        if self.chance(0.08) and not any(len(t.columns) > 30 for _, t in self.sources):
            items.append(("*" if self.chance(0.5) else f"{quote(rng.choice(self.sources)[0])}.*", ""))
        else:
            for at in range(rng.randint(1, 4)):
                sql = self.failing() if self.chance(0.06) else self.scalar()
                items.append((sql, rng.choice(["", "", f"o{at}"])))
            if self.chance(0.5):
                key = self.sources[0][1].key
                if key:
                    items.append((f"{quote(self.sources[0][0])}.{quote(key[0])}", "first"))
        if self.chance(0.05):
            items.append((self.nested_value(), rng.choice(["", "o9"])))
        if self.chance(0.07):
            items.append((self.lookup(), rng.choice(["", "o8"])))
        order = [self._term(items) for _ in range(rng.choice([0, 1, 1, 2]))]
        limit = "" if self.errs else self._limit()
        shape = "plain" if len(self.sources) == 1 else f"join{len(self.sources)}"
        worst: Rule = "key" if left or self.nested else "delta"
        if any(not table.key for _, table in self.sources):
            worst = "re-run"
        return self._query(
            f"left {shape}" if left else shape, items, where, order, limit, worst,
            keys=tuple((alias, table.name) for alias, table in self.sources), loose=(),
        )  # fmt: skip

    def _grouped(self, where: str, *, left: bool) -> Query:
        rng = self.rng
        where = self._join_conditions(where)
        groups: list[tuple[str, Looseness]] = []
        dependent: list[str] = []
        first_only = left and self.chance(0.8)
        how = rng.random()
        alias, table = self.sources[0]
        if how < 0.12:
            self.features.add("one group")
        elif how < 0.3 and table.pk and table.key:
            key = table.pk if table.without_rowid or "id" in table.pk else table.key
            groups = [(f"{quote(alias)}.{quote(name)}", self._fold(name)) for name in key]
            others = [c for c in table.columns if c.kind not in "jwab" and c.name not in key and not c.pk]
            dependent = [f"{quote(alias)}.{quote(c.name)}" for c in rng.sample(others, min(2, len(others)))]
            self.features.add("group by key")
        else:
            for _ in range(rng.choice([1, 1, 2])):
                if self.chance(0.75):
                    sql, column, _t = self.column("ntcermxpuk", 0 if first_only else None)
                    groups.append((sql, self._fold(column.name)))
                else:
                    sql, column, _t = self.column("ntrmxpuk", 0 if first_only else None)
                    forms: list[tuple[str, Looseness]] = [
                        (f"lower({sql})", ""), (f"typeof({sql})", ""), (f"coalesce({sql}, 0)", "any"),
                        (f"{sql} IS NULL", ""), (f"substr({sql}, 1, 1)", ""), (f"{sql} COLLATE NOCASE", "any"),
                        (f"length({sql})", ""),
                    ]  # fmt: skip
                    groups.append(rng.choice(forms))
        items: list[tuple[str, str]] = []
        loose: list[Looseness] = []
        orderable: list[str] = []
        for at, (sql, fold) in enumerate(groups):
            if self.chance(0.85):
                items.append((sql, rng.choice(["", f"g{at}"])))
                loose.append(fold)
            orderable.append(sql)
        for sql in dependent:
            items.append((sql, ""))
            loose.append("")
        if groups and how >= 0.3 and self.chance(0.15):
            return self._distinct(groups, where, left=left)
        worst: Rule = "key" if left or self.nested else "delta"
        if left and not all(self._of_first(sql) for sql, _ in groups):
            worst = "re-run"
        if self.chance(0.06):
            items.append((self._beside(groups), ""))
            loose.append("")
            worst = "key" if worst == "delta" else worst
        for at in range(rng.randint(1, 3)):
            sql, fold, steady, rank = self._aggregate()
            items.append((sql, rng.choice(["", f"agg{at}"])))
            loose.append(fold)
            if steady:
                orderable.append(sql)
            if rank == "key" and worst == "delta":
                worst = "key"
        having = ""
        if groups and self.chance(0.3):
            alias_of = [
                name for (sql, name), fold in zip(items, loose, strict=True) if name and "(" in sql and not fold
            ]
            plain = [sql for sql in orderable if re.match(r"(count|sum|avg|min|max|total)\(", sql)]
            subject = rng.choice(["count(*)", "count(*)", *plain, *[name for name in alias_of if name[0] == "a"]])
            than = rng.choice(["0", "1", "2", "3", self.param(1)])
            having = f" HAVING {subject} {rng.choice(['>', '>=', '<>', '<'])} {than}"
        order: list[str] = []
        if orderable and groups:
            named = [n for (sql, n) in items if n and sql in orderable]
            spots = [str(at) for at, (sql, _) in enumerate(items, 1) if sql in orderable]
            pool = [*orderable, *named, *spots[:1]]
            chosen = rng.sample(pool, min(len(pool), rng.choice([0, 1, 1, 2])))
            order = [self._direction(term, collate=False) for term in chosen]
        by = ""
        if groups:
            terms = [sql for sql, _ in groups]
            if items and items[0][0] == terms[0] and self.chance(0.15):
                terms = ["1" if not items[0][1] or self.chance(0.5) else items[0][1], *terms[1:]]
                if terms[0] != "1" and any(c.name == terms[0] for _, t in self.sources for c in t.columns):
                    terms[0] = "1"
            by = f" GROUP BY {', '.join(terms)}"
        if any(not table.key for _, table in self.sources):
            worst = "re-run"
        limit = "" if self.errs else self._limit()
        shape = ("left " if left else "") + f"group{len(self.sources)}"
        return self._query(
            shape,
            items,
            f"{where}{by}{having}",
            order,
            limit,
            worst,
            groups=tuple(sql for sql, _ in groups),
            loose=tuple(loose),
        )

    def _beside(self, groups: list[tuple[str, Looseness]]) -> str:
        """Return a subquery that stands beside the groups, correlated with a group's value or not at all."""
        self.features.add("subquery beside groups")
        self.nested += 1
        table = self.rng.choice(list(self.tables.values()))
        column = self._column([("n9", table)])
        by = [sql for sql, fold in groups if not fold and re.fullmatch(r'[\w."]+', sql)]
        kept = f" WHERE {column} = {self.rng.choice(by)}" if by and self.chance(0.7) else ""
        return f"(SELECT count({column}) FROM {quote(table.name)} AS n9{kept})"

    def _distinct(self, groups: list[tuple[str, Looseness]], where: str, *, left: bool) -> Query:
        """Return SELECT DISTINCT of `groups`."""
        self.features.add("distinct")
        items = [(sql, self.rng.choice(["", f"g{at}"])) for at, (sql, _) in enumerate(groups)]
        pool = [*(sql for sql, _ in items), *(name for _, name in items if name), "1"]
        order = [self._direction(t, collate=False) for t in self.rng.sample(pool, self.rng.choice([0, 1]))]
        worst: Rule = "key" if left or self.nested else "delta"
        if left and not all(self._of_first(sql) for sql, _ in groups):
            worst = "re-run"
        shape = ("left " if left else "") + f"distinct{len(self.sources)}"
        items[0] = (f"DISTINCT {items[0][0]}", items[0][1])
        return self._query(
            shape, items, where, order, self._limit(), worst, groups=tuple(sql for sql, _ in groups),
            loose=tuple(fold for _, fold in groups),
        )  # fmt: skip

    def _of_first(self, sql: str) -> bool:
        prefix = f"{quote(self.sources[0][0])}."
        return prefix in sql and not any(f"{quote(alias)}." in sql for alias, _ in self.sources[1:])

    def _fold(self, name: str) -> Looseness:
        return FOLD.get(name[0].lower(), "")

    def _aggregate(self) -> tuple[str, Looseness, bool, Rule]:
        """Return (SQL, what is left to choice, whether order and HAVING may use it, the worst rule)."""
        rng = self.rng
        draw = rng.random()
        if draw < 0.2:
            return "count(*)", "", True, "delta"
        if draw < 0.3:
            return f"count({self.column()[0]})", "", True, "delta"
        if draw < 0.62:
            sql, column, _ = self.column("nnnrrmxubf")
            if column.kind == "b":
                self.errs = True
                self.features.add("may fail")
                return f"sum({sql})", "", True, "delta"
            if column.kind not in "nrmxuf":
                return f"sum({sql} IS NULL)", "", True, "delta"
            name = rng.choice(["sum", "sum", "avg", "total"])
            text = f"{name}({sql})"
            if self.chance(0.2) and column.kind != "f":
                text = rng.choice([f"coalesce({text}, 0)", f"{text} * 2", f"round({text}, 2)", f"{text} / count(*)"])
            return text, "", column.kind != "f" and "/" not in text, "delta"
        if draw < 0.88:
            sql, column, _ = self.column("nterrmcxukp")
            if column.kind in "jab":
                return f"max(length({sql}))", "", True, "delta"
            fold = self._fold(column.name)
            return f"{rng.choice(['min', 'max'])}({sql})", fold, fold in ("", "number"), "delta"
        sql, column, _ = self.column("ntcmx")
        self.features.add("no accumulator")
        forms: list[tuple[str, Looseness, bool, Rule]] = [
            (f"count(DISTINCT {sql})", "", True, "key"),
            (f"sum({self.column('n')[0]}) FILTER (WHERE {self.condition(2)})", "", False, "delta"),
            (f"count(*) FILTER (WHERE {self.condition(2)})", "", True, "delta"),
            (f"min({self.column('n')[0]}) FILTER (WHERE {self.condition(2)})", "number", False, "delta"),
            (f"sum(DISTINCT {self.column('n')[0]})", "", False, "key"),
        ]
        return rng.choice(forms)

    def _term(self, items: list[tuple[str, str]]) -> str:
        names = [name for sql, name in items if name and name != "first"]
        spots = [str(at) for at, (sql, _) in enumerate(items, 1) if "*" not in sql]
        if spots and self.chance(0.15):
            return self._direction(self.rng.choice(spots))
        if names and self.chance(0.3):
            return self._direction(self.rng.choice(names))
        return self._direction(self.column()[0] if self.chance(0.7) else self.scalar(1))

    def _direction(self, term: str, *, collate: bool = True) -> str:
        """Return `term` with a direction. Never a collation over a group: it could tell apart what stands for it."""
        rng = self.rng
        bare = collate and re.fullmatch(r'[\w."]+', term) is not None and not term.isdigit()
        under = rng.choice(["", "", "", "", " COLLATE NOCASE", " COLLATE BINARY"]) if bare else ""
        return (
            term
            + under
            + rng.choice(["", "", " DESC", " ASC"])
            + rng.choice(["", "", "", " NULLS LAST", " NULLS FIRST"])
        )

    def _limit(self) -> str:
        if not self.chance(0.4):
            return ""
        self.features.add("limit")
        count = self.rng.choice([1, 2, 3, 3, 5, 8, 20])
        text = f" LIMIT {self.param(count) if self.chance(0.2) else count}"
        if self.chance(0.4):
            text += f" OFFSET {self.rng.choice([0, 1, 2, 5])}"
        return text

    def _query(
        self, shape: str, items: list[tuple[str, str]], rest: str, order: list[str], limit: str, worst: Rule,
        keys: tuple[tuple[str, str], ...] = (), groups: tuple[str, ...] = (), loose: tuple[Looseness, ...] = (),
    ) -> Query:  # fmt: skip
        shown = ", ".join(f"{sql} AS {name}" if name else sql for sql, name in items)
        body = f"SELECT {shown} FROM {self.source}{rest}"
        text = body + (f" ORDER BY {', '.join(order)}" if order else "") + limit
        used = frozenset(PARAMETER.findall(text))
        params = {name: value for name, value in self.params.items() if name in used}
        styles: list[Style] = ["name", "place", "number", "at", "dollar"]
        style = self.rng.choices(styles, [50, 30, 12, 4, 4])[0]
        end = self.rng.choices(["", ";", " -- to the end", "\n/* at the end */ ;"], [85, 5, 5, 5])[0]
        if RERUN.search(text) or self.unsure:
            worst = "re-run"
        query = Query(
            shape, text, body, tuple(order), limit, keys, groups, loose, total=True, worst=worst, params=params,
            signals=frozenset(name for name in params if self.chance(0.6)), style=style,
            features=frozenset(self.features), source_at=len(f"SELECT {shown}"),
        )  # fmt: skip
        return replace(query, sql=query._text(text) + end)
