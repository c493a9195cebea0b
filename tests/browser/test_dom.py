"""Signals and views on the document of a real page: what the user sees, does, and keeps."""

from __future__ import annotations

from .chromium import Browser
from .document import FRAME, Document

LIST = """
<ul id="list"><template>
  <li data-class-done="done"><input data-value="title"><b data-text="title"></b><button class="close">x</button></li>
</template></ul>
"""
MOUNTED = """
titles = ListSignal(["a", "b", "c", "d"])
scope.run(lambda: ui.mount(titles, "#list", fields={"title": str, "done": lambda title: title == "b"}))
None
"""


def test_text_attribute_class_style_and_property_follow_signals(document: Document) -> None:
    document.show("<p id=p>old</p><progress id=bar max=10></progress><a id=a>link</a>")
    document.python(
        """
count = signal(3)
def build():
    ui.bind("#p", lambda: f"{count()} open")
    ui.bind("#bar", count, prop="value")
    ui.bind("#a", lambda: f"/{count()}" if count() else None, attr="href")
    ui.bind("#a", lambda: count() > 3, cls="many")
    ui.bind("#a", lambda: f"{count()}px", style="width")
scope.run(build)
None
"""
    )
    look = "() => [p.textContent, bar.value, a.getAttribute('href'), a.className, a.style.width]"
    assert document.page.js(look) == ["3 open", 3, "/3", "", "3px"]
    document.python("count.set(4)")
    assert document.page.js(look) == ["4 open", 4, "/4", "many", "4px"]
    document.python("count.set(0)")
    assert document.page.js(look) == ["0 open", 0, None, "", "0px"]


def test_nothing_is_ever_read_as_html_or_run(document: Document) -> None:
    document.show('<p id=p></p><a id=a href="/x">x</a><ul id="list"><template><li data-text="t"></li></template></ul>')
    document.python(
        """
evil = "<img src=x onerror='window.hit=1'>"
def build():
    ui.bind("#p", lambda: evil)
    ui.mount(ListSignal([evil]), "#list", fields={"t": str})
    ui.bind("#a", lambda: " JaVa\\nScript:window.hit=1", attr="href")
    ui.bind("#a", lambda: "window.hit=1", attr="onclick")
    ui.bind("#p", lambda: evil, prop="innerHTML")
scope.run(build)
None
"""
    )
    assert document.texts("#p, li") == ["<img src=x onerror='window.hit=1'>"] * 2
    document.act(lambda page: page.click("#a", no_wait_after=True, modifiers=["Alt"]))
    assert document.page.js("() => [window.hit ?? null, a.getAttribute('href'), document.images.length]") == [
        None, "/x", 0,
    ]  # fmt: skip
    said = document.python("[str(error) for error in errors]")
    assert [sentence.partition(";")[0].partition(":")[0] for sentence in said] == [
        "an address that runs a script isn't set as href",
        "the attribute onclick runs what it is given",
        "the property innerHTML runs what it is given",
    ]
    document.python("errors.clear()")


def test_live_query_is_a_keyed_list_and_clicks_know_their_rows(document: Document) -> None:
    document.show(LIST.replace("data-class-done", "data-attr-title='state' data-class-done"))
    document.python(
        """
db = await Database.open(":memory:", models=[Issue])
async with db.transaction() as tx:
    for title in "abc":
        await tx.add(Issue(title=title))
view = await db.live(Issue.where(Issue.state == "open").order_by(Issue.title))
async def close(event):
    heard.append(event.row.title)
    async with db.transaction() as tx:
        await tx.update(event.row, state="closed")
def build():
    ui.mount(view, "#list", fields={"done": lambda issue: issue.title == "b"})
    ui.listen("click", "#list .close", close)
scope.run(build)
None
"""
    )
    assert document.texts("#list b") == ["a", "b", "c"]
    assert document.texts("#list .done b") == ["b"]
    document.page.js("() => { window.third = document.querySelectorAll('#list li')[2] }")
    document.act(lambda page: page.click("#list li:nth-of-type(2) .close"))
    document.act(lambda page: page.wait_for_function("document.querySelectorAll('#list li').length == 2"))
    assert document.texts("#list b") == ["a", "c"]
    assert document.page.js("() => third === document.querySelectorAll('#list li')[1]") is True  # the element stays
    assert document.python("view.close(); await db.close(); heard") == ["b"]


def test_focus_selection_and_scroll_stay_while_rows_move(document: Document) -> None:
    document.show(f"<div id=box style='height:60px;overflow:auto'>{LIST}</div>")
    document.python(MOUNTED)
    document.page.js(
        """() => { const input = document.querySelectorAll('#list input')[2]; input.focus(); input.value = 'typed';
                   input.setSelectionRange(1, 3); box.scrollTop = 40 }"""
    )
    look = """() => { const e = document.activeElement; return [e.value, e.selectionStart, e.selectionEnd,
                      [...document.querySelectorAll('#list input')].indexOf(e)] }"""
    document.python("titles.insert(0, 'new')")
    assert document.page.js(look) == ["typed", 1, 3, 3]
    document.python("titles.move(3, 0)")
    assert document.page.js(look) == ["typed", 1, 3, 0]
    document.python("titles.reverse()")
    assert document.page.js(look) == ["typed", 1, 3, 4]
    assert document.texts("#list b") == ["d", "b", "a", "new", "c"]


def test_focus_goes_to_the_neighbour_of_a_row_that_is_removed(document: Document) -> None:
    document.show(LIST)
    document.python(MOUNTED)
    document.page.js("() => document.querySelectorAll('#list .close')[1].focus()")
    document.python("titles.remove('b')")
    at = "() => [...document.querySelectorAll('#list .close')].indexOf(document.activeElement)"
    assert (document.page.js(at), document.texts("#list b")) == (1, ["a", "c", "d"])


def test_what_is_typed_reaches_the_signal_and_what_the_signal_says_keeps_the_cursor(document: Document) -> None:
    document.show("<input id=box><input id=check type=checkbox><select id=s><option>a<option>b</select>")
    document.python(
        """
text, ticked, chosen = signal("abc"), signal(True), signal("b")
def build():
    ui.bind_input("#box", text)
    ui.bind_input("#check", ticked)
    ui.bind_input("#s", chosen)
scope.run(build)
None
"""
    )
    assert document.page.js("() => [box.value, check.checked, s.value]") == ["abc", True, "b"]
    document.act(lambda page: page.press("#box", "End"))
    document.act(lambda page: page.locator("#box").press_sequentially("def"))
    document.act(lambda page: page.click("#check"))
    document.act(lambda page: page.select_option("#s", "a"))
    assert document.python("[text(), ticked(), chosen()]") == ["abcdef", False, "a"]
    document.page.js("() => { box.focus(); box.setSelectionRange(2, 3) }")
    document.python("text.set('>>abcdef')")
    assert document.page.js("() => [box.value, box.selectionStart, box.selectionEnd]") == [">>abcdef", 4, 5]


def test_cell_of_a_row_is_typed_into_the_database(document: Document) -> None:
    document.show("<input id=title>")
    document.python(
        """
db = await Database.open(":memory:", models=[Issue])
issue = await db.write(lambda tx: tx.add(Issue(title="Crash")))
scope.run(lambda: ui.bind_input("#title", issue, Issue.title))
None
"""
    )
    document.act(lambda page: page.fill("#title", "Crash at start"))
    said = document.python("await db.settled()\n(await db.fetch('SELECT title FROM issue'))[0].title")
    assert said == "Crash at start"
    document.python("scope.close(); await db.close()")


def test_several_type_into_one_textarea_and_the_cursor_stays(document: Document) -> None:
    document.show("<textarea id=body></textarea><p id=link></p>")
    document.python(
        """
from eddyline import Text
class Note(Model):
    body: Text = Text()
db = await Database.open(":memory:", models=[Note])
note = await db.write(lambda tx: tx.add(Note(body="one three")))
text = await db.text(note, Note.body, window_s=0)
other = await db.text(note, Note.body, window_s=0)
scope.run(lambda: ui.TextField("#body", text))
None
"""
    )
    assert document.page.js("() => body.value") == "one three"
    document.act(lambda page: page.press("#body", "End"))
    document.act(lambda page: page.locator("#body").press_sequentially(" 😀!"))
    document.page.js("() => body.setSelectionRange(4, 9)")  # "three"
    document.python("await text.flush(); other.insert(0, 'zero '); other.insert(9, 'two 😀 '); await other.flush()")
    look = "() => [body.value, body.value.slice(body.selectionStart, body.selectionEnd)]"
    assert document.page.js(look) == ["zero one two 😀 three 😀!", "three"]
    document.act(lambda page: page.keyboard.type("3"))
    found = document.python("await text.flush(); [text(), other(), (await db.get(Note, note.id)).body]")
    assert found == ["zero one two 😀 3 😀!"] * 3
    document.python("scope.close(); text.close(); other.close(); await db.close()")


def test_form_is_taken_and_a_block_comes_and_goes(document: Document) -> None:
    document.show(
        "<form id=f><input name=title value=Crash><input name=tag value=a><input name=tag value=b></form>"
        "<template id=done><p id=said></p></template>"
    )
    document.python(
        """
form = signal(None)
def build():
    ui.listen("submit", "#f", lambda event: form.set(event.form))
    ui.when("#done", form, lambda: ui.bind("#said", lambda: f"{form()}"))
scope.run(build)
None
"""
    )
    assert document.texts("#said") == []
    document.act(lambda page: page.locator("[name=title]").press("Enter"))
    document.page.js("() => f.requestSubmit()")
    document.page.js(FRAME)
    assert document.texts("#said") == ["{'title': 'Crash', 'tag': ['a', 'b']}"]
    document.python("form.set(None)")
    assert document.texts("#said") == []


def test_what_is_wrong_with_a_page_is_said_in_a_sentence(document: Document) -> None:
    document.show("<ul id=list><template><li data-text='titel'></li></template></ul><p id=p></p>")
    code = """
from eddyline import PageError
try:
    ui.bind("#cuont", signal(1))
except PageError as error:
    heard.append(str(error))
scope.run(lambda: ui.mount(ListSignal(["a"]), "#list", fields={"title": str}))
scope.run(lambda: ui.bind_input("#p", signal("")))
heard
"""
    assert document.python(code) == ["no element of the page matches #cuont"]
    assert document.python("[str(error) for error in errors]") == [
        "the template asks for titel; the rows have: title",
        "<p> has no value to bind",
    ]
    document.python("errors.clear()")


def test_a_thousand_cycles_leave_nothing_behind(document: Document) -> None:
    document.show(f"<p id=p></p><input id=box>{LIST}<template id=t><i>x</i></template>")
    code = """
import gc
text, shown = signal("a"), signal(True)
def build():
    ui.bind("#p", text)
    ui.bind_input("#box", text)
    ui.mount(ListSignal(["a", "b"]), "#list", fields={"title": str, "done": bool})
    ui.listen("click", "#list .close", lambda event: None)
    ui.when("#t", shown)
def cycle(times):
    for _ in range(times):
        with Scope("cycle") as inner:
            inner.run(build)
            ui.current_page().flush()
        ui.current_page().flush()
        ui.current_page()._in_frame()
cycle(10)
gc.collect()
page = ui.current_page()
before = len(gc.get_objects())
cycle(1000)
None
"""
    document.python(code)
    left = "gc.collect(); [len(gc.get_objects()) - before < 200, len(page.lists), len(page._hearers), len(page._due)]"
    document.page.until(left, [True, 0, 0, 0])  # frames that were asked for come, and their timers
    assert document.texts("#list b") == []
    assert document.page.js("() => document.body.querySelectorAll('i').length") == 0


def test_worker_drives_the_document_and_hears_the_user(browser: Browser) -> None:
    page = browser.tab()
    page.open(worker=True)
    try:
        document = Document(page)
        document.show(f"<p id=p></p><input id=box>{LIST}")
        document.python(
            """
text = signal("abc")
def build():
    ui.bind("#p", lambda: text().upper())
    ui.bind_input("#box", text)
    ui.mount(ListSignal(["a", "b"]), "#list", fields={"title": str, "done": bool})
    ui.listen("click", "#list .close", lambda event: heard.append(event.row))
scope.run(build)
None
"""
        )
        document.act(lambda page: page.wait_for_function("box.value == 'abc'"))
        document.act(lambda page: page.press("#box", "End"))
        document.act(lambda page: page.locator("#box").press_sequentially("defghi"))
        document.act(lambda page: page.wait_for_function("p.textContent == 'ABCDEFGHI'"))
        document.act(lambda page: page.click("#list li:nth-of-type(2) .close"))
        assert document.page.js("() => box.value") == "abcdefghi"
        assert document.python("heard") == ["b"]
        document.python("scope.run(lambda: ui.bind('#nothing', text))\nNone")
        page.until("[str(error) for error in errors]", ["no element of the page matches #nothing"])
    finally:
        page.close()
