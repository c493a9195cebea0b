"""`RowPainter`: one line of a table as segments of text and style.

    row + column layout + looks  ->  Strip of the whole line, also what is scrolled out on either side

A painted line is kept while its row, its style and the widths are the same, so a table that moves by one line paints
one line.
Costs: a kept line O(1); a new one some microseconds a column.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.strip import Strip

from .cell_text import fit
from .live_column import PADDING, ColumnLayout

__all__ = ["Looks", "RowPainter"]

LINES_KEPT = 512

NO_COLUMNS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Looks:
    """The styles of one line. `base` covers it; the others lie over it."""

    base: Style
    null: Style
    bytes: Style
    error: Style
    flash: Style
    coloured: bool = True  # whether columns may colour their cells


class RowPainter:
    """Paints rows, and remembers what it has painted."""

    def __init__(self, resolve: Callable[[str, Style], Style]) -> None:
        self.wider = False  # a column was seen to want more than it ever did
        self._resolve = resolve  # the name of a style and what lies below -> the style
        self._lines: LRUCache[tuple[Hashable, Looks, frozenset[str] | None], tuple[Any, int, Strip]] = LRUCache(
            LINES_KEPT
        )  # Any: a row

    def forget(self) -> None:
        """Drop what was painted: styles or columns have changed their meaning."""
        self._lines.clear()

    def header(
        self, layout: ColumnLayout, base: Style, hover: Style, hovered: int | None, markers: dict[str, str]
    ) -> Strip:
        """Return the line of titles."""
        segments = []
        for index, column in enumerate(layout.columns):
            title = column.title(markers.get(column.spec.name, ""))
            segments.append(Segment(_padded(title), hover if index == hovered else base))
        return Strip(segments)

    def row(
        self, layout: ColumnLayout, key: Hashable, row: Any, looks: Looks, flashing: frozenset[str] | None
    ) -> Strip:
        """Return the line of `row`; `flashing` names the columns that flash, None is all of them."""
        known = self._lines.get((key, looks, flashing))
        if known is not None and known[0] is row and known[1] == layout.version:
            return known[2]
        strip = self._paint(layout, row, looks, flashing)
        self._lines[key, looks, flashing] = (row, layout.version, strip)
        return strip

    def _paint(self, layout: ColumnLayout, row: Any, looks: Looks, flashing: frozenset[str] | None) -> Strip:
        """Return the line; neighbours of one style become one segment, if their width can't be in doubt."""
        segments: list[Segment] = []
        text, before = "", looks.base
        for column in layout.columns:
            content, kind, value = column.cell(row)
            self.wider |= column.note(content, kind, value)
            style = looks.base
            if flashing is None or column.spec.name in flashing:
                style = style + looks.flash
            if kind == "null":
                style = style + looks.null
            elif kind == "bytes":
                style = style + looks.bytes
            elif kind == "error":
                style = style + looks.error
            if column.spec.style is not None and looks.coloured:
                style = self._own_style(column.spec.style, value, style)
            cell = _padded(fit(content, column.width, right=column.right))
            if text and not (style == before and cell.isascii() and text.isascii()):
                segments.append(Segment(text, before))
                text = ""
            before = style
            text += cell
        if text:
            segments.append(Segment(text, before))
        return Strip(segments, layout.width)

    def _own_style(self, style_of: Callable[[Any], str | None], value: object, below: Style) -> Style:
        """Return the style the user has chosen for a value; a choice that fails is none."""
        try:
            name = style_of(value)
            return self._resolve(name, below) if name else below
        except Exception:  # a table must not take the app down for one cell
            return below


def _padded(text: str) -> str:
    """Return a cell with the space around it."""
    return f"{' ' * PADDING}{text}{' ' * PADDING}"
