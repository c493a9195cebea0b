"""Random compounds: UNION, UNION ALL, INTERSECT, EXCEPT of rows, joins, groups, constants; ORDER BY and LIMIT."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from .data import literal
from .expressions import Expressions
from .planned import Planned
from .query import PARAMETER, Looseness, Part, Query, Rule, Style
from .schema import Table

__all__ = ["Compounds"]


class Compounds(Expressions):
    """Makes one compound that should be kept by delta or key."""

    def __init__(self, rng: Random, tables: Mapping[str, Table]) -> None:
        super().__init__(rng, tables)
        self.worst: Rule = "delta"

    def make(self) -> Query:
        rng = self.rng
        width = rng.choice([1, 1, 2, 3])
        count = rng.choice([2, 2, 2, 3, 4])
        bag = self.chance(0.4)
        words = [
            "UNION ALL" if bag else rng.choice(["UNION", "INTERSECT", "EXCEPT", "UNION ALL"]) for _ in range(count - 1)
        ]
        if not bag and words[-1] == "UNION ALL" and (count == 2 or self.chance(0.4)):
            words[-1] = rng.choice(["UNION", "INTERSECT", "EXCEPT"])
        behind = not bag and words[-1] == "UNION ALL" and any(word != "UNION ALL" for word in words)
        kinds = [rng.choice(["n", "t", "c", "tc", "m", "x", "ik", ""]) for _ in range(width)]
        self.plain = count > 2  # then a collation that only a later part has leaves a choice
        parts = [self._part(kinds, names=at == 0) for at in range(count)]
        self.features.add("bag behind a set" if behind else "bag" if bag else "set")
        order = [self._direction(str(rng.randint(1, width))) for _ in range(rng.choice([0, 1, 1, 2]))]
        if " AS o0" in parts[0].shown and self.chance(0.5):
            order = [self._direction(rng.choice([f"o{at}" for at in range(width)])) for _ in range(1)]
        elif re.fullmatch(r"[\w.]+", parts[0].shown) and not parts[0].shown.isdigit() and self.chance(0.5):
            order = [self._direction(parts[0].shown)]
        limit = ""
        if not behind and self.chance(0.35):  # behind a set rows that sort alike have no order that a text could say
            self.features.add("limit")
            size = rng.choice([1, 2, 3, 5, 8])
            limit = f" LIMIT {self.param(size) if self.chance(0.2) else size}"
            limit += f" OFFSET {rng.choice([0, 1, 2])}" if self.chance(0.3) else ""
        body = f"SELECT {parts[0].shown}{parts[0].rest}"
        body += "".join(f" {w} SELECT {p.shown}{p.rest}" for w, p in zip(words, parts[1:], strict=True))
        text = body + (f" ORDER BY {', '.join(order)}" if order else "") + limit
        params = {name: value for name, value in self.params.items() if name in PARAMETER.findall(text)}
        styles: list[Style] = ["name", "place", "number"]
        any_of_equals: Looseness = "any"
        query = Query(
            f"compound{count}", text, body, tuple(order), limit, loose=(any_of_equals,) * width, total=not behind,
            worst="re-run" if self.plain else self.worst, params=params, style=rng.choice(styles),
            signals=frozenset(name for name in params if self.chance(0.6)),
            features=frozenset({"compound", *self.features}), parts=tuple(parts), words=tuple(words), width=width,
        )  # fmt: skip
        return replace(query, sql=query._text(text))

    def _part(self, kinds: list[str], *, names: bool) -> Part:
        if self.chance(0.08):
            values = [literal(self.rng.choice([None, 1, 1.0, "a", "A", "all"])) for _ in kinds]
            return Part(", ".join(f"{v} AS o{at}" if names else v for at, v in enumerate(values)), "")
        part = Planned(self.rng, self.tables)
        part.params, part.features = self.params, self.features
        left = part._from()
        where = f" WHERE {part._where(left=left)}" if self.chance(0.5) else ""
        if self.chance(0.1):
            where = f"{where} AND " if where else " WHERE "
            where += part.nested_condition()
        where = part._join_conditions(where)
        if left or part.nested:
            self.worst = "key" if self.worst == "delta" else self.worst
        if any(not table.key for _, table in part.sources) or part.unsure:
            self.worst = "re-run"
        if self.chance(0.25) and not left and not part.nested:
            return self._groups(part, kinds, where, names=names)
        shown = [self._value(part, kind) for kind in kinds]
        if names and (self.chance(0.5) or len(shown) > 1):  # SQLite numbers equal names now and then
            shown = [f"{sql} AS o{at}" for at, sql in enumerate(shown)]
        keys = tuple((alias, table.name) for alias, table in part.sources)
        return Part(", ".join(shown), f" FROM {part.source}{where}", keys=keys)

    def _groups(self, part: Planned, kinds: list[str], where: str, *, names: bool) -> Part:
        columns = [part.column("ntmxi" if self.plain else "ntcmxik")]
        by = [
            sql
            for sql, column, _ in columns[: self.rng.choice([0, 1, 1])]
            if column.collation == "BINARY" or not self.plain
        ]
        shown = []
        for at, kind in enumerate(kinds):
            if at < len(by):
                shown.append(by[at])
            else:
                column = part.column(kind or "nt")[0]
                calls = ["count(*)", f"count({column})", f"max(length({column}))", f"sum(length({column}))"]
                shown.append(self.rng.choice(calls))
        by = by[: len(kinds)]
        if names and len(shown) > 1:
            shown = [f"{sql} AS o{at}" for at, sql in enumerate(shown)]
        group = f" GROUP BY {', '.join(by)}" if by else ""
        return Part(", ".join(shown), f" FROM {part.source}{where}{group}", groups=tuple(by))

    def _value(self, part: Planned, kind: str) -> str:
        if self.chance(0.2) and not self.plain:
            return part.scalar(1)
        sql, column, _ = part.column(kind)
        if self.plain and column.collation != "BINARY":
            return f"length({sql})"
        return sql

    def _direction(self, term: str) -> str:
        collate = self.rng.choice(["", "", "", " COLLATE NOCASE"])
        return (
            term + collate + self.rng.choice(["", " DESC"]) + self.rng.choice(["", "", " NULLS LAST", " NULLS FIRST"])
        )
