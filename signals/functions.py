"""What may be given as a function: refused at the call, and told what to do instead.

    effect(5)              TypeError: effect() takes a function, not 5
    computed(fetch)        TypeError: fetch is async: computed() needs its value at once. resource(fetch, ...
    effect(lambda: fetch(text()))      the same, when the first run gives a coroutine

A function that is async is followed only to its first `await`, or not at all: its body runs in a task, later. So it is
never what was meant. A function that gives a task is in order: whoever made that task sees to it.
Costs: nothing for a plain function that is a computed or an effect; they ask here when something looks odd.
"""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from types import CoroutineType, FunctionType
from typing import Any, Final

from .naming import name_of, short

__all__ = ["ASYNC", "CoroutineType", "FunctionType", "check_function", "refused"]

ASYNC: Final = 0x80 | 0x200  # CO_COROUTINE, CO_ASYNC_GENERATOR of inspect, which is not loaded for this


def check_function(fn: object, taker: str) -> None:
    """Raise `TypeError` if `fn` can't be called, or is async: `taker` needs what it returns at once."""
    if not callable(fn):
        raise TypeError(f"{taker} takes a function, not {short(fn)}")
    inner: object = fn
    while isinstance(inner, partial):
        inner = inner.func
    code = getattr(inner, "__code__", None)
    if code is not None and code.co_flags & ASYNC:
        raise TypeError(f"{name_of(fn)} is async: {_advice(taker)}")


def refused(made: Coroutine[Any, Any, Any], label: str, taker: str) -> TypeError:  # Any: never awaited
    """Return the error for a function that gave a coroutine, which is closed: nobody would await it."""
    made.close()
    return TypeError(f"{label} returns a coroutine: {_advice(taker)}")


def _advice(taker: str) -> str:
    return (
        f"{taker} needs what it reads and returns at once. resource(fetch, source) makes signals of what has to be "
        "awaited; `async for value in watch(source)` is a loop over its values"
    )
