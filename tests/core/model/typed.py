"""What type checkers say of models and queries. Never run: tests/core/model/test_typing.py hands it to them.

A line that ends in `# wrong` has to be an error to each checker, every other line to none.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal, assert_type

from eddyline import (
    Column,
    Database,
    Email,
    Existing,
    Expr,
    Many,
    Model,
    Money,
    Query,
    Ref,
    Row,
    Signal,
    Text,
    View,
    column,
    count,
    generated,
    many,
    ref,
    signal,
)


class Project(Model):
    name: Column[str]


class Issue(Model):
    title: Column[str]
    body: Text = Text()
    state: Column[Literal["open", "done"]] = column(default="open")
    priority: Column[int] = column(default=0)
    hours: Column[float] = column(default=0.0)
    size: Column[int | None] = column(default=None)
    ratio: Column[float | None] = column(default=None)
    count: Column[int] = column(default=0)
    double: Column[int] = generated("count * 2")
    due: Column[dt.date | None] = column(default=None)
    project: Ref[Project]
    parent: Ref[Issue | None] = ref(default=None)
    labels: Many[Label] = many(through="Tagged")
    mail: Column[Email | None] = column(default=None)
    price: Column[Money] = column(default=Decimal(0), validate=lambda price: price >= 0)
    tags: Column[frozenset[str]] = column(default=frozenset(), merge="set")


class Label(Model):
    name: Column[str]


class Tagged(Model, history="last"):
    issue: Ref[Issue]
    label: Ref[Label]


class Track(Existing):
    key: Column[int] = column(primary_key=True, default=None)
    of: Ref[Issue] = ref("tests.core.model.typed.Issue")


core = Project(name="Core")
issue = Issue(title="Slow", project=core, body="x", parent=None)
Issue(title="Slow", project="01", parent=issue, due=dt.date(2026, 1, 2), id="01")
Issue(titel="Slow", project=core)  # wrong
Issue(title=3, project=core)  # wrong
Issue(title="Slow")  # wrong
Issue(title="Slow", project=issue)  # wrong
Issue(title="Slow", project=core, state="spam")  # wrong
Issue("Slow", project=core)  # wrong
column("open")  # wrong
Track(key=3, of=issue)
Track(of=issue)
Track(key=3, of=issue, id="x")  # wrong

Issue(title="Slow", project=core, labels=[])  # wrong
Issue(title="Slow", project=core, double=3)  # wrong
assert_type(issue.double, int)

assert_type(issue.id, str)
assert_type(issue.title, str)
assert_type(issue.body, str)
assert_type(issue.count, int)
assert_type(issue.state, Literal["open", "done"])
assert_type(issue.due, dt.date | None)
assert_type(issue.project, str)
assert_type(issue.parent, str | None)
assert_type(issue.labels, Query[Label])
assert_type(issue.tags, frozenset[str])
assert_type(issue.price, Decimal)
assert_type(issue.mail, str | None)
assert_type(Issue.price.sum(), Expr[Decimal | None])
issue.titel  # wrong

state: Signal[Literal["open", "done"]] = signal("open")
level = signal(3)
assert_type(Issue.id, Column[str])
assert_type(Issue.where(Issue.state == state, Issue.priority > level), Query[Issue])
assert_type(Issue.select(Issue.title, count()), Query[Row])
Issue.where(Issue.priority > 2, Issue.due.is_null(), Issue.title.like("%x%"), Issue.due == None)  # noqa: E711
Issue.where(Issue.project == core, Issue.parent == issue, Issue.project.to.name == "Core")
Issue.where((Issue.priority == 1) & ~(Issue.state == "open") | Issue.parent.to.project.to.name.in_(["a", "b"]))
Issue.where(Issue.labels.exists(Label.name == "bug"), Issue.labels.count() > 2)
Issue.where(Issue.labels.exists(Label.nme == "bug"))  # wrong
Issue.where(Issue.labels.count() > "x")  # wrong
Issue.where(Issue.labels.to.name == 3)  # wrong
assert_type(Issue.labels.where(Label.name == "bug"), Query[Label])
Issue.where(Issue.priority == "x")  # wrong
Issue.where(Issue.priority > "x")  # wrong
Issue.where(Issue.priority == state)  # wrong
Issue.where(Issue.project == issue)  # wrong
Issue.where(Issue.priority == 1 and True)  # wrong
Issue.where(Issue.title)  # wrong
Issue.where(Issue.titel == "x")  # wrong
Issue.where(title="x")  # wrong
assert_type(Issue.where(Issue.priority > 1).ids(), Query[Row])
assert_type(Issue.where().count(), Query[Row])
assert_type(Issue.where_exists(Issue.labels, Label.name == "bug"), Query[Issue])
Issue.where_exists(Label, Label.name == "bug").where_exists(Label.where())
Issue.where_exists(3)  # wrong
Issue.where(Issue.project.to.nme == "x")  # wrong
Issue.priority.in_(["a"])  # wrong
levels, names = signal([1, 2]), signal({"a"})
Issue.where(Issue.priority.in_(levels), Issue.priority.not_in([1, level]), Issue.title.not_in(names))
Issue.where(Issue.priority.in_(names))  # wrong
Issue.where(Issue.priority.in_(level))  # wrong
Issue.priority.between(1, "x")  # wrong
Issue.priority + "x"  # wrong
Issue.where().order_by("title")  # wrong
Issue.where().limit("3")  # wrong
Issue.priority.set("x")  # wrong
Issue.where(2 * Issue.priority - (1 + Issue.priority) > 0, "<" + Issue.title == "<x")
"x" + Issue.priority  # wrong
half: Signal[float] = signal(0.5)
assert_type(Issue.priority * 2, Expr[int])
assert_type(2 - Issue.priority, Expr[int])
assert_type(Issue.priority * level, Expr[int])
assert_type(Issue.priority * 1.5, Expr[float])
assert_type(1.5 + Issue.priority, Expr[float])
assert_type(Issue.priority * half, Expr[float])
assert_type(Issue.priority / Issue.hours, Expr[float])
assert_type(Issue.hours % Issue.priority, Expr[float])
assert_type(Issue.hours * 2, Expr[float])
assert_type(2 * Issue.hours, Expr[float])
assert_type(Issue.size * 2, Expr[int | None])
assert_type(Issue.size * Issue.priority, Expr[int | None])
assert_type(Issue.priority * Issue.size, Expr[int | None])
assert_type(Issue.size * 1.5, Expr[float | None])
assert_type(1.5 * Issue.size, Expr[float | None])
assert_type(Issue.ratio * Issue.priority, Expr[float | None])
assert_type(Issue.hours - Issue.ratio, Expr[float | None])
assert_type(Issue.title + "x", Expr[str])
Issue.where(Issue.priority * 1.5 > Issue.hours, Issue.priority * Issue.hours + 0.5 < 2.5)
Issue.priority.set(Issue.priority * 1.5)  # wrong
Issue.title * 1.5  # wrong
Issue.hours * "x"  # wrong
Issue.hours + Issue.title  # wrong
Issue.due + 1  # wrong
Issue.where(Issue.title == "a" & Issue.state == "open")  # wrong
Issue.priority.set(Issue.priority + 1)
Issue.project.set(core)


async def reading(db: Database) -> None:
    view = await db.live(Issue.where(Issue.priority > 2))
    assert_type(view, View[Issue])
    assert_type(view.rows(), tuple[Issue, ...])
    assert_type(view.rows()[0].due, dt.date | None)
    assert_type(await db.live(Issue), View[Issue])
    assert_type((await db.live("SELECT 1")).rows(), tuple[Row, ...])
    assert_type((await db.live(Issue.select(count()))).rows(), tuple[Row, ...])
    assert_type(await db.fetch(Issue.where()), list[Issue])
    assert_type(await db.get(Issue, "01"), Issue | None)
    await db.live(3)  # wrong
    view.rows()[0].titel  # wrong
    anything: View = view
    anything.rows()


async def writing(db: Database) -> None:
    async with db.transaction() as tx:
        assert_type(await tx.add(core), Project)
        assert_type(await tx.add_all([core, core]), list[Project])
        assert_type(await tx.update(issue, Issue.state.set("done"), priority=3), Issue)
        assert_type(await tx.upsert(core, by=Project.name), Project)
        assert_type(await tx.fetch(Issue), list[Issue])
        await tx.delete(issue)
        assert_type(await tx.link(issue, Issue.labels, Label(name="bug"), "01"), int)
        await tx.link(issue, Issue.labels, core)  # wrong
        await tx.add(3)  # wrong
        await tx.update(issue, Issue.state.set("spam"))  # wrong
    assert_type(await db.write(lambda tx: tx.add(core)), Project)
    watched = issue.watch()
    assert_type(watched(), Issue | None)
    assert_type(watched.cell(Issue.due).get(), dt.date | None)
    watched.cell(Issue.title).set("x")
    watched.cell(Issue.title).set(3)  # wrong
    watched.cell("title")  # wrong
    assert_type(await db.seed(Issue, 10, seed=7, project=core), list[Issue])
