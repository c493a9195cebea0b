"""QueryBox: where a query is typed; what is wrong with it is shown in place.

    +- query ------------------------------+
    | SELECT nam FROM person               |      the word at the place is marked
    | no column 'nam'; did you mean name?  |      the error below, with line and column
    +--------------------------------------+

Enter runs, Ctrl+J or Shift+Enter begins a new line, Ctrl+Up and Ctrl+Down go through what was run before.
"""

from __future__ import annotations

import re
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Label, TextArea

from .sql_colors import colored

__all__ = ["QueryBox"]

WORD = re.compile(r"\w+|\S")


class SqlArea(TextArea):
    """A text area whose Enter runs what stands in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+enter", "run", "Run", priority=True, key_display="⏎"),
        Binding("ctrl+j,shift+enter,alt+enter", "new_line", "New line", show=False, priority=True),
        Binding("ctrl+up", "older", "Earlier query", show=False),
        Binding("ctrl+down", "newer", "Later query", show=False),
    ]

    class Run(Message):
        """Enter was pressed."""

    def __init__(self) -> None:
        super().__init__(id="sql", soft_wrap=True, show_line_numbers=False, highlight_cursor_line=False)
        self.mark: tuple[int, int] | None = None  # line and column of an error, from 0
        self.earlier: list[str] = []
        self.place = 0

    def get_line(self, line_index: int) -> Text:
        """Return a line in colours, the place of an error marked."""
        line = colored(super().get_line(line_index), dark=self.app.current_theme.dark)
        if self.mark is not None and self.mark[0] == line_index:
            word = WORD.match(line.plain, self.mark[1])
            if word is not None:
                line.stylize("bold #ffffff on #b8405a", *word.span())
        return line

    def show_mark(self, mark: tuple[int, int] | None) -> None:
        """Mark the word at a place, or nothing."""
        if mark != self.mark:
            self.mark = mark
            self.notify_style_update()  # lines are painted anew
            self.refresh()

    def remember(self, sql: str) -> None:
        """Put `sql` at the end of what was run."""
        if sql in self.earlier:
            self.earlier.remove(sql)
        self.earlier.append(sql)
        self.place = len(self.earlier) - 1

    def action_run(self) -> None:
        """Run what stands here."""
        self.post_message(self.Run())

    def action_new_line(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_older(self) -> None:
        """Show the query that was run before."""
        self._go(-1)

    def action_newer(self) -> None:
        """Show the query that was run after."""
        self._go(1)

    def _go(self, step: int) -> None:
        if self.earlier:
            self.place = max(0, min(self.place + step, len(self.earlier) - 1))
            self.text = self.earlier[self.place]
            self.move_cursor(self.document.end)


class QueryBox(Vertical):
    """The box, and the line below it for what is wrong."""

    class Submitted(Message):
        """The user wants `sql` run."""

        def __init__(self, sql: str) -> None:
            super().__init__()
            self.sql = sql

    def compose(self) -> ComposeResult:
        yield SqlArea()
        yield Label(id="error")

    def on_mount(self) -> None:
        self.border_title = "query"

    @property
    def area(self) -> SqlArea:
        """Where one types."""
        return self.query_one(SqlArea)

    @property
    def sql(self) -> str:
        """What stands there."""
        return self.area.text

    @sql.setter
    def sql(self, text: str) -> None:
        self.area.text = text
        self.area.move_cursor(self.area.document.end)
        self.show_error(None)

    def show_error(self, message: str | None, *, line: int | None = None, col: int | None = None) -> None:
        """Show what is wrong, and where, or that nothing is."""
        label = self.query_one("#error", Label)
        label.update(Content(message or ""))
        self.set_class(message is not None, "-wrong")
        self.area.show_mark((line - 1, col - 1) if line is not None and col is not None else None)

    def on_sql_area_run(self, event: SqlArea.Run) -> None:
        """Hand on what was typed."""
        event.stop()
        if self.sql.strip():
            self.post_message(self.Submitted(self.sql))

    def on_text_area_changed(self) -> None:
        """What is typed on makes a mark meaningless."""
        self.area.show_mark(None)
