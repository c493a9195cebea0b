"""`bind_input`: an input widget and a signal hold the same value, whichever of them changes.

    bind_input(box, search)                                     Input, TextArea: str
    bind_input(check, done)                                     Checkbox, RadioButton, Switch: bool
    bind_input(menu, state)                                     Select: the chosen value, None for none
    bind_input(box, age, parse=int, format=str)                 what can't be parsed stays in the box alone
    bind_input(box, issue, Issue.title)                         a row of a model, and one of its columns

What the user does reaches the signal before the next line of code (TextArea: with its `Changed` message); what the
signal says reaches the widget within a frame, without a `Changed` message (no echo) and with the cursor where it was.
The signal's value is the first to show. A row's cell is written when the user changes it, the latest value of several,
and follows every other writer; a text that the column doesn't take stays in the box alone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar, overload

from textual.message import Message
from textual.widget import Widget
from textual.widgets import Checkbox, Input, RadioButton, Select, Switch, TextArea
from textual.widgets.select import InvalidSelectValueError

from eddyline import Cell, Column, Existing, Model, WatchedRow

from ..signals import Signal
from .bind import Binding
from .text_selection import moved_selection
from .widget_scope import is_gone, widget_scope

__all__ = ["bind_input"]

T = TypeVar("T")
Row: TypeAlias = Model | Existing | WatchedRow[Any]  # Any: of any model
Bindable = Input | TextArea | Checkbox | RadioButton | Switch | Select[Any]  # Any: what is chosen from


@overload
def bind_input(
    widget: Widget,
    signal: Signal[T] | Cell[T],
    *,
    parse: Callable[[Any], T] | None = None,
    format: Callable[[T], Any] | None = None,
) -> Binding: ...
@overload
def bind_input(
    widget: Widget,
    row: Row,
    column: Column[T],
    /,
    *,
    parse: Callable[[Any], T] | None = None,
    format: Callable[[T], Any] | None = None,
) -> Binding: ...
def bind_input(
    widget: Widget,
    signal: Any,
    column: Column[Any] | None = None,
    *,
    parse: Callable[[Any], Any] | None = None,  # Any: the types of the widget's value and of the signal's
    format: Callable[[Any], Any] | None = None,
) -> Binding:
    """Keep the value of `widget` and `signal` the same until the widget is unmounted; return what ends it earlier.

    Instead of a signal a row of a model, or what `row.watch()` gave, and one of its columns. `parse` makes the signal's
    value of the widget's; when it raises `ValueError` the signal keeps what it has.
    Raises `TypeError` for a widget without a value to bind, and for a signal that doesn't fit it.
    """
    if not isinstance(widget, Input | TextArea | Checkbox | RadioButton | Switch | Select):
        raise TypeError(
            f"{type(widget).__name__} has no value to bind; bind_input takes "
            "Input, TextArea, Checkbox, RadioButton, Switch and Select"
        )
    if column is not None:
        signal = _cell(widget, signal, column)
    if isinstance(signal, Cell):
        spoken = isinstance(widget, Input | TextArea)
        read, show = (signal.from_text, signal.as_text) if spoken else (signal.check, _same)
        return _Pair(widget, signal, parse or read, format or show).binding
    if not hasattr(signal, "set"):
        raise TypeError(
            f"bind_input takes a signal, which the user's input is set to, not {signal!r:.60}; bind shows what can "
            "only be read"
        )
    if format is None:
        _check_text(widget, signal.peek())
    return _Pair(widget, signal, parse or _same, format or _same).binding


def _check_text(widget: Widget, value: object) -> None:
    """Raise `TypeError` for what a box of text would break at when it draws it."""
    if isinstance(widget, Input | TextArea) and not isinstance(value, str):
        kind = type(value).__name__
        raise TypeError(f"{type(widget).__name__} holds text, its signal {value!r:.60}: give parse={kind}, format=str")


def _cell(widget: Widget, row: Any, column: Column[Any]) -> Cell[Any]:  # Any: a row, or a watched one
    """Return the cell of `row`, which is watched as long as the widget is there."""
    if isinstance(row, WatchedRow):
        return row.cell(column)
    if not isinstance(row, Model | Existing):
        raise TypeError(f"bind_input takes a signal, or a row of a model and a column, not {type(row).__name__}")
    watched: WatchedRow[Any] = widget_scope(widget).run(row.watch)
    return watched.cell(column)


class _Pair:
    """A widget, a signal, and the way between them."""

    __slots__ = ("binding", "format", "parse", "showing", "signal", "widget")

    def __init__(
        self,
        widget: Bindable,
        signal: Signal[Any] | Cell[Any],
        parse: Callable[[Any], Any],
        format: Callable[[Any], Any],
    ) -> None:  # Any: both ends are the caller's
        self.widget = widget
        self.signal = signal
        self.parse = parse
        self.format = format
        self.showing = False  # the widget changes because the signal did
        self.binding = Binding(widget, self._show, signal.get)
        if not is_gone(widget):
            widget.call_next(self._listen)

    def _listen(self) -> None:
        """Hear what the user does, from now on."""
        widget = self.widget
        if self.binding.closed or not widget.is_running or widget_scope(widget).closed:
            return
        if isinstance(widget, TextArea):
            widget.message_signal.subscribe(widget, self._hear_edit, immediate=True)
        else:
            widget.watch(widget, "value", self._hear, init=False)

    def _hear_edit(self, message: Message) -> None:
        """A text area says by a message that it was edited: its text is no reactive."""
        if isinstance(message, TextArea.Changed) and message.text_area is self.widget:
            self._hear()

    def _hear(self) -> None:
        """Hand the widget's value to the signal."""
        if self.showing or self.binding.closed:
            return
        try:
            value = self.parse(_value_of(self.widget))
        except ValueError:
            return
        self.signal.set(value)

    def _show(self, _: object) -> None:
        """Hand the signal's newest value to the widget, unless it says that already."""
        widget, value = self.widget, self.format(self.signal.peek())
        _check_text(widget, value)
        if _value_of(widget) == value or self._parses_to_it():
            return
        self.showing = True
        try:
            with widget.prevent(widget.Changed):
                _set_value(widget, value)
        finally:
            self.showing = False

    def _parses_to_it(self) -> bool:
        """Whether what is in the box means the signal's value (`1.` and 1.0): then it is left as it was typed."""
        if self.parse is _same:
            return False
        try:
            return bool(self.parse(_value_of(self.widget)) == self.signal.peek())
        except ValueError:
            return False


def _value_of(widget: Bindable) -> object:
    """Return what the widget holds."""
    if isinstance(widget, TextArea):
        return widget.text
    if isinstance(widget, Select):
        return None if widget.value is Select.NULL else widget.value
    return widget.value


def _set_value(widget: Bindable, value: Any) -> None:  # Any: the type of the widget's value
    """Have the widget hold `value`. A Select that doesn't offer it shows none, if it may."""
    if isinstance(widget, TextArea):
        selection = moved_selection(widget.text, value, widget.selection)
        widget.text = value
        widget.selection = selection
    elif isinstance(widget, Select):
        try:
            widget.value = Select.NULL if value is None else value
        except InvalidSelectValueError:
            with suppress(InvalidSelectValueError):  # blank isn't allowed either: what was chosen stays
                widget.clear()
    else:
        widget.value = value


def _same(value: Any) -> Any:  # Any: handed through
    return value
