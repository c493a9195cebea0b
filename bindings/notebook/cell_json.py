"""Cell JSON: what one value of a row is on its way to a page.

    None, True, "text", 7, 2.5      as they are
    3.0 -> {"k": "number", "t": "3.0"}              JSON has one kind of number: what it would lose goes as text
    2**60 -> {"k": "number", "t": "1152921504606846976"}
    b"\\x89PNG" -> {"k": "bytes", "t": "0x89504e47"}     date -> {"k": "date", "t": "2026-11-21"}
    {"a": 1} -> {"k": "json", "t": '{"a":1}'}           a long text -> {"k": "text", "t": its begin, "cut": 120000}

Nothing in a cell is markup: pages set it as text.
Costs: O(what is shown) a cell, never O(length of the value) but for dicts and lists.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias

__all__ = ["Json", "cell_json", "cell_text", "kind_of"]

Json: TypeAlias = Any  # Any: what JSON can say

CHARS_MAX = 1000
BYTES_MAX = 16
SAFE_MAX = 2**53 - 1  # whole numbers up to here are exact in a page


def cell_json(value: object) -> Json:
    """Return `value` as a page gets it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return cell_json(value.value)
    if isinstance(value, str):
        return str(value) if len(value) <= CHARS_MAX else _tagged("text", value[:CHARS_MAX]) | {"cut": len(value)}
    if isinstance(value, int):
        return int(value) if -SAFE_MAX <= value <= SAFE_MAX else _tagged("number", str(int(value)))
    if isinstance(value, float):
        whole = not math.isfinite(value) or value.is_integer()
        return _tagged("number", repr(float(value))) if whole else float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        more = "…" if len(value) > BYTES_MAX else ""
        return _tagged("bytes", f"0x{bytes(value[:BYTES_MAX]).hex()}{more}") | {"size": len(value)}
    if isinstance(value, dict | list):
        return _tagged("json", json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)[:CHARS_MAX])
    return _tagged(_kind(value), str(value)[:CHARS_MAX])


def cell_text(value: object) -> str:
    """Return `value` as a page writes it."""
    cell = cell_json(value)
    if cell is None or isinstance(cell, bool):
        return "null" if cell is None else str(cell).lower()
    return f"{cell['t']}{'…' if 'cut' in cell else ''}" if isinstance(cell, dict) else str(cell)


def kind_of(values: Iterable[object]) -> str:
    """Return what a column of these values holds: number, bool, text, date, bytes, json; `null` where there is none."""
    kinds = {_kind(value) for value in values if value is not None}
    return kinds.pop() if len(kinds) == 1 else "text" if kinds else "null"


def _kind(value: object) -> str:
    if isinstance(value, Enum):
        return _kind(value.value)
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, dt.date | dt.time):  # a datetime is a date
        return "date"
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes"
    return "json" if isinstance(value, dict | list) else "text"


def _tagged(kind: str, text: str) -> dict[str, Any]:
    return {"k": kind, "t": text}
