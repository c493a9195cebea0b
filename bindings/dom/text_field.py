"""`TextField`: a box or an editable element that several people type into; `status`: how it stands with a server.

    TextField("#body", await db.text(issue, Issue.body))        <textarea>, <input>, <div contenteditable>

    user types       page --(3 heard: keep 12, put "a")--> SharedText
    others type      page <--(7 heard: keep 4, "two")----- SharedText

Both sides send edits, by code points, not the whole text; so what others type elsewhere stays, and so does the cursor.
Edits that cross on the way are transformed (`transform.py`): both sides show the same when all is heard, with the page
beside Python and with a worker's alike. Undo and redo are those of the text: what was typed here, not what others did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from eddyline import SharedText, TextChange

from ...signals import Effect, Readable, Signal, effect, signal
from ...signals.closing import Closing
from ...signals.scope import root
from ..remote_cursor import RemoteCursor
from .bound import Bound, bind
from .life import belong
from .page import Json, Page, Target, current_page
from .transform import Edit, Side, as_changes, as_edit

if TYPE_CHECKING:
    from eddyline.sync import Link

__all__ = ["TextField", "status"]


class TextField(Closing):
    """An element on a shared text. Close it, or let its Scope do so; the text stays open."""

    def __init__(
        self, target: Target, text: SharedText, *, cursors: Readable[Iterable[RemoteCursor]] | None = None
    ) -> None:
        """Show and edit `text` in a `<textarea>`, an `<input>` or an element with `contenteditable`.

        `cursors` are where others stand, drawn over it in their colours (the class of that layer is `eddy-cursors`).
        Raises `PageError` where nothing matches `target`.
        """
        self._page: Page = current_page()
        self._element, self._text = self._page.find(target), text
        self._number = self._page.number()
        self._session = 0
        self._goes_back = False
        self._is_followed = False
        self._cursor: Signal[bytes | None] = signal(None)
        self._page.listen(self._number, self._hear)
        self._page.op("field", self._number, self._element.number)
        self._begin()
        self._stop: Callable[[], None] = text.subscribe(self._follow, source=self)
        self._effects = [self._each_frame(self._say)]
        if cursors is not None:
            self._effects.append(self._each_frame(lambda: self._seat(cursors.get())))
        belong(self)

    def close(self) -> None:
        """Follow no more; the box keeps what it has."""
        self._stop()
        for one in self._effects:
            one.close()
        self._page.unlisten(self._number)
        self._element.drop()

    @property
    def cursor(self) -> Readable[bytes | None]:
        """Where the cursor stands, as bytes that stay at its character on every replica: for a `RemoteCursor`.

        None until it has stood in the field; the page tells of it from the first look at this.
        """
        if not self._is_followed:
            self._is_followed = True
            self._tell("follow")
        return self._cursor

    def _begin(self) -> None:
        """Have the page show the whole text; what it has said of the one before counts no more."""
        self._session += 1
        self._side = Side(first=False)
        self._tell("begin", self._session, self._text.peek())

    def _each_frame(self, run: Callable[[], None]) -> Effect:
        return root.run(lambda: effect(run, schedule=self._page.each_frame))

    def _say(self) -> None:
        self._tell("lock", self._text.gone)
        self._element.set("class", "pending", self._text.pending)

    def _tell(self, *said: Json) -> None:
        self._page.op("text", self._number, *said)

    def _hear(self, what: str, session: int, *said: Any) -> None:  # Any: what the page says
        """Take what the user did. What can't be done is taken back on the page."""
        if session != self._session:
            return
        try:
            if what == "edit":
                self._make(*said)
            elif what == "heard":
                self._side.hear(*said)
            elif what == "cursor":
                self._stand(*said)
            else:
                self._go_back(what)
        except BaseException:
            self._begin()
            raise

    def _make(self, heard: int, edit: Edit) -> None:
        self._text.edit(as_changes(self._side.take(heard, edit)), source=self)
        told = self._side.tells()
        if told is not None:
            self._tell("heard", told)

    def _stand(self, heard: int, at: int) -> None:
        self._side.hear(heard)
        self._cursor.set(self._text.sticky(self._side.place(at)))

    def _seat(self, cursors: Iterable[RemoteCursor]) -> None:
        """Show where others stand; as far as can be said here: what they stand at may come later."""
        self._text.get()
        listed = []
        for one in cursors:
            at = self._text.index_of(one.at)
            anchor = at if one.anchor is None else self._text.index_of(one.anchor)
            if at is not None:
                listed.append([one.name, one.color, at, at if anchor is None else anchor])
        self._tell("cursors", self._side.heard, listed)

    def _go_back(self, what: str) -> None:
        self._goes_back = True
        try:
            self._text.undo() if what == "undo" else self._text.redo()
        finally:
            self._goes_back = False
        self._page.flush()  # what is typed next is typed where the cursor is then

    def _follow(self, changes: Sequence[TextChange]) -> None:
        """Show what others did."""
        for change in changes:
            self._tell("edit", *self._side.made(as_edit(change)), self._goes_back)


def status(target: Target, link: Link) -> Bound:
    """Say in an element how it stands with the server; its `data-state` is the state in a word, for styles."""
    element = current_page().find(target)

    def said() -> str:
        state, pending = link.state(), link.pending()
        element.set("attr", "data-state", state)
        return f"{state}, {pending} to send" if pending else state

    return bind(element, said)
