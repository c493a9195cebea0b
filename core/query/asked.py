"""What is asked: the form in which every query reaches the engine, and the shape by which equal plans are found.

    "SELECT t.a FROM t WHERE t.b = :x"    Asked(sql)               shape  Select(..., Binary("=", Column, Param("1")))
    "select a from t as u where b = ?"    Asked(sql)               the same
    T.where(T.b == 3).select(T.a)         Asked(sql, plan)         the same

Queries of one shape, and with the same names of columns, share one template, whatever their aliases and parameters are
called. Literals are part of the shape: `b = 3` is another one than `b = ?`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .nested import Level
from .plan import (
    Compound,
    Exists,
    Expr,
    InSelect,
    Output,
    Param,
    Scalar,
    Select,
    Source,
    rewrite,
    rewrite_select,
)
from .shown import Maker

__all__ = ["Asked", "shape_of"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A query: its text; of a builder's query also its plan, or why it has none, and what makes its rows.

    `from_afar`: the plan was made for another catalog. `levels` are what its rows include.
    """

    sql: str
    plan: Select | Compound | None = None
    no_plan: str = ""
    make: Maker | None = None
    from_afar: bool = False
    levels: tuple[Level, ...] = ()


def shape_of(plan: Select | Compound) -> tuple[Select | Compound, tuple[str, ...]]:
    """Return `plan` without the names it was given, and the names of its parameters in the order of its text."""
    names: dict[str, int] = {}

    def change(node: Expr) -> Expr | None:
        match node:
            case Param(name):
                return Param(str(names.setdefault(name, len(names) + 1)))
            case Exists(select):
                return Exists(bare(select))
            case InSelect(arg, select):
                return InSelect(rewrite(arg, change), bare(select))
            case Scalar(select):
                return Scalar(bare(select))
        return None

    def bare(select: Select, *, named: bool = False) -> Select:
        made = rewrite_select(select, change)
        sources = tuple(
            Source(s.table, "", s.join, s.on, None if s.select is None else whole(s.select, named=True))
            for s in made.sources
        )
        outputs = made.outputs if named else tuple(Output(output.expr) for output in made.outputs)
        return replace(made, sources=sources, outputs=outputs)

    def whole(plan: Select | Compound, *, named: bool = False) -> Select | Compound:
        if isinstance(plan, Select):
            return bare(plan, named=named)
        parts = tuple(bare(part, named=named) for part in plan.parts)
        counts = [None if number is None else rewrite(number, change) for number in (plan.limit, plan.offset)]
        return replace(plan, parts=parts, limit=counts[0], offset=counts[1])

    return whole(plan), tuple(names)
