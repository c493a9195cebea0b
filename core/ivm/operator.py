"""The contract of operators: the Python nodes that keep what SQL can't step.

    changes --> [ operator: rows, groups, keyed ] --pairs--> [ window: order, limit ] --patches--> view

An operator reads a new state only through `conn`, which shows it. `step` stages: the operator answers as of the new
state afterwards, but can still go back. Exactly one of `publish` and `discard` follows each step.
An *entry* is one row as delta SQL gives it: the visible columns first, then what order and identity need.
A *pair* is (old entry, new entry) of one key; None stands for "was not there" and "is gone".
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

from ..changes import Changes
from ..store import Connection
from ..values import SqlRow

__all__ = ["Entry", "Operator", "Pair", "TooLarge"]

Entry: TypeAlias = SqlRow
Pair: TypeAlias = tuple[Entry | None, Entry | None]


class TooLarge(Exception):
    """The change is cheaper to follow by reading everything anew."""


class Operator(Protocol):
    """One maintained relation."""

    @property
    def size(self) -> int:
        """How many groups and the like are held, beside the entries of the window."""

    def statements(self, changes: Changes) -> list[str]:
        """Return the statements that follow `changes`."""

    def fill(self, conn: Connection, limit: int | None) -> list[Entry]:
        """Return the first `limit` entries in the view's order, and hold the state that goes with them."""

    def step(self, conn: Connection, changes: Changes) -> list[Pair]:
        """Stage `changes`; return what they do to the relation. Raises `TooLarge`, or what a statement raised."""

    def publish(self) -> None:
        """Keep what is staged."""

    def discard(self) -> None:
        """Go back to before the last step or fill."""
