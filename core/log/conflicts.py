"""Conflicts: edits that were lost because somebody ended the row without having seen them.

    A edits the title (A:4)      B, not having seen A:4, deletes the row (B:2)      the row is gone, everywhere
        `-> Conflict(row, incarnation 1, columns ("title",), edits (A:4,), ends (B:2,))

Between two edits of one cell the later one wins and nothing is reported: the log has both. A delete takes a whole row
with it, so what its author had not seen is shown, and `restore` brings it back in one commit: in a new life where the
row is gone, in the living one otherwise. `dismiss` leaves it ended. Both end the old life once more, and as their
author has seen the edits by then, the conflict is settled: on every replica, by an ordinary op.
A conflict is a function of the life (`life.py`), so all replicas that have seen the same show the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import counters, sets
from .commit import End, Move, Op, Put, PutJoined, SetUpdate
from .joins import MergeFunctions, StampOf
from .life import JOIN, TEXT, Life, RowId, alive, shown
from .vector import CommitId, Vector

__all__ = ["Conflict", "conflict_of", "dismiss", "restore"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Which columns of which life hold edits that none of those who ended it had seen."""

    row: RowId
    incarnation: int
    columns: tuple[str, ...]
    edits: tuple[CommitId, ...]
    ends: tuple[CommitId, ...]


def conflict_of(row: RowId, life: Life, parents_of: Callable[[CommitId], Vector]) -> Conflict | None:
    """Return the conflict of a life that has ended, or None."""
    if not life.ends:
        return None
    seen = [(end, parents_of(end)) for end in life.ends]
    lost = [
        (column, by) for column, by in life.written_by() if not any(by in parents or by == end for end, parents in seen)
    ]
    if not lost:
        return None
    columns, edits = sorted({column for column, _ in lost}), sorted({by for _, by in lost})
    return Conflict(row, life.incarnation, tuple(columns), tuple(edits), life.ends)


def dismiss(conflict: Conflict) -> tuple[Op, ...]:
    """Return the ops that settle `conflict` and leave the row as it is."""
    return (End(*conflict.row, conflict.incarnation),)


def restore(
    conflict: Conflict, lives: Sequence[Life], trees: Sequence[str], functions: MergeFunctions, stamp_of: StampOf
) -> tuple[Op, ...]:
    """Return the ops that settle `conflict` and bring back what was lost. `trees` are the table's tree columns.

    Where the row is gone it begins a new life with all values of the old one; where it lives again only the columns
    that were lost are written.
    """
    old = next(life for life in lives if life.incarnation == conflict.incarnation)
    living = alive(lives)
    incarnation = living.incarnation if living else lives[-1].incarnation + 2
    columns = conflict.columns if living else None
    ops = _written(conflict.row, incarnation, old, columns, trees, functions, stamp_of)
    return (*dismiss(conflict), *ops)


def _written(
    row: RowId,
    incarnation: int,
    old: Life,
    columns: tuple[str, ...] | None,
    trees: Sequence[str],
    functions: MergeFunctions,
    stamp_of: StampOf,
) -> list[Op]:
    """Return the ops that write `columns` of `old`, or all, into another life of the row."""
    values = shown(old, functions, stamp_of)
    kinds = {column: kind for kind, column in sorted(old.dots)}
    chosen = [column for column in sorted(values) if columns is None or column in columns]
    plain = {
        column: values[column]
        for column in chosen
        if column not in trees and kinds.get(column, counters.KIND) in (counters.KIND, TEXT)
    }
    ops: list[Op] = [Put(*row, incarnation, plain)] if plain or columns is None else []
    for column in chosen:
        kind = kinds.get(column, "")
        if column in trees:
            ops.append(Move(*row, incarnation, column, values[column]))
        elif kind == sets.KIND:
            ops.append(SetUpdate(*row, incarnation, column, sets.between(None, values[column])[0], ()))
        elif kind.startswith(JOIN):
            ops.append(PutJoined(*row, incarnation, column, kind.removeprefix(JOIN), values[column]))
    return ops
