"""`untracked`: read without following."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .nodes import holds_lock, now

__all__ = ["untracked"]

R = TypeVar("R")


def untracked(fn: Callable[[], R]) -> R:
    """Return `fn()`; what it reads does not become a dependency of the running computed or effect."""
    token = now.token
    if token is None or not holds_lock():
        return fn()
    now.token = None
    try:
        return fn()
    finally:
        now.token = token
