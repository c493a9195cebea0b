"""Few: a set that is mostly one member, for things of which there are thousands.

    None   nobody        x   one        {x: None, y: None}   two or more, in the order in which they came

A dict of one costs 230 bytes, one member alone nothing. The members themselves are no dicts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar

__all__ = ["Few", "each", "joined", "without"]

T = TypeVar("T")

Few: TypeAlias = T | dict[T, None] | None


def joined(few: Few[T], member: T) -> Few[T]:
    """Return `few` with `member`."""
    if few is None or few is member:
        return member
    if isinstance(few, dict):
        few[member] = None
        return few
    return {few: None, member: None}


def without(few: Few[T], member: T) -> Few[T]:
    """Return `few` without `member`."""
    if isinstance(few, dict):
        few.pop(member, None)
        return few or None
    return None if few is member else few


def each(few: Few[Any]) -> Iterable[Any]:  # Any: T
    """Return the members."""
    if few is None:
        return ()
    return few if isinstance(few, dict) else (few,)
