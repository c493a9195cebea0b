"""Two tables with a column for each way to merge, small enough to be written out in a test."""

from __future__ import annotations

from typing import Any

from eddyline import Column, Database, Model, Ref, column, ref

__all__ = ["Folder", "Note", "dump"]


class Note(Model):
    text: Column[str]
    size: Column[int] = column(default=0)
    votes: Column[int] = column(default=0, merge="counter")
    labels: Column[frozenset[str]] = column(default=frozenset(), merge="set")
    best: Column[int] = column(default=0, merge=max)


class Folder(Model):
    name: Column[str] = column(unique=True)
    parent: Ref[Folder | None] = ref(default=None, merge="tree")


async def dump(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that a user sees."""
    tables = ["note", "folder", "eddy_conflicts", "eddy_violations"]
    return {table: sorted(map(tuple, await db.fetch(f"SELECT * FROM {table}"))) for table in tables}
