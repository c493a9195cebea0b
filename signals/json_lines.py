"""JSON lines: patches as text for pipes and files, one a line.

    {"kind":"reset","columns":["id","name"],"rows":[[1,"Ada"],[2,null]],"commit":0,"left":0}
    {"kind":"insert","index":2,"row":[3,"Zoë"],"commit":1,"left":1}
    {"kind":"update","index":0,"row":[1,"Ada L"],"columns":["name"],"commit":1,"left":0}
    {"kind":"move","index":2,"to":0,"commit":2,"left":0}
    {"kind":"remove","index":1,"commit":3,"left":0}
    {"kind":"status","status":"failed","error":"no such table: person","commit":4,"left":0}

The first line is a reset. Lines are applied in order; each index is valid in the list that those before left behind.
`left` counts the lines of the same commit that are still to come: at 0 the list is what the commit made it. A blob is
`{"$base64":true,"encoded":"AP8="}`, as sqlite-utils writes it; an infinity is 9e999, which readers take for one; what
JSON has no word for (a date, a Decimal) is its text.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Iterable, Sequence

from .patch import Insert, Move, Patch, Remove, Reset, Update

__all__ = ["patch_lines", "status_line"]


def patch_lines(patches: Sequence[Patch], columns: Sequence[str], commit: int, at: str | None = None) -> str:
    """Return a line for each patch of one commit, with its end and, if it is given, the time `at` which it came."""
    count = len(patches)
    time = "" if at is None else f',"at":{_value(at)}'
    lines = []
    for nth, patch in enumerate(patches, 1):
        lines.append(f"{{{_patch(patch, columns)},{_end(commit, count - nth)}{time}}}\n")
    return "".join(lines)


def status_line(status: str, error: Exception | None, commit: int) -> str:
    """Return the line of a status."""
    why = "" if error is None else f',"error":{_value(str(error))}'
    return f'{{"kind":"status","status":{_value(status)}{why},{_end(commit, 0)}}}\n'


def _end(commit: int, left: int) -> str:
    return f'"commit":{commit},"left":{left}'


def _patch(patch: Patch, columns: Sequence[str]) -> str:
    match patch:
        case Reset(rows):
            return f'"kind":"reset","columns":{_row(columns)},"rows":[{",".join(map(_row, rows))}]'
        case Insert(index, row):
            return f'"kind":"insert","index":{index},"row":{_row(row)}'
        case Update(index, row, changed):
            return f'"kind":"update","index":{index},"row":{_row(row)},"columns":{_row(changed)}'
        case Move(index, to):
            return f'"kind":"move","index":{index},"to":{to}'
        case Remove(index):
            return f'"kind":"remove","index":{index}'


def _row(values: Iterable[object]) -> str:
    return f"[{','.join(map(_value, values))}]"


def _value(value: object) -> str:
    match value:
        case bytes():
            return f'{{"$base64":true,"encoded":"{b64encode(value).decode("ascii")}"}}'
        case float() if math.isinf(value):
            return "9e999" if value > 0 else "-9e999"
    return json.dumps(value, ensure_ascii=False, default=str)
