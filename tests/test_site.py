"""The site: mkdocs builds it into site/ without a warning, and every page of docs/ is on it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .bindings.notebook.tools import tools

ROOT = Path(__file__).resolve().parent.parent


def test_site_is_built_without_a_warning_and_has_every_page() -> None:
    command = [str(tools() / "mkdocs"), "build", "--strict", "--quiet"]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pages = {page.stem for page in (ROOT / "docs").glob("*.md")} | {"reference", "benchmarks", "examples", "changelog"}
    assert {page for page in pages if not (ROOT / "site" / page / "index.html").exists()} == set()
    reference = (ROOT / "site" / "reference" / "index.html").read_text(encoding="utf-8")
    assert all(f">{name}<" in reference for name in ("Database", "LiveTable", "signal"))
