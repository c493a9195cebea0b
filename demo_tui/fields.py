"""Fields that show another value often: that costs the drawing of a line, no layout of the whole screen.

Textual has the screen laid out anew (some 15 ms) when the text of an Input gets longer or a Select another choice. The
fields here stand in a room of their own, one line high, whatever stands in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from textual.geometry import Size
from textual.reactive import Reactive, reactive
from textual.widgets import Input, Select, Static, TextArea

__all__ = ["Body", "Choice", "Field"]

T = TypeVar("T")


class Field(Input):
    """An Input of a given width."""

    virtual_size: Reactive[Size] = reactive(Size(0, 0), layout=False)

    def __init__(self, placeholder: str, *, id: str) -> None:
        super().__init__(placeholder=placeholder, compact=True, select_on_focus=False, id=id)


class Body(TextArea):
    """A TextArea of a given height."""

    virtual_size: Reactive[Size] = reactive(Size(0, 0), layout=False)

    def __init__(self, placeholder: str, *, id: str) -> None:
        super().__init__(placeholder=placeholder, compact=True, id=id)

    def watch_virtual_size(self, size: Size) -> None:
        """Have the bar at the side come and go."""
        self._scroll_update(size)


class Choice(Select[T]):
    """A Select of a given width, one line high."""

    def __init__(self, options: Sequence[tuple[str, T]], *, id: str, blank: str | None = None) -> None:
        super().__init__(options, prompt=blank or "", allow_blank=blank is not None, compact=True, id=id)

    def on_mount(self) -> None:
        label = self.query_one("#label", Static)
        label.update = partial(label.update, layout=False)  # type: ignore[method-assign]  # on this object only
