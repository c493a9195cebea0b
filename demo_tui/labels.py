"""Labels that are written often: the screen is laid out anew only where a text needs another width; muted text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Label, Static

__all__ = ["MUTED", "write_lines_to", "write_to"]

MUTED: Final = "$muted"
"""The style of less important words; the app has the colour (contrast.py)."""


def write_to(label: Label) -> Callable[[str | Content], None]:
    """Return a function that shows a text, as it is: no markup."""
    width = -1

    def write(text: str | Content) -> None:
        nonlocal width
        content = Content(text) if isinstance(text, str) else text
        label.update(content, layout=content.cell_length != width)
        width = content.cell_length

    return write


def write_lines_to(static: Static) -> Callable[[Content], None]:
    """Return a function that shows lines of text in a scrolled Static that is at least as high as there is room.

    What is shown already isn't drawn again; only lines that don't fit have the screen laid out anew.
    """
    shown: Content | None = None

    def write(content: Content) -> None:
        nonlocal shown
        if shown is None or content.plain != shown.plain:
            shown, (width, height) = content, static.size
            room = static.parent.size.height if isinstance(static.parent, Widget) else 0
            fits = width > 0 and content.get_height({}, width) <= height <= room
            static.update(content, layout=not fits)

    return write
