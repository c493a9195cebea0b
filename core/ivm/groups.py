"""Groups by the delta rule: GROUP BY with count, sum, total, avg, min and max.

    changed rows --delta SQL--> (identity, group values, summands, weight) --add--> accumulators --> entries

State: one `_Group` for each group, O(groups). What is computed from aggregates (`sum(x) / 60000`, HAVING) SQL computes,
one small SELECT a touched group. Two group values that are equal but not the same ('a' and 'A' under NOCASE, 1 and 1.0)
make a group *opaque*: which of them shows depends on rows we don't hold, so such a group is read anew whenever it is
touched. Cost per step: O(changed rows), plus one indexed read for each group whose extremum left.

A subquery in WHERE has the same value for a row as long as no table in it changes, so the delta holds. When one does,
the groups that the change touches are read anew (`touch`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..changes import Changes
from ..errors import StateError
from ..store import Connection
from ..values import SqlRow, SqlValue, same_typed
from .aggregate import Accumulator
from .group_plan import GroupPlan
from .keyed import Touch
from .operator import Entry, Pair, TooLarge

__all__ = ["GroupsOperator"]

_READ_ANEW_MAX = 200


class _Group:
    """One group: its values, how many rows it has, its accumulators, and the entry it gives (None: HAVING says no)."""

    __slots__ = ("accumulators", "entry", "n", "opaque", "values")

    def __init__(self, values: SqlRow, n: int, accumulators: list[Accumulator], entry: Entry | None) -> None:
        self.values, self.n, self.accumulators, self.entry = values, n, accumulators, entry
        self.opaque = False

    def copy(self) -> _Group:
        other = _Group(self.values, self.n, [acc.copy() for acc in self.accumulators], self.entry)
        other.opaque = self.opaque
        return other


class GroupsOperator:
    """One GROUP BY over an inner join."""

    def __init__(self, plan: GroupPlan, params: Mapping[str, SqlValue], touch: Touch | None = None) -> None:
        self._plan, self._params, self._touch = plan, params, touch
        self.delta = plan.delta
        self._groups: dict[SqlRow, _Group] = {}
        self._staged: dict[SqlRow, _Group | None] = {}
        self._before_fill: dict[SqlRow, _Group] | None = None

    @property
    def size(self) -> int:
        """How many groups are held."""
        return len(self._groups)

    def fill(self, conn: Connection, limit: int | None) -> list[Entry]:
        """Read every group; return the entries in order. `limit` is the window's business: groups are all held."""
        plan = self._plan
        groups: dict[SqlRow, _Group] = {}
        entries: list[Entry] = []
        for row in conn.execute(plan.fill_sql, self._params).fetchall():
            identity, group = self._read(row)
            groups[identity] = group
            if group.entry is not None:
                entries.append(group.entry)
        if plan.opaque_sql:
            for row in conn.execute(plan.opaque_sql, self._params).fetchall():
                groups[tuple(row)].opaque = True
        self._before_fill, self._groups = self._groups, groups
        return entries

    def step(self, conn: Connection, changes: Changes) -> list[Pair]:
        """Return one pair for each group whose entry changes."""
        if self._touch is not None and not self._touch.nested.isdisjoint(changes.logs):
            return self._step_by_key(conn, changes, self._touch)
        plan, staged = self._plan, self._staged
        rows = self.delta.rows(conn, changes, self._params)
        rows.sort(key=lambda weighted: -weighted[1])  # a new extremum then hides the loss of the old one
        again: dict[SqlRow, None] = {}
        for row, weight in rows:
            identity = row[: plan.identity_n]
            group = staged.get(identity)
            if group is None:
                held = self._groups.get(identity)
                group = staged[identity] = held.copy() if held else self._empty(row[plan.values_at])
            values = row[plan.values_at]
            group.n += weight
            if weight > 0:
                if group.n == weight and not group.opaque:
                    group.values = values
                elif plan.may_differ and not _all_same(values[: plan.identity_n], group.values[: plan.identity_n]):
                    group.opaque = True
                elif not group.opaque:
                    group.values = values
            for accumulator, at in zip(group.accumulators, plan.summand_at, strict=True):
                if not accumulator.add(1 if at is None else row[at], weight):
                    again[identity] = None
        return self._pairs(conn, again)

    def publish(self) -> None:
        """Keep what is staged."""
        self._before_fill = None
        for identity, group in self._staged.items():
            if group is None:
                self._groups.pop(identity, None)
            else:
                self._groups[identity] = group
        self._staged.clear()

    def discard(self) -> None:
        """Forget what is staged."""
        if self._before_fill is not None:
            self._groups, self._before_fill = self._before_fill, None
        self._staged.clear()

    def statements(self, changes: Changes) -> list[str]:
        """Return the statements that follow `changes`."""
        if self._touch is not None and not self._touch.nested.isdisjoint(changes.logs):
            return [*self._touch.statements(changes), self._plan.one_sql]
        return list(self.delta.statements(changes))

    # -- inside

    def _step_by_key(self, conn: Connection, changes: Changes, touch: Touch) -> list[Pair]:
        pairs: list[Pair] = []
        for identity, values in touch.keys(conn, changes, self._params).items():
            held = self._groups.get(identity)
            group = self._staged[identity] = self._read_by(conn, values)
            if group is not None:
                group.opaque = self._plan.may_differ
            old, new = held.entry if held else None, group.entry if group else None
            if old is not None or new is not None:
                pairs.append((old, new))
        return pairs

    def _pairs(self, conn: Connection, again: Mapping[SqlRow, None]) -> list[Pair]:
        staged, pairs = self._staged, []
        if len(again) > _READ_ANEW_MAX:
            raise TooLarge
        for identity, group in list(staged.items()):
            assert group is not None, "a group is marked as gone only below"
            held = self._groups.get(identity)
            old = held.entry if held else None
            if group.n == 0 and identity:
                staged[identity] = None
                new = None
            else:
                if group.opaque or identity in again:
                    group = staged[identity] = self._read_one(conn, group)
                else:
                    group.entry = self._plan.entry(conn, group.values, group.accumulators, self._params)
                new = group.entry
            if old is not None or new is not None:
                pairs.append((old, new))
        return pairs

    def _empty(self, values: SqlRow) -> _Group:
        return _Group(values, 0, [make() for make in self._plan.accumulators], None)

    def _read(self, row: SqlRow) -> tuple[SqlRow, _Group]:
        """Return identity and group of one row of the fill."""
        plan = self._plan
        group = self._empty(row[plan.fill_values_at])
        group.n = row[plan.fill_n_at]  # type: ignore[assignment]  # count(*) is an integer
        for accumulator, part in zip(group.accumulators, plan.fill_accumulator_at, strict=True):
            accumulator.load(row[part])
        if plan.fill_having_at is None or row[plan.fill_having_at]:
            group.entry = row[: plan.entry_n]
        return row[plan.fill_identity_at], group

    def _read_one(self, conn: Connection, group: _Group) -> _Group:
        """Read a group anew that is there."""
        fresh = self._read_by(conn, group.values)
        if fresh is None:
            raise StateError(f"a group with {group.n} rows is not there: {group.values!r}")
        fresh.opaque = group.opaque
        return fresh

    def _read_by(self, conn: Connection, values: SqlRow) -> _Group | None:
        """Read the group of these values from SQL; None if it has no rows."""
        params: dict[str, Any] = dict(self._params)
        params.update((f"_eddy_g{n}", value) for n, value in enumerate(values[: self._plan.identity_n]))
        row = conn.execute(self._plan.one_sql, params).fetchone()
        return None if row is None else self._read(row)[1]


def _all_same(left: SqlRow, right: SqlRow) -> bool:
    return all(same_typed(a, b) for a, b in zip(left, right, strict=True))
