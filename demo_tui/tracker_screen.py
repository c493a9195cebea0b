"""The tracker: projects with counts, a list of issues, the issue under the cursor, all live.

    | status line                                              |
    | projects   | search          | issue      |     narrow: the list, and Enter opens the issue in its place;
    |------------| list of issues  |            |     narrower still: the list alone, and `p` opens the projects there
    | by state   |                 | comments   |
    | keys                                                     |

One `Listing` says what the list shows; a new one is a new view in the place of the old one, with the cursor on the
same issue. The search text and the issue under the cursor are signals that the views follow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Footer, Input

from eddyline import Database, EddylineError, Signal, UndoResult, View, batch, computed, effect, signal
from eddyline.bindings.textual import LiveColumn, LiveTable, SortMarker, bind, bind_input, widget_scope
from eddyline.signals import throttled

from .history_screen import HistoryScreen
from .issue_panel import IssuePanel, age, choices
from .labels import MUTED
from .project_list import ALL, MINE, ProjectList
from .session import Session
from .state_chart import COLORS, GLYPHS, StateChart
from .status_line import StatusLine
from .tracker_data import (
    PRIORITY_MAX,
    SORTS,
    Comment,
    Issue,
    Listing,
    Person,
    State,
    comments_of,
    issues,
    states,
)
from .tracker_dialogs import AssignDialog, DeleteDialog, HelpScreen, NewDialog, NewIssue
from .tracker_keys import IssueTable, ProjectTable
from .type_ahead import Begun

__all__ = ["TrackerScreen"]

NARROW, WIDE = 76, 110
AGE_ROOM, DUE_ROOM, PROJECT_ROOM = 50, 68, 80  # cells from which on there is a column
NAMES_ROOM = 100  # and from which on names of people are whole
HOT, WARM = 8, 5  # priorities
PANEL_S = 0.1  # the panel follows a cursor that runs no faster


def _priority_style(priority: int) -> str | None:
    return "bold $text-error" if priority >= HOT else "$text-warning" if priority >= WARM else MUTED


def _muted(_: object) -> str:
    return MUTED


def _due_style(due: date | str) -> str | None:
    return "$text-error" if isinstance(due, date) and due < datetime.now(UTC).date() else MUTED


def _columns(room: int, *, names: Callable[[str | None], str], project: bool) -> list[LiveColumn]:
    """Return the columns that fit; the title takes what the others leave."""
    made = [
        LiveColumn("state", label="", width=1, format=GLYPHS.__getitem__, style=COLORS.get),
        LiveColumn("priority", label="P", width=3, align="right", style=_priority_style),
        LiveColumn("who", value=lambda issue: names(issue.assignee) or "–", width=16 if room >= NAMES_ROOM else 10),
    ]
    if project and room >= PROJECT_ROOM:
        made.append(LiveColumn("project", value=lambda issue: names(issue.project), width=10))
    if room >= DUE_ROOM:
        made.append(
            LiveColumn(
                "due",
                value=lambda issue: issue.due or "",
                format=lambda due: f"{due:%d %b}" if due else "",
                width=6,
                style=_due_style,
            )
        )
    if room >= AGE_ROOM:
        made.append(
            LiveColumn(
                "age",
                value=lambda issue: issue.opened,
                format=age,
                width=5,
                align="right",
                style=lambda _: MUTED,
            )
        )
    taken = sum((column.width or 0) + 2 for column in made)
    made.insert(2, LiveColumn("title", width=max(room - taken - 3, 12)))
    return made


class TrackerScreen(Screen[None]):
    """The tracker on the database of a session. Everything it opens closes with it."""

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (NARROW, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # as Textual has it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012
    AUTO_FOCUS = "#issues"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+l", "app.load", "Load on/off", show=False)]

    def __init__(self, session: Signal[Session], load_on: Signal[bool]) -> None:
        super().__init__()
        self.session, self.load_on = session, load_on
        self.listing = Listing()
        self.search = signal("", name="search")
        self.current = signal("", name="issue under the cursor")
        self._lists: ProjectList | None = None
        self.people: Signal[dict[str, str]] = signal({}, name="names of people")  # by key, in the order of names
        self._shown: Signal[tuple[Listing, View] | None] = signal(None, name="list on show")
        self.me = computed(self._my_key, name="the user's key")
        self._asked = self._room = 0

    @property
    def db(self) -> Database:
        """The database."""
        return self.session.peek().db

    @property
    def table(self) -> IssueTable:
        """The list of issues."""
        return self.query_one(IssueTable)

    @property
    def panel(self) -> IssuePanel:
        """The issue in full."""
        return self.query_one(IssuePanel)

    # -- the screen

    def compose(self) -> ComposeResult:
        yield StatusLine(self.session, self.load_on, id="status")
        with Horizontal(id="tracker"):
            with Vertical(id="side"):
                yield ProjectTable(id="projects", header=False, flash=False, empty_text="no projects yet")
                yield StateChart(self.session.peek().activity.per_s, id="chart")
            with Vertical(id="centre"):
                yield Input(placeholder="/ to search in titles", compact=True, id="search")
                yield IssueTable(id="issues", zebra=True)
            yield IssuePanel(id="panel")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        bind_input(self.query_one("#search", Input), self.search)
        self.query_one("#projects").border_title = "projects"
        bind(self.table, "border_title", self._title)
        self.table.focus()
        self.call_after_refresh(lambda: self.run_worker(self._begin(), group="begin"))

    async def _begin(self) -> None:
        """Open what the screen shows."""
        db, scope = self.db, widget_scope(self)
        people = await db.live(Person.order_by(Person.name))
        scope.add(people)
        scope.run(lambda: effect(lambda: self.people.set({row.id: row.name for row in people.rows()}), name="people"))
        self._lists = lists = await ProjectList.of(db, self.me)
        scope.add(lists)
        await self._list(self.listing)
        room = 10 if self.has_class("-narrow") else 12
        self.query_one(ProjectTable).show(
            self._lists,
            columns=[LiveColumn("list", width=room), LiveColumn("open", width=5, align="right", format="{:,}".format)],
        )
        self.query_one(StateChart).follow(await db.live(states()))
        followed = scope.run(lambda: throttled(self.current, PANEL_S, name="issue in the panel"))
        joined = self.session.peek().joined
        if joined is not None:
            scope.run(lambda: effect(lambda: joined.link.present(issue=followed()), name="where the user is"))
        self.panel.follow(
            await db.live(Issue.where(Issue.id == followed)),
            await db.live(comments_of(followed)),
            people=self.people,
            projects=lists.names,
            others=joined.others_at(followed) if joined is not None else signal(list[str]()),
            joined=joined,
        )
        bind(self.table, lambda _: self.table.repaint(), lambda: (self.people(), lists.names()))
        self.post_message(Begun())
        await self.session.peek().keep_log()

    def on_resize(self) -> None:
        """The columns of the list fit the room it has."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        if self._room and self.table.size.width not in (0, self._room):
            self._relist(self.listing)

    async def _list(self, listing: Listing) -> None:
        """Show what `listing` says in place of what is there."""
        self.listing = listing
        self._asked += 1
        mine, before = self._asked, self._under_cursor()
        try:
            view = await self.db.live(issues(listing, self.search))
        except EddylineError as error:
            self.notify(str(error), markup=False, title="The list", severity="error")
            return
        if mine != self._asked or not self.is_running:
            view.close()
            return
        table, self._room = self.table, self.table.size.width
        table.empty_text = "Nothing here. Press n for a new issue, f for another filter, Esc to search no more."
        columns = _columns(self._room, names=self._name_of, project=listing.project is None)
        with batch():
            table.show(view, own=True, columns=columns)
            self._shown.set((listing, view))
        table.sort_marker = SortMarker(listing.sort, listing.descending)
        if before is not None:
            at = next((index for index, row in enumerate(view.peek()) if row.id == before.id), None)
            if at is not None:
                table.move_cursor(at)

    def _title(self) -> str:
        if (shown := self._shown()) is None or shown[1].closed or self._lists is None:
            return ""
        listing, view = shown
        whose = "mine" if listing.assignee else self._lists.names().get(listing.project or "", "all projects")
        found = f" · “{self.search()}”" if self.search() else ""
        return f"{whose} · {listing.filter}{found} · {len(view.rows()):,} {view.status}"

    def _my_key(self) -> str:
        name = self.session().me
        return next((key for key, known in self.people().items() if known == name), "")

    def _name_of(self, key: str | None) -> str:
        """Return the name of a person or a project."""
        if key is None:
            return ""
        return self.people.peek().get(key) or self._project_names().get(key, "")

    def _project_names(self) -> dict[str, str]:
        return self._lists.names.peek() if self._lists is not None else {}

    def _relist(self, listing: Listing) -> None:
        self.run_worker(self._list(listing), group="list")

    # -- where the user is

    def _under_cursor(self) -> Issue | None:
        return cast("Issue | None", self.table.cursor_row)  # a LiveTable knows nothing of its rows

    @on(LiveTable.RowHighlighted, "#issues")
    def _highlighted(self, event: LiveTable.RowHighlighted) -> None:
        if not self.panel.has_focus_within:
            self.current.set(event.row.id)

    @on(LiveTable.Emptied, "#issues")
    def _emptied(self) -> None:
        if not self.panel.has_focus_within:
            self.current.set("")

    @on(LiveTable.RowSelected, "#issues")
    def _selected(self) -> None:
        self.action_edit()

    @on(LiveTable.HeaderSelected, "#issues")
    def _header(self, event: LiveTable.HeaderSelected) -> None:
        if event.column in SORTS:
            self._relist(self.listing.sorted_by(event.column))

    @on(LiveTable.RowHighlighted, "#projects")
    def _project(self, event: LiveTable.RowHighlighted) -> None:
        key = str(event.key)
        project = None if key in (ALL, MINE) else key
        listing = replace(self.listing, project=project, assignee=self.me.peek() if key == MINE else None)
        if listing != self.listing:
            self._relist(listing)

    @on(LiveTable.RowSelected, "#projects")
    def _project_chosen(self) -> None:
        self._to_list()

    @on(Input.Submitted, "#search")
    def _searched(self) -> None:
        self._to_list()

    def on_key(self, event: Any) -> None:  # Any: events.Key
        """Esc and Down leave the search; Esc takes its text away."""
        if self.focused is self.query_one("#search") and event.key in ("escape", "down"):
            if event.key == "escape":
                self.search.set("")
            self._to_list()
            event.stop()

    # -- what is on show where there is no room for all

    def _bring_out(self, part: Widget) -> None:
        """Show the panel, the projects or the list; it may get the focus then."""
        self.set_class(part is self.panel, "-detail")
        self.set_class(part.id == "projects", "-projects")

    def _to_list(self) -> None:
        self._bring_out(self.table)
        self.table.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """What was clicked stays on show when the screen shrinks."""
        self._bring_out(self.panel if self.panel in event.widget.ancestors else event.widget)

    # -- writing

    def _write(self, job: Callable[[Any], object], label: str) -> None:  # Any: the transaction
        """Write in one job; what the database refuses is told."""
        self.run_worker(self._written(job, label), group="write", exclusive=False)

    async def _written(self, job: Callable[[Any], object], label: str) -> bool:  # Any: as above
        """Write, and return whether that was done."""
        try:
            await self.db.write(job, label)
        except EddylineError as error:
            self.notify(str(error), markup=False, title=label, severity="error")
            return False
        return True

    async def save_typed(self) -> bool:
        """Write what was typed into the issue and is not written yet; return whether nothing that was typed is left."""
        issue, values = self.panel.issue, self.panel.edited()
        if values is None or (values and issue is None):
            return False
        if values and not await self._written(lambda tx: tx.update(issue, **values), "edit"):
            return False
        if self.panel.comment:
            self.notify("the comment isn't sent: Enter in its box sends it", severity="warning")
        return not self.panel.comment

    def _update(self, key: str, label: str, change: Callable[[Issue], dict[str, Any]]) -> None:
        # Any: of the columns' types
        """Change an issue as it is now."""

        def job(tx: Any) -> None:  # Any: as above
            issue = tx.get(Issue, key)
            if issue is not None and (values := change(issue)):
                tx.update(issue, **values)

        self._write(job, label)

    def on_issue_panel_changed(self, event: IssuePanel.Changed) -> None:
        self._write(lambda tx: tx.update(event.issue, **event.values), "edit")

    def on_issue_panel_commented(self, event: IssuePanel.Commented) -> None:
        self._write(lambda tx: tx.add(Comment(issue=event.issue, author=self.me.peek(), body=event.body)), "comment")

    def on_issue_panel_left(self) -> None:
        self._to_list()
        row = self._under_cursor()
        self.current.set("" if row is None else row.id)

    # -- keys

    def action_state(self, state: State) -> None:
        """Set the state of the issue under the cursor."""
        if (row := self._under_cursor()) is not None:
            self._update(row.id, state, lambda _: {"state": state})

    def action_priority(self, by: int) -> None:
        """Raise or lower the priority of the issue under the cursor."""
        if (row := self._under_cursor()) is not None:
            self._update(row.id, "priority", lambda issue: {"priority": min(max(issue.priority + by, 0), PRIORITY_MAX)})

    def action_assign_me(self) -> None:
        """Assign the issue under the cursor to the user."""
        if (row := self._under_cursor()) is not None and (me := self.me.peek()):
            self._update(row.id, "assign", lambda _: {"assignee": me})

    def action_assign(self) -> None:
        """Ask for a person and assign the issue under the cursor."""
        row = self._under_cursor()
        if row is None:
            return

        def answered(person: str | None) -> None:
            if person is not None:
                self._update(row.id, "assign", lambda _: {"assignee": person or None})

        self.app.push_screen(AssignDialog(choices(self.people.peek())), answered)

    def action_new(self) -> None:
        """Ask for a new issue."""
        projects, people = choices(self._project_names()), choices(self.people.peek())
        if not projects:
            self.notify("there is no project yet to put an issue into", severity="warning")
            return
        self.app.push_screen(NewDialog(projects, people, project=self.listing.project), self._make)

    def _make(self, new: NewIssue | None) -> None:
        if new is not None:
            title, project, priority, assignee = new
            issue = Issue(title=title, project=project, priority=priority, assignee=assignee)
            self._write(lambda tx: tx.add(issue), "new issue")

    def action_delete(self) -> None:
        """Ask, then delete the issue under the cursor."""
        row = self._under_cursor()
        if row is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._write(lambda tx: tx.delete(row), "delete")
                self.notify("u brings it back", title="Deleted", timeout=5)

        self.app.push_screen(DeleteDialog(row.title), answered)

    def action_undo(self) -> None:
        """Take back what the user did last."""
        self.run_worker(self._take_back(self.db.undo, "undone"), group="write")

    def action_redo(self) -> None:
        """Make again what was taken back last."""
        self.run_worker(self._take_back(self.db.redo, "made again"), group="write")

    async def _take_back(self, call: Callable[[], Awaitable[UndoResult | None]], done: str) -> None:
        try:
            result = await call()
        except EddylineError as error:
            self.notify(str(error), markup=False, title=done, severity="error")
            return
        if result is None:
            self.notify(f"nothing to be {done}", timeout=2)
        elif result.kept:
            self.notify("what others have changed since stays as it is", title=done.capitalize(), timeout=4)

    def action_offline(self) -> None:
        """Work offline, or come back."""
        joined = self.session.peek().joined
        if joined is None:
            self.notify("this tracker has joined no server: python3 dev demo --join URL", timeout=4)
        else:
            joined.link.offline = not joined.link.offline

    def action_history(self) -> None:
        """Show what became of the issue under the cursor."""
        row = self._under_cursor()
        if row is not None and self.db.logged:
            self.app.push_screen(HistoryScreen(self.db, row, {**self.people.peek(), **self._project_names()}))

    def action_edit(self) -> None:
        """Go to the issue in full."""
        self._open_panel("#title")

    def action_comment(self) -> None:
        """Go to the comment box."""
        self._open_panel("#comment")

    def _open_panel(self, field: str) -> None:
        if self._under_cursor() is not None:
            self._bring_out(self.panel)
            self.query_one(field).focus()

    def action_search(self) -> None:
        """Go to the search box."""
        self._bring_out(self.table)
        self.query_one("#search").focus()

    def action_filter(self) -> None:
        """Show the next of the filters."""
        self._relist(self.listing.next_filter())

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._relist(self.listing.sorted_by(SORTS[(SORTS.index(self.listing.sort) + 1) % len(SORTS)]))

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self._relist(self.listing.sorted_by(self.listing.sort))

    def action_projects(self) -> None:
        """Go to the projects."""
        projects = self.query_one(ProjectTable)
        self._bring_out(projects)
        projects.focus()

    def action_back(self) -> None:
        """Search no more; go to the list."""
        self.search.set("")
        self._to_list()

    def action_help(self) -> None:
        """Show all keys."""
        if not isinstance(self.app.screen, ModalScreen):
            self.app.push_screen(HelpScreen())

    async def action_explorer(self) -> None:
        """Go to the explorer on the same database."""
        await self.run_action("app.go('explorer')")
