"""What every test shares: no claim of a clock, the same examples each time, long runs only when asked for, npm."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from eddyline.core import live
from eddyline.core.ivm import budget

IS_SOAK = os.environ.get("EDDYLINE_SOAK") == "1"

SLOW = [HealthCheck.too_slow]  # says that a machine is busy
settings.register_profile("eddyline", deadline=None, suppress_health_check=SLOW, derandomize=True)
settings.register_profile("soak", deadline=None, suppress_health_check=SLOW, print_blob=True, max_examples=2_000)
settings.load_profile("soak" if IS_SOAK else "eddyline")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `soak`, unless EDDYLINE_SOAK=1 (`python3 dev soak`) asks for it."""
    if IS_SOAK:
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session", autouse=True)
def no_view_is_dear_or_slow() -> Iterator[None]:
    """Views follow in the commit however long a busy machine takes for a step; a test of dear ones says so itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "MS_MAX", None)
        patch.setattr(live, "SLOW_S", math.inf)
        yield


@pytest.fixture(scope="session")
def node_packages() -> Callable[..., Path]:
    """Install packages of npm, once, into a folder that git ignores: `node_packages("yjs@13.6.27")` returns it."""
    return _installed


FOLDER = Path(sys.prefix) / "node"


@cache
def _installed(*packages: str) -> Path:
    """Return a folder with `packages` ("name@version"); skip the test, saying why, where they can't be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm aren't installed: real Yjs can't be run")
    wanted = FOLDER / "-".join(package.replace("/", "_") for package in packages)
    done = wanted / "installed"
    if not done.exists():
        wanted.mkdir(parents=True, exist_ok=True)
        (wanted / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-save", *packages]
        ran = subprocess.run(command, cwd=wanted, capture_output=True, text=True, timeout=300, check=False)
        if ran.returncode:
            pytest.skip(f"npm could not install {', '.join(packages)}: {ran.stderr.strip()[-300:]}")
        done.touch()
    return wanted
