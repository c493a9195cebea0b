"""Replicas agree, whatever happens to them and to what they say: in random scripts, seeded."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from .generate import random_script
from .shrink import repeat
from .world import run

SCRIPTS = range(1_000)
SOAK_SCRIPTS = 100_000
SEEN_MIN = {
    "Write": 10_000, "Crash": 500, "Restore": 200, "Copy": 200, "Skew": 1_000, "Cut": 300, "conflict": 1_000,
    "conflict settled": 70, "unique": 1_000, "foreign key": 1_000, "circle": 100, "violation settled": 1_000,
    "rows in their second life": 1_000, "rows changed by a clamp": 70, "ops dropped": 700, "lives forgotten": 20,
    "moves forgotten": 200, "rejected": 500, "rejected for another": 150, "rows changed by a rejection": 800,
    "snapshots": 250, "commits merged on a snapshot": 250,
}  # fmt: skip


def test_replicas_agree_with_each_other_and_with_the_definition(request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("--simulation-seed")
    if seed is not None:
        repeat(seed)
        return
    seen = Counter[str]()
    for seed in SCRIPTS:
        try:
            seen += run(random_script(seed)).seen
        except Exception:
            repeat(seed)
            raise
    assert {what: seen[what] for what, least in SEEN_MIN.items() if seen[what] < least} == {}, seen


@pytest.mark.parametrize("seed", [0, 7, 8])
def test_one_seed_says_the_same_twice(seed: int) -> None:
    assert run(random_script(seed)).trace == run(random_script(seed)).trace != []


@pytest.mark.soak
def test_fresh_scripts_hold_too() -> None:
    rng = random.Random(os.urandom(8))
    for _ in range(SOAK_SCRIPTS):
        repeat(rng.randrange(2**31))
