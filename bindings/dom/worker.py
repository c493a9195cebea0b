"""The page on the far side of a worker: Python and SQLite work here, the main thread only draws.

    worker   Page --postMessage({page: ops})-->    main   attach(worker) of applier.mjs --> DOM
             hear <--postMessage({page: event})--

Frames are a timer's: the main thread paints when it wants.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from .page import Page

__all__ = ["worker_page"]

FRAME_S = 1 / 60


def worker_page() -> Page:
    """Return the page whose script has called `attach(worker)`."""
    import js
    from pyodide.ffi import create_proxy

    def apply(text: str) -> None:
        js.postMessage(js.JSON.parse(json.dumps({"page": text})))

    def frame(call: Callable[[], None]) -> None:
        asyncio.get_event_loop().call_later(FRAME_S, call)

    page = Page(apply, frame)

    def hear(event: Any) -> None:  # Any: a MessageEvent of JavaScript's
        message = getattr(event.data, "page", None)
        if isinstance(message, str):
            page.hear(message)

    js.addEventListener("message", create_proxy(hear))
    return page
