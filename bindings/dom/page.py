"""`Page`: the ops for one document, sent once a frame, and what the user does there, heard.

    signals --> effects, patches --(a frame)--> [["set", 1, "text", "", "7 open"], ...] --apply--> applier.mjs --> DOM
    handlers, signals <--- hear('["event", 3, {...}]') <------------------------------------------ applier.mjs <-- user

No JavaScript in here: `apply` takes a text, `frame` a function to call with the next frame. So one page stands beside
its Python (`main_thread.py`), another is on the far side of a worker, a third in a test. Elements, lists and handlers
go by numbers that the page gives out. Where `direct`, an op is done when `apply` returns: then a selector that nothing
matches raises where it is asked for; else it is reported.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeAlias

from eddyline import PageError

__all__ = ["Element", "Json", "Page", "Target", "current_page", "use_page"]

Json: TypeAlias = Any  # Any: what JSON can say
Hearer: TypeAlias = Callable[..., object]


class Page:
    """One document. `on_error` is told of what fails in handlers and in the page; by default the loop's handler is."""

    def __init__(
        self,
        apply: Callable[[str], object],
        frame: Callable[[Callable[[], None]], object],
        *,
        direct: bool = False,
        adopt: Callable[[int, object], object] | None = None,
        on_error: Callable[[Exception], object] | None = None,
    ) -> None:
        self._apply, self._frame, self._direct, self._adopt = apply, frame, direct, adopt
        self.report = on_error or _to_the_loop
        self._numbers = count(1)
        self._ops: list[Json] = []
        self._due: list[Callable[[], None]] = []
        self._last: list[Callable[[], None]] = []
        self._asked = False
        self._hearers: dict[int, Hearer] = {}
        self.lists: dict[int, Callable[[int], tuple[Hashable, Any] | None]] = {}  # key and row by their number
        self._looked_for = 0  # the element whose selector is tried just now
        self._missed: str | None = None  # why it isn't there

    def number(self) -> int:
        """Return a number for something of this page."""
        return next(self._numbers)

    def op(self, *op: Json) -> None:
        """Have `op` done with the next frame, after those before it."""
        self._ops.append(op)
        self._ask()

    def each_frame(self, run: Callable[[], None]) -> None:
        """Call `run` with the next frame, before what is sent then: a scheduler of effects."""
        self._due.append(run)
        self._ask()

    def end_of_frame(self, run: Callable[[], None]) -> None:
        """Call `run` at the end of a frame, this one if one is under way: what effects have gathered is sent then."""
        self._last.append(run)
        self._ask()

    def find(self, target: Target) -> Element:
        """Return the element of a selector, or one that is at hand. Raises `PageError`."""
        if isinstance(target, Element):
            return target
        element = Element(self, self.number(), str(target))
        if isinstance(target, str):
            self._ops.append(("find", element.number, target))
            if self._direct:
                self._find_now(element)
            else:
                self._ask()
        elif self._adopt is not None:
            self.flush()
            self._adopt(element.number, target)
        else:
            raise PageError(f"an element of a page that is elsewhere goes by its selector, a str, not {target!r:.60}")
        return element

    def row_of(self, of: int, number: int) -> tuple[Hashable, Any] | None:  # Any: of whatever is mounted
        """Return key and row that a mounted list knows by `number`; None where it has gone."""
        find = self.lists.get(of)
        return None if find is None else find(number)

    def listen(self, number: int, fn: Hearer) -> None:
        """Have `fn` called with what the page tells of `number`."""
        self._hearers[number] = fn

    def unlisten(self, number: int) -> None:
        """Hear nothing of `number` any more."""
        if self._hearers.pop(number, None) is not None:
            self.op("off", number)

    def hear(self, message: str) -> None:
        """Take what the page tells: an event, an edit, an op that failed. What handlers raise is reported."""
        kind, number, *said = json.loads(message)
        if kind == "error":
            if number == self._looked_for:
                self._missed = str(said[0])
            else:
                self.report(PageError(str(said[0])))
            return
        hearer = self._hearers.get(number)
        if hearer is not None:  # else: it was closed while this was on its way
            try:
                hearer(*said)
            except Exception as error:
                self.report(error)

    def flush(self) -> None:
        """Send what is waiting, now."""
        if self._ops:
            ops, self._ops = self._ops, []
            self._apply(json.dumps(ops, ensure_ascii=False, separators=(",", ":")))

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            self._frame(self._in_frame)

    def _in_frame(self) -> None:
        due, self._due = self._due, []
        self._run(due)
        last, self._last = self._last, []
        self._run(last)
        try:
            self.flush()
        finally:
            self._asked = False
        if self._due or self._last:
            self._ask()

    def _run(self, due: list[Callable[[], None]]) -> None:
        for run in due:
            try:
                run()
            except Exception as error:
                self.report(error)

    def _find_now(self, element: Element) -> None:
        self._looked_for, self._missed = element.number, None
        try:
            self.flush()
        finally:
            self._looked_for = 0
        if self._missed is not None:
            raise PageError(self._missed)


class Element:
    """One element of a page."""

    __slots__ = ("_name", "number", "page")

    def __init__(self, page: Page, number: int, name: str) -> None:
        self.page, self.number, self._name = page, number, name

    def set(self, kind: str, name: str, value: Json) -> None:
        """Set its text, or an attribute, class, style or property."""
        self.page.op("set", self.number, kind, name, value)

    def call(self, method: str) -> None:
        """Call a method without arguments: focus, select, showModal, close, ..."""
        self.page.op("call", self.number, method)

    def drop(self) -> None:
        """Let the page forget its number."""
        self.page.op("drop", self.number)

    def __repr__(self) -> str:
        return f"<Element {self._name}>"


Target: TypeAlias = str | Element | Any  # Any: an element of JavaScript's, beside Python
"""A selector, what `page.find` gave, or an element of the document itself."""


_page: Page | None = None


def current_page() -> Page:
    """Return the page that bindings are for. Raises `PageError` where there is none."""
    global _page
    if _page is None:
        if sys.platform != "emscripten":
            raise PageError("there is no page here: this runs in a browser's Python, or after use_page(page)")
        import js

        if hasattr(js, "document"):
            from .main_thread import main_page

            _page = main_page()
        else:
            from .worker import worker_page

            _page = worker_page()
    return _page


@contextmanager
def use_page(page: Page) -> Iterator[Page]:
    """Have bindings made in this block act on `page`."""
    global _page
    before, _page = _page, page
    try:
        yield page
    finally:
        _page = before


def _to_the_loop(error: Exception) -> None:
    asyncio.get_event_loop().call_exception_handler({"message": f"on the page: {error}", "exception": error})
