"""Queries for keys and numbers alone, rows of several models side by side, and calls of a shape that we don't take."""

from __future__ import annotations

from typing import Any

import pytest

from eddyline import (
    Column,
    Database,
    Many,
    Model,
    ModelError,
    ParameterError,
    QueryError,
    Ref,
    column,
    many,
    ref,
)  # fmt: skip

ANYTHING: Any = 3
TITLE: Any = {"title": "x"}


class Project(Model):
    name: Column[str]
    issues: Many[Issue] = many()


class Team(Model):
    name: Column[str]


class Issue(Model):
    title: Column[str]
    priority: Column[int] = column(default=0)
    project: Ref[Project]


async def test_ids_and_count_are_queries_that_are_followed() -> None:
    async with Database.open(":memory:", models=[Project, Issue]) as db:
        urgent = Issue.where(Issue.priority > 1)
        ids, number = await db.live_many(urgent.ids(), urgent.order_by(Issue.title).count())
        busy = await db.live(Project.where(Project.id.in_(urgent.select(Issue.project))).ids())
        async with db.transaction() as tx:
            core = await tx.add(Project(name="Core", id="core"))
            await tx.add_all([Issue(title="a", id="a", priority=2, project=core), Issue(title="b", project=core)])
        assert ([*ids.rows()], [*number.rows()], [*busy.rows()]) == ([("a",)], [(1,)], [("core",)])
        await db.execute("DELETE FROM issue")
        assert ([*ids.rows()], [*number.rows()], [*busy.rows()]) == ([], [(0,)], [])
        assert [view.explain().data["rule"] for view in (ids, number)] == ["delta", "delta"]
        both = await db.fetch(Project.where(Project.name == "Core").ids().union(Issue.where().ids()))
        assert both == [("core",)]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (lambda: Issue.select(Issue.title).ids(), "ids are those of whole rows"),
        (lambda: Issue.limit(3).count(), "count is of all rows that fit"),
        (lambda: Issue.where().union(Issue.where()).count(), "count after union would speak of one part"),
        (lambda: Issue.where_exists(ANYTHING), "where_exists takes a relation, a model or a query, not 3"),
        (lambda: Issue.where(**TITLE), r"where takes conditions: where\(Issue\.title == \.\.\.\), not title=\.\.\."),
        (lambda: Issue.limit(3).where(**TITLE), r"where takes conditions: where\(Issue\.title == \.\.\.\)"),
    ],
)
def test_query_that_says_nothing_is_refused(query: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        query()


def test_where_exists_takes_a_relation_a_model_and_a_query() -> None:
    text = "EXISTS (SELECT 1 FROM main.issue AS issue WHERE issue.project = project.id AND issue.priority > :p1)"
    for query in (
        Project.where_exists(Project.issues, Issue.priority > 3),
        Project.where_exists(Issue, Issue.project == Project.id, Issue.priority > 3),
        Project.where().where_exists(Issue.where(Issue.project == Project.id, Issue.priority > 3)),
    ):
        assert query.sql.endswith(f"\nWHERE {text}")


def test_rows_of_different_models_are_never_equal() -> None:
    core, team = Project(name="Core", id="1"), Team(name="Core", id="1")
    assert core != team
    assert core == Project(name="Core", id="1") == ("1", "Core")
    assert {core, team, Project(name="Core", id="1")} == {core, team}


def test_call_of_another_shape_is_refused_in_our_words() -> None:
    with pytest.raises(ParameterError, match=r"Team takes its columns by name: Team\(name=\.\.\.\)"):
        Team("Core")  # type: ignore[call-arg]  # what is tested
    with pytest.raises(ModelError, match=r"column takes its options by name: column\(default='open'\)"):
        column("open")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ModelError, match="ref takes the place of a model"):
        ref(Project)  # type: ignore[arg-type]  # what is tested
