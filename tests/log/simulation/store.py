"""A replica's disk, as dicts: the log, the lives of rows, what is derived from them; written as a whole or not at all.

    write(outcome) ---> copy of the dicts, changed ---> in place of the old ones in one assignment

So a crash finds either the state before a commit or the one after it, as with SQLite's transactions.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eddyline.core.errors import StateError
from eddyline.core.log.commit import Commit, CommitId, End, Key, Move, Op, Put
from eddyline.core.log.conflicts import Conflict
from eddyline.core.log.encoding import commit_hash
from eddyline.core.log.envelopes import Speaker, built_on, withheld
from eddyline.core.log.life import Life, RowId, alive, shown
from eddyline.core.log.merge import check_chain, merge, reorder, without
from eddyline.core.log.rows import Outcome
from eddyline.core.log.seal import compact_lives, compact_moves
from eddyline.core.log.stamps import Header, Stamp, effective, restamp
from eddyline.core.log.tree import Moved, Placement
from eddyline.core.log.vector import EMPTY, Lane, Vector
from eddyline.core.log.violations import Claim, Foreign, Unique, Violation, circles, judge
from eddyline.core.values import SqlValue

from .tables import CONSTRAINTS, FUNCTIONS, GROUPS, TREES

__all__ = ["Disk", "Dump"]

Dump = dict[str, dict[object, object]]


@dataclass(slots=True)
class Tables:
    """All that is written together."""

    log: dict[CommitId, Commit] = field(default_factory=dict)  # in the order in which they were merged
    dropped: frozenset[CommitId] = frozenset()  # whose ops the log has no more
    effs: dict[CommitId, int] = field(default_factory=dict)
    clamps: dict[CommitId, int] = field(default_factory=dict)
    rejected: dict[CommitId, str] = field(default_factory=dict)  # and why
    bases: dict[RowId, tuple[Life, ...]] = field(default_factory=dict)  # what dropped ops have made of rows
    vector: Vector = EMPTY
    admitted: dict[int, Vector] = field(default_factory=dict)  # by hub
    horizon: Vector = EMPTY
    hashes: dict[Lane, str] = field(default_factory=dict)  # of the last commit of each lane
    rows: dict[RowId, tuple[Life, ...]] = field(default_factory=dict)
    moves: dict[tuple[str, str], tuple[Moved, ...]] = field(default_factory=dict)
    conflicts: dict[tuple[RowId, int], Conflict] = field(default_factory=dict)
    violations: dict[tuple[str, RowId], Violation] = field(default_factory=dict)

    def copy(self) -> Tables:
        """Return tables that may be changed without changing these."""
        return Tables(*(copy.copy(getattr(self, name)) for name in self.__slots__))

    def full_lives(self) -> int:
        """Return of how many lives more than the number is known."""
        return sum(bool(life.cells or life.dots) for lives in self.rows.values() for life in lives)


class Disk:
    """What a replica keeps: a `Reader` for merges, a `Looker` for constraints."""

    def __init__(self, tables: Tables | None = None) -> None:
        self._now = tables or Tables()
        self._next = self._now  # while something is written, what it becomes
        self.seen = Counter[str]()

    def copy(self) -> Disk:
        """Return a backup, or a copied file."""
        return Disk(self._now.copy())

    # --- reading -------------------------------------------------------------------------------------------------

    @property
    def vector(self) -> Vector:
        """What was seen."""
        return self._now.vector

    @property
    def log(self) -> Mapping[CommitId, Commit]:
        """All commits, in the order in which they were merged; also those whose ops are archived."""
        return self._now.log

    @property
    def conflicts(self) -> Mapping[tuple[RowId, int], Conflict]:
        """The conflicts that stand."""
        return self._now.conflicts

    @property
    def clamps(self) -> Mapping[CommitId, int]:
        """The smallest stamp that a hub gave each commit that it clamped."""
        return self._now.clamps

    @property
    def rejected(self) -> Mapping[CommitId, str]:
        """The commits that count as having no ops, and why."""
        return self._now.rejected

    @property
    def admitted(self) -> Mapping[int, Vector]:
        """What each hub has taken in, so that it won't clamp it any more."""
        return self._now.admitted

    @property
    def horizon(self) -> Vector:
        """Whoever writes has to have seen this."""
        return self._now.horizon

    def is_dropped(self, commit: CommitId) -> bool:
        """Say whether the log has the ops of a commit no more."""
        return commit in self._now.dropped

    def last(self, lane: Lane) -> Commit | None:
        """Return the last commit of a lane."""
        seq = self._now.vector[lane]
        return self._now.log[CommitId(lane, seq)] if seq else None

    def last_hash(self, lane: Lane) -> str:
        """Return the hash of the last commit of a lane."""
        return self._now.hashes.get(lane, "")

    def lives(self, rows: Collection[RowId]) -> Mapping[RowId, Sequence[Life]]:
        """See `Reader`."""
        found = self._next.rows
        return {row: [life.copy() for life in found[row]] for row in rows if row in found}

    def row(self, row: RowId) -> dict[str, SqlValue] | None:
        """Return the row as SQL sees it."""
        life = alive(self._next.rows.get(row, ()))
        return None if life is None else shown(life, FUNCTIONS, self.stamp)

    def stamp(self, commit: CommitId) -> Stamp:
        """See `Reader`."""
        return self._next.effs[commit], commit.lane

    def parents(self, commit: CommitId) -> Vector:
        """See `Reader`."""
        return self._now.log[commit].parents

    def ops(self, commit: CommitId) -> Sequence[Op]:
        """See `Reader`."""
        if commit in self._now.dropped:
            raise StateError(f"the ops of {commit} are asked for, which were dropped")
        return self._now.log[commit].ops

    def history(self, row: RowId) -> list[tuple[CommitId, Op]]:
        """See `Reader`."""
        gone = self._now.dropped | self._next.rejected.keys()
        kept = (commit for commit in self._next.log.values() if commit.id not in gone)
        return [(commit.id, op) for commit in kept for op in commit.ops if (op.table, op.key) == row]

    def trees(self, table: str) -> Collection[str]:
        """See `Reader`."""
        return TREES[table]

    def base(self, row: RowId) -> list[Life]:
        """See `Reader`."""
        return [life.copy() for life in self._now.bases.get(row, ())]

    def spoken(self, row: RowId) -> list[Speaker]:
        """Return what was said of `row`, as far as it is known."""
        lives = self._now.bases.get(row, ())
        forgotten = [Speaker(None, Put(*row, life.incarnation, {})) for life in lives]
        forgotten += [Speaker(None, End(*row, life.incarnation)) for life in lives if life.ends]
        stands = [Speaker(by, op) for by, op in self.history(row)]
        gone = [self._next.log[commit] for commit in self._next.rejected if commit in self._next.log]
        said = [
            Speaker(commit.id, op, rejected=True) for commit in gone for op in commit.ops if (op.table, op.key) == row
        ]
        return [*forgotten, *stands, *said]

    def placement(self, table: str, column: str, key: Key) -> Placement | None:
        """See `TreeReader`."""
        for life in reversed(self._now.rows.get(RowId(table, key), ())):
            if column in life.cells:
                return Placement(life.incarnation, *life.cells[column])
        return None

    def moves(self, table: str, column: str, after: Stamp | None) -> Sequence[Moved]:
        """See `TreeReader`."""
        moves = self._now.moves.get((table, column), ())
        return [moved for moved in moves if after is None or moved.stamp > after]

    def claims(self, unique: Unique, values: tuple[SqlValue, ...]) -> Sequence[Claim]:
        """See `Looker`."""
        found = []
        for row, lives in self._next.rows.items():
            life = alive(lives) if row.table == unique.table else None
            if life and tuple(life.cells[column].value for column in unique.columns) == values:
                found.append(Claim(row.key, max(self.stamp(life.cells[column].by) for column in unique.columns)))
        return found

    def is_there(self, table: str, key: Key) -> bool:
        """See `Looker`."""
        return alive(self._next.rows.get(RowId(table, key), ())) is not None

    def children(self, foreign: Foreign, key: Key) -> Sequence[Key]:
        """See `Looker`."""
        rows = [(row, alive(lives)) for row, lives in self._next.rows.items() if row.table == foreign.table]
        return [row.key for row, life in rows if life and (life.cells[foreign.column].value,) == key]

    def group_authors(self) -> Iterator[tuple[RowId, set[CommitId]]]:
        """Yield each group of columns of a living row, by its row, and the commits that its cells come from."""
        for row, lives in self._now.rows.items():
            life = alive(lives)
            if life:
                yield from ((row, {life.cells[column].by for column in group}) for group in GROUPS[row.table])

    def dump(self) -> Dump:
        """Return all that a user sees."""
        rows = {row: self.row(row) for row in self._now.rows}
        return {
            "rows": {row: values for row, values in rows.items() if values is not None},
            "conflicts": {at: conflict.columns for at, conflict in self._now.conflicts.items()},
            "violations": {at: (violation.values, violation.holder) for at, violation in self._now.violations.items()},
        }

    # --- writing -------------------------------------------------------------------------------------------------

    def add(self, commit: Commit) -> None:
        """Merge a commit that is next, all of it or nothing; one that is rejected takes its place alone."""
        check_chain(commit, self._now.hashes.get(commit.lane, ""))
        reason = self._now.rejected.get(commit.id) or commit.rejected
        if not reason:
            at = built_on(commit, self.spoken, self._now.rejected.__contains__)
            reason = "" if at is None else f"built on {at}"
        self._next = tables = self._now.copy()
        header = Header(commit.id, commit.parents, commit.hlc, tables.clamps.get(commit.id))
        tables.effs[commit.id] = effective(header, tables.effs.__getitem__)
        tables.log[commit.id] = withheld(commit, reason) if reason else commit
        tables.vector = tables.vector.plus(commit.id)
        tables.hashes[commit.lane] = commit_hash(commit)
        if reason:
            tables.rejected.setdefault(commit.id, reason)
            self.seen["rejected"] += 1
            self.seen["rejected for another"] += reason.startswith("built on")
            self._now = tables
            return
        self._write(merge(self, commit, self.stamp(commit.id), FUNCTIONS))

    def clamp(self, clamps: Mapping[CommitId, int], admitted: Mapping[int, Vector]) -> None:
        """Take in what hubs say of commits, also of such as come later."""
        mine = self._now.clamps
        fresh = {commit: hlc for commit, hlc in clamps.items() if hlc < mine.get(commit, hlc + 1)}
        self._next = tables = self._now.copy()
        tables.clamps.update(fresh)
        for hub, vector in admitted.items():
            tables.admitted[hub] = tables.admitted.get(hub, EMPTY) | vector
        headers = (Header(at, one.parents, one.hlc, tables.clamps.get(at)) for at, one in tables.log.items())
        effs = restamp(headers, tables.effs.__getitem__) if any(commit in tables.vector for commit in fresh) else {}
        outcome = reorder(self, {commit: (eff, commit.lane) for commit, eff in effs.items()}, FUNCTIONS)
        self.seen["rows changed by a clamp"] += sum(change.old != change.new for change in outcome.changes.values())
        tables.effs.update(effs)
        self._write(outcome)

    def reject(self, words: Mapping[CommitId, str]) -> None:
        """Take in that commits were rejected, also such as come later."""
        fresh = {commit: reason for commit, reason in words.items() if commit not in self._now.rejected}
        if not fresh:
            return
        self._next = tables = self._now.copy()
        tables.rejected.update(fresh)
        todo = [commit for commit in fresh if commit in tables.vector]
        for commit in todo:  # grows
            for other in tables.log.values():
                if (
                    other.id not in tables.rejected
                    and commit in other.parents
                    and other.id not in tables.dropped
                    and built_on(other, self.spoken, tables.rejected.__contains__) is not None
                ):
                    tables.rejected[other.id] = f"built on {commit}"
                    todo.append(other.id)
        outcome = without(self, todo, FUNCTIONS)
        self.seen["rows changed by a rejection"] += sum(one.old != one.new for one in outcome.changes.values())
        tables.moves = {
            at: tuple(moved for moved in moves if moved.by not in tables.rejected) for at, moves in tables.moves.items()
        }
        self._write(outcome)

    def install(self, source: Disk) -> None:
        """Become what `source` holds, as a snapshot tells it: without old ops; and merge what is only here on top."""
        pending = [commit for at, commit in self._now.log.items() if at not in source.vector]
        theirs, words = source._now.copy(), dict(self._now.rejected)
        clamps, admitted = dict(self._now.clamps), dict(self._now.admitted)
        theirs.dropped = frozenset(theirs.log)
        theirs.bases = dict(theirs.rows)
        self._now = self._next = theirs
        self.clamp(clamps, admitted)
        self.reject({commit: reason for commit, reason in words.items() if commit not in theirs.log})
        for commit in pending:
            assert commit.parents >= theirs.horizon, "the horizon is what everybody has seen"
            self.add(commit)
        self.seen["commits merged on a snapshot"] += len(pending)

    def compact(self, seal: Vector, horizon: Vector) -> None:
        """Drop ops below `seal`, and what nobody can ask for below `horizon`."""
        self._next = tables = self._now.copy()
        tables.dropped = frozenset(commit for commit in tables.log if commit in seal)
        tables.bases = _sealed(self, [at for at in tables.log if at in tables.dropped - self._now.dropped])
        tables.horizon |= horizon
        tables.rows = {
            row: compact_lives(row, lives, horizon, self.parents, TREES[row.table])
            for row, lives in tables.rows.items()
        }
        ignored = [row.key for (_, row), broken in tables.violations.items() if broken.kind == "circle"]
        tables.moves = {at: tuple(compact_moves(moves, horizon, ignored)) for at, moves in tables.moves.items()}
        self.seen["ops dropped"] += len(tables.dropped) - len(self._now.dropped)
        self.seen["lives forgotten"] += self._now.full_lives() - tables.full_lives()
        self.seen["moves forgotten"] += sum(map(len, self._now.moves.values())) - sum(map(len, tables.moves.values()))
        self._now = self._next

    def _write(self, outcome: Outcome) -> None:
        tables = self._next
        tables.rows.update((row, change.lives) for row, change in outcome.changes.items())
        for at, moved in outcome.moved.items():
            kept = {(one.by, one.key): one for one in (*tables.moves.get(at, ()), *moved)}
            tables.moves[at] = tuple(sorted(kept.values(), key=lambda one: one.stamp))
        for site, conflict in outcome.conflicts.items():
            self._replace(tables.conflicts, site, conflict, "conflict")
        for claim, violation in {**judge(self, CONSTRAINTS, outcome), **circles(outcome)}.items():
            self._replace(tables.violations, claim, violation, violation.kind if violation else "violation")
        self.seen["rows in their second life"] += any(len(change.lives) > 1 for change in outcome.changes.values())
        self._now = tables

    def _replace(self, table: dict[Any, Any], at: object, value: object, what: str) -> None:  # Any: of either kind
        if value is not None:
            self.seen[what] += table.get(at) != value
            table[at] = value
        elif table.pop(at, None) is not None:
            self.seen[f"{what} settled"] += 1


class _Below:
    """A `Reader` of what dropped ops have made of rows, trees left out."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.rows: dict[RowId, tuple[Life, ...]] = {}

    def __getattr__(self, name: str) -> Any:  # Any: all else is as on the disk
        return getattr(self._disk, name)

    def lives(self, rows: Collection[RowId]) -> Mapping[RowId, Sequence[Life]]:
        """See `Reader`."""
        return {row: [life.copy() for life in self.rows[row]] for row in rows if row in self.rows}


def _sealed(disk: Disk, dropped: Sequence[CommitId]) -> dict[RowId, tuple[Life, ...]]:
    """Return what all ops that are dropped have made of rows, those of `dropped` last."""
    below = _Below(disk)
    below.rows = dict(disk._now.bases)
    for at in dropped:
        commit = disk.log[at]
        if at not in disk.rejected:
            said = replace(commit, ops=tuple(op for op in commit.ops if not isinstance(op, Move)))
            outcome = merge(below, said, disk.stamp(at), FUNCTIONS)
            below.rows.update((row, change.lives) for row, change in outcome.changes.items())
    return below.rows
