"""`batch`: several writes, one wave of effects.

    with batch():
        first.set("Ada")          values change at once, computeds read in here are up to date
        last.set("Lovelace")
    # here each effect that depends on either has run, once

Batches nest; the outermost flushes, also after an exception in its body, for the writes stand. A batch belongs to the
task (without a task: the thread) that opened it: what another task writes meanwhile is flushed at once, what a task
started inside it writes is not in it, and it may be held across an `await`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar

from . import flush, loops, nodes
from .flush import OnError, Pending, pending
from .functions import check_function
from .naming import name_of

__all__ = ["Batch", "batch"]

CO_COROUTINE: Final = 0x80  # as in inspect, which is not loaded for this

P = ParamSpec("P")
R = TypeVar("R")


class Batch:
    """What `batch()` returns: a context manager, and a decorator for plain functions."""

    __slots__ = ("_holder", "_on_error")

    def __init__(self, on_error: OnError | None = None) -> None:
        self._on_error = on_error
        self._holder: list[object] = []  # one entry for each time it is entered

    def __enter__(self) -> Self:
        holder = loops.holder()
        opened = pending.get(holder)
        if opened is None:
            pending[holder] = Pending(self._on_error)
        else:
            opened.depth += 1
        self._holder.append(holder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        holder = self._holder.pop()
        opened = pending[holder]
        opened.depth -= 1
        if opened.depth:
            return
        del pending[holder]
        if opened.posts:
            _post(opened)
        try:
            _flush(opened)
        except BaseException as further:
            if error is None:
                raise
            errors = further.exceptions if isinstance(further, BaseExceptionGroup) else (further,)
            raise BaseExceptionGroup("the body of a batch and effects failed", [error, *errors]) from None

    def __repr__(self) -> str:
        return f"<batch: {'open' if self._holder else 'not open'}>"

    def __call__(self, fn: Callable[P, R]) -> Callable[P, R]:
        """Return `fn` so that each call of it is a batch. Not for coroutine functions, which work after the call."""
        code = getattr(fn, "__code__", None)
        if code is not None and code.co_flags & CO_COROUTINE:
            raise TypeError(f"{name_of(fn)} is a coroutine function; use `with batch():` inside it")

        @wraps(fn)
        def batched(*args: P.args, **kwargs: P.kwargs) -> R:
            with Batch(self._on_error):
                return fn(*args, **kwargs)

        return batched


def batch(on_error: OnError | None = None) -> Batch:
    """Return a context manager that holds effects back until its end.

    Errors of those effects are raised at its end, together with the error of its body if both failed;
    with `on_error` each is handed to it instead, for a writer whose work is done and can't fail any more.
    """
    if on_error is not None:
        check_function(on_error, "on_error=")
    return Batch(on_error)


def _flush(opened: Pending) -> None:
    """Run what the batch woke, now or, inside a run or a flush, with the rest of it."""
    if not opened.woken:
        return
    with nodes.lock:
        nodes.queue.extend(opened.woken)
        if not nodes.now.busy and not nodes.path:
            flush.raise_errors(flush.drain() or [], opened.on_error)


def _post(opened: Pending) -> None:
    """Send the writes of a foreign thread to the owning loop, as one batch there."""

    def write() -> None:
        with Batch(opened.on_error):
            for each in opened.posts:
                each()

    loop = loops.foreign()
    if loop is None:
        write()
    else:
        loops.post(loop, write)
