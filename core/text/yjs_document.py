"""The document on Yjs itself, in a browser's Python: the page has loaded it as `globalThis.eddylineYjs`.

    str <--mirror--  Y.Text  <--updates-->  the world            code points | UTF-16 units

`boot.mjs` loads Yjs where `eddyline.json` names it. Calls go through `yjs_glue.mjs`: one a question, not one a step.
Cost: one typed character about 60 us; Yjs counts time for steps of undo by its own clock, so `now_ms` is not used here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from .document import FIELD, Undone
from .edits import clamp
from .mirrored import Edit, MirroredDocument, guarded
from .positions import read_position, read_state_vector
from .utf16 import points_before, units_of

__all__ = ["YjsDocument", "is_loaded"]

_STEP_MS = 500


def is_loaded() -> bool:
    """Say whether the page has loaded Yjs."""
    import js

    return hasattr(js, "eddylineYjs")


@cache
def _glue() -> Any:  # Any: functions of JavaScript's
    import js
    from pyodide.code import run_js

    if not is_loaded():
        raise ImportError("the page has not loaded Yjs")
    source = (
        files(__package__).joinpath("yjs_glue.mjs").read_text(encoding="utf-8").replace("export function", "function")
    )
    return run_js(f"(() => {{\n{source}\nreturn yjsGlue;\n}})()")(js.eddylineYjs, FIELD)


def _js(data: bytes) -> Any:  # Any: a Uint8Array
    from pyodide.ffi import to_js

    return to_js(data)


class YjsDocument(MirroredDocument):
    """A `TextDocument`."""

    def __init__(self, client_id: int, now_ms: Callable[[], int]) -> None:
        super().__init__(client_id)
        self._glue = _glue()
        self._held: Any = self._glue.open(client_id, _STEP_MS)  # Any: an object of JavaScript's
        self._closed = False

    @staticmethod
    def _units(text: str, index: int) -> int:
        return units_of(text[:index])

    def _make(self, edits: Sequence[Edit]) -> bytes:
        made: bytes = self._glue.edit(self._held, json.dumps(edits)).to_bytes()
        return made

    def _take(self, update: bytes) -> None:
        self._glue.take(self._held, _js(update), False)

    def _read(self) -> str:
        return str(self._glue.read(self._held))

    def adopt(self, update: bytes) -> None:
        """Take in an update as if it had been made here."""
        guarded(lambda: self._glue.take(self._held, _js(update), True), "update", update)
        self._mirror = self._read()

    def merged(self, updates: Sequence[bytes]) -> bytes:
        """Return one update that says all that `updates` say."""
        from pyodide.ffi import to_js

        if len(updates) == 1:
            return updates[0]
        merged: bytes = self._glue.merged(to_js([_js(update) for update in updates])).to_bytes()
        return merged

    def state_vector(self) -> bytes:
        """Return how far this document has seen each client."""
        vector: bytes = self._glue.vector(self._held).to_bytes()
        return vector

    def update_since(self, state_vector: bytes | None = None) -> bytes:
        """Return all that a document with `state_vector` lacks."""
        if state_vector is None:
            whole: bytes = self._glue.since(self._held, None).to_bytes()
            return whole
        read_state_vector(state_vector)
        update: bytes = guarded(
            lambda: self._glue.since(self._held, _js(state_vector)).to_bytes(), "state vector", state_vector
        )
        return update

    def undo(self) -> Undone | None:
        """Take back the last step that was edited here and not undone."""
        return self._back(is_redo=False)

    def redo(self) -> Undone | None:
        """Make the last undone step again."""
        return self._back(is_redo=True)

    def _back(self, *, is_redo: bool) -> Undone | None:
        update = self._glue.back(self._held, is_redo)
        return None if update is None else Undone(update.to_bytes(), self._followed())

    def end_step(self) -> None:
        """Let the next edit begin a new step of undo."""
        self._glue.endStep(self._held)

    def sticky(self, index: int, *, after: bool = True) -> bytes:
        """Return a position that stays at its code point through every change."""
        index, _ = clamp(index, 0, len(self))
        sticky: bytes = self._glue.sticky(self._held, units_of(self._mirror[:index]), after).to_bytes()
        return sticky

    def index_of(self, sticky: bytes) -> int | None:
        """Return where a sticky position is now."""
        position = read_position(sticky)
        if position.character is not None:
            client, clock = position.character
            if read_state_vector(self.state_vector()).get(client, 0) <= clock:
                return None
        at = guarded(lambda: self._glue.indexOf(self._held, _js(sticky)), "position", sticky)
        return None if at is None else points_before(self._mirror, int(at))

    def close(self) -> None:
        """Let the library's memory go."""
        if not self._closed:
            self._closed = True
            self._glue.close(self._held)
