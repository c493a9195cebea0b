"""The errors of signals: values that need themselves, endless effects, double keys, what debug mode finds.

    RuntimeError
      +- CycleError        a computed was read while it was being computed; `.path` names the way round
      +- FlushLimitError   an effect (or a computed that writes) kept waking itself; `.label` names it
      +- MutatedError      a plain list, dict or set was changed in place (debugging.py); `.label` tells who has it
    ValueError
      +- DuplicateKeyError two items of a ListSignal have the same key; `.key` is it

All are programming errors: there is nothing to retry. They are raised to the reader or the writer that set the work
off.
"""

from __future__ import annotations

__all__ = ["CycleError", "DuplicateKeyError", "FlushLimitError", "MutatedError"]


class CycleError(RuntimeError):
    """A computed needs its own value; `path` holds the names from the first read of it to the second."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(f"a computed reads itself: {' -> '.join(path)}; break the circle with peek() or untracked()")
        self.path = path


class FlushLimitError(RuntimeError):
    """`label` ran `runs` times or more without coming to rest, because what it writes wakes it again."""

    def __init__(self, label: str, runs: int) -> None:
        super().__init__(
            f"{label} ran at least {runs} times in one flush and still wakes itself: "
            "it writes what it reads; read that with peek(), or write only when the value differs"
        )
        self.label = label
        self.runs = runs


class MutatedError(RuntimeError):
    """A value that signals can't watch was changed in place; `label` names the signal or computed concerned."""

    def __init__(self, message: str, *, label: str) -> None:
        super().__init__(message)
        self.label = label


class DuplicateKeyError(ValueError):
    """Two items of a list would have the same `key`; the list is as it was."""

    def __init__(self, key: object) -> None:
        super().__init__(f"two items have the key {key!r}; a key names one item of its list")
        self.key = key
