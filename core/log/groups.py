"""Column groups: columns that only make sense together, such as start and end, win or lose as one.

    A sets start = 9 of (8, 17)        B sets end = 12 of (8, 17)        later: (8, 12), never (9, 12) nor anything else
    Put {start: 9, end: 17}            Put {start: 8, end: 12}           that nobody has written

The whole rule is on the author's side: where one changes, all are put. Then all have the same winner, and a merge need
not know of groups, nor which groups another version of the schema had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..values import SqlValue

__all__ = ["with_groups"]


def with_groups(
    changed: Mapping[str, SqlValue], row: Mapping[str, SqlValue], groups: Iterable[Sequence[str]]
) -> dict[str, SqlValue]:
    """Return the cells to put: those that `changed`, and the others of their groups as `row` has them now."""
    cells = dict(changed)
    for group in groups:
        if any(column in changed for column in group):
            cells.update((column, row[column]) for column in group if column not in changed)
    return cells
