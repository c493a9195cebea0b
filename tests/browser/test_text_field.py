"""Boxes and editable elements that several people type into: keys, cursors, input methods, undo, in a real page."""

from __future__ import annotations

import random
from typing import Any

import pytest

from .document import FRAME, Document

OPEN = """
from eddyline import Text
class Note(Model):
    body: Text = Text()
db = await Database.open(":memory:", models=[Note])
note = await db.write(lambda tx: tx.add(Note(body={body!r})))
text = await db.text(note, Note.body, window_s=0)
other = await db.text(note, Note.body, window_s=0)
others = signal([])
field = scope.run(lambda: ui.TextField("#body", text, cursors=others))
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
    document.page.js("() => getSelection().setBaseAndExtent(body.firstChild, 2, body.firstChild, 7)")  # "bold "

    async def drag(page: Any) -> None:
        where = """([from, to]) => {
            const range = document.createRange()
            range.setStart(body.firstChild, from)
            range.setEnd(body.firstChild, to)
            return range.getBoundingClientRect().toJSON()
        }"""
        begins, ends = await page.evaluate(where, [3, 4]), await page.evaluate(where, [0, 1])
        await page.mouse.move(begins["x"] + 1, begins["y"] + 5)
        await page.mouse.down()
        await page.mouse.move(begins["x"] - 3, begins["y"] + 5, steps=3)
        await page.mouse.move(ends["x"], ends["y"] + 5, steps=3)
        await page.mouse.up()

    document.act(drag)
    document.page.call(lambda page: page.wait_for_function("body.textContent.startsWith('bold a move')"))
    assert texts(document) == ["bold a moveone\ntwo\nthree\nfin 😀\n"] * 3
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


SAME_LOOK = (
    "style='box-sizing: content-box; width: 160px; height: 90px; margin: 0; padding: 5px; border: 2px solid; "
    "font: 17px/21px serif'"
)
DRAWN = """() => [...document.querySelectorAll(".eddy-cursors > div")].map(one => {
    const [from, at] = [body.getBoundingClientRect(), one.getBoundingClientRect()]
    return [...[at.x - from.x, at.y - from.y, at.width].map(Math.round), one.textContent]
})"""


def test_cursors_of_others_are_drawn_where_they_stand(document: Document) -> None:
    drawn = []
    for element in (f"<textarea id=body {SAME_LOOK}></textarea>", f"<div id=body contenteditable {SAME_LOOK}></div>"):
        document.python("scope = Scope('one of two')\nNone")
        begin(document, element, "one two three four five\n\nend\n")
        document.python("others.set([ui.RemoteCursor('Ben', 'green', text.sticky(24), text.sticky(4))])")
        document.act(lambda page: page.wait_for_selector(".eddy-cursors"))
        drawn.append(document.page.js(DRAWN))
        document.python("text.insert(0, 'zero ')")
        document.page.js(FRAME)
        drawn.append(document.page.js(DRAWN))
        document.page.call(lambda page: page.focus("#body"))
        press(document, "Control+Home", *["ArrowRight"] * 3)
        assert document.python("field.cursor()\nui.current_page().flush()\ntext.index_of(field.cursor())") == 3
        press(document, "ArrowRight")
        document.page.until("text.index_of(field.cursor())", 4)
        document.python(CLOSE + "\nui.current_page().flush()")
        assert document.page.js("() => document.querySelectorAll('.eddy-cursors').length") == 0
    assert drawn[:2] == drawn[2:]  # a box doesn't tell where its letters are: they are where an element has them
    (*_, (left, top, width, name)) = drawn[0]
    assert (left, top, width, name) == (7, 29, 2, "Ben")


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


# The page's side alone, beside a side that answers: what is shown, what is told, and who is late at random.
PLAY = """async ([element, isOld, text]) => {
    const { openTextField } = await import("/eddyline/text_field.mjs")
    const { asChanges, asEdit, makeSide } = await import("/eddyline/transform.mjs")
    document.body.innerHTML = `${element}<p id=rich>a <b>bold</b><br><i>mo</i><div>ve</div></p>`
    if (isOld) (OLD_BROWSER)()
    const said = [], side = makeSide(false)
    let model = text
    const make = (edit) => {
        for (const [start, removed, inserted] of asChanges(edit)) {
            const all = [...model]
            all.splice(start, removed, inserted)
            model = all.join("")
        }
    }
    const field = openTextField(body, (what, _, ...rest) => said.push([what, rest]))
    field.act("begin", 1, text)
    const game = window.game = { field, body }
    game.deliver = () => {
        for (const [what, rest] of said.splice(0)) {
            if (what === "edit") make(side.take(...rest))
            if (what === "heard") side.hear(...rest)
            const told = side.tells()
            if (told !== null) field.act("heard", told)
        }
    }
    game.type = ([place, size, inserted]) => {
        const length = [...model].length, start = Math.floor(place * (length + 1))
        const edit = asEdit(start, Math.min(size, length - start), inserted)
        make(edit)
        field.act("edit", ...side.made(edit), false)
    }
    game.look = () => [model, body.value ?? body.firstChild.data, body.value ? 2 : body.childNodes.length]
    body.focus()
}""".replace("OLD_BROWSER", OLD_BROWSER)
KEYS = (
    "Enter Shift+Enter Backspace Backspace Delete Control+Backspace Control+Delete ArrowLeft ArrowRight ArrowUp "
    "ArrowDown Shift+ArrowLeft Shift+ArrowLeft Shift+ArrowDown Home End Control+Home Control+End Control+c Control+x "
    "Control+v Control+v Control+a Shift+Control+ArrowLeft"
).split()


@pytest.mark.parametrize("seed", [1, pytest.param(range(2, 20), marks=pytest.mark.soak)])
@pytest.mark.parametrize(("element", "is_old"), [(TEXTAREA, False), (EDITABLE, False), (EDITABLE, True)])
def test_any_keys_leave_the_text_that_was_told(
    document: Document, element: str, is_old: bool, seed: int | range
) -> None:
    for one in (seed,) if isinstance(seed, int) else seed:
        rng = random.Random(one)
        document.page.js(PLAY, [element, is_old, rng.choice(["", "one\ntwo\n\n", "a 😀 b\n"])])
        document.page.call(lambda page, rng=rng: play(page, rng))  # type: ignore[misc]  # playwright's page
        model, shown, nodes = document.page.js("() => { game.deliver(); return game.look() }")
        assert shown == model, f"seed {one}"
        assert nodes == 2 or element == TEXTAREA


async def play(page: Any, rng: random.Random) -> None:
    """Press keys, type, paste what is no text, compose, and let others type, at random."""
    session = await page.context.new_cdp_session(page)

    async def others() -> None:
        said = [rng.random(), rng.randrange(3), rng.choice(["", "1", "2\n", "\n", "😀"])]
        await page.evaluate("(said) => game.type(said)", said)

    for _ in range(50):
        match rng.choice(["type", "type", "others", "deliver", "key", "key", "key", "paste", "compose"]):
            case "type":
                await page.keyboard.type(rng.choice(["a", "b c", "é", " ", " x"]))
            case "others":
                await others()
            case "deliver":
                await page.evaluate("() => game.deliver()")
            case "key":
                await page.keyboard.press(rng.choice(KEYS))
            case "paste":
                await page.evaluate("() => getSelection().selectAllChildren(rich)")
                await page.keyboard.press("Control+c")
                await page.focus("#body")
                await page.keyboard.press("Control+v")
            case "compose":
                for composed in ("n", "ni", ""):
                    places = {"selectionStart": len(composed), "selectionEnd": len(composed)}
                    await session.send("Input.imeSetComposition", {"text": composed, **places})
                    await others()
                if rng.random() < 0.5:
                    await page.keyboard.insert_text("你")
    await session.detach()
