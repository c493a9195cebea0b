"""Links: what `tx.link` and `tx.unlink` write, the rows that lead to both sides of a many-to-many relation.

    tx.link(issue, Issue.labels, bug, ui)     INSERT INTO tagged (id, issue, label) VALUES (...), those that lack
    tx.unlink(issue, Issue.labels, bug)       DELETE FROM tagged WHERE issue = ? AND label = ?

The key of a link is made of the keys of both sides: two replicas that link the same rows write the same row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ParameterError
from ..model.base import Model, ModelBase
from ..model.column import key_of
from ..model.relation import Many, Relation
from ..schema.table import TableSpec
from ..sqltext import quote_name
from ..values import SqlValue
from .rows import Executes, add_all

__all__ = ["link", "unlink"]


def link(tx: Executes, row: ModelBase, many: Many[Any], others: Sequence[Any]) -> int:
    """Write the links that lack between `row` and `others`, rows or keys; return how many."""
    relation, near, far = _ends(row, many, others)
    model = relation.link
    assert model is not None, "_ends has seen to that"
    spec: TableSpec = model.__table__
    made = []
    for key, held in far.items():
        if not tx.execute(f"SELECT 1 FROM {_where(spec, relation)}", near, held).rows:
            values: dict[str, Any] = {relation.link_near: row[relation.near], relation.link_far: key}
            if issubclass(model, Model):
                values["id"] = "-".join(map(str, (near, held)))
            made.append(model(**values))
    add_all(tx, made)
    return len(made)


def unlink(tx: Executes, row: ModelBase, many: Many[Any], others: Sequence[Any]) -> int:
    """Delete the links between `row` and `others`; return how many rows were there."""
    relation, near, far = _ends(row, many, others)
    assert relation.link is not None, "_ends has seen to that"
    sql = f"DELETE FROM {_where(relation.link.__table__, relation)}"
    return sum(tx.execute(sql, near, held).rowcount for held in far.values())


def _ends(row: ModelBase, many: Many[Any], others: Sequence[Any]) -> tuple[Relation, SqlValue, dict[Any, SqlValue]]:
    """Return the relation, the key of `row` and those of `others`, as Python and as SQLite has them."""
    if not isinstance(many, Many):
        raise ParameterError(f"link takes a row, a relation and rows: (issue, Issue.labels, bug), not {many!r:.60}")
    relation = many._relation()
    if not isinstance(row, relation.owner):
        raise ParameterError(f"{many._name} belongs to a row of {relation.owner.__name__}, not to {row!r:.60}")
    if relation.link is None:
        raise ParameterError(
            f"{many._name} has no rows that link: set {relation.target.__name__}.{relation.far} by tx.update"
        )
    spec: TableSpec = relation.link.__table__
    near, far = spec.by_attribute[relation.link_near], spec.by_attribute[relation.link_far]
    return relation, spec.encode(near, row[relation.near]), {key_of(one): spec.encode(far, one) for one in others}


def _where(spec: TableSpec, relation: Relation) -> str:
    near, far = spec.by_attribute[relation.link_near], spec.by_attribute[relation.link_far]
    return f"{quote_name(spec.name)} WHERE {quote_name(near.name)} = ? AND {quote_name(far.name)} = ?"
