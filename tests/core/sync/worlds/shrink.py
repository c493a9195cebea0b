"""Shrink: drop clients, steps, edits and columns while the same kind of fault remains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.shrinking import repeat as repeat_script
from tests.shrinking import without_parts

from .generate import random_script
from .script import Run, Script, Step, Write
from .world import run

__all__ = ["repeat"]

AGAIN = "again: python3 dev test tests/core/sync/worlds --sync-seed"


def repeat(seed: int, *, seconds: float = 60) -> None:
    """Run the script of one seed; if it fails, shrink it, and let the small one fail with seed and script as a note."""
    script = random_script(seed)
    repeat_script(
        script, run, _candidates, lambda small: f"{AGAIN} {seed}\nthe script, shrunk:\n{small}", seconds=seconds
    )


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
