"""Plain text for a transcript: rows as a table, patches as lines; nothing in it that a terminal would obey."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline import Insert, Move, Patch, Remove, Reset, Update

__all__ = ["clean", "patch_lines", "table_lines"]

WIDTH_MAX = 34
LINE_MAX = 100
ROWS_MAX = 6
PATCHES_MAX = 6


def clean(value: object) -> str:
    """Return `value` on one line, at most `WIDTH_MAX` characters, every character printable."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    text = "".join(character if character.isprintable() else "." for character in text)
    return text if len(text) <= WIDTH_MAX else text[: WIDTH_MAX - 3] + "..."


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the first rows under their columns."""
    cells = [[clean(value) for value in row] for row in rows[:ROWS_MAX]]
    head = [clean(column) for column in columns]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    right = [all(isinstance(row[at], int | float) for row in rows[:ROWS_MAX]) and bool(rows) for at in range(len(head))]

    def line(texts: Sequence[str]) -> str:
        parts = [t.rjust(w) if r else t.ljust(w) for t, w, r in zip(texts, widths, right, strict=True)]
        parts[shown:] = ["..."] if shown < len(parts) else []
        return "  ".join(parts).rstrip()

    shown = 0  # as many columns as fit, at least one
    while shown < len(head) and (not shown or sum(widths[: shown + 1]) + 2 * shown <= LINE_MAX):
        shown += 1
    lines = [line(head), line(["-" * width for width in widths]), *map(line, cells)]
    if len(rows) > ROWS_MAX:
        lines.append(f"... {len(rows) - ROWS_MAX:,} more")
    return lines


def patch_lines(patches: Sequence[Patch]) -> list[str]:
    """Return a line for each of the first patches."""
    lines = [_patch(patch) for patch in patches[:PATCHES_MAX]]
    if len(patches) > PATCHES_MAX:
        lines.append(f"... {len(patches) - PATCHES_MAX:,} more")
    return lines


def _patch(patch: Patch) -> str:
    match patch:
        case Reset(rows):
            return f"reset   {len(rows):,} rows"
        case Insert(index, row):
            return f"insert  at {index}: {_row(row)}"
        case Remove(index):
            return f"remove  {index}"
        case Update(index, row, columns):
            return f"update  {index}: {', '.join(map(clean, columns))} of {_row(row)}"
        case Move(index, to):
            return f"move    {index} to {to}"


def _row(row: Sequence[object]) -> str:
    shown = ", ".join(clean(value) for value in row[:5])
    return f"({shown}{', ...' if len(row) > 5 else ''})"
