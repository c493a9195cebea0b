"""Models with columns of every way to merge, and random writes to them that get in each other's way."""

from __future__ import annotations

import random
from typing import Any

from eddyline import Column, Database, Model, Ref, column, ref

__all__ = ["MODELS", "Folder", "Issue", "Note", "Project", "dump", "random_statement"]


class Project(Model):
    name: Column[str] = column(unique=True)


class Issue(Model):
    title: Column[str]
    state: Column[str] = column(default="open")
    start: Column[int] = column(default=0, group="span")
    end: Column[int] = column(default=0, group="span")
    votes: Column[int] = column(default=0, merge="counter")
    labels: Column[frozenset[str]] = column(default=frozenset(), merge="set")
    best: Column[int] = column(default=0, merge=max)
    project: Ref[Project | None] = ref(default=None, on_delete="cascade")


class Note(Model):
    text: Column[str]
    size: Column[int] = column(default=0)


class Folder(Model):
    name: Column[str]
    parent: Ref[Folder | None] = ref(default=None, merge="tree")


MODELS = [Project, Issue, Note, Folder]


async def dump(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that a user sees."""
    tables = ["project", "issue", "note", "folder", "eddy_conflicts", "eddy_violations"]
    return {table: sorted(map(tuple, await db.fetch(f"SELECT * FROM {table}"))) for table in tables}


def random_statement(rng: random.Random) -> str:
    """Return a write that others may make at the same time."""
    key, value = rng.choice("IJK"), rng.randrange(4)
    return rng.choice([
        f"INSERT OR IGNORE INTO project VALUES ('{key}', 'n{value}')",
        f"DELETE FROM project WHERE id = '{key}'",
        f"UPDATE OR IGNORE project SET name = 'n{value}' WHERE id = '{key}'",
        f"INSERT OR IGNORE INTO issue (id, title, votes) VALUES ('{key}', 't{value}', {value})",
        f"UPDATE issue SET project = (SELECT max(id) FROM project), state = 's{value}' WHERE id = '{key}'",
        f"UPDATE issue SET votes = votes + {value}, best = {value} WHERE id = '{key}'",
        f"UPDATE issue SET start = {value} WHERE id = '{key}'",
        f"UPDATE issue SET labels = '[\"l{value}\",\"m\"]' WHERE id = '{key}'",
        f"DELETE FROM issue WHERE id = '{key}'",
        f"INSERT OR REPLACE INTO note VALUES ('{key}', 't{value}', {value})",
        f"UPDATE note SET size = {value} WHERE id = '{key}'",
        f"DELETE FROM note WHERE id = '{key}'",
        f"INSERT OR IGNORE INTO folder VALUES ('{key}', 'f{value}', NULL)",
        f"UPDATE folder SET parent = (SELECT min(id) FROM folder WHERE id != '{key}') WHERE id = '{key}'",
        f"UPDATE folder SET parent = (SELECT max(id) FROM folder WHERE id != '{key}') WHERE id = '{key}'",
        f"DELETE FROM folder WHERE id = '{key}' AND id NOT IN (SELECT parent FROM folder WHERE parent NOT NULL)",
    ])  # fmt: skip
