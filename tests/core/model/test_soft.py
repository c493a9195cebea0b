"""Soft delete: what queries see, what goes with a row and comes back with it, and what holds it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator

import pytest

from eddyline import (
    Column,
    ConstraintError,
    Database,
    Many,
    MissingRowError,
    Model,
    ParameterError,
    Ref,
    SoftDeleted,
    alias,
    column,
    count,
    many,
    ref,
)  # fmt: skip

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


class Project(SoftDeleted):
    name: Column[str] = column(unique=True)
    issues: Many[Issue] = many()


class Issue(SoftDeleted):
    title: Column[str]
    project: Ref[Project] = ref(on_delete="cascade")
    comments: Many[Comment] = many()


class Comment(SoftDeleted):
    text: Column[str]
    issue: Ref[Issue] = ref(on_delete="cascade")


class Release(Model):
    project: Ref[Project]


class Bill(SoftDeleted):
    project: Ref[Project]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = (NOON + dt.timedelta(minutes=at) for at in range(100))
    monkeypatch.setattr(SoftDeleted, "_now", staticmethod(lambda: next(ticks)))


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Project, Issue, Comment, Release, Bill]) as database:
        async with database.transaction() as tx:
            await tx.add_all([Project(name="Core", id="core"), Project(name="Web", id="web")])
            await tx.add_all([Issue(title=key, project="core", id=key) for key in ("a", "b")])
            await tx.add(Issue(title="w", project="web", id="w"))
            await tx.add_all([Comment(text=key, issue=key[0], id=key) for key in ("a1", "a2", "w1")])
        yield database


async def found(db: Database) -> list[str]:
    """Return the keys of all rows that queries see."""
    return [row.id for model in (Project, Issue, Comment) for row in await db.fetch(model)]


async def row(db: Database, model: type[Project | Issue], key: str) -> Project | Issue:
    return (await db.fetch(model.with_deleted().where(model.id == key)))[0]


async def test_deleted_row_is_there_for_who_asks_for_it(db: Database) -> None:
    issue = await row(db, Issue, "b")
    await db.write(lambda tx: tx.delete(issue))
    assert await found(db) == ["core", "web", "a", "w", "a1", "a2", "w1"]
    assert await db.get(Issue, "b") is None
    kept = await db.fetch(Issue.with_deleted().where(Issue.id == "b"))
    assert [(one.title, one.deleted_at) for one in kept] == [("b", NOON)]
    assert await db.fetch("SELECT count(*) AS n FROM issue") == [(3,)]
    with pytest.raises(MissingRowError, match="no row of issue has the key 'b'"):
        await db.write(lambda tx: tx.delete(issue))


async def test_rows_that_cascade_go_and_come_back_with_it(db: Database) -> None:
    early, core = await row(db, Issue, "a"), await row(db, Project, "core")
    comment = (await db.fetch(Comment.where(Comment.id == "a1")))[0]
    await db.write(lambda tx: tx.delete(comment))
    await db.write(lambda tx: tx.delete(core))
    assert await found(db) == ["web", "w", "w1"]
    back = await db.write(lambda tx: tx.restore(core))
    assert back == core
    assert await found(db) == ["core", "web", "a", "b", "w", "a2", "w1"]  # the comment was deleted before, by itself
    await db.write(lambda tx: tx.restore(early))  # isn't deleted: nothing to do
    assert await found(db) == ["core", "web", "a", "b", "w", "a2", "w1"]


async def test_every_way_to_ask_leaves_deleted_rows_out(db: Database) -> None:
    a = await row(db, Issue, "a")
    watched = await a.watch()
    assert [one.id for one in await db.fetch(alias(Issue, "x").with_deleted())] == ["a", "b", "w"]
    live = await db.live(Issue.order_by(Issue.title))
    numbers = await db.live(Project.select(Project.name, Project.issues.count().as_("n")).order_by(Project.name))
    joined = await db.live(
        Project.select(Project.name, count(Issue.id).as_("n")).join(Issue, on=Issue.project == Project.id, left=True)
        .group_by(Project.id).order_by(Project.name)
    )  # fmt: skip
    discussed = await db.live(Issue.where_exists(Issue.comments).ids())
    part = alias(Issue, "part")
    parts = await db.live(part.where(part.project == "core").select(part.title))
    led = await db.live(Comment.select(Comment.text, Comment.issue.to.title.as_("title")).order_by(Comment.text))
    core = (await db.fetch(Project.where(Project.id == "core").include("issues")))[0]
    assert [one.id for one in core.included.issues] == ["a", "b"]
    await db.execute("UPDATE issue SET deleted_at = ? WHERE id = 'a'", NOON)
    assert [one.title for one in live.rows()] == ["b", "w"]
    assert [*numbers.rows()] == [*joined.rows()] == [("Core", 1), ("Web", 1)]
    assert ([*discussed.rows()], [*parts.rows()]) == ([("w",)], [("b",)])
    assert [*led.rows()] == [("a1", "a"), ("a2", "a"), ("w1", "w")]  # a reference leads there all the same
    assert watched() is None
    core = (await db.fetch(Project.where(Project.id == "core").include("issues")))[0]
    assert [one.id for one in core.included.issues] == ["b"]


async def test_row_that_restricts_holds_it_back_unless_it_is_deleted_itself(db: Database) -> None:
    core = await row(db, Project, "core")
    bill = await db.write(lambda tx: tx.add(Bill(project="core", id="bill")))
    release = await db.write(lambda tx: tx.add(Release(project="core", id="r1")))
    with pytest.raises(ConstraintError, match="Project 'core' can't be deleted: bill 'bill', release 'r1' still") as no:
        await db.write(lambda tx: tx.delete(core))
    assert no.value.rows == (("bill", "bill"), ("release", "r1"))
    assert len(await found(db)) == 8
    async with db.transaction() as tx:
        for one in (bill, release, core):
            await tx.delete(one)
    assert await found(db) == ["web", "w", "w1"]


async def test_erase_is_for_good(db: Database) -> None:
    core = await row(db, Project, "core")
    await db.write(lambda tx: tx.delete(core))
    await db.write(lambda tx: tx.erase(core))
    assert await db.fetch("SELECT id FROM project UNION ALL SELECT id FROM issue UNION ALL SELECT id FROM comment") == [
        ("web",), ("w",), ("w1",)
    ]  # fmt: skip
    for verb in ("restore", "erase", "delete"):
        with pytest.raises(MissingRowError):
            await db.write(lambda tx, verb=verb: getattr(tx, verb)(core))  # type: ignore[misc]  # what is tested


async def test_upsert_of_a_deleted_row_brings_it_back(db: Database) -> None:
    core = await row(db, Project, "core")
    await db.write(lambda tx: tx.delete(core))
    assert await db.write(lambda tx: tx.upsert(Project(name="Core"), by=Project.name)) == core
    assert "core" in await found(db)


async def test_model_without_a_mark_is_not_restored(db: Database) -> None:
    release = await db.write(lambda tx: tx.add(Release(project="core", id="r1")))
    with pytest.raises(ParameterError, match="Release is deleted for good; a SoftDeleted model can be restored"):
        await db.write(lambda tx: tx.restore(release))


async def test_example_rows_are_not_deleted(db: Database) -> None:
    assert {one.deleted_at for one in await db.seed(Comment, 20)} == {None}
