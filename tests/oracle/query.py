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

__all__ = ["KEY", "KEY_ORDER", "PARAMETER", "Looseness", "Part", "Query", "Rule", "Style"]

Rule = Literal["delta", "key", "re-run"]
Looseness = Literal["", "number", "nocase", "rtrim", "any"]
Style = Literal["name", "place", "number", "at", "dollar"]
"""How parameters stand in the text: :v1, ?, ?2 with the last one first, @v1, $v1."""
PARAMETER = re.compile(r":(v\d+)\b")
KEY, KEY_ORDER = "/*key*/", "/*key order*/"
"""Where the row's key belongs in a window's order of the defining text."""


@dataclass(frozen=True, slots=True)
class Part:
    """One SELECT of a compound: what it shows, all that follows, and what tells its rows apart."""

    shown: str
    rest: str
    keys: tuple[tuple[str, str], ...] = ()
    groups: tuple[str, ...] = ()


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
    style: Style = "name"
    features: frozenset[str] = frozenset()
    source_at: int = 0
    parts: tuple[Part, ...] = ()
    words: tuple[str, ...] = ()
    width: int = 0

    def defining(self, tables: Mapping[str, Table]) -> tuple[str, int]:
        """Return the defining text and how many key columns it shows after the query's own."""
        if self.parts:
            return self._defining_compound(tables)
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
        body = body.replace(KEY, f", {', '.join(keys)}").replace(KEY_ORDER, f"ORDER BY {', '.join(keys)}")
        return self._text(f"{body} ORDER BY {', '.join([*self.order, *keys])}{self.limit}"), len(keys)

    def _defining_compound(self, tables: Mapping[str, Table]) -> tuple[str, int]:
        """Return the text of a compound: a set ordered by all of its columns, a bag by part and key of the part."""
        columns = [str(at + 1) for at in range(self.width)]
        if any(word != "UNION ALL" for word in self.words):
            return self._text(f"{self.body} ORDER BY {', '.join([*self.order, *columns])}{self.limit}"), 0
        found: list[list[str]] = []
        for part in self.parts:
            names = [(alias, tables.get(name)) for alias, name in part.keys]
            found.append(
                [*part.groups, *(f"{quote(alias)}.{quote(k)}" for alias, table in names if table for k in table.key)]
            )
        texts = []
        for at, part in enumerate(self.parts):
            own = [key if n == at else "NULL" for n, keys in enumerate(found) for key in keys]
            texts.append(f"SELECT {', '.join([part.shown, str(at), *own])}{part.rest}")
        body = texts[0] + "".join(f" UNION ALL {text}" for text in texts[1:])
        hidden = 1 + sum(map(len, found))
        order = [*self.order, *(str(self.width + 1 + at) for at in range(hidden))]
        return self._text(f"{body} ORDER BY {', '.join(order)}{self.limit}"), hidden

    def turned(self, tables: Mapping[str, Table]) -> str:
        """Return the defining text with no order term that an index or an equality could stand in for."""
        terms = tuple(term if self.parts or re.match(r"\d|agg|g\d|o\d", term) else f"+{term}" for term in self.order)
        return replace(self, order=terms).defining(tables)[0]

    def _text(self, sql: str) -> str:
        if self.style == "number":
            return PARAMETER.sub(lambda found: f"?{self._numbered().index(found[1]) + 1}", sql)
        sign = {"name": r":\1", "place": "?", "at": r"@\1", "dollar": r"$\1"}[self.style]
        return PARAMETER.sub(sign, sql)

    def _numbered(self) -> list[str]:
        return sorted(self.params, reverse=True)

    def arguments(self, values: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return `values` as the text takes them: by place or by name."""
        if self.style == "number":
            return tuple(values[name] for name in self._numbered()), {}
        if self.style != "place":
            return (), dict(values)
        full = self.body + "".join(f" {term}" for term in self.order) + self.limit
        return tuple(values[name] for name in PARAMETER.findall(full)), {}
