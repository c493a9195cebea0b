"""What a nameless computed or effect is called in messages: its function's name, a lambda's place."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["name_of"]


def name_of(fn: Callable[..., object]) -> str:
    """Return the name of `fn`; for a lambda its file and line."""
    name: str = getattr(fn, "__name__", type(fn).__name__)
    code = getattr(fn, "__code__", None)
    if name != "<lambda>" or code is None:
        return name
    return f"<lambda {os.path.basename(code.co_filename)}:{code.co_firstlineno}>"
