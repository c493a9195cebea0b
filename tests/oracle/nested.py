"""Random subqueries: EXISTS, IN and their negations, values; correlated or not, joined inside, one in another."""

from __future__ import annotations

from .expressions import Expressions
from .schema import Column, Table, quote

__all__ = ["Nested"]

UNJOINED = "wjbae"  # e: SQLite 3.40's Bloom filter loses 'b' = 'b ' under RTRIM (docs/architecture.md)
Sources = list[tuple[str, Table]]


class Nested(Expressions):
    """Makes subqueries over the sources chosen so far. `nested` counts them."""

    nested = 0
    unsure = False

    def nested_condition(self) -> str:
        """Return a condition that holds a subquery."""
        found = self._subquery(self.sources, 0)
        draw = self.rng.random()
        if draw < 0.12:
            return f"({self.condition(1)} OR {found})"
        if draw < 0.18:
            return f"NOT ({self.condition(1)} AND {found})"
        if draw < 0.22:
            return f"({found}) IS NOT 1"
        return found

    def lookup(self) -> str:
        """Return one row's value: by its primary key, or the first in an order that leaves no choice."""
        self.nested += 1
        tables = [table for table in self.tables.values() if table.key]
        if not tables:
            return self.nested_value()
        ways = [
            (f"{quote(alias)}", refs, parent)
            for alias, table in self.sources
            if (refs := table.of("p"))
            for parent in tables
            if [c.declared.upper() for c in refs] == [c.declared.upper() for c in parent.columns if c.name in parent.pk]
            and all(c.collation == "BINARY" for c in (*refs, *parent.columns))
        ]
        if ways and self.chance(0.5):
            self.features.add("lookup")
            self.unsure = True  # a primary key may have a type that SQLite converts to
            alias, refs, parent = self.rng.choice(ways)
            keys = [c for c in parent.columns if c.name in parent.pk]
            by = " AND ".join(f"n8.{quote(k.name)} = {alias}.{quote(r.name)}" for k, r in zip(keys, refs, strict=True))
            return f"(SELECT {self._column([('n8', parent)])} FROM {quote(parent.name)} AS n8 WHERE {by})"
        self.features.add("first of an order")
        table = self.rng.choice(tables)
        inner: Sources = [("n8", table)]
        kept = f" WHERE {self._correlation(self.sources, inner)}" if self.chance(0.7) else ""
        down = self.rng.choice(["", " DESC"])
        order = ", ".join([self._column(inner), *(f"n8.{quote(key)}{down}" for key in table.key)])
        text = f"FROM {quote(table.name)} AS n8{kept} ORDER BY {order} LIMIT"
        if self.chance(0.3):
            alias, its = self.rng.choice(self.sources)
            column = self._column([(alias, its)])
            no = self.rng.choice(["", "NOT "])
            return f"{column} {no}IN (SELECT {self._column(inner)} {text} {self.rng.randint(1, 3)})"
        return f"(SELECT {self._column(inner)} {text} 1)"

    def nested_value(self) -> str:
        """Return a subquery as a value."""
        if self.chance(0.4):
            return f"({self._count(self.sources)})"
        return f"({self._subquery(self.sources, 0)})"

    def _subquery(self, outer: Sources, depth: int) -> str:
        self.nested += 1
        self.features.add("subquery")
        no = self.rng.choice(["", "", "NOT "])
        inner = self._inner(outer, depth)
        around = [*outer, *inner]
        text = self._from_inner(inner)
        where = [self._correlation(outer, inner)] if self.chance(0.75) else []
        if self.chance(0.35):
            where.append(self._inside(inner).condition(1))
        if depth < 1 and self.chance(0.2):
            where.append(self._subquery(around, depth + 1))
            self.features.add("nested subquery")
        kept = f" WHERE {' AND '.join(where)}" if where else ""
        if self.chance(0.5):
            what = self.rng.choice(["1", "*", "max(1, 2)"])
            group = " GROUP BY 1 HAVING count(*) > 1" if self.chance(0.08) and what == "1" else ""
            group = group.replace("1", self._column(inner), 1)
            return f"{no}EXISTS (SELECT {what} FROM {text}{kept}{group})"
        alias, table = self.rng.choice(outer)
        column = self.rng.choice([c for c in table.columns if c.kind not in UNJOINED] or list(table.columns))
        same = [
            f"{quote(a)}.{quote(c.name)}"
            for a, t in inner
            for c in t.columns
            if c.kind not in UNJOINED
            and c.collation == column.collation
            and (c.kind == column.kind or self.chance(0.3))
        ]
        value = self.rng.choice(same) if same else self._column(inner)
        self.features.add("in select")
        arg = self._dressed(f"{quote(alias)}.{quote(column.name)}")
        if self.chance(0.2):
            self.features.add("row value in select")
            beside, its = self.pair(table, inner[0][1], mixed=False)
            row = f"({arg}, {quote(alias)}.{quote(beside.name)})"
            outputs = f"{self._dressed(value)}, {quote(inner[0][0])}.{quote(its.name)}"
            return f"{row} {no}IN (SELECT {outputs} FROM {text}{kept})"
        return f"{arg} {no}IN (SELECT {self._dressed(value)} FROM {text}{kept}{self._other_part(column)})"

    def _other_part(self, like: Column) -> str:
        """Return now and then one more part: a union of values that are like those of `like`."""
        if not self.chance(0.15):
            return ""
        tables = self.tables.values()
        kinds = (like.kind, like.declared)
        found = [(table, c) for table in tables for c in table.columns if (c.kind, c.declared) == kinds]
        self.features.add("union in a subquery")
        self.unsure = True  # the parts may compare in different ways
        table, column = self.rng.choice(found)
        word = self.rng.choice(["UNION", "UNION ALL", "UNION", "EXCEPT"])
        value = f"n9.{quote(column.name)}"
        kept = f" WHERE {value} IS NOT NULL" if self.chance(0.4) else ""
        return f" {word} SELECT {value} FROM {quote(table.name)} AS n9{kept}"

    def _dressed(self, column: str) -> str:
        """Return `column`, perhaps in what changes its affinity or collation: IN compares as = does."""
        if self.chance(0.75):
            return column
        forms = ["lower({})", "+{}", "{} || ''", "{} COLLATE NOCASE", "{} COLLATE BINARY", "CAST({} AS TEXT)"]
        return self.rng.choice([*forms, "CAST({} AS INTEGER)", "CAST({} AS NUMERIC)", "({} + 0)"]).format(column)

    def _count(self, outer: Sources) -> str:
        self.nested += 1
        self.features.add("subquery")
        inner = self._inner(outer, 1)
        where = self._correlation(outer, inner)
        what = self.rng.choice(["count(*)", f"count({self._column(inner)})", "count(*) + 1"])
        return f"SELECT {what} FROM {self._from_inner(inner)} WHERE {where}"

    def _inner(self, outer: Sources, depth: int) -> Sources:
        """Choose the subquery's own sources; sometimes one hides a name of the query around."""
        found: Sources = []
        for at in range(self.rng.choice([1, 1, 2, 2, 2, 3])):
            table = self.rng.choice(list(self.tables.values()))
            if self.chance(0.6):
                table = self._relative_of(found[-1][1] if found else None) or table
            taken = {alias for alias, _ in (*outer, *found)}
            bare = table.name not in taken and self.chance(0.3)
            found.append((table.name if bare else f"n{depth}{at}", table))
        return found

    def _relative_of(self, table: Table | None) -> Table | None:
        """Return a table that `table` may refer to or be referred to by; a child where there is none yet."""
        everyone = list(self.tables.values())
        if table is None:
            found = [t for t in everyone if t.of("p")]
        elif table.of("p") and self.chance(0.7):
            found = [t for t in everyone if len(t.pk) == len(table.of("p"))]
        else:
            found = [t for t in everyone if t.of("p") and len(t.of("p")) == len(table.pk)]
        return self.rng.choice(found) if found else None

    def _from_inner(self, inner: Sources) -> str:
        text = ""
        for at, (alias, table) in enumerate(inner):
            source = quote(table.name) + ("" if alias == table.name else f" AS {quote(alias)}")
            if not at:
                text = source
                continue
            on = self._correlation(inner[:at], [(alias, table)])
            kind = self.rng.choices(["JOIN", "LEFT JOIN"], [85, 15])[0]
            text += f" {kind} {source} ON {on}"
            self.features.add("join in a subquery")
        return text

    def _correlation(self, outer: Sources, inner: Sources) -> str:
        """Return a condition between a source outside and one inside."""
        (alias, table), (other_alias, other) = self.rng.choice(inner), self.rng.choice(outer)
        refs, keys = table.of("p"), [c for c in other.columns if c.name in other.pk or c.name == "id"]
        if not refs:
            refs, keys = [c for c in table.columns if c.name in table.pk], other.of("p")
        pairs = list(zip(refs, keys, strict=False)) if len(refs) <= len(keys) and self.chance(0.8) else []
        if not pairs or not all(a.collation == b.collation for a, b in pairs):
            pairs = [self.pair(table, other, mixed=len(outer) + len(inner) < 3)]
        operator = "=" if self.chance(0.85) else self.rng.choice(["<", "IS", ">=", "<>"])
        sides = [(f"{quote(alias)}.{quote(a.name)}", f"{quote(other_alias)}.{quote(b.name)}") for a, b in pairs]
        if self.chance(0.3):
            sides = [(right, left) for left, right in sides]
        return " AND ".join(f"{left} {operator} {right}" for left, right in sides)

    def pair(self, table: Table, other: Table, *, mixed: bool) -> tuple[Column, Column]:
        """Return a column of each table; of one collation, but where `mixed` (docs/architecture.md)."""
        column = self.rng.choice([c for c in table.columns if c.kind not in UNJOINED] or list(table.columns))
        fit = [c for c in other.columns if mixed or c.collation == column.collation] or list(other.columns)
        same = [c for c in fit if c.kind == column.kind] if self.chance(0.6) else []
        return column, self.rng.choice(same or [c for c in fit if c.kind not in UNJOINED] or fit)

    def _inside(self, inner: Sources) -> Expressions:
        found = Expressions(self.rng, self.tables)
        found.params, found.features, found.sources = self.params, self.features, inner
        return found

    def _column(self, inner: Sources) -> str:
        alias, table = self.rng.choice(inner)
        options = [c for c in table.columns if c.kind not in UNJOINED] or list(table.columns)
        return f"{quote(alias)}.{quote(self.rng.choice(options).name)}"
