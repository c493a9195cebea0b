"""docs/tutorial.md as a newcomer walks through it: files saved, commands typed, in order, in one empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eddyline.bindings.textual import LiveTable

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tutorial.md"
STEP = re.compile(
    r"^<!-- not run: the tutorial's own test saves it as (?P<file>\S+) and runs it -->\n```python\n(?P<code>.*?)^```$"
    r"|^```console\n(?P<console>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def typed(console: str) -> list[tuple[str, str]]:
    """Return each command of a console block, and what it prints."""
    return [(command, output) for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", console, re.MULTILINE)]


def walk(folder: Path) -> list[str]:
    """Do all that the page says, in `folder`; return what went otherwise."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONWARNINGS": "error", "HOME": str(folder)}
    trouble = []
    for step in STEP.finditer(PAGE.read_text(encoding="utf-8")):
        if step["file"]:
            (folder / step["file"]).write_text(step["code"], encoding="utf-8")
            continue
        for command, expected in typed(step["console"]):
            done = subprocess.run(
                ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60,
                check=False,
            )  # fmt: skip
            if (done.returncode, done.stdout) != (0, expected):
                trouble.append(f"$ {command}\n{done.stdout}{done.stderr}")
    return trouble


async def test_each_command_prints_what_the_page_says_and_its_app_shows_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert walk(tmp_path) == []
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "tutorial"}
    exec(compile((tmp_path / "app.py").read_text(encoding="utf-8"), "app.py", "exec"), names)
    app = names["Issues"]()  # type: ignore[operator]  # the class of the page
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.query_one(LiveTable).row_count == 4


def test_every_program_of_the_page_is_saved() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("```python") == len([step for step in STEP.finditer(text) if step["file"]])
