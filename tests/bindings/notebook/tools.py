"""The environment that runs notebooks in tests: JupyterLab, kernels and marimo, made once beside that of the tests.

    tools.txt  -->  <.venv>/notebook, a virtual environment  --(a .pth file)-->  sees Eddyline and all that .venv has

JupyterLab is large, so `.venv` itself stays without. Where it can't be made the tests are skipped, and say why. On a
Python that EDDYLINE_PYTHON chose they are, too: what they add is the page, and that is the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

import pytest

WANTED = Path(__file__).with_name("tools.txt")
SAVES_WIDGETS = {"@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True}}


@cache
def tools() -> Path:
    """Return the folder of the programs (`jupyter`, `marimo`, `python`). Skips the test where they can't be had."""
    if os.environ.get("EDDYLINE_PYTHON"):
        pytest.skip("real notebooks are run on the default Python alone")
    digest = hashlib.sha256(WANTED.read_bytes()).hexdigest()[:16]
    folder = Path(sys.prefix) / "notebook"
    done = folder / "installed"
    if not done.exists() or done.read_text(encoding="utf-8") != digest:
        shutil.rmtree(folder, ignore_errors=True)
        install(folder)
        done.write_text(digest, encoding="utf-8")
    return folder / "bin"


def install(folder: Path) -> None:
    """Make the environment."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=300)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-qq", "--no-compile", "-r", str(WANTED)]
    ran = subprocess.run(pip, capture_output=True, text=True, check=False, timeout=600)
    if ran.returncode:
        pytest.skip(f"JupyterLab and marimo could not be installed: {ran.stderr.strip()[-300:]}")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    ours = sysconfig.get_path("purelib")
    (packages / "eddyline_of_the_tests.pth").write_text(f"import site; site.addsitedir({ours!r})\n", encoding="utf-8")
    settings = folder / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "overrides.json").write_text(json.dumps(SAVES_WIDGETS), encoding="utf-8")


def home(folder: Path) -> dict[str, str]:
    """Return the variables under which programs leave the user's own settings alone: all is kept in `folder`."""
    names = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "XDG_CONFIG_HOME")
    return {**os.environ, **{name: str(folder / name.lower()) for name in names}, "PYTHONWARNINGS": "ignore"}
