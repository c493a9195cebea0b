"""An editor of the page's own on a shared text: updates both ways, a document of its own, another one when need be."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from eddyline import Database, MalformedUpdateError, Model, SharedText, Text
from eddyline.bindings.browser import RemoteCursor, TextEditor
from eddyline.core.text.document import TextDocument
from eddyline.core.text.engines import open_text
from eddyline.signals import signal

from .conftest import PlainPage


class Note(Model):
    body: Text


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Note]) as db:
        async with db.transaction() as tx:
            await tx.add(Note(id="1", body="one 😀 three"))
        yield db


class Editor:
    """What the page holds: a document, and what it says of it."""

    def __init__(self, page: PlainPage) -> None:
        self.page = page
        self.document: TextDocument = open_text(7)
        self.number = self.session = 0
        self.cursors: list[Any] = []  # Any: what JSON can say
        self.take()

    def take(self) -> list[str]:
        """Do what Python says in a frame; return the names of the acts."""
        acts = []
        for op in self.page.next_frame():
            match op:
                case ["editor", self.number, _, _]:
                    pass
                case ["editor", number, _, _]:
                    self.number = number
                case ["text", _, "begin", session, state]:
                    self.session, self.document = session, open_text(7 + session)
                    self.document.apply(b64decode(state))
                case ["text", _, "update", update]:
                    self.document.apply(b64decode(update))
                case ["text", _, "cursors", cursors]:
                    self.cursors = cursors
            if op[0] == "text":
                acts.append(op[2])
        return acts

    def say(self, what: str, said: bytes | None) -> None:
        text = None if said is None else b64encode(said).decode()
        self.page.says("editor", self.number, what, self.session, text)

    def insert(self, index: int, text: str) -> None:
        self.say("update", self.document.insert(index, text))


async def opened(db: Database) -> SharedText:
    return await db.text(("note", "1"), "body")


async def test_updates_go_both_ways_and_become_commits(page: PlainPage, db: Database) -> None:
    text = await opened(db)
    with TextEditor("#e", text, "./editor.mjs"):
        editor = Editor(page)
        assert str(editor.document) == "one 😀 three"
        editor.insert(5, "!")
        text.insert(0, "zero ")
        editor.insert(6, "?")
        assert editor.take() == ["update"]
        assert str(editor.document) == text() == "zero one 😀!? three"
        await text.flush()
        assert (await db.fetch(Note))[0].body == text()
        assert editor.take() == []  # what the page has said isn't said back to it
    assert page.next_frame()[-2:] == [["off", editor.number], ["drop", 1]]
    editor.insert(0, "late")
    assert text() == "zero one 😀!? three"


async def test_row_that_begins_another_life_has_the_editor_opened_anew(page: PlainPage, db: Database) -> None:
    text = await opened(db)
    with TextEditor("#e", text, "./editor.mjs"):
        editor = Editor(page)
        late = editor.document.insert(0, "late")
        await text.flush()
        await db.execute("DELETE FROM note")
        await db.execute("INSERT INTO note(id, body) VALUES ('1', 'one 😀 three')")  # the same text, in another life
        while text.document[0] == 1:
            await text.look()
        editor.say("update", late)
        assert "begin" in editor.take()
        assert str(editor.document) == text() == "one 😀 three"
        editor.insert(3, "!")
        assert text() == "one! 😀 three"


async def test_cursors_go_both_ways(page: PlainPage, db: Database) -> None:
    text = await opened(db)
    others = signal([RemoteCursor("Ben", "green", text.sticky(3))])
    with TextEditor("#e", text, "./editor.mjs", cursors=others) as field:
        editor = Editor(page)
        ((name, color, at, anchor),) = editor.cursors
        assert (name, color, anchor) == ("Ben", "green", None)
        assert editor.document.index_of(b64decode(at)) == 3
        assert field.cursor() is None
        editor.say("cursor", editor.document.sticky(5))
        cursor = field.cursor()
        assert cursor is not None
        text.insert(0, "zero ")
        assert text.index_of(cursor) == 10
        editor.say("cursor", None)
        assert field.cursor() is None
        others.set([])
        editor.take()
        assert editor.cursors == []


async def test_what_is_no_update_is_reported_and_the_editor_opened_anew(page: PlainPage, db: Database) -> None:
    text = await opened(db)
    with TextEditor("#e", text, "./editor.mjs"):
        editor = Editor(page)
        editor.say("update", b"\xff")
        assert editor.take() == ["begin"]
        assert str(editor.document) == text() == "one 😀 three"
    assert [type(error) for error in page.errors] == [MalformedUpdateError]
    page.errors.clear()
