"""`Readable`: what a signal, a computed and a live view have in common for those who only read.

get(), value, ()      the current value; the running computed or effect will follow it
peek()                the current value; nobody follows
"""

from __future__ import annotations

from typing import Protocol, TypeVar

__all__ = ["Readable"]

T_co = TypeVar("T_co", covariant=True)


class Readable(Protocol[T_co]):
    """Anything with a current value that can be followed."""

    @property
    def value(self) -> T_co:
        """The current value, tracked."""

    def get(self) -> T_co:
        """Return the current value, tracked."""

    def __call__(self) -> T_co:
        """Return the current value, tracked."""

    def peek(self) -> T_co:
        """Return the current value without tracking."""
