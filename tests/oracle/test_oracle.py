"""Every view equals its query, run again by SQLite, after every commit: in random worlds, seeded."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from .world import run_world

WORLDS = range(100)
SOAK_WORLDS = 5_000
STEPS_MIN = 20_000


def test_every_view_equals_its_query_after_every_commit(request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("--oracle-seed")
    steps: Counter[str] = Counter()
    if seed is not None:
        run_world(seed)
        return
    for seed in WORLDS:
        steps += run_world(seed)
    maintained = steps["delta"] + steps["key"]
    assert maintained + steps["re-run"] >= STEPS_MIN, steps
    assert maintained >= 0.7 * STEPS_MIN, steps
    assert min(steps["key"], steps["failed view"], steps["ddl"], steps["undone"], steps["failed commit"]) >= 20, steps
    assert steps["SQLite disagrees with itself"] < 0.001 * maintained, steps


@pytest.mark.soak
def test_fresh_worlds_hold_too() -> None:
    first = int.from_bytes(os.urandom(4), "big")
    rng = random.Random(first)
    for _ in range(SOAK_WORLDS):
        run_world(rng.randrange(2**31))
