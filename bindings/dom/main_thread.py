"""The page beside its Python: Pyodide on the main thread, the applier called directly.

    Page --apply(text)--> applier.mjs (in the same thread) --> DOM

Loading costs one evaluation of some files of a few hundred lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from .page import Page

__all__ = ["applier_source", "main_page"]

TEXTS = ("transform", "text_surface", "text_cursors", "text_field", "text_editor")  # each imports from those before it


def applier_source() -> str:
    """Return applier.mjs and what it imports, the JavaScript half of the bindings, as the body of one script."""
    folder = files("eddyline.bindings.web")
    text = "\n".join(folder.joinpath(f"{name}.mjs").read_text(encoding="utf-8") for name in (*TEXTS, "applier"))
    return re.sub(r"^import .*$|^export ", "", text, flags=re.MULTILINE)


def main_page() -> Page:
    """Return the page of this window's document."""
    from js import document
    from pyodide.code import run_js
    from pyodide.ffi import create_once_callable, create_proxy

    make: Any = run_js(f"(() => {{\n{applier_source()}\nreturn makeApplier;\n}})()")  # Any: a function of JavaScript's
    page: Page
    applier = make(document, create_proxy(lambda message: page.hear(message)))

    def frame(call: Callable[[], None]) -> None:
        applier.frame(create_once_callable(call))

    page = Page(applier.apply, frame, direct=True, adopt=applier.adopt)
    return page
