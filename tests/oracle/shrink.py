"""Shrink: drop steps, views, statements and setup while the same kind of fault remains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.shrinking import repeat as repeat_script
from tests.shrinking import without_parts

from .author import random_script
from .script import Gather, Nest, Open, Script, Step, Transaction, Work
from .world import VIEWS, run_script

__all__ = ["repeat"]


def repeat(seed: int, *, seconds: float = 60) -> None:
    """Run one world; if it fails, shrink it for some time, then let the small one fail with its script as a note."""
    script = random_script(seed, VIEWS)
    repeat_script(
        script, run_script, _candidates, lambda small: f"the script of world {seed}, shrunk:\n{small}", seconds=seconds
    )


def _candidates(script: Script) -> Iterator[Script]:
    for steps in without_parts(script.steps):
        yield replace(script, steps=steps)
    if len(script.first) > 1:
        for first in without_parts(script.first):
            yield replace(script, first=first)
    for setup in without_parts(script.setup):
        yield replace(script, setup=setup)
    for at, step in enumerate(script.steps):
        for simpler in _simpler(step):
            yield replace(script, steps=(*script.steps[:at], simpler, *script.steps[at + 1 :]))
    if script.storage == "wal":
        yield replace(script, storage="delete")
    if script.storage == "delete":
        yield replace(script, storage="memory")


def _simpler(step: Step) -> Iterator[Step]:
    match step:
        case Transaction():
            for work in _simpler_work(step.work):
                yield replace(step, work=work)
            if step.beside:
                yield replace(step, beside=())
            if step.api == "write":
                yield replace(step, api="block")
        case Open(query, beside):
            for fewer in without_parts(beside):
                yield Open(query, fewer)
        case Gather(transactions):
            yield from transactions
            for transaction in transactions:
                for simpler in _simpler(transaction):
                    if isinstance(simpler, Transaction):
                        yield Gather(tuple(simpler if t is transaction else t for t in transactions))


def _simpler_work(work: tuple[Work, ...]) -> Iterator[tuple[Work, ...]]:
    if len(work) > 1:
        yield from without_parts(work)
    for at, item in enumerate(work):
        if isinstance(item, Nest):
            yield (*work[:at], *item.work, *work[at + 1 :])
            for inner in _simpler_work(item.work):
                yield (*work[:at], replace(item, work=inner), *work[at + 1 :])
        elif item.many is not None and len(item.many) > 1:
            for many in without_parts(item.many):
                if many:
                    yield (*work[:at], replace(item, many=many), *work[at + 1 :])
