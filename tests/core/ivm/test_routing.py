from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from eddyline import Column, Database, Model, View, signal
from eddyline.core.ivm import routing
from eddyline.core.ivm.program import Program

TASKS = "SELECT id, title FROM task WHERE owner = ?"


@pytest.fixture
async def db(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """People, teams and tasks; every program is routed, also one that is alone."""
    monkeypatch.setattr(routing, "FEW", 0)
    async with await Database.open(":memory:") as db:
        for ddl in (
            "CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT)",
            "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, team INTEGER)",
            "CREATE TABLE task (id INTEGER PRIMARY KEY, owner INTEGER, title TEXT, tag)",
        ):
            await db.execute(ddl)
        await db.executemany("INSERT INTO team VALUES (?, ?)", [(1, "red"), (2, "blue")])
        await db.executemany("INSERT INTO person VALUES (?, ?, ?)", [(n, f"p{n}", n % 2 + 1) for n in range(1, 7)])
        await db.executemany("INSERT INTO task VALUES (?, ?, 't', 1)", [(n, n % 6 + 1) for n in range(1, 13)])
        yield db


@pytest.fixture
def stepped(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The parameters of each program that is stepped."""
    found: list[Any] = []
    step = Program.step

    def tap(self: Program, *args: Any) -> None:
        found.append(self.bound)
        step(self, *args)

    monkeypatch.setattr(Program, "step", tap)
    return found


async def live(db: Database, sql: str, *params: Any) -> list[View[Any]]:
    return [await db.live(sql, *(param if isinstance(param, tuple) else (param,))) for param in params]


async def true_to_sql(db: Database, *views: View[Any]) -> bool:
    """Say whether each view shows what its query gives."""
    for view in views:
        program = view._shared.program
        wanted = await db.fetch(program.sql, *program.bound)
        if sorted(map(repr, wanted)) != sorted(map(repr, view.rows())):
            return False
    return True


async def test_a_write_steps_only_the_views_that_ask_for_its_old_or_new_value(db: Database, stepped: list[Any]) -> None:
    views = await live(db, TASKS, 1, 2, 3, 4)
    await db.execute("UPDATE task SET owner = 3 WHERE id = 1")  # it was 2's
    assert stepped == [(2,), (3,)]
    assert await true_to_sql(db, *views)


async def test_a_view_that_is_alone_is_routed_too_where_its_rows_are_known(
    db: Database, stepped: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "FEW", 2)
    views = await live(db, "SELECT id FROM task WHERE owner = 2 AND title = ?", "t")
    await db.execute("INSERT INTO task VALUES (70, 3, 't', 0)")
    await db.execute("INSERT INTO task VALUES (71, 2, 'u', 0)")
    assert stepped == []
    await db.execute("UPDATE task SET title = 't' WHERE id = 71")
    assert stepped == [("t",)]
    assert await true_to_sql(db, *views)


async def test_a_large_change_reaches_the_views_that_its_values_name(db: Database, stepped: list[Any]) -> None:
    views = await live(db, TASKS, 1, 2, 90)
    await db.write(lambda tx: tx.executemany("INSERT INTO task VALUES (?, 2, 't', 0)", [(n,) for n in range(100, 300)]))
    assert stepped == [(2,)]
    assert await true_to_sql(db, *views)


async def test_views_by_a_list_in_one_parameter_are_stepped_for_its_values(stepped: list[Any]) -> None:
    class Task(Model):
        owner: Column[int | None]

    async with Database.open(":memory:", models=[Task]) as db:
        lists: list[list[int | None]] = [[1, 2], [2, 3], [], [None]]
        views = [await db.live(Task.where(Task.owner.in_(signal(one)))) for one in lists]
        one = await db.write(lambda tx: tx.add(Task(owner=1)))
        await db.write(lambda tx: tx.add(Task(owner=None)))
        await db.write(lambda tx: tx.update(one, owner=3))
        assert stepped == [{"p1": "[1,2]"}, {"p1": "[1,2]"}, {"p1": "[2,3]"}]
        assert [[row.owner for row in view.rows()] for view in views] == [[], [3], [], []]


async def test_a_write_of_columns_that_no_view_reads_steps_none(db: Database, stepped: list[Any]) -> None:
    await live(db, TASKS, 1, 2)
    other = await db.live("SELECT id, tag FROM task")
    await db.execute("UPDATE task SET tag = 5")
    assert stepped == [()]
    assert {row.tag for row in other.rows()} == {5}


async def test_a_row_that_goes_and_comes_back_changed_reaches_who_reads_what_changed(
    db: Database, stepped: list[Any]
) -> None:
    views = [*await live(db, TASKS, 2), await db.live("SELECT id, tag FROM task WHERE id = 1")]
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM task WHERE id = 1")
        await tx.execute("INSERT INTO task VALUES (1, 2, 't', 7)")
    assert stepped == [()]
    assert await true_to_sql(db, *views)


async def test_literals_keep_templates_apart_as_parameters_do(db: Database, stepped: list[Any]) -> None:
    views = [await db.live(f"SELECT id, {n} AS n FROM task WHERE owner = {n}") for n in (1, 2)]
    views.append(await db.live("SELECT id FROM team WHERE name = 'it''s'"))
    await db.execute("INSERT INTO task VALUES (50, 9, '', 0)")
    await db.execute("INSERT INTO team VALUES (3, 'its')")
    assert stepped == []
    await db.execute("INSERT INTO team VALUES (4, 'it''s')")
    assert len(stepped) == 1
    assert await true_to_sql(db, *views)


async def test_a_change_of_a_joined_table_reaches_the_views_that_its_rows_are_joined_to(
    db: Database, stepped: list[Any]
) -> None:
    sql = "SELECT t.id, p.name FROM task AS t JOIN person AS p ON p.id = t.owner WHERE p.team = ?"
    views = await live(db, sql, 1, 2)
    await db.execute("UPDATE task SET owner = 1 WHERE id = 6")  # person 1 is in team 2, as is its owner until now
    assert set(stepped) <= {(1,), (2,)}
    stepped.clear()
    await db.execute("INSERT INTO task VALUES (60, 2, 'x', 0)")
    assert stepped == [(1,)]
    assert await true_to_sql(db, *views)


async def test_parent_and_child_that_go_together_reach_the_view(db: Database, stepped: list[Any]) -> None:
    sql = "SELECT t.id, p.name FROM task AS t JOIN person AS p ON p.id = t.owner WHERE p.team = ?"
    views = await live(db, sql, 1, 2)
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM task WHERE owner = 2")
        await tx.execute("DELETE FROM person WHERE id = 2")
    assert (1,) in stepped
    assert await true_to_sql(db, *views)


async def test_two_changed_tables_beside_the_routed_one_reach_every_view(db: Database, stepped: list[Any]) -> None:
    joins = "task AS t JOIN person AS p ON p.id = t.owner JOIN team AS g ON g.id = p.team"
    sql = f"SELECT t.id FROM {joins} WHERE t.title = ?"
    views = await live(db, sql, "t", "u")
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM person WHERE id = 2")
        await tx.execute("DELETE FROM team WHERE id = 1")
    assert set(stepped) == {("t",), ("u",)}
    assert await true_to_sql(db, *views)


async def test_a_left_joined_table_reaches_the_groups_of_the_views_it_belongs_to(
    db: Database, stepped: list[Any]
) -> None:
    joins = "person AS p LEFT JOIN task AS t ON t.owner = p.id"
    sql = f"SELECT p.id, count(t.id) AS n FROM {joins} WHERE p.team = ? GROUP BY p.id"
    views = await live(db, sql, 1, 2)
    await db.execute("INSERT INTO task VALUES (70, 2, '', 0)")
    assert stepped == [(1,)]
    await db.execute("DELETE FROM task WHERE owner = 3")
    assert stepped == [(1,), (2,)]
    assert await true_to_sql(db, *views)


async def test_a_table_in_a_subquery_reaches_every_view(db: Database, stepped: list[Any]) -> None:
    sql = "SELECT id FROM person AS p WHERE team = ? AND EXISTS (SELECT 1 FROM task AS t WHERE t.owner = p.id)"
    views = await live(db, sql, 1, 2)
    await db.execute("DELETE FROM task WHERE owner = 2")
    assert len(stepped) == 2
    stepped.clear()
    await db.execute("UPDATE person SET team = 3 WHERE id = 1")
    assert stepped == [(2,)]
    assert await true_to_sql(db, *views)


@pytest.mark.parametrize(
    ("sql", "asked", "write", "reached"),
    [
        ("SELECT id FROM person WHERE name = ?", ["P1", "p2"], "UPDATE person SET name = 'P1' WHERE id = 2", 2),
        ("SELECT id FROM task WHERE tag = ?", [1.0, 2], "UPDATE task SET tag = 1.0, owner = 1 WHERE id = 1", 1),
        ("SELECT id FROM task WHERE tag = ?", ["1", 1], "UPDATE task SET tag = '1' WHERE id = 1", 2),
        ("SELECT id FROM task WHERE owner = ?", ["2", "3"], "UPDATE task SET owner = 9 WHERE id = 1", 2),
        ("SELECT id FROM task WHERE title = ?", [5, 6], "UPDATE task SET title = '5' WHERE id = 1", 2),
        ("SELECT id FROM task WHERE tag = ?", [None, b"1"], "UPDATE task SET tag = NULL WHERE id = 1", 0),
        ("SELECT id FROM task WHERE tag = ?", [b"1", "1"], "UPDATE task SET tag = x'31' WHERE id = 1", 1),
        ("SELECT id FROM task WHERE owner IN (1, ?)", [2, 3], "UPDATE task SET owner = 4 WHERE id = 2", 1),
        ("SELECT id FROM task WHERE owner = ? AND tag = 2", [2, 3], "UPDATE task SET tag = 3 WHERE id = 1", 0),
        ("SELECT id FROM task WHERE id = ?", [1, 2], "UPDATE task SET owner = 4, id = 91 WHERE id = 1", 1),
        ("SELECT count(*) FROM task WHERE owner = ?", [1, 2], "DELETE FROM task WHERE id = 1", 1),
    ],
)
async def test_equal_is_as_sqlite_has_it(
    db: Database, stepped: list[Any], sql: str, asked: list[Any], write: str, reached: int
) -> None:
    views = await live(db, sql, *asked)
    await db.execute(write)
    assert len(stepped) == reached
    assert await true_to_sql(db, *views)


async def test_a_self_join_and_a_condition_under_or_are_not_routed(db: Database, stepped: list[Any]) -> None:
    self_join = "SELECT a.id, b.id AS other FROM task AS a JOIN task AS b ON b.owner = a.owner WHERE a.tag = ?"
    either = "SELECT id FROM task WHERE owner = ? OR tag = 1"
    views = [*await live(db, self_join, 1, 2), *await live(db, either, 1, 2)]
    await db.execute("UPDATE task SET owner = 5, tag = 8 WHERE id = 1")
    assert len(stepped) == 4
    assert await true_to_sql(db, *views)


async def test_a_failed_view_looks_at_each_change_until_it_can_be_read(db: Database) -> None:
    view = await db.live("SELECT id, json_extract(title, '$.a') AS a FROM task WHERE owner = ?", 1)
    statuses = [view.status]
    await db.execute("UPDATE task SET title = '{\"a\": 1}'")
    assert [*statuses, view.status] == ["failed", "live"]
    assert {row.a for row in view.rows()} == {1}


async def test_text_that_is_no_text_in_a_log_reaches_every_view(db: Database, stepped: list[Any]) -> None:
    await live(db, "SELECT id FROM task WHERE title = ?", "t", "u")
    await db.execute("UPDATE task SET title = CAST(x'ff41' AS TEXT) WHERE id = 1")
    assert set(stepped) == {("t",), ("u",)}


async def test_a_closed_view_is_forgotten_and_a_new_one_is_routed(db: Database, stepped: list[Any]) -> None:
    first, second = await live(db, TASKS, 1, 2)
    first.close()
    await db.execute("UPDATE task SET title = 'x' WHERE owner = 1")
    assert stepped == []
    (third,) = await live(db, TASKS, 1)
    await db.execute("UPDATE task SET title = 'y' WHERE owner = 1")
    assert stepped == [(1,)]
    assert await true_to_sql(db, second, third)
    second.close()
    third.close()
    await db.execute("UPDATE task SET title = 'z'")
    assert not any(readers.always or readers.direct for readers in db._live.registry._router._tables.values())


async def test_views_follow_a_schema_that_moved(db: Database, stepped: list[Any]) -> None:
    views = await live(db, TASKS, 1, 2)
    await db.execute("ALTER TABLE task ADD COLUMN more TEXT")
    stepped.clear()
    await db.execute("UPDATE task SET title = 'x' WHERE owner = 2")
    assert stepped == [(2,)]
    assert await true_to_sql(db, *views)


async def test_ten_thousand_views_of_one_template_are_filled_together_and_stepped_alone(
    db: Database, stepped: list[Any]
) -> None:
    views = await asyncio.gather(*(db.live(TASKS, n) for n in range(1, 10_001)))
    await db.execute("INSERT INTO task VALUES (900, 9000, 'far', 0)")
    assert stepped == [(9000,)]
    assert views[8999].rows() == ((900, "far"),)
