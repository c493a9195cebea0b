"""Typing together: the description of one issue, while it is edited, as a text that everybody at the server types into.

the box gets the focus --> a TextField in its place: letters of others come in, cursors have names and colours
it is left             --> the box again, which follows the row
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from eddyline import SharedText, computed, effect
from eddyline.bindings.textual import RemoteCursor, TextField, widget_scope
from eddyline.signals import Readable

from .joining import Joined
from .tracker_data import Issue

if TYPE_CHECKING:
    from eddyline.sync import Present

__all__ = ["TogetherField", "cursors_at"]

COLORS = ("magenta", "green", "yellow", "cyan", "red", "blue")


class TogetherField(TextField):
    """The description of `issue`; others are told where in it the user is."""

    def __init__(self, issue: Issue, text: SharedText, joined: Joined, *, id: str) -> None:
        super().__init__(text, cursors=cursors_at(joined, issue.id), compact=True, id=id)
        self._issue, self._joined = issue.id, joined
        widget_scope(self).add(text)

    async def on_mount(self) -> None:
        """Say where the user is, as long as this is there."""
        widget_scope(self).run(lambda: effect(self._say, name="where the user types"))

    @classmethod
    async def of(cls, issue: Issue, joined: Joined, *, id: str) -> TogetherField:
        """Open the description. Raises `MissingRowError` for an issue that is gone."""
        return cls(issue, await joined.db.text(issue, Issue.body), joined, id=id)

    def _say(self) -> None:
        at = self.cursor.get()
        if at is not None:
            self._joined.link.present(issue=self._issue, at=at.hex())

    def leave(self) -> None:
        """Say that the user doesn't type any more."""
        self._joined.link.present(issue=self._issue)


def cursors_at(joined: Joined, issue: str) -> Readable[list[RemoteCursor]]:
    """Return who types where in the description of `issue`, as a signal."""
    return computed(lambda: list(_cursors(joined.link.presence.value.values(), issue)))


def _cursors(present: Iterable[Present], issue: str) -> Iterable[RemoteCursor]:
    for one in present:
        at = _bytes(one.state.get("at"))
        if one.state.get("issue") == issue and at is not None:
            yield RemoteCursor(one.who, COLORS[sum(one.who.encode()) % len(COLORS)], at)


def _bytes(text: object) -> bytes | None:
    """Return what somebody else has said as hex digits; None for anything else."""
    try:
        return bytes.fromhex(text) if isinstance(text, str) else None
    except ValueError:
        return None
