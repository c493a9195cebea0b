"""Views as data frames: the real pandas, polars and pyarrow, column types, NULLs, empty views."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa

from eddyline import Column, Database, MissingLibraryError, Model, View, column, computed


class Level(Enum):
    LOW = 1
    HIGH = 2


class Order(Model):
    n: Column[int]
    share: Column[float | None] = column(default=None)
    note: Column[str | None] = column(default=None)
    raw: Column[bytes | None] = column(default=None)
    paid: Column[bool | None] = column(default=None)
    day: Column[dt.date | None] = column(default=None)
    at: Column[dt.time | None] = column(default=None)
    made: Column[dt.datetime | None] = column(default=None)
    price: Column[Decimal | None] = column(default=None, scale=2)
    level: Column[Level | None] = column(default=None)
    state: Column[Literal["open", "done"] | None] = column(default=None)
    extra: Column[dict[str, int] | None] = column(default=None)


FULL = Order(
    n=1, share=0.5, note="é", raw=b"\0", paid=True, day=dt.date(2026, 5, 1), at=dt.time(8, 30),
    made=dt.datetime(2026, 5, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2))), price=Decimal("-1.50"),
    level=Level.HIGH, state="open", extra={"a": 1},
)  # fmt: skip
IN_UTC = dt.datetime(2026, 5, 1, 10, tzinfo=dt.UTC)

POLARS: dict[str, Any] = {
    "n": pl.Int64, "share": pl.Float64, "note": pl.String, "raw": pl.Binary, "paid": pl.Boolean, "day": pl.Date,
    "at": pl.Time, "made": pl.Datetime("us", "UTC"), "price": pl.Decimal(38, 2), "level": pl.Int64, "state": pl.String,
    "extra": pl.String,
}  # fmt: skip
ARROW = {
    "n": pa.int64(), "share": pa.float64(), "note": pa.string(), "raw": pa.binary(), "paid": pa.bool_(),
    "day": pa.date32(), "at": pa.time64("us"), "made": pa.timestamp("us", "UTC"), "price": pa.decimal128(38, 2),
    "level": pa.int64(), "state": pa.string(), "extra": pa.string(),
}  # fmt: skip


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "t.db", models=[Order]) as opened:
        await opened.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL, s TEXT, b BLOB, any, num NUMERIC)")
        yield opened


async def every_kind(db: Database) -> View[Any]:
    return await db.live(Order.select(*(getattr(Order, name) for name in POLARS)).order_by(Order.n))


async def test_every_kind_of_a_model_has_its_type_with_and_without_rows(db: Database) -> None:
    view = await every_kind(db)
    found: list[Order]
    for found in ([], [FULL], [Order(n=2)]):
        async with db.transaction() as tx:
            await tx.add_all(found)
        schema = pa.table(view).schema
        assert dict(view.pl().schema) == POLARS
        assert dict(zip(schema.names, schema.types, strict=True)) == ARROW


async def test_values_and_nulls_arrive(db: Database) -> None:
    view = await every_kind(db)
    await db.write(lambda tx: tx.add_all([FULL, Order(n=2)]))
    day, at = dt.date(2026, 5, 1), dt.time(8, 30)
    first = (1, 0.5, "é", b"\0", True, day, at, IN_UTC, Decimal("-1.50"), 2, "open", '{"a":1}')
    second = (2, *[None] * 11)
    assert view.pl().rows() == [first, second]
    assert [tuple(row.values()) for row in pa.table(view).to_pylist()] == [first, second]
    frame = view.df()
    assert frame.dtypes.astype(str).to_dict() == {
        "n": "int64", "share": "float64", "note": "str", "raw": "object", "paid": "boolean", "day": "object",
        "at": "object", "made": "datetime64[us, UTC]", "price": "object", "level": "Int64", "state": "str",
        "extra": "object",
    }  # fmt: skip
    assert frame.isna().to_numpy().tolist() == [[False] * 12, [False] + [True] * 11]
    assert (frame["extra"][0], frame["price"][0], frame["made"][0]) == ({"a": 1}, Decimal("-1.50"), IN_UTC)


async def test_rows_of_a_model_have_the_types_of_its_columns(db: Database) -> None:
    view = await db.live(Order)
    assert view.pl().schema["price"] == pl.Decimal(38, 2)
    assert view.df().columns.tolist() == ["id", *POLARS]


async def test_empty_view_of_a_text_has_the_types_of_its_plan(db: Database) -> None:
    view = await db.live("SELECT id, r, s, b, any, count(*) AS n, sum(r) AS sum, max(s) AS top FROM t GROUP BY id")
    assert dict(view.pl().schema) == {
        "id": pl.Int64, "r": pl.Float64, "s": pl.String, "b": pl.Binary, "any": pl.Null, "n": pl.Int64,
        "sum": pl.Float64, "top": pl.String,
    }  # fmt: skip
    frame = view.df()
    assert (len(frame), frame["id"].dtype, frame["r"].dtype, frame["s"].dtype) == (0, "int64", "float64", "str")


async def test_values_widen_what_is_declared(db: Database) -> None:
    await db.executemany(
        "INSERT INTO t (id, r, num, any) VALUES (?, ?, ?, ?)", [(1, 1, 1, 1), (2, None, 2.5, "x"), (3, 2, None, b"\1")]
    )
    view = await db.live("SELECT r, num, any, id + 0 AS i FROM t ORDER BY id")
    assert view.pl().to_dict(as_series=False) == {
        "r": [1.0, None, 2.0], "num": [1.0, 2.5, None], "any": ["1", "x", "x'01'"], "i": [1, 2, 3],
    }  # fmt: skip
    assert view.df()["any"].tolist() == [1, "x", b"\1"]


async def test_declared_type_that_no_value_has_gives_way_to_the_values(db: Database) -> None:
    await db.execute("INSERT INTO t (r) VALUES ('much')")
    view = await db.live("SELECT r FROM t")
    assert view.pl().to_dict(as_series=False) == {"r": ["much"]}


async def test_integers_keep_64_bits_and_nulls(db: Database) -> None:
    await db.executemany("INSERT INTO t (any) VALUES (?)", [(2**63 - 1,), (-(2**63),), (None,)])
    view = await db.live("SELECT any FROM t ORDER BY id")
    assert view.pl()["any"].to_list() == [2**63 - 1, -(2**63), None]
    assert view.df()["any"].tolist() == [2**63 - 1, -(2**63), pd.NA]


async def test_columns_of_one_name_are_told_apart(db: Database) -> None:
    view = await db.live("SELECT 1 AS n, 'a' AS n, 2 AS n")
    assert view.pl().to_dict(as_series=False) == {"n": [1], "n:1": ["a"], "n:2": [2]}
    assert view.df().columns.tolist() == ["n", "n:1", "n:2"]
    assert pa.table(view).column_names == ["n", "n:1", "n:2"]


async def test_values_of_other_libraries_arrive(db: Database) -> None:
    await db.execute("CREATE TABLE o (made, key)")
    await db.execute("INSERT INTO o VALUES ('2026-05-01 12:00:00', 'f47ac10b58cc4372a5670e02b2c3d479')")
    o = sa.table("o", sa.column("made", sa.DateTime), sa.column("key", sa.Uuid))
    view = await db.live(sa.select(o.c.made, o.c.key))
    empty = await db.live(sa.select(o.c.made, sa.cast(o.c.key, sa.Numeric(8, 3)).label("num")).where(sa.false()))
    assert dict(empty.pl().schema) == {"made": pl.Datetime("us"), "num": pl.Decimal(38, 3)}
    assert view.pl().rows() == [(dt.datetime(2026, 5, 1, 12), "f47ac10b-58cc-4372-a567-0e02b2c3d479")]  # noqa: DTZ001
    assert view.df()["made"].dtype == "datetime64[us]"


async def test_arrow_stream_is_read_by_polars_and_pandas(db: Database) -> None:
    view = await db.live("SELECT 1 AS n, NULL AS x")
    assert pl.DataFrame(view).rows() == [(1, None)]
    assert pd.DataFrame.from_arrow(view).to_dict("list") == {"n": [1], "x": [None]}


async def test_frame_in_a_computed_follows_the_view(db: Database) -> None:
    view = await db.live("SELECT id FROM t ORDER BY id")
    total = computed(lambda: int(view.df()["id"].sum()))
    before = view.df()
    assert total() == 0
    await db.execute("INSERT INTO t (id) VALUES (4), (5)")
    assert (total(), len(before)) == (9, 0)


async def test_library_that_is_missing_is_named_with_what_to_install(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = await db.live("SELECT 1 AS n")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert pl.DataFrame(view).rows() == [(1,)]
    monkeypatch.setitem(sys.modules, "polars", None)
    monkeypatch.setitem(sys.modules, "pandas", None)
    for ask, library in ((view.df, "pandas"), (view.pl, "polars"), (view.__arrow_c_stream__, "pyarrow")):
        extra = library.removeprefix("py")
        with pytest.raises(MissingLibraryError, match=rf"takes {library}, .* 'eddyline\[{extra}\]'") as found:
            ask()
        assert found.value.library == library


async def test_closed_view_still_gives_its_rows(db: Database) -> None:
    view = await db.live("SELECT 1 AS n")
    view.close()
    assert view.pl().rows() == [(1,)]
