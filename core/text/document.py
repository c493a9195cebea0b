"""The document protocol: one collaborative text, whatever library carries it.

    insert, delete, edit  -> the update, bytes that any other engine applies (Yjs, v1 encoding)
    apply(update)         -> the changes it made to the text
    undo, redo            -> both: only what was edited here is taken back

Every index counts code points, as `str` does; engines count UTF-8 bytes or UTF-16 units underneath. Ranges are clamped
to the text. Updates commute and may arrive twice; one that arrives before what it builds on waits inside the document.
A document belongs to the thread that made it. Two documents that edit must never share a client id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["FIELD", "UPDATE_BYTES_MAX", "TextChange", "TextDocument", "Undone", "changed", "map_index"]

FIELD = "text"
"""The name of the shared text in each document: what a Yjs client asks for with `doc.getText("text")`."""

UPDATE_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TextChange:
    """`removed` code points left at `start`, then `inserted` came there. Of several, each holds after those before."""

    start: int
    removed: int
    inserted: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo or redo did: the update for the others, the changes for what shows the text."""

    update: bytes
    changes: tuple[TextChange, ...]


class TextDocument(Protocol):
    """One collaborative text."""

    @property
    def client_id(self) -> int: ...

    def __str__(self) -> str: ...

    def __len__(self) -> int: ...

    def insert(self, index: int, text: str) -> bytes:
        """Put `text` before the code point at `index`; return the update, empty if nothing changed."""

    def delete(self, start: int, end: int) -> bytes:
        """Take the code points from `start` to before `end` out; return the update, empty if nothing changed."""

    def edit(self, changes: Sequence[TextChange]) -> bytes:
        """Make `changes`, one after the other, as one update, which is one step of undo."""

    def apply(self, update: bytes) -> tuple[TextChange, ...]:
        """Take in an update of any other document; return what it changed. Raises `MalformedUpdateError`."""

    def merged(self, updates: Sequence[bytes]) -> bytes:
        """Return one update that says all that `updates` say, which this document has made one after the other."""

    def load(self, updates: Iterable[bytes]) -> None:
        """Take in what a document of this kind has written, all at once. Raises `MalformedUpdateError`."""

    def adopt(self, update: bytes) -> None:
        """Take in an update as if it had been made here: `undo` takes it back. Raises `MalformedUpdateError`."""

    def state_vector(self) -> bytes:
        """Return how far this document has seen each client."""

    def update_since(self, state_vector: bytes | None = None) -> bytes:
        """Return all that a document with `state_vector` lacks; of None, everything. Raises `MalformedUpdateError`."""

    def undo(self) -> Undone | None:
        """Take back the last step that was edited here and not undone; None if there is none."""

    def redo(self) -> Undone | None:
        """Make the last undone step again; None if there is none."""

    def end_step(self) -> None:
        """Let the next edit begin a new step of undo, however soon it comes."""

    def sticky(self, index: int, *, after: bool = True) -> bytes:
        """Return a position that stays at the code point at `index`, or at the one before, through every change.

        These are the bytes of Yjs's relative positions: any engine that has the document's updates reads them.
        """

    def index_of(self, sticky: bytes) -> int | None:
        """Return where a sticky position is now, None if this document hasn't seen its place yet.

        Raises `MalformedUpdateError`.
        """

    def close(self) -> None:
        """Let the library's memory go. May be called twice."""


def changed(text: str, changes: Iterable[TextChange]) -> str:
    """Return `text` after `changes`."""
    for change in changes:
        text = text[: change.start] + change.inserted + text[change.start + change.removed :]
    return text


def map_index(index: int, changes: Iterable[TextChange], *, after: bool = False) -> int:
    """Return where a cursor at `index` is after `changes`; `after`: what is inserted right there pushes it on."""
    for change in changes:
        end = change.start + change.removed
        if index < change.start or (index == change.start and not after):
            continue
        if index >= end:
            index += len(change.inserted) - change.removed
        else:  # inside what went
            index = change.start + (len(change.inserted) if after else 0)
    return index
