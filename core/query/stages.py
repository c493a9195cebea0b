"""Stages: a query that does two things to its rows one after the other, written as one over the rows of another.

    SELECT month, sum(sum(total)) OVER (ORDER BY month) FROM invoice GROUP BY month
        ->  SELECT g0, sum(g1) OVER (ORDER BY g0)
            FROM (SELECT month AS g0, sum(total) AS g1 FROM invoice GROUP BY month)

    SELECT DISTINCT rank() OVER (..) FROM t     ->  SELECT DISTINCT g0 FROM (SELECT rank() OVER (..) AS g0 FROM t)

    SELECT b.x, count(*) FROM a LEFT JOIN b .. GROUP BY b.x
        ->  SELECT g0, count(*) FROM (SELECT b.x AS g0 FROM a LEFT JOIN b ..) GROUP BY g0

So each stage has one rule that keeps it. SQLite works in the same stages: windows come after groups, DISTINCT after
windows, and a value that passes from one to the next is a column there, with its affinity and collation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..schema.catalog import TableName
from .plan import (
    Call,
    Column,
    Const,
    Expr,
    Output,
    Select,
    Source,
    Unplannable,
    columns_of,
    is_aggregate,
    rewrite,
    selects,
)

__all__ = ["staged"]


def staged(plan: Select) -> Select:
    """Return `plan` with at most one stage of its own, over a subquery in FROM where there are more."""
    if plan.distinct and (plan.windows or plan.grouped):
        plan = _distinct(plan)
    plan = _as_groups(plan)
    if plan.windows and plan.grouped:
        return _split(plan, lambda e: e in plan.group_by or isinstance(e, Column) or _is_call(e), grouped=True)
    if _groups_beyond_the_first(plan):
        return _split(plan, lambda e: isinstance(e, Column), grouped=False)
    return plan


def _distinct(plan: Select) -> Select:
    outputs = [output.expr for output in plan.outputs]
    if not {order.expr for order in plan.order_by} <= set(outputs):
        raise Unplannable("DISTINCT in the order of what isn't selected is re-run")
    inner = replace(plan, distinct=False, order_by=(), limit=None, offset=None, outputs=_named(outputs))
    return Select(
        (_source(inner),),
        tuple(replace(output, expr=Column(0, f"g{n}")) for n, output in enumerate(plan.outputs)),
        order_by=tuple(replace(o, expr=Column(0, f"g{outputs.index(o.expr)}")) for o in plan.order_by),
        limit=plan.limit,
        offset=plan.offset,
        distinct=True,
    )


def _as_groups(plan: Select) -> Select:
    """Return SELECT DISTINCT as the GROUP BY of its outputs, which it is: equal under affinity and collation.

    Those that are the same for all rows make one group, if there are any rows.
    """
    if not plan.distinct:
        return plan
    outputs = list(dict.fromkeys(output.expr for output in plan.outputs))
    groups = tuple(expr for expr in outputs if any(True for _ in columns_of(expr)))
    if not {order.expr for order in plan.order_by} <= set(outputs):
        raise Unplannable("DISTINCT in the order of what isn't selected is re-run")
    return replace(plan, distinct=False, group_by=groups or (Const("NULL"),))


def _is_call(expr: Expr) -> bool:
    return isinstance(expr, Call) and is_aggregate(expr)


def _groups_beyond_the_first(plan: Select) -> bool:
    left = any(source.join == "LEFT JOIN" for source in plan.sources)
    return left and any(column.source for expr in plan.group_by for column in columns_of(expr))


def _split(plan: Select, passes: Callable[[Expr], bool], *, grouped: bool) -> Select:
    """Return the last stage of `plan` over the one before it, which gives the parts that pass."""
    beside = [*(o.expr for o in plan.outputs), *(o.expr for o in plan.order_by), *plan.group_by]
    if any(any(selects(expr)) for expr in [*beside, *([] if plan.having is None else [plan.having])]):
        raise Unplannable("a subquery beside groups of a left join, or windows over groups, is re-run")
    found: list[Expr] = []  # of a row: at least one part passes, its groups or its columns

    def change(expr: Expr) -> Expr | None:
        if not passes(expr):
            return None
        if expr not in found:
            found.append(expr)
        return Column(0, f"g{found.index(expr)}")

    def go(expr: Expr) -> Expr:
        return rewrite(expr, change)

    outer = Select(
        (),
        tuple(replace(output, expr=go(output.expr)) for output in plan.outputs),
        order_by=tuple(replace(order, expr=go(order.expr)) for order in plan.order_by),
        group_by=() if grouped else tuple(map(go, plan.group_by)),
        having=None if grouped or plan.having is None else go(plan.having),
        limit=plan.limit,
        offset=plan.offset,
    )
    inner = replace(plan, order_by=(), limit=None, offset=None, outputs=_named(found))
    if not grouped:
        inner = replace(inner, group_by=(), having=None)
    return replace(outer, sources=(_source(inner),))


def _named(exprs: Sequence[Expr]) -> tuple[Output, ...]:
    return tuple(Output(expr, f"g{n}") for n, expr in enumerate(exprs or [Const("1")]))


def _source(inner: Select) -> Source:
    return Source(TableName("", ""), "stage", select=inner)
