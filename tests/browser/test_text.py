"""Documents on Yjs inside a real page, beside documents on pycrdt outside of it: the same edits, the same texts."""

from __future__ import annotations

import random
from typing import Any

import pytest

from eddyline.core.text.document import TextChange
from eddyline.core.text.engines import genesis, open_text
from eddyline.core.text.positions import read_state_vector

from .chromium import Page

OPEN = """
from eddyline.core.text.document import TextChange
from eddyline.core.text.engines import best_engine, genesis, has_engine, open_text
from eddyline import MalformedUpdateError
document = open_text(2, engine=best_engine())
[best_engine(), has_engine()]
"""
LETTERS = ["a", "bc", "é", "😀", "e\u0301", "\n", "", "xyz" * 5]


class InPage:
    """A document in the page, as one outside of it is used."""

    def __init__(self, page: Page) -> None:
        self.page = page
        assert page.python(OPEN) == ["yjs", True]

    def ask(self, code: str) -> Any:
        return self.page.python(f"_ = {code}\n_.hex() if isinstance(_, bytes) else _")

    def edit(self, changes: list[TextChange]) -> bytes:
        listed = ", ".join(f"TextChange({one.start}, {one.removed}, {one.inserted!r})" for one in changes)
        return bytes.fromhex(self.ask(f"document.edit([{listed}])"))

    def apply(self, update: bytes) -> None:
        self.ask(f"len(document.apply(bytes.fromhex({update.hex()!r})))")

    def __str__(self) -> str:
        return str(self.ask("str(document)"))


@pytest.mark.parametrize("seed", range(6))
def test_page_and_native_engine_type_into_one_text(page: Page, seed: int) -> None:
    rng, here, there = random.Random(seed), open_text(1), InPage(page)
    first = genesis("k", "body", 1, "Hello 😀")
    here.load([first])
    there.ask(f"document.load([bytes.fromhex({first.hex()!r})])")
    assert there.ask("genesis('k', 'body', 1, 'Hello 😀')") == first.hex()  # the same bytes from every engine
    for _ in range(12):
        for_there = [here.edit(_edit(rng, len(here))) for _ in range(rng.randrange(3))]
        for_here = [there.edit(_edit(rng, int(there.ask("len(document)")))) for _ in range(rng.randrange(3))]
        for update in for_there:
            if update:
                there.apply(update)
        rng.shuffle(for_here)
        for update in for_here:
            if update:
                here.apply(update)
        assert str(there) == str(here)
    vector = read_state_vector(bytes.fromhex(there.ask("document.state_vector()")))
    assert vector == read_state_vector(here.state_vector())
    index = rng.randrange(len(here) + 1)
    sticky = here.sticky(index)
    assert there.ask(f"document.index_of(bytes.fromhex({sticky.hex()!r}))") == index
    assert here.index_of(bytes.fromhex(there.ask(f"document.sticky({index}, after=False)"))) == index


def _edit(rng: random.Random, length: int) -> list[TextChange]:
    return [
        TextChange(rng.randrange(length + 2), rng.randrange(4), rng.choice(LETTERS)) for _ in range(rng.randrange(1, 3))
    ]


def test_undo_in_the_page_takes_back_what_was_typed_there(page: Page) -> None:
    here, there = open_text(1), InPage(page)
    there.apply(here.insert(0, "Ada "))
    here.apply(there.edit([TextChange(4, 0, "Ben 😀")]))
    there.apply(here.insert(4, "and "))
    undone = there.ask("(lambda u: [u.update.hex(), len(u.changes)])(document.undo())")
    here.apply(bytes.fromhex(undone[0]))
    assert (str(here), str(there), undone[1]) == ("Ada and ", "Ada and ", 1)
    assert there.ask("(document.redo() is not None, str(document), document.undo() is None)")[1] == "Ada and Ben 😀"


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x01\x01\xff\xff\xff", b"abc"])
def test_what_is_no_update_is_refused_in_the_page_too(page: Page, data: bytes) -> None:
    there = InPage(page)
    code = f"""
try:
    document.apply(bytes.fromhex({data.hex()!r}))
    _ = "taken"
except MalformedUpdateError as error:
    _ = "refused"
_
"""
    assert page.python(code) == "refused"
    assert str(there) == ""


SHARED = """
from eddyline import Column, Database, Model, Text
class Note(Model):
    title: Column[str]
    body: Text = Text()
db = await Database.open(":memory:", models=[Note])
async with db.transaction() as tx:
    note = await tx.add(Note(title="a", body="one three"))
await db.execute("UPDATE note SET body = 'one two three'")
text = await db.text(note, Note.body, window_s=0)
text.insert(0, "zero 😀 ")
await text.flush()
await db.undo()
row = await db.get(Note, note.id)
found = [row.body, text()]
text.close()
await db.close()
found
"""


def test_text_columns_work_in_the_page(page: Page) -> None:
    body, shown = page.python(SHARED)
    assert body == shown == "one three"  # what was written within a second is one step of undo
