"""QueryList: the examples, then what the user has run, newest first."""

from __future__ import annotations

from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from .examples import Example

__all__ = ["QueryList"]

KEPT_MAX = 30


class QueryList(OptionList):
    """Queries to choose from by name."""

    class Chosen(Message):
        """The user wants `sql` on show."""

        def __init__(self, sql: str) -> None:
            super().__init__()
            self.sql = sql

    def __init__(self, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._examples: list[Example] = []
        self._typed: list[Example] = []

    def on_mount(self) -> None:
        self.border_title = "queries"

    def offer(self, examples: list[Example]) -> None:
        """Begin anew with these."""
        self._examples, self._typed = examples, []
        self._show()

    def remember(self, sql: str) -> None:
        """Add a query that was typed, unless it is there."""
        if any(sql == known.sql for known in [*self._examples, *self._typed]):
            return
        self._typed = [Example(" ".join(sql.split())[:80], sql), *self._typed][:KEPT_MAX]
        self._show()

    def _show(self) -> None:
        self.set_options([Option(example.name) for example in [*self._examples, *self._typed]])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Hand on what was chosen."""
        event.stop()
        self.post_message(self.Chosen([*self._examples, *self._typed][event.option_index].sql))
