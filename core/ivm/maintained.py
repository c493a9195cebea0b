"""Maintained: operator and window of a planned query with its parameters, made out of its template.

    changes --operator--> pairs (old entry, new entry) --window--> patches of what is visible

A compound has an operator for each part, a query over subqueries in FROM one that feeds their tables first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Final

from ...signals.patch import Patch
from ..changes import Changes
from ..query.plan import Compound, Const, Select
from ..query.render import render_expr
from ..query.shown import Maker
from ..store import Connection
from ..values import SqlValue
from .compound import CompoundLayout, CompoundOperator
from .derived import PROGRAM, Inner
from .feeds import DerivedOperator, Feed
from .groups import GroupsOperator
from .keyed import KeyedOperator
from .operator import Entry, Operator
from .rows import RowsOperator
from .template import Template
from .window import Window

__all__ = ["Maintained", "Unkept", "derived_in", "operator_of", "scrolls"]

_numbers = count(1)


class Maintained:
    """Operator and window of a planned query."""

    __slots__ = (
        "_whole",
        "operator",
        "window",
    )
    place: Final = None

    def __init__(
        self, conn: Connection, template: Template, params: Mapping[str, SqlValue], make: Maker | None
    ) -> None:
        params = {**params, PROGRAM: next(_numbers)} if template.inners else params
        self.window, self.operator = _kept(conn, template, params, make)
        self._whole = template.groups is not None or bool(template.parts)

    def fill(self, conn: Connection, *, diff: bool) -> list[Patch]:
        """Read everything anew; stage it and return how the visible part changes, as a Reset unless `diff`."""
        capacity = None if self._whole else self.window.capacity
        try:
            entries = self.operator.fill(conn, capacity)
        except sqlite3.Error:
            if capacity is None or self.window.hi is None or capacity == self.window.hi:
                raise
            capacity = self.window.hi  # a spare row may fail where the visible ones don't
            entries = self.operator.fill(conn, capacity)
        return self.window.reset(entries, capacity, diff=diff)

    def step(self, conn: Connection, changes: Changes) -> list[Patch]:
        """Stage `changes`; return the patches."""
        pairs = self.operator.step(conn, changes)
        if not pairs:
            return []
        return self.window.step(pairs, lambda limit: self.operator.fill(conn, limit))

    def publish(self) -> None:
        self.operator.publish()
        self.window.publish()

    def discard(self) -> None:
        self.operator.discard()
        self.window.discard()


def derived_in(operator: Operator) -> Iterator[DerivedOperator]:
    """Yield the operators over derived tables in `operator`."""
    if isinstance(operator, DerivedOperator):
        yield operator
    elif isinstance(operator, CompoundOperator):
        for part in operator.parts:
            yield from derived_in(part)


class Unkept(Exception):
    """The LIMIT of these parameters is one that no rule follows."""


def _kept(
    conn: Connection, template: Template, params: Mapping[str, SqlValue], make: Maker | None = None
) -> tuple[Window, Operator]:
    """Return the window and the operator of a planned query. Raises `Unkept`."""
    assert template.plan is not None, "only planned queries are maintained"
    assert template.layout is not None, "only planned queries are maintained, and they have a layout"
    bounds = _bounds(conn, template.plan, params)
    if bounds is None:
        raise Unkept
    window = Window(template.layout, *bounds, make)
    return window, operator_of(conn, template, params, None if bounds[1] is None else (lambda: window.entries))


def operator_of(
    conn: Connection,
    template: Template,
    params: Mapping[str, SqlValue],
    held: Callable[[], list[Entry]] | None = None,
) -> Operator:
    """Return the operator of a planned query; `held` gives the entries of a bounded window."""
    layout = template.layout
    if isinstance(layout, CompoundLayout):
        assert isinstance(template.plan, Compound), "a compound's layout is that of a compound"
        return CompoundOperator(
            layout, template.plan.words, [operator_of(conn, part, params) for part in template.parts]
        )
    assert layout is not None, "only planned queries are maintained, and they have a layout"
    operator: Operator
    if template.groups is not None:
        operator = GroupsOperator(template.groups, params, template.touch)
    elif template.touch is not None:
        operator = KeyedOperator(layout, template.touch, params, held)
    else:
        operator = RowsOperator(layout, params)
    if not template.inners:
        return operator
    return DerivedOperator(operator, [_feed(conn, inner, params) for inner in template.inners])


def _feed(conn: Connection, inner: Inner, params: Mapping[str, SqlValue]) -> Feed:
    """Return what feeds a derived table; rows that no LIMIT picks need no window."""
    window, operator = _kept(conn, inner.template, params)
    number = params[PROGRAM]
    assert isinstance(number, int), "programs are numbered"
    return Feed(inner, number, operator, None if window.hi is None and not window.lo else window)


def scrolls(template: Template) -> bool:
    """Say whether a part of the rows can be kept without the others: each change tells old and new row."""
    plan = template.plan
    plain = template.groups is None and not template.inners
    return template.rule == "delta" and plain and isinstance(plan, Select) and plan.limit is None


def _bounds(conn: Connection, plan: Select | Compound, params: Mapping[str, SqlValue]) -> tuple[int, int | None] | None:
    """Return the visible part as (from, to) of the ordered rows.

    None, and the query is re-run, where SQLite refuses the LIMIT and where LIMIT 0 shows nothing, not even an error.
    """
    if plan.limit is None:
        return 0, None
    offset = plan.offset if plan.offset is not None else Const("0")
    limit, skip = conn.execute(f"SELECT {render_expr(plan.limit, ())}, {render_expr(offset, ())}", params).fetchone()
    if not isinstance(limit, int) or not isinstance(skip, int) or limit == 0:
        return None
    lo = max(skip, 0)
    return lo, (None if limit < 0 else lo + limit)
