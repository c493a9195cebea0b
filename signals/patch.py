"""Patches: what a user interface applies to an ordered list.

    old list  --[ Remove(4), Move(2, 0), Update(0, ...), Insert(1, ...) ]-->  new list

Patches are applied one after the other; each index is valid in the list that the patches before it left behind.
`Move(index, to)` means: take the row out at `index`, then put it in at `to` of the shorter list.
A key is hashable, names one row within its list, and stays with the row while the row lives.
Costs: `apply_patches` is what `list.insert` and `del` cost; `diff_keyed` is O(n) for lists that share their order
and falls back to one `Reset` when more than half of the list would have to be touched.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

__all__ = ["Insert", "Move", "Patch", "Remove", "Reset", "Update", "apply_patches", "diff_keyed"]


class Reset(NamedTuple):
    """The whole list anew: `rows[i]` has the key `keys[i]`."""

    rows: Sequence[Any]
    keys: Sequence[Hashable]


class Insert(NamedTuple):
    """`row` comes in at `index`; what stood there moves down by one."""

    index: int
    row: Any
    key: Hashable


class Remove(NamedTuple):
    """The row at `index`, whose key was `key`, leaves."""

    index: int
    key: Hashable


class Update(NamedTuple):
    """The row at `index` is replaced by `row`; `columns` names what differs, in column order."""

    index: int
    row: Any
    columns: tuple[str, ...]
    key: Hashable


class Move(NamedTuple):
    """The row at `index` is taken out, then put in at `to`."""

    index: int
    to: int
    key: Hashable


Patch: TypeAlias = Reset | Insert | Remove | Update | Move


def apply_patches(patches: Iterable[Patch], rows: list[Any], keys: list[Hashable] | None = None) -> None:
    """Change `rows` (and `keys`, if given) in place as `patches` say."""
    for patch in patches:
        match patch:
            case Update(index, row):
                rows[index] = row
            case Insert(index, row, key):
                rows.insert(index, row)
                if keys is not None:
                    keys.insert(index, key)
            case Remove(index):
                del rows[index]
                if keys is not None:
                    del keys[index]
            case Move(index, to):
                rows.insert(to, rows.pop(index))
                if keys is not None:
                    keys.insert(to, keys.pop(index))
            case Reset(all_rows, all_keys):
                rows[:] = all_rows
                if keys is not None:
                    keys[:] = all_keys
