"""Sparklines: a list of numbers in a cell as the few points that a small line of them is drawn by.

    "[3, 9, 1, ...]" (5,000 numbers)  ->  {"k": "line", "points": [[0, 3], [1, 9], ...], "t": "5,000 numbers, ..."}

Of each column of the picture the first, the last, the least and the greatest number (M4, as in `bins.py`), so a list of
any length keeps its extremes and its ends. What isn't a list of two numbers or more stays as it is. Costs: O(numbers).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from .cell_json import Json, cell_json
from .points import number

__all__ = ["line_json"]

COLUMNS = 58  # of two pixels each


def line_json(value: object) -> Json:
    """Return what a page draws of a list of numbers: of a list, of JSON, or of a text with commas."""
    found = _numbers(value)
    if found is None:
        return cell_json(value)
    points = [[at, found[at]] for at in kept(found)]
    said = f"{len(found):,} numbers from {min(found):g} to {max(found):g}, the last {found[-1]:g}"
    return {"k": "line", "t": said, "points": points, "n": len(found)}


def kept(numbers: Sequence[float]) -> list[int]:
    """Return the places of the numbers that are drawn."""
    wide = -(-len(numbers) // COLUMNS)
    if wide <= 4:
        return list(range(len(numbers)))
    found: set[int] = set()
    for begin in range(0, len(numbers), wide):
        column = range(begin, min(begin + wide, len(numbers)))
        found |= {column[0], column[-1], min(column, key=numbers.__getitem__), max(column, key=numbers.__getitem__)}
    return sorted(found)


def _numbers(value: object) -> list[float] | None:
    """Return the numbers, or None if there aren't two of them and nothing else."""
    if isinstance(value, str):
        try:
            value = json.loads(value if value.lstrip().startswith("[") else f"[{value}]")
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, list) or len(value) < 2:
        return None
    found = [number(one) for one in value]
    return found if all(one == one for one in found) else None
