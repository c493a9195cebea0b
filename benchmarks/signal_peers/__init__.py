"""The words in which the cases are written (cases.py); each library says what they are in its own (NAME.py).

              write(source, i)         read(source)      value(total)   settle()
    eddyline  source.set(i)            source.get()      total.get()
    nervio    source.value = i         source.value      total.value
    observ    source["value"] = i      source["value"]   total()        scheduler.flush()

`idiom.py` puts a library's own expression in the place of these four before a case runs, so that no library pays for a
call that its users don't make. `signal`, `computed`, `effect`, `close` and `batch` are plain functions of its module.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

__all__ = ["batch", "close", "computed", "effect", "read", "settle", "signal", "value", "write"]

# Any: a signal, computed or effect is of another class in each library.


def signal(value: object) -> Any:
    """Return a new signal."""


def computed(fn: Callable[[], object]) -> Any:
    """Return a new computed."""


def effect(fn: Callable[[], object]) -> Any:
    """Return a new effect, which has run."""


def close(made: Any) -> None:
    """Close an effect."""


def batch() -> AbstractContextManager[object]:
    """Hold effects back until the end of the block."""
    raise NotImplementedError


def read(source: Any) -> Any:
    """Read a signal."""


def value(derived: Any) -> Any:
    """Read a computed."""


def write(source: Any, value: object) -> None:
    """Write a signal."""


def settle() -> None:
    """Have the effects run, where a write does not do it itself."""
