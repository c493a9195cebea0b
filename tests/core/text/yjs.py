"""The document on a real Yjs in node: the reference that the engines are held to. It runs `yjs_bridge.mjs`."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from eddyline import MalformedUpdateError
from eddyline.core.text.document import TextChange, Undone
from eddyline.core.text.edits import clamp
from tests.patience import PATIENCE_S

BRIDGE = Path(__file__).with_name("yjs_bridge.mjs")


class Yjs:
    """The process."""

    def __init__(self, packages: Path) -> None:
        self._process = subprocess.Popen(
            ["node", str(BRIDGE), str(packages)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._numbers = itertools.count(1)

    def ask(self, **call: Any) -> Any:
        """Return the answer to one call. Raises `MalformedUpdateError` for an error of Yjs's."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(call) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if "error" in answer:
            raise MalformedUpdateError(answer["error"])
        return answer["ok"]

    def open(self, client_id: int) -> YjsDocument:
        """Return an empty document."""
        number = next(self._numbers)
        self.ask(do="open", doc=number, client=client_id)
        return YjsDocument(self, number, client_id)

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()  # type: ignore[union-attr]  # a pipe
        self._process.wait(PATIENCE_S)
        self._process.stdout.close()  # type: ignore[union-attr]  # a pipe


def units(text: str) -> int:
    """Return how many UTF-16 units `text` has."""
    return len(text.encode("utf-16-le")) // 2


class YjsDocument:
    """A `TextDocument`; each edit is a step of undo of its own."""

    def __init__(self, yjs: Yjs, number: int, client_id: int) -> None:
        self.client_id = client_id
        self._yjs, self._number = yjs, number

    def _ask(self, do: str, **call: Any) -> Any:
        return self._yjs.ask(do=do, doc=self._number, **call)

    def __str__(self) -> str:
        return str(self._ask("text"))

    def __len__(self) -> int:
        return len(str(self))

    def insert(self, index: int, text: str) -> bytes:
        return self.edit([TextChange(index, 0, text)])

    def delete(self, start: int, end: int) -> bytes:
        start = max(start, 0)
        return self.edit([TextChange(start, end - start, "")])

    def edit(self, changes: Sequence[TextChange]) -> bytes:
        text, told = str(self), []
        for change in changes:
            start, removed = clamp(change.start, change.removed, len(text))
            told.append((units(text[:start]), units(text[start : start + removed]), change.inserted))
            text = text[:start] + change.inserted + text[start + removed :]
        return base64.b64decode(self._ask("edit", changes=told))

    def apply(self, update: bytes) -> tuple[TextChange, ...]:
        before = str(self)
        return _changes(before, self._ask("apply", update=base64.b64encode(update).decode()))

    def adopt(self, update: bytes) -> None:
        self.apply(update)

    def merged(self, updates: Sequence[bytes]) -> bytes:
        return self.update_since()

    def load(self, updates: Iterable[bytes]) -> None:
        for update in updates:
            self.apply(update)

    def state_vector(self) -> bytes:
        return base64.b64decode(self._ask("vector"))

    def update_since(self, state_vector: bytes | None = None) -> bytes:
        vector = None if state_vector is None else base64.b64encode(state_vector).decode()
        return base64.b64decode(self._ask("since", vector=vector))

    def undo(self) -> Undone | None:
        return self._back("undo")

    def redo(self) -> Undone | None:
        return self._back("redo")

    def _back(self, verb: str) -> Undone | None:
        before = str(self)
        update, delta = self._ask("back", verb=verb)
        changes = _changes(before, delta)
        return Undone(base64.b64decode(update), changes) if changes else None

    def end_step(self) -> None: ...

    def sticky(self, index: int, *, after: bool = True) -> bytes:
        at = units(str(self)[: max(index, 0)])
        return base64.b64decode(self._ask("sticky", index=at, assoc=0 if after else -1))

    def index_of(self, sticky: bytes) -> int | None:
        at = self._ask("index", sticky=base64.b64encode(sticky).decode())
        return None if at is None else len(str(self).encode("utf-16-le")[: 2 * at].decode("utf-16-le"))

    def close(self) -> None:
        self._ask("close")


def _changes(before: str, delta: list[dict[str, Any]]) -> tuple[TextChange, ...]:
    """Return Yjs's delta as changes, by rebuilding the text part by part."""
    data, read, at = before.encode("utf-16-le"), 0, 0
    changes = []
    for part in delta:
        if "retain" in part:
            kept = data[2 * read : 2 * (read + part["retain"])].decode("utf-16-le")
            read, at = read + part["retain"], at + len(kept)
        elif "delete" in part:
            gone = data[2 * read : 2 * (read + part["delete"])].decode("utf-16-le")
            read += part["delete"]
            changes.append(TextChange(at, len(gone), ""))
        else:
            changes.append(TextChange(at, 0, part["insert"]))
            at += len(part["insert"])
    return tuple(changes)
