"""Trees: rows below rows of their table, moved at the same time, never in a circle.

    at first   a   b         A moves a below b (stamp 7)        b      in the order of stamps the move that would
                             B moves b below a (stamp 9)        `- a   close a circle is ignored: b stays where it was

The tree that is shown is what all moves give that are known, taken in the order of their stamps. A move that comes late
is put in its place: later ones are undone, it is done, they are done again, and now one of them may be ignored, or no
longer. Idea: Kleppmann et al., "A highly-available move operation for replicated trees", 2022. Here a commit moves all
its rows at once: they are taken out together and put in one by one, so parent and child may swap places in one
transaction. Cost: one walk up to the root for a move that comes in order; as many for each later move when it comes
late.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from ..values import SqlValue
from .commit import Key, Move
from .stamps import Stamp
from .vector import CommitId

__all__ = ["Moved", "Placement", "Tree", "TreeReader", "closes_circle"]


class Placement(NamedTuple):
    """Where a row is, since which commit, in which of its incarnations."""

    incarnation: int
    parent: SqlValue
    by: CommitId


class Moved(NamedTuple):
    """A move as it was taken: under which stamp, and where its row was before."""

    stamp: Stamp
    by: CommitId
    key: Key
    incarnation: int
    parent: SqlValue
    before: Placement | None = None


class TreeReader(Protocol):
    """What is kept of the trees."""

    def placement(self, table: str, column: str, key: Key) -> Placement | None:
        """Return where the row `key` is shown now, or was when its last life ended."""

    def moves(self, table: str, column: str, after: Stamp | None) -> Sequence[Moved]:
        """Return all moves taken under stamps above `after`, in that order, those of one commit as they were taken."""


class Tree:
    """One tree column while a commit is merged: what is kept, and over it what changes.

    `moved` are the records to keep, those that are new or have changed; `ignored` says of each row that was placed anew
    which latest move of it is ignored, or None.
    """

    def __init__(self, reader: TreeReader, table: str, column: str) -> None:
        self._reader, self._table, self._column = reader, table, column
        self._placed: dict[Key, Placement | None] = {}
        self.moved: list[Moved] = []
        self.ignored: dict[Key, Moved | None] = {}

    def take(self, stamp: Stamp, by: CommitId, moves: Iterable[Move]) -> None:
        """Take the moves of one commit in their place among all others."""
        later = self._reader.moves(self._table, self._column, stamp)
        last = {move.key: Moved(stamp, by, move.key, move.incarnation, move.parent) for move in moves}
        self._redo(later, [*last.values(), *later])

    def retake(self, stamp_of: Callable[[CommitId], Stamp], without: Collection[CommitId] = ()) -> None:
        """Take all moves anew, in the order that `stamp_of` gives, those of the commits `without` left out."""
        moves = self._reader.moves(self._table, self._column, None)
        anew = [moved._replace(stamp=stamp_of(moved.by)) for moved in moves if moved.by not in without]
        self.ignored.update((moved.key, None) for moved in moves if moved.by in without)
        self._redo(moves, sorted(anew, key=lambda moved: moved.stamp))

    def changed(self) -> Iterator[tuple[Key, Placement | None]]:
        """Yield the rows that are elsewhere than before, or there by another move."""
        for key, placed in self._placed.items():
            if placed != self._reader.placement(self._table, self._column, key):
                yield key, placed

    def _redo(self, undone: Sequence[Moved], done: Sequence[Moved]) -> None:
        for moved in reversed(undone):
            self._placed[moved.key] = moved.before
        for _, group in groupby(done, key=lambda moved: moved.by):
            self._take(list(group))
        kept = set(undone)
        self.moved = [moved for moved in self.moved if moved not in kept]

    def placement(self, key: Key) -> Placement | None:
        """Return where the row `key` is now."""
        if key in self._placed:
            return self._placed[key]
        return self._reader.placement(self._table, self._column, key)

    def parent(self, key: Key) -> SqlValue:
        """Return the key of the row above, None at the top."""
        placed = self.placement(key)
        return None if placed is None else placed.parent

    def _take(self, group: Sequence[Moved]) -> None:
        """Take the moves of one commit, each row at most once."""
        before = {moved.key: self.placement(moved.key) for moved in group}
        for moved in group:
            self.moved.append(moved._replace(before=before[moved.key]))
        current = [moved for moved in group if moved.incarnation >= _incarnation(before[moved.key])]
        for moved in current:
            self._placed[moved.key] = None
        for moved in current:
            self._placed[moved.key] = placed = self._place(moved, before[moved.key])
            self.ignored[moved.key] = None if placed.by == moved.by and placed.parent == moved.parent else moved

    def _place(self, moved: Moved, before: Placement | None) -> Placement:
        if not closes_circle(self, moved.key, moved.parent):
            return Placement(moved.incarnation, moved.parent, moved.by)
        if before and before.incarnation == moved.incarnation and not closes_circle(self, moved.key, before.parent):
            return before
        return Placement(moved.incarnation, None, moved.by)


def closes_circle(tree: Tree, key: Key, parent: SqlValue) -> bool:
    """Say whether the row `key`, put below `parent`, would be below itself."""
    seen = set[SqlValue]()
    while parent is not None and parent not in seen:
        if (parent,) == key:
            return True
        seen.add(parent)
        parent = tree.parent((parent,))
    return False


def _incarnation(placed: Placement | None) -> int:
    return placed.incarnation if placed else 0
