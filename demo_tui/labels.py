"""Labels that are written often: the screen is laid out anew only where a text needs another width."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.widgets import Label

__all__ = ["write_to"]


def write_to(label: Label) -> Callable[[str | Content], None]:
    """Return a function that shows a text, as it is: no markup."""
    width = -1

    def write(text: str | Content) -> None:
        nonlocal width
        content = Content(text) if isinstance(text, str) else text
        label.update(content, layout=content.cell_length != width)
        width = content.cell_length

    return write
