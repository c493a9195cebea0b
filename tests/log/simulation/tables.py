"""The tables of the simulation: one column of each kind, few keys, so that replicas get in each other's way."""

from __future__ import annotations

from eddyline.core.log.joins import MergeFunction
from eddyline.core.log.violations import Constraint, Foreign, Unique
from eddyline.core.values import SqlValue

__all__ = ["CONSTRAINTS", "FUNCTIONS", "GROUPS", "KEYS", "PLAIN", "TREES"]

KEYS = ("k1", "k2", "k3", "k4")
PLAIN: dict[str, dict[str, SqlValue]] = {  # plain columns and their defaults; `votes` is a counter's base
    "item": {"title": "", "start": 0, "end": 0, "code": None, "owner": None, "votes": 0},
    "person": {"name": ""},
}
GROUPS = {"item": [("start", "end")], "person": []}
TREES = {"item": ("parent",), "person": ()}
CONSTRAINTS: tuple[Constraint, ...] = (
    Unique("item.code", "item", ("code",)),
    Unique("person.name", "person", ("name",)),
    Foreign("item.owner", "item", "owner", "person"),
)


def largest(left: SqlValue, right: SqlValue) -> SqlValue:
    """Return the greater of two integers."""
    assert isinstance(left, int)
    assert isinstance(right, int)
    return max(left, right)


FUNCTIONS: dict[str, MergeFunction] = {"largest": largest}
