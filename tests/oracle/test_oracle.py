"""Every view equals its query, run again by SQLite, after every commit: in random worlds, seeded."""

from __future__ import annotations

import os
import random

import pytest

from .judge import Steps
from .shrink import repeat
from .world import run_world

WORLDS = range(110)
STEPS_MIN, SOAK_STEPS_MIN = 60_000, 1_000_000
"""A query-step is one view compared with its query, run anew by SQLite, after one commit, parameter or reopening."""
SEEN_MIN = {
    "rule delta": 10_000, "rule key": 3_000, "rule re-run": 3_000, "failed view": 300, "foreign": 100, "undone": 50,
    "deferred": 4_000,
    "failed ConstraintError": 300, "failed CommitError": 50, "failed RolledBackError": 20, "patch Insert": 2_000,
    "patch Remove": 2_000, "patch Update": 500, "patch Move": 100, "feature self join": 2_000, "feature may fail": 300,
    "feature parameter": 5_000, "feature limit": 4_000, "shape join4": 100, "shape group3": 300,
    "shape left group2": 300, "shape left join3": 300,
    "feature subquery": 2_000, "feature in select": 500, "feature nested subquery": 300,
    "feature row value in select": 60, "shape derived": 400,
    "feature right join": 300, "feature natural join": 100, "feature lookup": 50,
    "feature first of an order": 100, "feature subquery beside groups": 200, "feature subquery in a left join": 100,
    "feature compound": 1_000, "feature set": 500, "feature bag": 400,
    "feature window": 3_500, "feature frame": 2_000, "feature one partition": 1_000, "feature named window": 1_300,
    "feature stages": 7_000, "feature used twice": 300, "feature windows over groups": 400,
    "feature first of each": 500,
    "feature limit in FROM": 400, "feature compound in FROM": 500, "feature grouped beyond the first": 400,
    "feature full join": 1_200,
    "feature outer join using": 200, "feature union in a subquery": 100,
    "feature bag behind a set": 100, "feature right join behind another": 60,
}  # fmt: skip


def test_every_view_equals_its_query_after_every_commit(request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("--oracle-seed")
    if seed is not None:
        repeat(seed)
        return
    steps = Steps()
    for seed in WORLDS:
        steps += run_world(seed)
    assert steps["steps"] >= STEPS_MIN, steps
    assert {what: steps[what] for what, least in SEEN_MIN.items() if steps[what] < least} == {}, steps
    assert steps["SQLite disagrees with itself"] < 0.001 * steps["steps"], steps


@pytest.mark.soak
def test_fresh_worlds_hold_too() -> None:
    rng, steps = random.Random(os.urandom(8)), Steps()
    while steps["steps"] < SOAK_STEPS_MIN:
        steps += run_world(rng.randrange(2**31))
