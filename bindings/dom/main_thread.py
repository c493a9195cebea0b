"""The page beside its Python: Pyodide on the main thread, the applier called directly.

    Page --apply(text)--> applier.mjs (in the same thread) --> DOM

Loading costs one evaluation of a file of a few hundred lines.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from .page import Page

__all__ = ["applier_source", "main_page"]


def applier_source() -> str:
    """Return applier.mjs, the JavaScript half of the bindings."""
    return files("eddyline.bindings.web").joinpath("applier.mjs").read_text(encoding="utf-8")


def main_page() -> Page:
    """Return the page of this window's document."""
    from js import document
    from pyodide.code import run_js
    from pyodide.ffi import create_once_callable, create_proxy

    body = applier_source().replace("export function", "function")
    make: Any = run_js(f"(() => {{\n{body}\nreturn makeApplier;\n}})()")  # Any: a function of JavaScript's
    page: Page
    applier = make(document, create_proxy(lambda message: page.hear(message)))

    def frame(call: Callable[[], None]) -> None:
        applier.frame(create_once_callable(call))

    page = Page(applier.apply, frame, direct=True, adopt=applier.adopt)
    return page
