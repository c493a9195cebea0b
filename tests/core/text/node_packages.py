"""Packages of npm that tests need, installed once into a folder that git ignores."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(sys.prefix) / "node"


@cache
def node_packages(*packages: str) -> Path:
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
