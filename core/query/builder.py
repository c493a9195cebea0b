"""Queries made of expressions: `Issue.where(Issue.state == "open").order_by(Issue.priority.desc()).limit(50)`.

A `Query[R]` says what to ask, and that its rows are `R`: instances of the model, or `Row` after `select`. It is frozen:
each verb returns another one, so a part may be kept and asked in several ways. Nothing is checked against a database
here; compiled.py turns it into a plan and text, without sqlglot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Never, Protocol, TypeAlias, TypeVar

from ..errors import QueryError
from ..kinds import BOOL
from ..row import Row
from .expr import Expr, OrderBy, Origin, Reached, Readable, SubQuery, count, is_readable
from .pages import behind, total_order, turned
from .plan import Expr as Node
from .plan import Open, Param, SetWord

if TYPE_CHECKING:
    from .compiled import Compiled

__all__ = ["Asks", "Join", "Query", "SetWord", "query_of", "refuse_names"]

R = TypeVar("R")

Number: TypeAlias = int | Readable[int] | Expr[Any]


class Asks(Protocol):
    """A relation, a model, an alias of one, or a query."""

    def where(self, *conditions: Expr[bool]) -> Any: ...


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """One table joined by hand."""

    origin: Origin
    on: Node
    left: bool


@dataclass(frozen=True, eq=False)
class Query(Generic[R]):
    """A SELECT whose rows are `R`. Made by the verbs of a model: `where`, `select`, `order_by`, `limit`, `join`, ..."""

    root: Origin
    outputs: tuple[Expr[Any], ...] | None = None
    joins: tuple[Join, ...] = ()
    conditions: tuple[Node, ...] = ()
    groups: tuple[Node, ...] = ()
    having_conditions: tuple[Node, ...] = ()
    orders: tuple[OrderBy, ...] = ()
    first: Number | None = None
    skip: Number | None = None
    is_distinct: bool = False
    others: tuple[tuple[SetWord, Query[Any]], ...] = ()
    includes: tuple[tuple[str, Query[Any] | None], ...] = ()
    linked: Node | None = None

    # -- rows

    def where(self, *conditions: Expr[bool], **columns: Never) -> Query[R]:
        """Keep the rows for which every condition is true; several calls add up."""
        self._refuse_compound("where")
        refuse_names(columns, self.root.model.__name__)
        return replace(self, conditions=(*self.conditions, *_nodes(conditions, "where")))

    def join(self, target: Any, on: Expr[bool] | None = None, *, left: bool = False) -> Query[R]:
        """Join a model, or an `alias` of one, on a condition; `left` keeps rows without a partner.

        Columns through a reference (`Issue.project.to.name`) need no join: they bring it themselves.
        """
        self._refuse_compound("join")
        origin = origin_of(target)
        if origin is None:
            raise QueryError(f"join takes a model or an alias of one, not {target!r:.60}", sql="")
        if on is None:
            raise QueryError(f"join says on what: .join({origin.model.__name__}, on=...)", sql="")
        alive = origin.model._alive(origin)
        whole = on if alive is None or not isinstance(on, Expr) else on & alive
        return replace(self, joins=(*self.joins, Join(origin, _nodes((whole,), "join")[0], left)))

    def where_exists(self, of: Asks, *conditions: Expr[bool]) -> Query[R]:
        """Keep the rows for which there is a row of `of`, a relation, a model or a query, that fits the conditions.

        `Issue.where_exists(Issue.comments, Comment.author == ada)`; turned round: `.where(~Issue.comments.exists())`.
        """
        where = getattr(of, "where", None)
        inner = of if isinstance(of, Query) and not conditions else where(*conditions) if callable(where) else None
        if not isinstance(inner, Query):
            raise QueryError(f"where_exists takes a relation, a model or a query, not {of!r:.60}", sql="")
        return self.where(inner.exists())

    def group_by(self, *exprs: Expr[Any]) -> Query[R]:
        """Gather rows with equal values into one."""
        self._refuse_compound("group_by")
        return replace(self, groups=(*self.groups, *_nodes(exprs, "group_by")))

    def having(self, *conditions: Expr[bool]) -> Query[R]:
        """Keep the groups for which every condition is true."""
        self._refuse_compound("having")
        return replace(self, having_conditions=(*self.having_conditions, *_nodes(conditions, "having")))

    # -- columns

    def select(self, *exprs: Expr[Any]) -> Query[Row]:
        """Return these columns instead of whole rows of the model."""
        self._refuse_compound("select")
        if not exprs:
            raise QueryError("select takes columns and expressions: select(Issue.title, count().as_('n'))", sql="")
        _nodes(exprs, "select")
        return replace(self, outputs=exprs)  # type: ignore[return-value]  # R becomes Row

    def ids(self) -> Query[Row]:
        """Return the keys of the rows alone: what `in_` takes, and the least that a list has to hold."""
        if self.outputs is not None:
            raise QueryError("ids are those of whole rows; after select there are none", sql="")
        spec = self.root.model.__table__
        return self.select(*(Expr(Open(Reached(self.root, one.attribute)), one.kind) for one in spec.key))

    def count(self) -> Query[Row]:
        """Return how many rows there are: one row with one column `n`."""
        self._refuse_compound("count")
        if self.first is not None or self.skip is not None or self.groups or self.is_distinct:
            raise QueryError("count is of all rows that fit: say it without limit, group_by and distinct", sql="")
        return replace(self, orders=(), outputs=(count().as_("n"),))  # type: ignore[return-value]  # R becomes Row

    def distinct(self) -> Query[R]:
        """Return equal rows once."""
        self._refuse_compound("distinct")
        return replace(self, is_distinct=True)

    # -- order and part

    def order_by(self, *terms: Expr[Any] | OrderBy) -> Query[R]:
        """Sort by these terms, after those of earlier calls; a view's rows are sorted by their key last."""
        made = []
        for term in terms:
            if not isinstance(term, Expr | OrderBy):
                raise QueryError(f"order_by takes columns and expressions, not {term!r:.40}", sql="")
            made.append(term if isinstance(term, OrderBy) else term.asc())
        return replace(self, orders=(*self.orders, *made))

    def limit(self, first: Number, skip: Number | None = None) -> Query[R]:
        """Return at most `first` rows, after leaving out `skip`. Both may be signals."""
        limited = replace(self, first=_number(first, "limit"))
        return limited if skip is None else limited.offset(skip)

    def offset(self, skip: Number) -> Query[R]:
        """Leave out the first `skip` rows."""
        return replace(self, skip=_number(skip, "offset"))

    # -- rows inside rows

    def include(self, *names: str, **queries: Query[Any]) -> Query[R]:
        """Bring with each row the rows that belong to it: `row.included.comments`.

        By the relations that the models declare, "comments.author" one behind the other; or by a query, whose
        conditions, order and limit then hold for each row: `include(comments=Comment.order_by(Comment.made).limit(3))`.
        """
        for name in names:
            if not all(part.isidentifier() for part in str(name).split(".")):
                raise QueryError(f"include takes names like 'comments.author', not {name!r:.60}", sql="")
        for name, query in queries.items():
            if not isinstance(query, Query):
                raise QueryError(f"include({name}=...) takes a query, not {query!r:.60}", sql="")
        return replace(self, includes=(*self.includes, *((name, None) for name in names), *queries.items()))

    def on(self, condition: Expr[bool]) -> Query[R]:
        """Say which row around these belong to, for `include`: `Track.where().on(Track.Genre == Genre.Name)`."""
        return replace(self, linked=_nodes((condition,), "on")[0])

    # -- pages

    def after(self, row: R | None) -> Query[R]:
        """Keep the rows behind `row` in the order, whose last term is the key: the next page, with `limit`.

        `None` is the first page. Pages neither repeat a row nor skip one; `row` may have changed or gone since.
        """
        order = total_order(self, "after")
        paged = replace(self, orders=order)
        return (
            paged if row is None else replace(paged, conditions=(*self.conditions, behind(self, order, row, "after")))
        )

    def before(self, row: R) -> Query[R]:
        """Keep the rows in front of `row` in the order: the page before it is `query.reverse().after(row).limit(n)`."""
        order = total_order(self, "before")
        condition = behind(self, turned(order), row, "before")
        return replace(self, orders=order, conditions=(*self.conditions, condition))

    def reverse(self) -> Query[R]:
        """Sort the other way round, the key too: from the end to the start."""
        return replace(self, orders=turned(total_order(self, "reverse")))

    # -- sets

    def union(self, other: Query[Any], *, all: bool = False) -> Query[R]:
        """Return the rows of both, equal ones once (`all=True`: each of them)."""
        return self._with("UNION ALL" if all else "UNION", other)

    def intersect(self, other: Query[Any]) -> Query[R]:
        """Return the rows that both have."""
        return self._with("INTERSECT", other)

    def except_(self, other: Query[Any]) -> Query[R]:
        """Return the rows that `other` doesn't have."""
        return self._with("EXCEPT", other)

    # -- as a part of another query

    def exists(self) -> Expr[bool]:
        """Whether there is any row. Columns of the enclosing query may be used in the conditions."""
        return Expr(Open(SubQuery(self, "exists")), BOOL)

    def scalar(self) -> Expr[Any]:
        """The one value of the first row, as a value of the enclosing query; None if there is no row."""
        return Expr(Open(SubQuery(self, "scalar")))

    # -- text

    @cached_property
    def compiled(self) -> Compiled:
        """Its text, plan, parameters and what makes its rows. Raises `QueryError` for what makes no SELECT."""
        from .compiled import compile_query

        return compile_query(self)

    @property
    def sql(self) -> str:
        """Its text."""
        return self.compiled.asked.sql

    def __str__(self) -> str:
        return self.compiled.asked.sql

    def __repr__(self) -> str:
        return f"<Query {' '.join(self.compiled.asked.sql.split())}>"

    # -- inside

    def _with(self, word: SetWord, other: Query[Any]) -> Query[R]:
        if not isinstance(other, Query):
            raise QueryError(f"{word} takes another query, not {other!r:.40}", sql="")
        if self._is_cut or other._is_cut or other.others:
            raise QueryError(f"{word} joins plain queries; sort and limit the whole: a.union(b).order_by(...)", sql="")
        return replace(self, others=(*self.others, (word, other)))

    @property
    def _is_cut(self) -> bool:
        """Whether it is sorted or limited."""
        return bool(self.orders) or self.first is not None or self.skip is not None

    def _refuse_compound(self, verb: str) -> None:
        if self.others:
            raise QueryError(f"{verb} after union would speak of one part of it; say it on the parts", sql="")


def refuse_names(columns: Iterable[str], model: str) -> None:
    """Raise for `where(title="x")`, which isn't how conditions are said."""
    for name in columns:
        raise QueryError(f"where takes conditions: where({model}.{name} == ...), not {name}=...", sql="")


def query_of(origin: Origin) -> Query[Any]:
    """Return the query for the rows at `origin`; for those that aren't deleted, where that is a mark."""
    alive = origin.model._alive(origin)
    return Query(origin) if alive is None else Query(origin, conditions=(alive._node,))


def origin_of(target: object) -> Origin | None:
    """Return the occurrence that a model, or an alias of one, stands for; None for anything else."""
    found = getattr(target, "__origin__", None)
    return found if isinstance(found, Origin) else None


def _nodes(exprs: Iterable[Any], verb: str) -> tuple[Node, ...]:  # Any: users pass what they have
    nodes = []
    for expr in exprs:
        if not isinstance(expr, Expr):
            raise QueryError(f"{verb} takes expressions like Issue.state == 'open', not {expr!r:.40}", sql="")
        nodes.append(expr._node)
    return tuple(nodes)


def _number(value: Any, verb: str) -> Number:  # Any: users pass what they have
    if isinstance(value, bool) or not (isinstance(value, int | Expr) or is_readable(value)):
        raise QueryError(f"{verb} takes a whole number or a signal of one, not {value!r:.40}", sql="")
    if isinstance(value, Expr) and not isinstance(value._node, Param):
        raise QueryError(f"{verb} takes a whole number, a signal of one or param('name'), no other expression", sql="")
    made: Number = value
    return made
