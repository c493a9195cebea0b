"""Flatten: subqueries in FROM, CTEs and views written out as the tables that they stand for.

    SELECT v.title FROM (SELECT i.title, p.name FROM issue i JOIN project p ON p.id = i.project WHERE i.open) AS v
    WHERE v.name = 'x'
        ->  SELECT i.title FROM issue i JOIN project p ON p.id = i.project WHERE p.name = 'x' AND i.open

Exact where what stands in FROM neither groups nor picks rows: its tables take its place, each of its columns the
expression behind it. At the right side of a left join only one table may stand, with plain columns: what is computed
of a row that isn't there need not be NULL. A computed column compares as BINARY, whatever the other side is, so it is
written `(x) COLLATE BINARY`; beside a COLLATE of the query's own, which would win over it, nothing is flattened.
SQLite's flattener does the same: https://sqlite.org/optoverview.html#subquery_flattening.
Where it isn't exact the subquery stays in FROM, itself flattened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .plan import (
    Binary,
    Cast,
    Collate,
    Column,
    Compound,
    Exists,
    Expr,
    InSelect,
    Order,
    Scalar,
    Select,
    Source,
    Unary,
    conjuncts,
    expressions,
    rewrite,
    rewrite_select,
    walk_deep,
)

__all__ = ["flatten"]


class _Stays(Exception):
    """The subquery at place `at` in FROM can't be written out."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at


def flatten(plan: Select | Compound) -> Select | Compound:
    """Return `plan` with the tables of subqueries in FROM in their place, where that is exact."""
    if isinstance(plan, Compound):
        return replace(plan, parts=tuple(_select(part, 0) for part in plan.parts))
    return _select(plan, 0)


def _select(plan: Select, first: int) -> Select:
    behind = first + len(plan.sources)

    def inner(expr: Expr) -> Expr | None:
        match expr:
            case Exists(select):
                return Exists(_select(select, behind))
            case InSelect(arg, select):
                return InSelect(rewrite(arg, inner), _select(select, behind))
            case Scalar(select):
                return Scalar(_select(select, behind))
        return None

    plan = rewrite_select(plan, inner)
    inside = tuple(s if s.select is None else replace(s, select=flatten(s.select)) for s in plan.sources)
    plan = replace(plan, sources=inside)
    stay = {at for at, s in enumerate(plan.sources) if not isinstance(s.select, Select)}
    while len(stay) < len(plan.sources):
        try:
            return _Flattener(plan, first, stay).result()
        except _Stays as stays:
            stay.add(stays.at)
    return plan


class _Flattener:
    """Writes one FROM out, but for what is to `stay`; subqueries are flat already."""

    def __init__(self, plan: Select, first: int, stay: set[int]) -> None:
        self._plan, self._first = plan, first
        self._parts = [
            source.select if isinstance(source.select, Select) and at not in stay else None
            for at, source in enumerate(plan.sources)
        ]
        sizes = [1 if part is None else len(part.sources) for part in self._parts]
        self._starts = [first + sum(sizes[:at]) for at in range(len(sizes))]
        self._end, self._moved = first + sum(sizes), sum(sizes) - len(sizes)
        self._collates = any(isinstance(n, Collate) for e in expressions(plan) for n in walk_deep(e))
        self._taken = {source.alias.lower() for source in plan.sources}
        self._taken |= {alias.lower() for expr in expressions(plan) for alias in _aliases(expr)}

    def result(self) -> Select:
        """Return the plan over tables alone."""
        plan = self._plan
        sources: list[Source] = []
        wheres: list[Expr] = []
        for at, (source, part) in enumerate(zip(plan.sources, self._parts, strict=True)):
            on = None if source.on is None else self._within(source.on)
            if part is None:
                sources.append(replace(source, on=on))
                continue
            if self._stays(source, part):
                raise _Stays(at)
            own = [replace(s, on=None if s.on is None else self._shifted(s.on, at)) for s in part.sources]
            own = [replace(s, alias=self._free(f"{source.alias}_{s.alias}")) for s in own]
            conditions = [self._shifted(c, at) for c in conjuncts(part.where)]
            if source.join == "LEFT JOIN":
                sources.append(replace(own[0], join="LEFT JOIN", on=_all([*conjuncts(on), *conditions])))
                continue
            sources += [replace(own[0], join=source.join), *own[1:]]
            wheres += [*conjuncts(on), *conditions]
        where = None if plan.where is None else self._within(plan.where)
        order_by = tuple(replace(order, expr=self._whole(order.expr)) for order in plan.order_by)
        return replace(
            plan,
            sources=tuple(sources),
            outputs=tuple(replace(output, expr=self._whole(output.expr)) for output in plan.outputs),
            where=_all([*conjuncts(where), *wheres]),
            group_by=tuple(map(self._whole, plan.group_by)),
            having=None if plan.having is None else self._within(plan.having),
            order_by=order_by or self._order_behind(),
            limit=None if plan.limit is None else self._within(plan.limit),
            offset=None if plan.offset is None else self._within(plan.offset),
        )

    def _order_behind(self) -> tuple[Order, ...]:
        """Return the order of the one subquery that there is, which SQLite keeps, too, where the query has none."""
        part = self._parts[0] if len(self._parts) == 1 else None
        if part is None or self._plan.grouped or self._plan.distinct:
            return ()
        return tuple(replace(order, expr=self._shifted(order.expr, 0)) for order in part.order_by)

    def _stays(self, source: Source, part: Select) -> bool:
        """Say whether a subquery does more than to give rows of its tables, or stands where those can't."""
        picks = part.windows or part.grouped or part.distinct or part.limit is not None or not part.sources
        beside = any(s.join in ("RIGHT JOIN", "FULL JOIN") for s in (*self._plan.sources, *part.sources))
        return bool(picks) or beside or (source.join == "LEFT JOIN" and len(part.sources) > 1)

    def _whole(self, expr: Expr) -> Expr:
        """Return a whole output or term; a computed column needs no collation there, where nothing is compared."""
        if isinstance(expr, Column) and self._at(expr) is not None:
            return self._behind(expr)
        return self._within(expr)

    def _within(self, expr: Expr) -> Expr:
        return rewrite(expr, self._column)

    def _column(self, expr: Expr) -> Expr | None:
        if not isinstance(expr, Column):
            return None
        if expr.source < self._first:
            return expr
        at = self._at(expr)
        if at is None:
            old = expr.source - self._first
            new = expr.source + self._moved if old >= len(self._parts) else self._starts[old]
            return Column(new, expr.name)
        found = self._behind(expr)
        if isinstance(_bare(found), Column):
            return found
        if self._collates:
            raise _Stays(at)
        return Collate(found, "BINARY")

    def _at(self, column: Column) -> int | None:
        """Return which subquery in FROM that is written out a column is of; None for another's."""
        at = column.source - self._first
        return at if 0 <= at < len(self._parts) and self._parts[at] is not None else None

    def _behind(self, column: Column) -> Expr:
        """Return the expression behind a column of a subquery in FROM."""
        at = column.source - self._first
        part, source = self._parts[at], self._plan.sources[at]
        assert part is not None, "asked of the column of a subquery that is written out"
        found = next(o.expr for o in part.outputs if _name(o.alias, o.expr) == column.name.lower())
        collates = any(isinstance(node, Collate) for node in walk_deep(found))
        if collates or (source.join == "LEFT JOIN" and not isinstance(found, Column)):
            raise _Stays(at)
        return self._shifted(found, at)

    def _shifted(self, expr: Expr, at: int) -> Expr:
        """Return an expression of the subquery at `at` with the numbers that its tables get."""
        part = self._parts[at]
        assert part is not None, "asked of a subquery's expression"
        size, start, end = len(part.sources), self._starts[at], self._end

        def change(node: Expr) -> Expr | None:
            if not isinstance(node, Column):
                return None
            return Column(node.source + start if node.source < size else node.source - size + end, node.name)

        return rewrite(expr, change)

    def _free(self, wanted: str) -> str:
        alias, n = wanted, 1
        while alias.lower() in self._taken:
            n += 1
            alias = f"{wanted}_{n}"
        self._taken.add(alias.lower())
        return alias


def _bare(expr: Expr) -> Expr:
    """Return `expr` without what leaves its collation as it is."""
    while isinstance(expr, Cast) or (isinstance(expr, Unary) and expr.op == "+"):
        expr = expr.arg
    return expr


def _name(alias: str | None, expr: Expr) -> str | None:
    """Return what a column of a subquery is called."""
    name = alias if alias is not None else expr.name if isinstance(expr, Column) else None
    return None if name is None else name.lower()


def _aliases(expr: Expr) -> Iterator[str]:
    """Yield the names of tables in the subqueries of `expr`."""
    for node in walk_deep(expr):
        if isinstance(node, Exists | InSelect | Scalar):
            yield from (source.alias for source in node.select.sources)


def _all(parts: list[Expr]) -> Expr | None:
    found: Expr | None = None
    for part in parts:
        found = part if found is None else Binary("AND", found, part)
    return found
