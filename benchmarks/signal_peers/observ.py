"""observ: reactive containers after Vue's, pure Python. Effects wait for its scheduler, so all is a batch."""

from contextlib import nullcontext as batch

from observ import Watcher, computed, scheduler
from observ import ref as signal
from observ import watch_effect as effect

__all__ = ["READ", "SETTLE", "VALUE", "WRITE", "batch", "close", "computed", "effect", "scheduler", "signal"]

READ = 'S["value"]'
VALUE = "S()"
WRITE = 'S["value"] = V'
SETTLE = "scheduler.flush()"

scheduler.register_request_flush(lambda: None)  # the cases flush


def close(made: Watcher) -> None:
    """Close an effect."""
    made.stop()
