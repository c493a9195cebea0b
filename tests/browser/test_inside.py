"""The suites of the synchronous ground, run by pytest inside Pyodide: same tests, same claims, SQLite 3.39, no threads.

Node is the quick way to a Pyodide: the same Python and SQLite as in the page. Async tests run, too, in a loop of ours.
Few examples of Hypothesis are tried here; `python3 dev soak` tries all, and the simulation of the log besides.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import CACHE, PYODIDE, ROOT

WHEELS = (
    "hypothesis==6.155.7",  # the last that is pure Python
    "iniconfig==2.3.1",
    "packaging==26.3",
    "pluggy==1.7.0",
    "pygments==2.21.0",
    "pytest==9.2.0",
    "pytest_asyncio==1.5.0",
    "sortedcontainers==2.4.0",
    "sqlglot==30.30.0",
    "typing_extensions==4.16.0",
)
STACK_KB = 60_000  # some tests go as deep as Python lets them: deeper than V8's stack of 1 MB, which then ends Pyodide
SUITES = {
    "signals": (["tests/signals"], 700),
    "queries, rules and the store": (["tests/core/query", "tests/core/ivm", "tests/stores/test_conformance.py"], 450),
    "the log": (["tests/core/log"], 180),
}


def _deep() -> None:
    """Let the program that is started have the stack that it is told to use."""
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (hard, hard))


def run_inside(
    folders: list[str],
    tmp_path: Path,
    wheels: list[Path],
    packages: Path,
    *more: str,
) -> str:
    """Run pytest over `folders` inside Pyodide; return what it said. Fails where it failed."""
    node = shutil.which("node")
    assert node is not None, "npm has just installed packages"
    compiled = CACHE.parent / "compiled"
    compiled.mkdir(exist_ok=True)
    job = {
        "pyodide": str(packages / "node_modules" / "pyodide"),
        "wheels": [str(wheel) for wheel in wheels],
        "checkout": str(ROOT),
        "compiled": str(compiled),
        "env": {"EDDYLINE_SOAK": os.environ.get("EDDYLINE_SOAK", "")},
        "arguments": ["-q", "--tb=short", *more, *folders],
    }
    (tmp_path / "job.json").write_text(json.dumps(job), encoding="utf-8")
    command = [
        node,
        f"--stack-size={STACK_KB}",
        str(Path(__file__).with_name("inside.mjs")),
        str(tmp_path / "job.json"),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, preexec_fn=_deep)
    said = "\n".join(line[:300] for line in (ran.stdout + ran.stderr).splitlines())
    assert ran.returncode == 0, said[-6000:]
    return said


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes_inside_pyodide(
    suite: str,
    tmp_path: Path,
    wheel: Path,
    pure_wheels: Callable[..., list[Path]],
    node_packages: Callable[..., Path],
) -> None:
    folders, least = SUITES[suite]
    said = run_inside(folders, tmp_path, [wheel, *pure_wheels(*WHEELS)], node_packages(PYODIDE))
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|skipped|failed|errors?)", said)}
    assert counts["passed"] >= least
    assert counts.get("skipped", 0) <= 40


@pytest.mark.soak
def test_the_simulation_of_the_log_passes_inside_pyodide(
    tmp_path: Path, wheel: Path, pure_wheels: Callable[..., list[Path]], node_packages: Callable[..., Path]
) -> None:
    assert "passed" in run_inside(
        ["tests/log"], tmp_path, [wheel, *pure_wheels(*WHEELS)], node_packages(PYODIDE), "-k", "not broken"
    )
