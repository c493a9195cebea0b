"""Random queries of every other form: DISTINCT, compounds, subqueries, CTEs, windows, views. Any rule may keep them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from .expressions import Expressions
from .query import PARAMETER, Query
from .schema import Table, quote

__all__ = ["Other"]

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4)"


class Other(Expressions):
    """Makes one query of another form: most are re-run."""

    def __init__(self, rng: Random, tables: Mapping[str, Table], others: Sequence[str]) -> None:
        super().__init__(rng, tables)
        self.others = others

    def make(self) -> Query:
        forms: list[Callable[[], tuple[str, bool]]] = [
            self._distinct, self._compound, self._exists, self._in, self._scalar, self._derived, self._cte, self._top,
            self._recursive, self._counting, self._window, self._window_sum, self._full, self._constant, self._natural,
            self._having,
        ]  # fmt: skip
        if self.others:
            forms.append(self._view)
        form = self.rng.choice(forms)
        sql, total = form()
        used = frozenset(PARAMETER.findall(sql))
        params = {name: value for name, value in self.params.items() if name in used}
        return Query(
            form.__name__.strip("_"), sql, sql, total=total, params=params, signals=frozenset(params),
            loose=("any",) * 12 if form in (self._distinct, self._compound, self._view, self._having) else (),
            features=frozenset({"other", *self.features}),
        )  # fmt: skip

    def _one(self, alias: str = "s0") -> str:
        """Choose a table; return it as a source."""
        table = self.rng.choice([t for t in self.tables.values() if t.key])
        self.sources.append((alias, table))
        return f"{quote(table.name)} AS {alias}"

    def _name(self, at: int = 0, kinds: str = "") -> str:
        alias, table = self.sources[at]
        options = [c for c in table.columns if (c.kind in kinds if kinds else c.kind not in "jw")] or list(
            table.columns
        )
        return f"{alias}.{quote(self.rng.choice(options).name)}"

    def _key(self, at: int = 0) -> str:
        alias, table = self.sources[at]
        return ", ".join(f"{alias}.{quote(name)}" for name in table.key)

    def _distinct(self) -> tuple[str, bool]:
        one = self._one()
        return f"SELECT DISTINCT {self._name()}, {self._name()} FROM {one} WHERE {self.condition()}", False

    def _compound(self) -> tuple[str, bool]:
        one, two = self._one(), self._one("s1")
        verb = self.rng.choice(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"])
        return f"SELECT {self._name(0)} FROM {one} {verb} SELECT {self._name(1)} FROM {two}", False

    def _exists(self) -> tuple[str, bool]:
        one, two = self._one(), self._one("s1")
        first, second = self._name(0), self._name(1)
        exists = f"{self.rng.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM {two} WHERE {first} = {second})"
        return f"SELECT {self._name(0)}, {first} FROM {one} WHERE {exists}", False

    def _in(self) -> tuple[str, bool]:
        one, two = self._one(), self._one("s1")
        first, second = self._name(0), self._name(1)
        no = self.rng.choice(["", "NOT "])
        return f"SELECT {first}, {self._name(0)} FROM {one} WHERE {first} {no}IN (SELECT {second} FROM {two})", False

    def _scalar(self) -> tuple[str, bool]:
        one, two = self._one(), self._one("s1")
        first, second = self._name(0), self._name(1)
        what = self.rng.choice(["count(*)", f"max(length({second}))"])
        inner = f"(SELECT {what} FROM {two} WHERE {first} = {second})"
        return f"SELECT {first}, {inner} AS n FROM {one} ORDER BY n DESC, {self._key()} LIMIT 6", True

    def _derived(self) -> tuple[str, bool]:
        inner = f"SELECT {{}} AS a, count(*) AS n FROM {self._one()} GROUP BY 1".format(self._name())
        return f"SELECT n, count(*) FROM ({inner}) GROUP BY n ORDER BY n", True

    def _cte(self) -> tuple[str, bool]:
        one, two = self._one(), self._one("s1")
        first, second = self._name(0), self._name(1)
        cte = f"WITH x(a, n) AS (SELECT {second}, count(*) FROM {two} GROUP BY 1)"
        return f"{cte} SELECT {first}, x.n FROM {one} LEFT JOIN x ON x.a = {first}", False

    def _recursive(self) -> tuple[str, bool]:
        one = self._one()
        self.sources.append(("s1", self.sources[0][1]))
        two = one.replace(" AS s0", " AS s1")
        first, step, key = self._name(0, "ik"), self._name(1, "p"), self._name(1, "ik")
        grow = f"SELECT {first}, 0 FROM {one} UNION SELECT {step}, d + 1 FROM {two} JOIN r ON {key} = r.v WHERE d < 4"
        return f"WITH RECURSIVE r(v, d) AS ({grow}) SELECT d, count(*), count(v) FROM r GROUP BY d ORDER BY d", True

    def _counting(self) -> tuple[str, bool]:
        inner = f"(SELECT count(*) FROM {self._one()} WHERE {{}} = i)".format(self._name())
        return f"{COUNTING} SELECT i, {inner} FROM n ORDER BY i", True

    def _window(self) -> tuple[str, bool]:
        one = self._one()
        over = f"PARTITION BY {self._name()} ORDER BY {self._name()}, {self._key()}"
        return f"SELECT {self._name()}, row_number() OVER ({over}) FROM {one}", False

    def _window_sum(self) -> tuple[str, bool]:
        one = self._one()
        over, rank = f"PARTITION BY {self._name()}", f"ORDER BY {self._name()}"
        return f"SELECT count(*) OVER ({over}), rank() OVER ({rank}) FROM {one}", False

    def _full(self) -> tuple[str, bool]:
        one, two = self._one(), self._one("s1")
        join = self.rng.choice(["FULL", "RIGHT"])
        on = f"{self._name(0)} = {self._name(1)}"
        return f"SELECT {self._name(0)}, {self._name(1)} FROM {one} {join} JOIN {two} ON {on}", False

    def _constant(self) -> tuple[str, bool]:
        one = self._one()
        return f"SELECT 1, (SELECT count(*) FROM {one}), (SELECT count(*) FROM {one} WHERE {self.condition()})", True

    def _natural(self) -> tuple[str, bool]:
        one, two = self._one(), self._one("s1")
        common = {c.name for c in self.sources[0][1].columns} & {c.name for c in self.sources[1][1].columns}
        if not common:
            return f"SELECT count(*) FROM {one}, {two}", True
        name = quote(min(common))
        return (
            f"SELECT {name}, {self._name(0)} FROM {one} {self.rng.choice(['', 'LEFT '])}JOIN {two} USING ({name})",
            False,
        )

    def _having(self) -> tuple[str, bool]:
        one = self._one()
        return f"SELECT count(*), max({self._name(0, 'nr')}) FROM {one} HAVING count(*) > 3", True

    def _top(self) -> tuple[str, bool]:
        one = self._one()
        inner = (
            f"SELECT {self._name()} AS a, {self._name()} AS b FROM {one} ORDER BY {self._name()}, {self._key()} LIMIT 5"
        )
        return f"SELECT * FROM ({inner})", False

    def _view(self) -> tuple[str, bool]:
        return f"SELECT * FROM {quote(self.rng.choice(list(self.others)))}", False
