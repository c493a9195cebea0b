"""The explorer: tables on the left, a query with the rule that keeps it, its rows below, everything live.

    | status line                                  |
    | tables  | query box        | how it is kept  |      narrow: the rule is two lines below the box
    |  counts |------------------+-----------------|
    | queries | result, a LiveTable                |
    | keys                                         |

One query is on show at a time: `db.live` -> View -> LiveTable; statistics and rule follow it. A query that SQLite
refuses leaves the view before it on show. An answer that comes after a later question is dropped.
"""

from __future__ import annotations

import re
import sqlite3
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Footer

from eddyline import EddylineError, QueryError, Signal, View
from eddyline.bindings.textual import LiveTable, bind

from .dialogs import ExplainScreen
from .examples import EXAMPLES, table_query
from .query_box import QueryBox
from .query_list import QueryList
from .rule_panel import RulePanel
from .session import Session
from .status_line import StatusLine
from .table_counts import TableCounts
from .table_list import TableList
from .type_ahead import Begun
from .view_stats import ViewStats

__all__ = ["ExplorerScreen"]

NARROW, WIDE, HIGH = 60, 116, 32  # from so many columns, columns, lines on
WRITES = frozenset(
    """ALTER ANALYZE ATTACH BEGIN COMMIT CREATE DELETE DETACH DROP END INSERT PRAGMA REINDEX RELEASE REPLACE ROLLBACK
    SAVEPOINT UPDATE VACUUM""".split()
)
FIRST_WORD = re.compile(r"(?:\s+|--[^\n]*\n?|/\*.*?\*/)*([A-Za-z]*)", re.DOTALL)


class ExplorerScreen(Screen[None]):
    """Any SELECT on the database of a session; `query` is shown first."""

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (NARROW, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # as Textual has it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (HIGH, "-high")]  # noqa: RUF012
    AUTO_FOCUS = "#sql"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "app.load", "Load on/off", priority=True),
        Binding("f2", "explain", "Explain", key_display="F2"),
        Binding("f3", "tracker", "Tracker", key_display="F3"),
        Binding("ctrl+q", "app.quit", "Quit", priority=True),
        Binding("ctrl+t", "tables", "Tables", show=False),
        Binding("escape", "leave_box", "Leave the box", show=False),
        Binding("e", "edit", "Edit query", show=False),
        Binding("q", "app.quit", "Quit", show=False),
    ]

    def __init__(self, session: Signal[Session], load_on: Signal[bool], *, query: str | None = None) -> None:
        super().__init__()
        self.session, self.load_on = session, load_on
        self.stats = ViewStats()
        self._query = query
        self._counts: TableCounts | None = None
        self._counting = False
        self._asked = 0

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
        bind(self.result, "border_title", self._result_title)
        self.set_focus(self.box.area)  # at once: keys may come with the first rows
        self.use(self.session.peek())

    @property
    def box(self) -> QueryBox:
        """Where a query is typed."""
        return self.query_one(QueryBox)

    @property
    def result(self) -> LiveTable:
        """The rows of the query on show."""
        return self.query_one("#result", LiveTable)

    def _result_title(self) -> str:
        view = self.stats.view()
        if view is None:
            return "result"
        count = len(view.rows())
        return f"{count:,} row{'s' * (count != 1)} · {view.status}"

    # -- the database

    def use(self, session: Session) -> None:
        """Show the database of `session`."""
        if self._counts is not None:
            self._counts.close()
        counts = self._counts = TableCounts(session.db, session.tables)
        self.query_one(TableList).list_tables(counts)
        self.query_one(QueryList).offer(list(EXAMPLES) if session.is_tracker else [])
        self.query_one("#queries").display = session.is_tracker
        first = self._query or self._first_query(session)
        self.box.sql = first
        self.call_after_refresh(self._begin, first)

    def go_on(self, session: Session) -> None:
        """Show the same query on another database."""
        self._query = self.box.sql
        self.use(session)

    def _begin(self, sql: str) -> None:
        """The screen is painted: keys may come; read what stands on it."""
        self.post_message(Begun())
        if sql:
            self.run_worker(self._run(sql, typed=False), group="query")
        if not self._counting:  # from now on also the tables that others make, and those of the next session
            self._counting = True
            bind(self, self._count_tables, lambda: self.session().tables.rows())

    def _count_tables(self, _: object) -> None:
        """Count the tables that aren't counted yet."""
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
            queries = self.query_one(QueryList)
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

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The tracker is offered where it may be opened."""
        return self.session.peek().has_tracker if action == "tracker" else True

    async def action_tracker(self) -> None:
        """Go to the tracker on the same database."""
        await self.run_action("app.go('tracker')")

    def action_explain(self) -> None:
        """Show all that `explain()` says."""
        view = self.stats.view.peek()
        if view is not None and not view.closed:
            self.app.push_screen(ExplainScreen(view))

    def action_tables(self) -> None:
        """Go to the tables."""
        self.query_one(TableList).focus()

    def action_edit(self) -> None:
        """Go to the box."""
        self.box.area.focus()

    def action_leave_box(self) -> None:
        """Go from the box to the rows, from anywhere else to the box."""
        (self.result if self.box.area.has_focus else self.box.area).focus()

    def on_unmount(self) -> None:
        """Close the counts; the query goes with its table."""
        if self._counts is not None:
            self._counts.close()
