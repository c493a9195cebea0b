"""`TextField`: a textarea that several people type into; `status`: how it stands with a server.

    TextField("#body", await db.text(issue, Issue.body))

    user types       page --(edit 3, having seen version 7: 12, 0, "a")--> SharedText
    others type      page <--(version 8, edits heard: 3; 4, 2, "two")----- SharedText

Both sides send edits, by code points, not the whole text; so what others type elsewhere stays, and so does the cursor.
An edit that crosses one of others is moved to where its place is now, and the page is told the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from eddyline import SharedText, TextChange, map_index

from ...signals import effect
from ...signals.closing import Closing
from .bound import Bound, bind
from .life import own
from .page import Page, Target, current_page

if TYPE_CHECKING:
    from eddyline.sync import Link

__all__ = ["TextField", "status"]

REMEMBERED = 200


class TextField(Closing):
    """A textarea on a shared text. Close it, or let its Scope do so; the text stays open."""

    def __init__(self, target: Target, text: SharedText) -> None:
        """Show and edit `text` in a `<textarea>` or an `<input>`. Raises `PageError` where nothing matches `target`."""
        self._page: Page = current_page()
        self._element, self._text = self._page.find(target), text
        self._number = self._page.number()
        self._version = self._edits = 0
        self._changes: list[tuple[int, TextChange]] = []  # of others, by version
        self._page.listen(self._number, self._hear)
        self._page.op("field", self._number, self._element.number)
        self._whole()
        self._stop: Callable[[], None] = text.subscribe(self._follow, source=self)
        self._effect = own(self, lambda: effect(self._say, schedule=self._page.each_frame))

    def close(self) -> None:
        """Follow no more; the box keeps what it has."""
        self._stop()
        self._effect.close()
        self._page.unlisten(self._number)
        self._element.drop()

    def _say(self) -> None:
        self._element.set("prop", "readOnly", self._text.gone)
        self._element.set("class", "pending", self._text.pending)

    def _hear(self, edits: int, seen: int, start: int, removed: int, inserted: str) -> None:
        """Take what the user did to the text as the page showed it."""
        self._edits = edits
        later = [change for version, change in self._changes if version > seen]
        end = start + removed
        if later:
            start, end = map_index(start, later), map_index(end, later)
        self._text.replace(start, max(start, end), inserted, source=self)
        if later:
            self._whole()

    def _follow(self, changes: Sequence[TextChange]) -> None:
        """Show what others did, at once: what the user types next is about that."""
        self._version += 1
        self._changes += [(self._version, change) for change in changes]
        del self._changes[:-REMEMBERED]
        listed = [(change.start, change.removed, change.inserted) for change in changes]
        self._page.op("splice", self._number, self._version, self._edits, listed)
        self._page.flush()

    def _whole(self) -> None:
        self._version += 1
        self._page.op("whole", self._number, self._version, self._edits, self._text.peek())
        self._page.flush()


def status(target: Target, link: Link) -> Bound:
    """Say in an element how it stands with the server; its `data-state` is the state in a word, for styles."""
    element = current_page().find(target)

    def said() -> str:
        state, pending = link.state(), link.pending()
        element.set("attr", "data-state", state)
        return f"{state}, {pending} to send" if pending else state

    return bind(element, said)
