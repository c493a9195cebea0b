"""A text field and a page far away: what both type crosses on the way, and both show the same in the end."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from eddyline import ClosedError, Database, Model, Scope, SharedText, Text, TextChange
from eddyline.bindings.browser import Page, RemoteCursor, TextEditor, TextField, use_page
from eddyline.bindings.dom.transform import Side, as_changes, as_edit
from eddyline.signals import signal


class Note(Model):
    body: Text


@pytest.fixture
async def text() -> AsyncIterator[SharedText]:
    async with Database.open(":memory:", models=[Note]) as db:
        async with db.transaction() as tx:
            note = await tx.add(Note(body="one 😀 three"))
        yield await db.text(note, Note.body)


class FarPage(Page):
    """A page behind a line: ops and messages arrive when a test says so. It shows one text field."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.ops: deque[list[Any]] = deque()  # Any: what JSON can say
        self.said: deque[str] = deque()
        self.shown = ""
        self.cursors: list[list[Any]] = []
        self._session, self._side, self._field = 0, Side(first=True), 0
        self._frames: list[Callable[[], None]] = []
        super().__init__(self._do, self._frames.append, on_error=self.errors.append)

    def _do(self, text: str) -> None:
        self.ops.extend(json.loads(text))

    def frame(self) -> None:
        """Send what waits for a frame."""
        due, self._frames[:] = self._frames[:], []
        for one in due:
            one()

    def take(self) -> None:
        """Do one op that has arrived."""
        match self.ops.popleft():
            case ["field", number, _]:
                self._field = number
            case ["text", _, "begin", session, text]:
                self._session, self._side, self.shown = session, Side(first=True), text
            case ["text", _, "edit", heard, edit, _]:
                for change in as_changes(self._side.take(heard, edit)):
                    self._make(change)
                told = self._side.tells()
                if told is not None:
                    self._say("heard", told)
            case ["text", _, "heard", heard]:
                self._side.hear(heard)
            case ["text", _, "cursors", heard, listed]:
                self._side.hear(heard)
                places = (self._side.place(one[2]) for one in listed)
                self.cursors = [[one[0], place] for one, place in zip(listed, places, strict=True)]

    def types(self, change: TextChange) -> None:
        """Type, as a user does who doesn't wait for Python."""
        self._make(change)
        self._say("edit", *self._side.made(as_edit(change)))

    def stands(self, at: int) -> None:
        """Put the cursor somewhere."""
        self._say("cursor", self._side.heard, at)

    def undoes(self) -> None:
        """Press Control and Z."""
        self._say("undo")

    def arrive(self) -> None:
        """Let Python hear one message."""
        self.hear(self.said.popleft())

    def settle(self) -> None:
        """Let everything arrive."""
        self.frame()
        while self.ops or self.said:
            while self.ops:
                self.take()
            while self.said:
                self.arrive()
            self.frame()

    def _make(self, change: TextChange) -> None:
        before, behind = self.shown[: change.start], self.shown[change.start + change.removed :]
        self.shown = before + change.inserted + behind

    def _say(self, what: str, *said: Any) -> None:
        self.said.append(json.dumps(["field", self._field, what, self._session, *said]))


def any_change(rng: random.Random, length: int) -> TextChange:
    start = rng.randrange(length + 1)
    removed = min(rng.randrange(4), length - start) if rng.random() < 0.4 else 0
    return TextChange(start, removed, rng.choice(["", "a", "b😀", "30"]))


@pytest.mark.parametrize("seed", range(12))
async def test_page_and_text_are_equal_when_all_has_arrived(text: SharedText, seed: int) -> None:
    rng = random.Random(seed)
    page = FarPage()
    with use_page(page), TextField("#body", text):
        page.settle()
        for _ in range(150):
            match rng.choice(["type", "type", "other", "frame", "op", "op", "message", "message", "undo"]):
                case "type":
                    page.types(any_change(rng, len(page.shown)))
                case "other":
                    text.edit([any_change(rng, len(text)) for _ in range(rng.randrange(1, 3))])
                case "frame":
                    page.frame()
                case "op" if page.ops:
                    page.take()
                case "message" if page.said:
                    page.arrive()
                case "undo" if rng.random() < 0.2:
                    page.undoes()
        page.settle()
        assert page.shown == text(), f"seed {seed}"
    assert page.errors == []


async def test_letter_typed_across_others_letters_stands_where_it_was_typed(text: SharedText) -> None:
    page = FarPage()
    with use_page(page), TextField("#body", text):
        page.settle()
        text.insert(0, "zero ")
        text.insert(9, "two ")
        page.types(TextChange(3, 0, ","))
        page.types(TextChange(len(page.shown), 0, "!"))
        page.types(TextChange(len(page.shown), 0, "!"))
        page.settle()
        assert page.shown == text() == "zero one, two 😀 three!!"


async def test_what_can_not_be_taken_is_taken_back_on_the_page(text: SharedText) -> None:
    page = FarPage()
    with use_page(page), TextField("#body", text):
        page.settle()
        text.close()
        page.types(TextChange(0, 0, "x"))
        page.types(TextChange(0, 0, "y"))
        page.settle()
        assert page.shown == "one 😀 three"
    assert [type(error) for error in page.errors] == [ClosedError]


async def test_cursors_of_both_stand_at_their_letters_whatever_crosses(text: SharedText) -> None:
    page = FarPage()
    others = signal([RemoteCursor("Ben", "green", text.sticky(4))])  # before the face
    with use_page(page), TextField("#body", text, cursors=others) as field:
        assert field.cursor() is None
        page.settle()
        assert page.cursors == [["Ben", 4]]
        text.insert(0, "zero ")
        page.types(TextChange(4, 1, "face"))
        page.types(TextChange(0, 0, "> "))
        page.stands(page.shown.index("three"))
        page.settle()
        assert page.shown == text() == "> zero one face three"
        cursor = field.cursor()
        assert cursor is not None
        assert text.index_of(cursor) == text().index("three")
        text.insert(0, "!")
        page.types(TextChange(0, 2, ""))
        page.frame()
        assert field.cursor() == cursor
        page.settle()
        ((name, place),) = page.cursors
        assert (name, page.shown[:place]) == ("Ben", "!zero one ")
        others.set([])
        page.settle()
        assert page.cursors == []


async def test_field_of_a_scope_that_is_closed_is_closed(text: SharedText) -> None:
    page, scope = FarPage(), Scope("closed")
    scope.close()
    with use_page(page):
        with pytest.raises(RuntimeError, match="closed"):
            scope.run(lambda: TextField("#body", text))
        with pytest.raises(RuntimeError, match="closed"):
            scope.run(lambda: TextEditor("#body", text, "./editor.mjs"))
    assert page._hearers == {}
