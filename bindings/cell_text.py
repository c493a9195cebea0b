"""Cell text: what one value looks like on one line of a terminal.

    None -> null      b"\\x89PNG" -> 0x89504e47      "two\\nlines" -> two↵lines      3.0 -> 3.0      True -> true

Nothing that comes out can move the cursor of a terminal, switch its colours, turn the direction of writing or break
the line: control characters are shown by their pictures. Widths are in cells: a wide character takes two, a combining
one none.
Costs: O(cells shown), never O(length of the value).
"""

from __future__ import annotations

from typing import Literal

from rich.cells import cell_len, set_cell_size

__all__ = ["Kind", "cell_text", "cut", "fit", "is_number"]

Kind = Literal["text", "number", "null", "bytes"]

NULL_TEXT = "null"
BYTES_MAX = 8
CHARS_MAX = 2000  # of a text, however wide the terminal

_PICTURES: dict[int, str] = {code: chr(0x2400 + code) for code in range(0x20)}
_PICTURES |= {0x7F: "␡", 0x09: "⇥", 0x0A: "↵", 0x2028: "↵", 0x2029: "↵", 0x00AD: "", 0x200B: "", 0xFEFF: ""}
_PICTURES |= dict.fromkeys((*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "�")
_PICTURES |= dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0xD800, 0xE000)), "�")


def is_number(value: object) -> bool:
    """Whether a column of such values stands on the right."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def cell_text(value: object) -> tuple[str, Kind]:
    """Return one line of text for `value`, at most some thousand characters, and what it is."""
    if value is None:
        return NULL_TEXT, "null"
    if isinstance(value, str):
        return _one_line(value), "text"
    if isinstance(value, bool):
        return ("true" if value else "false"), "text"
    if isinstance(value, int):
        return str(value), "number"
    if isinstance(value, float):
        return _decimal(value), "number"
    if isinstance(value, bytes | bytearray | memoryview):
        return _hex(bytes(value[: BYTES_MAX + 1]), len(value)), "bytes"
    return _one_line(str(value)), "text"


def _one_line(text: str) -> str:
    """Return the start of `text` without anything that a terminal would obey."""
    if len(text) > CHARS_MAX:
        text = text[:CHARS_MAX] + "…"
    if text.isprintable():
        return text
    return text.replace("\r\n", "\n").translate(_PICTURES)


def _decimal(value: float) -> str:
    """Return at most four decimals, at least one; powers of ten only for what is very large or very small."""
    size = abs(value)
    if value and not 1e-4 <= size < 1e15:
        return f"{value:.6g}"
    whole, dot, rest = f"{value:.4f}".partition(".")
    return f"{whole}{dot}{rest.rstrip('0') or '0'}"


def _hex(start: bytes, length: int) -> str:
    """Return the first bytes, and how many there are when not all are shown."""
    if length <= BYTES_MAX:
        return f"0x{start.hex()}"
    return f"0x{start[: BYTES_MAX // 2].hex()}… {_size(length)}"


def _size(length: int) -> str:
    """Return a number of bytes for people."""
    if length < 1000:
        return f"{length} B"
    return f"{length / 1000:.1f} kB" if length < 1_000_000 else f"{length / 1_000_000:.1f} MB"


def cut(text: str, width: int) -> str:
    """Return `text`, ended by an ellipsis if it needs more than `width` cells."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` cut or padded to exactly `width` cells."""
    text = cut(text, width)
    space = " " * (width - cell_len(text))
    return space + text if right else text + space
