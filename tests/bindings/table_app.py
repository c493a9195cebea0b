"""An app around one table, and what can be seen of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from eddyline.bindings.textual import LiveTable
from tests.patience import PATIENCE_S


class TableApp(App[None]):
    """One table, and the messages it has posted."""

    def __init__(self, table: LiveTable) -> None:
        super().__init__()
        self.table = table
        self.seen: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    def on_live_table_row_highlighted(self, message: LiveTable.RowHighlighted) -> None:
        self.seen.append(f"highlighted {message.key} at {message.index}")

    def on_live_table_row_selected(self, message: LiveTable.RowSelected) -> None:
        self.seen.append(f"selected {message.key} at {message.index}")

    def on_live_table_header_selected(self, message: LiveTable.HeaderSelected) -> None:
        self.seen.append(f"header {message.column} at {message.index}")

    def on_live_table_emptied(self, message: LiveTable.Emptied) -> None:
        self.seen.append("emptied")


def lines(table: LiveTable) -> list[str]:
    """The lines as they stand on the screen, without the space at their end."""
    return [table.render_line(y).text.rstrip() for y in range(table.scrollable_content_region.height)]


def first_cells(table: LiveTable) -> list[str]:
    """The first word of each visible row."""
    return [line.split()[0] for line in lines(table)[1:] if line.strip()]


async def shown(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until something holds: on a slow machine a pause may end before the app has done all that follows."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await pilot.pause()
