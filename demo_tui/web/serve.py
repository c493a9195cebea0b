"""`python3 dev web`: the tracker as a web page, served together with the server that it joins.

    http://127.0.0.1:8000/?join=ws://127.0.0.1:8765/tracker&name=Ada       in as many tabs as you like
    python3 dev demo --join ws://127.0.0.1:8765/tracker --name Ben         and terminals beside them

The folder is made anew each time, in the user's data folder; npm's packages (Pyodide, Yjs, esbuild) are installed there
the first time. Needs node and npm.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from eddyline import EddylineError, OpenError
from eddyline.bindings.web.folder import make_folder
from eddyline.bindings.web.serve import serve as serve_files

from ..serve import PORT, WORKSPACE, serve
from ..target import data_folder

__all__ = ["PACKAGES", "bundle_yjs", "main", "make_site"]

PACKAGES = ("pyodide@314.0.7", "yjs@13.6.27", "esbuild@0.28.2")
HERE = Path(__file__).parent
MODULES = ("__init__.py", "cursors.py", "joining.py", "seed.py", "target.py", "tracker_data.py", "words.py")


def make_site(folder: Path, modules: Path) -> None:
    """Write what the page needs to `folder`; `modules` is the node_modules with `PACKAGES`."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "index.html", folder)
    make_folder(folder, modules / "pyodide")
    wheel = next((folder / "wheels").glob("eddyline-*.whl"))
    with ZipFile(wheel, "a", ZIP_DEFLATED) as archive:  # the demo is no part of what pages usually load
        for name in MODULES:
            archive.write(HERE.parent / name, f"eddyline/demo_tui/{name}")
        for name in ("__init__.py", "page.py"):
            archive.write(HERE / name, f"eddyline/demo_tui/web/{name}")
    bundle_yjs(modules, folder / "yjs.mjs")
    places = json.loads((folder / "eddyline.json").read_text(encoding="utf-8"))
    (folder / "eddyline.json").write_text(json.dumps({**places, "yjs": "./yjs.mjs"}, indent=2) + "\n", encoding="utf-8")


def bundle_yjs(modules: Path, target: Path) -> None:
    """Write Yjs as one file; `modules` is a node_modules with yjs and esbuild."""
    source = modules.parent / "all.js"
    source.write_text('export * from "yjs"\n', encoding="utf-8")
    bundle: list[str | Path] = [modules / ".bin" / "esbuild", source, "--bundle", "--format=esm", "--minify"]
    subprocess.run([*bundle, f"--outfile={target}"], check=True, capture_output=True, timeout=120)


def installed() -> Path:
    """Return a node_modules with `PACKAGES`, installed once. Raises `OpenError` where that can't be."""
    folder = data_folder() / "web"
    done = folder / " ".join(PACKAGES).replace("/", "_")
    if not done.exists():
        if shutil.which("node") is None or shutil.which("npm") is None:
            raise OpenError("the page takes node and npm, which aren't installed here", path=str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        print(f"Installing {', '.join(PACKAGES)} into {folder} ...", file=sys.stderr, flush=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-save", *PACKAGES]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise OpenError(f"npm could not install what the page takes: {ran.stderr.strip()[-300:]}", path=str(folder))
        done.touch()
    return folder / "node_modules"


async def _serve_both(site: Path, served: Path, web_port: int, port: int) -> None:
    with serve_files(site, web_port) as page:

        def tell(url: str) -> None:
            asked = f"{page}?join={url}/{WORKSPACE}&name=Ada"
            print(f"The tracker is a page, in as many tabs as you like:\n\n    {asked}\n", flush=True)

        await serve(served, "127.0.0.1", port, tell)


def main(args: Sequence[str] | None = None) -> int:
    """Serve page and tracker; return the exit code."""
    made = argparse.ArgumentParser(prog="python3 dev web", description="The tracker as a web page, and its server.")
    made.add_argument(
        "--web-port", type=int, default=8000, help="where the page is (default 8000; 0 takes one that is free)"
    )
    made.add_argument("--port", type=int, default=PORT, help=f"where the server is (default {PORT}; as well)")
    options = made.parse_args(args)
    try:
        site = data_folder() / "web" / "site"
        make_site(site, installed())
        with suppress(asyncio.CancelledError):
            asyncio.run(_serve_both(site, data_folder() / "served", options.web_port, options.port))
    except (EddylineError, OSError, subprocess.CalledProcessError) as error:
        print(f"eddyline web: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0
