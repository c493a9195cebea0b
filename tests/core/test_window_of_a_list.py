"""`view.window(first, size)`: a part of a long list equals the same part of its query, whatever is written or moved."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from eddyline import ClosedError, Database, ParameterError, Scope, UseTransactionError, View, effect, signal
from eddyline.core.ivm.keyset import Keyset
from eddyline.signals import apply_patches

QUERIES = {
    "SELECT id, r, s FROM t ORDER BY r DESC, s": True,
    "SELECT id FROM t": True,
    "SELECT t.id, u.id, r FROM t JOIN u ON u.id <= t.id % 3 ORDER BY s DESC NULLS FIRST, r NULLS LAST, u.n": True,
    "SELECT id, s || r AS x FROM t WHERE id > 20 ORDER BY s COLLATE BINARY, abs(id - 100)": True,
    "SELECT r, count(*) AS n FROM t GROUP BY r": False,
    "SELECT t.id, u.n FROM t LEFT JOIN u ON u.id = t.id % 6 ORDER BY u.n": False,
    "SELECT id, s FROM t ORDER BY s LIMIT 150": False,
    "SELECT id FROM t UNION SELECT id + 1000 FROM u ORDER BY 1 DESC": False,
    "SELECT id, random() * 0 AS z FROM t ORDER BY id": False,
}
R = (None, 1, 2, 3, "a", "B", 2.5, b"x")
S = (None, "a", "A", "b", "C", "c")


class Follower:
    """One window, and the list that a subscriber has made of its patches."""

    def __init__(self, view: View[Any]) -> None:
        self.view, self.size = view, 100
        self.rows: list[Any] = []
        self.keys: list[Any] = []
        view.subscribe(lambda patches: apply_patches(patches, self.rows, self.keys))

    async def check(self, db: Database) -> None:
        view = self.view
        whole = [tuple(row) for row in await db.fetch(view.explain().data["defining_sql"])]
        assert [tuple(row) for row in view.rows()] == whole[view.first : view.first + self.size], view
        assert (view.total, len(view)) == (len(whole), len(view.rows())), view
        assert (self.rows, self.keys) == (list(view.rows()), view.keys()), view
        assert view.explain().data["repairs"] == 0


async def listed(db: Database, rng: random.Random) -> None:
    await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, r, s TEXT COLLATE NOCASE)")
    await db.execute("CREATE TABLE u (id INTEGER PRIMARY KEY, n TEXT)")
    await db.executemany("INSERT INTO u VALUES (?, ?)", [(at, str(at)) for at in range(4)])
    await db.executemany("INSERT INTO t VALUES (?, ?, ?)", [(at, rng.choice(R), rng.choice(S)) for at in range(300)])


async def write(db: Database, rng: random.Random) -> None:
    async with db.transaction() as tx:
        for _ in range(rng.choice([1, 1, 3, 20])):
            key = rng.randrange(400)
            match rng.randrange(3):
                case 0:
                    await tx.execute("INSERT OR REPLACE INTO t VALUES (?, ?, ?)", key, rng.choice(R), rng.choice(S))
                case 1:
                    await tx.execute("DELETE FROM t WHERE id BETWEEN ? AND ?", key, key + rng.choice([0, 0, 40]))
                case _:
                    await tx.execute("UPDATE t SET r = ? WHERE id = ?", rng.choice(R), key)
        if rng.random() < 0.04:
            await tx.execute("DELETE FROM t")


@pytest.mark.parametrize("seed", range(2))
async def test_a_window_equals_its_part_of_the_query_after_every_write_and_move(seed: int) -> None:
    rng = random.Random(seed)
    async with Database.open(":memory:") as db:
        await listed(db, rng)
        followers = [Follower(await db.live_window(query)) for query in QUERIES]
        for _ in range(50):
            if rng.random() < 0.4:
                for one in followers:
                    near = max(0, one.view.first + rng.randrange(-40, 40))
                    one.size = rng.randrange(1, 60)
                    await one.view.window(rng.choice([0, near, rng.randrange(400)]), one.size)
            else:
                await write(db, rng)
            await db.settled()
            for one in followers:
                await one.check(db)


async def test_only_lists_of_joined_rows_are_kept_in_part(tmp_path: Path) -> None:
    async with Database.open(":memory:") as db:
        await listed(db, random.Random(0))
        for query, in_part in QUERIES.items():
            view = await db.live_window(query)
            assert (view.explain().data["window"] is not None) == in_part, query
            assert (len(view._shared.rows) <= 100) == in_part or view.total < 100, query


async def test_a_move_reads_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[str, int]] = []

    def counted(name: str) -> Any:
        plain = getattr(Keyset, name)

        def call(*args: Any, **named: Any) -> Any:
            found = plain(*args, **named)
            read.append((name, len(found)))
            return found

        return call

    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT)")
        await db.executemany("INSERT INTO t VALUES (?, ?)", [(at, at) for at in range(20_000)])
        for name in ("from_end", "beside"):
            monkeypatch.setattr(Keyset, name, counted(name))
        view = await db.live_window("SELECT id FROM t ORDER BY n")
        await view.window(10_000, 100)
        await view.window(10_100, 100)
        await view.window(10_060, 100)
        await view.window(19_950, 100)
        assert [row[0] for row in view.rows()] == list(range(19_950, 20_000))
    assert read == [("from_end", 150), ("from_end", 200), ("beside", 100), ("from_end", 100)]


async def test_a_change_outside_a_window_reads_nothing_and_moves_its_place_or_its_total() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        await db.executemany("INSERT INTO t VALUES (?)", [(at,) for at in range(1000)])
        view = await db.live_window("SELECT id FROM t")
        await view.window(500, 3)
        seen: list[Any] = []
        totals: list[int] = []
        stop = view.subscribe(seen.append)
        with Scope():
            effect(lambda: totals.append(view.total))
            await db.execute("DELETE FROM t WHERE id = 900")
            assert seen[1:] == []
            await db.execute("DELETE FROM t WHERE id = 2")
        stop()
        assert totals == [1000, 999, 998]
        assert [tuple(patch)[:2] for patch in seen[1]] == [(0, (500,)), (2, (503,))]
        assert [row[0] for row in view.rows()] == [501, 502, 503]


async def test_a_view_of_the_whole_list_becomes_a_window_and_lets_the_other_rows_go() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        await db.executemany("INSERT INTO t VALUES (?)", [(at,) for at in range(1000)])
        view = await db.live("SELECT id FROM t")
        one = Follower(view)
        assert (view.first, view.total) == (0, 1000)
        one.size = 4
        await view.window(700, one.size)
        assert [row[0] for row in view.rows()] == [700, 701, 702, 703]
        await one.check(db)
        assert (len(view._shared.rows), len(db._live.registry)) == (4, 1)


async def test_a_window_follows_a_signal_parameter() -> None:
    low = signal(0)
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        await db.executemany("INSERT INTO t VALUES (?)", [(at,) for at in range(1000)])
        view = await db.live_window("SELECT id FROM t WHERE id >= :low", low=low)
        await view.window(10, 2)
        low.set(500)
        await view.window(20, 2)
        await db.settled()
        assert ([row[0] for row in view.rows()], view.first, view.total) == ([520, 521], 20, 500)


async def test_the_last_of_many_moves_counts_and_a_closed_view_keeps_its_rows() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        await db.executemany("INSERT INTO t VALUES (?)", [(at,) for at in range(1000)])
        view = await db.live_window("SELECT id FROM t")
        moves = [view.window(at, 2) for at in (100, 700, 300)]
        for move in moves:
            await move
        assert [row[0] for row in view.rows()] == [300, 301]
        view.close()
        with pytest.raises(ClosedError, match="closed"):
            await view.window(0, 2)
        assert ([row[0] for row in view.rows()], len(db._live.registry)) == ([300, 301], 0)


async def test_a_window_follows_a_list_that_another_program_makes_a_view(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    async with Database.open(path, poll_s=0) as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT)")
        await db.executemany("INSERT INTO t VALUES (?, ?)", [(at, at) for at in range(500)])
        view = await db.live_window("SELECT id, n FROM t ORDER BY n")
        one = Follower(view)
        one.size = 5
        await view.window(200, one.size)
        other = sqlite3.connect(path)
        other.executescript(
            "ALTER TABLE t RENAME TO base; CREATE VIEW t AS SELECT id, max(n) AS n FROM base GROUP BY id; "
            "DELETE FROM base WHERE id < 10"
        )
        other.close()
        await db.settled()
        assert [row[0] for row in view.rows()] == [210, 211, 212, 213, 214]
        assert (view.total, one.keys, view.explain().data["window"]) == (490, view.keys(), None)
        await view.window(0, 2)
        assert [row[0] for row in view.rows()] == [10, 11]


@pytest.mark.parametrize("part", [(-1, 5), (0, 0), (1.0, 5), (True, 5), (0, "5")])
async def test_a_window_takes_whole_numbers(part: tuple[Any, Any]) -> None:
    async with Database.open(":memory:") as db:
        view = await db.live_window("SELECT 1")
        with pytest.raises(ParameterError, match=r"view\.window: (first|size) is a whole number"):
            await view.window(*part)


async def test_a_window_is_not_moved_inside_ones_own_block() -> None:
    async with Database.open(":memory:") as db:
        view = await db.live_window("SELECT 1")
        async with db.transaction():
            with pytest.raises(UseTransactionError, match="would wait for that block"):
                await view.window(0, 2)
