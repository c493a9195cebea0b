"""What an edit means before an engine sees it: ranges clamped to the text, texts compared, the first content.

A SQL UPDATE of a text column says only what the text is afterwards. As an edit it is the shortest that `difflib` finds
between the ends that both texts share, so that what others type elsewhere in the text meanwhile stays where it is.
"""

from __future__ import annotations

import hashlib
from difflib import SequenceMatcher

from ..errors import ParameterError
from ..values import has_lone_surrogate, shown
from .document import TextChange

__all__ = ["check_text", "clamp", "edits_between", "genesis_client"]

_COMPARED_MAX = 2_000_000  # the product of the lengths beyond which a difference is one replacement


def check_text(text: object) -> str:
    """Return `text` if it is a text that UTF-8 can hold. Raises `ParameterError`."""
    if not isinstance(text, str):
        raise ParameterError(f"a text is inserted, not {shown(text)} ({type(text).__name__})")
    if has_lone_surrogate(text):
        raise ParameterError(f"{shown(text)} holds half a surrogate pair, which UTF-8 can't hold")
    return text


def clamp(start: int, removed: int, length: int) -> tuple[int, int]:
    """Return the range that lies inside a text of `length`, as start and how many code points."""
    start = min(max(start, 0), length)
    return start, min(max(removed, 0), length - start)


def edits_between(before: str, after: str) -> tuple[TextChange, ...]:
    """Return few and short changes that turn `before` into `after`; they hold one after the other."""
    if before == after:
        return ()
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if not old or not new or len(old) * len(new) > _COMPARED_MAX:
        return (TextChange(head, len(old), new),) if old or new else ()
    changes = []
    moved = head  # how far what follows has moved by the changes before
    for kind, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            changes.append(TextChange(moved + start, end - start, new[new_start:new_end]))
            moved += (new_end - new_start) - (end - start)
    return tuple(changes)


def _alike(one: str, other: str) -> int:
    """Return how many code points both begin with: compared in halves, since Python compares slices as memory."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def genesis_client(key: str, column: str, incarnation: int, content: str) -> int:
    """Return the client id that writes the first content of a text.

    Two replicas that begin with the same content make the same bytes, which merge to one content; with different
    content both survive. 32 bits, as Yjs's own.
    """
    told = "\0".join((key, column, str(incarnation), content)).encode()
    return int.from_bytes(hashlib.blake2b(told, digest_size=4, person=b"eddyline-genesis").digest(), "big")
