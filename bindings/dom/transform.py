"""Edits that cross: one text on two sides of a line that takes its time, equal again when all is heard.

    Python   "one three"  --[4, "two "]-->      "one two 3"        what each side has said and the other hasn't heard
                                       \\/                          yet is kept; an edit that comes in is transformed
    page     "one three"  --[4, "3", -5]-->     "one two 3"        over that, and that over the edit

An edit is a list of parts from the start of the text: 4 keeps four code points, -5 takes five out, "two " puts a text
there; the rest is kept. For edits `a` and `b` of one text, `b` after `a` and `a` after `b`, each transformed over the
other, make the same text (TP1); of what both put in one place that of the `first` side stands in front.
With two sides and a line that keeps its order that is enough: Nichols and others, "High-latency, low-bandwidth
windowing in the Jupiter collaboration system", 1995; the form of an edit is that of ot.js.
`web/transform.mjs` is the page's half of this: what is changed here is changed there. Cost: O(parts) an edit and one
that it crosses.
"""

from __future__ import annotations

from eddyline import TextChange, map_index

__all__ = ["TOLD_EVERY", "Edit", "Side", "as_changes", "as_edit", "transformed"]

Edit = list[int | str]

TOLD_EVERY = 32
"""After so many edits heard without one said a side says how many: the other then forgets them."""


def as_edit(change: TextChange) -> Edit:
    """Return one change as an edit."""
    made = _Made()
    made.add(change.start)
    made.add(change.inserted)
    made.add(-change.removed)
    return made.parts


def as_changes(edit: Edit) -> list[TextChange]:
    """Return the changes that make up an edit, each holding after those before it."""
    changes = list[TextChange]()
    at, removed, inserted = 0, 0, ""

    def end() -> None:
        nonlocal at, removed, inserted
        if removed or inserted:
            changes.append(TextChange(at, removed, inserted))
            at, removed, inserted = at + len(inserted), 0, ""

    for part in edit:
        if isinstance(part, str):
            inserted += part
        elif part < 0:
            removed -= part
        else:
            end()
            at += part
    end()
    return changes


def transformed(edit: Edit, over: Edit, *, first: bool) -> Edit:
    """Return `edit` as it is after `over`, both of one text; `first`: of what both put at a place its own leads."""
    made, ahead = _Made(), over[::-1]
    for part in edit:
        if isinstance(part, str):
            while not first and ahead and isinstance(there := ahead[-1], str):
                made.add(len(there))
                ahead.pop()
            made.add(part)
            continue
        sign, left = (1 if part > 0 else -1), abs(part)
        while left:
            other = ahead.pop() if ahead else left
            if isinstance(other, str):
                made.add(len(other))
                continue
            size = min(left, abs(other))
            if other > size:
                ahead.append(other - size)
            elif -other > size:
                ahead.append(other + size)
            if other > 0:
                made.add(sign * size)
            left -= size
    return made.parts


class Side:
    """One of two sides that edit a text. What it says is sent in order, and each message is taken by the other once."""

    __slots__ = ("_first", "_told", "_unheard", "_unheard_from", "heard")

    def __init__(self, *, first: bool) -> None:
        """Begin with the text that the other side has; one of the two is `first`."""
        self._first = first
        self.heard = 0  # so many edits of the other side
        self._told = 0  # so many of them the other one knows to be heard
        self._unheard: list[Edit] = []  # made here, and the other one may not have heard of them
        self._unheard_from = 0

    def made(self, edit: Edit) -> tuple[int, Edit]:
        """Return what to say of an edit that was made here: how many were heard before, and it."""
        self._unheard.append(edit)
        self._told = self.heard
        return self.heard, edit

    def take(self, heard: int, edit: Edit) -> Edit:
        """Return an edit of the other side as it is to be made here; that side had heard `heard` of ours by then."""
        self.hear(heard)
        for at, mine in enumerate(self._unheard):
            self._unheard[at] = transformed(mine, edit, first=self._first)
            edit = transformed(edit, mine, first=not self._first)
        self.heard += 1
        return edit

    def hear(self, heard: int) -> None:
        """Forget what the other side has heard."""
        del self._unheard[: heard - self._unheard_from]
        self._unheard_from = heard

    def place(self, at: int) -> int:
        """Return where a place is here that the other side has told of, which has heard what `hear` says."""
        for mine in self._unheard:
            at = map_index(at, as_changes(mine))
        return at

    def tells(self) -> int | None:
        """Return how many edits are heard, where it is time to say so without an edit; else None."""
        if self.heard - self._told < TOLD_EVERY:
            return None
        self._told = self.heard
        return self.heard


class _Made:
    """The parts of an edit that is being made; neighbours of one kind are one part, and nothing is kept at the end."""

    __slots__ = ("_kept", "parts")

    def __init__(self) -> None:
        self.parts: Edit = []
        self._kept = 0  # before the next part

    def add(self, part: int | str) -> None:
        if not part:
            return
        if isinstance(part, int) and part > 0:
            self._kept += part
            return
        if self._kept:
            self.parts.append(self._kept)
            self._kept = 0
        match part, self.parts[-1] if self.parts else None:
            case str(), str(last):
                self.parts[-1] = last + part
            case int(), int(last) if last < 0:
                self.parts[-1] = last + part
            case _:
                self.parts.append(part)
