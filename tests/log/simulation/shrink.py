"""Shrink: drop replicas, steps, edits and columns while the same kind of fault remains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.shrinking import repeat as repeat_script
from tests.shrinking import without_parts

from .generate import random_script
from .script import Script, Step, Write
from .world import run

__all__ = ["candidates", "repeat"]

AGAIN = "again: python3 dev test tests/log/simulation --simulation-seed"


def repeat(seed: int, *, seconds: float = 60) -> None:
    """Run the script of one seed; if it fails, shrink it, and let the small one fail with seed and script as a note."""
    script = random_script(seed)
    repeat_script(
        script, run, candidates, lambda small: f"{AGAIN} {seed}\nthe script, shrunk:\n{small}", seconds=seconds
    )


def candidates(script: Script) -> Iterator[Script]:
    """Yield scripts that are a little smaller."""
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
