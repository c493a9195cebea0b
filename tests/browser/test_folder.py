"""`eddyline web DIR`: a folder that a page runs from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from eddyline.bindings.cli import main
from eddyline.bindings.web.folder import PYODIDE_FILES, find_pyodide
from eddyline.bindings.web.serve import serve

from .chromium import Browser, Page
from .conftest import PYODIDE


@pytest.fixture
def node_modules(tmp_path: Path) -> Path:
    """Return a folder with what looks like npm's Pyodide in it, small."""
    folder = tmp_path / "project" / "node_modules" / "pyodide"
    folder.mkdir(parents=True)
    for name in PYODIDE_FILES:
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def run(*args: object) -> str:
    done = CliRunner().invoke(main, ["web", *map(str, args)])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_folder_holds_scripts_pages_wheels_and_where_they_are(node_modules: Path, tmp_path: Path) -> None:
    extra = tmp_path / "extra-1-py3-none-any.whl"
    extra.touch()
    site = tmp_path / "project" / "site"
    assert run(site, "--wheel", extra, "--wheel", "https://example.org/other.whl").startswith(f"{site}: eddyline/")
    places = json.loads((site / "eddyline.json").read_text(encoding="utf-8"))
    ours, *others = places["wheels"]
    assert places["pyodide"] == "./pyodide/"
    assert others == ["./wheels/extra-1-py3-none-any.whl", "https://example.org/other.whl"]
    assert all((site / place).exists() for place in ("index.html", "app.py", "eddyline/boot.mjs", ours, others[0]))
    assert sorted(path.name for path in (site / "pyodide").iterdir()) == sorted(PYODIDE_FILES)


def test_a_url_of_pyodide_is_taken_as_it_is_and_nothing_of_it_is_copied(tmp_path: Path) -> None:
    run(tmp_path / "site", "--pyodide", "https://example.org/pyodide")
    places = json.loads((tmp_path / "site" / "eddyline.json").read_text(encoding="utf-8"))
    assert places["pyodide"] == "https://example.org/pyodide/"
    assert not (tmp_path / "site" / "pyodide").exists()


def test_what_is_the_users_is_kept_and_the_wheel_is_the_same_bytes_each_time(node_modules: Path) -> None:
    site = node_modules.parents[1]
    run(site)
    (wheel,) = (site / "wheels").iterdir()
    first = wheel.read_bytes()
    (site / "app.py").write_text("mine", encoding="utf-8")
    run(site)
    assert (site / "app.py").read_text(encoding="utf-8") == "mine"
    assert wheel.read_bytes() == first


def test_the_wheel_holds_what_a_page_uses_and_nothing_of_the_terminal(node_modules: Path) -> None:
    site = node_modules.parents[1]
    run(site)
    (wheel,) = (site / "wheels").iterdir()
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
    assert {"eddyline/__init__.py", "eddyline/core/database.py", "eddyline/stores/pages.js"} < names
    assert {"eddyline/bindings/cli.py", "eddyline/bindings/live_table.py", "eddyline/demo_tui/app.py"} & names == set()
    assert wheel.stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "no node_modules/pyodide here: npm install pyodide"),
        (("--pyodide", "nowhere"), "is no folder of npm's pyodide: it lacks pyodide.mjs"),
        (("--pyodide", "https://example.org/", "--wheel", "no.whl"), "no wheel 'no.whl'"),
    ],
)
def test_what_is_not_there_is_said(
    options: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["web", str(tmp_path / "site"), *options])
    assert done.exit_code != 0
    assert said in done.output


def test_where_pyodide_can_not_run_the_wheel_is_whole_all_the_same_and_not_compiled(node_modules: Path) -> None:
    site = node_modules.parents[1]
    assert "eddyline-0.1.0-py3-none-any.whl (not compiled)" in run(site)
    (wheel,) = (site / "wheels").iterdir()
    with ZipFile(wheel) as archive:
        assert [name for name in archive.namelist() if name.endswith(".pyc")] == []


def test_pyodide_is_found_in_a_folder_around(node_modules: Path) -> None:
    deep = node_modules.parents[1] / "a" / "b"
    deep.mkdir(parents=True)
    assert find_pyodide(deep) == node_modules


def test_the_page_that_is_written_runs_as_it_is_and_keeps_what_is_typed(
    browser: Browser, node_packages: Callable[..., Path], tmp_path: Path
) -> None:
    said = run(tmp_path / "site", "--pyodide", node_packages(PYODIDE) / "node_modules" / "pyodide")
    assert "whl (compiled)" in said
    page = browser.tab()
    with serve(tmp_path / "site", 0) as url:
        page.call(lambda p: p.goto(url))
        loaded(page, "0 open")
        for title in ("milk", "<b>bread</b>"):
            page.call(lambda p, title=title: p.fill("#title", title))  # type: ignore[misc]  # playwright's page
            page.call(lambda p: p.press("#title", "Enter"))
            page.call(lambda p, title=title: p.wait_for_selector(f"#notes li >> text={title}"))  # type: ignore[misc]
        page.call(lambda p: p.check("#notes li >> nth=0 >> .toggle"))
        loaded(page, "1 open")
        other = browser.tab()  # what another tab shows is saved
        other.call(lambda p: p.goto(url))
        loaded(other, "1 open")
        other.close()
        page.call(lambda p: p.reload())
        loaded(page, "1 open")
        assert page.js("() => [...document.querySelectorAll('#notes li span')].map(e => e.textContent)") == [
            "milk",
            "<b>bread</b>",
        ]
        page.js("async () => { const {start} = await import('/eddyline/boot.mjs'); window.app = await start() }")
        assert page.python("import eddyline; eddyline.core.database.__spec__.cached.endswith('.pyc')") is True
        found = page.python("import os; from eddyline.core import database; os.path.exists(database.__cached__)")
        assert found is True
    page.close()


def loaded(page: Page, count: str) -> None:
    try:
        shows = "(text) => document.querySelector('#count').textContent === text"
        page.call(lambda p: p.wait_for_function(shows, arg=count))
    except Exception as error:
        raise AssertionError(f"not {count!r}; the page has said: {page.said}") from error
