"""`bind_input`: the value of a box and a signal, each following the other.

    bind_input("#search", search)                        <input>, <textarea>: a str signal
    bind_input("#only-open", only_open)                  a checkbox: a bool signal
    bind_input("#state", issue, Issue.state)             a cell of a row: typed text is written to the database
    bind_input("#priority", priority, parse=int)         what the box has, made into what the signal has

    user types "abc"    page --(edit 1: "a") (2: "ab") (3: "abc")--> signal
    signal says "ABC"   page <--(edits heard: 3, "ABC")--            shown, unless a further edit is on its way already

What is typed never jumps back: a value that answers an edit is shown only while it answers the last one. Nothing is
shown while an input method composes a character; the cursor stays where it is in what is the same before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar, overload

from eddyline import Cell, Column, Existing, Model, WatchedRow

from ...signals import Signal, effect
from ...signals.closing import Closing
from ...signals.scope import root
from .life import belong
from .page import Element, Page, Target, current_page
from .values import plain

__all__ = ["Input", "bind_input"]

T = TypeVar("T")
Row: TypeAlias = Model | Existing | WatchedRow[Any]  # Any: of any model


class Input(Closing):
    """A box and a signal. Close it, or let its Scope do so."""

    def __init__(
        self,
        element: Element,
        signal: Signal[Any] | Cell[Any],  # Any: both ends are the caller's
        parse: Callable[[Any], Any],
        format: Callable[[Any], Any],
    ) -> None:
        self._element, self._signal, self._parse, self._format = element, signal, parse, format
        self._page: Page = element.page
        self._number = self._page.number()
        self._edits = 0  # so many of the page's edits are heard
        self._page.listen(self._number, self._hear)
        self._page.op("input", self._number, element.number)
        self._effect = root.run(lambda: effect(self._show, schedule=self._page.each_frame))
        belong(self)

    def close(self) -> None:
        """Follow no more; the box keeps what it has."""
        self._effect.close()
        self._page.unlisten(self._number)
        self._element.drop()

    def _hear(self, edits: int, value: Any) -> None:  # Any: what the box has
        """Take what the user did. What `parse` refuses stays in the box alone."""
        self._edits = edits
        try:
            parsed = self._parse(value)
        except ValueError:
            return
        self._signal.set(parsed)
        self._page.each_frame(self._show)  # also where the signal holds what it held: the box may say something else

    def _show(self) -> None:
        value = self._signal.get()
        self._page.op("show", self._number, self._edits, plain(self._format(value)))


@overload
def bind_input(
    target: Target,
    signal: Signal[T] | Cell[T],
    *,
    parse: Callable[[Any], T] | None = None,
    format: Callable[[T], Any] | None = None,
) -> Input: ...
@overload
def bind_input(
    target: Target,
    row: Row,
    column: Column[T],
    /,
    *,
    parse: Callable[[Any], T] | None = None,
    format: Callable[[T], Any] | None = None,
) -> Input: ...
def bind_input(
    target: Target,
    signal: Any,
    column: Column[Any] | None = None,
    *,
    parse: Callable[[Any], Any] | None = None,  # Any: the types of the box's value and of the signal's
    format: Callable[[Any], Any] | None = None,
) -> Input:
    """Keep the value of an input, textarea, checkbox or select and `signal` the same; return what ends it.

    Instead of a signal a row of a model, or what `row.watch()` gave, and one of its columns. `parse` makes the signal's
    value of the box's; when it raises `ValueError` the signal keeps what it has.
    Raises `PageError` where nothing matches `target`.
    """
    if column is not None:
        signal = _cell(signal, column)
    element = current_page().find(target)
    if isinstance(signal, Cell):
        return Input(element, signal, parse or partial(_read, signal), format or partial(_shown, signal))
    if not isinstance(signal, Signal):
        raise TypeError(f"bind_input takes a signal, or a row of a model and a column, not {type(signal).__name__}")
    return Input(element, signal, parse or _same, format or _same)


def _cell(row: Any, column: Column[Any]) -> Cell[Any]:  # Any: a row, or a watched one
    """Return the cell of `row`, which is watched as long as the current Scope is there."""
    if isinstance(row, WatchedRow):
        return row.cell(column)
    if not isinstance(row, Model | Existing):
        raise TypeError(f"bind_input takes a signal, or a row of a model and a column, not {type(row).__name__}")
    watched: WatchedRow[Any] = row.watch()
    return watched.cell(column)


def _read(cell: Cell[Any], value: Any) -> Any:  # Any: what the box has
    return cell.from_text(value) if isinstance(value, str) else cell.check(value)


def _shown(cell: Cell[Any], value: Any) -> Any:  # Any: see above
    return value if isinstance(value, bool) else cell.as_text(value)


def _same(value: Any) -> Any:  # Any: handed through
    return value
