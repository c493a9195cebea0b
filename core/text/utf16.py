"""UTF-16 units, in which Yjs counts, and code points, in which we do."""

from __future__ import annotations

__all__ = ["points_before", "units_of"]


def units_of(text: str) -> int:
    """Return how many units `text` has."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def points_before(text: str, unit: int) -> int:
    """Return how many code points of `text` stand before its unit `unit`."""
    return unit if text.isascii() else len(text.encode("utf-16-le")[: 2 * unit].decode("utf-16-le"))
