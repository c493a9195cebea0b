"""Where somebody else stands in a text: what text fields and editors show, in a terminal and in a page."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RemoteCursor"]


@dataclass(frozen=True, slots=True)
class RemoteCursor:
    """Where somebody else stands in a text, as the `cursor` of a text field says it.

    `color` is any that Textual, or the page, knows. `anchor` is the other end of what is selected there, None without a
    selection.
    """

    name: str
    color: str
    at: bytes
    anchor: bytes | None = None
