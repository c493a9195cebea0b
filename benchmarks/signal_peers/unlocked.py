"""Eddyline with its locks taken out, to see what thread safety costs: a copy of the package, made anew for each run."""

from __future__ import annotations

import ast
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import eddyline.signals

__all__ = ["READ", "SETTLE", "VALUE", "WRITE", "batch", "close", "computed", "effect", "signal"]


class _TakeOut(ast.NodeTransformer):
    """Turns `with lock:` into its body, `holds_lock()` into True, and drops `lock.acquire()` and `lock.release()`."""

    def visit_With(self, node: ast.With) -> ast.AST:  # the name is of ast
        """Keep the body of `with lock:` alone."""
        self.generic_visit(node)
        if ast.unparse(node.items[0].context_expr) in ("lock", "nodes.lock"):
            return ast.If(ast.Constant(True), node.body, [])
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:  # as above
        """Drop the calls."""
        if ast.unparse(node) in ("lock.acquire()", "lock.release()", "nodes.lock.acquire()", "nodes.lock.release()"):
            return ast.Pass()
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:  # as above
        """Whoever asks holds it."""
        self.generic_visit(node)
        return ast.Constant(True) if ast.unparse(node) == "holds_lock()" else node


def _copy(folder: Path) -> None:
    """Write the package without locks to `folder`."""
    folder.mkdir()
    for path in Path(eddyline.signals.__path__[0]).glob("*.py"):
        tree = _TakeOut().visit(ast.parse(path.read_text(encoding="utf-8")))
        (folder / path.name).write_text(ast.unparse(ast.fix_missing_locations(tree)), encoding="utf-8")


with tempfile.TemporaryDirectory() as home:
    _copy(Path(home) / "unlocked_signals")
    sys.path.insert(0, home)
    package: Any = importlib.import_module("unlocked_signals")  # Any: a module that is made here
    sys.path.remove(home)

signal, computed, effect, batch = package.signal, package.computed, package.effect, package.batch
READ = VALUE = "S.get()"
WRITE = "S.set(V)"
SETTLE = "pass"


def close(made: Any) -> None:  # as above
    """Close an effect."""
    made.close()
