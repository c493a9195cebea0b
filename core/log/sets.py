"""Sets: each element by itself, and who adds wins against who removes at the same time.

    A adds "a" (A:1);  B, having seen A:1, removes "a";  C, not having seen B, adds "a" again (C:1)
    dots  ("a", by A:1) -> gone, B had seen it           ("a", by C:1) stays: the set is {"a"}

A removal takes out the very addings that its author saw. So it needs no list of them: the commit's parents say it.
An adding replaces those of the same element that it saw. An element is its JSON text, so 1, 1.0, true and "1" are four;
the column holds a JSON array sorted by these texts, as `frozenset` columns do (`core/kinds.py`).
"""

from __future__ import annotations

import json

from ..values import SqlValue
from .commit import Commit, SetUpdate
from .dots import Dot, covers, ordered

__all__ = ["KIND", "between", "text", "updated"]

KIND = "set"


def updated(dots: tuple[Dot, ...], commit: Commit, op: SetUpdate) -> tuple[Dot, ...]:
    """Return the addings that stand after `op` of `commit`."""
    touched = {*op.added, *op.removed}
    kept = [dot for dot in dots if not (dot.value in touched and covers(commit, dot.by))]
    return ordered([*kept, *(Dot(commit.id, element) for element in dict.fromkeys(op.added))])


def text(dots: tuple[Dot, ...]) -> str:
    """Return the column's value: the JSON array of the elements."""
    return f"[{','.join(sorted({str(dot.value) for dot in dots}))}]"


def between(old: SqlValue, new: SqlValue) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what came and what went from one value of the column to another, for a `SetUpdate`.

    What is no JSON array counts as an empty set.
    """
    before, after = _elements(old), _elements(new)
    return tuple(one for one in after if one not in before), tuple(one for one in before if one not in after)


def _elements(value: SqlValue) -> dict[str, None]:
    try:
        array = json.loads(value) if isinstance(value, str) else []
    except (ValueError, RecursionError):
        return {}
    scalars = (one for one in array if isinstance(one, str | int | float)) if isinstance(array, list) else ()
    return dict.fromkeys(sorted(json.dumps(one, ensure_ascii=False) for one in scalars))
