"""Effective stamps: the one order in which commits count, the same on every replica.

    A  hlc 900 (a clock that runs ahead)          eff 900
    `- B  hlc 100, written having seen A          eff 901 = max(100, 900 + 1)
       `- (clamp: a hub takes A for 110)          A: 110,  B: 111

    eff(c) = max(what its author's clock said, or the hub's smaller word;  eff of every parent + 1)

Ordered by (eff, lane), every commit comes after all that its author had seen: a total order in which a lying clock only
ever wins against writes made at the same time. "Causality first, else the stamp", pair by pair, would run in circles.
Each replica computes it, nobody sends it. Cost: one look for each lane of the parents.

A *clamp* is a hub's word on a commit whose stamp runs ahead: it is replicated with the commit, of several the smallest
counts, and whoever learns of it later computes the commit and what follows it anew (`restamp`, `merge.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from ..clock import stamp_at
from .vector import CommitId, Lane, Vector

__all__ = ["AHEAD_MS_MAX", "Header", "Stamp", "clamp", "effective", "restamp"]

Stamp: TypeAlias = tuple[int, Lane]
"""(effective stamp, lane): of two commits the greater one wins. No two commits have the same."""

AHEAD_MS_MAX = 60_000


class Header(NamedTuple):
    """What the order needs to know of a commit; it outlives the ops when the log is compacted."""

    id: CommitId
    parents: Vector
    hlc: int
    clamped: int | None = None


def effective(header: Header, eff_of: Callable[[CommitId], int]) -> int:
    """Return the effective stamp of a commit; `eff_of` gives those of its parents, the last one of each lane."""
    own = header.hlc if header.clamped is None else min(header.hlc, header.clamped)
    return max(own, 1 + max(map(eff_of, header.parents), default=-1))


def clamp(hlc: int, received_ms: int, *, ahead_ms_max: int = AHEAD_MS_MAX) -> int | None:
    """Return the stamp that a hub gives a commit received at `received_ms`; None: its own is fine."""
    return stamp_at(received_ms) if hlc > stamp_at(received_ms + ahead_ms_max) else None


def restamp(headers: Iterable[Header], eff_of: Callable[[CommitId], int]) -> dict[CommitId, int]:
    """Return the new effective stamps of those of `headers` that have others than `eff_of` says.

    `headers` are the clamped commits and all that follow them, in causal order.
    """
    moved: dict[CommitId, int] = {}

    def now(commit: CommitId) -> int:
        found = moved.get(commit)
        return eff_of(commit) if found is None else found

    for header in headers:
        eff = effective(header, now)
        if eff != eff_of(header.id):
            moved[header.id] = eff
    return moved
