"""Violations: constraints that each replica kept and that their join breaks. Reported, never enforced.

    A inserts person p1 "ann" (stamp 7)        unique name:  p1 has held "ann" for longer, p2 is the violation
    B inserts person p2 "ann" (stamp 9)
    A ends person p1, B has an item of p1      foreign key:  the item's owner is gone

A merge never fails and never evicts a row: what is broken stands in a table, the same on every replica, until somebody
writes what mends it. Of rows that share a unique value the one that has had it for longest, by the order of commits,
holds it. A move that is ignored (`tree.py`) stands there, too.
Judged after the rows are written, for the rows that changed and those that they may concern.
Idea: constraint violations of Dolt, which reports and lets one resolve.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

from ..values import SqlValue
from .commit import Key
from .dots import rank
from .life import RowId
from .rows import Outcome
from .stamps import Stamp

__all__ = ["Claim", "Constraint", "Foreign", "Judged", "Looker", "Unique", "Violation", "circles", "judge"]


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows of `table` are to have the same values in `columns`; one with a NULL among them has no claim."""

    name: str
    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Foreign:
    """`column` of `table` is to be NULL or the key of a row of `to`."""

    name: str
    table: str
    column: str
    to: str


Constraint: TypeAlias = Unique | Foreign


class Claim(NamedTuple):
    """A row that has certain unique values, and the latest stamp among the cells that hold them."""

    key: Key
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Violation:
    """What is broken: by which row, with which values; `holder` is the row that holds a unique claim."""

    kind: Literal["unique", "foreign key", "circle"]
    constraint: str
    row: RowId
    values: tuple[SqlValue, ...]
    holder: Key | None = None


Judged: TypeAlias = dict[tuple[str, RowId], Violation | None]
"""By constraint and row what is broken now, in place of what was; None: nothing."""


class Looker(Protocol):
    """The rows as they are now."""

    def claims(self, unique: Unique, values: tuple[SqlValue, ...]) -> Sequence[Claim]:
        """Return the living rows with these values, equal as the index compares."""

    def is_there(self, table: str, key: Key) -> bool:
        """Say whether a row lives."""

    def children(self, foreign: Foreign, key: Key) -> Sequence[Key]:
        """Return the living rows that lead to the row `key` of `foreign.to`."""


def judge(looker: Looker, constraints: Iterable[Constraint], outcome: Outcome) -> Judged:
    """Return what is broken or mended among the rows that changed and those that share a value or a key with them."""
    judged: Judged = {}
    for constraint in constraints:
        if isinstance(constraint, Unique):
            _judge_unique(looker, constraint, outcome, judged)
        else:
            _judge_foreign(looker, constraint, outcome, judged)
    return judged


def circles(outcome: Outcome) -> Judged:
    """Return which rows' latest moves are ignored now, and which no longer are."""
    return {
        (f"{table}.{column}", row): moved and Violation("circle", f"{table}.{column}", row, (moved.parent,))
        for (table, column), rows in outcome.ignored.items()
        for row, moved in rows.items()
    }


def _judge_unique(looker: Looker, unique: Unique, outcome: Outcome, judged: Judged) -> None:
    for row, change in outcome.changes.items():
        if row.table != unique.table:
            continue
        judged.setdefault((unique.name, row), None)
        values = [_values(image, unique.columns) for image in (change.old, change.new) if image is not None]
        for shared in dict.fromkeys(values):
            if shared is not None:
                judged.update(_claimed(looker, unique, shared))


def _values(image: Mapping[str, SqlValue], columns: tuple[str, ...]) -> tuple[SqlValue, ...] | None:
    values = tuple(image.get(column) for column in columns)
    return None if None in values else values


def _claimed(looker: Looker, unique: Unique, values: tuple[SqlValue, ...]) -> Judged:
    claims = sorted(looker.claims(unique, values), key=lambda claim: (claim.stamp, [*map(rank, claim.key)]))
    judged: Judged = {}
    for claim in claims:
        row, is_holder = RowId(unique.table, claim.key), claim is claims[0]
        violation = None if is_holder else Violation("unique", unique.name, row, values, claims[0].key)
        judged[unique.name, row] = violation
    return judged


def _judge_foreign(looker: Looker, foreign: Foreign, outcome: Outcome, judged: Judged) -> None:
    for row, change in outcome.changes.items():
        if row.table == foreign.table:
            value = None if change.new is None else change.new.get(foreign.column)
            judged[foreign.name, row] = _orphan(looker, foreign, row, value)
        if row.table == foreign.to and (change.old is None) != (change.new is None):
            for key in looker.children(foreign, row.key):
                child = RowId(foreign.table, key)
                judged[foreign.name, child] = _orphan(looker, foreign, child, row.key[0])


def _orphan(looker: Looker, foreign: Foreign, row: RowId, value: SqlValue) -> Violation | None:
    if value is None or looker.is_there(foreign.to, (value,)):
        return None
    return Violation("foreign key", foreign.name, row, (value,))
