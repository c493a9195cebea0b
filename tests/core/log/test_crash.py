"""Crashes: a writer killed at any moment loses no acknowledged commit and leaves log, rows and stamps in step."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .in_step import check_in_step

KILLS = 200 if os.environ.get("EDDYLINE_SOAK") == "1" else 40

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills what it forks")


class Writers:
    """Forks one writer after the other and kills it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("crash_writer.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def crash(self, path: Path, first: int, *, after: int, steps: int) -> list[int]:
        """Return the transactions that were acknowledged before the writer died: of itself, or `after` so many."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path} {first} {steps}\n")
        self.process.stdin.flush()
        acknowledged: list[int] = []
        pid = 0
        for line in self.process.stdout:
            match line.split():
                case ["pid", number]:
                    pid = int(number)
                case ["end"]:
                    break
                case [number]:
                    acknowledged.append(int(number))
            if not steps and pid and len(acknowledged) >= after:
                os.kill(pid, signal.SIGKILL)
                steps = 1  # once
        return acknowledged

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def writers() -> Iterator[Writers]:
    made = Writers()
    yield made
    made.close()


def test_a_writer_that_is_killed_loses_nothing_acknowledged_and_leaves_all_in_step(
    tmp_path: Path, writers: Writers
) -> None:
    path, rng, first, acknowledged = tmp_path / "a.db", random.Random(7), 1, set[int]()
    for _ in range(KILLS):
        steps = rng.choice([0, rng.randrange(20, 5_000)])
        acknowledged |= set(writers.crash(path, first, after=rng.randrange(6), steps=steps))
        if not path.exists():
            continue
        with closing(sqlite3.connect(path)) as conn:
            if not conn.execute("SELECT 1 FROM sqlite_schema WHERE name = 'eddy_commits'").fetchone():
                continue
            check_in_step(path)
            done = {n for (n,) in conn.execute("SELECT n FROM child")}
            assert acknowledged <= done
            assert done == set(range(1, len(done) + 1))
            assert {n for (n,) in conn.execute("SELECT n FROM parent")} == {n for n in done if n + 3 not in done}
            messages = conn.execute(
                "SELECT message FROM eddy_commits WHERE message LIKE 'trans%' ORDER BY id"
            ).fetchall()
            assert [message for (message,) in messages] == [f"transaction {n}" for n in sorted(done)]
            first = len(done) + 1
    assert len(acknowledged) > KILLS // 2
