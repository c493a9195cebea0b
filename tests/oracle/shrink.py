"""Shrink: drop steps, views, statements and setup while the same kind of fault remains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from .author import random_script
from .script import Gather, Nest, Open, Script, Step, Transaction, Work
from .world import VIEWS, Mismatch, run_script

__all__ = ["repeat", "shrink"]

T = TypeVar("T")


def fault(script: Script) -> str | None:
    """Return the kind of fault that a script shows, or None."""
    try:
        run_script(script)
    except Mismatch as error:
        return error.kind
    except Exception as error:
        return type(error).__name__
    return None


def repeat(seed: int, *, seconds: float = 60) -> None:
    """Run one world; if it fails, shrink it for some time, then let the small one fail with its script as a note."""
    script = random_script(seed, VIEWS)
    kind = fault(script)
    if kind is None:
        return
    small = shrink(script, lambda candidate: fault(candidate) == kind, seconds=seconds)
    try:
        run_script(small)
    except Exception as error:
        error.add_note(f"\nthe script of world {seed}, shrunk:\n{small}")
        raise


def shrink(
    script: Script, fails: Callable[[Script], bool], *, seconds: float = 60, now: Callable[[], float] = time.monotonic
) -> Script:
    """Return a script that still `fails` and from which nothing more can be dropped, or the best after `seconds`."""
    end = now() + seconds
    smaller = True
    while smaller:
        smaller = False
        for candidate in _candidates(script):
            if now() > end:
                return script
            if fails(candidate):
                script, smaller = candidate, True
                break
    return script


def _candidates(script: Script) -> Iterator[Script]:
    for steps in _without_parts(script.steps):
        yield replace(script, steps=steps)
    if len(script.first) > 1:
        for first in _without_parts(script.first):
            yield replace(script, first=first)
    for setup in _without_parts(script.setup):
        yield replace(script, setup=setup)
    for at, step in enumerate(script.steps):
        for simpler in _simpler(step):
            yield replace(script, steps=(*script.steps[:at], simpler, *script.steps[at + 1 :]))
    if script.storage == "wal":
        yield replace(script, storage="delete")
    if script.storage == "delete":
        yield replace(script, storage="memory")


def _without_parts(items: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Yield `items` without ever smaller slices."""
    size = len(items)
    while size:
        for start in range(0, len(items), size):
            yield items[:start] + items[start + size :]
        size //= 2


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
            for fewer in _without_parts(beside):
                yield Open(query, fewer)
        case Gather(transactions):
            yield from transactions
            for transaction in transactions:
                for simpler in _simpler(transaction):
                    if isinstance(simpler, Transaction):
                        yield Gather(tuple(simpler if t is transaction else t for t in transactions))


def _simpler_work(work: tuple[Work, ...]) -> Iterator[tuple[Work, ...]]:
    if len(work) > 1:
        yield from _without_parts(work)
    for at, item in enumerate(work):
        if isinstance(item, Nest):
            yield (*work[:at], *item.work, *work[at + 1 :])
            for inner in _simpler_work(item.work):
                yield (*work[:at], replace(item, work=inner), *work[at + 1 :])
        elif item.many is not None and len(item.many) > 1:
            for many in _without_parts(item.many):
                if many:
                    yield (*work[:at], replace(item, many=many), *work[at + 1 :])
