"""What things are called and how values are shown in messages, traces and drawings.

A computed or effect without a name is called like its function, a lambda by its place, a signal by its class.
Values are shown short and on one line; a `repr` that fails is not allowed to hide what it was asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from reprlib import Repr
from typing import Any

__all__ = ["label_of", "name_of", "short"]


def name_of(fn: Callable[..., object]) -> str:
    """Return the name of `fn`, under any `partial`; for a lambda its file and line."""
    while isinstance(fn, partial):
        fn = fn.func
    name: str = getattr(fn, "__name__", type(fn).__name__)
    code = getattr(fn, "__code__", None)
    if name != "<lambda>" or code is None:
        return name
    return f"<lambda {os.path.basename(code.co_filename)}:{code.co_firstlineno}>"


def label_of(node: object) -> str:
    """Return what a signal, computed, effect or other source is called."""
    name = getattr(node, "_name", None)
    if isinstance(name, str) and name:
        return name
    fn = getattr(node, "_fn", None)
    return name_of(fn) if callable(fn) else type(node).__name__


class _Short(Repr):
    """`repr` with an end: some 60 characters, the first items of containers."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = self.maxdeque = 10
        self.maxlevel = 3

    def repr_MapStore(self, part: Any, level: int) -> str:  # noqa: N802  # how reprlib finds it; Any: of store.py, above
        """Show a map within a store as the dict that it stands for."""
        return self.repr_dict(part._data, level)

    def repr_ListStore(self, part: Any, level: int) -> str:  # noqa: N802  # as above
        """Show a list within a store as the list that it stands for."""
        return self.repr_list(part._rows, level)


_short = _Short()


def short(value: object) -> str:
    """Return `repr(value)`, cut and on one line. Never raises."""
    try:
        text = " ".join(_short.repr(value).split())
    except Exception:
        return f"<{type(value).__name__}>"
    return text if len(text) <= 120 else f"{text[:117]}..."
