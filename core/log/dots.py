"""Dots: values that each remember the commit they came by.

    ("a", by A:1), ("b", by A:1), ("a", by B:4)      a set into which "a" came twice, at the same time

Whoever writes replaces what it had seen and leaves what it had not: a dot is *covered* by a commit if that commit's
author had seen the commit of the dot. Kept sorted, so that equal dots are equal tuples.
Idea: dotted version vectors and ORSWOT (Bieniusa et al., 2012), without a context of their own: commits carry vectors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..values import SqlValue
from .commit import Commit
from .vector import CommitId

__all__ = ["Dot", "covers", "ordered", "rank"]


class Dot(NamedTuple):
    """A value and the commit by which it came."""

    by: CommitId
    value: SqlValue


def covers(commit: Commit, by: CommitId) -> bool:
    """Say whether `commit` knew of `by`: its author had seen it, or it is that very commit."""
    return by in commit.parents or by == commit.id


def ordered(dots: Iterable[Dot]) -> tuple[Dot, ...]:
    """Return `dots` in their order: by commit, then by value."""
    return tuple(sorted(dots, key=lambda dot: (dot.by, *rank(dot.value))))


def rank(value: SqlValue) -> tuple[str, SqlValue]:
    """Return what values of any type are sorted by: equal only if value and type are."""
    return type(value).__name__, 0 if value is None else value
