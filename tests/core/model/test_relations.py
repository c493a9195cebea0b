"""Relations from either side: what is declared, what the queries ask, and that live queries follow them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from eddyline import Column, Database, Many, Model, ModelError, ParameterError, QueryError, Ref, count, many, ref
from eddyline.core.model.relation import Relation, relation_of


class Person(Model):
    name: Column[str]
    written: Many[Comment] = many("author")
    checked: Many[Comment] = many("checker")


class Issue(Model):
    title: Column[str]
    parent: Ref[Issue | None] = ref(default=None)
    comments: Many[Comment] = many()
    labels: Many[Label] = many(through="Tagged")
    parts: Many[Issue] = many()


class Comment(Model):
    text: Column[str]
    issue: Ref[Issue] = ref(on_delete="cascade")
    author: Ref[Person]
    checker: Ref[Person | None] = ref(default=None)


class Label(Model):
    name: Column[str]
    issues: Many[Issue] = many(through="Tagged")


class Tagged(Model):
    issue: Ref[Issue] = ref(on_delete="cascade")
    label: Ref[Label] = ref(on_delete="cascade")


MODELS = [Person, Issue, Comment, Label, Tagged]


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=MODELS) as database:
        async with database.transaction() as tx:
            ada, bob = await tx.add_all([Person(name="Ada", id="ada"), Person(name="Bob", id="bob")])
            slow = Issue(title="Slow", id="slow")
            await tx.add_all([slow, Issue(title="Fast", id="fast", parent=slow), Issue(title="None", id="none")])
            await tx.add_all(
                [
                    Comment(text="why", issue=slow, author=ada, id="c1"),
                    Comment(text="cache", issue=slow, author=bob, checker=ada, id="c2"),
                    Comment(text="ok", issue="fast", author=bob, id="c3"),
                ]
            )
            await tx.add_all([Label(name="bug", id="bug"), Label(name="ui", id="ui")])
            assert await tx.link(slow, Issue.labels, "bug", "ui") == 2
        yield database


def test_relation_is_data() -> None:
    assert relation_of(Issue, "comments") == Relation(Issue, Comment, "id", "issue", many=True)
    assert relation_of(Issue, "parent") == Relation(Issue, Issue, "parent", "id", many=False)
    assert relation_of(Person, "checked") == Relation(Person, Comment, "id", "checker", many=True)
    assert relation_of(Label, "issues") == Relation(
        Label, Issue, "id", "id", many=True, link=Tagged, link_near="label", link_far="issue"
    )
    with pytest.raises(ModelError, match="Issue has no relation 'owner'; it has: parent, comments, labels, parts"):
        relation_of(Issue, "owner")


def test_relation_is_no_column_and_takes_no_value() -> None:
    assert Issue.columns == ("id", "title", "parent")
    assert Issue(title="x", id="i") == Issue(title="x", id="i", parent=None)
    with pytest.raises(ParameterError, match="Issue has no column comments"):
        Issue(title="x", comments=[])  # type: ignore[call-arg]  # what is tested
    with pytest.raises(AttributeError, match="frozen"):
        Issue(title="x").comments = []


async def test_row_has_queries_of_its_rows(db: Database) -> None:
    slow, fast = await db.fetch(Issue.where(Issue.id.in_(["slow", "fast"])).order_by(Issue.id.desc()))
    assert [one.text for one in await db.fetch(slow.comments.order_by(Comment.text))] == ["cache", "why"]
    assert [one.id for one in await db.fetch(slow.parts)] == ["fast"]
    assert [one.id for one in await db.fetch(slow.labels)] == ["bug", "ui"]
    assert await db.fetch(fast.labels) == []
    ada = await db.get(Person, "ada")
    assert ada is not None
    assert [one.id for one in await db.fetch(ada.checked)] == ["c2"]


def test_condition_and_value_are_subqueries() -> None:
    assert Issue.where(Issue.comments.exists(Comment.author == "ada")).sql.endswith(
        "FROM main.issue AS issue\n"
        "WHERE EXISTS (SELECT 1 FROM main.comment AS comment WHERE comment.issue = issue.id AND comment.author = :p1)"
    )
    assert Issue.select(Issue.title, Issue.labels.count().as_("n")).sql == (
        "SELECT issue.title, (SELECT count(*) FROM main.label AS label WHERE label.id IN "
        "(SELECT tagged.label FROM main.tagged AS tagged WHERE tagged.issue = issue.id)) AS n\n"
        "FROM main.issue AS issue"
    )
    assert Issue.where(Issue.parts.exists(Issue.parts.to.title == "Fast")).sql.endswith(
        "WHERE EXISTS (SELECT 1 FROM main.issue AS parts WHERE parts.parent = issue.id AND parts.title = :p1)"
    )


async def test_live_queries_follow_each_side(db: Database) -> None:
    discussed = await db.live(Issue.where(Issue.comments.exists(Comment.author == "ada")).select(Issue.id))
    per_label = await db.live(Label.select(Label.name, Label.issues.count().as_("n")).order_by(Label.name))
    per_parent = await db.live(Issue.select(Issue.id, Issue.parts.count(Issue.parts.to.title != "x").as_("n")))
    through = await db.live(Comment.where(Comment.issue.to.labels.exists(Label.name == "ui")).select(Comment.id))
    slow = await db.get(Issue, "slow")
    assert slow is not None
    labels = await db.live(slow.labels.order_by(Label.name))
    assert [*discussed.rows()] == [("slow",)]
    assert [*per_label.rows()] == [("bug", 1), ("ui", 1)]
    assert sorted(per_parent.rows()) == [("fast", 0), ("none", 0), ("slow", 1)]
    assert [*through.rows()] == [("c1",), ("c2",)]
    async with db.transaction() as tx:
        fast = await tx.add(Comment(text="hm", issue="fast", author="ada"))
        await tx.execute("DELETE FROM comment WHERE id = 'c1'")
        await tx.link(slow, Issue.labels, "bug")  # is there: nothing more
        assert await tx.link(Issue(title="", id="fast"), Issue.labels, "ui") == 1
        assert await tx.unlink(slow, Issue.labels, "bug", "nothing") == 1
    assert [*discussed.rows()] == [("fast",)]
    assert [*per_label.rows()] == [("bug", 0), ("ui", 2)]
    assert sorted(through.rows()) == sorted([("c2",), ("c3",), (fast.id,)])
    assert [one.id for one in labels.rows()] == ["ui"]
    views = (discussed, per_label, per_parent, through, labels)
    assert [view.explain().data["rule"] for view in views] == ["key"] * 5


async def test_key_of_a_link_is_made_of_both_sides(db: Database) -> None:
    assert [one.id for one in await db.fetch(Tagged)] == ["slow-bug", "slow-ui"]


async def test_what_is_no_link_is_refused(db: Database) -> None:
    issue, ada = Issue(title="x", id="slow"), Person(name="Ada", id="ada")
    for message, args in (
        (r"link takes a row, a relation and rows", (issue, Issue.title, "bug")),
        (r"Issue\.labels belongs to a row of Issue, not to Person", (ada, Issue.labels, "bug")),
        (r"Issue\.comments has no rows that link: set Comment\.issue by tx\.update", (issue, Issue.comments, "c1")),
        (r"Tagged\.label takes a row of label, or its key, not a row of person", (issue, Issue.labels, ada)),
    ):
        with pytest.raises(ParameterError, match=message):
            await db.write(lambda tx, args=args: tx.link(*args))  # type: ignore[misc]  # what is tested


def test_relation_that_leads_nowhere_says_so() -> None:
    class Author(Model):
        name: Column[str]
        books: Many[Book] = many()
        pages: Many[Page] = many()
        titles: Many[Book] = many("title")
        shelves: Many[Page] = many(through="Book")
        drafts: Many[Draft] = many()  # type: ignore[name-defined]  # noqa: F821  # what is tested
        notes: Many[Page] = many(through="Notes")

    class Book(Model):
        title: Column[str]
        author: Ref[Author]
        editor: Ref[Author]

    class Page(Model):
        book: Ref[Book]

    for name, message in (
        ("books", r"2 references of Book lead to Author: author, editor; say which, many\(.author.\)"),
        ("pages", r"0 references of Page lead to Author; Page takes a column like `x: Ref\[Author\]`"),
        ("titles", r"Book\.title doesn't lead to Author; what does: author, editor"),
        ("shelves", r"2 references of Book lead to Author: author, editor; say which leads here"),
        ("drafts", r"Author\.drafts: Draft isn't known"),
        ("notes", r"through='Notes' isn't known"),
    ):
        with pytest.raises(ModelError, match=message):
            relation_of(Author, name)
    with pytest.raises(ModelError, match=r"many takes the name of the reference that leads here, not <class"):
        many(Book)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ModelError, match=r"Odd\.x: Many\[\.\.\.\] goes with many\(\.\.\.\)"):

        class Odd(Model):
            x: Column[str] = many()


async def test_relations_of_an_abstract_class_are_its_subclasses_own(db: Database) -> None:
    class Named(Model, abstract=True):
        name: Column[str]
        parts: Many[Part] = many()

    class Whole(Named):
        pass

    class Part(Model):
        whole: Ref[Whole]

    assert relation_of(Whole, "parts") == Relation(Whole, Part, "id", "whole", many=True)
    assert (
        Whole.select(count())
        .where(Whole.parts.exists())
        .sql.endswith("WHERE EXISTS (SELECT 1 FROM main.part AS part WHERE part.whole = whole.id)")
    )
    with pytest.raises(QueryError, match="Issue isn't in this query of Whole"):
        _ = Whole.where(Issue.comments.exists()).sql
