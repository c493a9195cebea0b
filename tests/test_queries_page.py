"""The table of docs/queries.md is what `explain()` says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"


def maker() -> Any:  # Any: a module
    spec = importlib.util.spec_from_file_location("make_queries", DOCS / "make_queries.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_table_of_the_page_on_queries_is_what_explain_says() -> None:
    made = maker()
    assert made.page(await made.table()) == (DOCS / "queries.md").read_text(encoding="utf-8")
