"""A compound's tree to its plan: several SELECTs and the set words between them, from left to right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..plan import Compound, Place, Select, SetWord, Unplannable
from .text import described

if TYPE_CHECKING:
    from sqlglot import exp

    from .expressions import Expressions

__all__ = ["read_compound"]


def read_compound(tree: exp.SetOperation, reader: Callable[[], Expressions]) -> Compound:
    """Return the plan of several SELECTs that are put together, from left to right, each read by a new `reader`."""
    from sqlglot import exp

    parts: list[exp.Select] = []
    words: list[SetWord] = []
    node: exp.Expression = tree
    while isinstance(node, exp.SetOperation):
        if not isinstance(node.expression, exp.Select):
            raise Unplannable(f"{described(node.expression)} as a part of a compound is re-run")
        parts.append(node.expression)
        words.append(_set_word(node))
        node = node.this
        while isinstance(node, exp.Subquery) and not node.alias:
            node = node.this
        if node.args.get("order") or node.args.get("limit"):
            raise Unplannable("an ORDER BY or LIMIT in a part of a compound is re-run")
    if not isinstance(node, exp.Select):
        raise Unplannable(f"{described(node)} as a part of a compound is re-run")
    readers, selects = [], []
    for part in (node, *reversed(parts)):
        own = reader()
        own.note_ctes(tree)
        selects.append(own.select(part))
        readers.append(own)
    if len({len(part.outputs) for part in selects}) != 1:
        raise Unplannable("parts of a compound with different numbers of columns")
    order = tree.args.get("order")
    return Compound(
        tuple(selects),
        tuple(reversed(words)),
        tuple(_place(e, readers, selects) for e in (order.expressions if order else ())),
        readers[0].count(tree.args.get("limit"), exp.Limit),
        readers[0].count(tree.args.get("offset"), exp.Offset),
    )


def _set_word(tree: exp.SetOperation) -> SetWord:
    from sqlglot import exp

    if isinstance(tree, exp.Intersect):
        return "INTERSECT"
    if isinstance(tree, exp.Except):
        return "EXCEPT"
    return "UNION" if tree.args.get("distinct") else "UNION ALL"


def _place(tree: exp.Expression, readers: list[Expressions], selects: list[Select]) -> Place:
    """Return a term of a compound's ORDER BY: a position, or the name or expression of a column of some part."""
    from sqlglot import exp

    term, collation = tree.this, None
    if isinstance(term, exp.Collate):
        term, collation = term.this, str(term.args["expression"].name)
    at: int | None = None
    if isinstance(term, exp.Literal) and not term.is_string and str(term.this).isdigit():
        at = int(term.this) - 1
    else:
        places = (reader.output(term, select) for reader, select in zip(readers, selects, strict=True))
        at = next((place for place in places if place is not None), None)
    if at is None or not 0 <= at < len(selects[0].outputs):
        raise Unplannable("ORDER BY of a compound by what isn't a column's name or place is re-run")
    return Place(at, bool(tree.args.get("desc")), bool(tree.args.get("nulls_first")), collation)
