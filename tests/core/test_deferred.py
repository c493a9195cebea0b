"""A view that takes too much of each commit is run behind the commits, and kept in them again when it costs little."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from eddyline import Database, ParameterError, View
from eddyline.core.ivm.costs import CHEAP_RUNS, DEAR_STEPS

ROWS = 800
TOTALS = "SELECT id, sum(n) OVER (ORDER BY id) AS total FROM big"


@pytest.fixture(params=["memory", "file"])
async def db(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncIterator[Database]:
    path = ":memory:" if request.param == "memory" else tmp_path / "t.db"
    async with Database.open(path) as opened:
        await opened.execute("CREATE TABLE big (id INTEGER PRIMARY KEY, n INT, kind TEXT)")
        await opened.executemany("INSERT INTO big VALUES (?, 1, 'a')", [(n,) for n in range(ROWS)])
        opened.view_ms_max = 0.3
        yield opened


async def deferred(db: Database, view: View[Any]) -> None:
    """Change the first row until the view is deferred."""
    for _ in range(10 * DEAR_STEPS):  # the first read may have been slow for another reason, and is measured again
        await db.execute("UPDATE big SET n = n + 1, kind = n WHERE id = 0")
        if view.explain().data["rule"] == "re-run":
            break
    await db.execute("UPDATE big SET n = 5, kind = '5' WHERE id = 0")
    assert view.explain().data["rule"] == "re-run"
    await db.settled()


async def test_a_total_of_all_rows_is_deferred_and_explain_says_why(db: Database) -> None:
    view = await db.live(TOTALS)
    assert view.explain().data["rule"] == "key"
    await deferred(db, view)
    assert view.explain().data["reason"] == (
        "deferred, as it took more than 0.3 ms of each commit (db.view_ms_max) by the rule key: "
        "window functions: all rows are one partition, read anew"
    )
    assert view.rows()[-1] == (ROWS - 1, ROWS + 4)


async def test_the_commit_is_done_before_a_deferred_view_is_run_and_patches_are_those_of_its_rows(db: Database) -> None:
    view = await db.live(TOTALS)
    await deferred(db, view)
    told: list[Any] = []
    view.subscribe(told.append)
    told.clear()
    async with db.transaction() as tx:
        await tx.execute("UPDATE big SET n = 5 WHERE id = ?", ROWS - 1)
        await tx.execute("INSERT INTO big VALUES (?, 1, 'a')", ROWS)
    await db.settled()
    ((insert, update),) = told
    total = ROWS + 4 + 4
    assert (update.index, update.row, update.key) == (ROWS - 1, (ROWS - 1, total), (ROWS - 1,))
    assert (insert.index, insert.row, insert.key) == (ROWS, (ROWS, total + 1), (ROWS,))


async def test_a_deferred_view_is_kept_in_the_commit_again_when_its_table_is_small(db: Database) -> None:
    view = await db.live(TOTALS)
    await deferred(db, view)
    db.view_ms_max = 1_000
    for n in range(10 * CHEAP_RUNS):  # on a busy machine not every run is below a quarter of that
        await db.execute("UPDATE big SET n = ? WHERE id = 1", n)
        await db.settled()
        if view.explain().data["rule"] == "key":
            break
    assert view.explain().data["rule"] == "key"
    await db.execute("UPDATE big SET n = 10 WHERE id = 1")
    assert view.rows()[1] == (1, 15)


async def test_a_group_of_all_rows_is_deferred(db: Database) -> None:
    view = await db.live("SELECT length(group_concat(kind || hex(zeroblob(2000)), '')) AS n FROM big")
    await deferred(db, view)
    assert "the group of all rows is read anew: group_concat" in view.explain().data["reason"]
    await db.execute("DELETE FROM big WHERE id > 1")
    await db.settled()
    assert view.rows() == ((2 * 4_001,),)


async def test_over_a_subquery_in_from_a_deferred_view_runs_as_its_text_stands(db: Database) -> None:
    view = await db.live(
        "SELECT id, sum(n) OVER (ORDER BY id) AS total FROM (SELECT id, sum(n) AS n FROM big GROUP BY id) ORDER BY id"
    )
    await deferred(db, view)
    assert "over a subquery kept as a table" in view.explain().data["reason"]
    await db.execute("DELETE FROM big WHERE id > 1")
    await db.settled()
    assert view.rows() == ((0, 5), (1, 6))


async def test_a_deferred_view_that_fails_keeps_its_rows_and_lives_again(db: Database) -> None:
    await db.execute("UPDATE big SET kind = '2'")
    view = await db.live("SELECT id, sum(json_extract(kind, '$')) OVER (ORDER BY id) AS s FROM big")
    await deferred(db, view)
    await db.execute("UPDATE big SET kind = 'no json' WHERE id = 1")
    await db.settled()
    assert (view.status, view.rows()[1]) == ("failed", (1, 7))
    await db.execute("UPDATE big SET kind = '1' WHERE id = 1")
    await db.settled()
    assert (view.status, view.rows()[1]) == ("live", (1, 6))


async def test_without_a_limit_every_commit_brings_the_view_along(db: Database) -> None:
    db.view_ms_max = None
    view = await db.live(TOTALS)
    seen = []
    for n in range(DEAR_STEPS + 2):
        await db.execute("UPDATE big SET n = ? WHERE id = 0", n)
        seen.append(view.rows()[0])
    assert seen == [(0, n) for n in range(DEAR_STEPS + 2)]


@pytest.mark.parametrize("ms", [-1, "5", True, float("nan")])
async def test_a_limit_is_a_number_of_milliseconds(db: Database, ms: Any) -> None:
    with pytest.raises(ParameterError, match="view_ms_max is a number of milliseconds, 0 or more, or None"):
        db.view_ms_max = ms
    with pytest.raises(ParameterError, match="slow_s is a number of seconds, 0 or more"):
        db.slow_s = ms
