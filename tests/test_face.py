"""The public face: what `import eddyline` gives is listed, sorted and there, and its files only hand names on."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

FACE = Path(__file__).resolve().parent.parent / "src" / "eddyline"
FILES = sorted(path.name for path in FACE.glob("*.py") if path.name != "__init__.py")
HANDS_ON = (ast.Import, ast.ImportFrom)


def statements(name: str) -> list[ast.stmt]:
    """Return the statements of a file of the face, without docstring and `from __future__`."""
    body = ast.parse((FACE / name).read_text(encoding="utf-8")).body
    if ast.get_docstring(ast.Module(body, [])) is not None:
        body = body[1:]
    return [node for node in body if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]


def is_all(node: ast.stmt) -> bool:
    """Return whether a statement is `__all__ = [...]`."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return False
    return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target) == "__all__"


def test_all_is_sorted_and_holds_each_name_once() -> None:
    face = import_module("eddyline")
    assert face.__all__ == sorted(set(face.__all__))


def test_every_name_of_all_is_there() -> None:
    face = import_module("eddyline")
    assert [name for name in face.__all__ if not hasattr(face, name)] == []


def test_every_name_that_the_face_imports_is_in_all() -> None:
    imported = {
        alias.asname or alias.name
        for node in statements("__init__.py")
        if isinstance(node, HANDS_ON)
        for alias in node.names
    }
    assert imported == set(import_module("eddyline").__all__)


def test_the_face_holds_imports_and_all_alone() -> None:
    others = [node for node in statements("__init__.py") if not isinstance(node, HANDS_ON)]
    assert [is_all(node) for node in others] == [True]


def test_every_other_file_of_the_face_is_one_import() -> None:
    """`__main__` has its call beside the import."""
    wanted = {name: (["import", "call"] if name == "__main__.py" else ["import"]) for name in FILES}
    found = {
        name: ["import" if isinstance(node, HANDS_ON) else "call" for node in statements(name) if not is_all(node)]
        for name in FILES
    }
    assert found == wanted


def test_the_face_is_typed() -> None:
    assert (FACE / "py.typed").is_file()
