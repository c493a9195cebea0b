"""Eddyline in a page of Chromium beside the same natively: changes, inserts, keeping, start-up, bytes.

    python3 dev bench browser              10,000 issues: about two minutes
    python3 dev bench browser 100000       another size

Needs npm (for Pyodide) and a Chromium, as the tests of the browser do. Ratios of one run count; start-up is told with
its parts: Pyodide, wheels, the app (imports, database, first rows) and until the first row stands in the page.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import _page_work  # noqa: E402  # beside this file

from eddyline.bindings.web.folder import PYODIDE_FILES, make_folder  # noqa: E402
from eddyline.bindings.web.serve import serve  # noqa: E402
from tests.browser.chromium import Browser, Page, find_chromium  # noqa: E402
from tests.browser.conftest import PYODIDE  # noqa: E402

DOM = (ROOT / "benchmarks" / "_page_dom.py").read_text(encoding="utf-8") + "\ndom()\n"
KEPT = (2_500, 12_000, 48_000)  # issues: about 1, 5 and 20 MB


def pyodide() -> Path:
    """Return npm's Pyodide, installed where the tests install it."""
    folder = Path(sys.prefix) / "node" / PYODIDE
    found = folder / "node_modules" / "pyodide"
    if not found.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-save", PYODIDE], cwd=folder, check=True)
    return found


def sqlglot(folder: Path) -> str:
    """Download the wheel that reads texts: the queries of the workload are texts."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "sqlglot==30.30.0"]
    subprocess.run(pip, check=True)
    return str(next(folder.glob("sqlglot-*.whl")))


@contextmanager
def site() -> Iterator[tuple[Path, str]]:
    """Serve a folder of `eddyline web`; give it and its URL."""
    with tempfile.TemporaryDirectory(prefix="eddyline-browser-") as made:
        folder = Path(made) / "site"
        folder.mkdir()
        make_folder(folder, pyodide(), [sqlglot(Path(made))])
        with serve(folder, 0) as url:
            yield folder, url


def started(page: Page, url: str) -> dict[str, float]:
    """Load the page of the start; return the parts of its time, in ms."""
    page.call(lambda p: p.goto(url, wait_until="commit"))
    page.call(lambda p: p.wait_for_function("() => document.querySelector('#count')?.textContent.endsWith('open')"))
    shown = page.js("() => performance.now()")
    parts: dict[str, float] = page.js("() => window.timings ?? {}")
    return {**parts, "until shown": shown}


def sizes(folder: Path) -> dict[str, tuple[float, float]]:
    """Return MB of what is shipped, as it is and by gzip."""

    def of(paths: list[Path]) -> tuple[float, float]:
        data = [path.read_bytes() for path in paths]
        return sum(map(len, data)) / 1e6, sum(len(gzip.compress(one, 6)) for one in data) / 1e6

    wheels = {path.name.partition("-")[0]: of([path]) for path in sorted((folder / "wheels").iterdir())}
    scripts = of(sorted((folder / "eddyline").iterdir()))
    return {"Pyodide": of([folder / "pyodide" / name for name in PYODIDE_FILES]), "scripts": scripts, **wheels}


def load(page: Page, url: str, *, worker: bool = False) -> None:
    """Start Python in the page, or in a worker, with what is measured in it."""
    page.open(url + "empty.html", worker=worker)
    for name in ("_workload.py", "_page_work.py"):
        text = (Path(__file__).parent / name).read_text(encoding="utf-8")
        page.python(f"open({name!r}, 'w').write({text!r})")
    page.python("import importlib, sys; sys.path.insert(0, '.'); importlib.invalidate_caches(); import _page_work")


def measured(page: Page, call: str) -> Any:  # Any: what the call gives
    """Return what `_page_work` measures in the page."""
    return json.loads(page.python(f"import json; json.dumps(await _page_work.{call})"))


def saving(browser: Browser, page: Page, url: str) -> None:
    """Print what it takes until a commit is kept, in the page and in a worker."""
    beside = browser.tab()
    load(beside, url, worker=True)
    for pad in (10, 100_000):
        here, there = (measured(tab, f"saves({where!r}, {pad})") for where, tab in (("page", page), ("worker", beside)))
        rows = [(way, [ms, there[way]]) for way, ms in here.items()]
        table(f"a commit of {pad:,} B until it is kept, ms", f"{'page':>10} {'worker':>10}", rows, 2)
    beside.close()


def table(title: str, head: str, rows: list[tuple[str, list[float]]], digits: int = 1) -> None:
    print(f"\n{title}\n{'':<32} {head}")
    for name, values in rows:
        print(f"{name:<32} " + " ".join(f"{value:>10.{digits}f}" for value in values))


def main(issues: int = 10_000) -> None:
    """Print the tables."""
    with site() as (folder, url), tempfile.TemporaryDirectory(prefix="eddyline-profile-") as profile:
        (folder / "empty.html").write_text("<!doctype html><title>bench</title>", encoding="utf-8")
        page_file = folder / "index.html"
        text = page_file.read_text(encoding="utf-8")
        timed = text.replace('await start("app.py")', 'window.timings = (await start("app.py")).timings', 1)
        assert timed != text
        page_file.write_text(timed, encoding="utf-8")
        browser = Browser(find_chromium(), Path(profile), url.rstrip("/"))
        page = browser.tab()
        cold, warm = started(page, url), started(page, url)
        rows = [(part, [cold[part], warm[part]]) for part in ("pyodide", "wheels", "app", "all", "until shown")]
        table("start of `eddyline web`'s own page, ms", f"{'cold':>10} {'warm':>10}", rows, 0)
        shipped = [(name, list(both)) for name, both in sizes(folder).items()]
        table("shipped, MB", f"{'as it is':>10} {'gzip':>10}", shipped, 2)
        load(page, url)
        there, here = measured(page, f"reference({issues})"), asyncio.run(_page_work.reference(issues))
        head = "".join(f"{word:>11}" for word in ("plain", "change", "x", "native", "change", "x", "fill", "native"))
        rows = []
        for name, (plain, ours, fill) in there.items():
            plain_n, ours_n, fill_n = here[name]
            rows.append((name, [plain, ours, ours / plain, plain_n, ours_n, ours_n / plain_n, fill, fill_n]))
        table(f"{issues:,} issues, memory: us a write, ms a fill; the page, then natively", head[1:], rows, 2)
        there, native = measured(page, "inserts()"), asyncio.run(_page_work.inserts())
        rows = [(name, [ms, native[name]]) for name, ms in there.items()]
        table("10,000 inserts with a live count, ms", f"{'page':>10} {'native':>10}", rows)
        rows = [(name, [ms]) for name, ms in page.python(DOM).items()]
        table("the document, from signals, ms", f"{'page':>10}", rows)
        each = [measured(page, f"kept('bench-{count}.db', {count})") for count in KEPT]
        rows = [(name, [one[name] for one in each]) for name in sorted(each[0], key=lambda name: name != "MB")]
        table("kept by the browser", " ".join(f"{count:>10,}" for count in KEPT) + "  issues", rows, 2)
        saving(browser, page, url)
        browser.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
