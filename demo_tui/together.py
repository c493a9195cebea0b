"""Typing together: the description of one issue, while it is edited, as a text that everybody at the server types into.

the box gets the focus --> a TextField in its place: letters of others come in, cursors have names and colours
it is left             --> the box again, which follows the row
"""

from __future__ import annotations

from eddyline import SharedText, effect
from eddyline.bindings.textual import TextField, widget_scope

from .cursors import cursors_at
from .joining import Joined
from .tracker_data import Issue

__all__ = ["TogetherField"]


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
