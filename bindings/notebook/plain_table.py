"""Plain tables: a view as HTML or text, as it is now, for where nothing can be live.

    priority  title                        <table> of the first rows, values as text: nothing in them is markup
    --------  ----------
           3  Slow start
    2 rows

Costs: O(rows shown), at most `ROWS_MAX`.
"""

from __future__ import annotations

from html import escape
from typing import Any

from .cell_json import cell_text, kind_of

__all__ = ["html_table", "html_value", "text_table", "with_plain"]

ROWS_MAX = 50
CHARS_MAX = 60
STYLE = "border-collapse: collapse; font: 13px/1.7 system-ui, sans-serif"
CELL = "padding: 0 1ch; border-bottom: 1px solid #8884"


def html_table(view: Any) -> str:  # Any: a view
    """Return the first rows of `view` as a table of HTML."""
    names, rows, kinds, note = _taken(view)
    aligned = [f"{CELL}; text-align: {'right' if kind == 'number' else 'left'}" for kind in kinds]
    head = "".join(f'<th style="{how}">{escape(name)}</th>' for how, name in zip(aligned, names, strict=True))
    lines = [
        "<tr>" + "".join(f'<td style="{how}">{escape(text)}</td>' for how, text in zip(aligned, row, strict=True))
        for row in rows
    ]
    body = "</tr>\n".join([f"<tr>{head}", *lines])
    return f'<table style="{STYLE}">\n{body}</tr>\n</table>\n<div>{escape(note)}</div>'


def text_table(view: Any) -> str:  # Any: a view
    """Return the first rows of `view` as lines of text."""
    names, rows, kinds, note = _taken(view)
    widths = [max(len(row[at]) for row in [names, *rows]) for at in range(len(names))]

    def line(cells: list[str]) -> str:
        placed = [
            cell.rjust(width) if kind == "number" else cell.ljust(width)
            for cell, width, kind in zip(cells, widths, kinds, strict=True)
        ]
        return "  ".join(placed).rstrip()

    ruler = "  ".join("-" * width for width in widths)
    return "\n".join([line(names), ruler, *map(line, rows), note])


def html_value(readable: Any) -> str:  # Any: a signal or a computed
    """Return the value of `readable` as HTML."""
    return f"<code>{escape(repr(readable.peek()))}</code>"


def with_plain(bundle: Any, text: str, html: str) -> dict[str, Any]:  # Any: what ipywidgets gives; JSON
    """Return the contents of a widget, with text and HTML for where it can't run. A closed widget has no others."""
    data = bundle[0] if isinstance(bundle, tuple) else bundle or {}
    return {**data, "text/plain": text, "text/html": html}


def _taken(view: Any) -> tuple[list[str], list[list[str]], list[str], str]:
    """Return names, the texts of the first rows, the kind of each column, and how many rows there are."""
    names, rows = list(view.columns), view.peek()
    shown, total = rows[:ROWS_MAX], max(len(rows), getattr(view, "total", 0))
    kinds = [kind_of(row[at] for row in shown) for at in range(len(names))]
    texts = [[_text(value) for value in row] for row in shown]
    note = f"{total:,} row{'' if total == 1 else 's'}"
    if len(shown) < total:
        note += f", the first {len(shown)} shown"
    if view.status != "live":
        note += f", {view.status}" + (f": {view.error}" if view.error is not None else "")
    return names, texts, kinds, note


def _text(value: object) -> str:
    text = " ".join(cell_text(value).splitlines())
    return text if len(text) <= CHARS_MAX else text[: CHARS_MAX - 1] + "…"
