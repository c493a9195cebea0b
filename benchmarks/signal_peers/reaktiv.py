"""reaktiv: signals after Angular's, pure Python."""

from reaktiv import Effect, batch, computed, effect, signal

__all__ = ["READ", "SETTLE", "VALUE", "WRITE", "batch", "close", "computed", "effect", "signal"]

READ = VALUE = "S.get()"
WRITE = "S.set(V)"
SETTLE = "pass"


def close(made: Effect) -> None:
    """Close an effect."""
    made.dispose()
