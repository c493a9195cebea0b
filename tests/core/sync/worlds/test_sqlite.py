"""The peers and the drivers' own answers over real SQLite files, in the worlds of the simulation."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from .generate import random_script
from .sqlite import run_on_sqlite

SEEDS = range(20)
SEEN = ("Admit", "Apply", "Install", "Crash", "hubs restored", "rejected")
SOAK_SEEDS = 1_000


def test_databases_agree_in_the_worlds_of_the_simulation(tmp_path: Path) -> None:
    seen = Counter[str]()
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            seen += run_on_sqlite(random_script(seed), folder).seen
        except Exception as error:
            error.add_note(f"\nagain: run_on_sqlite(random_script({seed}), folder)")
            raise
    assert {what: seen[what] for what in SEEN if not seen[what]} == {}


@pytest.mark.soak
def test_databases_agree_in_fresh_worlds_too(tmp_path: Path) -> None:
    rng = random.Random(os.urandom(8))
    for number in range(SOAK_SEEDS):
        seed = rng.randrange(2**31)
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            run_on_sqlite(random_script(seed), folder)
        except Exception as error:
            error.add_note(f"\nagain: run_on_sqlite(random_script({seed}), folder)")
            raise
