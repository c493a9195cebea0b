"""A server and two clients on two machines, as far as the kernel knows: network namespaces joined by a cable that is
pulled out, or that loses and delays packets. What was acknowledged is there in the end, at both.

    namespace A: eddyline serve  ---- veth ----  namespace B: ada, bob
                                   ^ down for a while, or tc netem loss 3% delay 20ms
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

HERE = Path(__file__).parent
APP = HERE / "killed_app.py"
ADDRESS = "10.77.7.1"
URL = f"ws://{ADDRESS}:8000/marks"


def root(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


class Cable:
    """Two namespaces and the cable between them."""

    def __init__(self) -> None:
        self.server, self.client = f"edA{os.getpid()}", f"edB{os.getpid()}"
        for name in (self.server, self.client):
            root("ip", "netns", "add", name)
        peer = ["peer", "name", "v0", "netns", self.client]
        root("ip", "link", "add", "v0", "netns", self.server, "type", "veth", *peer)
        for at, name in ((1, self.server), (2, self.client)):
            root("ip", "-n", name, "addr", "add", f"10.77.7.{at}/24", "dev", "v0")
            root("ip", "-n", name, "link", "set", "v0", "up")

    def cut(self, seconds: float) -> None:
        """Pull the cable out for a while: packets vanish, nobody is told."""
        root("ip", "-n", self.client, "link", "set", "v0", "down")
        time.sleep(seconds)
        root("ip", "-n", self.client, "link", "set", "v0", "up")

    def spoil(self, *how: str) -> None:
        for name in (self.server, self.client):
            root("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "v0", "root", "netem", *how)

    def start(self, namespace: str, *command: str | Path, said: Path) -> subprocess.Popen[str]:
        whole = ["ip", "netns", "exec", namespace, sys.executable, *map(str, command)]
        with said.open("a") as out:
            return subprocess.Popen(whole, cwd=HERE, stdout=out, stderr=out, text=True)

    def run(self, *command: str | Path) -> str:
        return root("ip", "netns", "exec", self.client, sys.executable, *command)

    def end(self) -> None:
        for name in (self.server, self.client):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False, timeout=60)


@pytest.fixture
def cable() -> Iterator[Cable]:
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` here to make network namespaces with")
    made = None
    try:
        made = Cable()
    except OSError as error:
        pytest.skip(f"network namespaces can't be made here: {error}")
    yield made
    made.end()


def lines(file: Path) -> set[str]:
    return set(file.read_text().split("\n")[:-1]) if file.exists() else set()


def work(cable: Cable, folder: Path, trouble: list[float]) -> None:
    """Have two clients write while the cable is pulled out for `trouble` seconds each; hold them to what they said."""
    serve: list[str | Path] = [
        "-m",
        "eddyline",
        "serve",
        folder / "hub",
        "--models",
        "killed_app",
        "--host",
        ADDRESS,
        "--port",
        "8000",
    ]
    secret = folder / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef")
    from eddyline.bindings.serve import make_token

    tokens = {name: make_token(secret, name, ["marks=write"], days=1) for name in ("ada", "bob")}
    running = [
        cable.start(cable.server, *serve, "--token-secret-file", secret, said=folder / "server.said"),
        *(
            cable.start(cable.client, APP, "write", name, folder, URL, token, said=folder / f"{name}.said")
            for name, token in tokens.items()
        ),
    ]
    try:
        for seconds in trouble:
            time.sleep(1)
            cable.cut(seconds)
        stored = [folder / f"{name}.stored" for name in ("ada", "bob")]
        until = time.monotonic() + PATIENCE_S
        while not all(len(lines(file)) > 20 for file in stored) and time.monotonic() < until:
            time.sleep(0.05)
        for client in running[1:]:
            client.kill()
            client.wait()
        for name, token in tokens.items():
            cable.run(APP, "settle", name, folder, URL, token)
        found = [cable.run(APP, "settle", name, folder, URL, token) for name, token in tokens.items()]
    finally:
        for process in running:
            process.kill()
            process.wait()
    marks = {line.split()[0] for line in found[0].splitlines()}
    assert found[0] == found[1]
    for name in ("ada", "bob"):
        assert lines(folder / f"{name}.written") - marks == set()
        assert len(lines(folder / f"{name}.stored")) > 20, (folder / f"{name}.said").read_text()


def test_cable_that_is_pulled_out_loses_nothing(cable: Cable, tmp_path: Path) -> None:
    work(cable, tmp_path, [0.5, 1.0, 0.3])


def test_packets_that_are_lost_and_late_lose_nothing(cable: Cable, tmp_path: Path) -> None:
    try:
        cable.spoil("loss", "3%", "delay", "20ms", "5ms")
    except OSError as error:
        pytest.skip(f"this kernel can't lose and delay packets: {error}")
    work(cable, tmp_path, [])
