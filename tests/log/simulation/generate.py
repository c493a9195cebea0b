"""Random scripts: what a seed makes happen."""

from __future__ import annotations

import random

from eddyline.core.values import SqlValue

from . import script as s
from .author import Edit
from .tables import KEYS

__all__ = ["HOUR_MS", "random_edit", "random_script", "random_skew"]

HOUR_MS = 3_600_000
STEPS = (
    (s.Write, 34), (s.Send, 20), (s.Deliver, 22), (s.Drop, 2), (s.Cut, 1), (s.Mend, 1), (s.Talk, 1), (s.Crash, 2),
    (s.Backup, 2), (s.Restore, 1), (s.Copy, 1), (s.Skew, 2), (s.Pass, 4), (s.Compact, 3), (s.Install, 2),
    (s.Check, 2),
)  # fmt: skip


def random_script(seed: int) -> s.Script:
    """Return the script of `seed`."""
    rng = random.Random(seed)
    replicas = rng.choice((2, 2, 3, 3, 4))
    hubs = rng.choice((0, 1, 1, 1, 2))
    kinds, weights = zip(*STEPS, strict=True)
    start = [s.Skew(who, random_skew(rng)) for who in range(hubs, replicas) if rng.random() < 0.6]
    steps = [step for kind in rng.choices(kinds, weights, k=rng.randint(20, 50)) for step in _steps(rng, kind)]
    return s.Script(replicas, min(hubs, replicas - 1), (*start, *steps))


def random_skew(rng: random.Random) -> int:
    """Return by how much a clock is off."""
    return rng.choice((-1, 1, 1)) * rng.choice((1, 5_000, HOUR_MS, 9 * HOUR_MS))


def _steps(rng: random.Random, kind: type) -> list[s.Step]:
    """Return a step of `kind`; compacting is worth most in a quiet moment, when all have heard of all."""
    quiet: list[s.Step] = [s.Mend(), s.Talk(), s.Talk()] if kind is s.Compact and rng.random() < 0.5 else []
    return [*quiet, _step(rng, kind)]


def _step(rng: random.Random, kind: type) -> s.Step:
    who, to = rng.sample(range(6), 2)
    if kind is s.Write and rng.random() < 0.1:
        return s.Write(who, tuple(Edit("item", key, (("parent", rng.choice(KEYS)),)) for key in rng.sample(KEYS, 2)))
    if kind is s.Write:
        return s.Write(who, tuple(random_edit(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))))
    if kind is s.Send:
        return s.Send(who, to, rng.choice((0, 1, 2, 20, 20)))
    if kind is s.Deliver:
        return s.Deliver(rng.choice((0, 0, 0, 1, 2, 3)), rng.random() < 0.15)
    if kind is s.Drop:
        return s.Drop(rng.randrange(4))
    if kind is s.Cut:
        return s.Cut(who, to)
    if kind in (s.Mend, s.Talk):
        return s.Mend() if kind is s.Mend else s.Talk()
    if kind is s.Skew:
        return s.Skew(who, rng.choice((0, random_skew(rng))))
    if kind is s.Pass:
        return s.Pass(rng.choice((1, 1, 50, 70_000, HOUR_MS)))
    if kind is s.Install:
        return s.Install(who, to)
    one: s.Step = kind(who)
    return one


def random_edit(rng: random.Random) -> Edit:
    """Return what a transaction does to one row."""
    table = "item" if rng.random() < 0.8 else "person"
    key = rng.choice(KEYS)
    how = rng.choices(("write", "end", "restore", "dismiss"), (70, 18, 8, 4))[0]
    if how != "write":
        return Edit(table, key, (), how)
    if table == "person":
        return Edit(table, key, (("name", rng.choice("xyz")),))
    number = rng.randrange(10)
    columns: dict[str, SqlValue] = {}
    for _ in range(rng.choice((1, 1, 2, 3))):
        column = rng.choice(
            ("title", "start", "end", "code", "owner", "votes", "votes+", "votes+", "tags+", "tags+", "tags-", "top",
             "parent", "parent", "parent")
        )  # fmt: skip
        if column in ("code", "tags+", "tags-"):
            columns[column] = rng.choice("abc")
        elif column in ("owner", "parent"):
            columns[column] = rng.choice((*KEYS, None) if column == "owner" else (*KEYS, *KEYS, None))
        else:
            columns[column] = number
    return Edit(table, key, tuple(columns.items()))
