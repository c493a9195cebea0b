"""Version vectors: how far each lane has been seen.

    {"01KAJ..A": 7, "01KAJ..B": 2}      the first 7 commits of one lane, the first 2 of another

A lane is one writer's own sequence of commits, 1, 2, 3, ...; they are seen in that order, so one number says it all.
Vectors are partly ordered: of two, either may hold what the other lacks. `|` is all that either has seen, `&` what both
have. A vector is *closed* if it holds the parents of every commit that it holds: only such a vector names a state.
Immutable. Cost: O(lanes), and there are few: a lane is a writer, not a device's every session.
Idea: Parker et al., "Detection of Mutual Inconsistency in Distributed Systems", 1983.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, NewType

from ..errors import CommitFormatError
from ..values import shown

__all__ = ["EMPTY", "SEQ_MAX", "CommitId", "Lane", "Vector", "check_lane", "check_seq"]

Lane = NewType("Lane", str)
"""One writer's sequence of commits, named by a ULID: made anew when a file is copied or restored."""

SEQ_MAX = (1 << 53) - 1
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)


class CommitId(NamedTuple):
    """Which commit: the `seq`-th of its lane, counted from 1."""

    lane: Lane
    seq: int

    def __str__(self) -> str:
        return f"{self.lane}:{self.seq}"

    @classmethod
    def parse(cls, text: object) -> CommitId:
        """Return the id that `str` made `text` of. Raises `CommitFormatError`."""
        lane, colon, seq = text.partition(":") if isinstance(text, str) else ("", "", "")
        if not colon or not seq.isascii() or not seq.isdigit() or len(seq) > 16:
            raise CommitFormatError(f"{shown(text)} is no commit's id: those are written LANE:SEQ")
        return cls(check_lane(lane), check_seq(int(seq)))


class Vector:
    """lane -> seq of the last commit seen. A lane of which nothing was seen is not in it."""

    __slots__ = ("_hash", "_seqs")

    def __init__(self, seqs: Mapping[Lane, int] | Iterable[tuple[Lane, int]] = ()) -> None:
        self._seqs = dict(seqs)
        self._hash: int | None = None

    def __getitem__(self, lane: Lane) -> int:
        """Return how many commits of `lane` were seen: 0 for a lane that isn't known."""
        return self._seqs.get(lane, 0)

    def __contains__(self, commit: CommitId) -> bool:
        """Say whether `commit` was seen."""
        return commit[1] <= self._seqs.get(commit[0], 0)

    def __iter__(self) -> Iterator[CommitId]:
        """Yield the last commit seen of each lane, in the order of lanes."""
        return (CommitId(lane, self._seqs[lane]) for lane in sorted(self._seqs))

    def __len__(self) -> int:
        return len(self._seqs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vector) and self._seqs == other._seqs

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._seqs.items()))
        return self._hash

    def __ge__(self, other: Vector) -> bool:
        """Say whether all that `other` has seen was seen here."""
        mine = self._seqs.get
        return all(mine(lane, 0) >= seq for lane, seq in other._seqs.items())

    def __le__(self, other: Vector) -> bool:
        return other >= self

    def __or__(self, other: Vector) -> Vector:
        """Return the join: all that either has seen."""
        seqs = dict(self._seqs)
        for lane, seq in other._seqs.items():
            if seq > seqs.get(lane, 0):
                seqs[lane] = seq
        return Vector(seqs)

    def __and__(self, other: Vector) -> Vector:
        """Return the meet: what both have seen. Of two closed vectors it is closed, too."""
        theirs = other._seqs
        return Vector({lane: min(seq, theirs[lane]) for lane, seq in self._seqs.items() if lane in theirs})

    def plus(self, commit: CommitId) -> Vector:
        """Return this vector with `commit` and all before it in its lane seen."""
        return self if commit in self else Vector({**self._seqs, commit.lane: commit.seq})

    def beyond(self, other: Vector) -> Iterator[tuple[Lane, int, int]]:
        """Yield what `other` lacks of this one as (lane, first seq, last seq), in the order of lanes."""
        for lane, seq in self:
            if seq > other[lane]:
                yield lane, other[lane] + 1, seq

    def to_json(self) -> str:
        """Return the vector as a JSON object, lanes in order: equal vectors give equal texts."""
        return json.dumps(self.data(), separators=(",", ":"))

    def data(self) -> dict[str, int]:
        """Return the vector as a dict in the order of lanes, for an encoding."""
        return {lane: self._seqs[lane] for lane in sorted(self._seqs)}

    @classmethod
    def from_json(cls, text: str) -> Vector:
        """Return the vector that `to_json` made `text` of. Raises `CommitFormatError`."""
        try:
            return cls.read(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise CommitFormatError(f"{shown(text)} is no version vector: {error}") from error

    @classmethod
    def read(cls, data: Any) -> Vector:  # Any: parsed JSON from outside
        """Return the vector that `data` is of, with every lane and seq checked. Raises `CommitFormatError`."""
        if not isinstance(data, dict):
            raise CommitFormatError(f"{shown(data)} is no version vector: those are objects, lane to seq")
        return cls({check_lane(lane): check_seq(seq) for lane, seq in data.items()})

    def __repr__(self) -> str:
        return f"<Vector {' '.join(map(str, self)) or 'empty'}>"


EMPTY = Vector()


def check_lane(lane: object) -> Lane:
    """Return `lane` if it may name one. Raises `CommitFormatError`."""
    if isinstance(lane, str) and _ULID.fullmatch(lane):
        return Lane(lane)
    raise CommitFormatError(f"{shown(lane)} names no lane: those are ULIDs, 26 letters and digits")


def check_seq(seq: object) -> int:
    """Return `seq` if a commit may have it. Raises `CommitFormatError`."""
    if type(seq) is int and 1 <= seq <= SEQ_MAX:
        return seq
    raise CommitFormatError(f"{shown(seq)} is no place in a lane: those are integers from 1 on")
