"""Values as a page takes them: JSON, exact; what JSON would lose goes as text."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

from .page import Json

__all__ = ["plain"]

SAFE_MAX = 2**53 - 1  # whole numbers up to here are exact in a page


def plain(value: object) -> Json:
    """Return `value` for a page: None, bool, text and small whole numbers as they are, all else as `str` says it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if abs(value) <= SAFE_MAX else str(int(value))
    if isinstance(value, float):
        return str(value) if not math.isfinite(value) or value.is_integer() else float(value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    isoformat: Callable[[], str] | None = getattr(value, "isoformat", None)
    return str(value) if isoformat is None else isoformat()
