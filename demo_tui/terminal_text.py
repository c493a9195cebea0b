"""Terminal text: what stands in a database reaches a terminal as text, never as an order to it.

    a name --one_line, options--> text without markup --> Select, OptionList
    any widget --> strip --ControlFilter--> terminal         the last door, for fields where one types too

Controls are shown by a dot where we write the text, and left out at the last door: they have no width there, so nothing
else moves. What turns the direction of writing is one of them. Costs a search by one regular expression a line drawn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeVar

from rich.segment import Segment
from rich.text import Text
from textual.color import Color
from textual.filter import LineFilter

__all__ = ["ControlFilter", "one_line", "options"]

T = TypeVar("T")

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def one_line(text: str) -> str:
    """Return a name on one line, a dot for each control character."""
    return CONTROL.sub("·", text)


def options(choices: Sequence[tuple[str, T]]) -> list[tuple[Text, T]]:
    """Return names with their values as what a Select offers: no markup, and typing finds them."""
    return [(Text(one_line(name)), value) for name, value in choices]


class ControlFilter(LineFilter):
    """Leaves out of every line what a terminal would obey."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments of a line; those of Textual's own that control the terminal stay."""
        if not any(CONTROL.search(segment.text) for segment in segments):
            return segments
        return [
            segment if segment.control else Segment(CONTROL.sub("", segment.text), segment.style)
            for segment in segments
        ]
