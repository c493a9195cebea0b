"""`watch`: print what a view shows and how it changes, for a look from a shell or a script.

issues: 2 rows
  0  id=1  title='Slow'
  1  id=2  title='Typo'
+ 2  id=3  title='Crash'                a row came in
~ 0  title: 'Slow' -> 'Slow start'      a row changed
> 2 -> 0                                a row moved
- 1  id=1  title='Slow start'           a row went
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TextIO

from eddyline import View

from ..signals import Insert, Move, Patch, Remove, Reset, Update, apply_patches, current_scope
from ..signals.scope import root

__all__ = ["watch"]

ROWS_MAX = 20


def watch(view: View[Any], out: TextIO | None = None) -> Callable[[], object]:
    """Print the rows of `view` to `out` (the standard output), then each patch; return what ends that.

    The Scope that is current ends it, too.
    """
    rows: list[Any] = []
    keys: list[Hashable] = []

    def tell(patches: list[Patch]) -> None:
        stream = out or sys.stdout
        for patch in patches:
            print(_line(patch, rows, view.columns), file=stream)
            apply_patches([patch], rows, keys)
        stream.flush()

    stop = view.subscribe(tell)
    scope = current_scope()
    if scope is not root:
        scope.add(stop)
    return stop


def _line(patch: Patch, before: Sequence[Any], columns: Sequence[str]) -> str:
    match patch:
        case Reset(rows):
            lines = [f"  {at}  {_row(row, columns)}" for at, row in enumerate(rows[:ROWS_MAX])]
            more = [f"  … {len(rows) - ROWS_MAX:,} more"] if len(rows) > ROWS_MAX else []
            return "\n".join([f"{len(rows):,} row{'' if len(rows) == 1 else 's'}", *lines, *more])
        case Insert(index, row):
            return f"+ {index}  {_row(row, columns)}"
        case Remove(index):
            return f"- {index}  {_row(before[index], columns)}"
        case Move(index, to):
            return f"> {index} -> {to}"
        case Update(index, row, changed):
            old = before[index]
            places = [at for at, name in enumerate(columns) if name in changed]
            return f"~ {index}  " + "  ".join(f"{columns[at]}: {old[at]!r} -> {row[at]!r}" for at in places)


def _row(row: Sequence[object], columns: Sequence[str]) -> str:
    return "  ".join(f"{name}={value!r:.60}" for name, value in zip(columns, row, strict=True))
