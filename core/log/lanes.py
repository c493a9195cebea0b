"""Lanes: who has written how far, and under which number a commit stands in this file.

    _eddy_runs    id 1   lane 1  seq 1  parents {}             commits 1..40 are (A, 1)..(A, 40)
                  id 41  lane 2  seq 7  parents {"01K..A":40}  commits 41 and 42 are (B, 7) and (B, 8)
    vector        {1: 40, 2: 8}                                read once, kept while nobody else writes

A commit is in one run with the one before it if its lane is the same and it saw nothing new in between; then its
parents are those of the run's first, and its own predecessor. So a lane that writes alone costs one row for ever.
`Heads` is of one state of the file. The open transaction moves it on; if that is undone, it is read anew.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias, get_args

from ..ids import new_id
from ..schema.meta import read_meta, write_meta
from ..store import Connection
from .commit import Commit
from .vector import EMPTY, CommitId, Lane, Vector

__all__ = ["NO_END", "End", "Heads", "Own", "Place", "Runs", "lane_number"]


Own: TypeAlias = Literal["lane", "external"]


class End(NamedTuple):
    """The last commit of a lane that is here: its stamp, and its hash in hex."""

    hlc: int
    hash: str


NO_END = End(0, "")
_PARENTS_KEPT = 1_000
_EFFS_KEPT = 10_000


class Place(NamedTuple):
    """Where a commit goes: its number in this file, its lane by number, its place in that lane, what it has seen."""

    id: int
    lane: int
    seq: int
    parents: str


@dataclass(slots=True)
class Heads:
    """How far each lane goes and with which commit it ends there, and the newest stamp of all.

    `own` are the lanes that this file writes itself: one for what goes through us, one for what other programs did.
    `effs` are effective stamps that were asked for: those of the ends of lanes are, with each commit that comes.
    """

    seqs: dict[int, int] = field(default_factory=dict)
    ends: dict[int, End] = field(default_factory=dict)
    lanes: dict[int, Lane] = field(default_factory=dict)
    own: dict[Own, int] = field(default_factory=dict)
    last_id: int = 0
    last_lane: int = 0
    last_schema: str = ""
    eff: int = 0
    effs: dict[CommitId, int] = field(default_factory=dict)
    violated: bool = False

    @classmethod
    def read(cls, conn: Connection) -> Heads:
        """Return what the log says now. Cost: one small row a run, one lookup a lane."""
        heads, last_of = cls(), dict[int, int]()
        heads.last_id = conn.execute("SELECT coalesce(max(id), 0) FROM main._eddy_commits").fetchone()[0]
        heads.lanes = dict(conn.execute("SELECT no, lane FROM main._eddy_lanes").fetchall())
        runs = conn.execute("SELECT id, lane, seq, schema FROM main._eddy_runs ORDER BY id").fetchall()
        ends = [*(run[0] for run in runs), heads.last_id + 1][1:]
        for (first, lane, seq, schema), end in zip(runs, ends, strict=True):
            heads.seqs[lane] = seq + end - first - 1
            last_of[lane], heads.last_lane, heads.last_schema = end - 1, lane, schema
        for own in get_args(Own):
            lane = read_meta(conn, own)
            if isinstance(lane, int) and lane:
                heads.own[own] = lane
        for lane, commit in last_of.items():
            hlc, eff, digest = conn.execute(
                "SELECT hlc, coalesce(eff, hlc), hash FROM main._eddy_commits WHERE id = ?", (commit,)
            ).fetchone()
            heads.eff = max(heads.eff, eff)
            heads.ends[lane] = End(hlc, digest.hex())
        heads.violated = conn.execute("SELECT 1 FROM main._eddy_violations LIMIT 1").fetchone() is not None
        return heads

    @property
    def vector(self) -> Vector:
        """What this file holds."""
        return Vector({self.lanes[no]: seq for no, seq in self.seqs.items()})

    def note_eff(self, commit: CommitId, eff: int) -> None:
        """Know the effective stamp of a commit."""
        if len(self.effs) >= _EFFS_KEPT:
            self.effs.clear()
        self.effs[commit] = eff

    def place_own(self, conn: Connection, own: Own, schema: str) -> Place:
        """Return the next place of a lane that this file writes, made on its first write, and count it."""
        lane = self.own.get(own)
        if lane is None:
            name = Lane(new_id())
            lane = lane_number(conn, name)
            self.lanes, self.own = {**self.lanes, lane: name}, {**self.own, own: lane}
            write_meta(conn, own, lane)
        return self.place(conn, lane, self._parents(), schema)

    def _parents(self) -> str:
        """Return what `vector.to_json` would: this is asked once a commit."""
        if len(self.seqs) == 1:
            ((no, seq),) = self.seqs.items()
            return f'{{"{self.lanes[no]}":{seq}}}'
        seqs = sorted([(self.lanes[no], seq) for no, seq in self.seqs.items()])
        return "{" + ",".join([f'"{lane}":{seq}' for lane, seq in seqs]) + "}"

    def place(self, conn: Connection, lane: int, parents: str, schema: str, *, alone: bool = False) -> Place:
        """Return the next place of `lane`, whose commit has seen `parents`, and count it.

        `alone`: it has seen more, or less, than the commit before it and that one itself.
        """
        place = Place(self.last_id + 1, lane, self.seqs.get(lane, 0) + 1, parents)
        if alone or lane != self.last_lane or schema != self.last_schema:
            self.begin_run(conn, place, schema)
        self.last_id = place.id
        self.seqs[lane] = place.seq
        return place

    def begin_run(self, conn: Connection, place: Place, schema: str) -> None:
        """Note that from `place` on another lane writes, or the same one having seen more or under another schema."""
        conn.execute(
            "INSERT INTO main._eddy_runs VALUES (?, ?, ?, ?, ?)",
            (place.id, place.lane, place.seq, place.parents, schema),
        )
        self.last_lane, self.last_schema = place.lane, schema


class Runs:
    """All runs, for a look at many commits: from numbers of this file to ids that hold everywhere, and back."""

    def __init__(self, conn: Connection) -> None:
        self.lanes: dict[int, Lane] = dict(conn.execute("SELECT no, lane FROM main._eddy_lanes").fetchall())
        self._runs = conn.execute("SELECT id, lane, seq, parents, schema FROM main._eddy_runs ORDER BY id").fetchall()
        self._firsts = [run[0] for run in self._runs]
        self._end = conn.execute("SELECT coalesce(max(id), 0) FROM main._eddy_commits").fetchone()[0]
        self._seen: dict[str, Vector] = {}  # parents as vectors, by their texts
        self._after: tuple[int, Vector] = (0, EMPTY)  # the last answer of `after`
        self._by_lane: dict[Lane, list[tuple[int, int]]] = {}
        for first, lane, seq, _, _ in self._runs:
            self._by_lane.setdefault(self.lanes[lane], []).append((seq, first))

    def read_on(self, conn: Connection) -> None:
        """Take in what the file has gained since: runs and lanes are only ever added."""
        last = self._firsts[-1] if self._firsts else 0
        for run in conn.execute(
            "SELECT id, lane, seq, parents, schema FROM main._eddy_runs WHERE id > ? ORDER BY id", (last,)
        ).fetchall():
            if run[1] not in self.lanes:
                self.lanes.update(conn.execute("SELECT no, lane FROM main._eddy_lanes").fetchall())
            self._runs.append(run)
            self._firsts.append(run[0])
            self._by_lane.setdefault(self.lanes[run[1]], []).append((run[2], run[0]))
        self._end = conn.execute("SELECT coalesce(max(id), 0) FROM main._eddy_commits").fetchone()[0]

    def note(self, place: Place, commit: Commit) -> None:
        """Know of the commit that takes `place`."""
        alone = not self._runs or self.after(place.id - 1) != commit.parents
        self.follow(place, commit.lane, commit.schema, alone=alone)

    def follow(self, place: Place, lane: Lane, schema: str, *, alone: bool = False) -> None:
        """Know of a commit of ours, or once more of one that is known."""
        last = self._runs[-1] if self._runs else None
        if last is not None and last[0] <= place.id <= self._end:
            return
        self.lanes.setdefault(place.lane, lane)
        self._end = place.id
        if last is None or alone or last[1] != place.lane or last[4] != schema:
            self._runs.append((place.id, place.lane, place.seq, place.parents, schema))
            self._firsts.append(place.id)
            self._by_lane.setdefault(lane, []).append((place.seq, place.id))

    def after(self, id: int) -> Vector:
        """Return what who has seen the commit under number `id`, and nothing else, has seen."""
        if self._after[0] != id:
            self._after = id, self.parents(id).plus(self.commit(id))
        return self._after[1]

    def commit(self, id: int) -> CommitId:
        """Return which commit stands under number `id`."""
        first, lane, seq, _, _ = self._run(id)
        return CommitId(self.lanes[lane], seq + id - first)

    def number(self, commit: CommitId) -> int:
        """Return the number of `commit`, which has to be one that this file has taken in."""
        runs = self._by_lane[commit.lane]
        seq, first = runs[bisect_right(runs, (commit.seq, 1 << 62)) - 1]
        return first + commit.seq - seq

    def parents(self, id: int) -> Vector:
        """Return what the commit under number `id` had seen."""
        first, lane, seq, parents, _ = self._run(id)
        vector = self._seen.get(parents)
        if vector is None:
            if len(self._seen) > _PARENTS_KEPT:
                self._seen.clear()
            vector = self._seen[parents] = Vector(json.loads(parents))
        return vector.plus(CommitId(self.lanes[lane], seq + id - first - 1)) if id > first else vector

    @property
    def last_id(self) -> int:
        """The number of the newest commit, 0 if there is none."""
        return int(self._end)

    @property
    def vector(self) -> Vector:
        """How far each lane goes."""
        return self.vector_at(self._end)

    def vector_at(self, id: int) -> Vector:
        """Return how far each lane went with commit `id`: a closed vector, as commits stand after their parents."""
        seqs: dict[Lane, int] = {}
        for (first, lane, seq, _, _), end in zip(self._runs, [*self._firsts[1:], self._end + 1], strict=False):
            if first <= id:
                seqs[self.lanes[lane]] = seq + min(end - 1, id) - first
        return Vector(seqs)

    def beyond(self, vector: Vector) -> Iterator[range]:
        """Yield the numbers of the commits that aren't in `vector`, run by run in the order of arrival."""
        ends = [*self._firsts[1:], self._end + 1]
        for (first, lane, seq, _, _), end in zip(self._runs, ends, strict=bool(self._runs)):
            known = max(0, vector[self.lanes[lane]] - seq + 1)
            if first + known < end:
                yield range(first + known, end)

    def schema(self, id: int) -> str:
        """Return the hash of the schema that its author wrote it under."""
        return str(self._run(id)[4])

    def _run(self, id: int) -> tuple[int, int, int, str, str]:
        found: tuple[int, int, int, str, str] = self._runs[bisect_right(self._firsts, id) - 1]
        return found


def lane_number(conn: Connection, lane: Lane) -> int:
    """Return the number of `lane` in this file, given to it now if it is new here."""
    conn.execute("INSERT OR IGNORE INTO main._eddy_lanes (lane) VALUES (?)", (lane,))
    return int(conn.execute("SELECT no FROM main._eddy_lanes WHERE lane = ?", (lane,)).fetchone()[0])
