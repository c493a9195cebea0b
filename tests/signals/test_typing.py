"""mypy --strict and pyright infer the types of signals, find each wrong use, and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import eddyline.signals

TYPED = Path(__file__).with_name("typed.py")
SIGNALS = Path(eddyline.signals.__file__ or "").parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package lies as it is imported: checkers can't see an editable install."""
    folder = tmp_path_factory.mktemp("typed")
    (folder / "eddyline").mkdir()
    (folder / "eddyline" / "__init__.py").touch()
    shutil.copytree(SIGNALS, folder / "eddyline" / "signals", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TYPED, folder / "typed_case.py")
    return folder


def lines_of_mypy(folder: Path) -> dict[int, str]:
    """Return what mypy finds in the case, by line."""
    config = folder / "mypy.ini"
    config.write_text("[mypy]\nstrict = True\n[mypy-eddyline.*]\nignore_errors = True\n")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", str(folder / "cache")]
    ran = subprocess.run(
        [*command, "--config-file", str(config), "typed_case.py"], cwd=folder,
        env={**os.environ, "MYPYPATH": str(folder)}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert not ran.stderr, ran.stderr
    found = re.findall(r"^(.*?):(\d+): error: (.*)$", ran.stdout, re.MULTILINE)
    assert {name for name, _, _ in found} == {"typed_case.py"}, ran.stdout
    return {int(line): text for _, line, text in found}


def lines_of_pyright(folder: Path) -> dict[int, str]:
    """Return what pyright finds in the case, by line."""
    (folder / "pyrightconfig.json").write_text(
        json.dumps({"extraPaths": [str(folder)], "reportUnusedExpression": False, "reportUnusedCoroutine": False})
    )
    env = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "typed_case.py"]
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    if not ran.stdout.lstrip().startswith("{"):
        pytest.skip(f"pyright can't run here: {(ran.stderr or ran.stdout)[-300:]}")
    found = json.loads(ran.stdout)["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1: one["message"] for one in found if one["severity"] == "error"}


@pytest.mark.parametrize("check", [lines_of_mypy, lines_of_pyright])
def test_wrong_uses_of_signals_are_errors_and_right_ones_are_none(
    check: Callable[[Path], dict[int, str]], folder: Path
) -> None:
    if check is lines_of_pyright and shutil.which("node") is None:
        pytest.skip("pyright needs node, which isn't on PATH here")
    wrong = {at for at, line in enumerate(TYPED.read_text().splitlines(), 1) if line.endswith("# wrong")}
    assert len(wrong) > 30
    found = check(folder)
    assert {at: found[at] for at in found.keys() - wrong} == {}
    assert wrong - found.keys() == set()
