"""Live queries of models: typed rows and patches, one template for equal queries, always what SQLite itself says."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eddyline import (
    Column,
    Database,
    Insert,
    Model,
    Move,
    ParameterError,
    Query,
    Ref,
    Remove,
    Reset,
    Signal,
    Update,
    alias,
    column,
    count,
    param,
    ref,
    signal,
)  # fmt: skip

DAY = dt.date(2026, 1, 2)


class Project(Model):
    name: Column[str]


class Issue(Model):
    title: Column[str]
    state: Column[Literal["open", "done"]] = column(default="open")
    priority: Column[int] = column(default=0)
    due: Column[dt.date | None] = column(default=None)
    project: Ref[Project]
    parent: Ref[Issue | None] = ref(default=None, on_delete="set null")


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Project, Issue]) as database:
        yield database


async def add_issues(db: Database, *titles: str, **values: Any) -> list[Issue]:
    core = await db.write(lambda tx: tx.upsert(Project(name="Core"), by=Project.name))
    return await db.write(lambda tx: tx.add_all([Issue(title=t, project=core, **values) for t in titles]))


async def test_rows_and_patches_are_instances_of_the_model(db: Database) -> None:
    view = await db.live(Issue.where(Issue.state == "open").order_by(Issue.priority.desc()).limit(2))
    seen: list[Any] = []
    view.subscribe(seen.extend)
    a, b = await add_issues(db, "a", "b", due=dt.date(2026, 1, 2))
    b = await db.write(lambda tx: tx.update(b, priority=3))
    await db.write(lambda tx: tx.update(a, state="done"))
    assert [type(patch) for patch in seen] == [Reset, Insert, Insert, Move, Update, Remove]
    assert (seen[1].row, seen[4].row, seen[4].columns) == (a, b, ("priority",))
    assert view.rows() == (b,)
    assert (type(view.rows()[0]), view.rows()[0].due) == (Issue, dt.date(2026, 1, 2))
    assert view.columns == Issue.columns


async def test_selected_columns_have_pythons_types_and_their_names(db: Database) -> None:
    await add_issues(db, "a", "b", due=dt.date(2026, 1, 2))
    view = await db.live(
        Issue.select(Issue.due.max().as_("last"), (Issue.priority > 1).as_("hot"), Issue.project.to.name, count())
        .group_by(Issue.project, Issue.priority > 1)
    )  # fmt: skip
    row = view.rows()[0]
    assert (row.last, row.hot, row.name, row["count(*)"]) == (dt.date(2026, 1, 2), False, "Core", 2)
    await add_issues(db, "c", due=dt.date(2026, 1, 3))
    assert view.rows()[0].last == dt.date(2026, 1, 3)


async def test_whole_model_is_a_query(db: Database) -> None:
    view = await db.live(Issue)
    made = await add_issues(db, "a", "b")
    assert list(view.rows()) == made


async def test_signal_parameter_is_followed_and_encoded(db: Database) -> None:
    await add_issues(db, "a", due=dt.date(2026, 1, 2))
    await add_issues(db, "b")
    due: Signal[dt.date | None] = signal(dt.date(2026, 1, 2))
    first = signal(5)
    view = await db.live(Issue.where(Issue.due == due).limit(first))
    assert [row.title for row in view.rows()] == ["a"]
    due.set(None)
    await db.settled()
    assert [row.title for row in view.rows()] == ["b"]
    first.set(0)
    await db.settled()
    assert view.rows() == ()


async def test_row_of_another_model_in_a_signal_fails_the_view_until_the_signal_is_right(db: Database) -> None:
    (issue,) = await add_issues(db, "a")
    (core,) = await db.fetch(Project)
    project: Signal[Any] = signal(core)
    projects: Signal[list[Any]] = signal([core])
    one = await db.live(Issue.where(Issue.project == project))
    many = await db.live(Issue.where(Issue.project.in_(projects)))
    project.set(issue)
    projects.set([core, issue])
    await db.settled()
    for view in (one, many):
        assert view.status == "failed"
        assert str(view.error).startswith("Issue.project takes a row of project, or its key, not a row of issue")
    project.set(core)
    projects.set([core])
    await db.settled()
    assert (one.status, one.rows(), many.status, many.rows()) == ("live", (issue,), "live", (issue,))
    with pytest.raises(ParameterError, match=r"Issue\.title takes str, not a row of project"):
        await db.fetch(Issue.where(Issue.title == project))


async def test_union_inside_a_query_is_kept_and_other_sets_are_run_again(db: Database) -> None:
    hot, late = (
        Issue.select(Issue.project).where(Issue.priority > 1),
        Issue.select(Issue.project).where(Issue.due > DAY),
    )
    either = await db.live(Project.where(Project.id.in_(hot.union(late))))
    both = await db.live(Project.where(Project.id.in_(hot.intersect(late))))
    a, _ = await add_issues(db, "a", "b", priority=2)
    assert ([row.name for row in either.rows()], both.rows()) == (["Core"], ())
    await db.write(lambda tx: tx.update(a, due=DAY + dt.timedelta(days=1)))
    await db.settled()
    assert [row.name for row in both.rows()] == ["Core"]
    kept, again = either.explain().data, both.explain().data
    assert (kept["rule"], again["rule"], again["reason"]) == ("key", "re-run", "INTERSECT in a subquery is re-run")


async def test_integer_beside_a_float_computes_a_float() -> None:
    class Task(Model):
        n: Column[int]
        hours: Column[float]
        size: Column[int | None] = column(default=None)

    factor: Signal[Any] = signal(0.5)
    async with Database.open(":memory:", models=[Task]) as db:
        view = await db.live(
            Task.select(
                Task.n * 1.5, 1.5 - Task.n, Task.n * Task.hours, Task.hours * Task.n, Task.hours * 2, Task.n * 2,
                Task.n / 2, Task.n / 2.0, Task.size * 1.5, Task.n * factor, 10 * (Task.n * factor),
            ).where(Task.n * 1.5 > 4.25, Task.n * Task.hours + 0.25 == 1.0, Task.n * 2 > 1)
        )  # fmt: skip
        await db.write(lambda tx: tx.add_all([Task(n=3, hours=0.25), Task(n=2, hours=0.25)]))
        (row,) = view.rows()
        assert list(map(repr, row)) == ["4.5", "-1.5", "0.75", "0.75", "0.5", "6", "1", "1.5", "None", "1.5", "15.0"]
        factor.set(2)
        await db.settled()
        assert list(map(repr, view.rows()[0]))[-2:] == ["6", "60"]
        factor.set("x")
        await db.settled()
        assert str(view.error) == "Task.n takes int or float, not 'x' (str)"


async def test_named_parameter_is_given_with_the_query(db: Database) -> None:
    await add_issues(db, "a", "b")
    title = signal("a")
    query = Issue.where(Issue.title == param("title"), Issue.state == "open")
    view = await db.live(query, title=title)
    assert len(view) == 1
    with pytest.raises(ParameterError, match="takes a parameter :title that was not given"):
        await db.live(Issue.where(Issue.title == param("title")))
    with pytest.raises(ParameterError, match="takes a parameter :title that was not given"):
        await db.fetch(Issue.where(Issue.title == param("title")))
    for ask in (db.live, db.fetch):
        with pytest.raises(ParameterError, match="takes no parameter :p1; it takes :title"):
            await ask(query, title="Crash", p1="done")
        with pytest.raises(ParameterError, match="takes no parameter :titel; it takes :title"):
            await ask(query, titel="Crash")
    with pytest.raises(ParameterError, match="takes no parameter :titel; it takes none by name"):
        await db.fetch("SELECT 1", titel="Crash")
    with pytest.raises(ParameterError, match="takes no parameter :titel"):
        await db.live(Issue.where(), titel=1)


SAME: list[tuple[Query[Any], str, dict[str, Any]]] = [
    (Issue.where(Issue.state == "open").order_by(Issue.priority.desc()).limit(2),
     "SELECT * FROM issue WHERE state = :s ORDER BY priority DESC LIMIT :n", {"s": "open", "n": 2}),
    (Issue.select(Issue.project.to.name, count().as_("n")).where(Issue.state == "open").group_by(Issue.project.to.name)
     .order_by(count().desc()),
     ("SELECT p.name, count(*) AS n FROM issue i JOIN project p ON p.id = i.project WHERE i.state = :s GROUP BY p.name "
     "ORDER BY n DESC"), {"s": "open"}),
    (Project.select(Project.name).where(Issue.where(Issue.project == Project.id, Issue.state == "open").exists()),
     "SELECT name FROM project AS q WHERE EXISTS (SELECT 1 FROM issue WHERE issue.project = q.id AND state = :x)",
     {"x": "open"}),
    (Issue.select(Issue.state).distinct(), "SELECT DISTINCT i.state FROM issue i", {}),
    (Issue.select(Issue.title).where(Issue.priority.between(1, 2) | Issue.due.is_null(), ~Issue.title.like("x%")),
     "SELECT title FROM issue WHERE (priority BETWEEN :a AND :b OR due IS NULL) AND NOT title LIKE :c",
     {"a": 1, "b": 2, "c": "x%"}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "text", "named"), SAME, ids=[str(at) for at in range(len(SAME))])
async def test_query_and_its_text_have_one_template(
    db: Database, query: Query[Any], text: str, named: dict[str, Any]
) -> None:
    ours, by_text = await db.live(query), await db.live(text, **named)
    assert ours._shared.program.template is by_text._shared.program.template
    await add_issues(db, "a", "b", "c")
    await db.execute("UPDATE issue SET priority = 1 WHERE title = 'b'")
    await db.settled()
    assert [tuple(map(str, row)) for row in ours.rows()] == [tuple(map(str, row)) for row in by_text.rows()]
    assert ours.columns == by_text.columns


async def test_equal_queries_share_a_view_and_others_do_not(db: Database) -> None:
    one, same = await db.live(Issue.where(Issue.priority > 1)), await db.live(Issue.where(Issue.priority > 1))
    other, plain = await db.live(Issue.where(Issue.priority > 2)), await db.live(one.explain().data["sql"], p1=1)
    assert one._shared is same._shared
    assert one._shared is not other._shared
    assert one._shared.program.template is other._shared.program.template is plain._shared.program.template
    assert type(plain._shared) is type(one._shared) and plain._shared is not one._shared  # its rows are Rows  # noqa: PT018


async def test_view_follows_its_models_through_a_schema_change(db: Database) -> None:
    view = await db.live(Issue.select(Issue.title).order_by(Issue.title))
    await db.execute("CREATE INDEX by_title ON issue (title)")
    await add_issues(db, "b", "a")
    assert [row.title for row in view.rows()] == ["a", "b"]


async def test_signal_of_many_tasks_changes_while_rows_change(db: Database) -> None:
    wanted = signal(0)
    view = await db.live(Issue.where(Issue.priority >= wanted).order_by(Issue.title))

    async def write() -> None:
        for n in range(20):
            await add_issues(db, f"t{n:02}", priority=n % 4)

    async def turn() -> None:
        for n in range(20):
            wanted.set(n % 3)
            await asyncio.sleep(0)

    await asyncio.gather(write(), turn())
    await db.settled()
    assert list(view.rows()) == await db.fetch(Issue.where(Issue.priority >= wanted).order_by(Issue.title))


def test_queries_of_models_do_not_import_sqlglot_nor_sqlite_utils() -> None:
    code = (
        "import asyncio, sys\n"
        "from eddyline import Column, Database, Model\n"
        "class A(Model):\n"
        "    n: Column[int]\n"
        "async def main():\n"
        "    async with Database.open(':memory:', models=[A]) as db:\n"
        "        view = await db.live(A.where(A.n > 1).order_by(A.n))\n"
        "        await db.write(lambda tx: tx.add(A(n=2)))\n"
        "        assert len(view) == 1\n"
        "asyncio.run(main())\n"
        "print(sorted({'sqlglot', 'sqlite_utils', 'click'} & sys.modules.keys()))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"


# --- random queries beside SQLite itself

numbers = st.integers(0, 4)
conditions = st.recursive(
    st.one_of(
        numbers.map(lambda n: Issue.priority > n),
        numbers.map(lambda n: Issue.priority == n),
        st.sampled_from(["open", "done"]).map(lambda s: Issue.state == s),
        st.tuples(numbers, numbers).map(lambda pair: Issue.priority.between(min(pair), max(pair))),
        st.lists(numbers, max_size=3).map(Issue.priority.in_),
        st.sampled_from([Issue.due.is_null(), Issue.due.is_not_null(), Issue.parent.is_null()]),
        st.sampled_from(["a%", "%b", "%"]).map(Issue.title.like),
        st.sampled_from(["p0", "p1"]).map(lambda name: Issue.project.to.name == name),
        numbers.map(lambda n: Issue.parent.to.priority > n),
        numbers.map(lambda n: alias_query(n).exists()),
        numbers.map(lambda n: Issue.project.in_(Issue.select(Issue.project).where(Issue.priority > n))),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        inner.map(lambda one: ~one),
    ),
    max_leaves=3,
)


def alias_query(n: int) -> Query[Any]:
    child = alias(Issue, "child")
    return child.where(child.parent == Issue.id, child.priority > n)


@st.composite
def queries(draw: st.DrawFn) -> Query[Any]:
    query: Query[Any] = Issue.where(*draw(st.lists(conditions, max_size=2)))
    if draw(st.booleans()):
        query = query.select(Issue.state, Issue.project.to.name, count(), Issue.priority.sum(), Issue.due.max())
        query = query.group_by(Issue.state, Issue.project.to.name)
        if draw(st.booleans()):
            query = query.having(count() > draw(numbers))
        return query.order_by(Issue.state, Issue.project.to.name)
    orders = st.sampled_from(
        [Issue.priority.desc(), Issue.title.asc(), Issue.due.asc().nulls_last(), Issue.state.asc()]
    )
    query = query.order_by(*draw(st.lists(orders, max_size=2)), Issue.id)
    if draw(st.booleans()):
        query = query.limit(draw(numbers), draw(numbers))
    return query


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(wanted=st.lists(queries(), min_size=1, max_size=4), seed=st.integers(0, 10_000))
def test_any_query_of_models_shows_what_sqlite_says_after_every_commit(wanted: list[Query[Any]], seed: int) -> None:
    asyncio.run(compare(wanted, random.Random(seed)))


async def compare(wanted: list[Query[Any]], rng: random.Random) -> None:
    async with Database.open(":memory:", models=[Project, Issue]) as db:
        projects = await db.write(lambda tx: tx.add_all([Project(name=f"p{n}") for n in range(3)]))
        views = [await db.live(query) for query in wanted]
        for _ in range(8):
            await write_something(db, projects, rng)
            await db.settled()
            for query, view in zip(wanted, views, strict=True):
                assert view.status == "live", (query, view.error)
                assert list(view.rows()) == await db.fetch(query), (query, view.explain().data["rule"])


async def write_something(db: Database, projects: list[Project], rng: random.Random) -> None:
    async with db.transaction() as tx:
        for _ in range(rng.randrange(1, 4)):
            issues = await tx.fetch(Issue)
            at = rng.random()
            if at < 0.5 or not issues:
                parent = rng.choice([None, *issues])
                due = rng.choice([None, dt.date(2026, 1, rng.randrange(1, 4))])
                title = rng.choice(["ab", "ba", "cc"])
                row = Issue(
                    title=title, project=rng.choice(projects), parent=parent, due=due, priority=rng.randrange(5)
                )
                await tx.add(row)
            elif at < 0.7:
                await tx.update(rng.choice(issues), priority=rng.randrange(5), state=rng.choice(["open", "done"]))
            elif at < 0.8:
                await tx.update(rng.choice(issues), project=rng.choice(projects), parent=rng.choice([None, *issues]))
            elif at < 0.9:
                await tx.update(rng.choice(projects), name=f"p{rng.randrange(3)}")
            else:
                await tx.delete(rng.choice(issues))
