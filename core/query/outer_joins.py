"""Outer joins as left joins: RIGHT and FULL written so that the first table's rows are always there.

    a RIGHT JOIN b ON c              ->  b LEFT JOIN a ON c
    a JOIN b RIGHT JOIN c ON d       ->  c LEFT JOIN (SELECT .. FROM a JOIN b) ON d
    a FULL JOIN b ON c               ->  (SELECT .. FROM a LEFT JOIN b ON c
                                          UNION ALL SELECT NULL, .. FROM b WHERE NOT EXISTS (SELECT 1 FROM a WHERE c))

What stands before such a join is one table then, by the columns that the query reads of it. A join is read from left to
right, so the leftmost is written first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..schema.catalog import TableName
from .plan import (
    Column,
    Compound,
    Const,
    Exists,
    Expr,
    Output,
    Select,
    Source,
    Unary,
    Unplannable,
    columns_of,
    expressions,
    rewrite_select,
    selects,
)

__all__ = ["without_outer_joins"]


def without_outer_joins(plan: Select) -> Select:
    """Return `plan` with inner, cross and left joins alone."""
    while True:
        at = next((n for n, s in enumerate(plan.sources) if s.join in ("RIGHT JOIN", "FULL JOIN")), None)
        if at is None:
            return plan
        full = plan.sources[at].join == "FULL JOIN"
        if at == 1 and not full:
            plan = _swapped(plan)
            continue
        if any(source.on is not None and any(selects(source.on)) for source in plan.sources[: at + full]):
            raise Unplannable("a subquery in the ON before a FULL or RIGHT JOIN is re-run")
        plan = _full(plan, at) if full else _right(plan, at)


def _swapped(plan: Select) -> Select:
    turned = _moved(plan, {0: 1, 1: 0})
    left, right = turned.sources[:2]
    first = (replace(right, join="", on=None), replace(left, join="LEFT JOIN", on=right.on))
    return replace(turned, sources=(*first, *turned.sources[2:]))


def _right(plan: Select, at: int) -> Select:
    """Write what stands before the RIGHT JOIN at `at` as one table, to its right."""
    source, before = plan.sources[at], plan.sources[:at]
    used = _used(plan, range(at))
    inner = Select(before, _named(used))
    moved = _behind(plan, at, used, lambda n: Column(1, f"c{n}"), {at: 0}, size=2)
    on = moved.sources[at].on
    named = Source(TableName("", ""), _name(plan), "LEFT JOIN", on, inner)
    return replace(moved, sources=(replace(source, join="", on=None), named, *moved.sources[at + 1 :]))


def _full(plan: Select, at: int) -> Select:
    """Write all up to the FULL JOIN at `at` as one table: the left join, and the rows that it leaves out."""
    source, before = plan.sources[at], plan.sources[:at]
    used = _used(plan, range(at + 1))
    joined = Select((*before, replace(source, join="LEFT JOIN")), _named(used))
    places = {n: n + 1 for n in range(at)} | {at: 0}
    matching = _moved(Select(before, (Output(Const("1")),), source.on), places)
    shown = [Column(0, column.name) if column.source == at else Const("NULL") for column in used]
    alone = Select((replace(source, join="", on=None),), _named(shown), Unary("NOT", Exists(matching)))
    moved = _behind(plan, at, used, lambda n: Column(0, f"c{n}"), {}, size=1)
    both = Source(TableName("", ""), _name(plan), select=Compound((joined, alone), ("UNION ALL",)))
    return replace(moved, sources=(both, *moved.sources[at + 1 :]))


def _used(plan: Select, sources: range) -> list[Column]:
    """Return the columns of `sources` that stand anywhere in `plan`, in the order of the text."""
    return list(dict.fromkeys(c for expr in expressions(plan) for c in columns_of(expr) if c.source in sources))


def _named(exprs: Sequence[Expr]) -> tuple[Output, ...]:
    """Return outputs c0, c1, ...; a table has at least one."""
    return tuple(Output(expr, f"c{n}") for n, expr in enumerate(exprs or [Const("1")]))


def _behind(
    plan: Select, at: int, used: list[Column], named: Callable[[int], Column], kept: Mapping[int, int], *, size: int
) -> Select:
    """Return `plan` in whose expressions `size` sources stand for the first `at + 1`.

    `named` gives the column for a place among `used`; those of the sources in `kept` only move.
    """
    places = {column: n for n, column in enumerate(used)}
    shift = size - (at + 1)

    def change(expr: Expr) -> Expr | None:
        if not isinstance(expr, Column):
            return None
        if expr.source > at:
            return Column(expr.source + shift, expr.name)
        return Column(kept[expr.source], expr.name) if expr.source in kept else named(places[expr])

    return rewrite_select(plan, change)


def _moved(plan: Select, places: dict[int, int]) -> Select:
    """Return `plan` with the sources' numbers changed in its expressions."""

    def change(expr: Expr) -> Expr | None:
        moves = isinstance(expr, Column) and expr.source in places
        return Column(places[expr.source], expr.name) if moves and isinstance(expr, Column) else None

    return rewrite_select(plan, change)


def _name(plan: Select) -> str:
    """Return a name that no source has."""
    taken = {source.alias.lower() for source in plan.sources}
    n = 1
    while f"joined_{n}" in taken:
        n += 1
    return f"joined_{n}"
