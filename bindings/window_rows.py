"""`WindowRows`: the rows of a table of which only a part is there, each at its place in the whole list.

    view.total = 1,000,000        keys, rows     None ... None [ first ............ ] None ... None
                                                               view.keys(), view.rows()

A row stands at its place: one that comes in above moves the others down by one, on the screen too. The cursor goes with
its row while that is there, else it stays at its place.
Cost: O(part) a commit that changes it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, overload

from eddyline import View

from ..signals import Patch, Update
from .live_rows import Changes, LiveRows

__all__ = ["WindowRows"]


class _Sparse(Sequence[Any]):
    """A list of `total` items, None but for `items`, which stand from `first` on. A slice has only what is there."""

    __slots__ = ("first", "items", "total")

    def __init__(self, items: Sequence[Any] = (), first: int = 0, total: int = 0) -> None:
        self.items, self.first, self.total = items, first, total

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    @overload
    def __getitem__(self, at: int) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Any]: ...
    def __getitem__(self, at: int | slice) -> Any:  # Any: as the view has it
        if isinstance(at, slice):
            start, stop, _ = at.indices(self.total)
            return self.items[max(start - self.first, 0) : max(stop - self.first, 0)]
        here = at - self.first
        if not 0 <= at < self.total:
            raise IndexError(at)
        return self.items[here] if 0 <= here < len(self.items) else None

    def index(self, item: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the place of `item`. Raises `ValueError` where it isn't there."""
        return self.first + self.items.index(item)


class WindowRows(LiveRows):
    """The rows of a view that shows a window of a list."""

    __slots__ = ("_view",)

    def __init__(self, view: View[Any]) -> None:
        super().__init__()
        self._view = view
        self.keys = _Sparse()  # type: ignore[assignment]  # read as a list is
        self.rows = _Sparse()  # type: ignore[assignment]

    def apply(self, patches: Iterable[Patch], *, top: int) -> Changes:
        """Take what the view shows now; `patches` say which rows to light up."""
        view, changes = self._view, Changes(top)
        origin, before = self.cursor_key, (self.keys.first, len(self.keys))  # type: ignore[attr-defined]
        first, total = view.first, view.total
        self.keys = _Sparse(view.keys(), first, total)  # type: ignore[assignment]
        self.rows = _Sparse(view.peek(), first, total)  # type: ignore[assignment]
        self.cursor = self._place(origin, total)
        for patch in patches:
            changes.moved = True
            if isinstance(patch, Update):
                changes.touched[patch.key] = frozenset(patch.columns)
        changes.moved = changes.moved or before != (first, total)
        return changes

    def _place(self, origin: Hashable | None, total: int) -> int:
        """Return where the cursor is."""
        found = None if origin is None else self._find(origin, near=self.cursor)
        if found is not None:
            return found
        return min(max(self.cursor, min(0, total - 1)), total - 1)
