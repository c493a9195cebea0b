"""A builder's query closed: plan, text, parameters, and what makes its rows.

    Query --collect--> every occurrence that a column is reached in        Issue.project.to.name: issue, project
          --number-->  sources of FROM, those of enclosing queries first
          --close-->   Open(Reached) -> Column(n, name)     Open(Given) -> Param(":p1")
          --render-->  text for SQLite

Columns reached through a reference bring their table into FROM: by a JOIN, or a LEFT JOIN where the reference may be
NULL. Values become parameters, numbered in the order of the text, so queries that differ in values alone have one text
and one template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from ..errors import QueryError
from ..kinds import Kind
from ..schema.catalog import TableName
from ..schema.table import TableSpec
from .asked import Asked
from .builder import Query
from .expr import INT, Expr, Followed, FollowedList, Given, Origin, Reached, SubQuery, is_readable
from .plan import (
    Binary,
    Collate,
    Column,
    Compound,
    Const,
    Exists,
    InCompound,
    InSelect,
    Open,
    Order,
    Output,
    Param,
    Place,
    Scalar,
    Select,
    Source,
    rewrite,
    walk,
)
from .plan import Expr as Node
from .render import render, render_expr
from .shown import Decoder, Maker

__all__ = ["Compiled", "compile_exprs", "compile_query"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What `db.live` and `db.fetch` need. `values` holds encoded values and `Followed` signals by parameter name."""

    asked: Asked
    values: Mapping[str, Any]


def compile_query(query: Query[Any], prefix: str = "p") -> Compiled:
    """Return `query` closed; the names of its parameters begin with `prefix`.

    Raises `QueryError` for a column whose table isn't in it.
    """
    params = _Params(prefix)
    level = _Level(query, None, params)
    select = level.select()
    plan = _compound(query, level, select) if query.others else select
    kept = None if params.no_plan else plan
    return Compiled(Asked(render(plan), kept, params.no_plan, make=_maker(query)), params.values)


def compile_exprs(nodes: Sequence[Node], origin: Origin) -> tuple[list[str], Mapping[str, Any]]:
    """Return each of `nodes`, over the columns of one table, as text with bare names, and their parameters: for SET."""
    params = _Params()
    level = _Level(Query(origin), None, params)
    level.place()
    for node in nodes:
        if any(isinstance(part, Open) and isinstance(part.what, SubQuery) for part in walk(node)):
            raise QueryError("a column can't be set to a query yet: fetch it first, in the transaction", sql="")
        if any(reached.origin != origin for reached in _reached(node)):
            raise QueryError("what a column is set to may only speak of the row's own columns", sql="")
    return [render_expr(level.close(node), ()) for node in nodes], params.values


def _compound(query: Query[Any], level: _Level, select: Select) -> Compound:
    """Return the sets of `query`, whose first part is `select` at `level`."""
    head = replace(select, order_by=(), limit=None, offset=None)
    parts = [head]
    for word, other in query.others:
        _check_alike(word, query, other)
        part = _Level(other, level.outer, level.params).select()
        if len(part.outputs) != len(head.outputs):
            raise QueryError(f"{word} joins {len(head.outputs)} columns with {len(part.outputs)}", sql=render(head))
        parts.append(part)
    return Compound(
        tuple(parts),
        tuple(word for word, _ in query.others),
        tuple(_place(order, head) for order in select.order_by),
        select.limit,
        select.offset,
    )


def _check_alike(word: str, query: Query[Any], other: Query[Any]) -> None:
    """Raise where rows of `other` would be shown as what they are not."""
    models = [one.root.model if one.outputs is None else None for one in (query, other)]
    if models[0] is not models[1]:
        said = " with ".join("selected columns" if model is None else f"rows of {model.__name__}" for model in models)
        raise QueryError(f"{word} joins {said}; select(...) the same columns on both sides", sql="")
    for mine, its in zip(query.outputs or (), other.outputs or (), strict=False):
        left, right = mine._kind, its._kind
        if left is None or right is None or left.python == right.python or (left.decode is right.decode is None):
            continue
        raise QueryError(
            f"{word} joins {mine._name} ({left.python}) with {its._name} ({right.python}), which lie differently "
            "in SQLite",
            sql="",
        )


def _place(order: Order, select: Select) -> Place:
    """Return a term of a compound's ORDER BY, which may only name a column of the result: by its place."""
    exprs = [output.expr for output in select.outputs]
    if order.expr in exprs:
        return Place(exprs.index(order.expr), order.desc, order.nulls_first)
    if isinstance(order.expr, Collate) and order.expr.arg in exprs:
        return Place(exprs.index(order.expr.arg), order.desc, order.nulls_first, order.expr.name)
    raise QueryError("after union, order_by takes columns that are selected", sql="")


def _maker(query: Query[Any]) -> Maker | None:
    """Return what makes the rows, or None where they are plain rows of SQLite's values."""
    if query.outputs is None:
        made: Maker = query.root.model._from_sql
        return made
    kinds: list[Kind | None] = [expr._kind for expr in query.outputs]
    if all(kind is None or kind.decode is None for kind in kinds):
        return None
    return Decoder(tuple(kinds))


class _Params:
    """The parameters of one text; `no_plan` is why it has to be re-run."""

    def __init__(self, prefix: str = "p") -> None:
        self.values: dict[str, Any] = {}
        self.no_plan = ""
        self._prefix = prefix

    def add(self, value: Any) -> Param:  # Any: an encoded value, or a Followed signal
        name = f"{self._prefix}{len(self.values) + 1}"
        self.values[name] = value
        return Param(name)


@dataclass
class _Level:
    """One SELECT, inside the ones that enclose it."""

    query: Query[Any]
    outer: _Level | None
    params: _Params
    origins: dict[Origin, int] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    _left: set[Origin] = field(default_factory=set)

    @property
    def base(self) -> int:
        """The number of this level's first source: those outside come first."""
        return 0 if self.outer is None else self.outer.base + len(self.outer.sources)

    # -- which tables

    def place(self) -> None:
        """Put every occurrence that is spoken of into FROM."""
        query = self.query
        self._add(query.root, "", None)
        for join in query.joins:
            if join.origin in self.origins:
                raise QueryError(f"{join.origin.model.__name__} is joined twice; give one of them an alias()", sql="")
            self.origins[join.origin] = -1  # its own ON may speak of it
            for reached in _reached(join.on):
                self._reach(reached.origin)
            del self.origins[join.origin]
            if join.left:
                self._left.add(join.origin)
            self._add(join.origin, "LEFT JOIN" if join.left else "JOIN", join.on)
        for reached in _spoken_of(query):
            self._reach(reached.origin)

    def _reach(self, origin: Origin) -> None:
        if origin in self.origins:
            return
        if origin.via is None:
            if self.outer is None or not self.outer.knows(origin):
                name = origin.model.__name__
                raise QueryError(
                    f"{name} isn't in this query of {self.query.root.model.__name__}: .join({name}, on=...)", sql=""
                )
            return
        if origin.base not in self.origins:
            if self.outer is not None:
                self.outer._reach(origin)
            return
        self._reach(origin.via.origin)
        spec = _spec(origin.via.origin)
        column = spec.by_attribute[origin.via.attribute]
        assert column.reference is not None, "a reference leads somewhere"
        left = column.kind.optional or origin.via.origin in self._left
        if left:
            self._left.add(origin)
        target = next(c.attribute for c in _spec(origin).columns if c.name == column.reference.column)
        on = Binary("=", Open(Reached(origin, target)), Open(origin.via))
        self._add(origin, "LEFT JOIN" if left else "JOIN", on)

    def _add(self, origin: Origin, join: Any, on: Node | None) -> None:  # Any: a JoinKind
        spec = _spec(origin)
        taken = self._aliases()
        wanted = alias = origin.alias or (origin.via.attribute if origin.via is not None else spec.name)
        serial = 1
        while alias.lower() in taken:
            serial += 1
            alias = f"{wanted}_{serial}"
        self.origins[origin] = len(self.sources)
        self.sources.append(Source(TableName("main", spec.name), alias, join, on))

    def _aliases(self) -> set[str]:
        own = {source.alias.lower() for source in self.sources}
        return own if self.outer is None else own | self.outer._aliases()

    def knows(self, origin: Origin) -> bool:
        """Say whether this level, or one around it, has `origin` in FROM."""
        return origin in self.origins or (self.outer is not None and self.outer.knows(origin))

    # -- the plan

    def select(self) -> Select:
        """Return the plan of this level."""
        self.place()
        query = self.query
        outputs = self._outputs()
        given = [] if query.outputs is None else [expr._node for expr in query.outputs]

        def same_as_output(node: Node) -> Node:
            """An expression that is selected, too, is the selected one: its parameters are the same."""
            return outputs[given.index(node)].expr if node in given else self.close(node)

        sources = tuple(
            source if source.on is None else replace(source, on=self.close(source.on)) for source in self.sources
        )
        groups = tuple(map(same_as_output, query.groups))
        return Select(
            sources=sources,
            outputs=outputs,
            where=self._all_of(query.conditions),
            group_by=groups,
            having=self._all_of(query.having_conditions),
            order_by=tuple(
                Order(same_as_output(order.expr._node), order.desc, order.nulls_at_start) for order in query.orders
            ),
            limit=self._number(query.first, -1 if query.skip is not None else None),
            offset=self._number(query.skip, None),
            distinct=query.is_distinct,
        )

    def close(self, node: Node) -> Node:
        """Return `node` with every open leaf resolved."""
        return rewrite(node, self._close)

    def _close(self, node: Node) -> Node | None:
        if not isinstance(node, Open):
            return None
        match node.what:
            case Reached(origin, attribute):
                return Column(self._number_of(origin), _spec(origin).by_attribute[attribute].name)
            case Given(value):
                return self.params.add(value)
            case Followed() | FollowedList() as followed:
                return self.params.add(followed)
            case SubQuery(query, form, arg):
                return self._sub(query, form, arg)
        raise AssertionError(f"no leaf of ours: {node.what!r}")

    def _sub(self, query: Query[Any], form: str, arg: Node | None) -> Node:
        closed = None if arg is None else self.close(arg)
        level = _Level(query, self, self.params)
        select = level.select()
        if form != "exists" and len(select.outputs) != 1:
            raise QueryError(
                f"a query inside an expression has one column, not {len(select.outputs)}: .select(Issue.id)", sql=""
            )
        if not query.others:
            return _inside(form, closed, select, whole=query.outputs is None)
        compound = _compound(query, level, select)
        if form == "scalar" or query._is_cut or not {*compound.words} <= {"UNION", "UNION ALL"}:
            self.params.no_plan = f"{' and '.join(dict.fromkeys(compound.words))} in a subquery is re-run"
            return InCompound(form, closed, compound)
        whole = query.outputs is None
        first, *others = (_inside(form, closed, part, whole=whole) for part in compound.parts)
        return reduce(lambda left, right: Binary("OR", left, right), others, first)  # in a union: in one of the parts

    def _number_of(self, origin: Origin) -> int:
        if origin in self.origins:
            return self.base + self.origins[origin]
        assert self.outer is not None, "place() has seen every occurrence"
        return self.outer._number_of(origin)

    def _outputs(self) -> tuple[Output, ...]:
        query = self.query
        if query.outputs is None:
            number = self.base
            return tuple(
                Output(Column(number, column.name), None if column.attribute == column.name else column.attribute)
                for column in _spec(query.root).columns
            )
        return tuple(Output(self.close(expr._node), expr._alias or self._named(expr._node)) for expr in query.outputs)

    def _named(self, node: Node) -> str | None:
        """Return the attribute's name where it isn't the column's."""
        if isinstance(node, Open) and isinstance(node.what, Reached):
            column = _spec(node.what.origin).by_attribute[node.what.attribute]
            return None if column.name == column.attribute else column.attribute
        return None

    def _all_of(self, conditions: tuple[Node, ...]) -> Node | None:
        whole: Node | None = None
        for condition in conditions:
            closed = self.close(condition)
            whole = closed if whole is None else Binary("AND", whole, closed)
        return whole

    def _number(self, value: Any, otherwise: int | None) -> Node | None:  # Any: a Number, or None
        if value is None:
            return None if otherwise is None else self.params.add(otherwise)
        if isinstance(value, Expr):
            return self.close(value._node)
        return self.params.add(Followed(value, INT, "limit", or_none=False) if is_readable(value) else value)


def _inside(form: str, arg: Node | None, select: Select, *, whole: bool) -> Node:
    """Return `select`, of whole rows or not, as a part of an expression."""
    if arg is not None:
        return InSelect(arg, select)
    if form == "scalar":
        return Scalar(select)
    plain = whole and not select.grouped and not select.distinct
    return Exists(replace(select, outputs=(Output(Const("1")),)) if plain else select)


def _spec(origin: Origin) -> TableSpec:
    spec: TableSpec = origin.model.__table__
    return spec


def _spoken_of(query: Query[Any]) -> Iterator[Reached]:
    """Yield the columns that `query` reaches, those of queries inside it included where they are its own or outer."""
    nodes: list[Node] = [expr._node for expr in query.outputs or ()]
    nodes += [join.on for join in query.joins]
    nodes += [*query.conditions, *query.groups, *query.having_conditions]
    nodes += [order.expr._node for order in query.orders]
    nodes += [number._node for number in (query.first, query.skip) if isinstance(number, Expr)]
    for node in nodes:
        yield from _reached(node)


def _reached(node: Node) -> Iterator[Reached]:
    """Yield the columns in `node`; of a query inside it, those that it doesn't own."""
    for part in walk(node):
        if not isinstance(part, Open):
            continue
        if isinstance(part.what, Reached):
            yield part.what
        elif isinstance(part.what, SubQuery):
            if part.what.arg is not None:
                yield from _reached(part.what.arg)
            for inner in (part.what.query, *(other for _, other in part.what.query.others)):
                own = {inner.root, *(join.origin for join in inner.joins)}
                yield from (reached for reached in _spoken_of(inner) if reached.origin.base not in own)
