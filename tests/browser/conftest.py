"""Fixtures of the browser's tests: one Chromium, one server and one wheel a session, one page that most tests share."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eddyline.bindings.web.folder import compile_wheel
from eddyline.demo_tui.web.serve import bundle_yjs

from .chromium import Browser, Page, Server, find_chromium
from .document import END, Document

ROOT = Path(__file__).resolve().parents[2]
PYODIDE = "pyodide@314.0.7"
YJS = ("yjs@13.6.27", "esbuild@0.28.2")
CACHE = Path(sys.prefix) / "browser"


@pytest.fixture(scope="session")
def wheel() -> Path:
    """Return our wheel, built from a copy of what a checkout holds; one is kept for each state of the sources."""
    places = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-dir"]
    folders = sorted({folder.split("/")[0] for folder in places.values()})
    files = sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file() and ".pyc" not in path.name
    )
    files += [ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE")]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    target = CACHE / digest.hexdigest()[:16]
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "lock", "w", encoding="utf-8") as held:  # of two runs at once one builds
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        if not target.exists():
            for old in sorted(CACHE.glob("*/"), key=lambda path: path.stat().st_mtime)[:-2]:
                shutil.rmtree(old)
            _build(files, target)
    return next(target.glob("*.whl"))


def _build(files: list[Path], target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as made:
        copy, built = Path(made) / "copy", Path(made) / "built"
        for path in files:
            (copy / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy / path.relative_to(ROOT))
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
        subprocess.run([*pip, "-w", str(built), str(copy)], check=True, timeout=300)
        built.rename(target)


@pytest.fixture(scope="session")
def pure_wheels() -> Callable[..., list[Path]]:
    """Download pure wheels, once, into a folder that git ignores: `pure_wheels("sqlglot==30.30.0")`."""

    def found(*packages: str) -> list[Path]:
        folder = Path(sys.prefix) / "wheels"
        names = [package.replace("==", "-") for package in packages]
        if any(not list(folder.glob(f"{name}-*.whl")) for name in names):
            pip = ["pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(folder)]
            pure = ["--platform=any", "--implementation=py", "--abi=none", "--python-version=3.14"]
            command = [sys.executable, "-m", *pip, *pure, *packages]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if ran.returncode:
                pytest.skip(f"pip could not download {', '.join(packages)}: {ran.stderr.strip()[-300:]}")
        return [next(folder.glob(f"{name}-*.whl")) for name in names]

    return found


@pytest.fixture(scope="session")
def server(
    wheel: Path,
    node_packages: Callable[..., Path],
    pure_wheels: Callable[..., list[Path]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Serve a site on loopback: Pyodide, our wheel, our start script."""
    pages, wheels = tmp_path_factory.mktemp("pages"), tmp_path_factory.mktemp("wheels")
    compiled = wheel.parent / "compiled" / wheel.name
    if not compiled.exists():
        compiled.parent.mkdir(exist_ok=True)
        shutil.copy(wheel, compiled)
        assert compile_wheel(compiled, node_packages(PYODIDE) / "node_modules" / "pyodide")
    shutil.copy(compiled, wheels)
    names = [wheel.name]
    for path in pure_wheels("sqlglot==30.30.0"):
        shutil.copy(path, wheels)
    (pages / "eddyline.json").write_text(
        json.dumps({"pyodide": "/pyodide/", "wheels": [f"/wheels/{name}" for name in names], "yjs": "/yjs.mjs"}),
        encoding="utf-8",
    )
    bundle_yjs(node_packages(*YJS) / "node_modules", pages / "yjs.mjs")
    (pages / "index.html").write_text("<!doctype html><meta charset=utf-8><title>Eddyline</title>", encoding="utf-8")
    serving = Server(
        {
            "": pages,
            "pyodide": node_packages(PYODIDE) / "node_modules" / "pyodide",
            "wheels": wheels,
            "eddyline": ROOT / "bindings" / "web",
        }
    )
    yield serving
    serving.close()


@pytest.fixture(scope="session")
def tracker_url(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return where the tracker is served as a web page."""
    site = tmp_path_factory.mktemp("tracker")
    shutil.copy(ROOT / "demo_tui" / "web" / "index.html", site)
    shutil.copytree(ROOT / "bindings" / "web", site / "eddyline")
    shutil.copy(server.places[""] / "eddyline.json", site)
    server.places["tracker"] = site
    return f"{server.url}/tracker/"


@pytest.fixture(scope="session")
def browser(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a Chromium of this session, with an empty profile."""
    browser = Browser(find_chromium(), tmp_path_factory.mktemp("profile"), server.url)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def shared_page(browser: Browser) -> Page:
    page = browser.tab()
    page.open()
    return page


@pytest.fixture
def page(shared_page: Page) -> Page:
    """Return the one page that has Python loaded; a test leaves its document empty, and closes what it opened."""
    shared_page.js("() => document.body.replaceChildren()")
    shared_page.said.clear()
    return shared_page


@pytest.fixture
def document(page: Page) -> Iterator[Document]:
    """Return the document of that page, and in its Python `scope`, which ends what a test binds."""
    document = Document(page)
    yield document
    errors = page.python(END)
    page.js("() => document.body.replaceChildren()")
    assert errors == []
