"""The widget of a table, over a comm without a kernel: snapshot, numbers, selection, sort, edits, its end."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from eddyline import Column, Database, Model, View
from eddyline.bindings.jupyter import LiveTable
from eddyline.signals import ManualClock, Scope

from ..fake_view import FakeView
from .fake_comm import FakeComm


class Issue(Model):
    title: Column[str]
    votes: Column[int]


def a_table(rows: int = 4, **options: Any) -> tuple[LiveTable, FakeView, ManualClock]:
    clock, view = ManualClock(), FakeView(["id", "n"], [(i, i * 10) for i in range(rows)])
    table: Any = LiveTable(view, clock=clock, **options)  # type: ignore[arg-type]  # as much of a view as it uses
    clock.advance(1)
    return table, view, clock


def test_page_that_is_opened_starts_from_the_snapshot(comms: list[FakeComm]) -> None:
    a_table()
    snapshot = comms[0].data["state"]["snapshot"]
    assert (snapshot["rows"], snapshot["total"]) == ([[0, 0], [1, 10], [2, 20], [3, 30]], 4)


def test_page_that_is_opened_later_starts_from_what_is_there_then(comms: list[FakeComm]) -> None:
    table, view, _ = a_table()
    view.remove(0)
    assert [row[0] for row in table.get_state()["snapshot"]["rows"]] == [1, 2, 3]


def test_patches_of_many_commits_are_one_message_a_frame(comms: list[FakeComm]) -> None:
    _, view, clock = a_table()
    comms[0].say(op="want", id="a", first=0, size=10)
    comms[0].sent.clear()
    for n in range(100):
        view.update(0, (0, n))
    clock.advance(0.04)
    (message,) = comms[0].heard()
    assert message["windows"]["a"]["ops"] == [["u", 0, {"1": 99}]]


def test_latest_number_goes_by_a_traitlet_once_it_is_quiet(comms: list[FakeComm]) -> None:
    """So that a page finds out that the last message was lost."""
    _, view, clock = a_table()
    comms[0].say(op="want", id="a", first=0, size=10)
    view.remove(0)
    clock.advance(0.04)
    view.remove(0)
    clock.advance(0.04)
    (*_, last) = comms[0].heard()
    assert comms[0].traits() == {}
    clock.advance(1)
    assert comms[0].traits()["latest"] == last["n"]


def test_two_pages_of_one_widget_have_windows_of_their_own(comms: list[FakeComm]) -> None:
    _, view, clock = a_table(1000)
    comms[0].say(op="want", id="a", first=0, size=2)
    comms[0].say(op="want", id="b", first=900, size=2)
    comms[0].sent.clear()
    view.update(900, (900, 1))
    clock.advance(0.04)
    (message,) = comms[0].heard()
    assert message["windows"] == {"b": {"first": 900, "ops": [["u", 0, {"1": 1}]]}}


def test_page_that_went_is_told_no_more(comms: list[FakeComm]) -> None:
    _, view, clock = a_table()
    comms[0].say(op="want", id="a", first=0, size=2)
    comms[0].say(op="gone", id="a")
    comms[0].sent.clear()
    view.update(0, (0, 1))
    clock.advance(1)
    assert comms[0].sent == []


def test_sort_and_selection_of_a_page_are_signals(comms: list[FakeComm]) -> None:
    table, _, _ = a_table()
    for _ in range(2):
        comms[0].say(op="sort", column=1)
    comms[0].say(op="want", id="a", first=0, size=2)
    (rows,) = comms[0].heard()
    comms[0].say(op="select", ids=[rows["ids"][0]])
    assert rows["rows"] == [[3, 30], [2, 20]]
    assert (table.sort(), table.selected_keys(), table.selected()) == (("n", True), (3,), ((3, 30),))


def test_clicks_on_a_head_that_come_before_their_effect_is_shown_count_one_after_the_other(
    comms: list[FakeComm],
) -> None:
    table, _, _ = a_table()
    sorts = []
    for column in (1, 1, 1, 1, 0, 0):  # nothing is said to the page between them
        comms[0].say(op="sort", column=column)
        sorts.append(table.sort())
    assert sorts == [("n", False), ("n", True), None, ("n", False), ("id", False), ("id", True)]


def test_range_is_selected_in_the_order_shown(comms: list[FakeComm]) -> None:
    table, _, _ = a_table(50_000)
    table.sort.set(("n", True))
    comms[0].say(op="range", **{"from": 0, "to": 39_999})
    assert (table.selected_keys()[0], len(table.selected_keys())) == (49_999, 40_000)


def test_selected_rows_follow_the_view_and_go_with_their_rows(comms: list[FakeComm]) -> None:
    table, view, _ = a_table()
    table.selected_keys.set((1, 2))
    view.update(1, (1, 99))
    view.remove(2)
    assert table.selected() == ((1, 99),)


def test_selection_made_in_python_reaches_pages(comms: list[FakeComm]) -> None:
    table, _, _ = a_table()
    comms[0].say(op="want", id="a", first=0, size=4)
    (rows,) = comms[0].heard()
    table.selected_keys.set((2,))
    assert comms[0].traits()["selected_ids"] == [rows["ids"][2]]


def test_sort_by_a_column_that_is_not_there_says_which_are(comms: list[FakeComm]) -> None:
    table, _, _ = a_table()
    with pytest.raises(Exception, match="no column 'size' to sort by; there are: id, n"):
        table.sort.set(("size", False))


@pytest.mark.parametrize(
    "message", [{"op": "want"}, {"op": "sort", "column": 99}, {"op": "select", "ids": [12345]}, {}]
)
def test_message_without_sense_is_left_alone(
    message: dict[str, Any], comms: list[FakeComm], caplog: pytest.LogCaptureFixture
) -> None:
    table, _, _ = a_table()
    with caplog.at_level(logging.WARNING, "eddyline"):
        comms[0].say(**message)
    assert "is left alone" in caplog.text
    assert (table.sort(), table.selected_keys()) == (None, ())


async def test_message_that_comes_on_another_thread_is_done_on_the_loop(comms: list[FakeComm]) -> None:
    table = LiveTable(FakeView(["id"], [(1,)]))  # type: ignore[arg-type]  # as much of a view as it uses
    await asyncio.to_thread(lambda: comms[0].say(op="want", id="a", first=0, size=1))
    await asyncio.sleep(0)
    assert [message["op"] for message in comms[0].heard()] == ["rows"]
    table.close()


def test_closing_ends_the_subscription_and_the_comm(comms: list[FakeComm]) -> None:
    table, view, _ = a_table()
    table.close()
    table.close()
    assert (view.listeners, comms[0].closed) == (0, True)


def test_scope_closes_the_tables_made_in_it(comms: list[FakeComm]) -> None:
    with Scope("cell"):
        table, _, _ = a_table()
    assert table.closed


# --- over a database


async def an_edit(db: Database, view: View[Any], comms: list[FakeComm], column: int, text: str) -> str | None:
    """Return what a page is answered that edits a cell of the first row."""
    table = LiveTable(view, clock=ManualClock())
    comms[0].say(op="want", id="a", first=0, size=9)
    (rows,) = comms[0].heard()
    comms[0].say(op="edit", id=rows["ids"][0], column=column, text=text, ask=1, page="a")
    await asyncio.gather(*table._tasks)
    (answer,) = [message for message in comms[0].heard() if message["op"] == "edited"]
    table.close()
    error: str | None = answer["error"]
    return error


async def test_cell_of_a_model_query_is_edited_in_place(comms: list[FakeComm]) -> None:
    async with Database.open(":memory:", models=[Issue]) as db:
        await db.write(lambda tx: tx.add(Issue(title="Slow", votes=1)))
        view = await db.live(Issue.order_by(Issue.title))
        at = view.columns.index("votes")
        assert await an_edit(db, view, comms, at, "42") is None
        assert view.rows()[0].votes == 42


async def test_edit_that_the_column_refuses_says_why_and_writes_nothing(comms: list[FakeComm]) -> None:
    async with Database.open(":memory:", models=[Issue]) as db:
        await db.write(lambda tx: tx.add(Issue(title="Slow", votes=1)))
        view = await db.live(Issue.order_by(Issue.title))
        error = await an_edit(db, view, comms, view.columns.index("votes"), "many")
        assert error is not None
        assert "many" in error
        assert view.rows()[0].votes == 1


async def test_rows_of_sql_text_are_not_edited_and_it_says_why(comms: list[FakeComm]) -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
        await db.execute("INSERT INTO t VALUES (1, 'x')")
        view = await db.live("SELECT * FROM t")
        error = await an_edit(db, view, comms, 1, "y")
        assert error is not None
        assert "only rows of a model can be edited" in error


async def test_view_that_shows_a_window_is_moved_to_where_the_page_scrolls(comms: list[FakeComm]) -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
        await db.executemany("INSERT INTO t VALUES (?, ?)", [(i, i) for i in range(5000)])
        view = await db.live("SELECT id, a FROM t ORDER BY id")
        await view.window(0, 50)
        clock = ManualClock()
        table = LiveTable(view, clock=clock)
        comms[0].say(op="want", id="a", first=4000, size=3)
        await asyncio.gather(*table._tasks)
        clock.advance(0.1)
        (empty, told) = comms[0].heard()
        assert (empty["total"], empty["rows"]) == (5000, [])
        assert told["windows"]["a"]["first"] == 4000
        assert [row[0] for row in view.peek()] == [4000, 4001, 4002]
        table.close()
