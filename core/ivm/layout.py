"""Layout: where in an entry each expression stands.

    entry = ( outputs ... | order terms not among them ... | key parts not among them ... )
              visible       hidden                           hidden

The view's order is ORDER BY, then the key: so the order is total and a row has one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from operator import itemgetter
from typing import Any

from ..collate import OrderTerm, order_key
from ..query.plan import Const, Expr, Order, Output, Select
from ..query.render import render
from .delta import Delta
from .keyset import Keyset
from .operator import Entry
from .together import Together, together

__all__ = ["Layout", "Places", "getter"]

_QUERIES_MAX = 64
_PLACES_MAX = 4_096


class Places(dict[Entry, Any]):
    """The sort key of each entry that was asked for last. Entries that are equal sort equally, 1 beside 1.0 too."""

    __slots__ = ("_sort",)

    def __init__(self, sort: Callable[[Entry], Any]) -> None:
        self._sort = sort

    def __missing__(self, entry: Entry) -> Any:
        if len(self) >= _PLACES_MAX:
            self.clear()
        place = self[entry] = self._sort(entry)
        return place


class Layout:
    """The entry layout of `plan` with the key `key_exprs`."""

    def __init__(self, plan: Select, key_exprs: Sequence[Expr], columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.exprs: list[Expr] = [output.expr for output in plan.outputs]
        self.width = len(self.exprs)
        known = {order.expr for order in plan.order_by}
        self.order = (*plan.order_by, *(Order(expr) for expr in dict.fromkeys(key_exprs) if expr not in known))
        self.order_at = tuple(self.place(order.expr) for order in self.order)
        self.key_at = tuple(self.place(expr) for expr in key_exprs)
        self.key: Callable[[Entry], tuple[Any, ...]] = getter(self.key_at)
        self.sort: Callable[[Entry], tuple[Any, ...]] = lambda entry: ()
        self._plan = plan
        self._queries: dict[int | None, str] = {}

    def place(self, expr: Expr) -> int:
        """Return the position of `expr`, appending it if it is new."""
        if expr not in self.exprs:
            self.exprs.append(expr)
        return self.exprs.index(expr)

    def set_collations(self, names: Sequence[str], encoding: str) -> None:
        """Take the collation of each order term, in the order of `order`."""
        self.sort = order_key(
            [
                OrderTerm(at, order.desc, order.nulls_first, name)
                for at, order, name in zip(self.order_at, self.order, names, strict=True)
            ],
            encoding,
        )

    def plan(self, limit: int | None, **changes: Any) -> Select:
        """Return the plan that gives whole entries in the view's order."""
        return replace(
            self._plan,
            outputs=tuple(map(Output, self.exprs)),
            order_by=self.order,
            limit=None if limit is None else Const(str(limit)),
            offset=None,
            **changes,
        )

    def query(self, limit: int | None) -> str:
        """Return the text of `plan(limit)`."""
        text = self._queries.get(limit)
        if text is None:
            if len(self._queries) >= _QUERIES_MAX:
                self._queries.clear()
            text = self._queries[limit] = render(self.plan(limit))
        return text

    @cached_property
    def place_of(self) -> Callable[[Entry], Any]:
        """`sort`, remembered: searches in the windows of a template meet the same entries again and again."""
        return Places(self.sort).__getitem__

    @cached_property
    def together(self) -> Together | None:
        """What fills many programs at once; None where that can't be."""
        return together(self)

    @cached_property
    def keyset(self) -> Keyset:
        """The statements that read whole entries by pages, for all programs."""
        return Keyset(self)

    @cached_property
    def delta(self) -> Delta:
        """The delta statements of whole entries, for all programs."""
        return Delta(self._plan, self.exprs)

    def defining(self) -> str:
        """Return the text that defines the view: the query with the key appended to ORDER BY."""
        return render(replace(self._plan, order_by=self.order))


def getter(positions: Sequence[int]) -> Callable[[Entry], tuple[Any, ...]]:
    """Return a function from an entry to the tuple of its values at `positions`."""
    if not positions:
        return lambda entry: ()
    if len(positions) == 1:
        only = positions[0]
        return lambda entry: (entry[only],)
    return itemgetter(*positions)
