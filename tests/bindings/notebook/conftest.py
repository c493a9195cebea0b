"""Fixtures of notebook tests: comms without a kernel; one JupyterLab and one Chromium a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import comm
import pytest

from ...browser.chromium import Browser, find_chromium
from .fake_comm import FakeComm
from .lab import Lab, Notebook
from .tools import tools


@pytest.fixture
def comms(monkeypatch: pytest.MonkeyPatch) -> list[FakeComm]:
    """Have widgets speak to comms that keep what is sent; the list has each one that a widget of ours opened."""
    opened: list[FakeComm] = []

    def create(**given: Any) -> FakeComm:  # Any: as ipywidgets asks for it
        made = FakeComm(**given)
        if "_esm" in made.data["state"]:  # a widget of ours, not the layout that it brings
            opened.append(made)
        return made

    monkeypatch.setattr(comm, "create_comm", create)
    return opened


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    tools()
    browser = Browser(find_chromium(), tmp_path_factory.mktemp("profile"), "")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture
def notebook(lab: Lab, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Notebook]]:
    """Open a notebook of these cells: `notebook("view = ...", "view")`."""
    opened = []

    def made(*cells: str) -> Notebook:
        name = f"{request.node.name[5:45]}.ipynb"
        lab.write(name, list(cells))
        opened.append(Notebook(browser.tab(), lab, name))
        return opened[-1]

    yield made
    for one in opened:
        one.page.close()
