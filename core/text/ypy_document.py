"""The document on y-py: the engine that older Yjs deployments in Python use; wheels up to CPython 3.12.

Take pycrdt where you can: y-py 0.6.2 is the same Rust library of 2023, no longer maintained. It has neither an undo
manager nor sticky positions: both raise `MissingLibraryError`. Found by random edits: what comes before what it builds
on is lost to it, and where several edit at once its documents can diverge, and what it then sends can crash the others'
engines. One editor at a time, or an exchange by state vectors after each edit, holds. Its objects panic when another
thread touches them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import y_py

from ..errors import MissingLibraryError
from .document import FIELD, Undone
from .lib0 import written
from .mirrored import Edit, MirroredDocument, guarded
from .positions import read_state_vector

__all__ = ["YpyDocument"]


class YpyDocument(MirroredDocument):
    """A `TextDocument`; `now_ms` isn't needed."""

    def __init__(self, client_id: int, now_ms: Callable[[], int]) -> None:
        super().__init__(client_id)
        self._doc: Any = y_py.YDoc(client_id)  # Any: its types can't be used in a `with`
        self._text = self._doc.get_text(FIELD)
        self._update = b""
        self._doc.observe_after_transaction(self._on_update)

    def _on_update(self, event: Any) -> None:  # Any: y-py's event
        self._update = event.get_update()

    def _make(self, edits: Sequence[Edit]) -> bytes:
        with self._doc.begin_transaction() as transaction:
            for at, removed, inserted in edits:
                if removed:
                    self._text.delete_range(transaction, at, removed)
                if inserted:
                    self._text.insert(transaction, at, inserted)
        return self._update

    def _take(self, update: bytes) -> None:
        y_py.apply_update(self._doc, update)

    def _read(self) -> str:
        return str(self._text)

    def adopt(self, update: bytes) -> None:
        """Raise `MissingLibraryError`."""
        self._lacks("undo")

    def merged(self, updates: Sequence[bytes]) -> bytes:
        """Return all that was ever edited here, in which `updates` are: y-py can't merge them alone."""
        vector = read_state_vector(self.state_vector())
        vector.pop(self.client_id, None)
        told = [number for pair in vector.items() for number in pair]
        return self.update_since(b"".join(map(written, [len(vector), *told])))

    def state_vector(self) -> bytes:
        """Return how far this document has seen each client."""
        vector: bytes = y_py.encode_state_vector(self._doc)
        return vector

    def update_since(self, state_vector: bytes | None = None) -> bytes:
        """Return all that a document with `state_vector` lacks."""
        if state_vector is None:
            return bytes(y_py.encode_state_as_update(self._doc))
        read_state_vector(state_vector)
        update: bytes = guarded(
            lambda: y_py.encode_state_as_update(self._doc, state_vector), "state vector", state_vector
        )
        return update

    def undo(self) -> Undone | None:
        """Raise `MissingLibraryError`."""
        self._lacks("undo")

    def redo(self) -> Undone | None:
        """Raise `MissingLibraryError`."""
        self._lacks("redo")

    def end_step(self) -> None:
        """Do nothing: there are no steps."""

    def sticky(self, index: int, *, after: bool = True) -> bytes:
        """Raise `MissingLibraryError`."""
        self._lacks("sticky positions")

    def index_of(self, sticky: bytes) -> int | None:
        """Raise `MissingLibraryError`."""
        self._lacks("sticky positions")

    def _lacks(self, what: str) -> NoReturn:
        raise MissingLibraryError(
            f"y-py has no {what}; install pycrdt, which reads the same documents", library="pycrdt"
        )

    def close(self) -> None:
        """Do nothing: y-py lets go with the last reference."""
