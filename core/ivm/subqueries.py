"""Subqueries by the key rule: which rows of the outer query see another result when a table inside changes.

    SELECT i.title FROM issue AS i WHERE EXISTS (SELECT 1 FROM comment AS c WHERE c.issue = i.id)

    changed comments --join by what correlates--> issues (new state) --> their keys are touched

What a subquery gives for one outer row is a function of the *bag* of its rows: those of its FROM that its WHERE keeps.
A bag that has changed holds, in the old state or the new one, a combination with a changed row. The changed rows of a
combination are in the logs, the others are in the new state: so the union over the non-empty subsets of changed
occurrences, each joined through its log, reaches every such combination. First-order terms alone miss a parent and a
child that go together. Where the subquery has left joins, the combination is read off the prefix of its join order
before the first changed row instead, as in `keyed.py`. Outer rows that changed themselves are touched anyhow, so here
they are in the new state. Conditions that hold a subquery are left out: they may have had another value before.
`x IN (SELECT v ...)` is reached where `x = v`; a NULL on either side changes the answer of every row, which matters
where FALSE and NULL differ: under NOT, or in a value.
Cost: one statement a subset, driven by the log where SQLite finds an index for the correlation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from ..changes import Changes
from ..query.plan import (
    Binary,
    Call,
    Column,
    Const,
    Exists,
    Expr,
    InSelect,
    JoinKind,
    Output,
    RowValue,
    Scalar,
    Select,
    Source,
    Unplannable,
    children,
    columns_of,
    conjuncts,
    expressions,
    is_aggregate,
    rewrite_select,
    selects,
    walk,
)
from ..query.render import render
from .delta import changed_subsets
from .operator import TooLarge

__all__ = ["Reach", "holds_select", "lean", "levels", "reaches", "without_selects"]

_CHANGED_MAX = 5
_STEADY = frozenset({"count", "sum", "total", "avg"})

Subquery: TypeAlias = Exists | InSelect | Scalar


class Facts(Protocol):
    """What the compiler knows of the columns of a query whose first occurrence has the number `first`."""

    def never_null(self, plan: Select, first: int, expr: Expr) -> bool:
        """Say whether `expr` can't be NULL."""

    def one_typed(self, plan: Select, first: int, expr: Expr) -> bool:
        """Say whether equal values of `expr` are always the same."""

    def one_row(self, plan: Select, first: int) -> bool:
        """Say whether the query gives at most one row for each row around it."""

    def total_order(self, plan: Select, first: int) -> bool:
        """Say whether the query's ORDER BY leaves no choice of which row comes first."""


def holds_select(expr: Expr | None) -> bool:
    """Say whether there is a subquery in `expr`."""
    return expr is not None and any(True for _ in selects(expr))


def levels(plan: Select, first: int = 0) -> Iterator[tuple[int, Select]]:
    """Yield `plan` and every subquery in it, each with the number of its first occurrence."""
    yield first, plan
    for expr in expressions(plan):
        for node in selects(expr):
            yield from levels(node.select, first + len(plan.sources))


def lean(plan: Select) -> Select:
    """Return `plan` with nothing selected or sorted where only EXISTS asks: fewer columns to follow."""

    def change(expr: Expr) -> Expr | None:
        if isinstance(expr, Exists) and not expr.select.grouped and expr.select.limit is None:
            inner = rewrite_select(expr.select, change)
            return Exists(replace(inner, outputs=(Output(Const("1")),), order_by=(), distinct=False))
        return None

    return rewrite_select(plan, change)


def without_selects(plan: Select) -> Select:
    """Return `plan` without the conditions that hold a subquery: at least the same rows."""
    return replace(
        plan,
        sources=tuple(replace(source, on=_plain(source.on)) for source in plan.sources),
        where=_plain(plan.where),
    )


def _plain(condition: Expr | None) -> Expr | None:
    return _all(part for part in conjuncts(condition) if not holds_select(part))


def _all(parts: Iterable[Expr]) -> Expr | None:
    found: Expr | None = None
    for part in parts:
        found = part if found is None else Binary("AND", found, part)
    return found


@dataclass(frozen=True, slots=True)
class Reach:
    """The join of the queries around a subquery with its own sources, numbered from `first` on."""

    plan: Select
    first: int

    def statements(self, exprs: Sequence[Expr], limit: int, changes: Changes) -> Iterator[str]:
        """Yield the statements that give `exprs` of the outer rows which the changes reach, at most `limit` each."""
        logs = {
            at: changes.logs[source.table]
            for at, source in enumerate(self.plan.sources)
            if at >= self.first and source.table in changes.logs
        }
        if len(logs) > _CHANGED_MAX:
            raise TooLarge
        plan = replace(self.plan, outputs=tuple(map(Output, exprs)), limit=Const(str(limit)), distinct=True)
        if any(source.join == "LEFT JOIN" for source in plan.sources[self.first :]):
            parts = [(_prefix(plan, self.first, at), {at: log}) for at, log in logs.items()]
        else:
            parts = [(plan, {at: logs[at] for at in subset}) for subset in changed_subsets(list(logs))]
        for part, tables in parts:
            yield render(part, tables)


def _prefix(plan: Select, first: int, at: int) -> Select:
    """Return the join up to occurrence `at` of the subquery, with the conditions that are steady so far."""
    last = plan.sources[at]
    if last.join == "LEFT JOIN":
        last = replace(last, join="JOIN")
    left = {n for n, source in enumerate(plan.sources) if n >= first and source.join == "LEFT JOIN"}
    steady = (p for p in conjuncts(plan.where) if all(c.source <= at and c.source not in left for c in columns_of(p)))
    return replace(plan, sources=(*plan.sources[:at], last), where=_all(steady))


def reaches(plan: Select, facts: Facts) -> list[Reach]:
    """Return how the tables in each subquery of `plan` reach its rows. Raises `Unplannable` where that is not exact."""
    if any(map(holds_select, (plan.limit, plan.offset))):
        raise Unplannable("LIMIT by a subquery is re-run")
    finder = _Finder(facts)
    finder.look(plan, 0, without_selects(replace(plan, group_by=(), having=None, order_by=(), limit=None, offset=None)))
    return finder.found


class _Finder:
    """Walks a plan from the outside in; `joined` is the join of all queries around."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.found: list[Reach] = []

    def look(self, level: Select, first: int, joined: Select) -> None:
        """Find the subqueries of `level`, whose first occurrence is `first`."""
        lefts = {id(s.on): at for at, s in enumerate(level.sources) if s.join == "LEFT JOIN" and holds_select(s.on)}
        if lefts and first:
            raise Unplannable("a subquery in the ON of a left join inside a subquery is re-run")
        conditions = [level.where, *(source.on for source in level.sources)]
        outside = joined
        for expr in expressions(level):
            joined = outside if id(expr) not in lefts else _up_to(outside, lefts[id(expr)])
            for node, as_filter in _subqueries(expr, as_filter=any(expr is condition for condition in conditions)):
                self._enter(level, first, node, joined, as_filter=as_filter)

    def _enter(self, level: Select, first: int, node: Subquery, joined: Select, *, as_filter: bool) -> None:
        select, start = node.select, len(joined.sources)
        self._refuse_unsteady(node, start)
        plain = without_selects(select)
        sources = _behind(plain.sources, {source.alias.lower() for source in joined.sources})
        conditions = [*conjuncts(joined.where), *conjuncts(plain.where)]
        inner = replace(joined, sources=(*joined.sources, *sources), where=_all(conditions))
        for extra in self._matches(level, first, node, start, as_filter=as_filter):
            where = inner.where if extra is None else _all((*conditions, extra))
            self.found.append(Reach(replace(inner, where=where), start))
        self.look(select, start, inner)

    def _matches(
        self, level: Select, first: int, node: Subquery, start: int, *, as_filter: bool
    ) -> Iterator[Expr | None]:
        """Yield the conditions under which a changed row of the subquery matters to an outer row."""
        if not isinstance(node, InSelect) or node.select.limit is not None:
            yield None  # a row more may push another one out of the LIMIT
            return
        args = node.arg.items if isinstance(node.arg, RowValue) else (node.arg,)
        values = tuple(output.expr for output in node.select.outputs)
        if any(map(holds_select, (*args, *values))):
            yield None
            return
        yield Binary("=", node.arg, RowValue(values) if isinstance(node.arg, RowValue) else values[0])
        if as_filter:
            return
        for value in values:
            if not self._facts.never_null(node.select, start, value):
                yield Binary("IS", value, Const("NULL"))
        for arg in args:
            if not self._facts.never_null(level, first, arg):
                yield Binary("IS", arg, Const("NULL"))

    def _refuse_unsteady(self, node: Subquery, start: int) -> None:
        """Raise `Unplannable` where equal bags could give different results, or what is inside belongs outside."""
        select = node.select
        if select.windows:
            raise Unplannable("a window function in a subquery is re-run")
        if any(source.join in ("RIGHT JOIN", "FULL JOIN") for source in select.sources):
            raise Unplannable("a RIGHT or FULL JOIN in a subquery is re-run")
        if any(map(holds_select, (select.limit, select.offset))):
            raise Unplannable("LIMIT by a subquery is re-run")
        rows = [select.where, *(source.on for source in select.sources), *select.group_by]
        if any(isinstance(n, Call) and is_aggregate(n) for e in rows if e is not None for n in walk(e)):
            raise Unplannable("an aggregate of another query in a subquery is re-run")
        for call in select.aggregates:
            used = [column for part in children(call) for column in columns_of(part)]
            if used and all(column.source < start for column in used):
                raise Unplannable("an aggregate of another query in a subquery is re-run")
        if select.having is not None and _bare(select.having, select.group_by, start):
            raise Unplannable("HAVING by a column that the groups don't determine is re-run")
        wide = len(node.arg.items) if isinstance(node, InSelect) and isinstance(node.arg, RowValue) else 1
        if not isinstance(node, Exists) and len(select.outputs) != wide:
            raise Unplannable("a row value of a subquery is re-run")
        match node:
            case InSelect() if select.limit is not None and not self._facts.total_order(select, start):
                raise Unplannable("IN (SELECT ... LIMIT) whose ORDER BY leaves a choice is re-run")
            case InSelect() if select.grouped:
                values = [output.expr for output in select.outputs]
                if not all(v in select.group_by and self._facts.one_typed(select, start, v) for v in values):
                    raise Unplannable("IN (SELECT ...) of a grouping's other values is re-run")
            case Scalar() if not (
                self._one_group(select, start)
                or self._facts.one_row(select, start)
                or self._facts.total_order(select, start)
            ):
                raise Unplannable("a subquery that may choose among rows is re-run")

    def _one_group(self, select: Select, start: int) -> bool:
        """Say whether `select` is one row of aggregates that leave no choice."""
        facts, calls = self._facts, select.aggregates
        steady = all(
            call.name in _STEADY or (call.name in ("min", "max") and facts.one_typed(select, start, call.args[0]))
            for call in calls
        )
        return (
            bool(calls) and steady and not select.group_by and select.limit is None
            and not _bare(select.outputs[0].expr, (), start)
        )  # fmt: skip


def _up_to(joined: Select, at: int) -> Select:
    """Return the join in which each row of the left-joined occurrence `at` that its plain conditions let meet a row
    before it does: whether the subquery in its ON lets it, too, may have changed. What is behind can take no row away.
    """
    sources = tuple(
        replace(source, join="JOIN")
        if n == at
        else replace(source, join="LEFT JOIN", on=Const("0"))
        if n > at
        else source
        for n, source in enumerate(joined.sources)
    )
    left = {n for n, source in enumerate(joined.sources) if source.join == "LEFT JOIN"}
    steady = (p for p in conjuncts(joined.where) if all(c.source < at and c.source not in left for c in columns_of(p)))
    return replace(joined, sources=sources, where=_all(steady))


def _subqueries(expr: Expr, *, as_filter: bool) -> Iterator[tuple[Subquery, bool]]:
    """Yield the outermost subqueries of `expr`; True: under nothing but AND and OR, so NULL does what FALSE does."""
    if isinstance(expr, Exists | InSelect | Scalar):
        yield expr, as_filter
    below = as_filter and isinstance(expr, Binary) and expr.op in ("AND", "OR")
    for child in children(expr):
        yield from _subqueries(child, as_filter=below)


def _bare(expr: Expr, known: Sequence[Expr], start: int) -> bool:
    """Say whether `expr` reads a column of the subquery outside aggregates and group values."""
    if expr in known or (isinstance(expr, Call) and is_aggregate(expr)):
        return False
    if isinstance(expr, Exists | InSelect | Scalar):
        return any(start <= column.source for column in columns_of(expr))
    if isinstance(expr, Column):
        return expr.source >= start
    return any(_bare(child, known, start) for child in children(expr))


def _behind(sources: Sequence[Source], taken: set[str]) -> Iterator[Source]:
    """Yield the sources as inner joins behind others, under names that are still free."""
    first = not taken
    for source in sources:
        alias, n = source.alias, 1
        while alias.lower() in taken:
            n += 1
            alias = f"{source.alias}_{n}"
        taken.add(alias.lower())
        join: JoinKind = "" if first else "JOIN" if source.join in ("", ",") else source.join
        yield replace(source, alias=alias, join=join)
        first = False
