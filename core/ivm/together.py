"""Together: the first rows of many programs of one template, by one statement.

    SELECT ... FROM task WHERE owner = :p1          p1: 4, 7, 9, ...

    WITH w(i, v0) AS (VALUES (0, 4), (1, 7), (2, 9), ...)
    SELECT w.i, ... FROM w CROSS JOIN task WHERE task.owner = w.v0 ORDER BY w.i, ...

That stands for rows of inner joins whose parameters are only compared with columns: SQLite then converts a value of `w`
as it converts the parameter, and compares it under the column's collation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..query.plan import (
    Binary,
    Column,
    Expr,
    Order,
    Output,
    Param,
    Select,
    Source,
    conjuncts,
    expressions,
    rewrite_select,
    walk_deep,
)
from ..query.render import render
from ..schema.catalog import TableName
from ..store import Connection
from ..values import SqlValue
from .operator import Entry

if TYPE_CHECKING:
    from .layout import Layout

__all__ = ["SETS_MAX", "Together", "together"]

_SETS = "_eddy_sets"
SETS_MAX = 256


def together(layout: Layout) -> Together | None:
    """Return what fills programs of `layout` together; None where a parameter is more than compared with a column."""
    plan = layout.plan(None)
    names: dict[str, int] = {}
    equal: list[Expr] = []
    other: list[Expr] = []
    for part in conjuncts(plan.where):
        match part:
            case Binary("=", Column(source, column), Param(name)) | Binary("=", Param(name), Column(source, column)):
                value = Column(0, f"v{names.setdefault(name, len(names))}")
                equal.append(Binary("=", Column(source + 1, column), value))
            case _:
                other.append(part)
    params = sum(isinstance(node, Param) for expr in expressions(plan) for node in walk_deep(expr))
    if not plan.sources or not equal or len(equal) != params or plan.grouped:
        return None
    bare = replace(plan, where=None)
    for part in other:
        bare = bare.with_where(part)
    moved = rewrite_select(bare, lambda e: Column(e.source + 1, e.name) if isinstance(e, Column) else None)
    return Together(moved, tuple(names), equal)


class Together:
    """The statement of one template."""

    def __init__(self, moved: Select, names: tuple[str, ...], equal: Sequence[Expr]) -> None:
        self._names = names
        self._texts: dict[int, str] = {}
        first, *others = moved.sources
        at = Column(0, "i")
        made = replace(
            moved,
            sources=(Source(TableName("temp", _SETS), _SETS), replace(first, join="CROSS JOIN"), *others),
            outputs=(Output(at), *moved.outputs),
            order_by=(Order(at), *moved.order_by),
        )
        for part in equal:
            made = made.with_where(part)
        self._body = render(made, {0: _SETS})

    def sql(self, count: int) -> str:
        """Return the statement for `count` sets."""
        text = self._texts.get(count)
        if text is None:
            columns = ", ".join(f"v{n}" for n in range(len(self._names)))
            sets = ", ".join(
                f"({at}, {', '.join(f':s{at}_{n}' for n in range(len(self._names)))})" for at in range(count)
            )
            text = self._texts[count] = f"WITH {_SETS}(i, {columns}) AS (VALUES {sets})\n{self._body}"
        return text

    def read(self, conn: Connection, many: Sequence[Mapping[str, SqlValue]]) -> list[list[Entry]]:
        """Return the entries of each set of parameters, in order. At most `SETS_MAX` sets."""
        found: list[list[Entry]] = [[] for _ in many]
        count = 1 << (len(many) - 1).bit_length()
        bound: dict[str, SqlValue] = {}
        for at in range(count):
            params = many[at] if at < len(many) else None
            for n, name in enumerate(self._names):
                bound[f"s{at}_{n}"] = None if params is None else params[name]
        for row in conn.execute(self.sql(count), bound).fetchall():
            found[row[0]].append(row[1:])
        return found
