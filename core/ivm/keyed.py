"""The key rule: find the keys that a change touches, query only those, compare with what the view holds.

    changed rows --touch SQL--> keys --query WHERE key IS ?--> new entries  --compare--> pairs
                                                               old entries

For left joins the key is that of the first table in FROM, for groups the group expressions, for windows what they
partition by.
*Which keys are touched?* Take the first changed row along the join order in any old or new derivation of a result row:
all rows before it are unchanged, so they are in the new state. Hence for each occurrence j the keys are read off
`prefix(0..j-1, new) JOIN log(j) ON j's condition`; occurrence 0 gives its own logged keys. WHERE narrows that only
where it speaks of inner-joined occurrences: `WHERE right.id IS NULL` is false for the very row that ends it.
Groups over inner joins may be keyed by columns of several occurrences; there all subsets of changed ones are joined.
A subquery's tables touch the keys that it is correlated with: see `subqueries.py`.
Cost: one indexed query a touched key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from ..changes import Changes
from ..query.plan import Binary, Const, Expr, Output, Param, Select, Unary, columns_of, conjuncts
from ..query.render import render
from ..schema.catalog import TableName
from ..store import Connection
from ..values import SqlRow, SqlValue, same_typed
from .delta import Delta
from .group_plan import identity_expr, sought
from .layout import Layout, getter
from .operator import Entry, Pair, TooLarge
from .subqueries import Reach, without_selects

__all__ = ["KeyedOperator", "Touch"]

_KEYS_MAX = 200
_KNOWN_MAX = 64


class Touch:
    """The statements that say which keys a change touches. Made once a template.

    Any change of a table in `always` touches the one key that there is, where there are no `keys`.
    """

    def __init__(
        self,
        plan: Select,
        keys: Sequence[Expr],
        collations: Sequence[str],
        reaches: Sequence[Reach] = (),
        always: frozenset[TableName] = frozenset(),
    ) -> None:
        self.identities = [identity_expr(key, name) for key, name in zip(keys, collations, strict=True)]
        self.sought = [sought(key, name) for key, name in zip(keys, collations, strict=True)]
        self._exprs = [*self.identities, *keys] or [Const("1")]  # no key: there is one entry, touched or not
        self._each = [Unary("+", expr) for expr in self._exprs]  # DISTINCT would have the planner scan for their order
        self._reaches, self._always = reaches, always
        self.nested = {source.table for reach in reaches for source in reach.plan.sources[reach.first :]}
        self._tables = {source.table for part in (plan, *(r.plan for r in reaches)) for source in part.sources}
        plan = without_selects(plan)
        inner = all(source.join != "LEFT JOIN" for source in plan.sources)
        self._delta = Delta(plan, self._exprs) if inner else None
        self._prefixes = [] if inner else [self._prefix(plan, at) for at in range(len(plan.sources))]
        self._known: dict[tuple[tuple[TableName, str], ...], list[str]] = {}
        self._one_sql = ""

    def keys(self, conn: Connection, changes: Changes, params: Mapping[str, SqlValue]) -> dict[SqlRow, SqlRow]:
        """Return identity -> key values of every touched key. Raises `TooLarge` beyond `_KEYS_MAX`."""
        width = len(self.identities)
        found: dict[SqlRow, SqlRow] = {}
        for sql in self.statements(changes):
            if not width:
                if conn.execute(sql, params).fetchone() is not None:
                    return {(): ()}
                continue
            rows = conn.execute(sql, params).fetchall()
            if len(rows) > _KEYS_MAX:
                raise TooLarge
            for row in rows:
                found[row[:width]] = row[width : 2 * width]
            if len(found) > _KEYS_MAX:
                raise TooLarge
        return found

    def statements(self, changes: Changes) -> list[str]:
        """Return the statements to run for `changes`."""
        logs = tuple((table, log) for table, log in changes.logs.items() if table in self._tables)
        known = self._known.get(logs)
        if known is None:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            known = self._known[logs] = self._statements(changes)
        return known

    def one_sql(self, layout: Layout) -> str:
        """Return the query of the entries of one key, `_eddy_k0`, `_eddy_k1`, ...; `layout` is the template's own."""
        if not self._one_sql:
            one = replace(layout.plan(None), order_by=())
            for n, key in enumerate(self.sought):
                one = one.with_where(Binary("IS", key, Param(f"_eddy_k{n}")))
            self._one_sql = render(one)
        return self._one_sql

    def _statements(self, changes: Changes) -> list[str]:
        found = [] if self._delta is None else list(self._delta.statements(changes))
        for at, prefix in enumerate(self._prefixes):
            log = changes.logs.get(prefix.sources[at].table)
            if log is not None:
                found.append(render(prefix, {at: log}).replace("SELECT ", "SELECT DISTINCT ", 1))
        found += [f"SELECT 1 FROM {changes.logs[t]} LIMIT 1" for t in sorted(self._always & changes.logs.keys())]
        for reach in self._reaches:
            found += reach.statements(self._each, _KEYS_MAX + 1, changes)
        return list(dict.fromkeys(found))

    def _prefix(self, plan: Select, at: int) -> Select:
        """Return the join of the occurrences before `at`, as they are, with the log of `at`.

        What an ON says of occurrences behind is left out: more keys are touched then, never fewer.
        """
        *sources, last = (replace(source, on=_within(source.on, at)) for source in plan.sources[: at + 1])
        if last.join == "LEFT JOIN":
            last = replace(last, join="JOIN")
        left = {n for n, source in enumerate(plan.sources) if source.join == "LEFT JOIN"}
        where: Expr | None = None
        for part in conjuncts(plan.where):
            if all(column.source <= at and column.source not in left for column in columns_of(part)):
                where = part if where is None else Binary("AND", where, part)
        return Select((*sources, last), tuple(map(Output, self._each)), where, limit=Const(str(_KEYS_MAX + 1)))


def _within(condition: Expr | None, at: int) -> Expr | None:
    """Return what `condition` says of the occurrences up to `at`."""
    kept = [part for part in conjuncts(condition) if all(column.source <= at for column in columns_of(part))]
    return reduce(lambda left, right: Binary("AND", left, right), kept) if kept else None


class KeyedOperator:
    """One query kept by the key rule.

    `window` gives the entries that are held where the window is bounded; without it the operator indexes all of them.
    """

    def __init__(
        self,
        layout: Layout,
        touch: Touch,
        params: Mapping[str, SqlValue],
        window: Callable[[], list[Entry]] | None,
    ) -> None:
        self._layout, self.touch, self._params, self._window = layout, touch, params, window
        self._identity = getter([layout.place(expr) for expr in touch.identities])
        self._index: dict[SqlRow, list[Entry]] = {}
        self._staged: dict[SqlRow, list[Entry]] = {}
        self._before_fill: dict[SqlRow, list[Entry]] | None = None
        self.one_sql = touch.one_sql(layout)

    @property
    def size(self) -> int:
        """The index holds nothing but the window's entries."""
        return 0

    def statements(self, changes: Changes) -> list[str]:
        """Return the statements that follow `changes`."""
        return [*self.touch.statements(changes), self.one_sql]

    def fill(self, conn: Connection, limit: int | None) -> list[Entry]:
        """Return the first entries in order."""
        entries = conn.execute(self._layout.query(limit), self._params).fetchall()
        if self._window is None:
            self._before_fill, self._index = self._index, self._by_identity(entries)
        return entries

    def step(self, conn: Connection, changes: Changes) -> list[Pair]:
        """Return a pair for each entry of a touched key that differs."""
        touched = self.touch.keys(conn, changes, self._params)
        if not touched:
            return []
        if self._window is not None and () in touched:
            raise TooLarge  # the one key has all rows, the window its first
        index = self._index if self._window is None else self._by_identity(self._window(), touched)
        pairs: list[Pair] = []
        for identity, values in touched.items():
            params: dict[str, Any] = dict(self._params)
            params.update((f"_eddy_k{n}", value) for n, value in enumerate(values))
            fresh = conn.execute(self.one_sql, params).fetchall()
            self._staged[identity] = fresh
            pairs += _compare(index.get(identity, ()), fresh, self._layout.key)
        return pairs

    def publish(self) -> None:
        """Keep what is staged."""
        self._before_fill = None
        if self._window is None:
            for identity, entries in self._staged.items():
                if entries:
                    self._index[identity] = entries
                else:
                    self._index.pop(identity, None)
        self._staged.clear()

    def discard(self) -> None:
        """Forget what is staged."""
        if self._before_fill is not None:
            self._index, self._before_fill = self._before_fill, None
        self._staged.clear()

    def _by_identity(
        self, entries: Sequence[Entry], wanted: Mapping[SqlRow, SqlRow] | None = None
    ) -> dict[SqlRow, list[Entry]]:
        index: dict[SqlRow, list[Entry]] = {}
        for entry in entries:
            identity = self._identity(entry)
            if wanted is None or identity in wanted:
                index.setdefault(identity, []).append(entry)
        return index


def _compare(old: Sequence[Entry], new: Sequence[Entry], key: Callable[[Entry], SqlRow]) -> list[Pair]:
    by_key = {key(entry): entry for entry in old}
    pairs: list[Pair] = []
    for entry in new:
        before = by_key.pop(key(entry), None)
        if before is None or not all(same_typed(a, b) for a, b in zip(before, entry, strict=True)):
            pairs.append((before, entry))
    return pairs + [(gone, None) for gone in by_key.values()]
