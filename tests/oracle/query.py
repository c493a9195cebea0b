"""A query with the text that defines it and the worst rule that may keep it.

The defining order is the generator's own: it appends the keys that the schema gives, so the engine isn't trusted with
it. Where SQLite leaves a choice, `loose` says so column by column (which of 'a' and 'A' stands for a NOCASE group), or
no such query is made (bare columns, ties under a window's order, LIMIT without a total order in a re-run text).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .data import Value
from .schema import Table, quote

__all__ = ["PARAMETER", "Looseness", "Query", "Rule"]

Rule = Literal["delta", "key", "re-run"]
Looseness = Literal["", "number", "nocase", "rtrim", "any"]
PARAMETER = re.compile(r":(v\d+)\b")


@dataclass(frozen=True, slots=True)
class Query:
    """`keys` are (alias, table) of a plain query, `groups` the expressions of a grouped one; else it is run as it is.

    `total`: the text itself leaves no choice of order. `signals` are the parameters that change later.
    """

    shape: str
    sql: str
    body: str
    order: tuple[str, ...] = ()
    limit: str = ""
    keys: tuple[tuple[str, str], ...] = ()
    groups: tuple[str, ...] = ()
    loose: tuple[Looseness, ...] = ()
    total: bool = False
    worst: Rule = "re-run"
    params: Mapping[str, Value] = field(default_factory=dict)
    signals: frozenset[str] = frozenset()
    positional: bool = False
    features: frozenset[str] = frozenset()
    source_at: int = 0

    def defining(self, tables: Mapping[str, Table]) -> tuple[str, int]:
        """Return the defining text and how many key columns it shows after the query's own."""
        keys = list(self.groups)
        for alias, name in self.keys:
            table = tables.get(name)
            if table is None:
                return self.sql, 0
            keys += [f"{quote(alias)}.{quote(part)}" for part in table.key]
        if not keys:
            return self.sql, 0
        shown = "".join(f", {key} AS _key{at}" for at, key in enumerate(keys))
        body = f"{self.body[: self.source_at]}{shown}{self.body[self.source_at :]}"
        return self._text(f"{body} ORDER BY {', '.join([*self.order, *keys])}{self.limit}"), len(keys)

    def turned(self, tables: Mapping[str, Table]) -> str:
        """Return the defining text with no order term that an index or an equality could stand in for."""
        terms = tuple(term if re.match(r"\d|agg|g\d|o\d", term) else f"+{term}" for term in self.order)
        return replace(self, order=terms).defining(tables)[0]

    def _text(self, sql: str) -> str:
        return PARAMETER.sub("?", sql) if self.positional else sql

    def arguments(self, values: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return `values` as the text takes them: positional or by name."""
        if not self.positional:
            return (), dict(values)
        full = self.body + "".join(f" {term}" for term in self.order) + self.limit
        return tuple(values[name] for name in PARAMETER.findall(full)), {}
