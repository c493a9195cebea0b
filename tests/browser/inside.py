"""A pytest plugin for suites that run inside Pyodide: what can't be there is left out, and nothing else.

a module that imports a library which isn't there   not collected
a test that starts a thread or a program            skipped when it does: Pyodide has neither
`LEFT_OUT`                                          what is otherwise there by design, each with its reason
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

EXAMPLES = 5

LEFT_OUT = {
    "tests/signals/test_threads.py": "there are no threads",
    "tests/core/log/test_texts.py": "there is no pycrdt",
    "tests/core/ivm/test_derived.py::test_a_view_that_is_opened_beside_a_block_is_planned_by_the_writer_after_it": (
        "one connection: a view is opened after the block, not beside it"
    ),
    "tests/core/log/test_instance.py::test_while_one_has_it_open_another_writes_the_same_lane": "files can't be locked",
    "tests/core/log/test_journal.py::test_two_of_us_on_one_file_write_one_lane_and_no_commit_twice": (
        "files can't be locked"
    ),
}

_ABSENT = re.compile(r"can't start new thread|does not support processes")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out a module whose imports, those at its head, aren't all there."""
    if collection_path.suffix != ".py":
        return None
    tree = ast.parse(collection_path.read_text(encoding="utf-8"))
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names.append(node.module)
    return True if any(find_spec(name.partition(".")[0]) is None for name in names) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out `LEFT_OUT`, and try few examples: that they are right is shown natively, here that they are the same."""
    left = [item for item in items if any(item.nodeid.startswith(name) for name in LEFT_OUT)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]
    if os.environ.get("EDDYLINE_SOAK") == "1":
        return
    for item in items:
        function = getattr(item, "obj", None)
        chosen = getattr(function, "_hypothesis_internal_use_settings", None)
        if chosen is not None:
            few = settings(chosen, max_examples=min(EXAMPLES, chosen.max_examples))
            function._hypothesis_internal_use_settings = few  # type: ignore[union-attr]  # a test that has settings


def _skip_what_is_absent() -> Iterator[None]:
    try:
        result = yield
    except (RuntimeError, OSError) as error:
        if _ABSENT.search(str(error)):
            pytest.skip(f"not inside Pyodide: {error}")
        raise
    return result


pytest_runtest_setup = pytest.hookimpl(wrapper=True)(_skip_what_is_absent)
pytest_runtest_call = pytest.hookimpl(wrapper=True)(_skip_what_is_absent)
