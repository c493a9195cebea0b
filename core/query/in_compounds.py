"""UNION in a subquery, written as the conditions that it is: in a union is what is in one of its parts.

    x IN (SELECT a FROM t UNION SELECT b FROM u)    ->  x IN (SELECT a FROM t) OR x IN (SELECT b FROM u)
    EXISTS (SELECT .. UNION ALL SELECT ..)          ->  EXISTS (SELECT ..) OR EXISTS (SELECT ..)

With NULLs, too: OR is NULL where no part has the value and one may. The parts compare with `x` in one way: who reads
the text has seen to that. INTERSECT and EXCEPT have no such form, as a NULL on one side isn't one on the other.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from .plan import Binary, Compound, Exists, Expr, InCompound, InSelect, Select, rewrite, rewrite_select

__all__ = ["without_in_compounds"]


def without_in_compounds(plan: Select | Compound) -> Select | Compound:
    """Return `plan` without compounds in its subqueries."""
    if isinstance(plan, Compound):
        return replace(plan, parts=tuple(map(_select, plan.parts)))
    return _select(plan)


def _select(plan: Select) -> Select:
    inside = (s if s.select is None else replace(s, select=without_in_compounds(s.select)) for s in plan.sources)
    return rewrite_select(replace(plan, sources=tuple(inside)), _alternatives)


def _alternatives(expr: Expr) -> Expr | None:
    match expr:
        case InCompound(_, arg, compound):
            found = None if arg is None else rewrite(arg, _alternatives)
            parts = map(_select, compound.parts)
            each: list[Expr] = [Exists(part) if found is None else InSelect(found, part) for part in parts]
            return reduce(lambda left, right: Binary("OR", left, right), each)
        case Exists(select):
            return Exists(_select(select))
        case InSelect(arg, select):
            return InSelect(rewrite(arg, _alternatives), _select(select))
    return None
