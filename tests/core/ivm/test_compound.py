"""UNION, INTERSECT and EXCEPT kept by what their parts give."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from eddyline import Database, Insert, Move, Remove, Update, View


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, v)")
        await db.execute("CREATE TABLE b (id INTEGER PRIMARY KEY, v TEXT COLLATE NOCASE)")
        yield db


def values(view: View) -> list[object]:
    return [row[0] for row in view.rows()]


async def test_a_row_that_two_parts_have_is_shown_once_until_both_have_lost_it(db: Database) -> None:
    view = await db.live("SELECT v FROM a UNION SELECT v FROM b")
    await db.execute("INSERT INTO a (v) VALUES ('x'), ('x')")
    await db.execute("INSERT INTO b (v) VALUES ('x'), ('y')")
    assert values(view) == ["x", "y"]
    await db.execute("DELETE FROM a")
    assert values(view) == ["x", "y"]
    await db.execute("DELETE FROM b WHERE v = 'x'")
    assert values(view) == ["y"]
    assert view.explain().data["rule"] == "delta"


async def test_a_set_compares_as_the_leftmost_part_does(db: Database) -> None:
    await db.execute("INSERT INTO a (v) VALUES ('X')")
    await db.execute("INSERT INTO b (v) VALUES ('x')")
    binary = await db.live("SELECT v FROM a INTERSECT SELECT v FROM b")
    nocase = await db.live("SELECT v FROM b INTERSECT SELECT v FROM a")
    assert (values(binary), values(nocase)) == ([], ["x"])


async def test_one_and_one_point_zero_are_one_row_that_shows_what_is_there(db: Database) -> None:
    await db.execute("INSERT INTO a (id, v) VALUES (1, 1), (2, 1.0)")
    view = await db.live("SELECT v FROM a UNION SELECT NULL ORDER BY 1 DESC")
    told: list[object] = []
    view.subscribe(told.extend)
    told.clear()
    await db.execute("DELETE FROM a WHERE id = 1")
    assert [repr(value) for value in values(view)] == ["1.0", "None"]
    assert [type(patch) for patch in told] == [Update]


async def test_except_lets_a_row_back_in_when_the_other_part_loses_it(db: Database) -> None:
    await db.execute("INSERT INTO a (v) VALUES ('x'), ('y')")
    await db.execute("INSERT INTO b (v) VALUES ('x')")
    view = await db.live("SELECT v FROM a EXCEPT SELECT v FROM b")
    assert values(view) == ["y"]
    await db.execute("DELETE FROM b")
    assert values(view) == ["x", "y"]


async def test_union_all_keeps_each_row_and_its_key_while_it_moves(db: Database) -> None:
    await db.execute("INSERT INTO a (id, v) VALUES (1, 'm')")
    await db.execute("INSERT INTO b (id, v) VALUES (1, 'm'), (2, 'n')")
    view = await db.live("SELECT v, 'a' AS which FROM a UNION ALL SELECT v, 'b' FROM b ORDER BY v LIMIT 2")
    told: list[object] = []
    view.subscribe(told.extend)
    told.clear()
    await db.execute("UPDATE a SET v = 'n' WHERE id = 1")
    assert [tuple(row) for row in view.rows()] == [("m", "b"), ("n", "a")]
    assert [type(patch) for patch in told] == [Move, Update]
    await db.execute("DELETE FROM b WHERE id = 1")
    assert [tuple(row) for row in view.rows()] == [("n", "a"), ("n", "b")]
    assert [type(patch) for patch in told[2:]] == [Remove, Insert]


async def test_values_without_a_table_stand_beside_what_follows_the_data(db: Database) -> None:
    view = await db.live("SELECT 'all' AS what, (SELECT count(*) FROM a) AS n UNION ALL SELECT v, 1 FROM b")
    await db.execute("INSERT INTO b (v) VALUES ('x')")
    await db.execute("INSERT INTO a (v) VALUES (1), (2)")
    assert [tuple(row) for row in view.rows()] == [("all", 2), ("x", 1)]
    assert view.explain().data["reason"].startswith("UNION ALL of 2 parts: a subquery beside no table")
