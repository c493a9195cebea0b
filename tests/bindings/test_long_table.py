"""`LongTable`: a list of any length, of which only what is near the screen is held."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from textual.pilot import Pilot

from eddyline import Database, View
from eddyline.bindings.textual import LongTable

from .table_app import TableApp, lines

SIZE = (40, 11)  # a title and ten rows
LENGTH = 20_000


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:") as opened:
        await opened.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
        await opened.executemany("INSERT INTO t VALUES (?, ?)", [(at, f"row {at}") for at in range(LENGTH)])
        yield opened


async def settle(pilot: Pilot[None], db: Database) -> None:
    """Let moves come, be filled and be drawn."""
    for _ in range(4):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        await db.settled()
    await pilot.pause()


def names(table: LongTable) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in lines(table)[1:]]


async def shown(db: Database) -> tuple[View[Any], LongTable, TableApp]:
    view = await db.live_window("SELECT id, name FROM t ORDER BY id")
    table = LongTable(view)
    return view, table, TableApp(table)


async def test_a_table_is_as_long_as_the_list_and_holds_what_is_near_the_screen(db: Database) -> None:
    view, table, app = await shown(db)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot, db)
        assert (table.row_count, table.virtual_size.height) == (LENGTH, LENGTH + 1)
        table.scroll_to(y=10_000, animate=False)
        await settle(pilot, db)
        assert names(table) == [f"row {at}" for at in range(10_000, 10_010)]
        assert (view.first, len(view), view.size.rows) == (9_980, 50, 100)


async def test_rows_that_are_not_there_yet_are_dots_and_the_last_place_scrolled_to_is_brought(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, table, app = await shown(db)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot, db)
        moves: list[tuple[int, int]] = []
        window = view._owner.move

        async def noted(one: Any, first: int, size: int) -> None:
            moves.append((first, size))
            await window(one, first, size)

        monkeypatch.setattr(view._owner, "move", noted)
        for place in (4_000, 8_000, 12_000):
            table.scroll_to(y=place, animate=False, immediate=True)
        assert lines(table)[1:] == [" …"] * 10
        await settle(pilot, db)
        assert names(table)[0] == "row 12000"
        assert moves == [(11_980, 50)]


async def test_a_list_that_grows_where_nobody_looks_makes_the_table_longer(db: Database) -> None:
    _, table, app = await shown(db)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot, db)
        await db.execute("INSERT INTO t VALUES (?, 'new')", LENGTH)
        await settle(pilot, db)
        assert (table.row_count, table.virtual_size.height) == (LENGTH + 1, LENGTH + 2)
        await db.execute("UPDATE t SET name = 'changed' WHERE id = 3")
        await settle(pilot, db)
        assert names(table)[3] == "changed"


async def test_the_cursor_goes_to_the_end_and_back_and_is_told_when_its_row_is_there(db: Database) -> None:
    _, table, app = await shown(db)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot, db)
        await pilot.press("end")
        await settle(pilot, db)
        assert (table.cursor_index, table.cursor_row) == (LENGTH - 1, (LENGTH - 1, f"row {LENGTH - 1}"))
        await pilot.press("enter", "home")
        await settle(pilot, db)
        assert table.cursor_row == (0, "row 0")
        assert app.seen == [
            "highlighted (0,) at 0", f"highlighted ({LENGTH - 1},) at {LENGTH - 1}",
            f"selected ({LENGTH - 1},) at {LENGTH - 1}", "highlighted (0,) at 0",
        ]  # fmt: skip


async def test_the_cursor_stays_on_its_row_when_one_comes_in_above(db: Database) -> None:
    _, table, app = await shown(db)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot, db)
        table.move_cursor(5)
        await db.execute("INSERT INTO t VALUES (-1, 'first')")
        await settle(pilot, db)
        assert (table.cursor_index, table.cursor_row) == (6, (5, "row 5"))
        await db.execute("DELETE FROM t")
        await settle(pilot, db)
        assert (table.row_count, table.cursor_index, lines(table)[1]) == (0, -1, " no rows")
        assert app.seen[-1] == "emptied"


async def test_a_table_that_owns_its_view_ends_with_it_and_one_whose_database_is_closed_stays(db: Database) -> None:
    view = await db.live_window("SELECT id, name FROM t ORDER BY id")
    other = await db.live_window("SELECT id FROM t ORDER BY id DESC")
    table = LongTable(view, own=True)
    app = TableApp(table)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot, db)
        table.show(other)
        assert (view.closed, other.closed) == (True, False)
        await settle(pilot, db)
        assert lines(table)[1].strip() == str(LENGTH - 1)
        await db.close()
        table.scroll_to(y=5_000, animate=False)
        await pilot.pause()
        assert lines(table)[1] == " …"
