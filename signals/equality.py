"""When is a new value the same as the old one, so that nobody needs to be told?

    same object -> same      `==` says True -> same      NaN and NaN -> same      everything else -> changed

`==` counts only if it gives a real bool, or numpy's: arrays and dataframes answer with an array, which means "changed".
An `==` that raises means "changed" too. A wrong "changed" costs one run, a wrong "same" would lose an update.
NaN is a number of any one type that differs from itself: float, complex, Decimal, numpy's scalars.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from numbers import Number
from typing import Any, Final, TypeAlias

__all__ = ["Equals", "same"]

NEVER_ODD: Final = frozenset({bool, int, str, bytes, tuple, list, dict, set, frozenset})  # their `==` is a plain answer

Equals: TypeAlias = Callable[[Any, Any], bool]  # Any: a user's own rule may be written for one type only


def same(old: object, new: object) -> bool:
    """Whether `new` may be dropped because it equals `old`. Never raises."""
    if old is new:
        return True
    kind = type(old)
    if kind is int and type(new) is int:  # the most common by far
        return old == new
    try:
        equal = old == new
    except Exception:
        return False
    if equal is True:
        return True
    if kind is not type(new) or kind in NEVER_ODD:
        return False
    if kind is float:
        return isnan(old) and isnan(new)  # type: ignore[arg-type]  # both are floats
    return _same_odd(old, new, equal)


def _same_odd(old: object, new: object, equal: object) -> bool:
    """Whether two values of one type are the same though `==` did not say True itself."""
    try:
        if type(equal).__module__ == "numpy" and type(equal).__name__ in ("bool", "bool_") and equal:
            return not hasattr(old, "__setitem__")  # an array without dimensions may differ in kind, and can be written
        return isinstance(old, Number) and bool(old != old) and bool(new != new)
    except Exception:
        return False
