"""Queries that travel: as JSON, into another process, where they are the same template."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import math
from collections.abc import AsyncIterator
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from eddyline import (
    Column,
    Database,
    LoadedQuery,
    LoadError,
    Model,
    ParameterError,
    QueryError,
    Ref,
    Row,
    column,
    count,
    dump,
    load,
    param,
    signal,
)
from eddyline.core.model.travel import LENGTH_MAX
from tests.core.query.test_naive import Node, Wanted, groups, lists


class State(Enum):
    OPEN = "open"
    DONE = "done"


class Project(Model):
    name: Column[str]


class Issue(Model):
    title: Column[str]
    state: Column[State] = column(default=State.OPEN)
    urgent: Column[bool] = column(default=False)
    due: Column[dt.datetime | None] = column(default=None)
    price: Column[Decimal | None] = column(default=None, scale=2)
    project: Ref[Project]


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with await Database.open(":memory:", models=[Project, Issue]) as db:
        async with db.transaction() as tx:
            core = await tx.add(Project(id="p1", name="Core"))
            due = dt.datetime(2026, 11, 21, 13, tzinfo=dt.UTC)
            await tx.add(Issue(id="a", title="Slow", urgent=True, due=due, price=Decimal("1.50"), project=core))
            await tx.add(Issue(id="b", title="Typo", state=State.DONE, project=core))
        yield db


URGENT = Issue.where(Issue.urgent == True).where(Issue.project.to.name == "Core").order_by(Issue.title)  # noqa: E712


async def test_query_of_models_comes_back_as_the_same_template_and_shares_its_rows(db: Database) -> None:
    here = await db.live(URGENT)
    there = await db.live(load(dump(URGENT), [Issue, Project]))
    assert there.rows() == here.rows()
    assert isinstance(there.rows()[0], Issue)
    assert there._shared is here._shared


async def test_without_the_model_rows_are_rows_with_the_same_types_and_follow_all_the_same(db: Database) -> None:
    here = await db.live(URGENT)
    there = await db.live(load(dump(URGENT)))
    (row,) = there.rows()
    assert type(row).__mro__[1] is Row
    assert (row.urgent, row.price, row.due) == (True, Decimal("1.50"), dt.datetime(2026, 11, 21, 13, tzinfo=dt.UTC))
    assert row.state == "open"  # an Enum is at home in one program
    assert there._shared.program.template is here._shared.program.template
    await db.execute("UPDATE issue SET urgent = 1")
    assert [row.title for row in there.rows()] == ["Slow", "Typo"]


async def test_selected_columns_keep_their_types(db: Database) -> None:
    query = Issue.select(Issue.urgent, count().as_("n"), Issue.price.max().as_("most")).group_by(Issue.urgent)
    loaded = load(dump(query))
    assert sorted(await db.fetch(loaded)) == [(False, 1, None), (True, 1, Decimal("1.50"))]
    assert json.loads(dump(query))["rows"] == {"kinds": ["bool", None, "Decimal(2)"]}


async def test_signals_go_as_their_values_and_a_free_parameter_is_given_where_it_arrives(db: Database) -> None:
    wanted = signal("Slow")
    query = Issue.where(Issue.title == wanted, Issue.id == param("id")).select(Issue.id)
    text = dump(query)
    wanted.set("Typo")
    assert json.loads(text)["params"] == {"p1": "Slow"}
    assert await db.fetch(load(text), id="a") == [("a",)]
    assert await db.fetch(load(dump(query, id="b"))) == [("b",)]
    with pytest.raises(ParameterError, match="takes no parameter :p1; it takes :id"):
        await db.fetch(load(text), p1="Typo")


async def test_text_travels_as_it_stands_with_parameters_by_place_or_by_name(db: Database) -> None:
    text = dump("SELECT title FROM issue WHERE id = ?", "a")
    assert text == '{"eddyline":1,"sql":"SELECT title FROM issue WHERE id = ?","params":["a"]}'
    assert (await db.live(load(text))).rows() == (("Slow",),)
    assert await db.fetch(load(dump("SELECT title FROM issue WHERE id = :id", id="b"))) == [("Typo",)]
    with pytest.raises(ParameterError, match="has brought its own"):
        await db.fetch(load(text), "b")  # type: ignore[call-overload]  # what is refused


async def test_query_without_a_plan_travels_as_text(db: Database) -> None:
    some = Issue.select(Issue.id).intersect(Issue.select(Issue.id))
    query = Issue.where(Issue.id.in_(some)).select(Issue.urgent)
    assert json.loads(dump(query)).keys() == {"eddyline", "sql", "rows"}
    assert sorted(await db.fetch(load(dump(query)))) == [(False,), (True,)]


async def test_loaded_query_travels_on(db: Database) -> None:
    assert dump(load(dump(URGENT), [Issue])) == dump(URGENT)
    assert repr(load(dump("SELECT  1"))) == "<LoadedQuery SELECT 1>"


@pytest.mark.parametrize("value", [None, 0, -(2**63), 1.0, 1e300, "", "é\0", b"", b"\0\xff", math.inf, -math.inf])
async def test_parameter_keeps_its_value_and_type(db: Database, value: Any) -> None:
    ((kind, same),) = await db.fetch(load(dump("SELECT typeof(?1), ?1", value)))
    ((expected, _),) = await db.fetch("SELECT typeof(?1), ?1", value)
    assert (kind, same, type(same)) == (expected, value, type(value))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(wanted=lists() | groups())
def test_any_query_of_models_comes_back_as_it_was(wanted: Wanted) -> None:
    asyncio.run(_come_back(wanted.query))


async def _come_back(query: Any) -> None:
    asked, loaded = query.compiled.asked, load(dump(query), [Node])
    assert (loaded.sql, loaded.asked.plan) == (asked.sql, asked.plan)
    async with Database.open(":memory:", models=[Node]) as db:
        here, there = await db.live(query), await db.live(loaded)
        assert there._shared.program.template is here._shared.program.template


# --- what comes from outside


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("", "", "no JSON"),
        ("[" * 100_000, "", "no JSON"),
        ("[]", "", "no query as dump writes it"),
        ('{"eddyline": 2, "sql": "SELECT 1"}', "", "no query as dump writes it"),
        ('{"eddyline": true, "sql": "SELECT 1"}', "", "no query as dump writes it"),
        ('{"eddyline": 1}', "", "a plan or an sql"),
        ('{"eddyline": 1, "sql": "SELECT 1", "plan": {}}', "", "a plan or an sql"),
        ('{"eddyline": 1, "sql": "SELECT 1", "code": 1}', "", "a plan or an sql"),
        ('{"eddyline": 1, "sql": ""}', "sql", "no statement"),
        ('{"eddyline": 1, "sql": 5}', "sql", "no statement"),
        ('{"eddyline": 1, "sql": "SELECT 1", "params": 5}', "params", "a list or an object"),
        ('{"eddyline": 1, "sql": "SELECT ?", "params": [NaN]}', "", "no JSON: NaN"),
        ('{"eddyline": 1, "sql": "SELECT ?", "params": [true]}', "params.0", "no value of a parameter"),
        ('{"eddyline": 1, "sql": "SELECT ?", "params": [[1]]}', "params.0", "no value of a parameter"),
        ('{"eddyline": 1, "sql": "SELECT ?", "params": [9223372036854775808]}', "params.0", "64 bits"),
        ('{"eddyline": 1, "sql": "SELECT :a", "params": {"a": {"blob": "?"}}}', "params.a", "no base64"),
        ('{"eddyline": 1, "sql": "SELECT 1", "rows": []}', "rows", "has kinds and a model"),
        ('{"eddyline": 1, "sql": "SELECT 1", "rows": {"model": "issue"}}', "rows.model", "for a plan"),
        ('{"eddyline": 1, "sql": "SELECT 1", "rows": {"kinds": 1}}', "rows.kinds", "one entry for each column"),
        ('{"eddyline": 1, "sql": "SELECT 1", "rows": {"kinds": ["eval"]}}', "rows.kinds", "no kind of value"),
        ('{"eddyline": 1, "sql": "SELECT 1", "rows": {"kinds": ["Decimal(99)"]}}', "rows.kinds", "no kind of value"),
        ('{"eddyline": 1, "plan": {"sources": []}}', "plan", "lacks 'outputs'"),
        (" " * (LENGTH_MAX + 1), "", "may travel"),
    ],
)  # fmt: skip
def test_what_dump_never_wrote_is_refused_with_the_place(text: str, path: str, said: str) -> None:
    with pytest.raises(LoadError) as caught:
        load(text)
    assert caught.value.path == path
    assert said in str(caught.value)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(LoadError, match="load takes the text that dump wrote, not bytes"):
        load(b"{}")  # type: ignore[arg-type]  # what is refused


async def test_loaded_text_is_held_to_what_live_takes(db: Database) -> None:
    with pytest.raises(QueryError, match="a live query must be a SELECT"):
        await db.live(load('{"eddyline": 1, "sql": "DELETE FROM issue"}'))
    view = await db.live(load('{"eddyline": 1, "sql": "SELECT 1", "rows": {"kinds": [null, "bool"]}}'))
    assert (view.status, str(view.error)) == ("failed", "1 columns are read as 2")


def test_plan_with_too_few_types_is_refused() -> None:
    made = json.loads(dump(URGENT)) | {"rows": {"kinds": ["bool"]}}
    with pytest.raises(LoadError, match=r"rows\.kinds has one entry for each column"):
        load(json.dumps(made))


def test_parameters_of_a_plan_by_place_are_refused() -> None:
    with pytest.raises(LoadError, match="the parameters of a plan go by name"):
        load(json.dumps(json.loads(dump(URGENT)) | {"params": [1]}))


def test_model_that_has_other_columns_than_the_query_gives_is_refused() -> None:
    made = json.loads(dump(URGENT))
    del made["plan"]["outputs"][-1], made["rows"]["kinds"]
    with pytest.raises(LoadError, match="the models of both sides differ"):
        load(json.dumps(made), [Issue])
    assert isinstance(load(json.dumps(made)), LoadedQuery)


def test_query_too_long_to_travel_is_refused() -> None:
    with pytest.raises(QueryError, match="1000000 may travel"):
        dump("SELECT ?", "x" * LENGTH_MAX)
