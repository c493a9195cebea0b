"""Template: one compiled text, shared by all programs that ask for it with other parameters.

It is thrown away when the schema moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..query.plan import (
    Compound,
    Select,
)
from ..query.result_types import ResultType
from ..schema.catalog import TableName
from .compound import CompoundLayout
from .derived import Inner
from .group_plan import GroupPlan
from .keyed import Touch
from .layout import Layout
from .routing import Route

__all__ = ["Rule", "Template", "joined_needs"]

Rule: TypeAlias = Literal["delta", "key", "re-run"]


@dataclass(slots=True)
class Template:
    """One compiled text. `needs` says what must be captured for it; `plan` is None for a re-run text.

    `parts` are the templates of a compound's parts, `inners` feed the derived tables that the plan reads.
    `ddl` holds what made the tables that it reads, now: for advice on indexes; `indexed`: what misses was looked for,
    for programs that scroll (True), and that don't.
    `private`: only the writer's connection sees all that it reads; `waits`: only it can plan the query.
    `types`: of the columns, where they were planned.
    """

    sql: str
    rule: Rule
    reason: str
    columns: tuple[str, ...]
    needs: Mapping[TableName, frozenset[str]]
    plan: Select | Compound | None = None
    layout: Layout | CompoundLayout | None = None
    groups: GroupPlan | None = None
    touch: Touch | None = None
    volatile: bool = False
    private: bool = False
    waits: bool = False
    index_use: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    route: Route | None = None
    types: tuple[ResultType, ...] = ()
    parts: tuple[Template, ...] = ()
    inners: tuple[Inner, ...] = ()
    ddl: Mapping[TableName, tuple[str, ...]] = field(default_factory=dict)
    indexed: set[bool] = field(default_factory=set)

    @property
    def tables(self) -> frozenset[TableName]:
        """The tables whose change may change the result."""
        return frozenset(self.needs)


def joined_needs(each: Iterable[Mapping[TableName, frozenset[str]]]) -> dict[TableName, frozenset[str]]:
    """Return what is needed for all of them."""
    needs: dict[TableName, frozenset[str]] = {}
    for one in each:
        for table, used in one.items():
            needs[table] = needs.get(table, frozenset()) | used
    return needs
