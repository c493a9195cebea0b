"""Joined columns: a function makes one value of those that were written at the same time.

    A puts 3, B puts 5 at the same time:  max -> 5       then C, having seen both, puts 1:  1

What a writer saw, it replaces; so a value can go down again. What it did not see is joined with it, by a function that
is registered under its name on every replica. The values are the state, the joined one is what is shown: a replica that
lacks the function, or for whose values it fails, shows the latest, and is right as soon as it has the function.

A function has to be commutative, associative and idempotent (`core/laws.py`). Values are joined in the order of their
commits all the same, so replicas agree even under a function that breaks the laws.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import reduce
from typing import TypeAlias

from ..values import SqlValue, to_sql
from .commit import Commit, PutJoined
from .dots import Dot, covers, ordered
from .stamps import Stamp
from .vector import CommitId

__all__ = ["MergeFunction", "MergeFunctions", "StampOf", "joined", "put"]

MergeFunction: TypeAlias = Callable[[SqlValue, SqlValue], SqlValue]
MergeFunctions: TypeAlias = Mapping[str, MergeFunction]
StampOf: TypeAlias = Callable[[CommitId], Stamp]

_log = logging.getLogger("eddyline.log")


def put(dots: tuple[Dot, ...], commit: Commit, op: PutJoined) -> tuple[Dot, ...]:
    """Return the values that stand after `op` of `commit`: none of them has seen another."""
    return ordered([*(dot for dot in dots if not covers(commit, dot.by)), Dot(commit.id, op.value)])


def joined(dots: tuple[Dot, ...], function: MergeFunction | None, stamp_of: StampOf) -> SqlValue:
    """Return the one value that `function` makes of `dots`, or the latest where it can't."""
    if len(dots) == 1:
        return dots[0].value
    if function is not None:
        try:
            return to_sql(reduce(function, (dot.value for dot in dots)), "what a merge function returns")
        except Exception:  # of a user's function; a merge never fails
            _log.exception("a merge function failed for %s: the latest value is shown", [dot.value for dot in dots])
    return max(dots, key=lambda dot: stamp_of(dot.by)).value
