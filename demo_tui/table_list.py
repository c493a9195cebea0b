"""TableList: the tables with their live counts; choosing one says so."""

from __future__ import annotations

from textual import events
from textual.message import Message

from eddyline.bindings.textual import LiveColumn, LiveTable

from .table_counts import TableCounts

__all__ = ["TableList"]

COUNT_WIDTH = 7
CELL_PADDING = 2  # of a column, both sides


class TableList(LiveTable):
    """A `LiveTable` of tables: one click or Enter chooses."""

    class Chosen(Message):
        """The user wants to see the table called `name`."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, id: str) -> None:
        super().__init__(id=id, header=False, empty_text="no tables")
        self._counts: TableCounts | None = None
        self._room = 0

    def on_mount(self) -> None:
        self.border_title = "tables"

    def list_tables(self, counts: TableCounts) -> None:
        """Show these tables."""
        self._counts = counts
        self._lay_out()

    def on_resize(self) -> None:
        """Counts stand at the right edge."""
        self.call_later(self._lay_out)

    def _lay_out(self) -> None:
        room = self.scrollable_content_region.width - COUNT_WIDTH - 2 * CELL_PADDING
        if self._counts is None or (self.view is self._counts and room == self._room):
            return
        self._room = room
        key = self.cursor_key
        rows = LiveColumn("rows", width=COUNT_WIDTH, align="right", style=lambda _: "$text-primary")
        self.show(self._counts, columns=[LiveColumn("table", width=max(room, 4)), rows])
        if key is not None:
            self.move_cursor(key=key)

    def on_click(self, event: events.Click) -> None:
        """The first click chooses already."""
        self.call_later(self._choose)

    def on_live_table_row_selected(self, event: LiveTable.RowSelected) -> None:
        """Enter chooses."""
        event.stop()
        self._choose()

    def _choose(self) -> None:
        if isinstance(self.cursor_key, str):
            self.post_message(self.Chosen(self.cursor_key))
