"""`LongTable`: a `LiveTable` of a list that is too long to be held, by the window of a view.

    table = LongTable(await db.live_window("SELECT ... ORDER BY made DESC"))

    scroll --> are the visible rows there? --no--> view.window(around them) --patches--> drawn
                                                    one move at a time, the last one counts

The bar shows the length of the whole list. Rows that aren't there yet are drawn as `…`; what is scrolled past while a
move is under way is never asked for. All else is as in `LiveTable`, but that a row stays at its place in the list: what
comes in above moves the rows on the screen.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from rich.style import Style
from textual.strip import Strip

from eddyline import ClosedError, View

from ..signals import effect
from .live_rows import LiveRows
from .live_table import LiveSource, LiveTable
from .window_rows import WindowRows

__all__ = ["LongTable"]

AROUND = 2  # screens, above and below


class LongTable(LiveTable):
    """A table that moves the window of its view to where it is scrolled."""

    _wanted: tuple[int, int] | None = None
    _moving = False

    def _rows_of(self, view: LiveSource | None) -> LiveRows:
        return WindowRows(view) if isinstance(view, View) else super()._rows_of(view)

    def _connect(self) -> None:
        super()._connect()
        shown = self._shown
        view = shown.view
        if isinstance(view, View) and shown.scope is not None:

            def follow() -> None:
                """A list that grows where nobody looks tells no patches."""
                _ = view.total
                self._receive(shown, [])

            shown.scope.run(lambda: effect(follow, name="LongTable length"))

    def _sync(self) -> None:
        super()._sync()
        self._bring_visible()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Scrolled: see that what is visible now is there."""
        super().watch_scroll_y(old, new)
        self._bring_visible()

    def _bring_visible(self) -> None:
        """Move the window if a visible row isn't in it."""
        view = self._shown.view
        if not isinstance(view, View) or not self.is_running:
            return
        height, top = self._body_height, self.scroll_offset.y
        end = min(top + height, view.total)
        if view.first <= top and end <= view.first + len(view):
            return
        self._wanted = max(top - AROUND * height, 0), (2 * AROUND + 1) * height
        if not self._moving:
            self._moving = True
            self.run_worker(self._move(view), name="LongTable window", exit_on_error=False)

    async def _move(self, view: View[Any]) -> None:
        """Move the window until it is where it is wanted."""
        try:
            while self._wanted is not None and self._shown.view is view and not view.closed:
                wanted, self._wanted = self._wanted, None
                with suppress(ClosedError):
                    await view.window(*wanted)
        finally:
            self._moving = False
            if self._wanted is not None:  # of a view that is shown since
                self._bring_visible()

    def _row_line(self, index: int, y: int) -> tuple[Strip, Style]:
        if self._live.keys[index] is not None:
            return super()._row_line(index, y)
        name = "livetable--cursor" if index == self._live.cursor and self.cursor == "row" else "livetable--note"
        return self._note_line("…", name, self.scrollable_content_region.width)

    def action_select_cursor(self) -> None:
        """Select the row under the cursor, once it is there."""
        if self._live.cursor_key is not None:
            super().action_select_cursor()

    def _say_highlighted(self) -> None:
        if self._live.cursor < 0 or self._live.cursor_key is not None:
            super()._say_highlighted()
