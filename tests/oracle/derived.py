"""Random subqueries in FROM and CTEs that neither group nor pick rows, joined and asked about in every way."""

from __future__ import annotations

from .data import literal
from .expressions import Expressions
from .planned import Planned
from .query import PARAMETER, Query
from .schema import Column, Table, quote

__all__ = ["Derived"]


class Derived(Expressions):
    """Makes one query over a subquery in FROM. Any rule may keep it: SQLite may compile it to something of its own."""

    def make(self) -> Query:
        rng = self.rng
        part = Planned(rng, self.tables)
        part.params, part.features = self.params, self.features
        left = part._from()
        where = f" WHERE {part._where(left=left)}" if self.chance(0.6) else ""
        where = part._join_conditions(where)
        columns = [part.column("ntcmxik") for _ in range(3)]
        shown = [f"{sql} AS c{at}" for at, (sql, _, _) in enumerate(columns)]
        shown += [f"{part.scalar(1)} AS e{at}" for at in range(rng.choice([0, 1, 1]))]
        names = [f"z.c{at}" for at in range(3)] + ["z.e0"] * (len(shown) > 3)
        if len(shown) > 3 and "COLLATE" not in shown[3]:
            self.features.add("computed in FROM")
        inner = f"SELECT {', '.join(shown)} FROM {part.source}{where}"
        head, source = ("", f"({inner}) AS z") if self.chance(0.6) else (f"WITH z AS ({inner}) ", "z")
        table = rng.choice([t for t in self.tables.values() if t.key])
        other = rng.choice([c for c in table.columns if c.kind not in "wjba"] or list(table.columns))
        beside = f"{quote(table.name)} AS s9"
        how = rng.random()
        self.features.add("derived")
        on = f"{rng.choice(names)} = s9.{quote(other.name)}"
        if self.chance(0.3):
            on = " = ".join(reversed(on.split(" = ")))
        text = source
        if how < 0.2:
            text = f"{source} JOIN {beside} ON {on}"
        elif how < 0.3:
            text = f"{beside} LEFT JOIN {source} ON {on}"
        elif how < 0.4:
            text = f"{source} LEFT JOIN {beside} ON {on}"
        elif how < 0.45:
            text = f"{beside}, {source}"
        outputs = [rng.choice(names) for _ in range(2)] + (["s9." + quote(other.name)] if how < 0.45 else [])
        kept = f" WHERE {' AND '.join(self._asked(names, columns) for _ in range(rng.choice([1, 2])))}"
        if self.chance(0.15):
            kept += f" AND EXISTS (SELECT 1 FROM {quote(table.name)} AS s8 WHERE s8.{quote(other.name)} = {names[0]})"
        if self.chance(0.2):
            sql = f"{head}SELECT {outputs[0]}, count(*) FROM {text}{kept} GROUP BY 1"
        else:
            sql = f"{head}SELECT {', '.join(outputs)} FROM {text}{kept if self.chance(0.7) else ''}"
            sql += f" ORDER BY {rng.choice(names)}" if self.chance(0.3) else ""
        params = {name: value for name, value in self.params.items() if name in PARAMETER.findall(sql)}
        return Query(
            "derived", sql, sql, params=params, signals=frozenset(params), loose=("any",) * 4,
            features=frozenset(self.features),
        )  # fmt: skip

    def _asked(self, names: list[str], columns: list[tuple[str, Column, Table]]) -> str:
        rng = self.rng
        name = rng.choice(names)
        _, column, table = columns[int(name[-1])] if name.startswith("z.c") else rng.choice(columns)
        value = literal(self.value(table, column))
        forms = [
            f"{name} = {value}", f"{value} = {name}", f"{name} IN ({value}, 1)", f"{name} LIKE 'a%'",
            f"{name} IS NOT {value}",
            f"{name} < {rng.choice(names)}", f"{name} = {rng.choice(names)}", f"{name} COLLATE NOCASE = 'A'",
            f"typeof({name}) <> 'text'", f"{name} BETWEEN 1 AND 'b'", f"coalesce({name}, 'a') = 'a'", f"{name} IS NULL",
            f"max({name}, {value}) = {value}", f"CASE {name} WHEN {value} THEN 0 ELSE 1 END",
        ]  # fmt: skip
        return rng.choice(forms)
