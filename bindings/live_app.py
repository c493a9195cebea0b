"""One live query on the whole screen: what `eddyline live` shows in a terminal.

SELECT state, count(*) FROM issue GROUP BY state            the query
| state | count(*) |                                        LiveTable
2 rows · commit 4 · delta                      q quits      how it is kept
"""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding as Key
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Label

from eddyline import View

from .first_rows import FirstRows
from .textual import LiveTable, bind

__all__ = ["LiveApp"]


class LiveApp(App[None]):
    """A view, its query and its state."""

    CSS = """
    Label { width: 1fr; height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    #sql { color: $text-muted; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Key("q,escape,ctrl+c,ctrl+q", "quit", "Quit", priority=True)]

    def __init__(self, view: View[Any], *, title: str, sql: str, limit: int | None = None) -> None:
        super().__init__()
        self.title = title
        self._view, self._sql, self._limit = view, sql, limit

    def compose(self) -> ComposeResult:
        """Query, table, state."""
        yield Label(Content(" ".join(self._sql.split())), id="sql")
        yield LiveTable(self._view if self._limit is None else FirstRows(self._view, self._limit))
        yield (state := Label(id="state"))
        bind(state, "update", self._state)

    def _state(self) -> Content:
        view = self._view
        count = len(view.rows())
        shown = count if self._limit is None else min(count, self._limit)
        rows = f"{shown:,} row{'' if shown == 1 else 's'}" if shown == count else f"{shown:,} of {count:,} rows"
        kept = view.status if view.status != "live" else view.explain().data["rule"]
        return Content(f"{self.title} · {rows} · commit {view.version} · {kept} · q quits")
