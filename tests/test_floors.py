"""Floors: who may import whom. The table of DESIGN.md section 2 as data, every import of every file held to it.

    source text  --ast-->  imports (target, name, lazy)  --rules-->  sentences, one for each import off its floor

An arrow drawn for the type checker alone is an arrow too. A lazy import is one inside a function or for the checker.
Every rule is shown to fail on a made-up file: a checker that finds nothing proves nothing.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Floor:
    """One row: its height, the highest floor it may import beside its own files, and what it never imports."""

    height: int
    up_to: int
    never: tuple[str, ...] = ()


# The longest prefix of a module's name that stands here is its floor.
FLOORS = {
    "eddyline.signals": Floor(0, -1),
    "eddyline.core": Floor(1, 0),
    "eddyline.core.schema": Floor(2, 1),
    "eddyline.core.changes": Floor(2, 2),  # one commit's changes by table: a word shared by write and ivm
    "eddyline.core.query": Floor(3, 2),
    "eddyline.core.query.parse": Floor(3, 3),
    "eddyline.core.text": Floor(4, 1),
    "eddyline.core.model": Floor(4, 3),  # where a table as data meets expressions and queries: what users type
    "eddyline.core.seeding": Floor(5, 4, never=("eddyline.core.ivm", "eddyline.core.log")),
    "eddyline.core.ivm": Floor(5, 4, never=("eddyline.core.log",)),
    "eddyline.core.log": Floor(5, 4, never=("eddyline.core.ivm",)),
    "eddyline.core.write": Floor(6, 5, never=("eddyline.core.ivm",)),
    "eddyline.core.sync": Floor(7, 6),
    "eddyline.core.sync.transports": Floor(7, 7),
    "eddyline.core.sync.answers": Floor(8, 8),  # a client and a server over databases: wiring, as those are
    "eddyline.core.sync.link": Floor(8, 8),
    "eddyline.core.sync.public": Floor(8, 8),
    "eddyline.core.sync.remote_fetch": Floor(8, 8),
    "eddyline.core.sync.server": Floor(8, 8),
    "eddyline.core.sync.workspace": Floor(8, 8),
    "eddyline.core.sync.y_room": Floor(8, 8),
    "eddyline.core.policy": Floor(7, 6),
    "eddyline.core.migrate": Floor(7, 6),
    "eddyline.core.history": Floor(7, 6),
    "eddyline.core.database": Floor(8, 8),
    "eddyline.core.importing": Floor(8, 8),  # brings what the write queue, the catalog and a thread do together
    "eddyline.core.live": Floor(8, 8),
    "eddyline.core.database_costs": Floor(8, 8),
    "eddyline.core.database_exchange": Floor(8, 8),
    "eddyline.core.database_log": Floor(8, 8),
    "eddyline.core.database_reading": Floor(8, 8),
    "eddyline.core.database_sync": Floor(8, 8),
    "eddyline.core.database_text": Floor(8, 8),
    "eddyline.core.shared_text": Floor(8, 8),
    "eddyline.core.explain": Floor(8, 8),
    "eddyline.core.fills": Floor(8, 8),
    "eddyline.core.opening": Floor(8, 8),
    "eddyline.core.stats": Floor(8, 8),
    "eddyline.core.undoing": Floor(8, 8),
    "eddyline.stores": Floor(9, 1),
    "eddyline.bindings.web": Floor(10, -1),  # files for a page; what makes a folder of them knows no database
    "eddyline.bindings": Floor(10, 0),  # and the public names of core and stores
    "eddyline.bindings.dom": Floor(10, 0),
    "eddyline.bindings.notebook": Floor(10, 0),
    "eddyline.demo_tui": Floor(11, -1),  # public names only
    "eddyline.demo_tui.web": Floor(11, -1),
    "eddyline": Floor(12, 12),  # the face
}
WIRING, BINDINGS, DEMO = 8, 10, 11

WIDGETS = tuple(
    f"eddyline.bindings.notebook.{name}"
    for name in ("bind_widget", "chart", "feed_widget", "progress_widget", "table", "value")
)
IN_A_PAGE = (  # who may use what Pyodide brings
    "eddyline.bindings.dom.main_thread",
    "eddyline.bindings.dom.page",
    "eddyline.bindings.dom.worker",
    "eddyline.core.sync.transports.browser",
    "eddyline.core.text.yjs_document",
    "eddyline.stores.kept",
)
READING = tuple(
    f"eddyline.core.query.parse.{name}" for name in "checked compound expressions names select text".split()
)
LIBRARIES = {  # who may import each
    "aiosqlite": ("eddyline.stores.sqlite",),
    "anywidget": WIDGETS,
    "click": ("eddyline.bindings.cli",),
    "marimo": ("eddyline.bindings.marimo",),
    "opentelemetry": ("eddyline.bindings.otel",),
    "pandas": ("eddyline.core.ivm.frames",),
    "polars": ("eddyline.core.ivm.frames",),
    "pyodide": IN_A_PAGE,
    "pyodide_js": IN_A_PAGE,
    "pycrdt": ("eddyline.core.text.pycrdt_document",),
    "pyarrow": ("eddyline.core.ivm.frames",),
    "prometheus_client": ("eddyline.bindings.prometheus",),
    "reactivex": ("eddyline.bindings.rx",),
    "js": IN_A_PAGE,
    "jwt": ("eddyline.core.sync.tokens",),
    "sqlglot": READING,
    "sqlite_utils": (
        "eddyline.core.importing.records",  # reads JSON
        "eddyline.core.importing.types",  # guesses types
        "eddyline.core.schema.fit",  # adds columns that a model has gained
        "eddyline.core.schema.tables",  # makes tables and columns inside a transaction
    ),
    "traitlets": WIDGETS,
    "websockets": ("eddyline.core.sync.transports.websocket",),
    "y_py": ("eddyline.core.text.ypy_document",),
}
LAZY = {
    "js", "jwt", "marimo", "opentelemetry", "pandas", "polars", "prometheus_client", "pyarrow", "pyodide", "pyodide_js",
    "reactivex", "sqlglot", "sqlite_utils", "websockets",
}  # fmt: skip
FOR_CHECKERS = {"typing_extensions"}  # never imported at run time
STANDARD = sys.stdlib_module_names | {"annotationlib"}  # the latter from 3.14 on
DRIVER_PRIVATES = {"_execute", "_tx", "_thread"}  # of aiosqlite
NOT_IN_SIGNALS = {"sqlite3", "socket", "socketserver", "ssl", "http", "urllib", "selectors"}
SYNCHRONOUS = (
    "eddyline.signals",
    "eddyline.core.schema",
    "eddyline.core.model",
    "eddyline.core.query",
    "eddyline.core.ivm",
    "eddyline.core.log",
)
ASYNC_ALL_THE_SAME = {
    "eddyline.core.model.watched",  # a cell that is set waits for the database's answer
    "eddyline.core.ivm.view",  # `View.changes()` is an async iterator
    "eddyline.signals.resource",  # these wait: that is what they are for
    "eddyline.signals.timing",
    "eddyline.signals.watch",
}


@dataclass(frozen=True, slots=True)
class Import:
    target: str  # the module, absolute
    name: str  # the name taken from it, "" for the module itself
    line: int
    lazy: bool


def modules() -> dict[str, Path]:
    """Return every module of ours and its file, by name, from the package map of pyproject.toml."""
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-dir"]
    found = {
        package if file.stem == "__init__" else f"{package}.{file.stem}": file
        for package, folder in folders.items()
        for file in (ROOT / folder).glob("*.py")
    }
    return dict(sorted(found.items()))


FILES = modules()


def imports(module: str, source: str, *, is_package: bool) -> Iterator[Import]:
    """Yield every import of `source`, relative ones made absolute, in the order of the tree."""

    def walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, "", child.lineno, lazy) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                yield from (Import(*split(child, alias.name), child.lineno, lazy) for alias in child.names)
            elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
                yield from walk(ast.Module(child.body, []), True)
                yield from walk(ast.Module(child.orelse, []), lazy)
            else:
                yield from walk(child, lazy or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))

    def split(node: ast.ImportFrom, name: str) -> tuple[str, str]:
        base = module.split(".")[: -node.level + is_package or None] if node.level else []
        target = ".".join([*base, *([node.module] if node.module else [])])
        is_module = f"{target}.{name}" in FILES and name not in exports(target)
        return (f"{target}.{name}", "") if is_module else (target, name)

    yield from walk(ast.parse(source), False)


def floor_of(module: str) -> tuple[str, Floor]:
    """Return the row of the table for `module`: its prefix and its floor."""
    parts = module.split(".")
    prefix = next(p for n in range(len(parts), 0, -1) if (p := ".".join(parts[:n])) in FLOORS)
    return (module, FLOORS["eddyline"]) if prefix == "eddyline" and module not in FACE else (prefix, FLOORS[prefix])


@cache
def exports(module: str) -> set[str]:
    """Return the names in the `__all__` of a module of ours, read without importing it."""
    for node in ast.parse(FILES[module].read_text(encoding="utf-8")).body if module in FILES else ():
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if ast.unparse(target) == "__all__":
                return set(ast.literal_eval(node.value))
    return set()


FACE = {module for module, file in FILES.items() if file.parent.name == "eddyline"}


def library_trouble(module: str, floor: Floor, used: Import) -> str:
    """Return what is wrong with an import from outside Eddyline, or nothing."""
    library = used.target.partition(".")[0]
    if module not in LIBRARIES.get(library, (module,)):
        return f"only {' and '.join(LIBRARIES[library])} imports {library}"
    if library in LAZY and not used.lazy:
        return f"{library} is imported lazily, inside the function that needs it"
    if library in FOR_CHECKERS and used.lazy:
        return ""
    if floor.height == 0 and library in NOT_IN_SIGNALS:
        return "signals know no SQL and no sockets"
    if floor.height == 0 and library == "asyncio" and not used.lazy:
        return "signals load no loop at import"
    if library in STANDARD or library in LIBRARIES or floor.height >= BINDINGS:
        return ""
    if module.startswith("eddyline.core.text.") and used.lazy:  # each engine its own library
        return ""
    return f"floor {floor.height} imports no library but its own: {library}"


def is_public(used: Import) -> bool:
    """Return whether a user may write this import: the face itself, or a name that a package outside core lists."""
    if used.target.startswith("eddyline.core"):
        return False
    return used.name in exports(used.target) if used.name else used.target in FACE


def inner_trouble(module: str, floor: Floor, used: Import) -> str:
    """Return what is wrong with an import of ours, or nothing."""
    prefix, _ = floor_of(module)
    target_prefix, target = floor_of(used.target)
    if prefix == target_prefix or module in FACE:
        return ""
    if floor.height == DEMO:
        return "" if is_public(used) else "the demo uses public names only"
    if floor.height == BINDINGS == target.height and floor.up_to >= 0:  # one binding in several packages
        return ""
    if floor.height == BINDINGS and target.height > floor.up_to:
        fine = (
            used.name in exports("eddyline")
            or (used.target in FACE and is_public(used))
            or (used.target == "eddyline.stores" and is_public(used))
        )
        return "" if fine else "bindings use signals and the public names of core and stores"
    if floor.height == WIRING and target_prefix == "eddyline.stores":
        fine = used.lazy and used.target == "eddyline.stores"
        return "" if fine else "stores are opened lazily, through eddyline.stores"
    if any(used.target == name or used.target.startswith(f"{name}.") for name in floor.never):
        return f"{prefix} and {target_prefix} never meet"
    if target.height > floor.up_to:
        return f"floor {floor.height} may import floors up to {floor.up_to}, this is {target.height}"
    return ""


def import_troubles(module: str, floor: Floor, used: list[Import]) -> Iterator[str]:
    for one in used:
        inner = one.target.partition(".")[0] == "eddyline"
        trouble = (inner_trouble if inner else library_trouble)(module, floor, one)
        if trouble:
            yield f"line {one.line}: {one.target} {one.name}: {trouble}"
    met = {floor_of(one.target)[0] for one in used if one.target.startswith("eddyline.core.")}
    if floor.height < WIRING and {"eddyline.core.write", "eddyline.core.ivm"} <= met:
        yield f"write and ivm meet on floor {WIRING} alone"


def body_troubles(module: str, tree: ast.AST) -> Iterator[str]:
    synchronous = module.startswith(SYNCHRONOUS) and module not in ASYNC_ALL_THE_SAME
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=owner, attr=name) if name in DRIVER_PRIVATES and ast.unparse(owner) != "self":
                if module not in LIBRARIES["aiosqlite"]:
                    yield f"line {node.lineno}: {name} is private to aiosqlite"
            case ast.AsyncFunctionDef(name=name) if synchronous:
                yield f"line {node.lineno}: {name} is async, the engine is synchronous"


def troubles(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """Return a sentence for each thing in `source` that breaks the table; none when the file keeps to it."""
    used = list(imports(module, source, is_package=is_package))
    return [*import_troubles(module, floor_of(module)[1], used), *body_troubles(module, ast.parse(source))]


@pytest.mark.parametrize("module", FILES)
def test_file_keeps_to_its_floor(module: str) -> None:
    file = FILES[module]
    assert troubles(module, file.read_text(encoding="utf-8"), is_package=file.stem == "__init__") == []


def test_every_package_has_a_floor_of_its_own() -> None:
    folders = {module for module, file in FILES.items() if file.stem == "__init__"}
    assert {package for package in folders if floor_of(package)[0] != package} == set()


@pytest.mark.parametrize(
    ("module", "source", "trouble"),
    [
        (
            "eddyline.signals.nodes",
            "from ..core.values import SqlValue",
            "floor 0 may import floors up to -1, this is 1",
        ),
        ("eddyline.signals.nodes", "import sqlite3", "signals know no SQL and no sockets"),
        ("eddyline.signals.nodes", "def f():\n    import socket", "signals know no SQL and no sockets"),
        ("eddyline.signals.nodes", "import asyncio", "signals load no loop at import"),
        ("eddyline.signals.nodes", "import rich", "floor 0 imports no library but its own: rich"),
        ("eddyline.core.values", "from .query.plan import Plan", "floor 1 may import floors up to 0, this is 3"),
        ("eddyline.core.values", "from . import database", "floor 1 may import floors up to 0, this is 8"),
        ("eddyline.core.schema.catalog", "from ..query import plan", "floor 2 may import floors up to 1, this is 3"),
        ("eddyline.core.query.plan", "from ..ivm.view import View", "floor 3 may import floors up to 2, this is 5"),
        ("eddyline.core.text.loro", "from ..query.plan import Plan", "floor 4 may import floors up to 1, this is 3"),
        ("eddyline.core.text.loro", "import loro", "floor 4 imports no library but its own: loro"),
        (
            "eddyline.core.ivm.view",
            "from ..log.journal import Journal",
            "eddyline.core.ivm and eddyline.core.log never meet",
        ),
        (
            "eddyline.core.log.merge",
            "from ..ivm.view import View",
            "eddyline.core.log and eddyline.core.ivm never meet",
        ),
        ("eddyline.core.write.hooks", "from ..ivm import view", "eddyline.core.write and eddyline.core.ivm never meet"),
        ("eddyline.core.write.hooks", "from ..live import LiveQueries", "floor 6 may import floors up to 5, this is 8"),
        ("eddyline.core.sync.peer", "from ..database import Database", "floor 7 may import floors up to 6, this is 8"),
        (
            "eddyline.core.database",
            "from ..stores import open_store",
            "stores are opened lazily, through eddyline.stores",
        ),
        (
            "eddyline.core.database",
            "def f():\n    from ..stores.sqlite import SqliteStore",
            "stores are opened lazily, through eddyline.stores",
        ),
        ("eddyline.core.live", "import eddyline.bindings.bind", "floor 8 may import floors up to 8, this is 10"),
        ("eddyline.core.live", "from eddyline import Database", "floor 8 may import floors up to 8, this is 12"),
        (
            "eddyline.stores.sqlite",
            "from ..core.query.plan import Plan",
            "floor 9 may import floors up to 1, this is 3",
        ),
        (
            "eddyline.bindings.bind",
            "from ..core.ivm.window import Window",
            "bindings use signals and the public names of core and stores",
        ),
        (
            "eddyline.bindings.bind",
            "from ..stores.sqlite import SqliteStore",
            "bindings use signals and the public names of core and stores",
        ),
        ("eddyline.demo_tui.app", "from eddyline.core.row import Row", "the demo uses public names only"),
        ("eddyline.demo_tui.app", "from eddyline import _hidden", "the demo uses public names only"),
        ("eddyline.demo_tui.app", "from ..bindings.textual import hidden", "the demo uses public names only"),
        (
            "eddyline.core.query.render",
            "def f():\n    from sqlglot import exp",
            f"only {' and '.join(READING)} imports sqlglot",
        ),
        (
            "eddyline.core.query.parse.text",
            "import sqlglot.errors",
            "sqlglot is imported lazily, inside the function that needs it",
        ),
        (
            "eddyline.core.schema.tables",
            "import sqlite_utils",
            "sqlite_utils is imported lazily, inside the function that needs it",
        ),
        ("eddyline.bindings.bind", "import click", "only eddyline.bindings.cli imports click"),
        ("eddyline.bindings.cli", "import aiosqlite", "only eddyline.stores.sqlite imports aiosqlite"),
        (
            "eddyline.core.write.writer",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..ivm.view import View",
            "eddyline.core.write and eddyline.core.ivm never meet",
        ),
    ],
)
def test_import_off_its_floor_is_found(module: str, source: str, trouble: str) -> None:
    assert [found.endswith(f": {trouble}") for found in troubles(module, source)] == [True]


@pytest.mark.parametrize(
    ("module", "source", "trouble"),
    [
        (
            "eddyline.core.sync.peer",
            "from ..write import hooks\nfrom ..ivm import view",
            "write and ivm meet on floor 8 alone",
        ),
        (
            "eddyline.stores.pyodide",
            "conn._execute(f)",
            "line 1: _execute is private to aiosqlite",
        ),
        ("eddyline.core.live", "store._aio._tx.put(1)", "line 1: _tx is private to aiosqlite"),
        (
            "eddyline.bindings.cli",
            "conn._thread.join()",
            "line 1: _thread is private to aiosqlite",
        ),
        (
            "eddyline.core.ivm.rows",
            "async def step(): ...",
            "line 1: step is async, the engine is synchronous",
        ),
    ],
)
def test_other_breach_of_the_house_is_found(module: str, source: str, trouble: str) -> None:
    assert troubles(module, source) == [trouble]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("eddyline.signals.scope", "from .untracked import untracked\nfrom contextvars import ContextVar"),
        (
            "eddyline.core.query.parse.text",
            "def f():\n    from sqlglot import exp\n    from ..schema.catalog import Catalog",
        ),
        (
            "eddyline.core.database",
            "def f():\n    from ..stores import open_store\nfrom .ivm.view import View\nfrom .write import hooks",
        ),
        ("eddyline.core.text.loro", "def f():\n    import loro"),
        ("eddyline.stores.sqlite", "import aiosqlite\nfrom ..core.errors import OpenError\nconn._tx.put(1)"),
        (
            "eddyline.bindings.bind",
            "import textual\nfrom ..signals.scope import root\nfrom ..core.ivm.view import View",
        ),
        (
            "eddyline.demo_tui.app",
            "import eddyline\nfrom eddyline import Database\nfrom .data import seed",
        ),
        ("eddyline.demo_tui.app", "from ..bindings.textual import LiveTable\nfrom eddyline.signals import signal"),
        ("eddyline.core.write.writer", "self._tx = 1"),
    ],
)
def test_import_on_its_floor_is_fine(module: str, source: str) -> None:
    assert troubles(module, source) == []


def test_relative_imports_of_a_package_and_of_a_file_are_made_absolute() -> None:
    source = "from . import capture\nfrom ..row import Row\nfrom .hooks import Hooks"
    in_package = [one.target for one in imports("eddyline.core.write", source, is_package=True)]
    in_file = [one.target for one in imports("eddyline.core.write.writer", source, is_package=False)]
    assert in_package == in_file == ["eddyline.core.write.capture", "eddyline.core.row", "eddyline.core.write.hooks"]


def test_import_of_the_face_loads_no_optional_and_no_heavy_library() -> None:
    optional = "'anywidget', 'IPython', 'textual', 'reactivex', 'pluggy'"
    heavy = f"{{{optional}, 'sqlglot', 'sqlite_utils', 'aiosqlite', 'click'}}"
    code = f"import sys, eddyline; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"


def test_import_of_the_face_leaves_what_only_rare_calls_need() -> None:
    rare = {"explain", "ivm.advice", "log.checking", "log.installing", "log.snapshot"}
    modules = sorted({f"eddyline.core.{name}" for name in rare} | {"html", "tempfile"})
    code = f"import sys, eddyline; print([name for name in {modules} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"
