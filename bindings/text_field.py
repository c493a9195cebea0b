"""`TextField`: a text that several people type into, in a terminal.

    TextField(shared)                          a SharedText: `await db.text(issue, Issue.body)`
    TextField(issue, Issue.body)               opened when the widget is mounted, closed with it
    TextField(shared, cursors=others)          a readable of `RemoteCursor`s: who stands where, in their colours
    others.set([RemoteCursor("Ben", "green", at=...)])     `field.cursor()` of the other one, which travels as bytes

It is a TextArea: keys, mouse, selection, wrapping, line numbers and themes are its own. What is typed goes to the text
at once; what others type comes in without moving the cursor from its character, nor a selection from its text. Undo
and redo take back what was typed here, and show it. Text that others insert right at the cursor stands behind it.
While something isn't written yet the widget has the class `-pending`, where it can't be `-error`; it is read-only while
its text isn't there: before it is opened, and when the row is gone.
Cost: a keystroke and a change of others O(length) at the speed of memory, plus what TextArea takes for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from rich.style import Style
from rich.text import Text as RichText
from textual.color import Color
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Selection

from eddyline import Column, Existing, Model, SharedText, TextChange

from ..signals import Computed, Readable, computed, effect, on_cleanup, signal
from .frame import each_frame
from .remote_cursor import RemoteCursor
from .text_selection import location_of, moved_selection, offset_of
from .widget_scope import widget_scope

__all__ = ["TextField"]

_CHANGES_MAX: Final = 20  # beyond, loading the text anew is faster


class TextField(TextArea):
    """A text area on a shared text."""

    DEFAULT_CSS = """
    TextField.-error { border: tall $error; }
    """

    def __init__(
        self,
        text: SharedText | Model | Existing,
        column: Column[str] | None = None,
        *,
        cursors: Readable[Iterable[RemoteCursor]] | None = None,
        **options: Any,  # Any: what TextArea takes
    ) -> None:
        """Show and edit `text`: a shared text, or a row of a model and one of its Text columns."""
        if isinstance(text, SharedText) == (column is not None):
            raise TypeError("TextField takes a SharedText, or a row of a model and one of its Text columns")
        shared = text if isinstance(text, SharedText) else None
        self._eddy_own = True
        self._eddy_marks: dict[int, list[tuple[int, int, Style]]] = {}
        super().__init__("" if shared is None else shared.peek(), **options)
        self.shared: SharedText | None = shared
        self._eddy_open = None if isinstance(text, SharedText) else (text, column)
        self._eddy_shown = "" if shared is None else shared.peek()
        self._eddy_own = False  # what changes the widget comes from the text
        self._eddy_back = False
        self._eddy_others = cursors
        self._eddy_moved = signal(0)
        self._eddy_cursor: Computed[bytes | None] = computed(self._eddy_place)
        if shared is None:
            self.read_only = True

    # -- the text

    async def on_mount(self) -> None:
        """Follow the text from now on."""
        scope = widget_scope(self)
        if self._eddy_open is not None:
            row, column = self._eddy_open
            assert column is not None, "a row comes with a column"
            opened = await row.open_text(column)
            if scope.closed:
                opened.close()
                return
            scope.add(opened)
            self.shared = opened
        shared = self.shared
        assert shared is not None, "given, or just opened"
        if self._eddy_shown != shared.peek():
            self._eddy_load(shared.peek(), self.selection)
        end = shared.subscribe(self._eddy_follow, source=self)
        scope.run(lambda: on_cleanup(end))
        scope.run(lambda: effect(lambda: self._eddy_say(shared)))
        scope.run(lambda: effect(lambda: self._eddy_mark(shared), schedule=each_frame(self)))

    def _eddy_say(self, shared: SharedText) -> None:
        """Show what becomes of what was typed."""
        self.read_only = shared.gone or shared.closed
        self.set_class(shared.pending, "-pending")
        self.set_class(shared.error is not None, "-error")

    def _eddy_follow(self, changes: Sequence[TextChange]) -> None:
        """Show what has become of the text, the cursor and the selection where they were in it."""
        shared = self.shared
        assert shared is not None, "it has told us"
        before, selection = self._eddy_shown, self.selection
        start, end = offset_of(before, selection.start), offset_of(before, selection.end)
        if len(changes) > _CHANGES_MAX:
            self._eddy_load(shared.peek(), moved_selection(before, shared.peek(), selection))
            return
        text = before
        self._eddy_own = True
        try:
            for change in changes:
                stop = change.start + change.removed
                places = location_of(text, change.start), location_of(text, stop)
                super().edit(Edit(change.inserted, *places, maintain_selection_offset=True))
                text = text[: change.start] + change.inserted + text[stop:]
                start, end = _moved(start, change, start < end), _moved(end, change, end < start)
                if self._eddy_back:
                    start = end = change.start + len(change.inserted)
        finally:
            self._eddy_own = False
        self._eddy_shown = text
        self.history.clear()
        self.selection = Selection(location_of(text, start), location_of(text, end))
        self._eddy_settle()

    def _eddy_settle(self) -> None:
        """Load the text anew where TextArea breaks lines in another way than it came in."""
        shared = self.shared
        if shared is not None and (self._eddy_shown != shared.peek() or self.document.lines != _lines(shared.peek())):
            self._eddy_load(shared.peek(), moved_selection(self._eddy_shown, shared.peek(), self.selection))

    def _eddy_load(self, text: str, selection: Selection) -> None:
        self._eddy_own = True
        try:
            super().load_text(text)
        finally:
            self._eddy_own = False
        self._eddy_shown = text
        self.selection = selection

    # -- what the user does

    def edit(self, edit: Edit) -> EditResult:
        """Make an edit, of a key, the mouse or a program: it goes to the shared text, too."""
        if self._eddy_own or self.shared is None:
            return super().edit(edit)
        before = self._eddy_shown
        start, end = offset_of(before, edit.top), offset_of(before, edit.bottom)
        self.shared.replace(start, end, edit.text, source=self)
        self._eddy_shown = before[:start] + edit.text + before[end:]
        result = super().edit(edit)
        self.history.clear()
        self._eddy_settle()
        return result

    def load_text(self, text: str) -> None:
        """Make the text `text`, by few short edits."""
        if self._eddy_own or self.shared is None:
            super().load_text(text)
        else:
            self.shared.set(text)

    def undo(self) -> None:
        """Take back what was typed here last, and go there."""
        self._eddy_take(lambda shared: shared.undo())

    def redo(self) -> None:
        """Make again what was taken back last, and go there."""
        self._eddy_take(lambda shared: shared.redo())

    def _eddy_take(self, back: Callable[[SharedText], bool]) -> None:
        if self.shared is None or self.read_only:
            return
        self._eddy_back = True
        try:
            back(self.shared)
        finally:
            self._eddy_back = False
        self.scroll_cursor_visible()

    # -- cursors

    @property
    def cursor(self) -> Readable[bytes | None]:
        """Where the cursor stands, as bytes that stay at its character on every replica: for a `RemoteCursor`."""
        return self._eddy_cursor

    def _eddy_place(self) -> bytes | None:
        self._eddy_moved.get()
        shared = self.shared
        return None if shared is None else shared.sticky(offset_of(shared.get(), self.selection.end))

    def on_text_area_selection_changed(self) -> None:
        """Tell who follows the cursor."""
        self._eddy_moved.set(self._eddy_moved.peek() + 1)

    def _eddy_mark(self, shared: SharedText) -> None:
        """Know where others stand now, and say who they are below."""
        others = [] if self._eddy_others is None else list(self._eddy_others.get())
        text, marks = shared.get(), dict[int, list[tuple[int, int, Style]]]()
        names = RichText("")
        for other in others:
            at = shared.index_of(other.at)
            if at is None:
                continue
            color = Color.parse(other.color)
            style = Style(color=color.get_contrast_text().rich_color, bgcolor=color.rich_color)
            anchor = None if other.anchor is None else shared.index_of(other.anchor)
            if anchor is not None and anchor != at:
                selected = Style(underline=True, color=color.rich_color)
                _mark_range(marks, text, min(at, anchor), max(at, anchor), selected)
            row, column = location_of(text, at)
            marks.setdefault(row, []).append((column, column + 1, style))
            names.append(" " if names else "").append(f" {other.name} ", style)
        if marks != self._eddy_marks:
            self._eddy_marks = marks
            self.notify_style_update()
            self.refresh()
        if self._eddy_others is not None:
            self.border_subtitle = names

    def get_line(self, line_index: int) -> RichText:
        """Return a line as it is shown, with the cursors of others in it."""
        line = super().get_line(line_index)
        for start, end, style in self._eddy_marks.get(line_index, ()):
            if end > len(line):
                line.append(" " * (end - len(line)))
            line.stylize(style, start, end)
        return line


def _moved(place: int, change: TextChange, begins: bool) -> int:
    """Return where the end of a selection is after `change`; at the one that `begins` it others insert in front."""
    stop = change.start + change.removed
    if place < change.start or (place == change.start and not (begins and not change.removed)):
        return place
    return change.start if place < stop else place - change.removed + len(change.inserted)


def _mark_range(marks: dict[int, list[tuple[int, int, Style]]], text: str, start: int, end: int, style: Style) -> None:
    (row, column), (last, stop) = location_of(text, start), location_of(text, end)
    lines = _lines(text)
    for one in range(row, last + 1):
        first = column if one == row else 0
        marks.setdefault(one, []).append((first, stop if one == last else max(len(lines[one]), first), style))


def _lines(text: str) -> list[str]:
    """Return the lines of `text` as TextArea has them."""
    lines = text.splitlines()
    return [*lines, ""] if not text or text.endswith(("\n", "\r")) else lines
