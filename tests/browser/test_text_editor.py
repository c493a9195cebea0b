"""CodeMirror, a textarea and an editable element on one text: typed together, loaded again, from a worker, too."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .chromium import Browser, Page, Server
from .document import Document

PACKAGES = (
    "codemirror@6.0.2", "y-codemirror.next@0.3.6", "y-protocols@1.0.7", "yjs@13.6.27", "esbuild@0.28.2",
)  # fmt: skip
BOXES = "<div id=code></div><textarea id=area></textarea><div id=plain contenteditable></div>"
FOUND = """() => [opened.at(-1).state.doc.toString(), area.value, plain.textContent]"""
OPEN = """
from eddyline import Text
class Note(Model):
    body: Text = Text()
db = await Database.open({name!r}, models=[Note])
if not await db.fetch(Note):
    await db.write(lambda tx: tx.add(Note(id="1", body="one 😀")))
others = signal([])
opened = [await db.text(("note", "1"), "body", window_s=0) for _ in range(4)]
def build():
    global editor
    editor = ui.TextEditor("#code", opened[0], {module!r}, cursors=others)
    ui.TextField("#area", opened[1])
    ui.TextField("#plain", opened[2])
scope.run(build)
None
"""
TEXTS = "[await text.flush() or text() for text in opened][-1:] + [note.body for note in await db.fetch(Note)]"
CLOSE = "scope.close()\nfor text in opened: text.close()\nawait db.close()"


@pytest.fixture(scope="session")
def site(server: Server, node_packages: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Serve an editor, bundled with its Yjs, which is the engine's, too; return the folder's address."""
    packages = node_packages(*PACKAGES)
    shutil.copy(Path(__file__).with_name("editor.mjs"), packages / "source.mjs")
    folder = tmp_path_factory.mktemp("editor")
    esbuild: list[str | Path] = [
        packages / "node_modules" / ".bin" / "esbuild",
        packages / "source.mjs",
        "--bundle",
        "--format=esm",
    ]
    subprocess.run([*esbuild, "--minify", f"--outfile={folder / 'editor.mjs'}"], check=True, capture_output=True)
    places = json.loads((server.places[""] / "eddyline.json").read_text(encoding="utf-8"))
    (folder / "eddyline.json").write_text(json.dumps({**places, "yjs": "./editor.mjs"}), encoding="utf-8")
    (folder / "index.html").write_text("<!doctype html><meta charset=utf-8><title>Text</title>", encoding="utf-8")
    server.places["editor"] = folder
    return "/editor/"


def write(page: Page, selector: str, text: str, *keys: str) -> None:
    async def act(page: Any) -> None:
        await page.focus(selector)
        for key in keys or ("Control+End",):
            await page.keyboard.press(key)
        await page.keyboard.type(text)

    page.call(act)


def shows(page: Page, text: str) -> None:
    """Wait until all three show `text`."""
    condition = f"(text) => ({FOUND})().every(one => one === text)"
    try:
        page.call(lambda page: page.wait_for_function(condition, arg=text))
    except Exception as error:
        raise AssertionError(f"not {text!r}: {page.js(FOUND)}; the page has said {page.said}") from error


def test_editor_textarea_and_editable_element_type_into_one_text(document: Document, site: str) -> None:
    page = document.page
    document.show(BOXES)
    document.python(OPEN.format(name=":memory:", module=f"{site}editor.mjs"))
    page.call(lambda page: page.wait_for_selector(".cm-content"))
    page.call(lambda page: page.click(".cm-content"))
    page.call(lambda page: page.keyboard.press("Control+End"))
    page.call(lambda page: page.keyboard.insert_text(" code"))  # one step of undo, however slow
    shows(page, "one 😀 code")
    write(page, "#area", "area ", "Control+Home")
    write(page, "#plain", " plain")
    shows(page, "area one 😀 code plain")
    write(page, ".cm-content", "\n2 ", "Control+z", "Control+End")  # what was typed in the editor, nothing else
    shows(page, "area one 😀 plain\n2 ")
    assert document.python(TEXTS) == ["area one 😀 plain\n2 "] * 2

    page.until("opened[3].index_of(editor.cursor())", len("area one 😀 plain\n2 "))
    document.python("others.set([ui.RemoteCursor('Ben', '#ff0000', opened[3].sticky(4), opened[3].sticky(0))])")
    page.call(lambda page: page.wait_for_selector(".cm-ySelectionInfo"))
    assert document.texts(".cm-ySelectionInfo") == ["Ben"]
    assert document.texts(".cm-ySelection") == ["area"]
    document.python("others.set([])")
    page.call(lambda page: page.wait_for_selector(".cm-ySelectionInfo", state="detached"))

    before = document.python("import gc\nscope.close(); ui.current_page().flush(); gc.collect(); len(gc.get_objects())")
    assert page.js("() => document.querySelectorAll('.cm-editor').length") == 0
    document.python(
        """
import asyncio
for _ in range(30):
    with Scope("once") as once:
        once.run(lambda: ui.TextEditor("#code", opened[0], "/editor/editor.mjs"))
        ui.current_page().flush()
        await asyncio.sleep(0)
    ui.current_page().flush()
None
"""
    )
    after = document.python("gc.collect(); [len(gc.get_objects()), len(ui.current_page()._hearers)]")
    assert after[0] - before < 200
    assert after[1] == 0
    assert page.js("() => document.querySelectorAll('.cm-editor').length") == 0
    document.python(CLOSE)


def test_module_that_opens_no_editor_is_reported(document: Document) -> None:
    document.show(BOXES)
    document.python(OPEN.format(name=":memory:", module="/yjs.mjs"))
    document.page.until("len(errors)", 1)
    assert document.python("[str(error) for error in errors]") == [
        "/yjs.mjs doesn't export what opens an editor as its default, and all of yjs beside it"
    ]
    document.python("errors.clear()")
    document.python(CLOSE)


CROSSING = """
import asyncio
async def type_along():
    for number in range(40):
        opened[3].insert(number % 7, "+")
        await asyncio.sleep(0.005)
        await opened[3].flush()
along = asyncio.ensure_future(type_along())
None
"""


def test_text_is_equal_after_a_reload_and_where_edits_of_a_worker_cross(browser: Browser, site: str) -> None:
    page = browser.tab()
    page.open(site)
    document = Document(page)
    document.show(BOXES)
    document.python(OPEN.format(name="together.db", module="./editor.mjs"))
    page.call(lambda page: page.wait_for_selector(".cm-content"))
    typed = "one 😀"
    for selector, text in ((".cm-content", " code"), ("#area", " area"), ("#plain", " plain\n")):
        write(page, selector, text)
        shows(page, typed := typed + text)
    document.python("[await text.flush() for text in opened]\nawait db.saved('local')\nNone")

    page.open(site, worker=True)
    document = Document(page)
    document.show(BOXES)
    document.python(OPEN.format(name="together.db", module="./editor.mjs"))
    page.call(lambda page: page.wait_for_selector(".cm-content"))
    shows(page, "one 😀 code area plain\n")
    document.python(CROSSING)
    for selector, text in (("#area", "123456789"), ("#plain", "abcdefghi"), (".cm-content", "ABCDEFGHI")):
        write(page, selector, text)
    page.until("sum(letter == '+' for letter in opened[3]())", 40)
    document.python("[await text.flush() for text in opened]\nNone")
    (now, row) = document.python(TEXTS)
    assert sorted(now) == sorted("one 😀 code area plain\n" + "123456789abcdefghiABCDEFGHI" + "+" * 40)
    assert [one for one in now if one in "123456789"] == list("123456789")
    assert [one for one in now if one in "ABCDEFGHI"] == list("ABCDEFGHI")
    assert row == now
    shows(page, now)
    assert document.python("[str(error) for error in errors]") == []
    page.close()
