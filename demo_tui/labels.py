"""Labels that are written often: the screen is laid out anew only where a text needs another width; muted text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual.content import Content
from textual.widgets import Label

__all__ = ["MUTED", "write_to"]

MUTED: Final = "$foreground 60%"
"""A style for parts of a `Content`, where Textual loses the percentage of `$text-muted`."""


def write_to(label: Label) -> Callable[[str | Content], None]:
    """Return a function that shows a text, as it is: no markup."""
    width = -1

    def write(text: str | Content) -> None:
        nonlocal width
        content = Content(text) if isinstance(text, str) else text
        label.update(content, layout=content.cell_length != width)
        width = content.cell_length

    return write
