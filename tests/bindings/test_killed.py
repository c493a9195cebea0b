"""Three clients and a server, each a process, over real websockets, killed -9 at random: nothing that was acknowledged
is lost, and in the end all four hold the same. 20 seconds in the suite, two minutes in the soak.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from tests.free_port import free_port
from tests.patience import PATIENCE_S

HERE = Path(__file__).parent
APP = HERE / "killed_app.py"
NAMES = ("ada", "bob", "eve")
STORED_LEAST = 100


class Processes:
    """The four, and what kills them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.chance = folder, Random(seed)
        self.port = free_port()
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.kills = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/marks"

    def start(self, name: str) -> None:
        if name == "server":
            where = ["--models", "killed_app", "--port", str(self.port), "--open"]
            command = ["-m", "eddyline", "serve", str(self.folder / "hub"), *where]
        else:
            command = [str(APP), "write", name, str(self.folder), self.url]
        said = (self.folder / f"{name}.said").open("a")
        with said:
            self.running[name] = subprocess.Popen(
                [sys.executable, *command], cwd=HERE, stdout=said, stderr=said, text=True
            )

    def kill_one(self) -> None:
        name = self.chance.choice([*NAMES, "server"])
        process = self.running[name]
        assert process.poll() is None, f"{name} ended by itself: {(self.folder / f'{name}.said').read_text()[-2000:]}"
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.kills += 1
        self.start(name)

    def settle(self, name: str) -> str:
        done = subprocess.run(
            [sys.executable, str(APP), "settle", name, str(self.folder), self.url],
            capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()


def noted(folder: Path, kind: str) -> set[str]:
    """Return what clients have noted; a line that was being written when they were killed is none."""
    files = [folder / f"{name}.{kind}" for name in NAMES]
    texts = [file.read_text() for file in files if file.exists()]
    return {line for text in texts for line in text.split("\n")[:-1]}


def run(folder: Path, seconds: float, seed: int) -> None:
    """Let them work and be killed for `seconds`, then hold them to what they said."""
    world = Processes(folder, seed)
    try:
        for name in ("server", *NAMES):
            world.start(name)
        until = time.monotonic() + seconds
        while time.monotonic() < until or world.kills < seconds / 2:
            time.sleep(world.chance.uniform(0.5, 1.5))
            world.kill_one()
        while len(noted(folder, "stored")) < STORED_LEAST and time.monotonic() < until + PATIENCE_S:
            time.sleep(0.1)  # a slow machine starts a process for longer than it lives
        for name in NAMES:
            world.running[name].kill()
            world.running[name].wait()
        for name in NAMES:  # each brings what it has
            world.settle(name)
        found = {name: world.settle(name) for name in NAMES}
    finally:
        world.end()
    marks = {line.split()[0] for line in found["ada"].splitlines()}
    assert found["ada"] == found["bob"] == found["eve"], f"seed {seed}"
    assert noted(folder, "written") - marks == set(), f"seed {seed}"
    assert noted(folder, "stored") - marks == set(), f"seed {seed}"
    assert len(noted(folder, "stored")) >= STORED_LEAST


def test_what_was_acknowledged_outlives_kills_of_everyone(tmp_path: Path) -> None:
    run(tmp_path, 20, seed=int(os.environ.get("EDDYLINE_SEED", "1")))


@pytest.mark.soak
def test_what_was_acknowledged_outlives_two_minutes_of_kills(tmp_path: Path) -> None:
    run(tmp_path, 120, seed=int(os.environ.get("EDDYLINE_SEED", "2")))
