"""Random scripts: what a seed makes happen."""

from __future__ import annotations

import random

from tests.log.simulation.generate import HOUR_MS, random_edit, random_skew

from . import script as s

__all__ = ["random_script"]

STEPS = (
    (s.Write, 30), (s.Run, 34), (s.Lose, 3), (s.Double, 3), (s.Swap, 2), (s.Garble, 1), (s.Cut, 4), (s.Crash, 4),
    (s.Backup, 3), (s.Restore, 3), (s.Join, 1), (s.Copy, 1), (s.Skew, 3), (s.Pass, 5), (s.Compact, 2), (s.Present, 2),
    (s.Fetch, 2), (s.Check, 2),
)  # fmt: skip


def random_script(seed: int) -> s.Script:
    """Return the script of `seed`."""
    rng = random.Random(seed)
    clients = rng.choice((2, 2, 2, 3, 3, 4, 6))
    hubs = rng.choice((1, 1, 2))
    frame_bytes = rng.choice((4_000, 4_000, 10_000, 256 << 10))
    kinds, weights = zip(*STEPS, strict=True)
    start = [s.Skew(who, random_skew(rng)) for who in range(hubs, hubs + clients) if rng.random() < 0.7]
    steps = [step for kind in rng.choices(kinds, weights, k=rng.randint(15, 50)) for step in _steps(rng, kind)]
    return s.Script(
        clients, hubs, frame_bytes, frame_bytes * rng.choice((1, 2, 4)), rng.choice((4, 15, 1_000)), (*start, *steps)
    )


def _steps(rng: random.Random, kind: type) -> list[s.Step]:
    """Return a step of `kind`; compacting is worth most in a quiet moment, when all have heard of all."""
    quiet: list[s.Step] = [s.Run(who % 6, 60, 0) for who in range(12)] if kind is s.Compact else []
    return [*quiet, _step(rng, kind)]


def _step(rng: random.Random, kind: type) -> s.Step:
    who = rng.randrange(12)
    if kind is s.Write:
        edits = tuple(random_edit(rng) for _ in range(rng.choice((1, 1, 1, 2, 3))))
        return s.Write(who, edits, rng.choice((0,) * 18 + (200, 200, 12_000, 30_000)))
    if kind is s.Run:
        return s.Run(who, rng.choice((1, 3, 10, 40)), rng.randrange(100))
    if kind in (s.Lose, s.Double, s.Swap, s.Garble):
        fault: s.Step = kind(who, rng.random() < 0.5, rng.randrange(4))
        return fault
    if kind is s.Cut:
        return s.Cut(who, rng.random() < 0.5)
    if kind in (s.Join, s.Compact):
        return s.Join() if kind is s.Join else s.Compact()
    if kind is s.Skew:
        return s.Skew(who, rng.choice((0, random_skew(rng))))
    if kind is s.Pass:
        return s.Pass(rng.choice((1, 60, 250, 21_000, 70_000, HOUR_MS)))
    if kind is s.Present:
        return s.Present(who, rng.choice(("", '{"at":1}', '{"at":2}')))
    if kind is s.Fetch:
        return s.Fetch(who, rng.choice(("item", "person", "nothing")))
    one: s.Step = kind(rng.choice((0, 0, 1, who)) if kind in (s.Backup, s.Restore) else who)
    return one
