"""`db.live_many`: many queries of one text are filled together, exactly as one by one, and cost little."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from eddyline import Column, Database, Model, ParameterError, Scope, SqlSyntaxError, View, param, signal
from eddyline.core.ivm.together import SETS_MAX, Together

VALUES = (None, 0, 1, 1.0, 2, "1", "a", "A", "a ", b"a", -1.5, 9_007_199_254_740_993, "")
TEXTS = {
    "SELECT id, i FROM t WHERE i = ? ORDER BY id DESC": True,
    "SELECT id, n FROM t WHERE n = ? ORDER BY r": True,
    "SELECT id, r FROM t WHERE ? = r": True,
    "SELECT id, x FROM t WHERE x = ?": True,
    "SELECT id, f FROM t WHERE f = ?": True,
    "SELECT t.id, u.id AS u FROM t JOIN u ON u.k = t.n WHERE u.id = ? AND t.id > 2": True,
    "SELECT t.id FROM t CROSS JOIN u WHERE u.k = ? ORDER BY u.k, t.x": True,
    "SELECT id FROM t WHERE n > ?": False,
    "SELECT id, ? AS v FROM t WHERE id < 3": False,
    "SELECT id FROM t WHERE n = ? LIMIT 2": False,
    "SELECT n, count(*) AS c FROM t WHERE n <> ? GROUP BY n": False,
    "SELECT a.id FROM t AS a LEFT JOIN u ON u.k = a.n WHERE a.x = ?": False,
    "SELECT id, random() * 0 AS z FROM t WHERE i = ?": False,
}


async def filled(db: Database) -> None:
    await db.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, i INT, n TEXT COLLATE NOCASE, r TEXT COLLATE RTRIM, x, f REAL)"
    )
    await db.execute("CREATE TABLE u (id INTEGER PRIMARY KEY, k TEXT)")
    await db.executemany("INSERT INTO t (i, n, r, x, f) VALUES (?, ?, ?, ?, ?)", [(v,) * 5 for v in VALUES * 2])
    await db.executemany("INSERT INTO u (k) VALUES (?)", [(v,) for v in ("a", "A", "b", "1")])


@pytest.mark.parametrize("text", TEXTS)
async def test_views_filled_together_show_and_follow_what_each_query_gives(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read = Together.read

    def noted(self: Together, conn: Any, many: Any) -> Any:
        reads.append(len(many))
        return read(self, conn, many)

    monkeypatch.setattr(Together, "read", noted)
    async with Database.open(":memory:") as db:
        await filled(db)
        views = await db.live_many(*((text, value) for value in VALUES))
        assert reads == ([len(VALUES) - 1] if TEXTS[text] else [])

        async def check() -> None:
            await db.settled()
            for view in views:
                data, params = view.explain().data, view._shared.program.params
                named = params if data["rule"] != "re-run" else {}
                found = await db.fetch(data["defining_sql"], *([] if named else view.params), **named)
                assert [tuple(row) for row in view.rows()] == [tuple(row) for row in found], view.params
                assert view.status == "live"

        await check()
        await db.execute("UPDATE t SET i = 1, n = 'A', r = 'a', x = 1, f = 1 WHERE id % 3 = 0")
        await check()
        await db.execute("DELETE FROM t WHERE id > 9")
        await check()
        assert {view.explain().data["repairs"] for view in views} == {0}


async def test_hundreds_of_sets_go_into_one_statement_and_equal_queries_share_one_view(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads: list[int] = []
    read = Together.read

    def noted(self: Together, conn: Any, many: Any) -> Any:
        reads.append(len(many))
        return read(self, conn, many)

    monkeypatch.setattr(Together, "read", noted)
    async with Database.open(":memory:") as db:
        await filled(db)
        text = "SELECT id FROM t WHERE i = :i"
        open_already = await db.live(text, i=5)
        views = await db.live_many(*((text, {"i": at % 600}) for at in range(700)))
        assert reads == [SETS_MAX, SETS_MAX, 598 - 2 * SETS_MAX]
        assert views[5]._shared is open_already._shared
        assert views[7]._shared is views[607]._shared
        assert views[7] is not views[607]
        assert len(db._live.registry) == 600
        assert [dict(view.params)["i"] for view in views[598:603]] == [598, 599, 0, 1, 2]
        for view in [*views, open_already]:
            view.close()
        await db.execute("DELETE FROM t")
        assert (len(db._live), len(db._live.registry), db._live._shared) == (0, 0, {})


class Player(Model):
    name: Column[str]
    team: Column[str]


async def test_queries_of_models_are_filled_together_with_instances_and_signals_are_followed() -> None:
    async with Database.open(":memory:", models=[Player]) as db:
        async with db.transaction() as tx:
            await tx.add_all([Player(name=f"n{at}", team=f"t{at % 3}") for at in range(9)])
        team = signal("t1")
        scope = Scope()

        async def opened() -> list[View[Any]]:
            queries: list[Any] = [Player.where(Player.team == f"t{at}").order_by(Player.name) for at in range(3)]
            return await db.live_many(
                *queries, Player.where(Player.team == team), (Player.where(Player.team == param("t")), {"t": "t2"})
            )

        views = await scope.run(lambda: asyncio.ensure_future(opened()))
        assert [[row.name for row in view.rows()] for view in views[:3]] == [
            ["n0", "n3", "n6"], ["n1", "n4", "n7"], ["n2", "n5", "n8"],
        ]  # fmt: skip
        assert isinstance(views[2].rows()[0], Player)
        team.set("t0")
        await db.settled()
        assert {row.name for row in views[3].rows()} == {"n0", "n3", "n6"}
        assert {row.name for row in views[4].rows()} == {"n2", "n5", "n8"}
        scope.close()
        assert [view.closed for view in views] == [True] * 5


async def test_a_wrong_parameter_among_many_leaves_no_view_open() -> None:
    async with Database.open(":memory:") as db:
        await filled(db)
        text = "SELECT id FROM t WHERE i = ?"
        for bad, error in (((text, object()), ParameterError), (("SELECT FROM", 1), SqlSyntaxError)):
            with pytest.raises(error):
                await db.live_many(*((text, at) for at in range(400)), bad)
        with pytest.raises(ParameterError):
            await db.live_many(*((text, at) for at in range(400)), (text, 1, 2))
        await db.execute("DELETE FROM u")
        assert (len(db._live), len(db._live.registry), db._live._shared) == (0, 0, {})


async def test_cancelled_while_it_fills_it_leaves_no_view_open(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "t.db") as db:
        await filled(db)
        many = [("SELECT id FROM t WHERE i = ?", at) for at in range(2_000)]
        for turns in (1, 3, 6, 10, 20, 40):
            task = asyncio.create_task(db.live_many(*many))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await db.settled()
        await db.execute("DELETE FROM u")
        assert (len(db._live), len(db._live.registry), db._live._shared) == (0, 0, {})


async def test_beside_an_open_block_each_is_filled_by_itself(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "t.db") as db:
        await filled(db)
        begun, done = asyncio.Event(), asyncio.Event()

        async def writer() -> None:
            async with db.transaction() as tx:
                await tx.execute("UPDATE t SET i = 1")
                begun.set()
                await done.wait()

        task = asyncio.create_task(writer())
        await begun.wait()
        views = await db.live_many(*(("SELECT id FROM t WHERE i = ?", at) for at in range(5)))
        assert len(views[1].rows()) == 6
        done.set()
        await task
        await db.settled()
        assert [len(view.rows()) for view in views] == [0, 26, 0, 0, 0]


@pytest.mark.parametrize("on", [True, False])
async def test_the_garbage_collector_is_left_as_it_was(on: bool) -> None:
    (gc.enable if on else gc.disable)()
    try:
        async with Database.open(":memory:") as db:
            await filled(db)
            await db.live_many(*(("SELECT id FROM t WHERE i = ?", at) for at in range(600)))
            assert gc.isenabled() == on
            with pytest.raises(ParameterError):
                await db.live_many(*(("SELECT id FROM t WHERE n = ?", *[at] * (1 + at // 500)) for at in range(600)))
            assert gc.isenabled() == on
    finally:
        gc.enable()


async def test_a_view_costs_at_most_two_kilobytes_beside_its_rows() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, i INT)")
        text = "SELECT id, i FROM t WHERE i = ?"
        await db.live_many(*((text, -at) for at in range(1, 300)))
        gc.collect()
        tracemalloc.start()
        views = await db.live_many(*((text, at) for at in range(2_000)))
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(views) == 2_000
        assert held / 2_000 <= 2_000
