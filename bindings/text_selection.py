"""Where a selection stands after a text was replaced by another.

    before  one two| three            the part that differs is found from both ends; what stands before it stays,
    after   one TWO| three            behind it keeps its distance from the end, in it goes to its end

Positions are TextArea's: (row, column), columns in code points. Costs: O(length of both texts).
"""

from __future__ import annotations

from textual.widgets.text_area import Location, Selection

__all__ = ["location_of", "moved_selection", "offset_of"]


def moved_selection(before: str, after: str, selection: Selection) -> Selection:
    """Return `selection` of the text `before` as it stands in `after`."""
    head, tail = _common(before, after)
    return Selection(*(_moved(before, after, head, tail, place) for place in (selection.start, selection.end)))


def _common(before: str, after: str) -> tuple[int, int]:
    """Return how many characters both texts share at the start, and behind that at the end."""
    most = min(len(before), len(after))
    head = next((i for i in range(most) if before[i] != after[i]), most)
    most -= head
    tail = next((i for i in range(most) if before[-1 - i] != after[-1 - i]), most)
    return head, tail


def _moved(before: str, after: str, head: int, tail: int, place: Location) -> Location:
    """Return the place of one end."""
    offset = offset_of(before, place)
    if offset > head:
        offset = len(after) - min(len(before) - offset, tail) if offset >= len(before) - tail else len(after) - tail
    return location_of(after, offset)


def offset_of(text: str, place: Location) -> int:
    """Return how many characters stand before `place`."""
    row, column = place
    lines = text.splitlines(keepends=True)
    return sum(map(len, lines[:row])) + column


def location_of(text: str, offset: int) -> Location:
    """Return the row and column of an offset."""
    lines = text[:offset].splitlines(keepends=True) or [""]
    if lines[-1].endswith(("\n", "\r")):
        return len(lines), 0
    return len(lines) - 1, len(lines[-1])
