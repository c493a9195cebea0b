"""Shrinking: the smallest script that still shows the fault which a random one showed.

    run(script) fails: `kind` of fault  -->  candidates, each a little smaller  -->  the first that fails alike, again

A script is data, with what may be left out of it told by `candidates`. The oracle and both simulations use this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["Mismatch", "fault", "repeat", "smallest", "without_parts"]

S = TypeVar("S")
T = TypeVar("T")


class Mismatch(AssertionError):
    """Something isn't what it has to be; `kind` names the sort of fault in a word or two."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


def fault(run: Callable[[S], object], script: S) -> str | None:
    """Return the kind of fault that a script shows when it is run, or None."""
    try:
        run(script)
    except Mismatch as error:
        return error.kind
    except Exception as error:
        return type(error).__name__
    return None


def repeat(
    script: S,
    run: Callable[[S], object],
    candidates: Callable[[S], Iterator[S]],
    note: Callable[[S], str],
    *,
    seconds: float = 60,
) -> None:
    """Run a script; if it fails, shrink it for some time, and let the small one fail with a `note` on it."""
    kind = fault(run, script)
    if kind is None:
        return
    small = smallest(script, lambda candidate: fault(run, candidate) == kind, candidates, seconds=seconds)
    try:
        run(small)
    except Exception as error:
        error.add_note(f"\n{note(small)}")
        raise


def smallest(
    script: S,
    fails: Callable[[S], bool],
    candidates: Callable[[S], Iterator[S]],
    *,
    seconds: float = 60,
    now: Callable[[], float] = time.monotonic,
) -> S:
    """Return a script that still `fails` and of which no candidate does any more, or the best after `seconds`."""
    end = now() + seconds
    smaller = True
    while smaller:
        smaller = False
        for candidate in candidates(script):
            if now() > end:
                return script
            if fails(candidate):
                script, smaller = candidate, True
                break
    return script


def without_parts(items: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Yield `items` without ever smaller slices."""
    size = len(items)
    while size:
        for start in range(0, len(items), size):
            yield items[:start] + items[start + size :]
        size //= 2
