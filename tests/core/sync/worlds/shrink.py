"""Shrink: drop clients, steps, edits and columns while the same kind of fault remains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.log.simulation.replica import Mismatch
from tests.log.simulation.shrink import smallest, without_parts

from .generate import random_script
from .script import Run, Script, Step, Write
from .world import run

__all__ = ["fault", "repeat", "shrink"]


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
    small = shrink(script, kind, seconds=seconds)
    try:
        run(small)
    except Exception as error:
        error.add_note(
            f"\nagain: python3 dev test tests/core/sync/worlds --sync-seed {seed}\nthe script, shrunk:\n{small}"
        )
        raise


def shrink(script: Script, kind: str, *, seconds: float = 60) -> Script:
    """Return a script that still shows `kind` and from which nothing more can be dropped, or the best after a time."""
    return smallest(script, lambda candidate: fault(candidate) == kind, _candidates, seconds=seconds)


def _candidates(script: Script) -> Iterator[Script]:
    for steps in without_parts(script.steps):
        yield replace(script, steps=steps)
    if script.hubs > 1:
        yield replace(script, hubs=1)
    if script.clients > 1:
        yield replace(script, clients=script.clients - 1)
    for at, step in enumerate(script.steps):
        for simpler in _simpler(step):
            yield replace(script, steps=(*script.steps[:at], simpler, *script.steps[at + 1 :]))


def _simpler(step: Step) -> Iterator[Step]:
    if isinstance(step, Run) and step.events > 1:
        yield replace(step, events=step.events // 2)
    if isinstance(step, Write):
        if step.large:
            yield replace(step, large=0)
        for edits in without_parts(step.edits):
            if edits:
                yield replace(step, edits=edits)
