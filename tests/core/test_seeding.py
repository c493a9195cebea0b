"""Example data: the same rows for a seed, fitting everything that a model says of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eddyline import (
    Column,
    Database,
    Email,
    Existing,
    Model,
    Money,
    ParameterError,
    Ref,
    Text,
    column,
    ref,
    semantic,
)  # fmt: skip


class Level(Enum):
    LOW = 1
    HIGH = 2


def even(number: int) -> bool:
    return number % 2 == 0


Even = Annotated[int, semantic("Even", check=even)]


class Person(Model):
    name: Column[str] = column(unique=True)
    mail: Column[Email]


class Project(Model):
    name: Column[str]
    lead: Ref[Person] = ref(unique=True)


class Issue(Model, unique=[("project", "number")], check={"in order": "low <= high"}):
    project: Ref[Project]
    number: Column[int]
    title: Column[str]
    body: Text = Text()
    state: Column[Literal["open", "done"]] = column(default="open")
    level: Column[Level] = column(default=Level.LOW)
    priority: Column[int] = column(default=0, check="priority BETWEEN 3 AND 4")
    rare: Column[int] = column(default=-5, check="rare < 0")
    price: Column[Money] = column(default=Decimal(0))
    exact: Column[Decimal] = column(scale=3)
    ratio: Column[float] = column(default=0.0)
    done: Column[bool] = column(default=False)
    raw: Column[bytes] = column(default=b"")
    low: Column[int]
    high: Column[int]
    even: Column[Even]
    due: Column[dt.date | None] = column(default=None)
    at: Column[dt.time]
    made: Column[dt.datetime]
    tags: Column[frozenset[str]]
    counts: Column[list[int]]
    extra: Column[dict[str, int]]
    place: Column[str] = column(merge="order")
    parent: Ref[Issue | None] = ref(default=None)

    def __validate__(self) -> bool:
        return self.low != self.high


class Track(Existing):
    key: Column[int] = column(primary_key=True, default=None)
    name: Column[str]


MODELS: list[type[Model]] = [Person, Project, Issue]


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=MODELS) as database:
        yield database


async def dump(**options: Any) -> list[tuple[Any, ...]]:
    """Return what seeding a fresh database leaves in it."""
    async with Database.open(":memory:", models=MODELS) as db:
        await db.seed(Issue, **options)
        return [tuple(row) for model in MODELS for row in await db.fetch(model)]


async def test_same_seed_gives_the_same_rows_and_another_one_others() -> None:
    one, again, other = await dump(n=20, seed=7), await dump(n=20, seed=7), await dump(n=20, seed=8)
    assert one == again
    assert {row[0] for row in one}.isdisjoint(row[0] for row in other)


async def test_rows_are_those_that_python_promises_for_a_seed(db: Database) -> None:
    people = await db.seed(Person, 2, seed=7)
    assert [tuple(one) for one in people] == [
        ("01JGFJJZ00X2BZYK8N5S000000", "Uma Ito 0", "ada.0@example.org"),
        ("01JGFJMSK04ECKWB3WC3R00000", "Tove Kaya 1", "edsger.1@example.org"),
    ]


async def test_rows_fit_and_lead_to_rows_that_are_there(db: Database) -> None:
    issues = await db.seed(Issue, 60, seed=7)
    assert issues == await db.fetch(Issue)
    assert await db.fetch("PRAGMA foreign_key_check") == []
    projects, people = await db.fetch(Project), await db.fetch(Person)
    assert (len(issues), len(projects), len(people)) == (60, 6, 6)
    assert len({one.lead for one in projects}) == len({one.name for one in people}) == 6
    assert len({(one.project, one.number) for one in issues}) == 60
    assert {one.state for one in issues} == {"open", "done"}
    assert {one.level for one in issues} == {Level.LOW, Level.HIGH}
    assert {one.priority for one in issues} == {3, 4}
    assert {one.rare for one in issues} == {-5}  # no example fits, so it is the default
    assert all(one.low < one.high and even(one.even) for one in issues)
    assert {one.due is None for one in issues} == {True, False}
    assert [one.place for one in issues] == sorted(one.place for one in issues)
    made = {one.id: at for at, one in enumerate(issues)}
    parents = [(made[one.parent], at) for at, one in enumerate(issues) if one.parent is not None]
    assert len(parents) > 20
    assert all(parent < at for parent, at in parents)


async def test_second_call_goes_on(db: Database) -> None:
    first, then = await db.seed(Person, 3, seed=7), await db.seed(Person, 3, seed=7)
    assert [one.name.rpartition(" ")[2] for one in [*first, *then]] == ["0", "1", "2", "3", "4", "5"]
    assert len({one.id for one in [*first, *then]}) == 6


async def test_values_can_be_said(db: Database) -> None:
    async with db.transaction() as tx:
        [ada] = await tx.seed(Person, 1, name="Ada")
        project = (await tx.seed(Project, 1, lead=ada))[0]
        issues = await tx.seed(Issue, 4, project=project, number=lambda random, at: 10 * at, state="done")
    assert [(one.project, one.number, one.state) for one in issues] == [
        (project.id, n, "done") for n in (0, 10, 20, 30)
    ]
    assert project.lead == ada.id


async def test_new_column_moves_no_others_values() -> None:
    class Fewer(Model, table="person"):
        name: Column[str] = column(unique=True)

    async with (
        Database.open(":memory:", models=[Fewer]) as less,
        Database.open(":memory:", models=[Person]) as more,
    ):
        fewer, people = await less.seed(Fewer, 5), await more.seed(Person, 5)
        assert [(one.id, one.name) for one in fewer] == [(one.id, one.name) for one in people]


async def test_table_of_others_gets_the_next_numbers_for_keys() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE track (key INTEGER PRIMARY KEY, name TEXT)")
        await db.execute("INSERT INTO track VALUES (40, 'x')")
        assert [one.key for one in await db.seed(Track, 3)] == [41, 42, 43]


async def test_views_follow(db: Database) -> None:
    view = await db.live("SELECT count(*) FROM person")
    await db.seed(Person, 30)
    assert [*view.rows()] == [(30,)]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**40), st.integers(0, 12))
async def test_any_seed_gives_rows_that_fit(seed: int, n: int) -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        assert len(await db.seed(Issue, n, seed=seed)) == n


class Loop(Model):
    other: Ref[Loop]


class Two(Model):
    flag: Column[bool] = column(unique=True)


class Never(Model):
    number: Column[int] = column(check="number < 0")


@pytest.mark.parametrize(
    ("args", "values", "message"),
    [
        ((Two, 3), {}, "no row 2 of Two can be made: flag is unique, and [01] is there already"),
        ((Never, 1), {}, "no row 0 of Never can be made: it fails a check"),
        ((Loop, 1), {}, "no first row can be made: each leads to another, Loop -> Loop"),
        ((Person, 1), {"nmae": "x"}, "Person has no column nmae; it has: id, name, mail"),
        ((Person, 1), {"mail": "x"}, "no row 0 of Person can be made: Person.mail is 'x', which is no Email"),
        ((Person, -1), {}, "seed makes n rows, a whole number, not -1"),
        (("person", 1), {}, "seed takes a model, not 'person'"),
    ],
)
async def test_what_can_not_be_made_is_told_and_nothing_is_written(
    args: tuple[Any, int], values: dict[str, Any], message: str
) -> None:
    async with Database.open(":memory:", models=[*MODELS, Loop, Two, Never]) as db:
        with pytest.raises(ParameterError, match=message):
            await db.seed(*args, **values)
        for table in ("two", "never", "loop", "person"):
            assert await db.fetch(f"SELECT * FROM {table}") == []
