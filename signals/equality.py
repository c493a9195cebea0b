"""When is a new value the same as the old one, so that nobody needs to be told?

    same object -> same      `==` says True -> same      NaN and NaN -> same      everything else -> changed

`==` counts only if it gives a real bool: arrays and dataframes answer with an array, which means "changed".
An `==` that raises means "changed" too. A wrong "changed" costs one run, a wrong "same" would lose an update.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Any, TypeAlias

__all__ = ["Equals", "same"]

Equals: TypeAlias = Callable[[Any, Any], bool]  # Any: a user's own rule may be written for one type only


def same(old: object, new: object) -> bool:
    """Whether `new` may be dropped because it equals `old`. Never raises."""
    if old is new:
        return True
    try:
        equal = old == new
    except Exception:
        return False
    if equal is True:
        return True
    return type(old) is float and type(new) is float and isnan(old) and isnan(new)
