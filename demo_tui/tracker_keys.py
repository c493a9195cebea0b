"""The keys of the tracker: those of its two lists. They act only while a list has the focus, never while one types."""

from __future__ import annotations

from typing import Final

from textual.binding import Binding, BindingType

from eddyline.bindings.textual import LiveTable

__all__ = ["HELP", "IssueTable", "ProjectTable"]

KEYS: Final[list[BindingType]] = [
    Binding("n", "screen.new", "New"),
    Binding("enter", "screen.edit", "Edit", priority=False),
    Binding("slash", "screen.search", "Search", key_display="/"),
    Binding("f", "screen.filter", "Filter"),
    Binding("s", "screen.sort", "Sort"),
    Binding("question_mark", "screen.help", "Help", key_display="?"),  # early: a narrow footer ends somewhere
    Binding("q", "app.quit", "Quit"),
    Binding("x", "screen.state('done')", "Done"),
    Binding("a", "screen.assign", "Assign"),
    Binding("l", "app.load", "Load"),
    Binding("e", "screen.explorer", "SQL"),
    Binding("t", "app.next_theme", "Theme", show=False),
    Binding("w", "screen.offline", show=False),
    Binding("o", "screen.state('open')", show=False),
    Binding("d", "screen.state('doing')", show=False),
    Binding("plus,equals_sign", "screen.priority(1)", show=False),
    Binding("minus", "screen.priority(-1)", show=False),
    Binding("m", "screen.assign_me", show=False),
    Binding("c", "screen.comment", show=False),
    Binding("r", "screen.reverse", show=False),
    Binding("p", "screen.projects", show=False),
    Binding("delete,D", "screen.delete", show=False),
    Binding("u", "screen.undo", "Undo"),
    Binding("U", "screen.redo", show=False),
    Binding("h", "screen.history", "History"),
    Binding("escape", "screen.back", show=False),
]

HELP: Final = (
    ("o  d  x", "open, doing, done"),
    ("+  -", "priority up, down"),
    ("a  m", "assign to somebody, to me"),
    ("n", "a new issue"),
    ("Enter", "edit the issue; Esc comes back"),
    ("c", "write a comment"),
    ("Del", "delete"),
    ("u  U", "undo what you did last, make it again"),
    ("h", "history: who changed the issue, and how"),
    ("/", "search in titles as you type"),
    ("f", "show active, open, doing, done, all"),
    ("s  r", "sort by the next column, reverse"),
    ("p", "projects; Enter shows one"),
    ("l", "load of 500 writes a second, on, off"),
    ("w", "work offline and come back, where one has joined"),
    ("t", "the next theme"),
    ("e", "the SQL explorer; F3 comes back"),
    ("Ctrl+S", "save; so does leaving a field"),
    ("q  Ctrl+Q", "quit; what was typed is saved"),
)


class IssueTable(LiveTable):
    """The list of issues."""

    BINDINGS = KEYS


class ProjectTable(LiveTable):
    """The list of projects: Enter shows one."""

    BINDINGS = [key for key in KEYS if isinstance(key, Binding) and key.key != "enter"]  # noqa: RUF012
