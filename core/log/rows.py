"""The rows that a merge is about: read once, changed in memory, handed back as what to write.

    Reader  --lives of these rows-->  Rows  --ops, moves-->  Outcome: rows before and after, lives, moves, conflicts

`Reader` is all that a merge knows of storage: a dict in the simulation, SQL in the database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..values import SqlValue
from .commit import End, Op, TextUpdate
from .conflicts import Conflict, conflict_of
from .joins import MergeFunctions
from .life import Cell, Life, RowId, alive, shown
from .stamps import Stamp
from .tree import Moved, Tree, TreeReader
from .vector import CommitId, Vector

__all__ = ["Change", "Outcome", "Reader", "Rows"]


class Reader(TreeReader, Protocol):
    """What is stored, as far as a merge asks."""

    def lives(self, rows: Collection[RowId]) -> Mapping[RowId, Sequence[Life]]:
        """Return all lives that are kept of each row that has any, in the order of incarnations, ours to change."""

    def stamp(self, commit: CommitId) -> Stamp:
        """Return the place of `commit` in the order; (0, "") for one whose header was dropped below the horizon."""

    def parents(self, commit: CommitId) -> Vector:
        """Return what the author of `commit` had seen."""

    def ops(self, commit: CommitId) -> Sequence[Op]:
        """Return the ops of `commit`, which the log still has."""

    def history(self, row: RowId) -> Iterable[tuple[CommitId, Op]]:
        """Return the ops on `row` that the log still has, in causal order; those of rejected commits left out."""

    def trees(self, table: str) -> Collection[str]:
        """Return the columns of `table` that place its rows in trees."""

    def base(self, row: RowId) -> list[Life]:
        """Return what ops on `row` had made of it that the log has no more, ours to change; [] where it has all."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row before and after, as SQL sees it (None: there is none), and the lives to store in place of the old."""

    old: Mapping[str, SqlValue] | None
    new: Mapping[str, SqlValue] | None
    lives: tuple[Life, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to write. A conflict replaces the one of the same row and incarnation; None takes it away.

    `moved` are records of moves by table and column: new ones, and such as replace those of the same commit and row.
    `ignored` says of rows that were placed whether the latest move is ignored because it would close a circle.
    """

    changes: dict[RowId, Change]
    conflicts: dict[tuple[RowId, int], Conflict | None]
    moved: dict[tuple[str, str], list[Moved]] = field(default_factory=dict)
    ignored: dict[tuple[str, str], dict[RowId, Moved | None]] = field(default_factory=dict)
    texts: tuple[TextUpdate, ...] = ()


class Rows:
    """The lives of some rows, as they were and as they become. `stamps` and `parents` go before the reader's."""

    def __init__(self, reader: Reader, functions: MergeFunctions, rows: Iterable[RowId]) -> None:
        self.reader, self._functions = reader, functions
        self.stamps: dict[CommitId, Stamp] = {}
        self.parents: dict[CommitId, Vector] = {}
        self._old: dict[RowId, Mapping[str, SqlValue] | None] = {}
        self._lives: dict[RowId, list[Life]] = {}
        self._ended: dict[tuple[RowId, int], Life] = {}
        self._trees: dict[tuple[str, str], Tree] = {}
        self._load(list(dict.fromkeys(rows)))

    def _load(self, rows: Collection[RowId]) -> None:
        found = self.reader.lives(rows)
        for row in rows:
            self._lives[row] = lives = list(found.get(row, ()))
            self._old[row] = self._shown(lives)

    def _shown(self, lives: Sequence[Life]) -> Mapping[str, SqlValue] | None:
        life = alive(lives)
        return None if life is None else shown(life, self._functions, self.stamp)

    def stamp(self, commit: CommitId) -> Stamp:
        """Return the place of `commit` in the order."""
        found = self.stamps.get(commit)
        return self.reader.stamp(commit) if found is None else found

    def _parents(self, commit: CommitId) -> Vector:
        found = self.parents.get(commit)
        return self.reader.parents(commit) if found is None else found

    def of(self, row: RowId) -> list[Life]:
        """Return the lives of `row`, read if they aren't here yet."""
        if row not in self._lives:
            self._load([row])
        return self._lives[row]

    def life(self, op: Op) -> Life:
        """Return the life that `op` is about; it begins here if it is new."""
        row = RowId(op.table, op.key)
        lives = self.of(row)
        life = next((life for life in reversed(lives) if life.incarnation == op.incarnation), None)
        if life is None:
            life = Life(op.incarnation)
            lives.append(life)
            lives.sort(key=lambda one: one.incarnation)
        if life.ends or isinstance(op, End):
            self.judge(row, life)
        return life

    def judge(self, row: RowId, life: Life) -> None:
        """Have the conflict of an ended life looked at when all is done."""
        self._ended[row, life.incarnation] = life

    def place(self, table: str, column: str, tree: Tree) -> None:
        """Write where rows of a tree are now into their lives: of each row only one life is in the tree."""
        self._trees[table, column] = tree
        for key, placed in tree.changed():
            row = RowId(table, key)
            for life in self.of(row):
                if placed is not None and life.incarnation == placed.incarnation:
                    life.cells[column] = Cell(placed.parent, placed.by)
                else:
                    life.cells.pop(column, None)
                if life.ends:
                    self.judge(row, life)

    def outcome(self, texts: tuple[TextUpdate, ...] = ()) -> Outcome:
        """Return what all this has come to."""
        return Outcome(
            {row: Change(self._old[row], self._shown(lives), tuple(lives)) for row, lives in self._lives.items()},
            {at: conflict_of(at[0], life, self._parents) for at, life in self._ended.items()},
            {at: tree.moved for at, tree in self._trees.items()},
            {
                (table, column): {RowId(table, key): moved for key, moved in tree.ignored.items()}
                for (table, column), tree in self._trees.items()
            },
            texts,
        )
