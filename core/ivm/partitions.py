"""Window functions by the key rule: the partitions that a change touches are read anew.

    sum(x) OVER (PARTITION BY a, b ORDER BY t),  rank() OVER (PARTITION BY a ORDER BY x)       key: a

What a row shows is a function of the rows of its partition. So is it of any coarser partition: where several windows
partition in several ways, what all of them partition by is the key; where that is nothing, all rows are one partition.
Behind a left join only what the first table gives can be the key.

*Ties.* SQLite may number rows that tie as it likes, now so, then otherwise. Where the frame doesn't ask which
rows tie, the row's key ends the window's order, which is one of the legal answers and a lasting one. What is left (the
first of a RANGE frame, group_concat by peers) is right as long as one statement answers a whole partition; under a
LIMIT, where rows come back one by one, all rows are then one partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..query.plan import Expr, Order, Over, Select, columns_of, rewrite_select
from .subqueries import holds_select

__all__ = ["partition_key", "settled"]

_ROW_BY_ROW = frozenset({"row_number", "ntile", "lag", "lead"})
_BY_PEERS = frozenset({"rank", "dense_rank", "percent_rank", "cume_dist"})
_ANY_ORDER = frozenset({"count", "sum", "total", "avg", "min", "max"})


def settled(plan: Select, key: Sequence[Expr]) -> Select:
    """Return `plan` with the row's `key` at the end of each window's order where that settles ties and nothing else."""

    def change(expr: Expr) -> Expr | None:
        if not isinstance(expr, Over) or not _by_row(expr):
            return None
        named = {order.expr for order in expr.order_by}
        return replace(expr, order_by=(*expr.order_by, *(Order(part) for part in key if part not in named)))

    return rewrite_select(plan, change)


def partition_key(plan: Select, *, first_only: bool) -> tuple[Expr, ...]:
    """Return the expressions by which every window partitions; none: all rows are one partition."""
    windows = plan.windows
    if plan.limit is not None and not all(map(_has_one_answer, windows)):
        return ()
    common = [e for e in dict.fromkeys(windows[0].partition_by) if all(e in w.partition_by for w in windows[1:])]
    return tuple(expr for expr in common if _serves(expr, first_only=first_only))


def _serves(expr: Expr, *, first_only: bool) -> bool:
    sources = {column.source for column in columns_of(expr)}
    return bool(sources) and not holds_select(expr) and (sources == {0} or not first_only)


def _by_row(over: Over) -> bool:
    """Say whether `over` asks for an order of rows and not which of them tie."""
    if over.call.name in _ROW_BY_ROW:
        return True
    frame = over.frame
    return (
        over.call.name not in _BY_PEERS
        and frame is not None
        and frame.unit == "ROWS"
        and frame.exclude in ("", "NO OTHERS", "CURRENT ROW")
    )


def _has_one_answer(over: Over) -> bool:
    """Say whether ties leave no choice once `settled`."""
    return _by_row(over) or over.call.name in _BY_PEERS | _ANY_ORDER
