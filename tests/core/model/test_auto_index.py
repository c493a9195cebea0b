"""Indexes that live queries miss on the tables of models are made before the first fill."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from eddyline import Column, Database, Existing, Model, Ref, View, column, ref
from eddyline.core.ivm import advice


class Project(Model):
    name: Column[str]


class Issue(Model):
    title: Column[str]
    state: Column[str] = column(default="open")
    priority: Column[int] = column(default=0)
    project: Ref[Project | None] = ref(default=None)


class Old(Existing, table="old"):
    id: Column[int] = column(primary_key=True)
    word: Column[str]


MODELS = [Project, Issue]
TOP = Issue.where(Issue.state == "open").order_by(Issue.priority.desc()).limit(3)
MADE = "_eddy_ix_issue_state_priority_desc"


async def add(db: Database, issue: Issue) -> None:
    async with db.transaction() as tx:
        await tx.add(issue)


def plan(view: View[Any]) -> str:
    return " ".join(view.explain().data["plan"])


async def test_an_index_is_made_before_the_first_fill_and_taken() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        before = await db.indexes()
        view = await db.live(TOP)
        made = [name for name in await db.indexes() if name not in before]
        assert made == [MADE]
        assert MADE in plan(view)
        assert view.explain().data["advice"] == []
        await add(db, Issue(title="a", priority=2))
        assert [issue.title for issue in view.rows()] == ["a"]


async def test_views_that_are_open_go_on_and_are_told_nothing_when_an_index_is_made() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        await add(db, Issue(title="a", priority=2))
        every = await db.live(Issue)
        told: list[object] = []
        every.subscribe(told.append)
        told.clear()
        commits: list[object] = []
        db.after_commit(commits.append)
        await db.live(TOP)
        await db.settled()
        assert (told, commits) == ([], [])
        await add(db, Issue(title="b"))
        assert (len(told), len(every.rows()), len(commits)) == (1, 2, 1)


async def test_auto_index_false_only_advises() -> None:
    async with Database.open(":memory:", models=MODELS, auto_index=False) as db:
        before = await db.indexes()
        view = await db.live(TOP)
        assert await db.indexes() == before
        assert len(view.explain().data["advice"]) == 1


async def test_tables_of_others_get_no_index(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE old (id INTEGER PRIMARY KEY, word TEXT)")
    conn.execute("CREATE TABLE foreign_one (id INTEGER PRIMARY KEY, word TEXT)")
    conn.close()
    async with Database.open(path, models=[Project, Old]) as db:
        one = await db.live(Old.where(Old.word == "x"))
        other = await db.live("SELECT * FROM foreign_one WHERE word = ?", "x")
        assert await db.indexes() == []
        assert one.explain().data["advice"] == ["CREATE INDEX ix_old_word ON old (word)"]
        assert other.explain().data["advice"] == ["CREATE INDEX ix_foreign_one_word ON foreign_one (word)"]


async def test_an_index_that_cannot_be_made_does_not_fail_the_view(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    async with Database.open(path, models=MODELS) as db:
        before = await db.indexes()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        view = await db.live(TOP)
        other.execute("ROLLBACK")
        other.close()
        assert (view.status, list(view.rows())) == ("live", [])
        assert await db.indexes() == before
        await add(db, Issue(title="a"))
        assert [issue.title for issue in view.rows()] == ["a"]


async def test_the_indexes_are_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "t.db", models=MODELS) as db:
        await db.live(TOP)
        made = await db.indexes()
    async with Database.open(tmp_path / "t.db", models=MODELS) as db:
        assert await db.indexes() == made
        view = await db.live(TOP)
        assert await db.indexes() == made
        assert view.explain().data["advice"] == []


async def test_views_of_one_template_share_one_index() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        views = await db.live_many(*(Issue.where(Issue.title == f"t{n}") for n in range(20)))
        assert sum("title" in name for name in await db.indexes()) == 1
        assert {view.status for view in views} == {"live"}


async def test_a_fault_in_looking_for_indexes_is_logged_and_does_not_fail_the_view(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **named: object) -> None:
        raise KeyError("a fault")

    monkeypatch.setattr(advice, "missing", fail)
    async with Database.open(":memory:", models=MODELS) as db:
        view = await db.live(TOP)
        assert view.status == "live"
    assert [record.message.split(":")[0] for record in caplog.records] == ["no indexes are made for"]


async def test_a_window_of_a_list_gets_an_index_on_its_order() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        query = Issue.order_by(Issue.title.desc())
        await db.live(query)
        before = await db.indexes()
        view = await db.live_window(query)
        assert len(await db.indexes()) == len(before) + 1
        await view.window(0, 5)
        assert view.explain().data["advice"] == []
