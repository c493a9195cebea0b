"""mypy --strict and pyright find each wrong column, wrong type and missing argument, and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TYPED = Path(__file__).with_name("typed.py")
CONTRACT = """
from eddyline import Column, Database, Model, Ref, Row, Text, View, column, computed, signal


class Project(Model):
    name: Column[str]


class Issue(Model):
    title: Column[str]
    body: Text = Text()
    state: Column[str] = column(default="open")
    priority: Column[int] = column(default=0)
    project: Ref[Project]


async def main() -> None:
    state_signal = signal("open")
    async with Database.open("tracker.db", models=[Project, Issue]) as db:
        async with db.transaction("triage") as tx:
            core = await tx.add(Project(name="Core"))
            slow = await tx.add(Issue(title="Slow start", project=core))
            await tx.execute("UPDATE issue SET priority = 3 WHERE title LIKE 'Slow%'")
            await tx.update(slow, state="closed")
            await tx.update(slow, Issue.state.set("closed"))
        await db.execute("DELETE FROM issue WHERE state = 'spam'")
        await db.write(lambda tx: tx.executemany("UPDATE issue SET priority = ? WHERE id = ?", [(1, slow.id)]))
        top: View[Issue] = await db.live(
            Issue.where(Issue.state == "open").order_by(Issue.priority.desc()).limit(50)
        )
        per: View[Row] = await db.live(
            "SELECT p.name, count(*) AS n FROM issue i JOIN project p ON p.id = i.project "
            "WHERE i.state = :state GROUP BY p.name ORDER BY n DESC",
            state=state_signal,
        )
        label = computed(lambda: f"{len(top.rows())} open")
        stop = top.subscribe(lambda patches: print(patches))
        async for patches in top.changes():
            print(patches, per.rows(), label())
            break
        stop()
        print(top.explain())
"""


def linked(folder: Path) -> Path:
    """Return a folder in which the package lies as it is imported: checkers can't see an editable install."""
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-dir"]
    home = folder / "eddyline"
    shutil.copytree(ROOT / "src" / "eddyline", home, ignore=shutil.ignore_patterns("__pycache__"))
    for name, source in folders.items():
        if name.count(".") == 1:
            shutil.copytree(ROOT / source, home / name.split(".")[1], ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def lines_of_mypy(folder: Path, file: Path) -> dict[int, str]:
    """Return what mypy finds in `file`, by line."""
    config = folder / "mypy.ini"
    config.write_text("[mypy]\nstrict = True\n[mypy-eddyline.*]\nignore_errors = True\n")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", str(folder / "cache")]
    ran = subprocess.run(
        [*command, "--config-file", str(config), str(file)], cwd=folder, env={**os.environ, "MYPYPATH": str(folder)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert not ran.stderr, ran.stderr
    found = re.findall(r"^(.*?):(\d+): error: (.*)$", ran.stdout, re.MULTILINE)
    assert all(Path(name).name == file.name for name, _, _ in found), ran.stdout
    return {int(line): text for _, line, text in found}


def lines_of_pyright(folder: Path, file: Path) -> dict[int, str]:
    """Return what pyright finds in `file`, by line."""
    (folder / "pyrightconfig.json").write_text(
        json.dumps({"extraPaths": [str(folder)], "reportUnusedExpression": False})
    )
    env = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(file)]
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    if not ran.stdout.lstrip().startswith("{"):
        pytest.skip(f"pyright can't run here: {(ran.stderr or ran.stdout)[-300:]}")
    found = json.loads(ran.stdout)["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1: one["message"] for one in found if one["severity"] == "error"}


CHECKERS = {"mypy": lines_of_mypy, "pyright": lines_of_pyright}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return linked(tmp_path_factory.mktemp("typed"))


@pytest.mark.parametrize("checker", CHECKERS)
def test_wrong_lines_are_errors_and_right_ones_are_none(checker: str, folder: Path) -> None:
    if checker == "pyright" and shutil.which("node") is None:
        pytest.skip("pyright needs node, which isn't on PATH here")
    file = folder / "typed_case.py"
    shutil.copy(TYPED, file)
    wrong = {at for at, line in enumerate(TYPED.read_text().splitlines(), 1) if line.endswith("# wrong")}
    assert len(wrong) > 20
    found = CHECKERS[checker](folder, file)
    assert {at: found[at] for at in found.keys() - wrong} == {}
    assert wrong - found.keys() == set()


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_contract_is_right_to_type_checkers(checker: str, folder: Path) -> None:
    if checker == "pyright" and shutil.which("node") is None:
        pytest.skip("pyright needs node, which isn't on PATH here")
    file = folder / "contract_case.py"
    file.write_text(CONTRACT)
    assert CHECKERS[checker](folder, file) == {}
