from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from eddyline import Database
from eddyline.core.stats import QueryStats

OPEN = "SELECT id FROM t WHERE v > ? ORDER BY id"


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with await Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)")
        await db.executemany("INSERT INTO t VALUES (?, ?)", [(n, n) for n in range(10)])
        yield db


def counts(one: QueryStats) -> tuple[object, ...]:
    return one.params, one.views, one.rows, one.steps, one.read_anew, one.rows_in, one.patches


async def test_stats_count_steps_changed_rows_and_patches_of_each_program(db: Database) -> None:
    await db.live(OPEN, 3)
    await db.live(OPEN, 3)
    await db.live(OPEN, 5)
    await db.execute("UPDATE t SET v = 9 WHERE id = 1")
    await db.execute("UPDATE t SET v = 4 WHERE id = 1")
    stats = db.stats()
    assert (stats.views, stats.templates, stats.commits) == (3, 1, 4)
    assert sorted(map(counts, stats.queries), key=str) == [((3,), 2, 7, 2, 1, 4, 2), ((5,), 1, 4, 2, 1, 4, 3)]
    assert all(0 < one.mean_us <= one.worst_us <= one.total_us for one in stats.queries)


async def test_stats_of_a_re_run_query_count_its_runs(db: Database) -> None:
    await db.live("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3) SELECT id, x FROM t, c")
    await db.execute("DELETE FROM t WHERE id = 1")
    await db.settled()
    (one,) = db.stats().queries
    assert (one.rule, one.reruns, one.rows) == ("re-run", 1, 27)


async def test_explain_says_what_a_query_has_cost(db: Database) -> None:
    view = await db.live(OPEN, 3)
    assert "costs" not in str(view.explain()).split()
    await db.execute("UPDATE t SET v = 9 WHERE id < 3")
    data = view.explain().data
    assert {name: data[name] for name in ("steps", "read_anew", "reruns", "rows_in", "rows_out", "state_size")} == {
        "steps": 1, "read_anew": 1, "reruns": 0, "rows_in": 6, "rows_out": 4, "state_size": 9,
    }  # fmt: skip
    assert data["mean_us"] == data["worst_us"] == data["total_us"] > 0
    (line,) = (line for line in str(view.explain()).splitlines() if line.startswith("costs"))
    assert line.startswith("costs      1 steps in ")
    assert line.endswith(": 6 changed rows in, 4 patches out")


async def test_profile_shows_what_a_block_cost_and_leaves_out_what_was_before(db: Database) -> None:
    await db.live(OPEN, 3)
    await db.execute("UPDATE t SET v = 9 WHERE id = 1")
    with db.profile() as profile:
        assert str(profile) == "nothing is measured yet"
        await db.live(OPEN, 8)
        await db.execute("UPDATE t SET v = 7 WHERE id = 1")
    assert profile.stats is not None
    assert profile.stats.commits == 1
    assert {one.params: (one.steps, one.read_anew) for one in profile.stats.queries} == {(3,): (1, 0), (8,): (1, 1)}
    lines = str(profile).splitlines()
    assert lines[0] == f"views 2, programs 2, templates 1, commits 1, kB {profile.stats.bytes / 1e3:.0f}"
    assert [line.split()[0] for line in lines[1:]] == ["rule", "delta", "delta"]
    assert len({line.index(word) for line, word in zip(lines[1:], ["query", "SELECT", "SELECT"], strict=True)}) == 1


async def test_a_slow_step_is_a_warning_of_the_logger(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    await db.live("SELECT id,\n v FROM t")
    db.slow_s = 0.0
    with caplog.at_level(logging.WARNING, "eddyline"):
        await db.execute("UPDATE t SET v = 9 WHERE id = 1")
    (record,) = caplog.records
    assert record.getMessage().startswith("slow live query: ")
    assert record.getMessage().endswith(" ms by the rule delta: SELECT id, v FROM t")
    caplog.clear()
    db.slow_s = 60.0
    await db.execute("UPDATE t SET v = 8 WHERE id = 1")
    assert caplog.records == []
