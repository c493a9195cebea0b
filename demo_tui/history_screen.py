"""What became of an issue: every commit that changed it, newest first, from the log; it keeps up while it is open."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from eddyline import Database, EddylineError, LogChange, LogEntry
from eddyline.bindings.textual import widget_scope

from .labels import MUTED
from .terminal_text import one_line
from .tracker_data import Issue

__all__ = ["HistoryScreen", "history_lines", "what_changed"]

SHOWN_MAX = 200
VALUE_MAX = 40


class HistoryScreen(ModalScreen[None]):
    """The history of one issue. `names` are those of people and projects, by key."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,h,enter", "dismiss", "Close")]

    def __init__(self, db: Database, issue: Issue, names: Mapping[str, str]) -> None:
        super().__init__()
        self._db, self._issue, self._names = db, issue, names

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="explain") as scroll:
            scroll.border_title = f"history · {one_line(self._issue.title)}"
            scroll.border_subtitle = "Esc closes"
            yield Static("…", id="history")

    async def on_mount(self) -> None:
        self.query_one("#explain").focus()
        view = await self._db.live(Issue.where(Issue.id == self._issue.id))
        widget_scope(self).add(view)
        view.subscribe(lambda _: self.run_worker(self._load(), group="history", exclusive=True))

    async def _load(self) -> None:
        try:
            changes = (await self._db.history(self._issue))[:SHOWN_MAX]
            commits = await self._db.fetch(LogEntry.where(LogEntry.id.in_({change.commit_id for change in changes})))
        except EddylineError as error:
            self.query_one("#history", Static).update(Content(str(error)))
            return
        lines = history_lines(changes, {commit.id: commit for commit in commits}, self._names)
        self.query_one("#history", Static).update(Content("\n").join(lines))


def history_lines(
    changes: Sequence[LogChange], commits: Mapping[int, LogEntry], names: Mapping[str, str]
) -> list[Content]:
    """Return two lines a change: when, who and by what; then what it wrote."""
    lines: list[Content] = []
    for change in changes:
        commit = commits[change.commit_id]
        when = (f"{_local(commit.at):%d %b %H:%M:%S}  ", MUTED)
        if commit.command == "enable_log":
            lines.append(Content.assemble(when, "as it was when the log began"))
        else:
            words = commit.message or commit.command or change.kind
            lines.append(Content.assemble(when, (commit.actor or "somebody", "bold"), f"  {words}"))
        lines.append(Content.assemble("  ", what_changed(change, names), "\n"))
    return lines


def what_changed(change: LogChange, names: Mapping[str, str]) -> str:
    """Return what a change did to its issue."""
    if change.kind == "delete":
        return "deleted"
    cells: dict[str, Any] = json.loads(change.cells or "{}")  # Any: what a cell may hold
    if change.kind == "insert":
        return f"made: {one_line(str(cells.get('title', '')))}"
    told = [f"{column} → {_value(value, names)}" for column, value in cells.items()]
    return ", ".join(told)


def _value(value: object, names: Mapping[str, str]) -> str:
    text = names.get(value, value) if isinstance(value, str) else "–" if value is None else str(value)
    flat = one_line(text)
    return flat if len(flat) <= VALUE_MAX else flat[: VALUE_MAX - 1] + "…"


def _local(at: datetime) -> datetime:
    return at.astimezone()
