"""The first rows of a view, with patches of their own.

    view, 10,000 rows  --[patches]-->  FirstRows(view, 20)  --[patches of the first 20]-->  LiveTable, lines of JSON

Cost: O(limit) a commit to compare, beside a copy of the view's keys.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from eddyline import Patch, Reset, View

from ..signals import diff_keyed

__all__ = ["FirstRows"]


class FirstRows:
    """A view cut after `limit` rows: what `LiveTable` can show."""

    def __init__(self, view: View[Any], limit: int) -> None:
        self._view, self._limit = view, limit

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns; tracked."""
        return self._view.columns

    @property
    def status(self) -> str:
        """That of the view; tracked."""
        return self._view.status

    @property
    def error(self) -> Exception | None:
        """That of the view; tracked."""
        return self._view.error

    def subscribe(self, fn: Callable[[list[Patch]], object]) -> Callable[[], None]:
        """Call `fn` with a Reset now and with the patches of each commit that changes the rows; return what ends it."""
        keys: list[Hashable] = []
        rows: list[Any] = []

        def cut(patches: list[Patch]) -> None:
            nonlocal keys, rows
            new_keys, new_rows = self._view.keys()[: self._limit], list(self._view.peek()[: self._limit])
            if any(isinstance(patch, Reset) for patch in patches):
                told: list[Patch] = [Reset(new_rows, new_keys)]
            else:
                told = diff_keyed(keys, new_keys, rows, new_rows, self._view.columns)
            keys, rows = new_keys, new_rows
            if told:
                fn(told)

        return self._view.subscribe(cut)
