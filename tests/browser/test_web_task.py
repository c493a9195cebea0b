"""`python3 dev web`: the folder that it makes is a page that runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from eddyline.bindings.web.serve import serve
from eddyline.demo_tui.web.serve import PACKAGES, make_site

from .chromium import Browser


def test_page_of_the_task_shows_the_tracker(
    browser: Browser, node_packages: Callable[..., Path], tmp_path: Path
) -> None:
    make_site(tmp_path, node_packages(*PACKAGES) / "node_modules")
    assert json.loads((tmp_path / "eddyline.json").read_text(encoding="utf-8"))["yjs"] == "./yjs.mjs"
    with serve(tmp_path, 0) as url:
        page = browser.tab()
        page.call(lambda page: page.goto(url))
        page.call(lambda page: page.wait_for_selector("#issues li"))
        assert page.js("() => typeof eddylineYjs.Doc") == "function"
        page.close()
