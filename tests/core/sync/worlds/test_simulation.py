"""Programs agree, whatever happens to them, to their hubs and to what they say: in random scripts, seeded."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from tests.log.simulation.author import Edit

from .generate import random_script
from .script import Backup, Copy, Cut, Restore, Run, Script, Skew, Write
from .shrink import repeat
from .world import run

SCRIPTS = range(1_000)
SOAK_SCRIPTS = 50_000
SEEN_MIN = {
    "Write": 8_000, "Run": 9_000, "Crash": 1_000, "Cut": 1_000, "Lose": 800, "Double": 800, "Swap": 500, "Garble": 200,
    "Admit": 3_000, "Apply": 7_000, "Install": 2_000, "ReadSegment": 10_000, "RunFetch": 3_000, "ReadFates": 3_000,
    "large commits": 500, "snapshots": 300, "ops dropped": 20, "hubs restored": 50, "restored hubs noticed": 50,
    "conflict": 1_000, "unique": 1_000, "rows changed by a clamp": 5, "rejected": 1_000,
    "rows changed by a rejection": 300,
}  # fmt: skip


def test_programs_agree_with_each_other_and_with_the_definition(request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("--sync-seed", None)
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


def test_stamps_that_a_restored_hub_lost_reach_it_though_the_first_connection_after_it_is_cut() -> None:
    edit = Edit("item", "k3", (("end", 0),), "write")
    run(
        Script(
            1, 1, 4_000, 8_000, 1_000,
            (
                Skew(1, 32_400_000), Write(1, (edit,)), Backup(0), Copy(1),
                Run(1, 40, 82), Restore(0), Run(1, 10, 67), Cut(1, True),
            ),
        )
    )  # fmt: skip


@pytest.mark.soak
def test_fresh_scripts_hold_too() -> None:
    rng = random.Random(os.urandom(8))
    for _ in range(SOAK_SCRIPTS):
        repeat(rng.randrange(2**31))
