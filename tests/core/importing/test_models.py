"""Files into the tables of models: values take its form, what is missing is filled, what doesn't fit is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest

from eddyline import Column, Database, Existing, ImportFileError, Model, Ref, Text, column, ref

Write = Callable[[str, str | bytes], Path]

NOW = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)


class Size(Enum):
    SMALL = 1
    LARGE = 2


class Owner(Model):
    name: Column[str] = column(unique=True)


class Item(Model):
    title: Column[str] = column(unique=True)
    body: Text = Text()
    state: Column[Literal["open", "done"]] = column(default="open")
    size: Column[Size | None] = column(default=None)
    price: Column[Decimal | None] = column(default=None, scale=2)
    made: Column[datetime] = column(default_factory=lambda: NOW)
    due: Column[date | None] = column(default=None)
    at: Column[time | None] = column(default=None)
    hot: Column[bool] = column(default=False)
    n: Column[int] = column(default=7)
    r: Column[float | None] = column(default=None)
    tags: Column[list[Any] | None] = column(default=None)
    owner: Ref[Owner | None] = ref(default=None)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "items.db", poll_s=0, models=[Owner, Item]) as opened:
        yield opened


async def items(db: Database) -> list[Item]:
    return await db.fetch(Item.order_by(Item.title))


async def test_cells_become_what_the_model_holds(db: Database, write: Write) -> None:
    async with db.transaction() as tx:
        ada = await tx.add(Owner(name="Ada"))
    path = write(
        "item.csv",
        "title,body,state,size,price,made,due,at,hot,n,r,tags,owner\n"
        f'a,,done,2,12.5,2024-05-01T12:00+02:00,2024-05-02,10:30,yes,1,2,"[1, 2]",{ada.id}\n'
        "b,text,,,,,,,,,,,\n",
    )
    await db.import_file(path)
    a, b = await items(db)
    made = datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert tuple(a)[1:8] == ("a", "", "done", Size.LARGE, Decimal("12.50"), made, date(2024, 5, 2))
    assert tuple(a)[8:] == (time(10, 30), True, 1, 2.0, [1, 2], ada.id)
    assert tuple(b)[1:] == ("b", "text", "open", None, None, NOW, None, None, False, 7, None, None, None)
    assert [len(item.id) for item in (a, b)] == [26, 26]
    raw = await db.fetch("SELECT price, made, at FROM item WHERE title = 'a'")
    assert tuple(raw[0]) == ("p000000000000000012.50", "2024-05-01T10:00:00.000000Z", "10:30:00")
    assert (await db.fetch(Item.where(Item.made == made)))[0].title == "a"


async def test_json_values_become_what_the_model_holds(db: Database, write: Write) -> None:
    records = [
        {"title": "a", "size": 1, "price": 3, "made": "2024-05-01T00:00:00Z", "hot": True, "tags": ["x"]},
        {"title": "b", "price": "0.5", "hot": 1},
    ]
    await db.import_file(write("t.json", json.dumps(records)), Item)
    a, b = await items(db)
    assert (a.size, a.price, a.hot, a.tags, a.n) == (Size.SMALL, Decimal(3), True, ["x"], 7)
    assert (b.price, b.hot, b.made) == (Decimal("0.50"), True, NOW)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ("x,2024-05-01T12:00,,,,", "item.made is a datetime without a time zone"),
        ("x,soon,,,,", "item.made takes datetime, not 'soon'"),
        ("x,,9.999,,,", "item.price is 9.999; the column has scale 2"),
        ("x,,,maybe,,", "item.hot takes bool, not 'maybe'"),
        ("x,,,,closed,", "item.state takes one of 'open', 'done', not 'closed'"),
        ("x,,,,,3", "item.size takes Size, not 3"),
    ],
)
async def test_value_that_the_model_could_not_read_is_refused_with_its_line(
    db: Database, write: Write, record: str, says: str
) -> None:
    path = write("item.csv", f"title,made,price,hot,state,size\n{record}\n")
    with pytest.raises(ImportFileError) as caught:
        await db.import_file(path)
    assert (caught.value.line, says in str(caught.value)) == (2, True), str(caught.value)
    assert await items(db) == []


async def test_update_by_another_key_leaves_id_and_what_the_file_does_not_say(db: Database, write: Write) -> None:
    await db.import_file(write("a.csv", "title,n,made\na,1,2024-01-01T00:00:00Z\n"), Item)
    (before,) = await items(db)
    await db.import_file(write("b.ndjson", '{"title": "a", "n": 2}\n{"title": "b", "id": ""}\n'), Item, key="title")
    a, b = await items(db)
    assert (a.id, a.n, a.made) == (before.id, 2, before.made)
    assert (len(b.id), b.n, b.made) == (26, 7, NOW)
    await db.import_file(write("c.csv", "title,id,made\na,other,2025-01-01T00:00:00Z\n"), Item, key="title")
    (a, _) = await items(db)
    assert (a.id, a.made.year) == (before.id, 2025)


async def test_tables_of_models_go_round_through_files(db: Database, write: Write, tmp_path: Path) -> None:
    full = {
        "size": 2,
        "price": "-1.25",
        "due": "2024-01-01",
        "at": "01:02:03",
        "tags": '["a"]',
        "owner": None,
        "r": 1.5,
    }
    await db.import_file(write("a.json", json.dumps([{"title": "a", **full}, {"title": "b"}])), Item)
    before = await items(db)
    async with Database.open(tmp_path / "copy.db", models=[Owner, Item]) as copy:
        await copy.import_file(tmp_path / "items.db")
        assert await copy.fetch(Item.order_by(Item.title)) == before
    raw = await db.fetch("SELECT * FROM item")
    lines = [json.dumps(row.as_dict()) for row in raw]
    async with Database.open(tmp_path / "again.db", models=[Owner, Item]) as again:
        await again.import_file(write("item.ndjson", "\n".join(lines)))
        assert await again.fetch(Item.order_by(Item.title)) == before


async def test_existing_model_takes_a_file_too(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE log (day TEXT, n INTEGER PRIMARY KEY)")

    class Log(Existing):
        n: Column[int] = column(primary_key=True)
        day: Column[date]

    await db.import_file(write("log.csv", "day\n2024-01-01\n"), Log)
    assert [tuple(row) for row in await db.fetch(Log)] == [(1, date(2024, 1, 1))]
    with pytest.raises(ImportFileError, match=r"log.day takes date, not 'today'"):
        await db.import_file(write("log.csv", "day\ntoday\n"), Log)


async def test_model_whose_table_is_not_there_is_told(db: Database, write: Write) -> None:
    class Other(Model):
        name: Column[str]

    with pytest.raises(ImportFileError, match=r"open the database with models=\[Other\]"):
        await db.import_file(write("x.csv", "name\na\n"), Other)


async def test_a_column_that_the_model_lacks_is_declared_there_and_never_added(db: Database, write: Write) -> None:
    with pytest.raises(ImportFileError, match=r"item has no column 'colour'; it has: .*; declare them in Item"):
        await db.import_file(write("x.csv", "title,colour\na,red\n"), Item, alter=True)
    assert await items(db) == []


async def test_a_reference_may_be_left_empty_and_leads_somewhere_else_it_is_refused(db: Database, write: Write) -> None:
    await db.import_file(write("a.csv", "title,owner\na,\n"), Item)
    with pytest.raises(ImportFileError, match="a row refers to one that is not there"):
        await db.import_file(write("b.csv", "title,owner\nb,nobody\n"), Item)
    assert [item.title for item in await items(db)] == ["a"]
