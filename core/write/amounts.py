"""Amounts and elements: what `tx.add_to` and `tx.take_from` write to counters and sets.

    tx.add_to(issue, Issue.votes, 2)            UPDATE issue SET votes = votes + 2
    tx.add_to(issue, Issue.labels, "bug")       the set with it; what is there already stays

Where replicas meet, what each has added adds up, and each element goes by itself: nothing is read here that a later
writer could undo. To set such a column is another thing: then the later one counts.
"""

from __future__ import annotations

from typing import Any, TypeVar

from ..errors import MissingRowError, ParameterError
from ..model.base import ModelBase
from ..model.column import Column
from ..schema.table import ColumnSpec, TableSpec
from .rows import Executes, get, update

__all__ = ["change"]

M = TypeVar("M", bound=ModelBase)


def change(tx: Executes, row: M, column: Column[Any], amounts: tuple[Any, ...], *, take: bool) -> M:
    """Add `amounts` to a counter or a set of `row`, or take them from it; return the row as it is now."""
    spec: TableSpec = type(row).__table__
    one = _own(type(row), column)
    if one.merge == "counter":
        total = sum(_number(spec, one, amount) for amount in amounts)
        return update(tx, row, (column.set(column + (-total if take else total)),), {})
    now = get(tx, type(row), row)
    if now is None:
        raise MissingRowError(
            f"no row of {spec.name} has the key {row.__key__()!r} any more; nothing was written",
            table=spec.name,
            id=row.__key__(),
        )
    held: frozenset[Any] = now[one.attribute]
    after = held.difference(amounts) if take else held.union(amounts)
    return now if after == held else update(tx, now, (), {one.attribute: after})


def _own(model: type[ModelBase], given: object) -> ColumnSpec:
    if not isinstance(given, Column) or given._owner is not model:
        raise ParameterError(f"{given!r:.60} is no column of {model.__name__}; write {model.__name__}.column")
    one = model.__table__.by_attribute[given._attribute]
    if one.merge not in ("counter", "set"):
        raise ParameterError(
            f'{given._name} is neither a counter nor a set: declare it column(merge="counter") or merge="set", or use '
            "tx.update"
        )
    return one


def _number(spec: TableSpec, column: ColumnSpec, amount: Any) -> Any:  # Any: users pass what they have
    spec.encode(column, amount)
    return amount
