"""A folder to serve: everything that a page with Eddyline in it needs, next to the page itself.

    DIR/index.html, app.py      yours: a start is written where there is none, and never touched again
    DIR/eddyline/*.mjs          the scripts that start Python and act on the page
    DIR/eddyline.json           where Pyodide and the wheels are
    DIR/wheels/*.whl            ours, made of the installed package without what no page uses; those that you name
                                compiled by Pyodide itself where node is there: else each page does, for 2 s
    DIR/pyodide/                copied from node_modules, unless a URL is given

Nothing is downloaded. Same installed package, same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

__all__ = ["compile_wheel", "find_pyodide", "make_folder", "make_wheel"]

PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
SCRIPTS = ("applier.mjs", "boot.mjs", "text_*.mjs", "transform.mjs")
# what a page uses of the bindings
BINDINGS = ("__init__.py", "browser.py", "remote_cursor.py", "dom/**/*", "notebook/**/*", "web/**/*")
SUFFIXES = {".py", ".typed", ".js", ".mjs", ".html"}
_COMPILE_S = 300
BEGUN = (1980, 1, 1, 0, 0, 0)  # zip's own: the time of day makes no wheel another one

APP = '''"""Notes that the browser keeps: what is bound follows the database, in every tab."""

from eddyline import Column, Database, Model, column, signal
from eddyline.bindings.browser import Event, bind, bind_input, mount, on


class Note(Model):
    title: Column[str]
    done: Column[bool] = column(default=False)


db = await Database.open("notes.db", models=[Note])
notes = await db.live(Note.order_by(Note.id))
title = signal("")

bind_input("#title", title)
bind("#count", lambda: f"{sum(not note.done for note in notes.rows())} open")
mount(notes, "#notes")


@on("submit", "#new")
async def add(event: Event) -> None:
    await db.write(lambda tx: tx.add(Note(title=title.peek())))
    title.set("")


@on("change", "#notes .toggle")
async def toggle(event: Event) -> None:
    await db.write(lambda tx: tx.update(event.row, done=event.checked))
'''


def find_pyodide(start: Path) -> Path | None:
    """Return `node_modules/pyodide` of `start` or of a folder around it, None if there is none."""
    for folder in (start, *start.parents):
        found = folder / "node_modules" / "pyodide"
        if (found / PYODIDE_FILES[0]).is_file():
            return found
    return None


def make_folder(target: Path, pyodide: str | Path, wheels: Sequence[str] = ()) -> list[str]:
    """Write what a page needs to `target`; return the names of what was written, in order.

    `pyodide` is a folder of npm's package, which is copied, or a URL; so is each of `wheels` a file or a URL. Raises
    `FileNotFoundError` for a folder that isn't Pyodide's or a wheel that isn't there.
    """
    if isinstance(pyodide, Path):
        missing = [name for name in PYODIDE_FILES if not (pyodide / name).is_file()]
        if missing:
            raise FileNotFoundError(f"{str(pyodide)!r} is no folder of npm's pyodide: it lacks {', '.join(missing)}")
    lost = [wheel for wheel in wheels if "://" not in wheel and not Path(wheel).is_file()]
    if lost:
        raise FileNotFoundError(f"no wheel {lost[0]!r}")
    here = Path(__file__).parent
    written = [
        *_copy((path for name in SCRIPTS for path in sorted(here.glob(name))), target / "eddyline", target),
        *_begin(target / "index.html", (here / "page.html").read_text(encoding="utf-8")),
        *_begin(target / "app.py", APP),
    ]
    (target / "wheels").mkdir(parents=True, exist_ok=True)
    for old in (target / "wheels").glob("eddyline-*.whl"):
        old.unlink()
    ours = make_wheel(target / "wheels")
    compiled = isinstance(pyodide, Path) and compile_wheel(ours, pyodide)
    written.append(f"wheels/{ours.name} ({'compiled' if compiled else 'not compiled'})")
    written += _copy((Path(wheel) for wheel in wheels if "://" not in wheel), target / "wheels", target)
    if isinstance(pyodide, Path):
        written += _copy((pyodide / name for name in PYODIDE_FILES), target / "pyodide", target)
    listed = [wheel if "://" in wheel else f"./wheels/{Path(wheel).name}" for wheel in wheels]
    places = {
        "pyodide": "./pyodide/" if isinstance(pyodide, Path) else pyodide.rstrip("/") + "/",
        "wheels": [f"./wheels/{ours.name}", *listed],
    }
    (target / "eddyline.json").write_text(json.dumps(places, indent=2) + "\n", encoding="utf-8")
    return [*written, "eddyline.json"]


def make_wheel(folder: Path) -> Path:
    """Write the wheel of what a page uses of the installed package; return its path."""
    package = distribution("eddyline")
    name = f"eddyline-{package.version}"
    files = {f"eddyline/{path}": data for path, data in _sources()}
    info = f"{name}.dist-info"
    files[f"{info}/METADATA"] = (package.read_text("METADATA") or "").encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: eddyline\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    target = folder / f"{name}-py3-none-any.whl"
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(ZipInfo(path, BEGUN), data, ZIP_DEFLATED, 9)
    return target


def compile_wheel(wheel: Path, pyodide: Path) -> bool:
    """Put compiled modules into `wheel`, by node and the Pyodide in that folder; say whether that could be done."""
    node = shutil.which("node")
    if node is None:
        return False
    made = wheel.with_name(f".{wheel.name}")
    shutil.copy(wheel, made)
    script = Path(__file__).with_name("compile.mjs")
    ran = subprocess.run([node, script, pyodide, made], capture_output=True, timeout=_COMPILE_S, check=False)
    if ran.returncode == 0:
        made.replace(wheel)
    made.unlink(missing_ok=True)
    return ran.returncode == 0


def _sources() -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file of the installed package that a page uses, in order."""
    yield from _read(_folder("eddyline"), "", ["*"])
    for part in ("bindings", "core", "signals", "stores"):
        yield from _read(_folder(f"eddyline.{part}"), f"{part}/", BINDINGS if part == "bindings" else ["**/*"])


def _read(folder: Path, prefix: str, patterns: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    for path in sorted(path for path in found if path.suffix in SUFFIXES):
        yield prefix + path.relative_to(folder).as_posix(), path.read_bytes()


def _folder(package: str) -> Path:
    spec = find_spec(package)
    folders = [] if spec is None else spec.submodule_search_locations
    assert folders, "it is a package of ours"
    return Path(next(iter(folders)))


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _copy(files: Iterable[Path], folder: Path, root: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copy(file, folder)).relative_to(root).as_posix() for file in files]


def _begin(file: Path, text: str) -> list[str]:
    """Write `file` where there is none: what is there is the user's."""
    if file.exists():
        return []
    file.write_text(text, encoding="utf-8")
    return [file.name]
