"""Derived tables: what feeds them, what reads them, what a rollback does to them, and that they go."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, View, signal

GROUPED = (
    "SELECT p.name, d.n FROM project p JOIN (SELECT project, count(*) AS n FROM issue GROUP BY 1) d ON d.project = p.id"
)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "tracker.db", poll_s=0) as db:
        await db.execute("CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT)")
        await db.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, project INT, state TEXT, n INT)")
        await db.executemany("INSERT INTO project VALUES (?, ?)", [(1, "Core"), (2, "Site")])
        rows = [(1, 1, "open", 5), (2, 1, "done", 3), (3, 2, "open", 8)]
        await db.executemany("INSERT INTO issue VALUES (?, ?, ?, ?)", rows)
        yield db


def shown(view: View[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in view.rows()]


async def temp_tables(db: Database) -> list[str]:
    text = "SELECT name FROM temp.sqlite_schema WHERE type = 'table' AND name GLOB '_eddy_derived_*' ORDER BY name"
    return [str(row[0]) for row in await db.write(lambda tx: tx.fetch(text))]


async def test_a_join_with_groups_follows_both_sides(db: Database) -> None:
    view = await db.live(GROUPED)
    assert shown(view) == [("Core", 2), ("Site", 1)]
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO issue VALUES (4, 2, 'open', 1)")
        await tx.execute("UPDATE project SET name = 'Web' WHERE id = 2")
    assert shown(view) == [("Core", 2), ("Web", 2)]
    data = view.explain().data
    assert (data["rule"], data["reason"]) == (
        "delta",
        "rows of base tables by inner joins, over a subquery kept as a table (groups kept by accumulators)",
    )
    assert view._shared.program.meter.read_anew == 1


async def test_explain_shows_the_statements_of_both_stages(db: Database) -> None:
    view = await db.live(GROUPED)
    (table,) = [name for name in await temp_tables(db) if not name.endswith("_log")]
    data = view.explain().data
    assert data["defining_sql"] == GROUPED
    assert data["delta_sql"]["issue"] == [
        "SELECT issue.project, issue.project, issue._eddy_w AS _eddy_w\nFROM temp.changes_of_issue AS issue",
        f"""\
SELECT p.name, +d.c1, p.id, d.k0, d._eddy_w AS _eddy_w
FROM main.project AS p
JOIN "temp".{table}_log AS d ON d.c0 = p.id
WHERE d._eddy_program = :_eddy_program""",
    ]


async def test_programs_of_one_text_share_the_table_and_none_is_left_when_they_have_gone(db: Database) -> None:
    text = "SELECT max(m) FROM (SELECT max(n) AS m FROM issue WHERE state = ? GROUP BY project)"
    views = [await db.live(text, state) for state in ("open", "done", "new")]
    assert len(await temp_tables(db)) == 2
    assert [shown(view) for view in views] == [[(8,)], [(3,)], [(None,)]]
    await db.execute("UPDATE issue SET state = 'new' WHERE id = 3")
    assert [shown(view) for view in views] == [[(5,)], [(3,)], [(8,)]]
    views[0].close()
    await db.execute("UPDATE issue SET n = 9 WHERE id = 3")
    assert [shown(view) for view in views[1:]] == [[(3,)], [(9,)]]
    (table,) = [name for name in await temp_tables(db) if not name.endswith("_log")]
    counted = f"SELECT count(DISTINCT _eddy_program) FROM temp.{table}"
    rows = await db.write(lambda tx: tx.fetch(counted))
    assert tuple(rows[0]) == (2,)
    for view in views:
        view.close()
    await db.execute("UPDATE issue SET n = 1")
    assert await temp_tables(db) == []


async def test_the_first_rows_in_from_follow_their_limit_and_keep_its_order(db: Database) -> None:
    size = signal(2)
    view = await db.live("SELECT * FROM (SELECT id, n FROM issue ORDER BY n DESC LIMIT :size)", size=size)
    assert shown(view) == [(3, 8), (1, 5)]
    await db.execute("UPDATE issue SET n = 9 WHERE id = 2")
    assert shown(view) == [(2, 9), (3, 8)]
    await db.execute("DELETE FROM issue WHERE id = 2")
    assert shown(view) == [(3, 8), (1, 5)]
    size.set(1)
    await db.settled()
    assert shown(view) == [(3, 8)]


async def test_a_commit_of_others_that_is_shown_and_then_rolled_back_with_ours_is_followed(
    db: Database, tmp_path: Path
) -> None:
    view = await db.live("SELECT n, count(*) FROM (SELECT count(*) AS n FROM issue GROUP BY project) GROUP BY n")
    other = sqlite3.connect(tmp_path / "tracker.db")
    other.execute("INSERT INTO issue VALUES (9, 2, 'open', 1)")
    other.commit()
    other.close()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM issue")
            raise ZeroDivisionError
    assert shown(view) == [(2, 2)]
    await db.execute("INSERT INTO issue VALUES (10, 2, 'open', 1)")
    assert shown(view) == [(2, 1), (3, 1)]
    assert view.explain().data["repairs"] == 0


async def test_a_failed_commit_leaves_the_tables_as_they_were(db: Database) -> None:
    await db.execute("CREATE TABLE child (of INT REFERENCES project DEFERRABLE INITIALLY DEFERRED)")
    view = await db.live("SELECT n, count(*) FROM (SELECT count(*) AS n FROM issue GROUP BY project) GROUP BY n")
    with pytest.raises(Exception, match="FOREIGN KEY"):
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO issue VALUES (4, 2, 'open', 1)")
            await tx.execute("INSERT INTO child VALUES (99)")
    assert shown(view) == [(1, 1), (2, 1)]
    await db.execute("INSERT INTO issue VALUES (4, 2, 'open', 1)")
    assert shown(view) == [(2, 2)]
    assert view._shared.program.meter.read_anew == 1


async def test_a_view_that_is_opened_beside_a_block_is_planned_by_the_writer_after_it(db: Database) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def block() -> None:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO issue VALUES (4, 2, 'open', 1)")
            entered.set()
            await leave.wait()

    task = asyncio.create_task(block())
    await entered.wait()
    view = await db.live(GROUPED)
    assert shown(view) == [("Core", 2), ("Site", 1)]
    leave.set()
    await task
    await db.settled()
    assert shown(view) == [("Core", 2), ("Site", 2)]
    assert view.explain().data["rule"] == "delta"


async def test_a_schema_change_plans_the_tables_anew(db: Database) -> None:
    view = await db.live(GROUPED)
    before = await temp_tables(db)
    await db.execute("ALTER TABLE issue ADD COLUMN extra TEXT")
    await db.execute("INSERT INTO issue VALUES (4, 2, 'open', 1, NULL)")
    assert shown(view) == [("Core", 2), ("Site", 2)]
    after = await temp_tables(db)
    assert (len(before), len(after)) == (2, 2)
    assert before != after
