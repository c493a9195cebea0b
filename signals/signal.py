"""`Signal`: a value that others follow.

    count = signal(0)
    count.get()  count.value  count()        read, tracked
    count.peek()                             read, not tracked
    count.set(1)  count.value = 1            write; dropped if it equals the value there is (equality.py)
    count.update(lambda n: n + 1)            write what a function makes of the value

A list or dict changed in place is still the same object, so nobody is told: set a new one.
Costs: read one comparison while nothing runs; write O(what depends on it); 88 bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from . import flush, loops
from .equality import Equals, same
from .functions import check_function
from .naming import short
from .nodes import lock, now, track
from .showing import Shown
from .source import Source
from .untracked import untracked

__all__ = ["Signal", "signal"]

T = TypeVar("T")


class Signal(Source, Shown, Generic[T]):
    """A readable and writable value."""

    __slots__ = ("_equals", "_name", "_value")

    def __init__(self, value: T, name: str | None = None, *, equals: Equals | None = None) -> None:
        if equals is not None:
            check_function(equals, "equals=")
        self._subs = None
        self._version = 0
        self._seen = None
        self._value = value
        self._name = name
        self._equals = equals

    def get(self) -> T:
        """Return the value; the running computed or effect follows it."""
        token = now.token
        if token is not None and self._seen is not token:
            track(self)
        return self._value

    __call__ = get

    def peek(self) -> T:
        """Return the value; nobody follows."""
        return self._value

    def set(self, value: T) -> None:
        """Replace the value. Raises what effects raise; the value stands then too."""
        if loops.owner is not None and (loop := loops.foreign()) is not None:
            flush.post(loop, partial(self.set, value))
            return
        lock.acquire()
        try:
            if self._equals is None:
                if same(self._value, value):
                    return
            elif self._is_same(value):
                return
            self._value = value
            flush.changed(self)
        finally:
            lock.release()

    def update(self, fn: Callable[[T], T]) -> None:
        """Replace the value by `fn(value)`; no other thread writes between the two."""
        if loops.owner is not None and (loop := loops.foreign()) is not None:
            flush.post(loop, partial(self.update, fn))
            return
        lock.acquire()
        try:
            value = fn(self._value)
            if not (same(self._value, value) if self._equals is None else self._is_same(value)):
                self._value = value
                flush.changed(self)
        finally:
            lock.release()

    def _is_same(self, value: T) -> bool:
        """Ask the rule of this signal. What it reads is no dependency of the writer."""
        assert self._equals is not None
        return untracked(partial(self._equals, self._value, value))

    @property
    def value(self) -> T:
        """The value, tracked; assign to write."""
        return self.get()

    @value.setter
    def value(self, value: T) -> None:
        self.set(value)

    def __repr__(self) -> str:
        return f"<Signal{' ' + self._name if self._name else ''}: {short(self._value)}>"


def signal(value: T, name: str | None = None, *, equals: Equals | None = None) -> Signal[T]:
    """Return a new signal. `equals(old, new)` replaces the rule of what counts as unchanged."""
    return Signal(value, name) if equals is None else Signal(value, name, equals=equals)
