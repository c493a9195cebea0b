"""Random window functions: ranks, neighbours, running aggregates, frames of every kind, over joins and subqueries.

Where rows tie, which comes first is SQLite's choice; a window that asks says `/*key*/` where the row's key belongs, and
the defining text has it there. The query itself hasn't: that the engine settles such ties is what is tested.
"""

from __future__ import annotations

from .planned import Planned
from .query import KEY, KEY_ORDER, Looseness, Query, Rule

__all__ = ["Windows"]

Item = tuple[str, str, Looseness]
_NEAR = ["UNBOUNDED PRECEDING", "2 PRECEDING", "1 PRECEDING", "CURRENT ROW"]
_FAR = ["CURRENT ROW", "1 FOLLOWING", "3 FOLLOWING", "UNBOUNDED FOLLOWING"]


class Windows(Planned):
    """Makes one query with window functions that should be kept by the key rule."""

    def make(self) -> Query:
        rng = self.rng
        left = self._from()
        where = f" WHERE {self._where(left=left)}" if self.chance(0.5) else ""
        if self.chance(0.12):
            where = f"{where} AND " if where else " WHERE "
            where += self.nested_condition()
        where = self._join_conditions(where)
        self.features.add("window")
        shared = self._partition()
        items: list[Item] = [(self.column()[0], rng.choice(["", f"o{at}"]), "") for at in range(rng.choice([1, 1, 2]))]
        named: list[str] = []
        for at in range(rng.choice([1, 1, 2, 3])):
            partition = shared if self.chance(0.75) else self._partition()
            call, window, fold = self._function(partition)
            if self.chance(0.25):
                named.append(f"w{at} AS ({window})")
                window = f"w{at}"
                self.features.add("named window")
            else:
                window = f"({window})"
            wrapped = f"{call} OVER {window}"
            if self.chance(0.15):
                wrapped = f"coalesce({wrapped}, 0)"
            items.append((wrapped, f"v{at}", fold))
        rest = where + (f" WINDOW {', '.join(named)}" if named else "")
        terms = [(sql, name) for sql, name, fold in items if not fold]
        order = [self._term(terms) for _ in range(rng.choice([0, 1, 1, 2]))] if terms else []
        worst: Rule = "re-run" if any(not t.key for _, t in self.sources) or self.unsure else "key"
        return self._query(
            f"{'left ' if left else ''}window{len(self.sources)}", [(sql, name) for sql, name, _ in items], rest, order,
            "" if self.errs else self._limit(), worst, keys=tuple((alias, table.name) for alias, table in self.sources),
            loose=tuple(fold for _, _, fold in items),
        )  # fmt: skip

    def _partition(self) -> str:
        """Return PARTITION BY of one or two terms, or nothing: all rows are one partition."""
        if self.chance(0.2):
            self.features.add("one partition")
            return ""
        terms = []
        for _ in range(self.rng.choice([1, 1, 2])):
            sql, _, _ = self.column("ntcermxpuk")
            forms = [f"typeof({sql})", f"coalesce({sql}, 0)", f"{sql} IS NULL", f"substr({sql}, 1, 1)"]
            terms.append(sql if self.chance(0.7) else self.rng.choice(forms))
        return f"PARTITION BY {', '.join(terms)}"

    def _function(self, partition: str) -> tuple[str, str, Looseness]:
        """Return a function, its window, and what is left to choice."""
        rng = self.rng
        sort = [f"{self.column('ntcrmxpiuk')[0]}{rng.choice(['', '', ' DESC', ' NULLS LAST'])}"]
        sort = [*sort, self.column("ntcrmx")[0]] if self.chance(0.2) else sort
        order = f"ORDER BY {', '.join(sort)}"
        draw = rng.random()
        if draw < 0.2:
            call = rng.choice(["rank()", "dense_rank()", "percent_rank()", "cume_dist()"])
            return call, f"{partition} {order}", ""
        if draw < 0.45:
            value = self.column()[0]
            calls = ["row_number()", "row_number()", f"ntile({rng.choice([1, 2, 3])})"]
            near = [f"{way}({value}{rng.choice(['', ', 1', ', 2, 0'])})" for way in ("lag", "lead")]
            keyed = KEY_ORDER if self.chance(0.1) else f"{order}{KEY}"
            return rng.choice([*calls, *near]), f"{partition} {keyed}", ""
        if draw < 0.7:
            number = self.column("npiu")[0]
            exclude = rng.choice(["", "", "", " EXCLUDE CURRENT ROW"])
            frame = f"ROWS BETWEEN {rng.choice(_NEAR)} AND {rng.choice(_FAR)}{exclude}"
            value = self.column()[0]
            calls = [f"count({value})", f"first_value({value})", f"last_value({value})", f"nth_value({value}, 2)"]
            call = rng.choice([*calls, *self._sums(number)])
            if call.startswith(("count", "sum", "total")) and self.chance(0.2):
                call += f" FILTER (WHERE {self.condition(2)})"
            self.features.add("frame")
            return call, f"{partition} {order}{KEY} {frame}", ""
        number = self.column("npiu")[0]
        value, column, _ = self.column("ntcmx")
        fold = self._fold(column.name)
        unit = rng.choice(["RANGE", "GROUPS"])
        step = 1 if unit == "GROUPS" else 3  # a distance of RANGE takes a number to sort by
        near, far = _NEAR[::step], _FAR[::step]
        frame = ""
        if self.chance(0.5):
            exclude = rng.choice(["", "", " EXCLUDE GROUP", " EXCLUDE TIES", " EXCLUDE NO OTHERS"])
            frame = f" {unit} BETWEEN {rng.choice(near)} AND {rng.choice(far)}{exclude}"
            self.features.add("frame")
        window = (
            f"{partition} {order if self.chance(0.7) else ''}{frame}" if not frame else f"{partition} {order}{frame}"
        )
        if self.chance(0.3):
            return f"{rng.choice(['min', 'max'])}({value})", window, fold
        return rng.choice(["count(*)", *self._sums(number)]), window, ""

    def _sums(self, number: str) -> list[str]:
        return [f"sum({number})", f"sum({number})", f"total({number})", f"avg({number})"]
