"""`LiveColumn`: how one column of a `LiveTable` is read, written and placed; `ColumnLayout`: where the columns stand.

    LiveColumn("state", style=lambda state: "$success" if state == "open" else "$text-muted")
    LiveColumn("ms", label="time", format=lambda ms: f"{ms // 60000}:{ms // 1000 % 60:02}", align="right")
    LiveColumn("load", value=lambda row: row.used / row.size, format="{:.0%}".format)

    | id |title        |      when |        each column: one cell of space, its width, one cell of space
     ^starts[0]  ^starts[1]

What a column wants is measured and only ever grows while a view is shown, so nothing jitters. A column wider than
`max_width` is cut, unless the table has room to spare. Costs: a cell O(its width); a layout O(columns).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.cells import cell_len

from .cell_text import Kind, cell_text, cut, fit, is_number

__all__ = ["Align", "ColumnLayout", "LiveColumn", "PlacedColumn", "place_columns"]

Align = Literal["left", "right"]
Row = Any  # whatever the view's rows are: tuples, mappings, instances of a model

PADDING = 1
MAX_WIDTH = 40
MIN_WIDTH = 1


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """One column: `name` is that of the view's column, or any name if `value` computes the cell from the row.

    `format` turns the value into text; None values don't get there. `style` names a style by it: `"$error bold"`.
    `width` fixes the width in cells; otherwise it is measured, up to `max_width` and beyond if there is room.
    """

    name: str
    label: str | None = None
    width: int | None = None
    align: Align | None = None
    format: Callable[[Any], str] | None = None  # Any: the value of a cell, whatever its type
    value: Callable[[Any], object] | None = None  # Any: a row
    style: Callable[[Any], str | None] | None = None  # Any: the value of a cell
    max_width: int = MAX_WIDTH

    def __post_init__(self) -> None:
        if (self.width is not None and self.width < MIN_WIDTH) or self.max_width < MIN_WIDTH:
            raise ValueError(f"column {self.name!r} needs a width of at least {MIN_WIDTH} cell")


class PlacedColumn:
    """A column as it stands in a table: its width now, and how it reads a row."""

    __slots__ = ("align", "label", "natural", "read", "spec", "width")

    def __init__(self, spec: LiveColumn, read: Callable[[Row], object]) -> None:
        self.spec = spec
        self.read = spec.value or read
        self.label = cell_text(spec.name if spec.label is None else spec.label)[0]
        self.align: Align | None = spec.align
        self.natural = cell_len(self.label)
        self.width = self.wished

    @property
    def right(self) -> bool:
        """Whether it stands on the right."""
        return self.align == "right"

    def cell(self, row: Row) -> tuple[str, Kind | Literal["error"], object]:
        """Return text, kind and value of the cell. What the user's functions raise is shown in place."""
        try:
            value = self.read(row)
            if self.spec.format is None or value is None:
                return (*cell_text(value), value)
            return cell_text(str(self.spec.format(value)))[0], "text", value
        except Exception as error:  # a table must not take the app down for one cell
            return f"!{type(error).__name__}", "error", None

    def measure(self, row: Row) -> bool:
        """Note how much room the cell of `row` wants; return whether that is more than any before."""
        return self.note(*self.cell(row))

    def note(self, text: str, kind: Kind | Literal["error"], value: object) -> bool:
        """Like `measure`, for a cell that was read already."""
        if self.align is None and kind not in ("null", "error"):
            self.align = "right" if is_number(value) else "left"
        return self.want(cell_len(text))

    def want(self, cells: int) -> bool:
        """Note a wish for room; return whether it is more than any before."""
        if cells <= self.natural:
            return False
        self.natural = cells
        return self.spec.width is None

    @property
    def wished(self) -> int:
        """The width it gets before what is left is handed out."""
        return min(self.natural, self.spec.max_width) if self.spec.width is None else self.spec.width

    def title(self, marker: str) -> str:
        """Return the text of the header, with `marker` beside it."""
        if not marker:
            return fit(self.label, self.width, right=self.right)
        label = cut(self.label, max(self.width - cell_len(marker) - 1, 0))
        return fit(f"{label} {marker}" if label else marker, self.width, right=self.right)


class ColumnLayout:
    """The columns of a table beside each other."""

    __slots__ = ("columns", "starts", "version", "width")

    def __init__(self, columns: Sequence[PlacedColumn]) -> None:
        self.columns = tuple(columns)
        self.version = 0  # goes up with each change of a width
        self.starts: list[int] = []
        self.width = 0
        self.place(room=0)

    def measure(self, rows: Sequence[Row]) -> bool:
        """Note what `rows` want; return whether any column wants more than before."""
        wider = False
        for row in rows:
            for column in self.columns:
                wider |= column.measure(row)
        return wider

    def place(self, *, room: int) -> bool:
        """Place the columns in `room` cells; return whether a width has changed.

        Each gets what it wants up to its limit; what is left goes to those that are still cut, the first one first.
        """
        widths = [column.wished for column in self.columns]
        spare = room - sum(widths) - 2 * PADDING * len(widths)
        for index, column in enumerate(self.columns):
            if spare > 0 and column.spec.width is None:
                more = min(spare, column.natural - widths[index])
                widths[index] += more
                spare -= more
        if self.starts and widths == [column.width for column in self.columns]:
            return False
        self.version += 1
        self.starts.clear()
        self.width = 0
        for column, width in zip(self.columns, widths, strict=True):
            column.width = width
            self.starts.append(self.width)
            self.width += width + 2 * PADDING
        return True

    def at(self, x: int) -> int | None:
        """Return the index of the column at cell `x` of the whole line."""
        return bisect_right(self.starts, x) - 1 if 0 <= x < self.width else None


def place_columns(specs: Sequence[str | LiveColumn] | None, names: Sequence[str], first: Row | None) -> ColumnLayout:
    """Return the layout for `specs` (None: all columns) of a view whose columns are `names`.

    A view without names (a list of something) takes them from its `first` row.
    """
    if not names and first is not None:
        names = _names_of(first)
    chosen = [LiveColumn(spec) if isinstance(spec, str) else spec for spec in (names if specs is None else specs)]
    position = {name: index for index, name in reversed(list(enumerate(names)))}
    placed = [PlacedColumn(spec, _reader(spec.name, position.get(spec.name))) for spec in chosen]
    if specs is None:  # two columns of one name are two columns
        for index, column in enumerate(placed):
            column.read = _reader(names[index], index)
    return ColumnLayout(placed)


def _names_of(row: Row) -> list[str]:
    """Return the names of the cells of a row."""
    if isinstance(row, Mapping):
        return [str(name) for name in row]
    if isinstance(row, tuple):
        return [str(name) for name in getattr(row, "_fields", range(1, len(row) + 1))]
    return list(getattr(row, "__dataclass_fields__", ())) or ["value"]


def _reader(name: str, position: int | None) -> Callable[[Row], object]:
    """Return what reads the column from a row."""

    def read(row: Row) -> object:
        if position is not None and isinstance(row, tuple):
            return row[position]
        if isinstance(row, Mapping):
            return row[name]
        return getattr(row, name, row) if position is not None else getattr(row, name)

    return read
