"""The `dev` script: which Python it takes, when it makes the environment, and what it hands over to.

Each test has a copy of the script in a folder of its own, whose name is no identifier, with an environment of stubs:
shell scripts that print how they were called. Nothing is installed here; `.ci/run` on a clean checkout does that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = "tests/test_docs.py tests/test_tutorial.py tests/test_site.py"
VERSION = "{}.{}".format(*sys.version_info)
PYPROJECT = """
[tool.setuptools.package-dir]
"eddyline" = "src/eddyline"
"eddyline.core" = "core"
"eddyline.core.ivm" = "core/ivm"
"""
SAY_HOW = 'echo "python $*" "in $(basename "$PWD")" "soak=$EDDYLINE_SOAK"\n'


def write_script(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
    file.chmod(0o755)
    return file


def load(tree: Path) -> Any:  # Any: the script is no module that a type checker could find
    """Return the copy of `dev` in `tree` as a module."""
    loader = SourceFileLoader("dev_of_a_test", str(tree / "dev"))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def write_environment(tree: Path, part: str, python: str = SAY_HOW) -> None:
    """Put an environment of stubs into `tree`, as if `dev` had made it for `part`."""
    venv = tree / ".venv"
    write_script(venv / "bin" / "python", python)
    (venv / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {VERSION}.7\n", encoding="utf-8")
    (venv / "eddyline-stamp").write_text(f"{load(tree).fingerprint()} {part}\n", encoding="utf-8")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with `dev` and what it reads, and no environment yet."""
    folder = tmp_path / "my clone-1"
    (folder / "src" / "eddyline").mkdir(parents=True)
    (folder / "src" / "eddyline" / "__init__.py").touch()
    (folder / "core" / "ivm").mkdir(parents=True)
    shutil.copy(ROOT / "dev", folder / "dev")
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (folder / "constraints.txt").write_text("textual==8.2.8\n", encoding="utf-8")
    return folder


def dev(
    tree: Path, *args: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EDDYLINE_")}
    command = [sys.executable, str(tree / "dev"), *args]
    return subprocess.run(
        command, cwd=cwd or tree, env=clean | (env or {}), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


def test_unknown_task_lists_the_tasks_and_exits_2(tree: Path) -> None:
    done = dev(tree, "tset")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dev: no task 'tset'\n")
    assert [line.split()[0] for line in done.stderr.splitlines()[3:]] == [
        "demo", "serve", "web", "test", "lint", "docs", "bench", "soak", "pythons",
    ]  # fmt: skip


def test_help_lists_the_tasks_and_exits_0(tree: Path) -> None:
    done = dev(tree, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  test [ARG ...] " in done.stdout


@pytest.mark.parametrize(
    ("args", "ran"),
    [
        ([], "python -P -m eddyline.demo_tui in elsewhere soak=\n"),
        (["demo", "a b.sqlite"], "python -P -m eddyline.demo_tui a b.sqlite in elsewhere soak=\n"),
        (["test", "-x", "tests/core"], "python -m pytest -x tests/core in my clone-1 soak=\n"),
        (["docs"], f"python -m pytest {DOCS} in my clone-1 soak=\n"),
        (["soak", "-q"], "python -m pytest -o faulthandler_timeout=0 -q in my clone-1 soak=1\n"),
    ],
)
def test_task_becomes_the_python_of_the_environment(tree: Path, args: list[str], ran: str) -> None:
    """The demo stays in the user's folder, where FILE is; exit code and output are the task's own."""
    write_environment(tree, "dev", SAY_HOW + "exit 7\n")
    elsewhere = tree.parent / "elsewhere"
    elsewhere.mkdir()
    done = dev(tree, *args, cwd=elsewhere)
    assert (done.stdout, done.stderr, done.returncode) == (ran, "", 7)


def test_lint_runs_every_check_after_one_has_failed(tree: Path) -> None:
    write_environment(tree, "dev", 'echo "$*"\ncase "$*" in *"ruff check"*) exit 3;; esac\n')
    (tree / "tests").mkdir()
    (tree / "tests" / "test_one.py").touch()
    done = dev(tree, "lint")
    assert done.stdout.splitlines() == [
        "-m ruff check",
        "-m ruff format --check",
        "-m mypy -p eddyline",
        "-m mypy dev tests",
    ]
    assert done.returncode == 1


def test_lint_links_the_packages_as_they_are_imported(tree: Path) -> None:
    write_environment(tree, "dev")
    assert dev(tree, "lint").returncode == 0
    links = sorted((tree / ".types" / "eddyline").iterdir())
    assert [(link.name, os.readlink(link)) for link in links] == [
        ("__init__.py", "../../src/eddyline/__init__.py"),
        ("core", "../../core"),
    ]
    assert (tree / ".types" / "eddyline" / "core" / "ivm").is_dir()


def test_bench_runs_the_named_benchmarks_and_knows_no_other(tree: Path) -> None:
    write_environment(tree, "bench", 'basename "$1"\n')
    (tree / "benchmarks").mkdir()
    for name in ("signals.py", "patches.py", "_shared.py"):
        (tree / "benchmarks" / name).touch()
    assert dev(tree, "bench").stdout == "patches.py\nsignals.py\n"
    assert dev(tree, "bench", "signals").stdout == "signals.py\n"
    unknown = dev(tree, "bench", "signal")
    assert (unknown.returncode, unknown.stderr) == (2, "dev: no benchmark signal; there are: patches, signals\n")


def test_bench_hands_numbers_to_the_benchmarks_as_sizes(tree: Path) -> None:
    write_environment(tree, "bench", 'shift; echo "$@"\n')
    (tree / "benchmarks").mkdir()
    (tree / "benchmarks" / "signals.py").touch()
    assert dev(tree, "bench", "signals", "10000", "1000000").stdout == "10000 1000000\n"


# --- When the environment is made ----------------------------------------------------------------------------------

UV = f"""
echo "uv $*" >> "$LOG"
case "$1" in venv)
    mkdir -p .venv/bin
    echo "version_info = {VERSION}.7" > .venv/pyvenv.cfg
    printf '#!/bin/sh\\necho ran' > .venv/bin/python
    chmod +x .venv/bin/python
esac
echo chatter
"""


@pytest.fixture
def uv(tree: Path) -> dict[str, str]:
    """The variables that put a stub of uv on PATH, which logs its calls to `tree/log`."""
    write_script(tree / "tools" / "uv", UV)
    return {"PATH": f"{tree / 'tools'}{os.pathsep}{os.environ['PATH']}", "LOG": str(tree / "log")}


def installs(tree: Path) -> list[str]:
    """Return what uv was called with since the last time, without what all calls share."""
    log = tree / "log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    shared = f"uv pip install --quiet --python {tree}/.venv/bin/python -c constraints.txt "
    return [line.removeprefix(shared).replace(f" --python {sys.executable}", "") for line in lines]


def test_first_use_makes_the_environment_with_uv_and_keeps_chatter_from_stdout(tree: Path, uv: dict[str, str]) -> None:
    done = dev(tree, "demo", env=uv)
    assert installs(tree) == [f"uv venv --quiet {tree}/.venv", "-e .[tui,text,sync]"]
    assert done.stdout == "ran\n"
    assert "chatter" in done.stderr
    assert f"dev: making .venv (Python {VERSION}) for `demo`" in done.stderr


def test_later_use_installs_nothing(tree: Path, uv: dict[str, str]) -> None:
    dev(tree, "test", env=uv)
    installs(tree)
    assert [dev(tree, task, env=uv).stderr for task in ("test", "demo")] == ["", ""]
    assert installs(tree) == []


def test_tests_after_the_demo_add_the_tools_alone(tree: Path, uv: dict[str, str]) -> None:
    dev(tree, "demo", env=uv)
    installs(tree)
    dev(tree, "test", env=uv)
    assert installs(tree) == ["-e .[all] --group dev"]


def test_benchmarks_add_the_libraries_to_compare_with(tree: Path, uv: dict[str, str]) -> None:
    dev(tree, "test", env=uv)
    installs(tree)
    dev(tree, "bench", env=uv)
    assert installs(tree) == ["-e .[all] --group dev --group bench"]
    dev(tree, "test", env=uv)
    assert installs(tree) == []


def test_benchmarks_run_without_what_cannot_be_installed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(tree)
    made: list[str] = []

    def install(_uv: str, _base: str, _venv: Path, part: str) -> bool:
        made.append(part)
        return part != "bench"

    module.install_with_uv = install
    module.install_with_pip = lambda base, venv, part: False
    monkeypatch.setattr(module.shutil, "which", lambda name: "uv")
    write_environment(tree, "dev")
    module.make("python3", tree / ".venv", VERSION, "bench")
    assert made == ["bench", "dev"]
    assert (tree / ".venv" / "eddyline-stamp").read_text(encoding="utf-8").endswith(" dev\n")


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_file_updates_the_environment(tree: Path, uv: dict[str, str], name: str) -> None:
    dev(tree, "demo", env=uv)
    installs(tree)
    with (tree / name).open("a", encoding="utf-8") as file:
        file.write("# another\n")
    dev(tree, "demo", env=uv)
    assert installs(tree) == ["-e .[tui,text,sync]"]


def test_moved_tree_updates_the_environment(tree: Path, uv: dict[str, str]) -> None:
    dev(tree, "demo", env=uv)
    installs(tree)
    moved = tree.rename(tree.parent / "moved")
    dev(moved, "demo", env=uv | {"PATH": uv["PATH"].replace(str(tree), str(moved)), "LOG": f"{moved}/log"})
    assert installs(moved) == ["-e .[tui,text,sync]"]


def test_environment_of_another_python_is_made_anew(tree: Path, uv: dict[str, str]) -> None:
    write_environment(tree, "dev")
    (tree / ".venv" / "pyvenv.cfg").write_text("version = 3.1.7\n", encoding="utf-8")
    (tree / ".venv" / "old").touch()
    dev(tree, "demo", env=uv)
    assert installs(tree) == [f"uv venv --quiet {tree}/.venv", "-e .[tui,text,sync]"]
    assert not (tree / ".venv" / "old").exists()


def test_broken_off_installation_is_taken_up_again(tree: Path, uv: dict[str, str]) -> None:
    write_environment(tree, "dev")
    (tree / ".venv" / "eddyline-stamp").unlink()
    dev(tree, "test", env=uv)
    assert installs(tree) == ["-e .[all] --group dev"]


# --- pip, and which Python -----------------------------------------------------------------------------------------


def pip_calls(tree: Path, part: str, fails: Sequence[str] = ()) -> tuple[bool, list[str]]:
    """Return whether an installation with pip went well and its calls, where those that hold one of `fails` fail."""
    module, calls = load(tree), []

    def run(*command: str | Path, quiet: bool = False) -> bool:
        call = " ".join(map(str, command)).replace(str(tree / ".venv/bin/python"), "PYTHON").replace(f"{tree}/", "")
        calls.append(call)
        return not any(text in call for text in fails)

    module.run = run
    return module.install_with_pip("python3", tree / ".venv", part), calls


def test_pip_of_the_environment_installs_the_demo(tree: Path) -> None:
    assert pip_calls(tree, "demo", fails=["PYTHON -m pip --version"]) == (
        True,
        [
            "python3 -m venv --without-pip .venv",
            "PYTHON -m pip --version",
            "PYTHON -m ensurepip",
            "PYTHON -m pip install -qq -c constraints.txt -e .[tui,text,sync]",
        ],
    )


def test_without_ensurepip_the_pip_of_the_system_brings_pip(tree: Path) -> None:
    assert pip_calls(tree, "dev", fails=["PYTHON -m pip --version", "ensurepip"]) == (
        True,
        [
            "python3 -m venv --without-pip .venv",
            "PYTHON -m pip --version",
            "PYTHON -m ensurepip",
            "python3 -m pip --version",
            "python3 -m pip --python PYTHON install -qq pip",
            "PYTHON -m pip install -qq -c constraints.txt pip>=25.1",
            "PYTHON -m pip install -qq -c constraints.txt -e .[all] --group dev",
        ],
    )


def test_without_any_pip_it_says_what_to_install(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pip_calls(tree, "demo", fails=["-m pip --version", "ensurepip"])
    assert capsys.readouterr().err == (
        "dev: python3 has neither pip nor ensurepip: install one of python3-venv, python3-pip or uv\n"
    )


def test_failed_installation_leaves_no_stamp(tree: Path) -> None:
    write_environment(tree, "demo", "exit 1\n")
    tools = write_script(tree / "tools" / "uv", "exit 1\n").parent
    done = dev(tree, "test", env={"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"})
    assert done.returncode == 1
    assert done.stderr.endswith("dev: .venv could not be made: the reason stands above; the next run tries again\n")
    assert not (tree / ".venv" / "eddyline-stamp").exists()


def test_shim_that_does_not_run_is_passed_over_for_one_of_pyenv(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = write_script(tree / "shims" / "python3.12", "echo 'pyenv: python3.12: command not found' >&2\nexit 127\n")
    real = write_script(tree / "pyenv" / "versions" / "3.12.1" / "bin" / "python3.12", "echo 3.12\n")
    monkeypatch.setenv("PATH", str(shim.parent))
    monkeypatch.setenv("PYENV_ROOT", str(tree / "pyenv"))
    monkeypatch.setenv("EDDYLINE_PYTHON", "python3.12")
    assert load(tree).chosen_python() == ("3.12", str(real), tree / ".venv-3.12")
    assert load(tree).found_pythons() == [("3.12", str(real))]


def test_default_is_the_python_that_runs_it(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDDYLINE_PYTHON", raising=False)
    assert load(tree).chosen_python() == (VERSION, sys.executable, tree / ".venv")


@pytest.mark.parametrize(
    ("prints", "message"),
    [
        ("3.10", "dev: EDDYLINE_PYTHON=python9 is Python 3.10; Eddyline needs 3.11 or newer\n"),
        ("", "dev: EDDYLINE_PYTHON=python9: no such Python runs here; `python3 dev pythons` lists those that do\n"),
    ],
)
def test_chosen_python_that_will_not_do_is_refused(tree: Path, prints: str, message: str) -> None:
    tools = write_script(tree / "tools" / "python9", f"echo {prints}\n").parent
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    done = dev(tree, "test", env={"PATH": path, "EDDYLINE_PYTHON": "python9"})
    assert (done.returncode, done.stderr) == (1, message)
