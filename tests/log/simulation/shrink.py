"""Shrink: drop replicas, steps, edits and columns while the same kind of fault remains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from .generate import random_script
from .replica import Mismatch
from .script import Script, Step, Write
from .world import run

__all__ = ["fault", "repeat", "shrink", "smallest", "without_parts"]

T = TypeVar("T")


def fault(script: Script) -> str | None:
    """Return the kind of fault that a script shows, or None."""
    try:
        run(script)
    except Mismatch as error:
        return error.kind
    except Exception as error:
        return type(error).__name__
    return None


def repeat(seed: int, *, seconds: float = 60) -> None:
    """Run the script of one seed; if it fails, shrink it, and let the small one fail with seed and script as a note."""
    script = random_script(seed)
    kind = fault(script)
    if kind is None:
        return
    small = shrink(script, lambda candidate: fault(candidate) == kind, seconds=seconds)
    try:
        run(small)
    except Exception as error:
        error.add_note(
            f"\nagain: python3 dev test tests/log/simulation --simulation-seed {seed}\nthe script, shrunk:\n{small}"
        )
        raise


def shrink(
    script: Script, fails: Callable[[Script], bool], *, seconds: float = 60, now: Callable[[], float] = time.monotonic
) -> Script:
    """Return a script that still `fails` and from which nothing more can be dropped, or the best after `seconds`."""
    return smallest(script, fails, _candidates, seconds=seconds, now=now)


def smallest(
    thing: T,
    fails: Callable[[T], bool],
    candidates: Callable[[T], Iterator[T]],
    *,
    seconds: float,
    now: Callable[[], float] = time.monotonic,
) -> T:
    """Return what is left of `thing` when none of its `candidates` for something smaller fails any more."""
    end = now() + seconds
    smaller = True
    while smaller:
        smaller = False
        for candidate in candidates(thing):
            if now() > end:
                return thing
            if fails(candidate):
                thing, smaller = candidate, True
                break
    return thing


def _candidates(script: Script) -> Iterator[Script]:
    for steps in without_parts(script.steps):
        yield replace(script, steps=steps)
    if script.replicas > 2:
        yield replace(script, replicas=script.replicas - 1, hubs=min(script.hubs, script.replicas - 2))
    if script.hubs:
        yield replace(script, hubs=script.hubs - 1)
    for at, step in enumerate(script.steps):
        for simpler in _simpler(step):
            yield replace(script, steps=(*script.steps[:at], simpler, *script.steps[at + 1 :]))


def _simpler(step: Step) -> Iterator[Step]:
    if not isinstance(step, Write):
        return
    for edits in without_parts(step.edits):
        if edits:
            yield replace(step, edits=edits)
    for at, edit in enumerate(step.edits):
        for columns in without_parts(edit.columns):
            yield replace(step, edits=(*step.edits[:at], replace(edit, columns=columns), *step.edits[at + 1 :]))


def without_parts(items: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Yield `items` without ever smaller slices."""
    size = len(items)
    while size:
        for start in range(0, len(items), size):
            yield items[:start] + items[start + size :]
        size //= 2
