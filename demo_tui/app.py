"""The app: one session, the tracker or the explorer on it, and the load.

    tracker (a database of the tracker's, which may be written)  <-- F3 -->  explorer (any SQLite database)

The screens are made when they are gone to and closed when they are left; the load goes on.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterable, Sequence
from random import Random
from typing import ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import ModalScreen, Screen
from textual.theme import Theme
from textual.timer import Timer

from eddyline import EddylineError, Signal, signal

from .contrast import muted
from .dialogs import CopyDialog
from .explorer_screen import ExplorerScreen
from .load import Load, copy_writes, tracker_keys, tracker_writes
from .session import Session, open_session
from .target import copy_of
from .terminal_text import ControlFilter
from .tracker_dialogs import NewDialog
from .tracker_screen import TrackerScreen
from .type_ahead import Begun, TypeAhead

__all__ = ["EddylineDemo"]

TICK_S = 0.25
FREEZE_S = 1.0
AGAIN_S = 5.0
KEY_S = 0.02
CONTROL_FILTER = ControlFilter()
THEMES = ("eddyline", "textual-light", "nord", "gruvbox", "dracula", "tokyo-night", "solarized-light")

WATER = Theme(
    name="eddyline",
    primary="#5fc8d8",
    secondary="#3d8fa6",
    accent="#f2b96b",
    success="#7fcf9b",
    warning="#f2b96b",
    error="#e0637c",
    foreground="#d7e6ea",
    background="#0b1a20",
    surface="#0f222a",
    panel="#15303a",
    dark=True,
)


class EddylineDemo(App[None]):
    """The demo on one session: the tracker where there is one, unless a `query` asks for the explorer."""

    TITLE = "Eddyline"
    CSS_PATH = ["demo.tcss", "tracker.tcss"]  # noqa: RUF012  # as Textual has it
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "Quit", priority=True, show=False)]

    def __init__(self, session: Session, *, query: str | None = None, seed: int = 0) -> None:
        super().__init__()
        self.session: Signal[Session] = signal(session, name="session")
        self.load_on: Signal[bool] = signal(False, name="load is on")
        self._query, self._rng = query, Random(seed)
        self._load: asyncio.Task[None] | None = None
        self._ticks: Timer | None = None
        self._type_ahead = TypeAhead()
        self._warned = False  # that text is lost if one quits now

    def _screen(self, name: str) -> Screen[None]:
        if name == "tracker":
            return TrackerScreen(self.session, self.load_on)
        return ExplorerScreen(self.session, self.load_on, query=self._query)

    async def action_go(self, name: str) -> None:
        """Go to the tracker or to the explorer; what is on show is closed."""
        await self.switch_screen(self._screen(name))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Let no control character of the data reach the terminal."""
        return [*super().get_line_filters(), CONTROL_FILTER]

    def get_css_variables(self) -> dict[str, str]:
        """Add the colour of less important words."""
        variables = super().get_css_variables()
        variables["muted"] = muted(variables["foreground"], variables["background"])
        return variables

    async def on_event(self, event: events.Event) -> None:
        """Keys that come before there is somebody to take them wait; only quitting doesn't."""
        if not (isinstance(event, events.Key) and self._is_early(event)):
            await super().on_event(event)

    def _is_early(self, key: events.Key) -> bool:
        return not key.is_forwarded and key.key != "ctrl+q" and self._type_ahead.hold(key)

    def on_begun(self, message: Begun) -> None:
        """The first screen shows what it has to show."""
        message.stop()
        self.set_timer(FREEZE_S, gc.freeze)  # what is there by then stays: looking through it for garbage takes 0.1 s
        self._press_next()

    def _press_next(self) -> None:
        if (key := self._type_ahead.next()) is not None:
            self.post_message(key)
            self.set_timer(KEY_S, self._press_next)

    def on_mount(self) -> None:
        self.register_theme(WATER)
        self.theme = "eddyline"
        tracker = self.session.peek().has_tracker and self._query is None
        self.push_screen(self._screen("tracker" if tracker else "explorer"))  # Textual's own below can't go
        self._ticks = self.set_interval(TICK_S, lambda: self.session.peek().activity.tick())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer the load in the palette too."""
        yield from super().get_system_commands(screen)
        yield SystemCommand("Load on/off", "500 writes a second, on a database of the demo's own", self.action_load)

    def action_next_theme(self) -> None:
        """Go on to the next of some themes."""
        at = THEMES.index(self.theme) if self.theme in THEMES else -1
        self.theme = THEMES[(at + 1) % len(THEMES)]

    # -- the load

    def action_load(self) -> None:
        """Start or stop the load; on a file of the user's ask for a copy first."""
        if self._load is not None:
            self.stop_load()
        elif self.session.peek().target.writable:
            self.run_worker(self._start_load(), group="load")
        elif not isinstance(self.screen, ModalScreen):
            self.push_screen(CopyDialog(self.session.peek().target.shown), self._answered)

    def _answered(self, yes: bool | None) -> None:
        if yes:
            self.run_worker(self._go_on_with_copy(), group="load")

    async def _go_on_with_copy(self) -> None:
        """Open a copy of the file on show in its place, and load that."""
        old = self.session.peek()
        try:
            target = await asyncio.to_thread(copy_of, old.target.path)
            session = await open_session(target)
        except EddylineError as error:
            self.notify(str(error), markup=False, title="No copy", severity="error")
            return
        self.session.set(session)
        if isinstance(self.screen, ExplorerScreen):
            self.screen.go_on(session)
        await old.close()
        await self._start_load()

    async def _start_load(self) -> None:
        session = self.session.peek()
        if self._load is not None:
            return
        if session.has_tracker:
            keys = await tracker_keys(session.db)
            if not all(keys.values()):
                self.notify("the load needs people, projects and issues to change", title="No load", severity="warning")
                return
            writes = tracker_writes(self._rng, keys)
        elif (found := await copy_writes(session.db, self._rng)) is not None:
            writes = found
        else:
            self.notify("no table here has cells that could be changed safely", title="No load", severity="warning")
            return
        self.load_on.set(True)
        self._load = asyncio.create_task(Load(session.db, writes).run(time.monotonic), name="load")
        self._load.add_done_callback(self._load_ended)

    def _load_ended(self, task: asyncio.Task[None]) -> None:
        self._load = None
        self.load_on.set(False)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.notify(str(error), markup=False, title="The load has ended", severity="error")

    def stop_load(self) -> None:
        """End the load; what is being written is finished or undone by the database."""
        if self._load is not None:
            self._load.cancel()

    # -- the end

    async def action_quit(self) -> None:
        """Quit. What was typed into an issue is saved; where text would be lost, only the second time quits."""
        if not self._warned and not await self._nothing_typed_is_left():
            self._warned = True
            self.set_timer(AGAIN_S, self._forget_warning)
            self.notify("Ctrl+Q again quits without what was typed", severity="warning", timeout=AGAIN_S)
            return
        self.exit()

    async def _nothing_typed_is_left(self) -> bool:
        if isinstance(self.screen, NewDialog) and self.screen.title_typed:
            return False
        trackers = [screen for screen in self.screen_stack if isinstance(screen, TrackerScreen)]
        return all([await tracker.save_typed() for tracker in trackers])

    def _forget_warning(self) -> None:
        self._warned = False

    async def on_unmount(self) -> None:
        """Stop writing, close what is open."""
        if self._load is not None:
            load = self._load
            load.cancel()
            await asyncio.wait([load])
        await self.session.peek().close()
