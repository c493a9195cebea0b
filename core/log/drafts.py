"""Drafts: what the updates and whole values that commits hold make of one text.

    Put "Hello"                        plain: no document yet, the column is a cell like any other
    TextUpdate 0: genesis + edit       the first edit brings the content along, so updates alone make the document
    TextUpdate 0: edit                 updates of the newest epoch, in whatever order they come
    TextUpdate 1: genesis              a new document: updates of epoch 0 stay in the log and count no more
    Put "Hi", which no update has seen a further genesis beside them: two people who began at the same time both stay

A draft is a function of the set of commits: of the newest epoch all updates, and of the column's cell the value that
won, unless the author of an update had seen it. So a late commit needs no reordering, and equal contents, whose genesis
is the same bytes everywhere, are one.
`core` is made of updates alone; `document`, which is shown, holds the loose value besides. Nearly always they are one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ..errors import MalformedUpdateError
from ..text.document import TextDocument
from ..text.edits import edits_between
from ..text.engines import CLIENT_ID_MAX, best_engine, genesis, open_text
from ..text.positions import read_state_vector
from ..text.structs import lacks
from ..values import SqlValue
from .commit import Key, TextUpdate
from .encoding import key_text

__all__ = ["Draft", "TextId", "begun", "folded", "new_client"]


class TextId(NamedTuple):
    """Which text: a column of one life of a row."""

    table: str
    key: Key
    incarnation: int
    column: str


def new_client() -> int:
    """Return a client id that no document has: drawn anew for each one that is opened, so that none writes twice."""
    return secrets.randbelow(CLIENT_ID_MAX)


class Draft:
    """One text, opened.

    `put` is the number of the commit whose value the column's cell is, 0 for none; `loose` that value if it counts.
    """

    __slots__ = ("at", "client", "core", "document", "epoch", "loose", "put")

    def __init__(
        self,
        at: TextId,
        epoch: int,
        put: int,
        loose: str | None = None,
        updates: Iterable[bytes] = (),
        client: Callable[[], int] = new_client,
    ) -> None:
        self.at, self.epoch, self.put, self.client = at, epoch, put, client
        self.core = self._opened(updates)
        self.loose: str | None = None
        self.document = self.core
        self._show(loose)

    def __str__(self) -> str:
        return str(self.document)

    def state(self) -> bytes:
        """Return everything that updates have made, as one update."""
        return self.core.update_since(None)

    def parts(self) -> tuple[object, ...]:
        """Return what two drafts have in common that are made of the same commits."""
        return self.epoch, self.put, self.loose, str(self), read_state_vector(self.core.state_vector())

    def take(self, op: TextUpdate, *, saw_put: bool) -> bool:
        """Take in an update; say whether it counts: one of an older epoch, and one that is none, doesn't.

        `saw_put`: its author had seen the value that the cell holds.
        """
        if saw_put:
            self._show(None)
        if op.epoch < self.epoch:
            return False
        if op.epoch > self.epoch:
            self._close()
            loose, self.epoch, self.core, self.loose = self.loose, op.epoch, self._opened(()), None
            self.document = self.core
            self._show(loose)
        try:
            if lacks(op.update, read_state_vector(self.core.state_vector())):
                return False  # what it builds on was rejected: it goes with it
            self.core.apply(op.update)
        except MalformedUpdateError:  # who wrote it sees no more of it than we do
            return False
        if self.document is not self.core:
            self.document.apply(op.update)
        return True

    def replace(self, put: int, value: SqlValue) -> None:
        """Know that `value` is what the column's cell holds now, by a commit that no update has seen."""
        self.put = put
        self._show(value if isinstance(value, str) and value else None)

    def edit(self, text: str) -> bytes:
        """Make the text `text` by few short edits; return the update that says so, b"" if it is that."""
        changes = edits_between(str(self.document), text)
        return self.document.edit(changes) if changes else b""

    def told(self, update: bytes) -> bytes:
        """Return `update`, which `document` has made, with the genesis of the loose value, which it has seen."""
        if self.document is not self.core:
            update = self.document.update_since(self.core.state_vector())
            self.core.close()
            self.core, self.loose = self.document, None
        return update

    def close(self) -> None:
        """Let the documents go."""
        self._close()

    def _opened(self, updates: Iterable[bytes]) -> TextDocument:
        document = open_text(self.client(), engine=best_engine())
        document.load(updates)
        return document

    def _show(self, loose: str | None) -> None:
        """Show `loose` beside what the updates make, or nothing."""
        if loose == self.loose:
            return
        if self.document is not self.core:
            self.document.close()
        self.loose, self.document = loose, self.core
        if loose is not None:
            at = self.at
            started = genesis(key_text(at.key), at.column, at.incarnation, loose, engine=best_engine())
            self.document = self._opened((self.state(), started))

    def _close(self) -> None:
        if self.document is not self.core:
            self.document.close()
        self.core.close()


def begun(at: TextId, content: SqlValue, put: int) -> Draft:
    """Return the draft of a text that was a plain value so far: `content`, which commit `put` wrote, is its genesis."""
    draft = Draft(at, 0, put)
    draft.replace(put, content)
    return draft


def folded(updates: Sequence[SqlValue]) -> bytes:
    """Return all that `updates` of one document say, as one."""
    parts = [update for update in updates if isinstance(update, bytes) and update]
    if len(parts) < 2:
        return parts[0] if parts else b""
    document = open_text(new_client(), engine=best_engine())
    try:
        document.load(parts)
        return document.update_since(None)
    finally:
        document.close()
