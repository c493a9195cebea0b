"""Computed columns: SQLite makes their values, rows have them, queries are made of them, nobody sets them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eddyline import (
    Column,
    Database,
    Model,
    ModelError,
    ParameterError,
    SchemaMismatchError,
    column,
    generated,
)  # fmt: skip
from eddyline.core.schema.ddl import create_table


class Item(Model):
    name: Column[str]
    price: Column[int] = column(default=1, check="price >= 0")
    count: Column[int] = column(default=1)
    total: Column[int] = generated("price * count", index=True)
    label: Column[str] = generated("name || ' x' || count", name="caption")


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Item]) as database:
        yield database


def test_table_computes_them() -> None:
    assert create_table(Item.__table__).splitlines()[-3:-1] == [
        "    total INTEGER GENERATED ALWAYS AS (price * count) VIRTUAL,",
        "    caption TEXT GENERATED ALWAYS AS (name || ' x' || count) VIRTUAL",
    ]


async def test_rows_that_are_written_have_them(db: Database) -> None:
    async with db.transaction() as tx:
        tea = await tx.add(Item(name="Tea", price=3, count=2))
        assert (tea.total, tea.label) == (6, "Tea x2")
        more = await tx.add_all([Item(name="Oats"), Item(name="Milk", count=4)])
        assert [one.label for one in more] == ["Oats x1", "Milk x4"]
        tea = await tx.update(tea, count=5)
        assert (tea.total, tea.label) == (15, "Tea x5")
        tea = await tx.upsert(Item(name="Tea", price=2), by=Item.name)
        assert tea.total == 10
    assert (await db.get(Item, tea.id)) == tea
    assert Item(name="New").total is None  # nothing has computed it yet


async def test_live_queries_follow_them(db: Database) -> None:
    dear = await db.live(Item.where(Item.total >= 6).order_by(Item.total.desc()).select(Item.label, Item.total))
    whole = await db.live(Item.select(Item.total.sum().as_("n")))
    tea = await db.write(lambda tx: tx.add(Item(name="Tea", price=3, count=2)))
    await db.write(lambda tx: tx.add(Item(name="Oats", price=5, count=1)))
    assert ([*dear.rows()], [*whole.rows()]) == ([("Tea x2", 6)], [(11,)])
    await db.execute("UPDATE item SET count = 3")
    assert ([*dear.rows()], [*whole.rows()]) == ([("Oats x3", 15), ("Tea x3", 9)], [(24,)])
    watched = await tea.watch()
    await db.execute("UPDATE item SET price = 0 WHERE name = 'Tea'")
    assert watched.cell(Item.total)() == 0
    assert [view.explain().data["rule"] for view in (dear, whole)] == ["delta", "delta"]


async def test_nobody_sets_them(db: Database) -> None:
    tea = await db.write(lambda tx: tx.add(Item(name="Tea")))
    with pytest.raises(ParameterError, match=r"Item\.total is computed by SQLite: leave it out"):
        Item(name="x", total=3)  # type: ignore[call-arg]  # what is tested
    for change in ({"total": 3}, {"label": "x"}):
        with pytest.raises(ParameterError, match="is computed by SQLite and can't be set"):
            await db.write(lambda tx, change=change: tx.update(tea, **change))  # type: ignore[misc]  # what is tested
    with pytest.raises(ParameterError, match="is computed by SQLite and can't be set"):
        await db.write(lambda tx: tx.update(tea, Item.total.set(3)))


async def test_example_rows_have_them(db: Database) -> None:
    items = await db.seed(Item, 20)
    assert items == await db.fetch(Item)
    assert all(one.total == one.price * one.count for one in items)


async def test_one_that_the_model_has_gained_is_added(tmp_path: Path) -> None:
    class Before(Model, table="item"):
        name: Column[str]
        price: Column[int] = column(default=1, check="price >= 0")
        count: Column[int] = column(default=1)

    class Written(Model, table="item"):
        name: Column[str]
        price: Column[int] = column(default=1, check="price >= 0")
        count: Column[int] = column(default=1)
        total: Column[int] = column(default=0)
        label: Column[str] = generated("name || ' x' || count", name="caption")

    file = tmp_path / "x.db"
    async with Database.open(file, models=[Before]) as db:
        await db.write(lambda tx: tx.add(Before(name="Tea", price=3, count=2)))
    for _ in range(2):
        async with Database.open(file, models=[Item]) as db:
            assert [(one.total, one.label) for one in await db.fetch(Item)] == [(6, "Tea x2")]
    with pytest.raises(SchemaMismatchError, match=r"item\.total is computed in the file, written in the model"):
        await Database.open(file, models=[Written])


async def test_sql_that_is_none_is_refused(tmp_path: Path) -> None:
    class Odd(Model):
        name: Column[str]
        twice: Column[str] = generated("nmae || nmae")

    with pytest.raises(SchemaMismatchError, match="no such column: nmae"):
        await Database.open(tmp_path / "x.db", models=[Odd])
    with pytest.raises(ModelError, match="generated takes SQL as a text, not ''"):
        generated("")
