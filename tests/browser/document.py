"""The document of a page for a test: what it shows, what Python binds there, what a user does."""

from __future__ import annotations

from typing import Any

from .chromium import Page

__all__ = ["END", "FRAME", "Document"]

BEGIN = """
from eddyline import Column, Database, Model, Scope, column, signal
from eddyline.bindings import browser as ui
from eddyline.signals import ListSignal

class Issue(Model):
    title: Column[str]
    state: Column[str] = column(default="open")

errors, heard = [], []
ui.current_page().report = errors.append
scope = Scope("test")
None
"""
END = """
scope.close()
ui.current_page().flush()
[str(error) for error in errors]
"""
FRAME = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Document:
    """The document of the page, and `scope`, which ends what a test binds."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.python(BEGIN)

    def show(self, html: str) -> None:
        self.page.js("(html) => { document.body.innerHTML = html }", html)

    def python(self, code: str) -> Any:
        """Run `code`; then a frame passes."""
        value = self.page.python(code)
        self.page.js(FRAME)
        return value

    def texts(self, selector: str) -> list[str]:
        said: list[str] = self.page.js("(s) => [...document.querySelectorAll(s)].map(e => e.textContent)", selector)
        return said

    def act(self, act: Any) -> None:
        """Do what a user does: `act(page)` with Playwright's page; then a frame passes."""
        self.page.call(act)
        self.page.js(FRAME)
