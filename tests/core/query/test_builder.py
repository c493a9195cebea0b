"""Queries made of expressions: each is the text that a person would have written, and its values are parameters."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Literal

import pytest

from eddyline import (
    Column,
    Existing,
    Model,
    ModelError,
    ParameterError,
    Query,
    QueryError,
    Ref,
    Signal,
    alias,
    call,
    column,
    count,
    param,
    ref,
    signal,
)


class Project(Model):
    name: Column[str]


class Issue(Model):
    title: Column[str]
    state: Column[Literal["open", "done"]] = column(default="open")
    priority: Column[int] = column(default=0)
    due: Column[dt.date | None] = column(default=None)
    price: Column[Decimal] = column(default=Decimal(0), scale=2)
    project: Ref[Project]
    parent: Ref[Issue | None] = ref(default=None)


class Track(Existing, table="Track"):
    TrackId: Column[int] = column(primary_key=True)
    odd: Column[str] = column(name="odd name")


T = Issue.select(Issue.title)
child = alias(Issue, "child")
core = Project(name="Core", id="p1")
FROM = "SELECT issue.title\nFROM main.issue AS issue"

TEXTS: list[tuple[Query[Any], str, list[Any]]] = [
    (T, FROM, []),
    (Project.where(), "SELECT project.id, project.name\nFROM main.project AS project", []),
    (T.where(Issue.priority > 2), f"{FROM}\nWHERE issue.priority > :p1", [2]),
    (T.where(Issue.priority > 2, Issue.state == "open"), f"{FROM}\nWHERE issue.priority > :p1 AND issue.state = :p2",
     [2, "open"]),
    (T.where((Issue.priority < 2) | (Issue.priority >= 8)).where(~(Issue.state != "open")),
     f"{FROM}\nWHERE (issue.priority < :p1 OR issue.priority >= :p2) AND NOT issue.state <> :p3", [2, 8, "open"]),
    (T.where(Issue.priority.between(1, 3)), f"{FROM}\nWHERE issue.priority BETWEEN :p1 AND :p2", [1, 3]),
    (T.where(Issue.priority.in_([1, 2])), f"{FROM}\nWHERE issue.priority IN (:p1, :p2)", [1, 2]),
    (T.where(Issue.priority.not_in([])), f"{FROM}\nWHERE NOT issue.priority IN ()", []),
    (T.where(Issue.title.like("a!%%", escape="!")), f"{FROM}\nWHERE issue.title LIKE :p1 ESCAPE :p2", ["a!%%", "!"]),
    (T.where(Issue.title.glob("a*")), f"{FROM}\nWHERE issue.title GLOB :p1", ["a*"]),
    (T.where(Issue.due.is_null()), f"{FROM}\nWHERE issue.due IS NULL", []),
    (T.where(Issue.due.is_not_null()), f"{FROM}\nWHERE issue.due IS NOT NULL", []),
    (T.where(Issue.due == None), f"{FROM}\nWHERE issue.due IS NULL", []),  # noqa: E711  # the claim
    (T.where(Issue.due != dt.date(2026, 1, 2)), f"{FROM}\nWHERE issue.due <> :p1", ["2026-01-02"]),
    (T.where(Issue.price > Decimal("-1.5")), f"{FROM}\nWHERE issue.price > :p1", ["n999999999999999998.49"]),
    (T.where(Issue.project == core, Issue.project == "p2"),
     f"{FROM}\nWHERE issue.project = :p1 AND issue.project = :p2", ["p1", "p2"]),
    (T.where(Issue.state == param("state")), f"{FROM}\nWHERE issue.state = :state", []),
    (T.where(Issue.title + "!" == "x"), f"{FROM}\nWHERE issue.title || :p1 = :p2", ["!", "x"]),
    (T.where(-(Issue.priority + 1) * 2 - Issue.priority % 3 / 4 < 0),
     f"{FROM}\nWHERE -(issue.priority + :p1) * :p2 - issue.priority % :p3 / :p4 < :p5", [1, 2, 3, 4, 0]),
    (T.where(1 + Issue.priority - 10 % (100 - Issue.priority) > 0, "<" + Issue.title == "<x"),
     f"{FROM}\nWHERE :p1 + issue.priority - :p2 % (:p3 - issue.priority) > :p4 AND :p5 || issue.title = :p6",
     [1, 10, 100, 0, "<", "<x"]),
    (T.where(~child.where(child.parent == Issue.id).exists()),
     f"{FROM}\nWHERE NOT EXISTS (SELECT 1 FROM main.issue AS child WHERE child.parent = issue.id)", []),
    (child.select(child.project.to.name).order_by(child.title).limit(2),
     ("SELECT project.name\nFROM main.issue AS child\nJOIN main.project AS project ON project.id = child.project\n"
     "ORDER BY child.title\nLIMIT :p1"), [2]),
    (T.where(call("lower", Issue.title) == "x"), f"{FROM}\nWHERE lower(issue.title) = :p1", ["x"]),
    (T.where(Issue.title.cast("integer") == 3), f"{FROM}\nWHERE CAST(issue.title AS INTEGER) = :p1", [3]),
    (T.order_by(Issue.priority.desc(), Issue.title), f"{FROM}\nORDER BY issue.priority DESC, issue.title", []),
    (T.order_by(Issue.due.asc().nulls_last(), Issue.due.desc().nulls_first()),
     f"{FROM}\nORDER BY issue.due NULLS LAST, issue.due DESC NULLS FIRST", []),
    (T.order_by(Issue.title.collate("NOCASE")), f"{FROM}\nORDER BY issue.title COLLATE NOCASE", []),
    (T.limit(5), f"{FROM}\nLIMIT :p1", [5]),
    (T.limit(5, 10), f"{FROM}\nLIMIT :p1 OFFSET :p2", [5, 10]),
    (T.offset(10), f"{FROM}\nLIMIT :p1 OFFSET :p2", [-1, 10]),
    (Issue.select(Issue.title.as_("what"), Issue.priority * 2), ("SELECT issue.title AS what, issue.priority * :p1\n"
     "FROM main.issue AS issue"), [2]),
    (T.distinct(), "SELECT DISTINCT issue.title\nFROM main.issue AS issue", []),
    (Issue.select(Issue.state, count(), Issue.priority.sum(), Issue.priority.avg(), Issue.priority.min(),
                  Issue.priority.max(), Issue.due.count(distinct=True)).group_by(Issue.state).having(count() > 1),
     ("SELECT issue.state, count(*), sum(issue.priority), avg(issue.priority), min(issue.priority), "
     "max(issue.priority), count(DISTINCT issue.due)\nFROM main.issue AS issue\nGROUP BY issue.state\n"
     "HAVING count(*) > :p1"), [1]),
    (T.where(Issue.project.to.name == "Core"),
     f"{FROM}\nJOIN main.project AS project ON project.id = issue.project\nWHERE project.name = :p1", ["Core"]),
    (Issue.select(Issue.parent.to.project.to.name, Issue.project.to.name),
     ("SELECT project.name, project_2.name\nFROM main.issue AS issue\n"
     "LEFT JOIN main.issue AS parent ON parent.id = issue.parent\n"
     "LEFT JOIN main.project AS project ON project.id = parent.project\n"
     "JOIN main.project AS project_2 ON project_2.id = issue.project"), []),
    (T.join(child, on=child.parent == Issue.id).where(child.project.to.name == "x"),
     (f"{FROM}\nJOIN main.issue AS child ON child.parent = issue.id\n"
     "JOIN main.project AS project ON project.id = child.project\nWHERE project.name = :p1"), ["x"]),
    (Project.select(Project.name, Issue.id.count()).join(Issue, on=Issue.project == Project.id, left=True)
     .group_by(Project.id),
     ("SELECT project.name, count(issue.id)\nFROM main.project AS project\n"
     "LEFT JOIN main.issue AS issue ON issue.project = project.id\nGROUP BY project.id"), []),
    (Project.select(Project.name).where(Issue.where(Issue.project == Project.id, Issue.priority > 3).exists()),
     ("SELECT project.name\nFROM main.project AS project\nWHERE EXISTS (SELECT 1 FROM main.issue AS issue "
     "WHERE issue.project = project.id AND issue.priority > :p1)"), [3]),
    (T.where(Issue.id.not_in(Issue.select(Issue.parent))),
     f"{FROM}\nWHERE NOT issue.id IN (SELECT issue_2.parent FROM main.issue AS issue_2)", []),
    (Project.select(Project.name, Issue.select(count()).where(Issue.project == Project.id).scalar().as_("n")),
     ("SELECT project.name, (SELECT count(*) FROM main.issue AS issue WHERE issue.project = project.id) AS n\n"
     "FROM main.project AS project"), []),
    (T.where(Issue.project.to.name.in_(Project.select(Project.name).where(Project.id == "x"))),
     (f"{FROM}\nJOIN main.project AS project ON project.id = issue.project\nWHERE project.name IN "
     "(SELECT project_2.name FROM main.project AS project_2 WHERE project_2.id = :p1)"), ["x"]),
    (T.where(Project.where(Issue.project.to.name == Project.name).exists()),
     (f"{FROM}\nJOIN main.project AS project ON project.id = issue.project\nWHERE EXISTS "
     "(SELECT 1 FROM main.project AS project_2 WHERE project.name = project_2.name)"), []),
    (T.union(Project.select(Project.name)).order_by(Issue.title.desc()).limit(3),
     f"{FROM}\nUNION\nSELECT project.name\nFROM main.project AS project\nORDER BY 1 DESC\nLIMIT :p1", [3]),
    (T.where(Issue.id.in_(Issue.select(Issue.parent).union(Project.select(Project.id).where(Project.name == "x")))),
     (f"{FROM}\nWHERE issue.id IN (SELECT issue_2.parent FROM main.issue AS issue_2) OR issue.id IN "
     "(SELECT project.id FROM main.project AS project WHERE project.name = :p1)"), ["x"]),
    (T.where(~child.where(child.parent == Issue.id).union(child.where(Issue.parent == child.id), all=True).exists()),
     (f"{FROM}\nWHERE NOT (EXISTS (SELECT 1 FROM main.issue AS child WHERE child.parent = issue.id) OR EXISTS "
     "(SELECT 1 FROM main.issue AS child WHERE issue.parent = child.id))"), []),
    (T.where(Issue.project.in_(Project.select(Project.id).except_(child.select(child.project).where(
        child.project.to.name == Issue.title)).order_by(Project.id).limit(3))),
     (f"{FROM}\nWHERE issue.project IN (SELECT project.id FROM main.project AS project EXCEPT SELECT child.project "
     "FROM main.issue AS child JOIN main.project AS project ON project.id = child.project "
     "WHERE project.name = issue.title ORDER BY 1 LIMIT :p1)"), [3]),
    (T.where(Issue.id == T.intersect(T).scalar()),
     (f"{FROM}\nWHERE issue.id = (SELECT issue_2.title FROM main.issue AS issue_2 INTERSECT "
     "SELECT issue_2.title FROM main.issue AS issue_2)"), []),
    (T.union(T, all=True).except_(T), f"{FROM}\nUNION ALL\n{FROM}\nEXCEPT\n{FROM}", []),
    (Track.where(Track.odd == "x"),
     'SELECT Track.TrackId, Track."odd name" AS odd\nFROM main.Track AS Track\nWHERE Track."odd name" = :p1', ["x"]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "text", "values"), TEXTS, ids=[text[1][:60] for text in TEXTS])
def test_query_is_the_text_that_one_would_write(query: Query[Any], text: str, values: list[Any]) -> None:
    assert query.sql == text
    assert list(query.compiled.values.values()) == values


def test_expression_that_is_selected_and_grouped_by_is_one() -> None:
    query = Issue.select(Issue.priority / 10, count()).group_by(Issue.priority / 10).order_by(Issue.priority / 10)
    assert query.sql == (
        "SELECT issue.priority / :p1, count(*)\nFROM main.issue AS issue\n"
        "GROUP BY issue.priority / :p1\nORDER BY issue.priority / :p1"
    )


def test_a_query_is_frozen_and_each_verb_gives_another() -> None:
    base = Issue.where(Issue.state == "open")
    assert "ORDER BY" in base.order_by(Issue.title).sql
    assert "ORDER BY" not in base.sql


def test_a_signal_is_a_parameter_that_is_encoded_when_it_is_read() -> None:
    due = signal(dt.date(2026, 1, 2))
    followed = T.where(Issue.due == due).compiled.values["p1"]
    assert followed.peek() == "2026-01-02"
    due.set(dt.date(2026, 1, 3))
    assert followed.get() == "2026-01-03"


def test_a_signal_that_may_hold_none_is_compared_by_is() -> None:
    due: Signal[dt.date | None] = signal(None)
    assert T.where(Issue.due == due).sql == f"{FROM}\nWHERE issue.due IS :p1"
    assert T.where(Issue.due != due).sql == f"{FROM}\nWHERE issue.due IS NOT :p1"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: T.where(Project.name == "x").sql, r"Project isn't in this query of Issue: \.join\(Project, on="),
        (lambda: bool(Issue.state == "open"), "no truth value"),
        (lambda: T.where(Issue.state == "open" and Issue.priority > 1), "no truth value"),
        (lambda: T.where("state = 'open'"), "where takes expressions like Issue.state == 'open', not \"state"),  # type: ignore[arg-type]
        (lambda: (Issue.priority > 1) & True, r"& joins conditions, not bool"),  # type: ignore[operator]
        (lambda: T.order_by("title"), "order_by takes columns and expressions, not 'title'"),  # type: ignore[arg-type]
        (lambda: T.limit("3"), "limit takes a whole number"),  # type: ignore[arg-type]
        (lambda: Issue.select(), "select takes columns"),
        (lambda: T.join(Project), r"join says on what: \.join\(Project, on="),
        (lambda: T.join("x", on=Issue.id == "x"), "join takes a model or an alias of one, not 'x'"),
        (lambda: T.join(Issue, on=Issue.id == "x").sql, r"Issue is joined twice; give one of them an alias\(\)"),
        (lambda: T.union(T).where(Issue.id == "x"), "say it on the parts"),
        (lambda: T.limit(3).union(T), "sort and limit the whole"),
        (lambda: T.union(Project.select(Project.id, Project.name)).sql, "UNION joins 1 columns with 2"),
        (lambda: T.union(Project.where()).sql, "UNION joins selected columns with rows of Project; select"),
        (lambda: Project.where().union(Issue.where()).sql, "UNION joins rows of Project with rows of Issue"),
        (lambda: T.union(Issue.select(Issue.price)).sql, r"joins Issue.title \(str\) with Issue.price \(Decimal\)"),
        (lambda: T.offset(3).union(T), "sort and limit the whole"),
        (lambda: T.union(T.offset(3)), "sort and limit the whole"),
        (lambda: T.limit(Issue.priority), r"limit takes a whole number, a signal of one or param\('name'\)"),
        (lambda: Issue.select(Issue.price.sum()), "sum computes with numbers, and Issue.price is Decimal; SQLite has"),
        (lambda: Issue.price.avg(), "avg computes with numbers"),
        (lambda: Issue.price + Decimal(1), r"\+ computes with numbers, and Issue.price is Decimal"),
        (lambda: Issue.priority * Issue.price, r"\* computes with numbers, and Issue.price is Decimal"),  # type: ignore[operator]
        (lambda: -Issue.due, r"Issue.due is date; .cast\(\"INTEGER\"\) or"),
        (lambda: Issue.title * "x", r"\* computes with numbers, and Issue.title is str"),
        (lambda: Issue.id == "a" & Issue.title == "b", r"& joins conditions, not str; put each comparison in paren"),  # type: ignore[operator]
        (lambda: Issue.priority == 1 | Issue.priority == 2, r"\| joins conditions, not int"),  # type: ignore[operator]
        (lambda: count(distinct=True), r"of what: count\(Issue.state, distinct=True\)"),
        (lambda: Issue.title.as_(""), "as_ takes a name, not ''"),
        (lambda: Issue.title.as_("a\0"), "as_ takes a name"),
        (lambda: Issue.title.collate(3), "collate takes a name, not 3"),  # type: ignore[arg-type]
        (lambda: T.union(T).order_by(Issue.priority).sql, "takes columns that are selected"),
        (lambda: T.where(Issue.id.in_(Project.where())).sql, "one column, not 2"),
        (lambda: T.where(Issue.id.in_("abc")), "a list of values or a query"),
        (lambda: call("a b"), "no name of a function"),
        (lambda: param("p1"), "a parameter has a name like"),
        (lambda: Issue.title.cast("VARCHAR"), "cast takes INTEGER"),
    ],
)
def test_query_that_makes_no_sense_is_refused(make: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        make()


@pytest.mark.parametrize("value", [None, "3", 2.5])
def test_signal_of_a_limit_holds_a_whole_number(value: Any) -> None:
    limit = T.limit(signal(value)).compiled.values["p1"]
    with pytest.raises(ParameterError, match=r"limit (takes|is)"):
        limit.get()


@pytest.mark.parametrize(("model", "name"), [("Issue", "x"), (child, "x"), (Issue, ""), (Issue, 5), (Issue, "a\0")])
def test_alias_is_of_a_model_and_has_a_name(model: Any, name: Any) -> None:
    with pytest.raises(ModelError, match="alias"):
        alias(model, name)


def test_value_of_another_type_is_refused_by_the_columns_name() -> None:
    with pytest.raises(ParameterError, match=r"Issue\.priority takes int, not '3'"):
        T.where(Issue.priority == "3")  # type: ignore[arg-type]  # the claim


def test_unknown_column_behind_a_reference_says_which_there_are() -> None:
    with pytest.raises(AttributeError, match="Project has no column 'nme'; it has: id, name"):
        Issue.project.to.nme  # type: ignore[attr-defined]  # noqa: B018  # the claim
