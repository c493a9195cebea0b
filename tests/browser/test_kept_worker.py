"""Databases that a worker keeps by a redo log: beside a page, ended at once, without handles, from before the log."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from .chromium import Browser, Page
from .test_kept import OPEN

_names = (f"worker-{number}.db" for number in count())

ADD = """
await db.write(lambda tx: tx.add(Issue(title={title!r})))
await db.saved("local")
[db._store._saver.logs, db._store._pages.unsaved]
"""
LOGGED = [True, True]
TITLES = "[i.title for i in view.rows()]"
BREAK = """
from pyodide.code import run_js
kept_whole = run_js('''
[
    [FileSystemFileHandle, "createSyncAccessHandle"],
    [FileSystemSyncAccessHandle, "write"],
    [StorageManager, "getDirectory"],
].map(([kind, method]) => [kind.prototype, method, kind.prototype[method]])
''')
await run_js('''async (name) => {{ {broken} }}''')({name!r})
"""
MEND = """
run_js("(whole) => whole.forEach(([kind, method, was]) => (kind[method] = was))")(kept_whole)
run_js("self.taken?.close()")
"""
NO_CHECKPOINTS = "import eddyline.stores.kept as kept; kept._CHECKPOINT_S = 1e6"


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    page = browser.tab()
    page.open(worker=True)
    page.python(NO_CHECKPOINTS)
    yield page
    page.close()


@pytest.fixture
def worker(tab: Page) -> Iterator[Page]:
    """Return the one tab that has Python in a worker, where IndexedDB isn't brought up to the log until it must be."""
    yield tab
    tab.python("await db.close()")


@pytest.fixture
def name() -> str:
    return next(_names)


def test_a_worker_keeps_by_its_log_and_it_and_a_page_take_turns(worker: Page, page: Page, name: str) -> None:
    worker.python(OPEN.format(name=name))
    assert worker.python(ADD.format(title="a")) == LOGGED
    page.python(OPEN.format(name=name))
    assert page.python(TITLES) == ["a"]
    assert page.python(ADD.format(title="b")) == [False, False]
    worker.until(TITLES, ["a", "b"])
    assert worker.python(ADD.format(title="c")) == LOGGED
    page.python(ADD.format(title="d"))
    assert page.python(TITLES) == ["a", "b", "c", "d"]
    page.python("await db.close()")


def test_what_was_saved_is_there_when_the_worker_is_terminated_at_once(worker: Page, name: str) -> None:
    worker.python(OPEN.format(name=name))
    worker.python(ADD.format(title="a"))
    assert worker.python(ADD.format(title="b")) == LOGGED
    worker.js("() => app.worker.terminate()")
    worker.open(worker=True)
    worker.python(NO_CHECKPOINTS)
    worker.python(OPEN.format(name=name))
    assert worker.python(TITLES) == ["a", "b"]


@pytest.mark.parametrize(
    "broken",
    [
        "FileSystemFileHandle.prototype.createSyncAccessHandle = undefined",
        'StorageManager.prototype.getDirectory = async () => { throw new DOMException("no", "SecurityError") }',
        """
        const root = await navigator.storage.getDirectory()
        const folder = await root.getDirectoryHandle("eddyline", {create: true})
        const file = await folder.getFileHandle(`${name}.1.redo`, {create: true})
        self.taken = await file.createSyncAccessHandle()
        """,
    ],
    ids=["no handles", "no file system", "a handle that another program has"],
)
def test_where_there_is_no_log_a_worker_saves_as_a_page_does(worker: Page, name: str, broken: str) -> None:
    worker.python(BREAK.format(broken=broken, name=name))
    worker.python(OPEN.format(name=name))
    without = worker.python(ADD.format(title="a"))
    worker.python(MEND)
    worker.python("await db.close()")
    worker.python(OPEN.format(name=name))
    assert without == [False, False]
    assert worker.python(ADD.format(title="b")) == LOGGED
    assert worker.python(TITLES) == ["a", "b"]


def test_a_log_without_room_gives_way_to_indexeddb_and_takes_over_again(worker: Page, name: str) -> None:
    worker.python(OPEN.format(name=name))
    worker.python(ADD.format(title="a"))
    full = 'FileSystemSyncAccessHandle.prototype.write = () => { throw new DOMException("no", "QuotaExceededError") }'
    worker.python(BREAK.format(broken=full, name=name))
    assert worker.python(ADD.format(title="b")) == [True, False]
    worker.python(MEND)
    assert worker.python(ADD.format(title="c")) == LOGGED
    worker.python("await db.close()")
    worker.python(OPEN.format(name=name))
    assert worker.python(TITLES) == ["a", "b", "c"]


def test_a_database_from_before_there_were_logs_goes_on(worker: Page, page: Page, name: str) -> None:
    page.python(OPEN.format(name=name))
    page.python(ADD.format(title="a"))
    page.python("await db.close()")
    page.js(
        """(name) => new Promise((resolve) => {
            const opened = indexedDB.open(`eddyline:${name}`)
            opened.onsuccess = () => {
                const transaction = opened.result.transaction("head", "readwrite")
                const heads = transaction.objectStore("head")
                const asked = heads.get(0)
                asked.onsuccess = () => heads.put({version: asked.result.version, size: asked.result.size}, 0)
                transaction.oncomplete = () => resolve(opened.result.close())
            }
        })""",
        name,
    )
    worker.python(OPEN.format(name=name))
    assert worker.python(TITLES) == ["a"]
    assert worker.python(ADD.format(title="b")) == [True, False]
    assert worker.python(ADD.format(title="c")) == LOGGED
    worker.python("await db.close()")
    worker.python(OPEN.format(name=name))
    assert worker.python(TITLES) == ["a", "b", "c"]
