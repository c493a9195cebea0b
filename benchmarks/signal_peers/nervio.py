"""nervio: one module of pure Python, safe between threads."""

from collections.abc import Callable

from nervio import batch, computed, effect, signal

__all__ = ["READ", "SETTLE", "VALUE", "WRITE", "batch", "close", "computed", "effect", "signal"]

READ = VALUE = "S.value"
WRITE = "S.value = V"
SETTLE = "pass"


def close(made: Callable[[], object]) -> None:
    """Close an effect."""
    made()
