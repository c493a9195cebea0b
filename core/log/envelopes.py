"""Envelopes: what a hub has said of a commit, beside what its author wrote. Replicated, and no part of its hash.

    commit A:7  hlc 900, 3 ops      Envelope(A:7, clamped=110)          its stamp counts as 110: `stamps.py`
                                    Envelope(A:7, rejected="read only") it counts as having no ops: here

Several words on one commit join: the smallest stamp counts, and once rejected is rejected. So the state is a function
of the commits and the envelopes that are known, in whatever order either came; who hears of one late finds the winners
of the rows that it touches anew (`merge.py`: `reorder`, `without`).

A rejected commit keeps its place in its lane, so vectors have no holes. Its author has all of it, and may try again
or discard it; everybody else gets it *withheld*: id, parents, hash and reason, which lives and columns it was about,
and no value. A commit that builds on a rejected one is rejected with it: it edits a life that nobody else began, begins
a row anew that nobody else ended, or adds to a counter that nobody else set (`built_on`). All others behind it go on.
Which those are is a function of what was written, so a hub and an author come to the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..clock import STAMP_MAX
from ..errors import CommitFormatError
from ..values import shown
from .commit import Add, Commit, End, Op, Put, Withheld
from .encoding import commit_hash, dumps
from .life import RowId
from .vector import CommitId

__all__ = ["Envelope", "Speaker", "built_on", "joined", "withheld"]

REASON_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Envelope:
    """What hubs have said of `commit`: the stamp that it counts as, None for its own; why it was rejected, "" if not.

    `no` counts the words as they came to the file that hands this on: who has all up to one asks for those after it.
    """

    commit: CommitId
    clamped: int | None = None
    rejected: str = ""
    no: int = 0

    def to_json(self) -> str:
        """Return the envelope as a JSON array, its number left out."""
        return dumps([*self.commit, self.clamped, self.rejected])

    @classmethod
    def from_json(cls, text: str | bytes) -> Envelope:
        """Return the envelope that `to_json` made `text` of. Raises `CommitFormatError`."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CommitFormatError(f"{shown(text)} is no envelope: {error}") from error
        return cls.read(data)

    @classmethod
    def read(cls, data: Any) -> Envelope:  # Any: parsed JSON from outside
        """Return the envelope that `data` is of, checked. Raises `CommitFormatError`."""
        match data:
            case [str() as lane, int() as seq, int() | None as clamped, str() as rejected]:
                if (clamped is None or 0 <= clamped <= STAMP_MAX) and len(rejected) <= REASON_MAX:
                    return cls(CommitId.parse(f"{lane}:{seq}"), clamped, rejected)
        raise CommitFormatError(
            f"{shown(data)} is no envelope: those are lists of lane, seq, stamp or null, and reason"
        )


def joined(known: Envelope | None, said: Envelope) -> Envelope:
    """Return what is known of a commit after `said`: the smallest stamp, the first reason in the order of texts."""
    if known is None:
        return said
    clamps = [one.clamped for one in (known, said) if one.clamped is not None]
    reasons = [one.rejected for one in (known, said) if one.rejected]
    return replace(known, clamped=min(clamps, default=None), rejected=min(reasons, default=""))


def withheld(commit: Commit, reason: str) -> Commit:
    """Return `commit` as it is handed on once it is rejected: without values, message and arguments."""
    about = dict[tuple[str, tuple[object, ...], int], Withheld]()
    for op in commit.ops:
        at = (op.table, op.key, op.incarnation)
        known = about.get(at, Withheld(op.table, op.key, op.incarnation, ()))
        columns = tuple(sorted({*known.columns, *_put(op)}))
        about[at] = replace(known, columns=columns, ended=known.ended or _is_end(op))
    whole = commit.whole or commit_hash(commit)
    return replace(commit, ops=tuple(about.values()), args="", message="", rejected=reason[:REASON_MAX], whole=whole)


@dataclass(frozen=True, slots=True)
class Speaker:
    """An op on a row, by which commit, and whether that one is rejected.

    None: by one that is forgotten. It stands, and counts as seen by everybody: where that isn't so, a hub will say it.
    """

    by: CommitId | None
    op: Op
    rejected: bool = False


def built_on(
    commit: Commit, spoken: Callable[[RowId], Sequence[Speaker]], was_rejected: Callable[[CommitId], bool]
) -> CommitId | None:
    """Return a rejected commit that `commit` can't stand without, or None.

    `spoken` gives all that was said of a row, and what the log has forgotten of it as said by commits that stand.
    """
    rows: dict[RowId, list[Op]] = {}
    for op in commit.ops:
        if isinstance(op, Add) and was_rejected(op.epoch):
            return op.epoch
        rows.setdefault(RowId(op.table, op.key), []).append(op)
    for row, ops in rows.items():
        seen = [one for one in spoken(row) if one.by is None or one.by in commit.parents]
        if any(one.rejected for one in seen):
            for incarnation in dict.fromkeys(op.incarnation for op in ops):
                at = _missing(seen, incarnation, [op for op in ops if op.incarnation == incarnation])
                if at is not None:
                    return at
    return None


def _missing(seen: Sequence[Speaker], incarnation: int, ops: Iterable[Op]) -> CommitId | None:
    """Return the rejected commit that began the life which `ops` speak of, or ended the one before it."""
    of_life = [one for one in seen if one.op.incarnation == incarnation]
    if any(not one.rejected for one in of_life):
        return None
    if of_life and not _begins_anew(of_life, ops):
        return of_life[0].by
    ends = [one for one in seen if one.op.incarnation == incarnation - 2 and _is_end(one.op)]
    return ends[0].by if ends and all(one.rejected for one in ends) else None


def _begins_anew(gone: Sequence[Speaker], ops: Iterable[Op]) -> bool:
    """Say whether `ops` put all of a life that only rejected commits have spoken of: it was written again."""
    puts = [op for op in ops if isinstance(op, Put)]
    named = {column for op in puts for column in op.cells}
    return bool(puts) and named.issuperset(column for one in gone for column in _put(one.op))


def _put(op: Op) -> Iterable[str]:
    """Return the plain columns that `op` writes."""
    return op.cells if isinstance(op, Put) else op.columns if isinstance(op, Withheld) else ()


def _is_end(op: Op) -> bool:
    return isinstance(op, End) or (isinstance(op, Withheld) and op.ended)
