"""Part: the rows of a view that one handle shows, by their place: `size` of them from `first` on.

    Shared rows   0 .. first [ ............ ] first + size .. total        the program holds all: they are cut here
    Shared.place  [ ............ ]                                         the program holds the part alone: as they are

A program that can't tell the places of its changes keeps the whole list; the handle then shows its part of it.
Cost of a cut: O(size) a commit that changes the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ...signals.patch import Patch, Reset
from ..query.nested import diff_rows

__all__ = ["Listed", "Part"]


class Listed(Protocol):
    """The rows of a program."""

    rows: list[Any]  # Any: as its query makes them
    keys: list[Any]
    columns: tuple[str, ...]
    place: tuple[int, int] | None


class Part:
    """What one handle shows of its rows, and what it has shown last."""

    __slots__ = ("_keys", "_rows", "first", "size")

    def __init__(self, first: int, size: int) -> None:
        self.first, self.size = first, size
        self._rows: Sequence[Any] = ()
        self._keys: Sequence[Any] = ()

    def rows(self, of: Listed) -> list[Any]:
        """Return the rows of the part."""
        return list(of.rows) if of.place is not None else of.rows[self.first : self.first + self.size]

    def keys(self, of: Listed) -> list[Any]:
        """Return the keys of the part."""
        return list(of.keys) if of.place is not None else of.keys[self.first : self.first + self.size]

    def place(self, of: Listed) -> tuple[int, int]:
        """Return where the part begins, and how long the list is."""
        return of.place or (self.first, len(of.rows))

    def show(self, of: Listed) -> None:
        """Take what is there as shown."""
        self._rows, self._keys = self.rows(of), self.keys(of)

    def follow(self, of: Listed, patches: list[Patch]) -> list[Patch]:
        """Return how the part has changed where the rows have changed by `patches`."""
        old_rows, old_keys = self._rows, self._keys
        self.show(of)
        if of.place is not None or not patches:
            return patches
        if any(isinstance(patch, Reset) for patch in patches):
            return [Reset(self._rows, self._keys)]
        return diff_rows(old_keys, self._keys, old_rows, self._rows, of.columns)
