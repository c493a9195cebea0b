"""Delta statements: a query over the changed rows of some occurrences, joined to the new state of the others.

    changed {t, g}:    + dt * g     + t * dg     - dt * dg           (t, g: new state; d: the logs, with weights)

On the new state alone the change of a join is the sum over the non-empty subsets of changed occurrences, each joined
through its log, with sign (-1)^(k+1): no old state is needed. Leaving out the higher terms counts a row twice whenever
both sides of it changed in one transaction.
Cost: one prepared statement a subset; 2^n - 1 subsets for n changed occurrences, so beyond `SUBSETS_MAX` read anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from ..changes import WEIGHT, Changes
from ..query.plan import Expr, Output, Select
from ..query.render import render
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow, SqlValue
from ..zset import ZSet
from .operator import TooLarge

__all__ = ["Delta", "changed_subsets"]

_CHANGED_MAX = 5


def changed_subsets(changed: Sequence[int]) -> list[tuple[int, ...]]:
    """Return every non-empty subset of the changed occurrences, small ones first."""
    return [subset for size in range(1, len(changed) + 1) for subset in combinations(changed, size)]


class Delta:
    """The delta statements of one inner join: `exprs` over every changed combination of rows, as a Z-set."""

    def __init__(self, plan: Select, exprs: Sequence[Expr]) -> None:
        self._plan = replace(
            plan, outputs=tuple(map(Output, exprs)), group_by=(), having=None, order_by=(), limit=None, offset=None
        )
        self._statements: dict[tuple[tuple[int, str], ...], str] = {}
        self._lists: dict[tuple[str | None, ...], tuple[str, ...]] = {}

    def rows(self, conn: Connection, changes: Changes, params: Mapping[str, SqlValue]) -> list[tuple[SqlRow, int]]:
        """Return how the joined rows change, each with its weight.

        Logs are consolidated, so with one changed occurrence the rows are too, but for columns that nobody selects.
        """
        statements = self.statements(changes)
        if len(statements) == 1:
            return [(row[:-1], row[-1]) for row in conn.execute(statements[0], params).fetchall()]
        delta = ZSet()
        for sql in statements:
            for row in conn.execute(sql, params).fetchall():
                delta.add(row[:-1], row[-1])
        return list(delta)

    def statements(self, changes: Changes) -> tuple[str, ...]:
        """Return the statement of each subset of changed occurrences. Raises `TooLarge` for too many of them."""
        changed = tuple([changes.logs.get(source.table) for source in self._plan.sources])
        statements = self._lists.get(changed)
        if statements is None:
            logs = {at: log for at, log in enumerate(changed) if log is not None}
            if len(logs) > _CHANGED_MAX:
                raise TooLarge
            subsets = changed_subsets(list(logs))
            statements = self._lists[changed] = tuple([self.statement(subset, logs) for subset in subsets])
        return statements

    def statement(self, subset: tuple[int, ...], logs: Mapping[int, str]) -> str:
        """Return the delta statement of one subset: `exprs`, then the weight."""
        key = tuple((at, logs[at]) for at in subset)
        sql = self._statements.get(key)
        if sql is None:
            weight = " * ".join(f"{quote_name(self._plan.sources[at].alias)}.{WEIGHT}" for at in subset)
            if len(subset) % 2 == 0:
                weight = f"-({weight})"
            tables = {at: logs[at] for at in subset}
            sql = self._statements[key] = render(self._plan, tables, [f"{weight} AS {WEIGHT}"])
        return sql
