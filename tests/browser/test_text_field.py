"""Boxes and editable elements that several people type into: keys, cursors, input methods, undo, in a real page."""

from __future__ import annotations

from typing import Any

import pytest

from .document import Document

OPEN = """
from eddyline import Text
class Note(Model):
    body: Text = Text()
db = await Database.open(":memory:", models=[Note])
note = await db.write(lambda tx: tx.add(Note(body={body!r})))
text = await db.text(note, Note.body, window_s=0)
other = await db.text(note, Note.body, window_s=0)
scope.run(lambda: ui.TextField("#body", text))
None
"""
CLOSE = "scope.close(); text.close(); other.close(); await db.close()"
TEXTAREA, EDITABLE = "<textarea id=body></textarea>", "<div id=body contenteditable style='width: 300px'></div>"
OLD_BROWSER = """
() => Object.defineProperty(body, "contentEditable", {
    get() { return this.getAttribute("contenteditable") === "false" ? "false" : "true" },
    set(mode) { if (mode === "plaintext-only") throw new SyntaxError(); this.setAttribute("contenteditable", mode) },
})
"""
LOOK = """() => {
    if (body.value !== undefined) return [body.value, body.value.slice(body.selectionStart, body.selectionEnd)]
    return [[...body.childNodes].map(node => node.nodeType === 3 ? node.data : node.tagName), getSelection().toString()]
}"""


def begin(document: Document, element: str, body: str, *, is_old: bool = False) -> None:
    document.show(f"{element}<p id=rich>a <b>bold</b> <i>move</i></p>")
    if is_old:
        document.page.js(OLD_BROWSER)
    document.python(OPEN.format(body=body))


def press(document: Document, *keys: str) -> None:
    for key in keys:
        document.page.call(lambda page, key=key: page.keyboard.press(key))  # type: ignore[misc]  # playwright's page


def write(document: Document, text: str) -> None:
    document.act(lambda page: page.keyboard.type(text))


def texts(document: Document) -> Any:
    """Return the text here, the other one, and the row when all is written."""
    return document.python(
        "await text.flush(); await other.flush(); [text(), other(), (await db.get(Note, note.id)).body]"
    )


@pytest.mark.parametrize("is_old", [False, True])
def test_editable_element_is_typed_into_as_plain_text(document: Document, is_old: bool) -> None:
    begin(document, EDITABLE, "one\nthree\n", is_old=is_old)
    assert document.page.js(LOOK)[0] == ["one\nthree\n", "BR"]
    document.page.call(lambda page: page.focus("#body"))
    press(document, "Control+End")
    write(document, "fin 😀")
    press(document, "Enter", "Enter", "Backspace", "Control+Home", "ArrowDown")
    write(document, "two")
    press(document, "Enter", "Control+b", "Control+End")
    assert document.page.js(LOOK)[0] == ["one\ntwo\nthree\nfin 😀\n", "BR"]
    document.page.js("() => getSelection().selectAllChildren(rich)")
    press(document, "Control+c")
    document.page.js("() => { body.focus(); getSelection().collapse(body, 0) }")
    press(document, "Control+v")
    assert texts(document) == ["a bold moveone\ntwo\nthree\nfin 😀\n"] * 3
    assert document.page.js(LOOK)[0] == ["a bold moveone\ntwo\nthree\nfin 😀\n", "BR"]
    press(document, "Control+a", "Delete")
    write(document, "new")
    assert texts(document) == ["new"] * 3
    document.python(CLOSE)
    assert document.page.js("() => body.outerHTML.includes('contenteditable=\"\"')") is True  # as it was


@pytest.mark.parametrize("element", [TEXTAREA, EDITABLE])
def test_selection_stays_and_undo_takes_back_what_was_typed_here(document: Document, element: str) -> None:
    begin(document, element, "one three")
    document.page.call(lambda page: page.focus("#body"))
    press(document, "Control+End")
    write(document, " 😀!")
    press(document, *["ArrowLeft"] * 3, *["Shift+ArrowLeft"] * 5)
    document.python("await text.flush(); other.insert(0, 'zero '); other.insert(9, 'two 😀 '); await other.flush()")
    assert document.page.js(LOOK)[1] == "three"
    document.python("text.end_step()")
    write(document, "3")
    assert texts(document) == ["zero one two 😀 3 😀!"] * 3
    press(document, "Control+z")
    assert texts(document) == ["zero one two 😀 three 😀!"] * 3
    press(document, "Control+Shift+z")
    write(document, "?")
    assert texts(document) == ["zero one two 😀 3? 😀!"] * 3
    document.python(CLOSE)


@pytest.mark.parametrize("element", [TEXTAREA, EDITABLE])
def test_what_others_type_waits_while_an_input_method_composes(document: Document, element: str) -> None:
    begin(document, element, "")
    document.page.call(lambda page: page.focus("#body"))

    async def compose(page: Any) -> None:
        session = await page.context.new_cdp_session(page)
        for composed in ("n", "ni"):
            await session.send(
                "Input.imeSetComposition",
                {"text": composed, "selectionStart": len(composed), "selectionEnd": len(composed)},
            )
        await session.detach()

    document.act(compose)
    document.python("await text.flush(); other.insert(0, 'Ada: '); await other.flush()")
    shown = "() => body.value ?? body.textContent"
    assert document.page.js(shown) == "ni"
    assert document.python("text()") in ("Ada: ni", "niAda: ")
    document.act(lambda page: page.keyboard.insert_text("你"))
    both = document.python("await text.flush(); text()")
    assert sorted(both) == sorted("Ada: 你")
    assert document.page.js(shown) == both
    assert texts(document) == [both] * 3
    document.python(CLOSE)


@pytest.mark.parametrize(("element", "shown"), [(TEXTAREA, "one\ntwo\nthree\n"), ("<input id=body>", "onetwothree")])
def test_line_ends_that_a_box_does_not_show_stay(document: Document, element: str, shown: str) -> None:
    begin(document, element, "one\r\ntwo\rthree\n")
    assert document.page.js(LOOK)[0] == shown
    document.page.js("(at) => { body.focus(); body.setSelectionRange(at, at) }", shown.index("wo"))
    write(document, "2")
    document.python("other.insert(0, 'A'); other.insert(len(other), 'Z'); await other.flush()")
    assert texts(document) == ["Aone\r\nt2wo\rthree\nZ"] * 3
    assert document.page.js(LOOK)[0] == "A" + shown.replace("two", "t2wo") + "Z"
    document.python(CLOSE)


@pytest.mark.parametrize("element", [TEXTAREA, EDITABLE])
def test_field_of_a_row_that_is_gone_is_read_only(document: Document, element: str) -> None:
    begin(document, element, "one")
    document.page.call(lambda page: page.focus("#body"))
    document.python("await db.execute('DELETE FROM note')\nNone")
    document.page.call(lambda page: page.wait_for_function("body.readOnly ?? !body.isContentEditable"))
    write(document, "x")
    assert document.python("text()") == "one"
    document.python(CLOSE)


def test_element_that_is_no_box_is_refused(document: Document) -> None:
    begin(document, "<p id=body></p>", "one")
    assert document.python("[str(error) for error in errors]") == [
        "<p> is no box for a text: <textarea>, <input> and elements with contenteditable are"
    ]
    document.python("errors.clear()")
    document.python(CLOSE)
