"""Constraints of models: what the table holds, and errors that name the constraint and the rows in the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eddyline import (
    Column,
    ConstraintError,
    Database,
    Existing,
    Model,
    ModelError,
    Ref,
    SchemaMismatchError,
    column,
    ref,
)
from eddyline.core.schema.ddl import create_table, indexes


class Project(Model):
    name: Column[str] = column(unique=True)


class Issue(Model, unique=[("project", "number")], check={"in order": 'started <= "end"'}):
    project: Ref[Project]
    number: Column[int]
    priority: Column[int] = column(default=0, check="priority >= 0")
    started: Column[int] = column(default=0)
    ended: Column[int] = column(default=9, name="end")
    parent: Ref[Issue | None] = ref(default=None)


class Note(Model):
    issue: Ref[Issue] = ref(on_delete="cascade")
    project: Ref[Project | None] = ref(default=None, on_delete="set null")


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Project, Issue, Note]) as database:
        async with database.transaction() as tx:
            await tx.add_all([Project(name="Core", id="core"), Project(name="Web", id="web")])
            await tx.add_all([Issue(project="core", number=1, id="i1"), Issue(project="core", number=2, id="i2")])
            await tx.add(Note(issue="i1", id="n1"))
        yield database


def test_table_holds_them() -> None:
    class Span(Model, unique=[["low", "high"]], check={"in order": "low <= high"}):
        low: Column[int]
        high: Column[int]

    assert create_table(Span.__table__).splitlines()[-2:] == [
        '    CONSTRAINT "in order" CHECK (low <= high)',
        ") STRICT",
    ]
    assert indexes(Span.__table__) == {
        "_eddy_ux_span_low_high": "CREATE UNIQUE INDEX _eddy_ux_span_low_high ON span (low, high)"
    }


CASES: list[tuple[str, Any, dict[str, Any], str]] = [
    (
        "one column",
        lambda tx: tx.add(Project(name="Core", id="new")),
        {"kind": "unique", "constraint": "name", "columns": ("name",), "rows": (("project", "core"),)},
        "Project.name is unique, and 'Core' is taken by project 'core'; the statement left nothing behind",
    ),
    (
        "several columns",
        lambda tx: tx.add(Issue(project="core", number=2, id="new")),
        {"kind": "unique", "columns": ("project", "number"), "rows": (("issue", "i2"),)},
        "Issue.project, number is unique, and 'core', 2 is taken by issue 'i2'; the statement left nothing behind",
    ),
    (
        "the key",
        lambda tx: tx.add(Project(name="Other", id="web")),
        {"kind": "unique", "columns": ("id",), "rows": (("project", "web"),)},
        "Project.id is unique, and 'web' is taken by project 'web'; the statement left nothing behind",
    ),
    (
        "among rows added at once",
        lambda tx: tx.add_all([Project(name="A", id="a"), Project(name="B", id="b"), Project(name="A", id="c")]),
        {"kind": "unique", "rows": (("project", "a"),)},
        "Project.name is unique, and 'A' is taken by project 'a'; the statement left nothing behind",
    ),
    (
        "an update",
        lambda tx: tx.update(tx.get(Issue, "i2"), number=1),
        {"kind": "unique", "table": "issue", "rows": (("issue", "i1"),)},
        "Issue.project, number is unique, and 'core', 1 is taken by issue 'i1'; the statement left nothing behind",
    ),
    (
        "a check of a column",
        lambda tx: tx.add_all(
            [Issue(project="web", number=1, id="new"), Issue(project="web", number=2, priority=-1, id="low")]
        ),
        {"kind": "check", "constraint": "priority >= 0", "columns": ("priority",), "rows": (("issue", "low"),)},
        "Issue.priority of issue 'low' is -1, which fails the check 'priority >= 0'; the statement left nothing behind",
    ),
    (
        "a check of what SQLite computes",
        lambda tx: tx.update(tx.get(Issue, "i2"), Issue.priority.set(Issue.priority - 1)),
        {"kind": "check", "columns": ("priority",), "rows": (("issue", "i2"),)},
        "Issue.priority of issue 'i2' fails the check 'priority >= 0'; the statement left nothing behind",
    ),
    (
        "a check of a row",
        lambda tx: tx.update(tx.get(Issue, "i2"), ended=-1),
        {"kind": "check", "constraint": "in order", "columns": (), "rows": (("issue", "i2"),)},
        "issue 'i2' fails the check 'in order'; the statement left nothing behind",
    ),
    (
        "a reference",
        lambda tx: tx.add(Issue(project="gone", number=1, id="new")),
        {"kind": "foreign key", "columns": ("project",), "rows": (("issue", "new"),)},
        "Issue.project is 'gone', and project has no such row; the statement left nothing behind",
    ),
    (
        "who is referred to",
        lambda tx: tx.delete(tx.get(Project, "core")),
        {"kind": "foreign key", "table": "project", "rows": (("issue", "i1"), ("issue", "i2"))},
        "Project 'core' can't be deleted: issue 'i1', issue 'i2' still lead to it; the statement left nothing behind",
    ),
]


@pytest.mark.parametrize(("write", "facts", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_error_names_constraint_and_rows(db: Database, write: Any, facts: dict[str, Any], message: str) -> None:
    before = await db.fetch(Issue), await db.fetch(Project)
    async with db.transaction() as tx:
        with pytest.raises(ConstraintError) as caught:
            await tx._job(write)
        assert str(caught.value) == message
        assert {name: getattr(caught.value, name) for name in facts} == facts
    assert (await db.fetch(Issue), await db.fetch(Project)) == before


@pytest.mark.parametrize(
    ("sql", "facts"),
    [
        (
            "INSERT INTO issue (id, project, number) VALUES ('x', 'core', 1)",
            {"kind": "unique", "table": "issue", "columns": ("project", "number"), "constraint": "project, number"},
        ),
        ("UPDATE issue SET started = 10", {"kind": "check", "constraint": "in order", "table": "", "rows": ()}),
        ("UPDATE issue SET number = NULL", {"kind": "not null", "table": "issue", "columns": ("number",)}),
        ("UPDATE issue SET number = 'x'", {"kind": "type", "table": "issue", "columns": ("number",)}),
        ("DELETE FROM project", {"kind": "foreign key", "constraint": "", "rows": ()}),
    ],
)
async def test_error_of_plain_sql_has_what_sqlite_says(db: Database, sql: str, facts: dict[str, Any]) -> None:
    with pytest.raises(ConstraintError) as caught:
        await db.execute(sql)
    assert {name: getattr(caught.value, name) for name in facts} == facts


async def test_index_by_an_expression_and_a_trigger_are_told_apart(db: Database) -> None:
    await db.execute("CREATE UNIQUE INDEX folded ON project (lower(name))")
    await db.execute("CREATE TRIGGER no BEFORE DELETE ON note BEGIN SELECT RAISE(ABORT, 'notes stay'); END")
    with pytest.raises(ConstraintError, match="UNIQUE constraint failed: index 'folded'") as caught:
        await db.write(lambda tx: tx.add(Project(name="CORE")))
    assert (caught.value.kind, caught.value.constraint) == ("unique", "folded")
    with pytest.raises(ConstraintError, match="notes stay") as caught:
        await db.write(lambda tx: tx.delete(Note(issue="i1", id="n1")))
    assert caught.value.kind == "trigger"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unique": [("id",)]}, r"unique is a list of columns that go together, \[\(.project., .number.\)\]"),
        ({"unique": "name"}, "unique is a list of columns that go together"),
        ({"check": "a < b"}, "check is conditions in SQL by name"),
        ({"check": {"x": ""}}, "check is conditions in SQL by name"),
        ({"unique": [("name", "nmae")]}, "Odd: unique names nmae, which is no column; it has: id, name"),
    ],
)
def test_constraint_that_says_nothing_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):

        class Odd(Model, **options):
            name: Column[str]

        _ = Odd.__table__


def test_table_of_others_takes_no_constraints() -> None:
    class Track(Existing, unique=[("a", "b")]):
        a: Column[int] = column(primary_key=True)
        b: Column[int]

    with pytest.raises(ModelError, match="Track describes a table that stays as it is"):
        _ = Track.__table__


async def test_file_that_differs_in_them_is_told(tmp_path: Path) -> None:
    class Plain(Model, table="span"):
        low: Column[int]
        high: Column[int]

    class Apart(Model, table="span", unique=[("low", "high")]):
        low: Column[int]
        high: Column[int]

    class Ordered(Model, table="span", check={"in order": "low <= high"}):
        low: Column[int]
        high: Column[int]

    file = tmp_path / "x.db"
    for made in (Plain, Apart):
        async with Database.open(file, models=[made]):
            pass
    cases: list[tuple[type[Model], str]] = [
        (Plain, "span.low_high is unique in the file, not in the model: DROP INDEX _eddy_ux_span_low_high"),
        (Ordered, "the check 'in order' of span is in the model, not in the file"),
    ]
    for model, message in cases:
        with pytest.raises(SchemaMismatchError, match=message):
            await Database.open(file, models=[model])
