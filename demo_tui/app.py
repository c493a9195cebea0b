"""The app: tables on the left, a query with the rule that keeps it, its rows below, everything live.

    | status line                                  |
    | tables  | query box        | how it is kept  |      narrow: the rule is two lines below the box
    |  counts |------------------+-----------------|
    | queries | result, a LiveTable                |
    | keys                                         |

One query is on show at a time: `db.live` -> View -> LiveTable; statistics and rule follow it. A query that SQLite
refuses leaves the view before it on show. An answer that comes after a later question is dropped.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import Iterable
from random import Random
from typing import ClassVar

from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.theme import Theme
from textual.timer import Timer
from textual.widgets import Footer

from eddyline import EddylineError, QueryError, Signal, View, signal
from eddyline.bindings.textual import LiveTable, bind

from .dialogs import CopyDialog, ExplainScreen
from .examples import EXAMPLES, table_query
from .load import Load, copy_writes, tracker_writes
from .query_box import QueryBox
from .query_list import QueryList
from .rule_panel import RulePanel
from .session import Session, open_session
from .status_line import StatusLine
from .table_counts import TableCounts
from .table_list import TableList
from .target import copy_of
from .view_stats import ViewStats

__all__ = ["EddylineDemo"]

TICK_S = 0.25
NARROW, WIDE, HIGH = 60, 116, 32  # from so many columns, columns, lines on
WRITES = frozenset(
    """ALTER ANALYZE ATTACH BEGIN COMMIT CREATE DELETE DETACH DROP END INSERT PRAGMA REINDEX RELEASE REPLACE ROLLBACK
    SAVEPOINT UPDATE VACUUM""".split()
)
FIRST_WORD = re.compile(r"(?:\s+|--[^\n]*\n?|/\*.*?\*/)*([A-Za-z]*)", re.DOTALL)

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
    """The demo on one session; `query` is shown first."""

    TITLE = "Eddyline"
    CSS_PATH = "demo.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "load", "Load on/off", priority=True),
        Binding("f2", "explain", "Explain", key_display="F2"),
        Binding("ctrl+t", "tables", "Tables", show=False),
        Binding("escape", "leave_box", "Leave the box", show=False),
        Binding("e", "edit", "Edit query", show=False),
        Binding("q", "quit", "Quit", show=False),
        Binding("ctrl+q", "quit", "Quit", priority=True),
    ]

    def __init__(self, session: Session, *, query: str | None = None, seed: int = 0) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (NARROW, "-narrow"), (WIDE, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (HIGH, "-high")]
        self.session: Signal[Session] = signal(session, name="session")
        self.load_on: Signal[bool] = signal(False, name="load is on")
        self.stats = ViewStats()
        self._query, self._rng = query, Random(seed)
        self._counts: TableCounts | None = None
        self._load: asyncio.Task[None] | None = None
        self._ticks: Timer | None = None
        self._asked = 0

    # -- the screen

    def compose(self) -> ComposeResult:
        yield StatusLine(self.session, self.load_on, id="status")
        with Horizontal(id="main"):
            with Vertical(id="side"):
                yield TableList(id="tables")
                yield QueryList(id="queries")
            with Vertical(id="centre"):
                with Horizontal(id="top"):
                    yield QueryBox(id="box")
                    yield RulePanel(self.stats, id="rule")
                yield LiveTable(id="result", zebra=True, empty_text="no rows")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.register_theme(WATER)
        self.theme = "eddyline"
        bind(self.result, "border_title", self._result_title)
        self._ticks = self.set_interval(TICK_S, lambda: self.session.peek().activity.tick())
        self.box.area.focus()
        self._use(self.session.peek())

    @property
    def box(self) -> QueryBox:
        """Where a query is typed."""
        return self.screen_stack[0].query_one(QueryBox)

    @property
    def result(self) -> LiveTable:
        """The rows of the query on show."""
        return self.screen_stack[0].query_one("#result", LiveTable)

    def _result_title(self) -> str:
        view = self.stats.view()
        if view is None:
            return "result"
        count = len(view.rows())
        return f"{count:,} row{'s' * (count != 1)} · {view.status}"

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer what the keys do in the palette too."""
        yield from super().get_system_commands(screen)
        yield SystemCommand(
            "Load on/off", "Some hundred writes a second, on a database of the demo's own", self.action_load
        )
        yield SystemCommand("Explain", "How the query on show is kept, and why", self.action_explain)

    # -- sessions

    def _use(self, session: Session) -> None:
        """Show the database of `session`."""
        self.session.set(session)
        if self._counts is not None:
            self._counts.close()
        counts = self._counts = TableCounts(session.db, session.tables)
        screen = self.screen_stack[0]
        screen.query_one(TableList).list_tables(counts)
        screen.query_one(QueryList).offer(list(EXAMPLES) if session.is_tracker else [])
        screen.query_one("#queries").display = session.is_tracker
        first = self._query or self._first_query(session)
        self.box.sql = first
        self.call_after_refresh(self._begin, first)

    def _begin(self, sql: str) -> None:
        """The screen is painted: read what stands on it."""
        if sql:
            self.run_worker(self._run(sql, typed=False), group="query")
        if self._counts is not None:
            self.run_worker(self._counts.fill(), group="counts")

    def _first_query(self, session: Session) -> str:
        if session.is_tracker:
            return EXAMPLES[0].sql
        tables = session.tables.peek()
        return self._table_query(str(tables[0][0])) if tables else "SELECT 'no tables yet' AS note"

    def _table_query(self, name: str) -> str:
        for row in self.session.peek().tables.peek():
            if row[0] == name:
                return table_query(name, has_rowid=row[1] == "table" and not row[2])
        return table_query(name, has_rowid=False)

    # -- queries

    def on_query_box_submitted(self, event: QueryBox.Submitted) -> None:
        self.run_worker(self._run(event.sql), group="query")

    def on_query_list_chosen(self, event: QueryList.Chosen) -> None:
        self._show_query(event.sql)

    def on_table_list_chosen(self, event: TableList.Chosen) -> None:
        self._show_query(self._table_query(event.name))
        if self._counts is not None:
            self.run_worker(self._counts.count(event.name), group="counts")

    def _show_query(self, sql: str) -> None:
        self.box.sql = sql
        self.run_worker(self._run(sql, typed=False), group="query")

    async def _run(self, sql: str, *, typed: bool = True) -> None:
        """Run what was typed: a query stays live, a write is made where the database is ours."""
        word = FIRST_WORD.match(sql)
        first = word.group(1).upper() if word else ""
        if first in WRITES:
            await self._write(sql, first)
            return
        self._asked += 1
        mine = self._asked
        try:
            view = await self.session.peek().db.live(sql)
        except (EddylineError, sqlite3.Error) as error:
            if mine == self._asked:
                self._show_error(error)
            return
        if mine != self._asked or not self.is_running:
            view.close()
            return
        self._show_view(view)
        if typed:
            self.box.area.remember(sql)
            queries = self.screen_stack[0].query_one(QueryList)
            queries.remember(sql)
            queries.display = True

    def _show_view(self, view: View) -> None:
        self.box.show_error(None)
        self.result.show(view, own=True)
        self.stats.follow(view)

    def _show_error(self, error: Exception) -> None:
        place = (error.line, error.col) if isinstance(error, QueryError) else (None, None)
        self.box.show_error(str(error).splitlines()[0], line=place[0], col=place[1])

    async def _write(self, sql: str, first: str) -> None:
        session = self.session.peek()
        if not session.target.writable:
            self.box.show_error(
                f"{first} would change {session.target.shown}, which this demo only reads; start it with --copy to try"
            )
            return
        try:
            result = await session.db.execute(sql)
        except (EddylineError, sqlite3.Error) as error:
            self._show_error(error)
            return
        self.box.show_error(None)
        self.box.area.remember(sql)
        changed = max(result.rowcount, 0)
        self.notify(f"{changed:,} row{'s' * (changed != 1)} changed", title=first, timeout=3)

    # -- the load

    def action_load(self) -> None:
        """Start or stop the load; on a file of the user's ask for a copy first."""
        if self._load is not None:
            self.stop_load()
        elif self.session.peek().target.writable:
            self.run_worker(self._start_load(), group="load")
        elif len(self.screen_stack) == 1:
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
            self.notify(str(error), title="No copy", severity="error")
            return
        self._query = self.box.sql
        self._use(session)
        await old.close()
        await self._start_load()

    async def _start_load(self) -> None:
        session = self.session.peek()
        if self._load is not None:
            return
        if session.is_tracker:
            last = (await session.db.fetch("SELECT max(id) FROM issue"))[0][0]
            writes = tracker_writes(self._rng, last_issue=int(last or 1))
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
            self.notify(str(error), title="The load has ended", severity="error")

    def stop_load(self) -> None:
        """End the load; what is being written is finished or undone by the database."""
        if self._load is not None:
            self._load.cancel()

    # -- keys

    def action_explain(self) -> None:
        """Show all that `explain()` says."""
        view = self.stats.view.peek()
        if view is not None and not view.closed and len(self.screen_stack) == 1:
            self.push_screen(ExplainScreen(view))

    def action_tables(self) -> None:
        """Go to the tables."""
        self.screen_stack[0].query_one(TableList).focus()

    def action_edit(self) -> None:
        """Go to the box."""
        self.box.area.focus()

    def action_leave_box(self) -> None:
        """Go from the box to the rows, from anywhere else to the box."""
        (self.result if self.box.area.has_focus else self.box.area).focus()

    # -- the end

    async def on_unmount(self) -> None:
        """Stop writing, close what is open."""
        if self._load is not None:
            load = self._load
            load.cancel()
            await asyncio.wait([load])
        if self._counts is not None:
            self._counts.close()
        await self.session.peek().close()
