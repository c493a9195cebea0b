"""`LiveRows`: the rows of a table under patches, with a cursor and a first visible row that stay on their rows.

      keys   rows                     Insert(0): top and cursor go down by one, the screen stands still
       a     ...                      Remove(cursor): the cursor goes to the row that takes its place
       b     ...   <- top             Move(cursor, 9): the cursor goes with it
       c     ...   <- cursor          Reset: both look for the key they stood on
       d     ...

No toolkit in here: `top` is a number that the widget scrolls to. At the very top (0) the table stays there: what is
new shows.
Costs: a patch is what `list.insert` and `del` cost; Reset O(n).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..signals import Insert, Move, Patch, Remove, Reset, Update

__all__ = ["Changes", "LiveRows"]


@dataclass(slots=True)
class Changes:
    """What a list of patches did: all that the widget needs to draw."""

    top: int
    shift: int = 0  # by how many rows what is visible went down the list
    reset: bool = False
    moved: bool = False  # rows came, went or changed places: every visible line may differ
    touched: dict[Hashable, frozenset[str] | None] = field(default_factory=dict)  # key -> columns; None is a new row
    updated: set[int] = field(default_factory=set)  # indexes, right while not `moved`


class LiveRows:
    """Keys and rows side by side, and the cursor. `cursor` is -1 when there is no row."""

    __slots__ = ("cursor", "keys", "rows")

    def __init__(self) -> None:
        self.keys: list[Hashable] = []
        self.rows: list[Any] = []  # Any: rows are whatever the view has
        self.cursor = -1

    @property
    def cursor_key(self) -> Hashable | None:
        """The key of the row under the cursor."""
        return self.keys[self.cursor] if self.cursor >= 0 else None

    def apply(self, patches: Iterable[Patch], *, top: int) -> Changes:
        """Apply `patches` in order. `top` is the index of the first visible row."""
        changes = Changes(top)
        origin = self.cursor_key  # where the cursor wants to be: a row taken out and put in again gets it back
        anchored = top > 0
        for patch in patches:
            match patch:
                case Update(index, row, columns, key):
                    self.rows[index] = row
                    changes.updated.add(index)
                    seen = changes.touched.get(key, frozenset())
                    changes.touched[key] = None if seen is None else seen | frozenset(columns)
                case Insert(index, row, key):
                    self._insert(index, row, key)
                    changes.moved = True
                    changes.touched[key] = None
                    self._shift(changes, index, anchored)
                    if key == origin:
                        self.cursor = index
                case Remove(index):
                    self._remove(index)
                    changes.moved = True
                    self._unshift(changes, index)
                case Move(index, to):
                    self._move(index, to)
                    changes.moved = True
                    self._unshift(changes, index)
                    self._shift(changes, to, anchored)
                case Reset(rows, keys):
                    changes.top = self._reset(rows, keys, origin, changes.top)
                    changes.reset = changes.moved = True
                    changes.touched.clear()
        return changes

    def _insert(self, index: int, row: Any, key: Hashable) -> None:  # Any: see above
        """Put a row in; the cursor stays on its row."""
        self.keys.insert(index, key)
        self.rows.insert(index, row)
        if self.cursor >= index or self.cursor < 0:
            self.cursor += 1

    def _remove(self, index: int) -> None:
        """Take a row out; the cursor stays on its row or goes to the neighbour."""
        del self.keys[index]
        del self.rows[index]
        if self.cursor > index or self.cursor >= len(self.keys):
            self.cursor -= 1

    def _move(self, index: int, to: int) -> None:
        """Take a row out and put it in elsewhere, with the cursor if it stands on it."""
        self.keys.insert(to, self.keys.pop(index))
        self.rows.insert(to, self.rows.pop(index))
        if self.cursor == index:
            self.cursor = to
        else:
            self.cursor -= index < self.cursor
            self.cursor += to <= self.cursor

    def _reset(self, rows: Iterable[Any], keys: Iterable[Hashable], origin: Hashable | None, top: int) -> int:
        """Replace all; return where the first visible row is now."""
        first = self.keys[top] if 0 < top < len(self.keys) else None
        before = self.cursor
        self.rows[:] = rows
        self.keys[:] = keys
        assert len(self.rows) == len(self.keys), "a Reset has one key for each row"
        last = len(self.keys) - 1
        found = self._find(origin, near=before)
        self.cursor = max(min(before, last), min(0, last)) if found is None else found
        if first is None:
            return top
        moved = self._find(first, near=top)
        return max(min(top, last), 0) if moved is None else moved

    def _find(self, key: Hashable | None, *, near: int) -> int | None:
        """Return where `key` stands."""
        if key is None:
            return None
        if 0 <= near < len(self.keys) and self.keys[near] == key:
            return near
        try:
            return self.keys.index(key)
        except ValueError:
            return None

    def index_of(self, key: Hashable) -> int | None:
        """Return the index of the row with this key. O(n)."""
        return self._find(key, near=self.cursor)

    @staticmethod
    def _shift(changes: Changes, index: int, anchored: bool) -> None:
        """A row came in at `index`."""
        if anchored and index <= changes.top:
            changes.top += 1
            changes.shift += 1

    @staticmethod
    def _unshift(changes: Changes, index: int) -> None:
        """A row went from `index`."""
        if index < changes.top:
            changes.top -= 1
            changes.shift -= 1
