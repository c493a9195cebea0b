"""Databases that a worker keeps by a redo log: reload, terminated workers, killed tabs, pages beside workers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from .chromium import Browser, Page
from .test_kept import OPEN

_names = (f"worker-{number}.db" for number in count())


@pytest.fixture
def name() -> str:
    return next(_names)


@pytest.fixture
def worker(browser: Browser) -> Iterator[Page]:
    page = browser.tab()
    page.open(worker=True)
    yield page
    page.close()


def test_what_was_saved_is_there_when_the_worker_is_terminated_at_once(worker: Page, name: str) -> None:
    worker.python(OPEN.format(name=name))
    worker.python('await db.write(lambda tx: tx.add(Issue(title="a"))); await db.saved("local")')
    logged = worker.python(
        """
await db.write(lambda tx: tx.add(Issue(title="b")))
await db.saved("local")
[db._store._redo is not None, db._store._pages.unsaved]
"""
    )
    worker.js("() => app.worker.terminate()")
    assert logged == [True, True]
    worker.open(worker=True)
    worker.python(OPEN.format(name=name))
    assert worker.python("[i.title for i in view.rows()]") == ["a", "b"]
