"""`LiveTable`: a table in a notebook that follows a view; one anywidget for Jupyter, VS Code, Colab and marimo.

    pages --- sort(column) ---> table.sort            a signal: ("votes", True)
          --- select, range --> table.selected_keys   a signal; table.selected: the rows
          --- edit(row, cell, text) --> the row's own Cell --> the database --> edited(error)

What a page shows and how it keeps up is FeedWidget's. Signals set in Python reach the pages, too.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import traitlets

from eddyline import Column, EddylineError, Existing, Model, ParameterError, Patch, View

from ...signals import Clock, Computed, Signal, computed, effect, signal
from ...signals.scope import root
from .assets import asset
from .feed_widget import FeedWidget
from .sparkline import line_json

__all__ = ["LiveTable"]


class LiveTable(FeedWidget):
    """A table that follows `view`. `selected` are the chosen rows, `sort` the column and whether it is descending.

    `sparklines` names columns that hold lists of numbers (`json_group_array(n)`): they are drawn as small lines, of any
    length, with their extremes.
    """

    _esm = asset("life.js", "feed_rows.js", "live_table.js")
    _css = asset("life.css", "live_table.css")

    selected_ids: Any = traitlets.List().tag(sync=True)  # Any: a list of numbers
    flash = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        view: View[Any],
        *,
        flash: bool = True,
        height: int = 320,
        sparklines: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self.selected_keys: Signal[tuple[Hashable, ...]] = signal((), name="selected keys")
        self._lines = frozenset(sparklines)
        self.sort: Signal[tuple[str, bool] | None] = signal(None, name="sort")
        self._changes: Signal[int] = signal(0, name="rows of the table")
        self.selected: Computed[tuple[Any, ...]] = computed(self._find_selected)
        super().__init__(view, clock=clock, flash=flash, height=height)

    def _follow(self) -> None:
        super()._follow()
        self._feed.kept = self.selected_keys.peek
        effect(self._note_selected, name="LiveTable selection")
        effect(self._note_sort, name="LiveTable sort")

    def _take(self, patches: list[Patch]) -> None:
        super()._take(patches)
        self._changes.update(lambda n: n + 1)

    def _facts(self, **facts: Any) -> None:  # Any: what JSON can say
        super()._facts(readonly=self._readonly(), **facts)

    def _place(self) -> None:
        super()._place()
        self._feed.ways = {at: line_json for at, name in enumerate(self._feed.columns) if name in self._lines}

    # -- from the pages

    def _do(self, message: Any) -> None:  # Any: whatever came in
        match message:
            case {"op": "sort", "column": int(at)}:
                self._turn(self._feed.columns[at])
            case {"op": "select", "ids": list(ids)}:
                self.selected_keys.set(tuple(self._feed.key_of(number) for number in ids))
            case {"op": "range", "from": int(first), "to": int(last)}:
                self.selected_keys.set(tuple(self._rows.window(first, last + 1 - first)[0]))
            case {"op": "edit", "id": int(id), "column": int(at), "text": str(text), "ask": ask, "page": page}:
                self._spawn(self._edit(self._feed.key_of(id), at, text, {"ask": ask, "page": page}))
            case _:
                super()._do(message)

    def _turn(self, column: str) -> None:
        """Sort by a column that was clicked: up, then down, then as the view has it.

        Decided here: clicks that come faster than a page hears of their effect count one after the other.
        """
        before = self.sort.peek()
        if before is None or before[0] != column:
            self.sort.set((column, False))
        else:
            self.sort.set(None if before[1] else (column, True))

    def _note_sort(self) -> None:
        """Show the rows in the order that `sort` says."""
        wanted = self.sort.get()
        at = None
        if wanted is not None:
            if wanted[0] not in self._feed.columns:
                raise ParameterError(f"no column {wanted[0]!r} to sort by; there are: {', '.join(self._feed.columns)}")
            at = self._feed.columns.index(wanted[0])
        self._rows.sort(at, descending=wanted is not None and wanted[1])
        self._facts(sort=None if wanted is None or self._rows.length is not None else [at, wanted[1]])

    def _note_selected(self) -> None:
        numbers = [self._feed.number_of(key) for key in self.selected_keys.get()]
        if self.selected_ids != numbers:
            self.selected_ids = numbers

    def _find_selected(self) -> tuple[Any, ...]:
        """Return the chosen rows that are there, in the order in which they were chosen."""
        self._changes.get()
        keys = self.selected_keys.get()
        if not keys:
            return ()
        wanted = set(keys)
        found = {key: row for key, row in zip(self._rows.keys, self._rows.rows, strict=True) if key in wanted}
        return tuple(found[key] for key in keys if key in found)

    # -- editing

    def _readonly(self) -> str | None:
        """Return why cells can't be edited; None if they can."""
        row = self._rows.rows[0] if self._rows.rows else None
        if row is None or isinstance(row, Model | Existing):
            return None
        return "only rows of a model can be edited: give db.live a model query, as Issue.where(...), not SQL text"

    async def _edit(self, key: Hashable, at: int, text: str, asked: dict[str, Any]) -> None:  # Any: as it came
        """Write one cell, and answer."""
        error: str | None = None
        try:
            await self._write(key, self._feed.columns[at], text)
        except (EddylineError, ValueError, LookupError) as refused:
            error = str(refused)
        self.send({"op": "edited", **asked, "error": error})

    async def _write(self, key: Hashable, name: str, text: str) -> None:
        if (why := self._readonly()) is not None:
            raise ParameterError(why)
        row = self._rows.rows[self._rows.keys.index(key)]
        column = getattr(type(row), name, None)
        if not isinstance(column, Column):
            raise ParameterError(f"{name} is no column of {type(row).__name__}: it can't be written")
        watched = root.run(row.watch)
        try:
            cell = watched.cell(column)
            cell.set(cell.from_text(text))
            await cell.written()
        finally:
            watched.close()
