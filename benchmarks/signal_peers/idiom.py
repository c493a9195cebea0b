"""Cases in a library's own words: `write(source, i)` becomes `source.value = i` before anything runs."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["load_cases"]

NAMES = ("batch", "close", "computed", "effect", "signal", "flush", "scheduler")


def load_cases(library: ModuleType) -> dict[str, Any]:  # Any: what a module holds
    """Return the globals of cases.py, written in the words of `library`."""
    path = Path(__file__).with_name("cases.py")
    tree = _Idiom(library).visit(ast.parse(path.read_text(encoding="utf-8")))
    held = {name: getattr(library, name) for name in NAMES if hasattr(library, name)}
    held["__name__"] = "signal_peers.cases"
    exec(compile(ast.fix_missing_locations(tree), path, "exec"), held)
    return held


class _Idiom(ast.NodeTransformer):
    """Puts the expressions of one library in the place of calls of the common words."""

    def __init__(self, library: ModuleType) -> None:
        self.library = library

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:  # the name is of ast
        """Drop the import of the words."""
        return None if node.module == "signal_peers" else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:  # as above
        """Write and settle are statements."""
        self.generic_visit(node)
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("write", "settle"):
            (statement,) = ast.parse(getattr(self.library, call.func.id.upper())).body
            return _Fill(call.args).visit(statement)  # type: ignore[no-any-return]  # a statement stays one
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:  # as above
        """Reads are expressions."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("read", "value"):
            expression = ast.parse(getattr(self.library, node.func.id.upper()), mode="eval").body
            return _Fill(node.args).visit(expression)  # type: ignore[no-any-return]  # an expression stays one
        return node


class _Fill(ast.NodeTransformer):
    """Puts the arguments in the place of S and V."""

    def __init__(self, args: list[ast.expr]) -> None:
        self.args = dict(zip("SV", args, strict=False))

    def visit_Name(self, node: ast.Name) -> ast.AST:  # as above
        """An argument for its letter."""
        return self.args.get(node.id, node)
