"""Keyset: the rows right behind a row, or right before it, however deep in the list it stands.

    ORDER BY rank DESC, id           behind (rank 7, id 41):     rank IS 7 AND id > 41     then     rank < 7

Each segment is a statement of its own: equal in the terms before, beyond in one term. So an index on the order serves
every one of them as a range, and no row is stepped over; OFFSET would walk from the start. The order ends in the row's
key, so pages neither repeat nor skip. NULLs stand where the term says; equal and beyond mean what they do under the
term's collation, as in ORDER BY itself.
Cost: at most two statements a term, a page of rows in all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..query.plan import Binary, Call, Const, Expr, Order, Output, Param
from ..query.render import render
from ..store import Connection
from ..values import SqlValue
from .operator import Entry

if TYPE_CHECKING:
    from .layout import Layout

__all__ = ["Keyset", "beyond", "turned"]

_NULL = Const("NULL")
_COUNT, _SKIP = Param("_eddy_count"), Param("_eddy_skip")


def turned(order: Sequence[Order]) -> tuple[Order, ...]:
    """Return the order that reads the same rows backwards."""
    return tuple(Order(term.expr, not term.desc, not term.nulls_first) for term in order)


def beyond(order: Sequence[Order], nulls: Sequence[bool], values: Sequence[Expr]) -> Iterator[tuple[Expr, ...]]:
    """Yield the conditions of each segment behind the row whose terms are `values`, in the order of the list.

    `nulls` says which of the values are NULL.
    """
    for at in range(len(order) - 1, -1, -1):
        same = tuple(Binary("IS", order[n].expr, values[n]) for n in range(at))
        term = order[at]
        if nulls[at]:
            if term.nulls_first:
                yield (*same, Binary("IS NOT", term.expr, _NULL))
            continue
        yield (*same, Binary("<" if term.desc else ">", term.expr, values[at]))
        if not term.nulls_first:
            yield (*same, Binary("IS", term.expr, _NULL))


class Keyset:
    """The statements that read the list of one layout by pages. Made once a template."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._values = [Param(f"_eddy_k{n}") for n in range(len(layout.order))]
        self._segments: dict[tuple[bool, tuple[bool, ...]], list[str]] = {}
        self._ends: dict[bool, str] = {}
        plan = replace(layout.plan(None), outputs=(Output(Call("count", star=True)),), order_by=())
        self._count_sql = render(plan)

    def count(self, conn: Connection, params: Mapping[str, SqlValue]) -> int:
        """Return how many rows the list has. O(rows), in SQLite."""
        found: int = conn.execute(self._count_sql, params).fetchone()[0]
        return found

    def from_end(
        self, conn: Connection, params: Mapping[str, SqlValue], skip: int, count: int, *, backward: bool
    ) -> list[Entry]:
        """Return `count` entries after stepping over `skip`, from the list's start or `backward` from its end."""
        sql = self._ends.get(backward)
        if sql is None:
            order = turned(self._layout.order) if backward else self._layout.order
            plan = replace(self._layout.plan(None), order_by=order, limit=_COUNT, offset=_SKIP)
            sql = self._ends[backward] = render(plan)
        entries = conn.execute(sql, {**params, _COUNT.name: count, _SKIP.name: skip}).fetchall()
        return entries[::-1] if backward else entries

    def beside(
        self, conn: Connection, params: Mapping[str, SqlValue], entry: Entry, count: int, *, backward: bool
    ) -> list[Entry]:
        """Return up to `count` entries right behind `entry`, `backward` those right before it, in list order."""
        values = [entry[at] for at in self._layout.order_at]
        bound = {**params, **{param.name: value for param, value in zip(self._values, values, strict=True)}}
        found: list[Entry] = []
        for sql in self.statements(tuple(value is None for value in values), backward=backward):
            bound[_COUNT.name] = count - len(found)
            found += conn.execute(sql, bound).fetchall()
            if len(found) >= count:
                break
        return found[::-1] if backward else found

    def statements(self, nulls: tuple[bool, ...], *, backward: bool) -> list[str]:
        """Return the statements of the segments behind a row whose terms are NULL where `nulls` says so."""
        texts = self._segments.get((backward, nulls))
        if texts is None:
            order = turned(self._layout.order) if backward else self._layout.order
            texts = self._segments[backward, nulls] = []
            for conditions in beyond(order, nulls, self._values):
                plan = replace(self._layout.plan(None), order_by=order, limit=_COUNT)
                for condition in conditions:
                    plan = plan.with_where(condition)
                texts.append(render(plan))
        return texts
