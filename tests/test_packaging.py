"""Packaging: the map of packages in pyproject.toml equals the folders, and the wheel holds `eddyline/...` alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
FOLDERS: dict[str, str] = SETUPTOOLS["package-dir"]
NOT_PACKAGES = {"benchmarks", "docs", "examples", "src", "tests", "build", "dist"}


def package_folders() -> dict[str, str]:
    """Return the packages that the folders of the tree make, by their names: each has an `__init__.py`."""
    tops = [path for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "." and path.name not in NOT_PACKAGES]
    inits = [init for top in tops for init in top.rglob("__init__.py")]
    folders = [init.parent.relative_to(ROOT).as_posix() for init in inits]
    return {"eddyline": "src/eddyline"} | {f"eddyline.{folder.replace('/', '.')}": folder for folder in folders}


def test_package_map_equals_the_folders() -> None:
    assert package_folders() == FOLDERS


def test_folders_at_the_root_are_those_of_the_design() -> None:
    tops = {folder.partition("/")[0] for folder in package_folders().values()}
    assert tops == {"bindings", "core", "demo_tui", "signals", "src", "stores"}, (
        "the layout at the root is fixed: a new package goes below one of these; what carries frames over a network, "
        "for one, is core/sync/transports/"
    )


def test_package_list_is_sorted_and_is_that_of_the_map() -> None:
    assert SETUPTOOLS["packages"] == sorted(FOLDERS)


def test_root_is_no_package() -> None:
    assert not (ROOT / "__init__.py").exists()


def test_all_is_every_extra() -> None:
    extras: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    names = everything.removeprefix("eddyline[").removesuffix("]").split(",")
    assert sorted(names) == sorted(extras.keys() - {"all"})


def test_every_command_of_the_package_has_its_module() -> None:
    modules = [target.partition(":")[0] for target in PYPROJECT["project"].get("scripts", {}).values()]
    packages = [module.rpartition(".") for module in modules]
    assert [name for package, _, name in packages if not (ROOT / FOLDERS[package] / f"{name}.py").exists()] == []


def test_the_command_line_is_installed_and_what_carries_it_is_required() -> None:
    assert PYPROJECT["project"]["scripts"] == {"eddyline": "eddyline.bindings.cli:main"}
    required = {line.partition(">")[0] for line in PYPROJECT["project"]["dependencies"]}
    assert required == {"aiosqlite", "click", "sqlglot", "sqlite-utils"}


def test_constraints_pin_every_dependency_and_name_no_registry() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if len(pin) != 2] == []
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *PYPROJECT["dependency-groups"]["dev"]]
    wanted += [line for extra in project["optional-dependencies"].values() for line in extra]
    names = {line.partition(">")[0].strip().lower() for line in wanted if not line.startswith("eddyline")}
    assert names - {name.lower() for name, _ in pins} == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the names in a wheel that is built here, without a network, from a copy of what a checkout holds."""
    copy = tmp_path_factory.mktemp("a checkout-1")
    for name in ["pyproject.toml", "README.md", "LICENSE"]:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    for folder in sorted({folder.split("/")[0] for folder in FOLDERS.values()} | {"tests"}):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*pip, "-w", "dist", "."], cwd=copy, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = (copy / "dist").glob("*.whl")
    with ZipFile(file) as archive:
        return archive.namelist()


def test_wheel_holds_the_packages_and_its_own_record_alone(wheel: list[str]) -> None:
    version = PYPROJECT["project"]["version"]
    assert {name.split("/")[0] for name in wheel} == {"eddyline", f"eddyline-{version}.dist-info"}


def test_wheel_holds_no_test(wheel: list[str]) -> None:
    assert [name for name in wheel if "/test_" in name or "tests" in name or "conftest" in name] == []


def test_wheel_holds_every_file_of_every_package(wheel: list[str]) -> None:
    files = {
        f"{package.replace('.', '/')}/{path.name}"
        for package, folder in FOLDERS.items()
        for pattern in ("*.py", *SETUPTOOLS["package-data"]["*"])
        for path in (ROOT / folder).glob(pattern)
    }
    assert {name for name in wheel if name.startswith("eddyline/")} == files
