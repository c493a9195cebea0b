"""What a test sees of the app, and how it waits for it: until the app has nothing more to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Label

from eddyline.bindings.textual import LiveTable
from eddyline.demo_tui.app import EddylineDemo
from eddyline.demo_tui.explorer_screen import ExplorerScreen
from eddyline.demo_tui.session import open_session
from eddyline.demo_tui.table_list import TableList
from eddyline.demo_tui.target import Target
from eddyline.demo_tui.tracker_screen import TrackerScreen
from tests.patience import PATIENCE_S


class Seen:
    """The app on a screen of some size."""

    def __init__(self, app: EddylineDemo, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def explorer(self) -> ExplorerScreen:
        """The explorer, which must be on show."""
        screen = self.app.screen_stack[1]
        assert isinstance(screen, ExplorerScreen)
        return screen

    @property
    def tracker(self) -> TrackerScreen:
        """The tracker, which must be on show."""
        screen = self.app.screen_stack[1]
        assert isinstance(screen, TrackerScreen)
        return screen

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, each seen through to the end."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def settle(self) -> None:
        """Wait until what was asked for is on the screen."""
        await self.pilot.pause()
        await self.app.workers.wait_for_complete()
        await self.app.session.peek().db.settled()
        await self.pilot.pause()
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait turn by turn for what happens by itself."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                await self.pilot.pause()

    async def run(self, sql: str) -> None:
        """Type a query in place of what stands in the box, and run it."""
        self.explorer.box.area.focus()
        self.explorer.box.sql = ""
        await self.pilot.pause()
        self.explorer.box.area.insert(sql)
        await self.pilot.press("enter")
        await self.settle()

    def rows(self, selector: str = "#result") -> list[str]:
        """The lines of a table as they stand on the screen, without its header."""
        table = self.app.screen_stack[1].query_one(selector, LiveTable)
        count = min(table.row_count, table.scrollable_content_region.height - table.header)
        return [" ".join(table.render_line(y + table.header).text.split()) for y in range(count)]

    def tables(self) -> list[str]:
        """The tables with their counts."""
        return self.rows(f"#{self.app.screen_stack[1].query_one(TableList).id}")

    def text(self, selector: str) -> str:
        """What a label says."""
        return str(self.app.screen_stack[1].query_one(selector, Label).content)


@asynccontextmanager
async def demo(
    target: Target | Path,
    *,
    size: tuple[int, int] = (120, 40),
    query: str | None = None,
    name: str = "",
    busy_timeout_s: float = 2.0,
    early: Sequence[str] = (),
) -> AsyncIterator[Seen]:
    """Open the app on a database; nothing polls, nothing measures time. `early` keys come before the first screen."""
    if isinstance(target, Path):
        target = Target(target, "file", str(target))
    session = await open_session(target, name=name, now=lambda: 0.0, poll_s=0, busy_timeout_s=busy_timeout_s)
    app = EddylineDemo(session, query=query)
    for key in early:
        app.post_message(Key(key, key if len(key) == 1 else None))
    async with app.run_test(size=size) as pilot:
        seen = Seen(app, pilot)
        await seen.settle()
        yield seen


@asynccontextmanager
async def explorer(target: Target, *, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Seen]:
    """Open the app on the sample and go to the explorer."""
    async with demo(target, size=size) as seen:
        await seen.press("e")
        yield seen
