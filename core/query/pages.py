"""Pages: the rows of a query behind a row, or before it, by the values that row has in ORDER BY, and its key.

    Issue.order_by(Issue.priority.desc())       after(row of priority 3, id "B")
        priority <= 3 AND (priority < 3 OR (priority IS 3 AND id > 'B'))        the first part is an index's range

The key ends the order, so no two rows share a place: pages neither repeat a row nor skip one, whatever is written
between them. It is the values of the row given that count, even if the row has changed or gone since.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError, QueryError
from .expr import Expr, OrderBy, Reached, column_of
from .plan import Binary, Collate, Const, Open
from .plan import Expr as Node

if TYPE_CHECKING:
    from .builder import Query

__all__ = ["behind", "total_order", "turned"]

_NULL = Const("NULL")


def total_order(query: Query[Any], verb: str) -> tuple[OrderBy, ...]:
    """Return the order of `query` with the key of its model behind it. Raises `QueryError` where that isn't total."""
    if query.groups or query.is_distinct or query.others or query.joins:
        raise QueryError(
            f"{verb} takes a query whose rows have the key of {query.root.model.__name__}: without join, group_by, "
            "distinct and union; a column through a reference (Issue.project.to.name) needs no join",
            sql="",
        )
    known = [_bare(term.expr._node) for term in query.orders]
    keys = [column_of(query.root, column.attribute) for column in query.root.model.__table__.key]
    return (*query.orders, *(OrderBy(Expr(key), desc=False) for key in keys if key not in known))


def turned(order: tuple[OrderBy, ...]) -> tuple[OrderBy, ...]:
    """Return the opposite order."""
    return tuple(OrderBy(term.expr, desc=not term.desc, nulls_first=not term.nulls_at_start) for term in order)


def behind(query: Query[Any], order: tuple[OrderBy, ...], row: Any, verb: str) -> Node:
    """Return the condition that a row stands behind `row` in `order`. Raises `QueryError`, `ParameterError`."""
    model = query.root.model
    if query.outputs is None and not isinstance(row, model):
        raise ParameterError(f"{verb} takes a row of {model.__name__}, as the query gives it, not {row!r:.60}")
    if query.outputs is not None and not (isinstance(row, tuple) and len(row) == len(query.outputs)):
        raise ParameterError(f"{verb} takes a row as the query gives it: {len(query.outputs)} values, not {row!r:.60}")
    condition: Node | None = None
    for term in reversed(order):
        value = _value(query, term.expr._node, row, verb)
        same = Binary("IS", term.expr._node, value)
        parts = list(_beyond(term, value))
        if condition is not None:
            parts.append(Binary("AND", same, condition))
        condition = parts[0] if parts else Const("0")
        for part in parts[1:]:
            condition = Binary("OR", condition, part)
    assert condition is not None, "a model has a key"
    first = order[0]
    value = _value(query, first.expr._node, row, verb)
    if len(order) > 1 and value != _NULL and (first.nulls_at_start or not _optional(query, first.expr._node)):
        condition = Binary("AND", Binary("<=" if first.desc else ">=", first.expr._node, value), condition)
    return condition


def _beyond(term: OrderBy, value: Node) -> Iterator[Node]:
    """Yield what a term is where it stands behind `value`."""
    node = term.expr._node
    if value == _NULL:
        if term.nulls_at_start:
            yield Binary("IS NOT", node, _NULL)
        return
    yield Binary("<" if term.desc else ">", node, value)
    if not term.nulls_at_start:
        yield Binary("IS", node, _NULL)


def _value(query: Query[Any], term: Node, row: Any, verb: str) -> Node:
    """Return what `row` has in a term of the order."""
    node = _bare(term)
    if query.outputs is not None:
        for at, output in enumerate(query.outputs):
            if output._node == node:
                return output._operand(row[at])
        raise QueryError(f"{verb}: a term of the order isn't selected; select it, and the key, too", sql="")
    if isinstance(node, Open) and isinstance(node.what, Reached) and node.what.origin == query.root:
        found: Expr[Any] = query.root.model._declared[node.what.attribute]
        return found._operand(row[node.what.attribute])
    model = query.root.model.__name__
    raise QueryError(
        f"{verb}: the query is sorted by what isn't a column of {model}, so its row doesn't say where it stands; "
        "select(...) that, and the key",
        sql="",
    )


def _optional(query: Query[Any], term: Node) -> bool:
    """Say whether a term may be NULL."""
    node = _bare(term)
    if isinstance(node, Open) and isinstance(node.what, Reached) and node.what.origin == query.root:
        optional: bool = query.root.model.__table__.by_attribute[node.what.attribute].kind.optional
        return optional
    return True


def _bare(node: Node) -> Node:
    return node.arg if isinstance(node, Collate) else node
