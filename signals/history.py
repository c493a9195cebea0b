"""`history`: undo and redo of a signal.

    text = signal("")
    steps = history(text, limit=100)
    text.set("a")
    with batch():                      one step
        text.set("ab")
        text.set("abc")
    steps.undo()                       text() == "a"
    steps.redo()                       text() == "abc"
    steps.can_undo()                   a signal, for a button

A step is what an effect sees: one write, or one batch. `group()` makes one step of several of them. A write after an
undo drops what could have been redone. Inside a group, whose step has not ended, `undo` and `redo` are refused. Values
are kept as they are: set new ones, don't change one in place. What has `peek`, `get` and `set` will do: a signal, a
`linked` value, a `ListSignal` (then a step is a tuple of its items), a `store` (then it is plain data).
On a thread that posts its writes, `undo`, `redo`, `clear` and `group()` are posted like writes.
Costs: a reference for each step, `limit` of them at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from . import flush, loops
from .batch import batch
from .closing import Closing
from .computed import Computed
from .effect import Effect, effect
from .equality import same
from .naming import short
from .nodes import lock
from .signal import Signal

__all__ = ["History", "history"]

T = TypeVar("T")


class Writable(Protocol[T]):
    """A signal, as far as a history needs it."""

    def get(self) -> T:
        """Return the value, tracked."""

    def peek(self) -> T:
        """Return the value; nobody follows."""

    def set(self, value: T, /) -> None:
        """Replace the value."""


class History(Closing, Generic[T]):
    """The former values of a signal. Close it, or let its Scope do so."""

    def __init__(self, of: Writable[T], limit: int | None = None) -> None:
        if limit is not None and limit < 1:
            raise ValueError(f"a history of {limit} steps can't undo anything; limit has to be 1 or more, or None")
        self._of = of
        self._past: deque[T] = deque(maxlen=limit)
        self._future: list[T] = []
        self._now = of.peek()
        self._groups = 0
        self._effect: Effect | None = None
        self._counts = Signal((0, 0), "history")
        self.can_undo: Computed[bool] = Computed(lambda: counts()[0] > 0, "can_undo")
        self.can_redo: Computed[bool] = Computed(lambda: counts()[1] > 0, "can_redo")
        counts = self._counts
        self._effect = effect(lambda: self._note(of.get()), "history")

    def undo(self) -> bool:
        """Go back one step; return whether there was one (posted from another thread: whether there is one now)."""
        if (loop := loops.foreign()) is not None:
            flush.post(loop, self.undo)
            return bool(self._past)
        with lock:
            self._refuse_in_group("undo()")
            self._note(self._of.peek())
            if not self._past:
                return False
            self._future.append(self._now)
            self._go(self._past.pop())
            return True

    def redo(self) -> bool:
        """Go forward one step that was undone; return whether there was one (posted: whether there is one now)."""
        if (loop := loops.foreign()) is not None:
            flush.post(loop, self.redo)
            return bool(self._future)
        with lock:
            self._refuse_in_group("redo()")
            self._note(self._of.peek())
            if not self._future:
                return False
            self._past.append(self._now)
            self._go(self._future.pop())
            return True

    def clear(self) -> None:
        """Forget all steps; the value stands."""
        if (loop := loops.foreign()) is not None:
            flush.post(loop, self.clear)
            return
        with lock:
            self._past.clear()
            self._future.clear()
            self._now = self._of.peek()
            self._tell()

    @contextmanager
    def group(self) -> Iterator[None]:
        """Make one step of all that is written in the block, also if it fails."""
        if loops.foreign() is not None:
            with batch():  # posted as a whole
                yield
            return
        self._note(self._of.peek())
        self._groups += 1
        try:
            yield
        finally:
            self._groups -= 1
            self._note(self._of.peek())

    def close(self) -> None:
        """Note no more; the steps that there are can still be undone."""
        if self._effect is not None:
            self._effect.close()

    def _refuse_in_group(self, verb: str) -> None:
        if self._groups:
            raise RuntimeError(f"{verb} inside a group() of {self!r}: its step has not ended; undo after the block")

    def _note(self, value: T) -> None:
        """The value before becomes a step if this one differs."""
        if self._groups or same(self._now, value) or (self._effect is not None and self._effect.closed):
            return
        self._past.append(self._now)
        self._future.clear()
        self._now = value
        self._tell()

    def _go(self, value: T) -> None:
        self._now = value
        with batch():
            self._of.set(value)
            self._tell()

    def _tell(self) -> None:
        self._counts.set((len(self._past), len(self._future)))

    def __repr__(self) -> str:
        return f"<History: {len(self._past)} to undo, {len(self._future)} to redo>"


def history(of: Writable[T], limit: int | None = None) -> History[T]:
    """Return a history of `of`, from its present value on; `limit` is the most steps it keeps."""
    if not all(hasattr(of, name) for name in ("peek", "get", "set")):
        raise TypeError(f"history() takes what can be read and set, as a signal, not {short(of)}")
    return History(of, limit)
