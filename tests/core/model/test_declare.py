"""Declaring models: which classes make which tables, wherever they stand, and what is refused."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, Literal

import pytest

from eddyline import Column, Existing, Model, ModelError, ParameterError, Ref, Text, column, ref
from eddyline.core.schema.ddl import create_table, indexes


class State(Enum):
    OPEN = "open"
    DONE = "done"


class Project(Model):
    name: Column[str] = column(unique=True)


class Issue(Model):
    limit_of: ClassVar[int] = 3
    title: Column[str]
    body: Text = Text()
    state: Column[State] = column(default=State.OPEN, index=True)
    priority: Column[int] = column(default=0, check="priority >= 0")
    price: Column[Decimal | None] = column(default=None, scale=2)
    made: Column[dt.datetime] = column(default_factory=lambda: dt.datetime(2026, 1, 2, tzinfo=dt.UTC))
    count: Column[int] = column(default=7)
    project: Ref[Project]
    parent: Ref[Issue | None] = ref(default=None, on_delete="set null")
    later: Ref[Later | None] = ref(default=None)


class Later(Model, table="LATER things"):
    tags: Column[list[str]] = column(default_factory=list)


def test_table_is_strict_with_defaults_checks_and_references() -> None:
    assert create_table(Issue.__table__) == (
        "CREATE TABLE issue (\n"
        "    id TEXT NOT NULL PRIMARY KEY,\n"
        "    title TEXT NOT NULL,\n"
        "    body TEXT NOT NULL DEFAULT '',\n"
        "    state TEXT NOT NULL DEFAULT 'open',\n"
        "    priority INTEGER NOT NULL DEFAULT 0 CHECK (priority >= 0),\n"
        "    price TEXT,\n"
        "    made TEXT NOT NULL,\n"
        "    count INTEGER NOT NULL DEFAULT 7,\n"
        "    project TEXT NOT NULL REFERENCES project(id),\n"
        "    parent TEXT REFERENCES issue(id) ON DELETE SET NULL,\n"
        '    later TEXT REFERENCES "LATER things"(id)\n'
        ") STRICT"
    )
    assert list(indexes(Issue.__table__)) == [
        "_eddy_ix_issue_state", "_eddy_ix_issue_project", "_eddy_ix_issue_parent", "_eddy_ix_issue_later",
    ]  # fmt: skip
    assert indexes(Project.__table__) == {
        "_eddy_ux_project_name": "CREATE UNIQUE INDEX _eddy_ux_project_name ON project (name)"
    }


def test_row_is_a_frozen_tuple_with_names() -> None:
    core = Project(name="Core", id="p1")
    issue = Issue(title="Slow", project=core, price=Decimal("1.5"), id="i1")
    assert (issue.title, issue["title"], issue.project, issue.parent) == ("Slow", "Slow", "p1", None)
    assert (issue.count, issue["count"]) == (7, 7)
    assert issue.state is State.OPEN
    assert (issue.price, str(issue.price)) == (Decimal("1.50"), "1.50")
    assert list(issue) == list(issue.as_dict().values())
    assert repr(core) == "Project(id='p1', name='Core')"
    assert {core: 1}[Project(name="Core", id="p1")] == 1
    with pytest.raises(AttributeError, match=r"frozen: await tx\.update\(row, title="):
        issue.title = "Fast"
    with pytest.raises(AttributeError, match="frozen"):
        issue.other = 1


def test_row_can_be_pickled_and_copied() -> None:
    core = Project(name="Core")
    again = pickle.loads(pickle.dumps(core))
    assert (type(again), again) == (Project, core)
    assert copy.copy(core) == copy.deepcopy(core) == core


def test_each_row_gets_an_id_and_a_default_of_its_own() -> None:
    one, two = Later(), Later()
    assert one.id < two.id
    assert one.tags == two.tags == []
    assert one.tags is not two.tags


def test_value_is_kept_as_the_database_will_give_it_back() -> None:
    cet = dt.timezone(dt.timedelta(hours=1))
    issue = Issue(title="x", project="p", made=dt.datetime(2026, 1, 2, 3, tzinfo=cet))
    assert issue.made == dt.datetime(2026, 1, 2, 2, tzinfo=dt.UTC)
    assert issue.made.tzinfo is dt.UTC


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"project": "p"}, "Issue needs title: it has no default"),
        ({"title": "x", "project": "p", "titel": 1}, "Issue has no column titel; it has: id, title"),
        ({"title": 3, "project": "p"}, r"Issue\.title takes str, not 3 \(int\)"),
        ({"title": None, "project": "p"}, r"Issue\.title is None; declare it `str \| None`"),
        ({"title": "x", "project": 3}, r"Issue\.project takes str, not 3"),
        ({"title": "x", "project": "p", "state": "open"}, r"Issue\.state takes State, not 'open'"),
        ({"title": "x", "project": "p", "price": Decimal("1.234")}, "has scale 2: round it first"),
    ],
)
def test_row_that_does_not_fit_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Issue(**values)


def test_models_inside_a_function_refer_to_each_other_to_later_ones_and_to_locals() -> None:
    level = Literal["low", "high"]

    class Person(Model):
        name: Column[str]
        team: Ref[Team | None] = ref(default=None)
        rank: Column[level] = column(default="low")

    class Team(Model):
        lead: Ref[Person]

    assert [column.reference and column.reference.table for column in Person.__table__.columns] == [
        None, None, "team", None,
    ]  # fmt: skip
    assert Person(name="Ada").rank == "low"
    with pytest.raises(ParameterError, match="one of 'low', 'high'"):
        Person(name="Ada", rank="mid")  # type: ignore[arg-type]  # the claim


def test_two_functions_may_have_models_of_one_name() -> None:
    def one() -> type[Model]:
        class Thing(Model):
            a: Column[int]

        return Thing

    def two() -> type[Model]:
        class Thing(Model):
            b: Column[str]

        return Thing

    assert one().__table__.attributes == ("id", "a")
    assert two().__table__.attributes == ("id", "b")


def test_abstract_model_gives_its_columns_to_each_that_is_made_of_it() -> None:
    class Stamped(Model, abstract=True):
        made: Column[int] = column(default=1)

    class Note(Stamped):
        text: Column[str]

    class Task(Stamped):
        text: Column[str]

    assert Note.__table__.attributes == Task.__table__.attributes == ("id", "made", "text")
    made: Any = Note.made  # Any: what it belongs to is our own business
    assert made._owner is Note
    with pytest.raises(ModelError, match="Stamped is abstract"):
        Stamped.where()


def test_existing_table_has_the_keys_that_it_has() -> None:
    class Track(Existing, table="Track"):
        TrackId: Column[int] = column(primary_key=True, default=None)
        odd: Column[str] = column(name="odd name")

    class Entry(Existing):
        list_id: Column[int] = column(primary_key=True)
        track: Ref[Track] = ref(primary_key=True)

    assert Track(odd="x")["TrackId"] is None
    assert Track(TrackId=3, odd="x").__key__() == 3
    assert Entry(list_id=1, track=2).__key__() == (1, 2)
    assert Entry.__table__.columns[1].kind.python == "int"
    assert Track.__table__.columns[1].name == "odd name"


def test_class_name_becomes_a_table_name() -> None:
    class PlaylistTrack(Model):
        pass

    class HTTPServer2Log(Model):
        pass

    assert PlaylistTrack.__table__.name == "playlist_track"
    assert HTTPServer2Log.__table__.name == "http_server2_log"


def test_annotation_that_is_no_column_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Bad\.a: a column is Column\[\.\.\.\], Ref\[\.\.\.\] or Text, not int"):

        class Bad(Model):
            a: int


def test_value_beside_an_annotation_is_refused() -> None:
    with pytest.raises(ModelError, match=r"write column\(default=3\)"):

        class Bad(Model):
            a: Column[int] = 3  # type: ignore[assignment]  # the claim


def test_column_without_an_annotation_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Bad\.a has no type; write a: Column\[str\] = column\(\.\.\.\)"):

        class Bad(Model):
            a = column(default="x")


def test_name_that_is_taken_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Bad\.where: that name is taken; choose one, with column\(name='where'\)"):

        class Bad(Model):
            where: Column[int]  # type: ignore[assignment]  # the claim


@pytest.mark.parametrize(
    ("hint", "given", "message"),
    [
        ("Column[complex]", {}, r"\.a: complex has no form in SQLite"),
        ("Column[int]", {"default": "x"}, r"the default of .*\.a takes int, not 'x'"),
        ("Column[list]", {"default": []}, "all rows would share this default; write default_factory=list"),
        ("Column[int]", {"default": 1, "default_factory": int}, "either default or default_factory"),
        ("Column[Decimal]", {}, r"column\(scale=2\)"),
        ("Column[Nowhere]", {}, r"\.a: name 'Nowhere' is not defined"),
        ("Column[int]", {"name": "a\0"}, r"Bad\.a is called 'a\\x00', which is no name in SQL"),
        ("Column[int]", {"name": 5}, r"Bad\.a is called 5, which is no name in SQL"),
        ("Column[int]", {"name": "_eddy_w"}, "names that begin with sqlite_ or _eddy_ are taken"),
        ("Column[str]", {"default": "a\0"}, r"default of Bad\.a holds a NUL character"),
        ("Column[str]", {"primary_key": True}, "the key of Bad is `id`, made by us"),
        ("Ref[Project]", {"on_delete": "set null"}, r'on_delete="set null" needs Ref\[Project \| None\]'),
        ("Ref[int]", {}, "Ref leads to one model"),
        ("Ref[Project | Issue]", {}, "Ref leads to one model"),
    ],
)
def test_declaration_that_makes_no_table_is_refused_with_its_place(
    hint: str, given: dict[str, Any], message: str
) -> None:
    body = {"__annotations__": {"a": hint}, "__module__": __name__, "__qualname__": "Bad"}
    say: Any = ref if "on_delete" in given else column
    made: Any = type("Bad", (Model,), body | ({"a": say(**given)} if given else {}))
    with pytest.raises(ModelError, match=message):
        made.__table__  # noqa: B018  # asking is the act


@pytest.mark.parametrize("table", ["", "a\0", "\ud800", "sqlite_x", "_Eddy_x", "eddy_commits", 5])
def test_table_has_a_name_that_sql_can_say_and_nobody_else_has(table: Any) -> None:
    class Bad(Model, table=table):
        a: Column[int]

    with pytest.raises(ModelError, match="the table of Bad is called"):
        Bad.__table__  # noqa: B018  # asking is the act


def test_id_of_a_model_is_left_out() -> None:
    class Bad(Model):
        id: Column[int]  # type: ignore[assignment]  # the claim

    with pytest.raises(ModelError, match="the key of Bad is `id`, made by us: leave it out"):
        Bad.__table__  # noqa: B018  # asking is the act


@pytest.mark.parametrize("options", [{"default_factory": 5}, {"check": 5}])
def test_option_of_another_type_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"takes .*, not 5"):
        column(**options)


def test_model_without_a_key_is_refused() -> None:
    class Loose(Existing):
        a: Column[int]

    with pytest.raises(ModelError, match="Loose has no key"):
        Loose.where()
        Loose.__table__  # noqa: B018  # asking is the act


def test_model_made_of_one_with_a_table_is_refused() -> None:
    with pytest.raises(ModelError, match="has a table; declare that abstract"):

        class Sub(Project):
            pass


def test_text_that_is_only_annotated_is_empty_at_first() -> None:
    class Note(Model):
        body: Text

    made: Any = Note  # Any: to a type checker `body` has no default here
    assert made().body == ""
