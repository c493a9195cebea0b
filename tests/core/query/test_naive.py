"""Queries of models beside Python itself: what a builder's query gives is what a loop over the rows says.

    condition  =  an expression, and a function of a row that says True, False or None as SQL does

The loop knows neither our SQL nor SQLite's; a live view of the same query has to agree after every write.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eddyline import Column, Database, Expr, Model, Query, Ref, alias, column, count, ref, signal


class Kind(Enum):
    BUG = "bug"
    WISH = "wish"


class Node(Model):
    title: Column[str]
    n: Column[int | None] = column(default=None)
    price: Column[Decimal | None] = column(default=None, scale=1)
    day: Column[dt.date | None] = column(default=None)
    flag: Column[bool] = column(default=False)
    kind: Column[Kind] = column(default=Kind.BUG)
    parent: Ref[Node | None] = ref(default=None, on_delete="set null")


Truth: TypeAlias = bool | None
Value: TypeAlias = Callable[[Node, dict[str, Node]], Any]  # Any: of the column's type
Test: TypeAlias = Callable[[Node, dict[str, Node]], Truth]
child = alias(Node, "child")

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["", "a", "A", "ab", "b%", "é"]),
    "n": st.none() | st.integers(-2, 2),
    "price": st.none() | st.integers(-15, 15).map(lambda tenths: Decimal(tenths) / 10),
    "day": st.none() | st.integers(1, 3).map(lambda day: dt.date(2026, 1, day)),
    "flag": st.booleans(),
    "kind": st.sampled_from(Kind),
}
OPERATORS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


@dataclass
class Condition:
    """One condition twice."""

    expr: Expr[bool]
    test: Test


def compared(op: Any, left: Any, right: Any) -> Truth:
    if right is None and op in (operator.eq, operator.ne):
        return (left is None) == (op is operator.eq)
    if left is None or right is None:
        return None
    left, right = (value.value if isinstance(value, Kind) else value for value in (left, right))
    return bool(op(left, right))


def any_of(truths: Iterable[Truth]) -> Truth:
    found = list(truths)
    return True if True in found else None if None in found else False


def negated(truth: Truth) -> Truth:
    return None if truth is None else not truth


@st.composite
def columns(draw: st.DrawFn) -> tuple[str, Any, Value]:
    """Draw a column of the row itself or of its parent: name, expression, and what reads it."""
    name = draw(st.sampled_from(sorted(VALUES)))
    if draw(st.integers(0, 3)):
        return name, getattr(Node, name), lambda row, rows: row[name]
    parent = getattr(Node.parent.to, name)
    return name, parent, lambda row, rows: None if row.parent is None else rows[row.parent][name]


@st.composite
def sets(draw: st.DrawFn) -> Condition:
    """Draw a condition by the union, intersection or difference of two queries, around rows of its own."""
    word, least = draw(st.sampled_from(["union", "union all", "intersect", "except"])), draw(st.integers(-2, 2))
    left = child.where(child.flag == True).select(child.parent)  # noqa: E712  # SQL's =
    right = child.where((child.n > least) | (child.title == Node.title)).select(child.parent)
    whole = {
        "union": left.union(right),
        "union all": left.union(right, all=True),
        "intersect": left.intersect(right),
        "except": left.except_(right),
    }[word]

    def found(row: Node, rows: dict[str, Node]) -> set[str | None]:
        one = {each.parent for each in rows.values() if each.flag}
        two = {
            each.parent for each in rows.values() if (each.n is not None and each.n > least) or each.title == row.title
        }
        return {"intersect": one & two, "except": one - two}.get(word, one | two)

    if draw(st.booleans()):
        return Condition(whole.exists(), lambda row, rows: bool(found(row, rows)))
    return Condition(
        Node.id.in_(whole),
        lambda row, rows: any_of(None if one is None else row.id == one for one in found(row, rows)),
    )


@st.composite
def leaves(draw: st.DrawFn) -> Condition:
    name, expr, read = draw(columns())
    values = VALUES[name]
    match draw(st.sampled_from(["compare", "compare", "between", "in", "null", "like", "child", "sets", "chosen"])):
        case "compare":
            op, value = draw(st.sampled_from(OPERATORS)), draw(values)
            return Condition(op(expr, value), lambda row, rows: compared(op, read(row, rows), value))
        case "between":
            low, high = draw(values), draw(values)

            def between(row: Node, rows: dict[str, Node]) -> Truth:
                outside = (
                    negated(compared(operator.ge, read(row, rows), low)),
                    negated(compared(operator.le, read(row, rows), high)),
                )
                return negated(any_of(outside))

            return Condition(expr.between(low, high), between)
        case "in":
            among, followed = draw(st.lists(values, max_size=3)), draw(st.booleans())

            def is_in(row: Node, rows: dict[str, Node]) -> Truth:
                value = read(row, rows)
                return any_of(None if None in (value, one) else value == one for one in among)

            return Condition(expr.in_(signal(among) if followed else among), is_in)
        case "null":
            return Condition(expr.is_null(), lambda row, rows: read(row, rows) is None)
        case "like":
            return Condition(Node.title.like("a%"), lambda row, rows: row.title[:1] in ("a", "A"))
        case "child":
            least = draw(st.integers(-2, 2))
            return Condition(
                child.where(child.parent == Node.id, child.n > least).exists(),
                lambda row, rows: any(
                    one.parent == row.id and one.n is not None and one.n > least for one in rows.values()
                ),
            )
        case "sets":
            return draw(sets())
    return Condition(
        Node.parent.in_(child.where(child.flag == True).select(child.id)),  # noqa: E712  # SQL's =
        lambda row, rows: any_of(
            None if row.parent is None else row.parent == one.id for one in rows.values() if one.flag
        ),
    )


def both(pair: tuple[Condition, Condition]) -> Condition:
    one, two = pair
    return Condition(
        one.expr & two.expr,
        lambda row, rows: negated(any_of([negated(one.test(row, rows)), negated(two.test(row, rows))])),
    )


def either(pair: tuple[Condition, Condition]) -> Condition:
    one, two = pair
    return Condition(one.expr | two.expr, lambda row, rows: any_of([one.test(row, rows), two.test(row, rows)]))


def neither(one: Condition) -> Condition:
    return Condition(~one.expr, lambda row, rows: negated(one.test(row, rows)))


conditions = st.recursive(
    leaves(),
    lambda inner: st.one_of(st.tuples(inner, inner).map(both), st.tuples(inner, inner).map(either), inner.map(neither)),
    max_leaves=4,
)


@dataclass
class Wanted:
    """A query twice: `rows` says what it gives of a table, by loops."""

    query: Query[Any]
    rows: Callable[[dict[str, Node]], list[tuple[Any, ...]]]


@st.composite
def lists(draw: st.DrawFn) -> Wanted:
    """Draw a filtered, sorted part of the rows."""
    kept = draw(conditions)
    name, desc, nulls_first = draw(st.sampled_from(sorted(VALUES))), draw(st.booleans()), draw(st.booleans())
    first, skip = draw(st.none() | st.integers(0, 4)), draw(st.integers(0, 2))
    term = getattr(Node, name).desc() if desc else getattr(Node, name).asc()
    query = Node.where(kept.expr).order_by(term.nulls_first() if nulls_first else term.nulls_last(), Node.id)
    query = query.offset(skip) if first is None else query.limit(first, skip)

    def rows(there: dict[str, Node]) -> list[tuple[Any, ...]]:
        found = sorted((row for row in there.values() if kept.test(row, there)), key=lambda row: row.id)
        held = [row for row in found if row[name] is not None]
        held.sort(key=lambda row: row[name].value if name == "kind" else row[name], reverse=desc)
        empty = [row for row in found if row[name] is None]
        sorted_ = [*empty, *held] if nulls_first else [*held, *empty]
        return [tuple(row) for row in sorted_[skip : None if first is None else skip + first]]

    return Wanted(query, rows)


@st.composite
def groups(draw: st.DrawFn) -> Wanted:
    """Draw groups of the filtered rows with their aggregates."""
    kept, least = draw(conditions), draw(st.integers(0, 2))
    query = (
        Node.where(kept.expr)
        .select(Node.kind, count(), Node.n.sum(), Node.price.min(), Node.day.max(), Node.title.count(distinct=True))
        .group_by(Node.kind)
        .having(count() > least)
        .order_by(Node.kind)
    )

    def rows(there: dict[str, Node]) -> list[tuple[Any, ...]]:
        made = []
        for kind in Kind:
            found = [row for row in there.values() if row.kind is kind and kept.test(row, there)]
            if len(found) <= least or not found:
                continue
            numbers = [row.n for row in found if row.n is not None]
            prices, days = ([row[name] for row in found if row[name] is not None] for name in ("price", "day"))
            made.append(
                (
                    kind, len(found), sum(numbers) if numbers else None, min(prices, default=None),
                    max(days, default=None), len({row.title for row in found}),
                )
            )  # fmt: skip
        return made

    return Wanted(query, rows)


@st.composite
def steps(draw: st.DrawFn) -> tuple[str, int, dict[str, Any], int | None]:
    """Draw one write: what, of which row, with which values, under which parent."""
    what = draw(st.sampled_from(["add", "add", "update", "delete"]))
    names = (
        sorted(VALUES) if what == "add" else draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, unique=True))
    )
    return (
        what,
        draw(st.integers(0, 20)),
        {name: draw(VALUES[name]) for name in names},
        draw(st.none() | st.integers(0, 20)),
    )


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wanted=st.lists(lists() | groups(), min_size=1, max_size=3),
    commits=st.lists(st.lists(steps(), min_size=1, max_size=6), min_size=1, max_size=4),
)
def test_any_query_of_models_gives_what_a_loop_over_the_rows_says(wanted: list[Wanted], commits: list[Any]) -> None:
    asyncio.run(run(wanted, commits))


async def run(wanted: list[Wanted], commits: list[Any]) -> None:
    async with Database.open(":memory:", models=[Node]) as db:
        views = [await db.live(one.query) for one in wanted]
        rows: dict[str, Node] = {}
        for commit in commits:
            async with db.transaction() as tx:
                for what, at, values, parent in commit:
                    there = list(rows.values())
                    above = {} if parent is None or not there else {"parent": there[parent % len(there)].id}
                    if what == "add":
                        row = await tx.add(Node(**values, **above))
                    elif not there:
                        continue
                    elif what == "update":
                        row = await tx.update(there[at % len(there)], **values, **above)
                    else:
                        gone = there[at % len(there)]
                        await tx.delete(gone)
                        del rows[gone.id]
                        rows = {one.id: await tx.get(Node, one.id) or one for one in rows.values()}
                        continue
                    rows[row.id] = row
            await db.settled()
            for one, view in zip(wanted, views, strict=True):
                expected = one.rows(rows)
                assert [tuple(row) for row in await db.fetch(one.query)] == expected, one.query.sql
                assert [tuple(row) for row in view.rows()] == expected, one.query.sql
