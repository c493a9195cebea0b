"""What the state has to be, by definition: from a set of commits alone, in one go, by the shortest code that says it.

It knows nothing of how commits came, keeps no state between them and shares no rule with `core/log`: that is its worth.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from eddyline.core.log.commit import Add, Commit, CommitId, End, Key, Move, Op, Put, PutJoined, SetUpdate
from eddyline.core.values import SqlValue

from .store import Dump
from .tables import CONSTRAINTS

__all__ = ["dump_of", "order_of", "rejected_of"]


def order_of(commits: Mapping[CommitId, Commit], clamps: Mapping[CommitId, int]) -> list[Commit]:
    """Return the commits in the order in which they count."""
    effs: dict[CommitId, int] = {}
    todo = list(commits.values())
    while todo:
        rest = []
        for commit in todo:
            past = list(commit.parents)
            if any(parent not in effs for parent in past):
                rest.append(commit)
                continue
            own = min(commit.hlc, clamps.get(commit.id, commit.hlc))
            effs[commit.id] = max([own, *(effs[parent] + 1 for parent in past)])
        assert len(rest) < len(todo), "commits whose parents are missing make no state"
        todo = rest
    return sorted(commits.values(), key=lambda commit: (effs[commit.id], commit.lane))


@dataclass
class Row:
    """One life of one row: its ops with their commits, in the order in which they count."""

    ops: list[tuple[Commit, Op]] = field(default_factory=list)

    def of(self, kind: type, column: str = "") -> list[tuple[Commit, Op]]:
        return [
            (commit, op)
            for commit, op in self.ops
            if isinstance(op, kind) and (not column or getattr(op, "column", "") == column)
        ]


def saw(later: Commit, earlier: Commit) -> bool:
    return earlier.id in later.parents or earlier.id == later.id


def rejected_of(commits: Mapping[CommitId, Commit], words: Collection[CommitId]) -> set[CommitId]:
    """Return the commits that are rejected where hubs have said so of those in `words`: these, and what needs them."""
    gone = {at for at in commits if at in words}
    while True:
        more = {at for at, commit in commits.items() if at not in gone and _needs(commit, commits, gone)}
        if not more:
            return gone
        gone |= more


def _needs(commit: Commit, commits: Mapping[CommitId, Commit], gone: set[CommitId]) -> bool:
    saw = [other for at, other in commits.items() if at in commit.parents]
    for op in commit.ops:
        if isinstance(op, Add) and op.epoch in gone:
            return True
        row = (op.table, op.key)

        def on(others: list[Commit], incarnation: int, row: tuple[str, Key] = row) -> list[tuple[Commit, Op]]:
            listed = [(other, one) for other in others for one in other.ops]
            return [
                (other, one) for other, one in listed if ((one.table, one.key), one.incarnation) == (row, incarnation)
            ]

        before, mine = on(saw, op.incarnation), on([commit], op.incarnation)
        if any(other.id not in gone for other, _ in before):
            continue
        named = {column for _, one in mine for column in _plain(one)}
        begins = any(isinstance(one, Put) for _, one in mine)
        if before and not (begins and named >= {column for _, one in before for column in _plain(one)}):
            return True
        enders = [other.id for other, one in on(saw, op.incarnation - 2) if isinstance(one, End)]
        if enders and gone.issuperset(enders):
            return True
    return False


def _plain(op: Op) -> set[str]:
    return set(op.cells) if isinstance(op, Put) else set()


def dump_of(
    commits: Mapping[CommitId, Commit], clamps: Mapping[CommitId, int], rejected: Collection[CommitId] = ()
) -> Dump:
    """Return what a user sees of the state that the commits make; those that are rejected say nothing."""
    order = [replace(one, ops=()) if one.id in rejected else one for one in order_of(commits, clamps)]
    lives: dict[tuple[str, Key], dict[int, Row]] = {}
    for commit in order:
        for op in commit.ops:
            lives.setdefault((op.table, op.key), {}).setdefault(op.incarnation, Row()).ops.append((commit, op))
    placed, ignored = tree_of(order)
    rows: dict[object, object] = {}
    conflicts: dict[object, object] = {}
    since: dict[tuple[str, Key], dict[str, int]] = {}
    for row, incarnations in lives.items():
        for incarnation, life in incarnations.items():
            values, by = values_of(life)
            if row in placed and placed[row][0] == incarnation:
                _, values["parent"], mover = placed[row]
                by["parent"] = [mover]
            ends = [commit for commit, _ in life.of(End)]
            lost = {
                column for column, authors in by.items() for one in authors if not any(saw(end, one) for end in ends)
            }
            if ends and lost:
                conflicts[row, incarnation] = tuple(sorted(lost))
            if incarnation == max(incarnations) and not ends:
                rows[row] = values
                since[row] = {column: max(map(order.index, authors)) for column, authors in by.items() if authors}
    alive = {row: values for row, values in rows.items() if isinstance(values, dict)}
    return {"rows": rows, "conflicts": conflicts, "violations": violations_of(alive, since, ignored)}


def values_of(life: Row) -> tuple[dict[str, SqlValue], dict[str, list[Commit]]]:
    """Return the values of a life, and by column the commits that they come from."""
    values: dict[str, SqlValue] = {}
    by: dict[str, list[Commit]] = {}
    for commit, op in life.of(Put):
        assert isinstance(op, Put)
        for column, value in op.cells.items():
            values[column], by[column] = value, [commit]
    counted = [(c, op) for c, op in life.of(Add) if isinstance(op, Add) and by["votes"][0].id == op.epoch]
    for commit, op in counted:
        values["votes"] += op.delta  # type: ignore[operator]  # an integer
        by["votes"].append(commit)
    changes = [(commit, op) for commit, op in life.of(SetUpdate) if isinstance(op, SetUpdate)]
    if changes:
        added = [(at, one, element) for at, (one, op) in enumerate(changes) for element in op.added]
        standing = [  # of one commit's ops a later one takes out what an earlier one put in
            (one, element)
            for at, one, element in added
            if not any(
                element in op.removed and (one.id in other.parents or (one is other and at < later))
                for later, (other, op) in enumerate(changes)
            )
        ]
        values["tags"] = json.dumps(sorted({json.loads(element) for _, element in standing}), separators=(",", ":"))
        by["tags"] = [one for one, _ in standing]
    puts = [(commit, op.value) for commit, op in life.of(PutJoined) if isinstance(op, PutJoined)]
    latest = [(one, value) for one, value in puts if not any(other is not one and saw(other, one) for other, _ in puts)]
    if latest:
        values["top"] = max(value for _, value in latest if isinstance(value, int))
        by["top"] = [one for one, _ in latest]
    return values, by


def tree_of(
    order: list[Commit],
) -> tuple[dict[tuple[str, Key], tuple[int, SqlValue, Commit]], dict[tuple[str, Key], SqlValue]]:
    """Return where each row is, in which life and by which commit, and the parents that were asked for in vain."""
    placed: dict[tuple[str, Key], tuple[int, SqlValue, Commit]] = {}
    ignored: dict[tuple[str, Key], SqlValue] = {}

    def is_above(row: tuple[str, Key], parent: SqlValue) -> bool:
        while parent is not None:
            if (parent,) == row[1]:
                return True
            parent = placed.get((row[0], (parent,)), (0, None, None))[1]
        return False

    for commit in order:
        moves = {(op.table, op.key): op for op in commit.ops if isinstance(op, Move)}
        before = {row: placed.get(row) for row in moves}
        current = {row: op for row, op in moves.items() if op.incarnation >= (before[row] or (0,))[0]}
        for row in current:
            placed.pop(row, None)
        for row, op in current.items():
            old = before[row]
            ignored.pop(row, None)
            if not is_above(row, op.parent):
                placed[row] = (op.incarnation, op.parent, commit)
                continue
            ignored[row] = op.parent
            if old is not None and old[0] == op.incarnation and not is_above(row, old[1]):
                placed[row] = old
            else:
                placed[row] = (op.incarnation, None, commit)
    return placed, ignored


def violations_of(
    rows: Mapping[object, Mapping[str, SqlValue]],
    since: Mapping[tuple[str, Key], Mapping[str, int]],
    ignored: Mapping[tuple[str, Key], SqlValue],
) -> dict[object, object]:
    """Return what is broken: ("constraint", row) -> (values, the key of the row that holds the claim)."""
    found: dict[object, object] = {(f"{row[0]}.parent", row): ((parent,), None) for row, parent in ignored.items()}
    unique, name, foreign = CONSTRAINTS
    for constraint in (unique, name):
        (column,) = constraint.columns  # type: ignore[union-attr]  # the first two are unique
        for row, values in rows.items():
            assert isinstance(row, tuple)
            if row[0] != constraint.table or values[column] is None:
                continue
            rivals = [other for other in rows if isinstance(other, tuple) and other[0] == row[0]]
            same = [other for other in rivals if rows[other][column] == values[column]]
            holder = min(same, key=lambda other: (since[other][column], other))
            if holder != row:
                found[constraint.name, row] = ((values[column],), holder[1])
    for row, values in rows.items():
        owner = values.get("owner")
        if owner is not None and ("person", (owner,)) not in rows:
            found[foreign.name, row] = ((owner,), None)
    return found
