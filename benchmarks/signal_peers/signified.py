"""signified: an engine in Rust."""

from signified import Computed, Effect, Signal, batch

__all__ = ["READ", "SETTLE", "VALUE", "WRITE", "batch", "close", "computed", "effect", "signal"]

signal, computed, effect = Signal, Computed, Effect
READ = VALUE = "S.value"
WRITE = "S.value = V"
SETTLE = "pass"


def close(made: Effect) -> None:
    """Close an effect."""
    made.dispose()
