"""Textual: tables that follow a view, widgets that follow signals, all closed with the widget.

    class Issues(App[None]):
        def compose(self) -> ComposeResult:
            head = Label()
            bind(head, "update", lambda: f"{len(top.rows())} open")       # one-way; applied once a frame
            yield head
            box = Input()
            bind_input(box, search)                                       # two-way: a str signal
            yield box
            yield LiveTable(top, columns=["title", LiveColumn("priority", width=8)])
            yield LongTable(endless)                                      # of db.live_window(...): a part at a time
            yield TextField(issue, Issue.body)                            # a text that others type into as well

    effect(draw_chart, schedule=each_frame(chart))                        # anything else, at most once a frame

Needs the `tui` extra. What may be called when: everything before or after mounting, on the loop of the app.
"""

from .bind import Binding, bind
from .bind_input import bind_input
from .frame import each_frame
from .live_column import LiveColumn
from .live_table import LiveTable, SortMarker
from .long_table import LongTable
from .remote_cursor import RemoteCursor
from .text_field import TextField
from .widget_scope import widget_scope

__all__ = [
    "Binding",
    "LiveColumn",
    "LiveTable",
    "LongTable",
    "RemoteCursor",
    "SortMarker",
    "TextField",
    "bind",
    "bind_input",
    "each_frame",
    "widget_scope",
]
