"""The plan: one SELECT as relational algebra, in small frozen values.

    SELECT g.Name, count(*) AS n FROM Track t JOIN Genre g ON g.GenreId = t.GenreId GROUP BY g.Name ORDER BY n DESC

    Select(sources = (Source(main.Track "t"), Source(main.Genre "g", "JOIN", on=Column(1, "GenreId") = Column(0,
    "GenreId"))),
           outputs = (Output(Column(1, "Name")), Output(Call("count", star=True), "n")),
           group_by = (Column(1, "Name"),), order_by = (Order(Call("count", star=True), desc=True),))

Every name is resolved: a `Column` says which occurrence in FROM it belongs to, aliases and positions of ORDER BY and
GROUP BY are replaced by what they stand for. Literals keep their SQL text, so 1, 1.0 and '1' stay what they were.
Values equal by content, so the plan without parameter values is the *template* that equal queries share.

A subquery's own occurrences are numbered on from the enclosing ones, so that no number is hidden inside it: with two
occurrences outside, its own are 2, 3, ...; a column of 0 or 1 in it is what correlates it. Two subqueries side by side
both start at 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from ..schema.catalog import TableName

__all__ = [
    "AGGREGATES",
    "Between",
    "Binary",
    "Bound",
    "Call",
    "Case",
    "Cast",
    "Collate",
    "Column",
    "Compound",
    "Const",
    "Exists",
    "Expr",
    "Frame",
    "InCompound",
    "InEach",
    "InList",
    "InSelect",
    "JoinKind",
    "Open",
    "Order",
    "Output",
    "Over",
    "Param",
    "Place",
    "RowValue",
    "Scalar",
    "Select",
    "SetWord",
    "Source",
    "Unary",
    "Unplannable",
    "children",
    "columns_of",
    "conjuncts",
    "expressions",
    "has_window",
    "is_aggregate",
    "rewrite",
    "rewrite_select",
    "selects",
    "walk",
    "walk_deep",
]

JoinKind: TypeAlias = Literal["", ",", "JOIN", "CROSS JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]

AGGREGATES = frozenset({"count", "sum", "total", "avg", "min", "max", "group_concat", "string_agg"})
_JSON_AGGREGATES = frozenset({"json_group_array", "json_group_object", "jsonb_group_array", "jsonb_group_object"})


class Unplannable(Exception):
    """The text holds what no rule of ours maintains; the message says what. The query is then re-run."""


@dataclass(frozen=True, slots=True)
class Column:
    """Column `name` (or the rowid's name) of occurrence `source` in FROM."""

    source: int
    name: str


@dataclass(frozen=True, slots=True)
class Const:
    """A literal by its SQL text."""

    sql: str


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter by name; positional ones are `p1`, `p2`, ..."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `+x`, `~x`, `NOT x`."""

    op: str
    arg: Expr


@dataclass(frozen=True, slots=True)
class Binary:
    """`left op right`; a pattern with an ESCAPE has that in `escape`."""

    op: str
    left: Expr
    right: Expr
    escape: Expr | None = None


@dataclass(frozen=True, slots=True)
class Between:
    """`arg BETWEEN low AND high`."""

    arg: Expr
    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class InList:
    """`arg IN (items)`."""

    arg: Expr
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class InEach:
    """`arg IN (SELECT value FROM json_each(array))`: a list in one value, a JSON array."""

    arg: Expr
    array: Expr


@dataclass(frozen=True, slots=True)
class RowValue:
    """`(items)`, two or more; it stands only where SQLite compares rows."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """`CASE base WHEN .. THEN .. ELSE otherwise END`."""

    base: Expr | None
    whens: tuple[tuple[Expr, Expr], ...]
    otherwise: Expr | None


@dataclass(frozen=True, slots=True)
class Cast:
    """`CAST(arg AS type)`."""

    arg: Expr
    type: str


@dataclass(frozen=True, slots=True)
class Collate:
    """`arg COLLATE name`."""

    arg: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function or aggregate call; `name` in lower case. `own`: an aggregate that the program has defined."""

    name: str
    args: tuple[Expr, ...] = ()
    distinct: bool = False
    star: bool = False
    filter: Expr | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a frame: `UNBOUNDED PRECEDING`, `CURRENT ROW`, or `by PRECEDING` and `by FOLLOWING`."""

    word: str
    by: Expr | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """`unit BETWEEN start AND end EXCLUDE ..`: ROWS, RANGE or GROUPS; `exclude` is "" or what follows that word."""

    unit: str
    start: Bound
    end: Bound
    exclude: str = ""


@dataclass(frozen=True, slots=True)
class Over:
    """`call OVER (PARTITION BY .. ORDER BY .. frame)`. `call` itself is no aggregate of the query."""

    call: Call
    partition_by: tuple[Expr, ...] = ()
    order_by: tuple[Order, ...] = ()
    frame: Frame | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """`EXISTS (select)`; NOT EXISTS is `Unary("NOT", Exists(...))`."""

    select: Select


@dataclass(frozen=True, slots=True)
class InSelect:
    """`arg IN (select)`; NOT IN is `Unary("NOT", InSelect(...))`."""

    arg: Expr
    select: Select


@dataclass(frozen=True, slots=True)
class Scalar:
    """`(select)` as a value."""

    select: Select


@dataclass(frozen=True, slots=True)
class InCompound:
    """EXISTS (compound), `arg IN (compound)`, or (compound) as a value. Only a text holds it: its query is re-run."""

    form: str
    arg: Expr | None
    compound: Compound


@dataclass(frozen=True, slots=True)
class Open:
    """A leaf of a query builder that isn't resolved yet; no plan that is rendered holds one."""

    what: Any  # Any: floors above say what their leaves are


Expr: TypeAlias = (
    Column
    | Const
    | Param
    | Unary
    | Binary
    | Between
    | InList
    | InEach
    | RowValue
    | Case
    | Cast
    | Collate
    | Call
    | Over
    | Exists
    | InSelect
    | Scalar
    | InCompound
    | Open
)


@dataclass(frozen=True, slots=True)
class Source:
    """One occurrence of a table in FROM; `join` is "" for the first.

    With `select` it is a subquery, numbered from 0 on; `cte` is its name where it has one, as SQL: in WITH, with `hint`
    behind AS, or that of the view `table`. What isn't flattened is kept as a table of its own, `ivm/derived.py`.
    `using` stands instead of `on` where a text is to be said again as it was: plans that are maintained have `on`.
    """

    table: TableName
    alias: str
    join: JoinKind = ""
    on: Expr | None = None
    select: Select | Compound | None = None
    cte: str = ""
    hint: str = ""
    using: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """One column of the result."""

    expr: Expr
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One term of ORDER BY; `nulls_first` is always spelled out."""

    expr: Expr
    desc: bool = False
    nulls_first: bool = True


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT over base tables."""

    sources: tuple[Source, ...]
    outputs: tuple[Output, ...]
    where: Expr | None = None
    group_by: tuple[Expr, ...] = ()
    having: Expr | None = None
    order_by: tuple[Order, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None
    distinct: bool = False

    @property
    def aggregates(self) -> tuple[Call, ...]:
        """Every distinct aggregate call, in the order of appearance."""
        exprs = [output.expr for output in self.outputs] + [order.expr for order in self.order_by]
        if self.having is not None:
            exprs.append(self.having)
        return tuple(dict.fromkeys(e for expr in exprs for e in walk(expr) if isinstance(e, Call) and is_aggregate(e)))

    @property
    def windows(self) -> tuple[Over, ...]:
        """Every distinct window function, in the order of appearance."""
        exprs = [output.expr for output in self.outputs] + [order.expr for order in self.order_by]
        return tuple(dict.fromkeys(e for expr in exprs for e in walk(expr) if isinstance(e, Over)))

    @property
    def grouped(self) -> bool:
        """Whether rows are gathered into groups, or into the one group of all rows."""
        return bool(self.group_by or self.having is not None or self.aggregates)

    def with_where(self, extra: Expr) -> Select:
        """Return the plan with one more condition on the rows."""
        return replace(self, where=extra if self.where is None else Binary("AND", self.where, extra))


SetWord: TypeAlias = Literal["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]


@dataclass(frozen=True, slots=True)
class Place:
    """One term of a compound's ORDER BY: the output at place `at`, from 0 on; `nulls_first` is always spelled out."""

    at: int
    desc: bool = False
    nulls_first: bool = True
    collation: str | None = None


@dataclass(frozen=True, slots=True)
class Compound:
    """`parts[0] words[0] parts[1] words[1] ...`, from left to right; the parts have no order or limit of their own."""

    parts: tuple[Select, ...]
    words: tuple[SetWord, ...]
    order_by: tuple[Place, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None


def is_aggregate(call: Call) -> bool:
    """Say whether `call` gathers rows; `min` and `max` of two or more values don't."""
    if call.name in ("min", "max"):
        return len(call.args) == 1
    return call.own or call.name in AGGREGATES or call.name in _JSON_AGGREGATES


def has_window(expr: Expr) -> bool:
    """Say whether a window function stands in `expr`."""
    return any(isinstance(node, Over) for node in walk(expr))


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the direct parts of `expr`, left to right; a subquery is not entered: see `selects`.

    Those of a window function are what it is called with and what its window says.
    """
    match expr:
        case Unary(_, arg) | Cast(arg, _) | Collate(arg, _) | InSelect(arg, _):
            return (arg,)
        case Binary(_, left, right, escape):
            return (left, right) if escape is None else (left, right, escape)
        case Between(arg, low, high):
            return (arg, low, high)
        case InList(arg, items):
            return (arg, *items)
        case InEach(arg, array):
            return (arg, array)
        case RowValue(items):
            return items
        case Case(base, whens, otherwise):
            parts = (() if base is None else (base,)) + tuple(part for when in whens for part in when)
            return parts if otherwise is None else (*parts, otherwise)
        case Call(args=args, filter=condition):
            return args if condition is None else (*args, condition)
        case Over(call, partition_by, order_by, frame):
            ends = () if frame is None else (frame.start.by, frame.end.by)
            sizes = tuple(by for by in ends if by is not None)
            return (*children(call), *partition_by, *(order.expr for order in order_by), *sizes)
    return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield `expr` and all its parts, from the top down; subqueries are not entered."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def selects(expr: Expr) -> Iterator[Exists | InSelect | Scalar]:
    """Yield the outermost subqueries in `expr`."""
    return (node for node in walk(expr) if isinstance(node, Exists | InSelect | Scalar))


def expressions(plan: Select) -> Iterator[Expr]:
    """Yield every expression of `plan` itself, in the order of its text."""
    yield from (output.expr for output in plan.outputs)
    yield from (source.on for source in plan.sources if source.on is not None)
    if plan.where is not None:
        yield plan.where
    yield from plan.group_by
    if plan.having is not None:
        yield plan.having
    yield from (order.expr for order in plan.order_by)
    yield from (part for part in (plan.limit, plan.offset) if part is not None)


def walk_deep(expr: Expr) -> Iterator[Expr]:
    """Yield `expr` and all its parts, those of its subqueries too."""
    for node in walk(expr):
        yield node
        if isinstance(node, Exists | InSelect | Scalar):
            for inner in expressions(node.select):
                yield from walk_deep(inner)


def conjuncts(expr: Expr | None) -> list[Expr]:
    """Return the conditions that must all hold for `expr` to hold; none for None."""
    if expr is None:
        return []
    if isinstance(expr, Binary) and expr.op == "AND":
        return [*conjuncts(expr.left), *conjuncts(expr.right)]
    return [expr]


def columns_of(expr: Expr) -> Iterator[Column]:
    """Yield the columns that `expr` reads, those in its subqueries too: their own have numbers beyond ours."""
    return (node for node in walk_deep(expr) if isinstance(node, Column))


def rewrite(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """Return `expr` with each part for which `change` gives another replaced by it, from the top down.

    Subqueries are entered.
    """
    changed = change(expr)
    if changed is not None:
        return changed

    def go(part: Expr) -> Expr:
        return rewrite(part, change)

    match expr:
        case Unary(op, arg):
            return Unary(op, go(arg))
        case Cast(arg, kind):
            return Cast(go(arg), kind)
        case Collate(arg, name):
            return Collate(go(arg), name)
        case Binary(op, left, right, escape):
            return Binary(op, go(left), go(right), None if escape is None else go(escape))
        case Between(arg, low, high):
            return Between(go(arg), go(low), go(high))
        case InList(arg, items):
            return InList(go(arg), tuple(map(go, items)))
        case InEach(arg, array):
            return InEach(go(arg), go(array))
        case RowValue(items):
            return RowValue(tuple(map(go, items)))
        case Case(base, whens, otherwise):
            return Case(
                None if base is None else go(base),
                tuple((go(when), go(then)) for when, then in whens),
                None if otherwise is None else go(otherwise),
            )
        case Call():
            return _rewrite_call(expr, go)
        case Over():
            return _rewrite_over(expr, go)
        case Exists(select):
            return Exists(rewrite_select(select, change))
        case InSelect(arg, select):
            return InSelect(go(arg), rewrite_select(select, change))
        case Scalar(select):
            return Scalar(rewrite_select(select, change))
    return expr


def _rewrite_call(call: Call, go: Callable[[Expr], Expr]) -> Call:
    return replace(call, args=tuple(map(go, call.args)), filter=None if call.filter is None else go(call.filter))


def _rewrite_over(over: Over, go: Callable[[Expr], Expr]) -> Over:
    def end(bound: Bound) -> Bound:
        return bound if bound.by is None else replace(bound, by=go(bound.by))

    frame = over.frame
    return Over(
        _rewrite_call(over.call, go),
        tuple(map(go, over.partition_by)),
        tuple(replace(order, expr=go(order.expr)) for order in over.order_by),
        None if frame is None else replace(frame, start=end(frame.start), end=end(frame.end)),
    )


def rewrite_select(plan: Select, change: Callable[[Expr], Expr | None]) -> Select:
    """Return `plan` with `rewrite` done to each of its expressions."""

    def go(part: Expr | None) -> Expr | None:
        return None if part is None else rewrite(part, change)

    return replace(
        plan,
        sources=tuple(replace(source, on=go(source.on)) for source in plan.sources),
        outputs=tuple(replace(output, expr=rewrite(output.expr, change)) for output in plan.outputs),
        where=go(plan.where),
        group_by=tuple(rewrite(expr, change) for expr in plan.group_by),
        having=go(plan.having),
        order_by=tuple(replace(order, expr=rewrite(order.expr, change)) for order in plan.order_by),
        limit=go(plan.limit),
        offset=go(plan.offset),
    )
