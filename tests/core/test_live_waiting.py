"""Views beside what waits: a debounced parameter, a view that is watched, fetched from, or sent to ReactiveX."""

from __future__ import annotations

import asyncio
from typing import Any

from eddyline import Database
from eddyline.bindings.rx import to_observable
from eddyline.signals import ManualClock, debounced, resource, signal, until, watch


async def test_view_takes_a_debounced_signal_as_a_parameter() -> None:
    clock, text = ManualClock(), signal("a")
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (name TEXT)")
        await db.executemany("INSERT INTO t VALUES (?)", [("a",), ("ab",), ("abc",)])
        view = await db.live("SELECT name FROM t WHERE name = ?", debounced(text, 0.2, clock=clock))
        text.set("ab")
        text.set("abc")
        await asyncio.sleep(0)
        assert [tuple(row) for row in view.rows()] == [("a",)]
        clock.advance(0.2)
        await until(lambda: [tuple(row) for row in view.rows()] == [("abc",)])


async def test_view_can_be_watched_and_sent_to_reactivex_and_be_a_source() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (n INTEGER)")
        view = await db.live("SELECT n FROM t ORDER BY n")
        sizes: list[int] = []
        subscription = to_observable(view).subscribe(lambda rows: sizes.append(len(rows)))

        async def total(rows: tuple[Any, ...]) -> int:
            return sum(row[0] for row in rows)

        found = resource(total, view)
        assert await found.ready() == 0
        values = watch(view)
        assert await anext(values) == ()
        await db.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
        assert [tuple(row) for row in await anext(values)] == [(1,), (2,)]
        await until(lambda: found.value == 3)
        assert sizes == [0, 2]
        found.close()
        subscription.dispose()
