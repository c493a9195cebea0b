"""`linked`: a value that follows others until somebody writes it, and again when they change.

    options = signal(["S", "M"])
    choice = linked(lambda: options()[0])        "S"
    choice.set("M")                              "M" stands, as long as options()[0] is "S"
    options.set(["L", "XL"])                     "L"

    page = linked(query, lambda _: 1)            back to page 1 whenever the query changes

What is written stands until the value of the source differs from the one before (equality.py); a source that changes
and changes back within a batch takes nothing away unless it is read between. It is as lazy as a computed, and collected
like one. A source that fails, fails its readers and writers, and what was written is gone.
Costs: three computeds and a signal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar, cast, overload

from . import flush, loops
from .computed import Computed
from .functions import check_function
from .naming import name_of, short
from .nodes import lock
from .signal import Signal
from .untracked import untracked

__all__ = ["Linked", "linked"]

S = TypeVar("S")
T = TypeVar("T")


class Linked(Generic[T]):
    """A readable and writable value that is reset by its source."""

    __slots__ = ("__weakref__", "_latest", "_name", "_slot")

    def __init__(self, source: Callable[[], S], fn: Callable[[S], T], name: str | None = None) -> None:
        check_function(source, "linked()")
        check_function(fn, "linked()")
        name = name or name_of(source)
        followed = Computed(source, f"{name}.source")

        def reset() -> Signal[T]:
            value = followed.get()
            return Signal(untracked(lambda: fn(value)), f"{name}.written")

        self._name = name
        self._slot = slot = Computed(reset, f"{name}.reset")  # a new signal whenever the source differs
        self._latest = Computed(lambda: slot.get().get(), name)

    @property
    def _node(self) -> Computed[T]:
        return self._latest

    def get(self) -> T:
        """Return the value; the running computed or effect follows it."""
        return self._latest.get()

    __call__ = get

    def peek(self) -> T:
        """Return the value; nobody follows."""
        return self._latest.peek()

    def set(self, value: T) -> None:
        """Write the value: it stands until the source changes."""
        if loops.owner is not None and (loop := loops.foreign()) is not None:
            flush.post(loop, partial(self.set, value))
            return
        with lock:
            self._slot.peek().set(value)

    def update(self, fn: Callable[[T], T]) -> None:
        """Write `fn(value)`; no other thread writes between the two."""
        if loops.owner is not None and (loop := loops.foreign()) is not None:
            flush.post(loop, partial(self.update, fn))
            return
        with lock:
            self._slot.peek().update(fn)

    @property
    def value(self) -> T:
        """The value, tracked; assign to write."""
        return self.get()

    @value.setter
    def value(self, value: T) -> None:
        self.set(value)

    def __repr__(self) -> str:
        latest = self._latest
        stale = latest._mark.state or latest._error is not None
        return f"<Linked {self._name}: {'stale' if stale else short(latest._value)}>"


@overload
def linked(source: Callable[[], T], *, name: str | None = None) -> Linked[T]: ...
@overload
def linked(source: Callable[[], S], fn: Callable[[S], T], *, name: str | None = None) -> Linked[T]: ...
def linked(source: Callable[[], Any], fn: Callable[[Any], T] | None = None, *, name: str | None = None) -> Linked[T]:
    """Return a value that is `fn(source())`, or just `source()`, until it is written and whenever `source()` changes.

    `source` is a signal or a function that reads some; what `fn` reads is not followed.
    """
    return Linked(source, fn or cast("Callable[[Any], T]", _itself), name)  # without fn the value is the source's


def _itself(value: T) -> T:
    return value
