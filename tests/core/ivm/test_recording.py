"""`view.record`: what a view has shown, in a file of JSON lines or Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, ParameterError, Scope


async def recorded(path: Path) -> None:
    """Record three commits of a view."""
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, title, n)")
        await db.execute("INSERT INTO issue VALUES (1, 'Slow', 1), (2, 'Typo', 2)")
        view = await db.live("SELECT title, n FROM issue ORDER BY n")
        with view.record(path, now=lambda: 1_767_225_600.5) as recording:
            await db.execute("INSERT INTO issue VALUES (3, 'Crash', 3)")
            await db.execute("UPDATE issue SET n = 0.5 WHERE id = 3")
            await db.execute("DELETE FROM issue WHERE id = 1")
        await db.execute("DELETE FROM issue")
        assert repr(recording) == f"<Recording {path.name}: 5 patches, closed>"


async def test_lines_are_those_of_the_live_command_and_say_when(tmp_path: Path) -> None:
    await recorded(tmp_path / "issues.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "issues.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line.pop("at") for line in lines} == {"2026-01-01T00:00:00.500000Z"}
    assert [line.pop("commit") for line in lines] == [2, 3, 4, 4, 5]
    assert [line["kind"] for line in lines] == ["reset", "insert", "move", "update", "remove"]
    assert lines[0]["rows"] == [["Slow", 1], ["Typo", 2]]
    assert lines[3] == {"kind": "update", "index": 0, "row": ["Crash", 0.5], "columns": ["n"], "left": 0}


async def test_parquet_has_a_row_a_patch_and_types_that_hold_all(tmp_path: Path) -> None:
    pl: Any = pytest.importorskip("polars")
    await recorded(tmp_path / "issues.parquet")
    frame = pl.read_parquet(tmp_path / "issues.parquet")
    assert frame.columns == ["commit", "at", "kind", "index", "to", "title", "n"]
    assert frame.select("kind", "index", "to", "title", "n").rows() == [
        ("reset", 0, None, "Slow", 1.0),
        ("reset", 1, None, "Typo", 2.0),
        ("insert", 2, None, "Crash", 3.0),
        ("move", 2, 0, None, None),
        ("update", 0, None, "Crash", 0.5),
        ("remove", 1, None, None, None),
    ]


async def test_recording_ends_with_its_view_and_with_its_scope(tmp_path: Path) -> None:
    async with Database.open(":memory:") as db:
        view, other = await db.live("SELECT 1 AS one"), await db.live("SELECT 2 AS two")
        ends_with_view = view.record(tmp_path / "a.jsonl")
        view.close()
        with Scope("cell"):
            ends_with_scope = other.record(tmp_path / "b.jsonl")
        assert (ends_with_view.closed, ends_with_scope.closed) == (True, True)


async def test_other_ending_is_refused(tmp_path: Path) -> None:
    async with Database.open(":memory:") as db:
        view = await db.live("SELECT 1 AS one")
        with pytest.raises(ParameterError, match=r"view.record writes .jsonl and .parquet, not 'a.csv'"):
            view.record(tmp_path / "a.csv")
