"""`untracked`: read without following."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import TypeVar

from . import nodes

__all__ = ["untracked"]

R = TypeVar("R")


def untracked(fn: Callable[[], R]) -> R:
    """Return `fn()`; what it reads does not become a dependency of the running computed or effect."""
    token = nodes.token
    if token is None or nodes.thread != get_ident():
        return fn()
    nodes.token = None
    try:
        return fn()
    finally:
        nodes.token = token
