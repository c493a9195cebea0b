"""Validators: of a semantic type, of a column, of a whole row; asked by every write through a model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eddyline import (
    Column,
    Database,
    Email,
    ImportFileError,
    Model,
    ModelError,
    Money,
    ParameterError,
    QueryError,
    ValidationError,
    column,
    signal,
)  # fmt: skip


def polite(text: str) -> bool:
    if text.isupper():
        raise ValueError("nobody shouts here")
    return bool(text)


class Trip(Model):
    title: Column[str] = column(validate=polite)
    mail: Column[Email | None] = column(default=None)
    price: Column[Money] = column(default=Decimal(0))
    start: Column[int] = column(default=0)
    end: Column[int] = column(default=10)

    def __validate__(self) -> None:
        if self.end < self.start:
            raise ValueError("it ends before it starts")


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Trip]) as database:
        yield database


@pytest.mark.parametrize(
    ("values", "name", "reason"),
    [
        ({"title": "HOME"}, "Trip.title", "refused: nobody shouts here"),
        ({"title": ""}, "Trip.title", "refused"),
        ({"title": "x", "mail": "ada"}, "Trip.mail", "no Email: an address is name@example.org"),
        ({"title": "x", "start": 3, "end": 2}, "Trip", "refused: it ends before it starts"),
    ],
)
async def test_row_and_change_that_do_not_hold_are_refused(
    db: Database, values: dict[str, Any], name: str, reason: str
) -> None:
    with pytest.raises(ValidationError) as made:
        Trip(**values)
    assert (made.value.column, made.value.reason) == (name, reason)
    async with db.transaction() as tx:
        trip = await tx.add(Trip(title="Home", id="t"))
        with pytest.raises(ValidationError) as changed:
            await tx.update(trip, **values)
        assert (changed.value.column, changed.value.reason) == (name, reason)
        assert await tx.get(Trip, "t") == trip


async def test_what_sqlite_computes_and_a_signal_holds_is_looked_at_too(db: Database) -> None:
    trip = await db.write(lambda tx: tx.add(Trip(title="Home", id="t")))
    shout: Any = signal("HOME")
    for change in (Trip.start.set(Trip.end + 1), Trip.title.set(shout)):
        with pytest.raises(
            ValidationError, match=r"ends before|Trip\.title is 'HOME', which is refused: nobody shouts"
        ):
            await db.write(lambda tx, change=change: tx.update(trip, change))  # type: ignore[misc]  # what is tested
    later = await db.write(lambda tx: tx.update(trip, Trip.end.set(Trip.end + 1), start=11, mail=None))
    assert (later.start, later.end) == (11, 11)


async def test_upsert_is_held_to_it(db: Database) -> None:
    await db.write(lambda tx: tx.add(Trip(title="Home", id="t", start=5)))
    with pytest.raises(ValidationError, match="ends before it starts"):
        await db.write(lambda tx: tx.upsert(Trip(title="Home", end=3), by=Trip.title))


async def test_plain_sql_and_queries_are_not_asked(db: Database) -> None:
    await db.execute("INSERT INTO trip (id, title, mail) VALUES ('a', 'SHOUT', 'nobody')")
    found = await db.fetch(Trip.where(Trip.mail == "nobody", Trip.title == "SHOUT"))
    assert [(one.title, one.mail) for one in found] == [("SHOUT", "nobody")]
    await db.write(lambda tx: tx.update(found[0], start=1))  # a column that isn't touched is let be


async def test_imported_rows_are_read_and_looked_at(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "trips.csv"
    file.write_text('title,mail,price\nHome,Ada@EXAMPLE.org,"1,200.50"\n')
    await db.import_file(file, Trip)
    assert [(one.mail, one.price) for one in await db.fetch(Trip)] == [("Ada@example.org", Decimal("1200.50"))]
    for line, reason in (("HOME,,0", "nobody shouts"), ("Home,ada,0", "no Email"), ("Home,,much", "holds no amount")):
        file.write_text(f"title,mail,price\n{line}\n")
        with pytest.raises(ImportFileError, match=reason):
            await db.import_file(file, Trip)


async def test_money_is_summed_by_sql_and_shown_as_an_amount(db: Database) -> None:
    total = await db.live(Trip.select(Trip.price.sum().as_("total"), Trip.price.max().as_("most")))
    async with db.transaction() as tx:
        await tx.add_all([Trip(title="a", price=Decimal("0.10")), Trip(title="b", price=Decimal("0.20"))])
    assert [*total.rows()] == [(Decimal("0.30"), Decimal("0.20"))]
    assert [one.title for one in await db.fetch(Trip.where(Trip.price > Decimal("0.15")))] == ["b"]
    with pytest.raises(QueryError, match=r"avg computes with numbers, and Trip\.price is Money; \.sum\(\) is exact"):
        Trip.price.avg()
    with pytest.raises(QueryError, match=r"\* computes with numbers, and Trip\.price is Money"):
        _ = Trip.price * Decimal(2)
    with pytest.raises(ParameterError, match=r"Trip\.price takes Money.*2 digits behind the point"):
        Trip(title="x", price=Decimal("0.001"))


def test_validator_that_is_none_is_refused() -> None:
    with pytest.raises(ModelError, match="validate takes a function of a value, not 'polite'"):
        column(validate="polite")  # type: ignore[arg-type]  # what is tested
