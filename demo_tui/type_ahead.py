"""TypeAhead: keys that are pressed while the program starts wait for the first screen, and come one after the other.

    key ---> hold: True, it waits ---(the screen says Begun)---> next, next, ..., None: from now on none waits

One after the other, as one types: a key that is bound to an action goes from widget to widget before it acts, while a
letter is typed at once, so in a burst the letters would come first.
"""

from __future__ import annotations

from collections import deque

from textual.events import Key
from textual.message import Message

__all__ = ["Begun", "TypeAhead"]


class Begun(Message):
    """The screen has the focus where it belongs and shows its first rows."""


class TypeAhead:
    """Keys in waiting, until there is none for the first time."""

    def __init__(self) -> None:
        self._held: deque[Key] | None = deque()
        self._passing: Key | None = None

    def hold(self, key: Key) -> bool:
        """Keep `key` if nobody can take it yet; return whether it was kept."""
        if self._held is None or key is self._passing:
            return False
        self._held.append(key)
        return True

    def next(self) -> Key | None:
        """Return the next key, which now passes; None if no other waits, and from now on none will."""
        self._passing = self._held.popleft() if self._held else None
        if self._passing is None:
            self._held = None
        return self._passing
