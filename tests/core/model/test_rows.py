"""Rows of models written and read through a transaction, in a block and in one job."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from eddyline import (
    Column,
    ConstraintError,
    Database,
    Existing,
    MissingRowError,
    Model,
    ParameterError,
    QueryError,
    Ref,
    Text,
    UnreadableError,
    column,
    ref,
    signal,
)  # fmt: skip


class Project(Model):
    name: Column[str] = column(unique=True)
    note: Column[str | None] = column(default=None)


class Issue(Model):
    title: Column[str]
    body: Text = Text()
    state: Column[Literal["open", "done"]] = column(default="open")
    priority: Column[int] = column(default=0, check="priority >= 0")
    due: Column[dt.date | None] = column(default=None)
    tags: Column[list[str]] = column(default_factory=list)
    project: Ref[Project] = ref(on_delete="cascade")


class Track(Existing, table="Track"):
    TrackId: Column[int] = column(primary_key=True, default=None)
    Name: Column[str]


class Entry(Existing):
    list: Column[int] = column(primary_key=True)
    place: Column[int] = column(primary_key=True)
    text: Column[str] = column(default="", name="the text")


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Project, Issue]) as database:
        yield database


@pytest.fixture
async def core(db: Database) -> Project:
    return await db.write(lambda tx: tx.add(Project(name="Core")))


async def test_added_row_is_what_the_database_gives_back(db: Database, core: Project) -> None:
    async with db.transaction() as tx:
        issue = await tx.add(Issue(title="Slow", project=core, due=dt.date(2026, 1, 2), tags=["a"]))
        assert await tx.get(Issue, issue.id) == issue
    assert await db.get(Issue, issue.id) == issue
    assert await db.get(Issue, issue) == issue
    assert await db.fetch(Issue) == [issue]
    assert type((await db.fetch(Issue))[0]) is Issue


async def test_rows_are_added_in_their_order_whatever_their_models(db: Database) -> None:
    core = Project(name="Core")
    one, two = Issue(title="1", project=core), Issue(title="2", project=core)
    async with db.transaction() as tx:
        assert await tx.add_all([core, one, two]) == [core, one, two]
        assert await tx.add_all([]) == []
    assert await db.fetch(Issue) == [one, two]


async def test_if_one_of_many_rows_fails_none_is_added(db: Database, core: Project) -> None:
    async with db.transaction() as tx:
        with pytest.raises(ConstraintError):
            await tx.add_all([Issue(title="1", project=core), Issue(title="2", project="nobody"), core])
        assert await tx.fetch(Issue) == []


async def test_update_returns_the_row_as_it_is_now(db: Database, core: Project) -> None:
    issue = await db.write(lambda tx: tx.add(Issue(title="Slow", project=core)))
    await db.execute("UPDATE issue SET title = 'Slower'")
    async with db.transaction() as tx:
        now = await tx.update(issue, state="done", due=dt.date(2026, 1, 2))
        assert (now.title, now.state, now.due) == ("Slower", "done", dt.date(2026, 1, 2))
        now = await tx.update(now, Issue.priority.set(Issue.priority + 4), Issue.title.set("Fast"), tags=["b"])
        assert (now.title, now.priority, now.tags, now.state) == ("Fast", 4, ["b"], "done")
        now = await tx.update(now, Issue.title.set(Issue.title + Issue.title), Issue.due.set(None))
        assert (now.title, now.due) == ("FastFast", None)
    assert await db.get(Issue, issue.id) == now


async def test_none_for_a_column_that_takes_none_of_it_is_refused_by_the_columns_name(
    db: Database, core: Project
) -> None:
    issue = await db.write(lambda tx: tx.add(Issue(title="Slow", project=core)))
    refused = r"^Issue\.title is None; declare it `str \| None` if it may be missing$"
    with pytest.raises(ParameterError, match=refused):
        Issue.title.set(None)  # type: ignore[arg-type]  # the claim
    with pytest.raises(ParameterError, match=r"^Issue\.project is None"):
        Issue.project.set(None)  # type: ignore[arg-type]  # the claim
    async with db.transaction() as tx:
        with pytest.raises(ParameterError, match=refused):
            await tx.update(issue, Issue.title.set(signal(None)))  # type: ignore[arg-type]  # the claim
        now = await tx.update(issue, Issue.due.set(None), Issue.title.set(signal("Fast")))  # type: ignore[arg-type]
        assert (now.due, now.title) == (None, "Fast")


async def test_reference_is_set_to_a_row_or_a_key(db: Database, core: Project) -> None:
    web = await db.write(lambda tx: tx.add(Project(name="Web")))
    issue = await db.write(lambda tx: tx.add(Issue(title="Slow", project=core)))
    async with db.transaction() as tx:
        assert (await tx.update(issue, project=web)).project == web.id
        assert (await tx.update(issue, Issue.project.set(core))).project == core.id


async def test_row_of_another_model_is_no_value(db: Database, core: Project) -> None:
    issue = await db.write(lambda tx: tx.add(Issue(title="Slow", project=core)))
    async with db.transaction() as tx:
        with pytest.raises(
            ParameterError, match=r"Issue\.project takes a row of project, or its key, not a row of issue"
        ):
            Issue(title="x", project=issue)  # type: ignore[arg-type]  # the claim
        with pytest.raises(ParameterError, match=r"Issue\.project takes a row of project, or its key"):
            await tx.update(issue, project=issue)
        with pytest.raises(ParameterError, match=r"Issue\.project takes a row of project, or its key"):
            Issue.project.in_([core, issue])
        with pytest.raises(ParameterError, match=r"Issue\.title takes str, not a row of project"):
            Issue(title=core, project=core)  # type: ignore[arg-type]  # the claim
        with pytest.raises(ParameterError, match="get of Issue takes its key or a row of it, not a row of Project"):
            await tx.get(Issue, core)
        assert await tx.fetch(Issue.where(Issue.id == issue, Issue.project == core)) == [issue]  # type: ignore[arg-type]


async def test_row_that_is_gone_is_missed_and_nothing_is_written(db: Database, core: Project) -> None:
    async with db.transaction() as tx:
        await tx.delete(core)
    async with db.transaction() as tx:
        with pytest.raises(MissingRowError, match=r"no row of project has the key .* any more; nothing") as missing:
            await tx.update(core, name="x")
        assert (missing.value.table, missing.value.id) == ("project", core.id)
        with pytest.raises(MissingRowError):
            await tx.delete(core)
        assert await tx.get(Project, core) is None


async def test_upsert_inserts_or_changes_what_was_spelled_out(db: Database) -> None:
    async with db.transaction() as tx:
        first = await tx.upsert(Project(name="Core", note="n"), by=Project.name)
        again = await tx.upsert(Project(name="Core"), by=Project.name)
        assert again == first
        noted = await tx.upsert(Project(name="Core", note="m"), by=[Project.name])
        assert (noted.id, noted.note) == (first.id, "m")
    assert await db.fetch(Project) == [noted]


async def test_upsert_of_a_row_that_was_read_sets_all_of_it_and_of_a_copied_one_what_was_spelled_out(
    db: Database,
) -> None:
    async with db.transaction() as tx:
        await tx.add(Project(name="Core", note="n"))
        (read,) = await tx.fetch(Project)
        await tx.update(read, note="m")
        assert await tx.upsert(read, by=Project.name) == read
        assert await tx.upsert(copy.copy(read), by=Project.name) == read
        assert await tx.upsert(pickle.loads(pickle.dumps(Project(name="Core"))), by=Project.name) == read
    assert await db.fetch(Project) == [read]


async def test_upsert_finds_null_by_null_and_refuses_a_choice(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.add_all([Project(name="a"), Project(name="b", note="x"), Project(name="c", note="x")])
        assert (await tx.upsert(Project(name="d"), by=Project.note)).name == "d"
        with pytest.raises(ConstraintError, match="several rows of project agree in note"):
            await tx.upsert(Project(name="e", note="x"), by=Project.note)


async def test_integer_key_is_given_by_sqlite(db: Database) -> None:
    async with Database.open(":memory:") as other:
        await other.execute('CREATE TABLE "Track" (TrackId INTEGER PRIMARY KEY, Name TEXT, Extra INT)')
        async with other.transaction() as tx:
            one = await tx.add(Track(Name="a"))
            two, three = await tx.add_all([Track(Name="b"), Track(TrackId=9, Name="c")])
        assert [one.TrackId, two.TrackId, three.TrackId] == [1, 2, 9]
        assert await other.get(Track, 2) == two


@pytest.mark.parametrize("key", ["TrackId INT PRIMARY KEY, Name)", "TrackId INTEGER PRIMARY KEY, Name) WITHOUT ROWID"])
async def test_integer_key_that_sqlite_does_not_give_is_asked_for(key: str) -> None:
    async with Database.open(":memory:") as other:
        await other.execute(f"CREATE TABLE Track ({key}")
        async with other.transaction() as tx:
            with pytest.raises(ParameterError, match="Track needs TrackId: SQLite gives numbers to an INTEGER PRIMARY"):
                await tx.add(Track(Name="a"))
            assert list(await tx.add(Track(TrackId=3, Name="a"))) == [3, "a"]
        assert await other.fetch("SELECT TrackId FROM Track") == [(3,)]


async def test_key_of_several_columns_is_given_as_a_tuple(db: Database) -> None:
    async with Database.open(":memory:") as other:
        await other.execute('CREATE TABLE entry (list INT, place INT, "the text" TEXT, PRIMARY KEY (list, place))')
        async with other.transaction() as tx:
            await tx.add_all([Entry(list=1, place=1, text="a"), Entry(list=1, place=2, text="b")])
            assert (await tx.update(Entry(list=1, place=2), text="c")).text == "c"
        found = await other.get(Entry, (1, 2))
        assert found is not None
        assert (found.text, found["text"]) == ("c", "c")
        with pytest.raises(ParameterError, match=r"the key of Entry is \(list, place\): give 2 values"):
            await other.get(Entry, 1)


async def test_hooks_and_views_see_rows_of_models_as_any_write(db: Database, core: Project) -> None:
    seen: list[str] = []
    db.before_commit(lambda tx, changes: seen.extend(changes), "issue")
    view = await db.live(Issue.where(Issue.state == "open"))
    await db.write(lambda tx: tx.add(Issue(title="x", project=core)))
    assert (seen, len(view)) == (["issue"], 1)


async def test_fetch_takes_queries_and_parameters(db: Database, core: Project) -> None:
    from eddyline import param

    await db.write(lambda tx: tx.add_all([Issue(title=t, project=core, due=dt.date(2026, 1, 2)) for t in "abc"]))
    wanted = signal("b")
    assert [row.title for row in await db.fetch(Issue.where(Issue.title == wanted))] == ["b"]
    assert [row.title for row in await db.fetch(Issue.where(Issue.title == param("t")), t="c")] == ["c"]
    assert await db.fetch(Issue.select(Issue.due.max(), Issue.title).where(Issue.title == "a")) == [
        (dt.date(2026, 1, 2), "a")
    ]
    async with db.transaction() as tx:
        assert len(await tx.fetch(Issue.where(Issue.title != "a"))) == 2


@pytest.mark.parametrize("value", ["soon", 5])
async def test_value_that_is_not_of_its_columns_type_is_told_with_the_column(db: Database, value: object) -> None:
    core = await db.write(lambda tx: tx.add(Project(name="Core")))
    view = await db.live(Issue)
    await db.write(lambda tx: tx.add(Issue(title="a", project=core)))
    await db.execute("UPDATE issue SET due = ?", value)  # the writer isn't harmed
    with pytest.raises(UnreadableError, match=r"Issue\.due holds .*, which is no date"):
        await db.fetch(Issue)
    assert view.status == "failed"
    assert isinstance(view.error, UnreadableError)
    await db.execute("UPDATE issue SET due = '2026-01-02'")
    assert (view.status, view.rows()[0].due) == ("live", dt.date(2026, 1, 2))


@pytest.mark.parametrize("query", [Issue.where(), Issue.where().distinct()])
async def test_view_over_an_unreadable_row_fails_and_comes_back(db: Database, query: object) -> None:
    core = await db.write(lambda tx: tx.add(Project(name="Core")))
    await db.write(lambda tx: tx.add(Issue(title="a", project=core)))
    await db.execute("UPDATE issue SET due = 'soon'")
    view = await db.live(query)  # type: ignore[call-overload]  # two kinds of query
    await db.settled()
    assert view.status == "failed"
    await db.execute("UPDATE issue SET due = NULL")
    await db.settled()
    assert (view.status, len(view)) == ("live", 1)


async def test_what_is_no_row_or_no_column_is_refused(db: Database, core: Project) -> None:
    async with db.transaction() as tx:
        with pytest.raises(ParameterError, match=r"a row of a model \(an instance, not the class\)"):
            await tx.add(Project)  # type: ignore[type-var]  # the claim
        with pytest.raises(ParameterError, match="a row of a model, not 3"):
            await tx.delete(3)  # type: ignore[arg-type]  # the claim
        with pytest.raises(ParameterError, match="Project has no column nam; it has: id, name, note"):
            await tx.update(core, nam="x")
        with pytest.raises(ParameterError, match="says no column"):
            await tx.update(core)
        with pytest.raises(ParameterError, match="is no column of Project"):
            await tx.update(core, Issue.title.set("x"))
        with pytest.raises(ParameterError, match=r"Project\.name takes str, not 3"):
            await tx.update(core, name=3)
        with pytest.raises(ParameterError, match=r"update sets Project\.name twice; say it once"):
            await tx.update(core, Project.name.set("x"), name="y")
        with pytest.raises(QueryError, match="can't be set to a query yet"):
            await tx.update(core, Project.name.set(Issue.select(Issue.title).scalar()))
        for by in ("name", None, Project.name + "x"):
            with pytest.raises(ParameterError, match=r"is no column of Project; write Project\.column"):
                await tx.upsert(core, by=by)  # type: ignore[arg-type]  # the claim
        with pytest.raises(ParameterError, match="get takes a model and a key, not 'project'"):
            await tx.get("project", core.id)  # type: ignore[arg-type]  # the claim
        assert await tx.fetch(Project) == [core]


async def test_positional_parameters_do_not_go_with_a_query(db: Database) -> None:
    with pytest.raises(ParameterError, match=r"use param\('name'\)"):
        await db.live(Issue.where(), 3)  # type: ignore[call-overload]  # the claim
