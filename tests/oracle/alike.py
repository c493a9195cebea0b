"""When two results count as the same: typed, REAL within 1e-9, and loosely where SQLite leaves a choice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .query import Looseness

__all__ = ["alike", "identical", "order"]


def identical(left: Sequence[Any], right: Sequence[Any]) -> bool:
    return len(left) == len(right) and all(
        a == b and all(type(x) is type(y) for x, y in zip(a, b, strict=True)) for a, b in zip(left, right, strict=True)
    )


def alike(left: Sequence[Any], right: Sequence[Any], loose: Sequence[Looseness]) -> bool:
    if len(left) != len(right):
        return False
    for one, other in zip(left, right, strict=True):
        if len(one) != len(other):
            return False
        for at, (a, b) in enumerate(zip(one, other, strict=True)):
            if not _same(a, b, loose[at] if at < len(loose) else ""):
                return False
    return True


def _same(left: Any, right: Any, loose: Looseness) -> bool:
    if type(left) is type(right):
        if left == right or (isinstance(left, float) and math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)):
            return True
        return isinstance(left, str) and _folded(left, loose) == _folded(right, loose)
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return numbers and loose in ("number", "any") and bool(left == right)


def _folded(text: str, loose: Looseness) -> str:
    if loose in ("nocase", "any"):
        text = "".join(c.lower() if c.isascii() else c for c in text)
    return text.rstrip(" ") if loose in ("rtrim", "any") else text


def order(row: tuple[Any, ...]) -> Any:
    """Return a sort key under which loosely equal rows stand together, then equal values of one type."""
    loosely = [
        (0, 0.0, "") if v is None else (1, float(v), "") if isinstance(v, int | float)
        else (2, 0.0, _folded(v, "any") + "\0" + v) if isinstance(v, str) else (3, 0.0, v.hex())
        for v in row
    ]  # fmt: skip
    return loosely, [type(v).__name__ for v in row]
