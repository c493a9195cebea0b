"""`TextEditor`: an editor of the page's own on a shared text: CodeMirror, Monaco, by its Yjs binding.

    TextEditor("#body", await db.text(issue, Issue.body), "./editor.mjs")

    // editor.mjs, bundled of                             export * from "yjs"; export * from "y-protocols/awareness"
    export default (parent, {text, awareness}) =>
        new EditorView({parent, doc: text.toString(), extensions: [undo, basicSetup, yCollab(text, awareness)]})

    editor <--> a Y.Text in the page  --updates-->  SharedText  -->  a commit a window: row, views, replicas
                                      <--updates--              <--  edits of others

The editor has a document of its own, which is a copy of the shared text's and exchanges updates with it, so nothing is
lost or doubled however late they come; the same from a worker. Its undo is the editor's, of what was typed in it.
Where the row's text becomes another document (a new life of the row) the editor is opened anew; with Python in a
worker what is typed in that very moment is lost.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence

from eddyline import SharedText, TextChange

from ...signals import Readable, Signal, effect, signal
from ...signals.closing import Closing
from ...signals.scope import root
from ..remote_cursor import RemoteCursor
from .life import belong
from .page import Json, Page, Target, current_page

__all__ = ["TextEditor"]


class TextEditor(Closing):
    """An editor in an element, on a shared text. Close it, or let its Scope do so; the text stays open."""

    def __init__(
        self,
        target: Target,
        text: SharedText,
        module: str,
        *,
        cursors: Readable[Iterable[RemoteCursor]] | None = None,
    ) -> None:
        """Have the default export of `module`, an address that is relative to the page, open an editor in `target`.

        `cursors` are where others stand; they are shown where the module brings the awareness of y-protocols along.
        Raises `PageError` where nothing matches `target`; what is wrong with the module is reported.
        """
        self._page: Page = current_page()
        self._element, self._text = self._page.find(target), text
        self._number = self._page.number()
        self._session = 0
        self._asked = False
        self._seated: list[Json] = []
        self._cursor: Signal[bytes | None] = signal(None)
        self._page.listen(self._number, self._hear)
        self._page.op("editor", self._number, self._element.number, module)
        self._begin()
        self._stop: Callable[[], None] = text.subscribe(self._follow, source=self)
        each_frame, seats = self._page.each_frame, cursors or signal(())
        self._effects = [
            root.run(lambda: effect(self._look)),
            root.run(lambda: effect(self._say, schedule=each_frame)),
            root.run(lambda: effect(lambda: self._seat(seats.get()), schedule=each_frame)),
        ]
        belong(self)

    def close(self) -> None:
        """End the editor."""
        self._stop()
        for one in self._effects:
            one.close()
        self._page.unlisten(self._number)
        self._element.drop()

    @property
    def cursor(self) -> Readable[bytes | None]:
        """Where the cursor stands, as bytes that stay at its character on every replica: for a `RemoteCursor`."""
        return self._cursor

    def _tell(self, *said: Json) -> None:
        self._page.op("text", self._number, *said)

    def _begin(self) -> None:
        """Have the page open a document as it is here; updates of the one before count no more."""
        self._session += 1
        self._document, self._has = self._text.document, self._text.state_vector()
        self._tell("begin", self._session, _text(self._text.update_since()))

    def _look(self) -> None:
        if self._text.document != self._document:
            self._begin()
            self._page.flush()

    def _say(self) -> None:
        self._element.set("prop", "inert", self._text.gone)
        self._element.set("class", "pending", self._text.pending)

    def _seat(self, cursors: Iterable[RemoteCursor]) -> None:
        listed = [[one.name, one.color, _text(one.at), one.anchor and _text(one.anchor)] for one in cursors]
        if listed != self._seated:
            self._seated = listed
            self._tell("cursors", listed)

    def _hear(self, what: str, session: int, said: str | None) -> None:
        if session != self._session:
            return
        if what == "cursor":
            self._cursor.set(None if said is None else b64decode(said))
            return
        assert said is not None, "an update is bytes"
        was_whole = self._has == self._text.state_vector()
        try:
            self._text.take(b64decode(said), source=self)
        except BaseException:
            self._begin()
            raise
        if was_whole:
            self._has = self._text.state_vector()

    def _follow(self, changes: Sequence[TextChange]) -> None:
        """Have the page told, with the frame, what it lacks."""
        if not self._asked:
            self._asked = True
            self._page.each_frame(self._send)

    def _send(self) -> None:
        self._asked = False
        self._tell("update", _text(self._text.update_since(self._has)))
        self._has = self._text.state_vector()


def _text(data: bytes) -> str:
    return b64encode(data).decode()
