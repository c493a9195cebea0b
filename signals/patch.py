"""Patches: what a user interface applies to an ordered list.

    old list  --[ Remove(4), Move(2, 0), Update(0, ...), Insert(1, ...) ]-->  new list

Patches are applied one after the other; each index is valid in the list that the patches before it left behind.
`Move(index, to)` means: take the row out at `index`, then put it in at `to` of the shorter list.
A key is hashable, names one row within its list, and stays with the row while the row lives.

`diff_keyed` writes them for two versions of a list:

    old   a b c d e          Remove(4)            d e gone from the end, the others keep their index
    new   c x a b            Remove(3)
                             Move(2, 0)           only what is outside the longest common order moves
                             Insert(1, x)         from left to right
                             Update(3, b, ...)    last, at the final index, if a value or its type differs

Costs: `apply_patches` is what `list.insert` and `del` cost. `diff_keyed` compares each kept row once; it is O(n) while
they are in order, else O(n log n), and each of m moves adds two searches in, and a deletion from, a list of m.
When more than half of a list has to be touched, or moves alone are so many that applying them (O(n) each) would go with
the square of n, the answer is one `Reset`. Up to `SMALL` patches are always written out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

from .equality import same

__all__ = ["Insert", "Move", "Patch", "Remove", "Reset", "Update", "apply_patches", "diff_keyed"]


class Reset(NamedTuple):
    """The whole list anew: `rows[i]` has the key `keys[i]`."""

    rows: Sequence[Any]
    keys: Sequence[Hashable]


class Insert(NamedTuple):
    """`row` comes in at `index`; what stood there moves down by one."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which a patch has no use for
    row: Any
    key: Hashable


class Remove(NamedTuple):
    """The row at `index`, whose key was `key`, leaves."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which a patch has no use for
    key: Hashable


class Update(NamedTuple):
    """The row at `index` is replaced by `row`; `columns` names what differs, in column order.

    A row that is a plain value, not a record, has no columns: `()`. Where `columns` are lists inside the row, `inside`
    has the patches of each.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which a patch has no use for
    row: Any
    columns: tuple[str, ...]
    key: Hashable
    inside: Mapping[str, Sequence[Patch]] | None = None


class Move(NamedTuple):
    """The row at `index` is taken out, then put in at `to`."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which a patch has no use for
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
            case _:
                raise TypeError(f"{patch!r:.60} is no patch: those are Reset, Insert, Remove, Update and Move")


SMALL: Final = 8  # so few patches are never replaced by a Reset
MOVES_MAX: Final = 2_000  # more of them cost more to apply, one by one, than a list costs to fill


def diff_keyed(
    old_keys: Sequence[Hashable],
    new_keys: Sequence[Hashable],
    old_rows: Sequence[Any],
    new_rows: Sequence[Any],
    columns: Sequence[str] | None,
) -> list[Patch]:
    """Return the patches that turn the old list into the new one; `[]` if nothing differs.

    No key occurs twice in a list. Rows are sequences with one value for each of `columns`. A value differs if its type
    or its value does: 1, 1.0 and True are three values. Without `columns` (None) rows are any values, and differ as
    values of signals do (equality.py).
    """
    old_index = {key: i for i, key in enumerate(old_keys)}
    came_from = [old_index.get(key, -1) for key in new_keys]  # -1: new
    kept = set(came_from)
    removed = [i for i in range(len(old_keys) - 1, -1, -1) if i not in kept]
    stays = _longest_rising(came_from)
    inserts = came_from.count(-1)
    moves = len(came_from) - inserts - len(stays)
    updates = _updates(came_from, new_keys, old_rows, new_rows, columns)
    touched = len(removed) + inserts + moves + len(updates)
    if touched > SMALL and (touched * 2 > max(len(old_keys), len(new_keys)) or moves > MOVES_MAX):
        return [Reset(new_rows, new_keys)]
    patches: list[Patch] = [Remove(i, old_keys[i]) for i in removed]
    if inserts or moves:
        patches += _placements(came_from, stays, new_keys, new_rows)
    return patches + updates


def _updates(
    came_from: list[int],
    new_keys: Sequence[Hashable],
    old_rows: Sequence[Any],
    new_rows: Sequence[Any],
    columns: Sequence[str] | None,
) -> list[Patch]:
    """Return an Update, at its index in the new list, for each kept row that differs."""
    updates: list[Patch] = []
    for i, source in enumerate(came_from):
        if source < 0:
            continue
        old, new = old_rows[source], new_rows[i]
        if columns is None:
            if not same(old, new):
                updates.append(Update(i, new, (), new_keys[i]))
            continue
        if old is new or (old == new and list(map(type, old)) == list(map(type, new))):
            continue
        differing = tuple(c for c, a, b in zip(columns, old, new, strict=False) if type(a) is not type(b) or a != b)
        if differing:
            updates.append(Update(i, new, differing, new_keys[i]))
    return updates


def _longest_rising(came_from: list[int]) -> list[int]:
    """Return the new indexes of a longest run of kept rows that are in order already.

    O(n) if all are; else O(n log n).
    """
    kept = [i for i, source in enumerate(came_from) if source >= 0]
    if all(came_from[a] < came_from[b] for a, b in pairwise(kept)):
        return kept
    tails: list[int] = []  # came_from of the best end of a run of length n + 1
    ends: list[int] = []  # the new index there
    before: dict[int, int] = {}
    for i in kept:
        length = bisect_left(tails, came_from[i])
        if length:
            before[i] = ends[length - 1]
        tails[length : length + 1] = [came_from[i]]
        ends[length : length + 1] = [i]
    at = ends[-1]
    rising = [at]
    while at in before:
        at = before[at]
        rising.append(at)
    rising.reverse()
    return rising


def _placements(
    came_from: list[int], stays: list[int], new_keys: Sequence[Hashable], new_rows: Sequence[Any]
) -> list[Patch]:
    """Return the inserts and moves, from left to right, after the removes.

    At step i the list reads: the first i rows of the new list in order, between them movers that wait, then the rest of
    the old one. So a place is the number of rows placed before it plus the number of waiting movers before it.
    """
    stay = set(stays)
    anchors = [came_from[i] for i in stays]  # old indexes of what stays, rising like `stays`
    waiting = sorted(source for i, source in enumerate(came_from) if source >= 0 and i not in stay)
    patches: list[Patch] = []
    reached = 0  # so many of `stays` are behind us
    for i, source in enumerate(came_from):
        if i in stay:
            reached += 1
            continue
        last_anchor = anchors[reached - 1] if reached else -1
        if source < 0:
            patches.append(Insert(i + bisect_left(waiting, last_anchor), new_rows[i], new_keys[i]))
            continue
        rank = bisect_left(anchors, source)  # so many of what stays stood before it
        placed = stays[rank] if rank < reached else i + rank - reached
        position = bisect_left(waiting, source)
        del waiting[position]
        index, to = placed + position, i + bisect_left(waiting, last_anchor)
        if index != to:
            patches.append(Move(index, to, new_keys[i]))
    return patches
