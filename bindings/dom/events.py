"""`on` and `listen`: what the user does, told to functions of Python's.

    @on("click", "#add")
    async def add(event): ...                   awaited in a task of its own; its failure is reported

    @on("click", "#issues .close")              one listener for all rows, also those that come later
    async def close(event):
        await db.run(close_issue, event.row.id)

Listeners stand at the document and look whether what was hit is in what the selector means: they outlive the elements.
`submit` does not send the form, for Python takes it; `prevent=` says otherwise.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...signals.closing import Closing
from .life import belong
from .page import Json, Page, current_page

__all__ = ["Event", "Listener", "listen", "on"]

F = TypeVar("F", bound=Callable[..., object])

_running: set[asyncio.Task[Any]] = set()  # Any: what handlers return


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as it was then.

    `id`, `value`, `checked` and `data` (its `data-*`) are of the element that the selector means. Inside a mounted list
    `key` and `row` are those of the row. `form` holds a form's fields, those that are there several times as lists.
    """

    type: str
    id: str = ""
    value: Any = None  # Any: text, nearly always
    checked: bool | None = None
    pressed: str = ""  # which key of the keyboard
    repeat: bool = False
    modifiers: frozenset[str] = frozenset()
    x: float = 0
    y: float = 0
    key: Hashable = None
    row: Any = None  # Any: of the view that is mounted
    data: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str | list[str]] = field(default_factory=dict)


class Listener(Closing):
    """A function that hears one kind of event. Close it, or let its Scope do so."""

    __slots__ = ("_fn", "_number", "_page", "_takes_event")

    def __init__(
        self, page: Page, fn: Callable[..., object], type: str, selector: str | None, *, prevent: bool, stop: bool
    ) -> None:
        self._page, self._fn = page, fn
        self._takes_event = _takes_one(fn)
        self._number = page.number()
        page.listen(self._number, self._hear)
        page.op("on", self._number, type, selector, {"prevent": prevent, "stop": stop})
        belong(self)

    def close(self) -> None:
        """Hear no more; a task that runs goes on to its end."""
        self._page.unlisten(self._number)

    def _hear(self, said: Json) -> None:
        event = _event(self._page, said)
        if event is None:
            return
        outcome = self._fn(event) if self._takes_event else self._fn()
        if inspect.iscoroutine(outcome):
            task = asyncio.ensure_future(self._reported(outcome))
            _running.add(task)
            task.add_done_callback(_running.discard)

    async def _reported(self, work: Coroutine[Any, Any, object]) -> None:  # Any: a coroutine's own
        try:
            await work
        except Exception as error:
            self._page.report(error)


def listen(
    type: str, selector: str | None, fn: Callable[..., object], *, prevent: bool | None = None, stop: bool = False
) -> Listener:
    """Call `fn`, with the `Event` if it takes one, whenever `type` happens in what `selector` means; None: anywhere.

    `prevent` keeps the browser from what it does by itself (follow a link, send a form), `stop` the event from others.
    """
    prevents = type == "submit" if prevent is None else prevent
    return Listener(current_page(), fn, type, selector, prevent=prevents, stop=stop)


def on(type: str, selector: str | None = None, *, prevent: bool | None = None, stop: bool = False) -> Callable[[F], F]:
    """Decorate a function, `async` or not, that hears an event: `listen` as a decorator."""

    def decorate(fn: F) -> F:
        listen(type, selector, fn, prevent=prevent, stop=stop)
        return fn

    return decorate


def _event(page: Page, said: Json) -> Event | None:
    """Return the event that a page tells of; None if it was in a row that has gone meanwhile."""
    key: Hashable = None
    row: Any = None  # Any: of the view
    if "list" in said:
        found = page.row_of(said["list"], said["key"])
        if found is None:
            return None
        key, row = found
    form: dict[str, str | list[str]] = {}
    for name, value in said.get("form", ()):
        before = form.get(name)
        form[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return Event(
        said["type"], said["id"], said["value"], said["checked"], said.get("pressed", ""), said.get("repeat", False),
        frozenset(said.get("modifiers", ())), said.get("x", 0), said.get("y", 0), key, row, said.get("data", {}), form,
    )  # fmt: skip


def _takes_one(fn: Callable[..., object]) -> bool:
    """Whether `fn` takes the event."""
    try:
        inspect.signature(fn).bind(None)
    except TypeError:
        inspect.signature(fn).bind()  # neither: raises now, not at the first click
        return False
    return True
