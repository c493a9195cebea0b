"""The document on pycrdt: the default engine.

    str <--mirror--  pycrdt.Text  <--updates-->  the world
                         |-- UndoManager, told of the origin "here" only
                         |-- shadow: the same text in ASCII, for sticky positions (`positions.py`)

Traps found by running (0.14): a delete past the end and a position that isn't seen yet are a PanicException, a
BaseException that also prints, so ranges are clamped and positions read before. Cost: one typed character in a text of
10,000 about 10 us; a new document 7 us; the shadow once more the document, from its first position on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pycrdt

from .document import FIELD, Undone
from .edits import clamp
from .mirrored import Edit, MirroredDocument, guarded
from .positions import read_position, read_state_vector
from .structs import plain_update
from .utf16 import points_before, units_of

__all__ = ["PycrdtDocument"]

_HERE = "here"
_MERGED_AT_ONCE = 100
_STEP_MS = 500  # edits that follow each other sooner are one step of undo: as in Yjs


class PycrdtDocument(MirroredDocument):
    """A `TextDocument`. `now_ms` is the clock that groups edits to steps of undo."""

    def __init__(self, client_id: int, now_ms: Callable[[], int]) -> None:
        super().__init__(client_id)
        self._doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client_id)
        self._text = self._doc.get(FIELD, type=pycrdt.Text)
        self._update = b""
        self._told = self._doc.observe(self._on_update)
        self._ahead_ms = 0
        self._undo = pycrdt.UndoManager(
            scopes=[self._text], capture_timeout_millis=_STEP_MS, timestamp=lambda: now_ms() + self._ahead_ms
        )
        self._undo.include_origin(_HERE)
        self._shadow: pycrdt.Doc[Any] | None = None
        self._closed = False

    def _on_update(self, event: Any) -> None:  # Any: pycrdt's event
        self._update = event.update

    def _make(self, edits: Sequence[Edit]) -> bytes:
        with self._doc.transaction(origin=_HERE):
            for at, removed, inserted in edits:
                if removed:
                    del self._text[at : at + removed]
                if inserted:
                    self._text.insert(at, inserted)
        return self._update

    def _take(self, update: bytes) -> None:
        self._doc.apply_update(update)

    def _read(self) -> str:
        return str(self._text)

    def adopt(self, update: bytes) -> None:
        """Take in an update as if it had been made here."""
        with self._doc.transaction(origin=_HERE):
            guarded(lambda: self._take(update), "update", update)
        self._mirror = self._read()

    def merged(self, updates: Sequence[bytes]) -> bytes:
        """Return one update that says all that `updates` say."""
        left = list(updates)
        while len(left) > 1:  # in parts: the cost of one merge grows faster than what it merges
            left = [
                pycrdt.merge_updates(*left[at : at + _MERGED_AT_ONCE]) for at in range(0, len(left), _MERGED_AT_ONCE)
            ]
        return left[0]

    def state_vector(self) -> bytes:
        """Return how far this document has seen each client."""
        return self._doc.get_state()

    def update_since(self, state_vector: bytes | None = None) -> bytes:
        """Return all that a document with `state_vector` lacks."""
        if state_vector is None:
            return self._doc.get_update()
        read_state_vector(state_vector)
        update: bytes = guarded(lambda: self._doc.get_update(state_vector), "state vector", state_vector)
        return update

    def undo(self) -> Undone | None:
        """Take back the last step that was edited here and not undone."""
        return self._undone(self._undo.undo)

    def redo(self) -> Undone | None:
        """Make the last undone step again."""
        return self._undone(self._undo.redo)

    def _undone(self, work: Callable[[], bool]) -> Undone | None:
        if not work():
            return None
        return Undone(self._update, self._followed())

    def end_step(self) -> None:
        """Let the next edit begin a new step of undo."""
        self._ahead_ms += 2 * _STEP_MS

    def sticky(self, index: int, *, after: bool = True) -> bytes:
        """Return a position that stays at its code point through every change."""
        index, _ = clamp(index, 0, len(self))
        if after and index == len(self):  # pycrdt panics there; Yjs says "the end of the text"
            return pycrdt.StickyIndex.from_json({"tname": FIELD, "assoc": 0}).encode()
        assoc = pycrdt.Assoc.AFTER if after else pycrdt.Assoc.BEFORE
        return self._plain_text().sticky_index(units_of(str(self)[:index]), assoc).encode()

    def index_of(self, sticky: bytes) -> int | None:
        """Return where a sticky position is now."""
        position = read_position(sticky)
        if position.character is None:
            return len(self) if position.after else 0
        client, clock = position.character
        if read_state_vector(self._doc.get_state()).get(client, 0) <= clock:
            return None
        at: int = guarded(pycrdt.StickyIndex.decode(sticky, self._plain_text()).get_index, "position", sticky)
        return points_before(str(self), at)

    def _plain_text(self) -> pycrdt.Text:
        """Return the text of the shadow, which is made at the first position and follows from then on."""
        if self._shadow is None:
            self._shadow = pycrdt.Doc(client_id=self.client_id)
        self._shadow.apply_update(plain_update(self._doc.get_update(self._shadow.get_state())))
        text: pycrdt.Text = self._shadow.get(FIELD, type=pycrdt.Text)
        return text

    def close(self) -> None:
        """Let the library's memory go."""
        if not self._closed:
            self._closed = True
            self._told.drop()
