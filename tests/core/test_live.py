"""Live queries through the database: sharing, parameters, fills beside open blocks, re-runs, errors, the end."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eddyline import (
    Database,
    Insert,
    ParameterError,
    QueryError,
    Reset,
    Scope,
    StateError,
    UnknownColumnError,
    UnknownTableError,
    View,
    computed,
    effect,
    signal,
)
from eddyline.core import live
from eddyline.core.ivm import registry
from eddyline.core.ivm.groups import GroupsOperator
from eddyline.core.ivm.keyed import KeyedOperator
from eddyline.core.ivm.program import Program
from eddyline.core.ivm.rows import RowsOperator
from eddyline.core.write import capture
from eddyline.signals.pace import Pace


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "t.db") as opened:
        async with opened.transaction() as tx:
            await tx.execute("CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT)")
            await tx.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, team INT, age INT)")
            await tx.execute("INSERT INTO team VALUES (1, 'red'), (2, 'blue')")
            await tx.execute("INSERT INTO person VALUES (1, 'Ada', 1, 36), (2, 'Bob', 1, 20), (3, 'Cid', 2, 50)")
        yield opened


def names(view: View) -> list[Any]:
    return [row[0] for row in view.rows()]


async def test_rows_follow_a_write_before_the_write_returns(db: Database) -> None:
    view = await db.live("SELECT name FROM person WHERE team = 1 ORDER BY age")
    assert names(view) == ["Bob", "Ada"]
    await db.execute("UPDATE person SET team = 1 WHERE id = 3")
    assert names(view) == ["Bob", "Ada", "Cid"]


async def test_all_views_change_before_anyone_is_told(db: Database) -> None:
    people = await db.live("SELECT name FROM person")
    count = await db.live("SELECT count(*) AS n FROM person")
    seen: list[tuple[int, int]] = []
    people.subscribe(lambda patches: seen.append((len(people.peek()), count.peek()[0]["n"])))
    count.subscribe(lambda patches: seen.append((len(people.peek()), count.peek()[0]["n"])))
    await db.execute("INSERT INTO person (name, team) VALUES ('Dot', 2)")
    assert seen == [(3, 3), (3, 3), (4, 4), (4, 4)]


async def test_an_effect_runs_once_a_commit_however_many_views_it_reads(db: Database) -> None:
    people = await db.live("SELECT name FROM person")
    per_team = await db.live("SELECT team, count(*) AS n FROM person GROUP BY team")
    total = computed(lambda: sum(row["n"] for row in per_team.rows()))
    runs: list[tuple[int, int]] = []
    with Scope():
        effect(lambda: runs.append((len(people.rows()), total())))
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM person WHERE id = 1")
            await tx.execute("INSERT INTO person (name, team) VALUES ('Dot', 2), ('Eve', 1)")
    assert runs == [(3, 3), (4, 4)]


async def test_equal_queries_share_their_rows_and_each_has_its_own_handle(db: Database) -> None:
    one = await db.live("SELECT name FROM person WHERE team = ?", 1)
    two = await db.live("SELECT name FROM person WHERE team = ?", 1)
    assert one is not two
    assert one._shared is two._shared
    one.close()
    await db.execute("DELETE FROM person WHERE id = 1")
    assert names(two) == ["Bob"]
    assert names(one) == ["Ada", "Bob"]


async def test_a_signal_parameter_refills_and_rows_and_params_belong_together(db: Database) -> None:
    team = signal(1)
    view = await db.live("SELECT name FROM person WHERE team = :team", team=team)
    seen: list[tuple[Any, list[Any], str]] = []
    with Scope():
        effect(lambda: seen.append((dict(view.params)["team"], names(view), view.status)))
        team.set(2)
        assert (names(view), view.status) == (["Ada", "Bob"], "stale")
        await db.settled()
    assert seen == [(1, ["Ada", "Bob"], "live"), (1, ["Ada", "Bob"], "stale"), (2, ["Cid"], "live")]


async def test_only_the_last_of_many_parameter_values_is_shown(db: Database) -> None:
    team = signal(1)
    view = await db.live("SELECT name FROM person WHERE team = ?", team)
    seen: list[list[Any]] = []
    view.subscribe(lambda patches: seen.append(names(view)))
    for value in (2, 1, 7, 2):
        team.set(value)
    await db.settled()
    assert seen[0] == ["Ada", "Bob"]
    assert seen[-1] == ["Cid"]
    assert [] not in seen
    assert len(db._live.registry) == 1


async def test_a_parameter_that_goes_and_comes_back_at_once_leaves_the_view_live(db: Database) -> None:
    team = signal(1)
    view = await db.live("SELECT name FROM person WHERE team = ?", team)
    team.set(2)
    team.set(1)
    await db.settled()
    await db.execute("INSERT INTO person (name, team) VALUES ('Dot', 1)")
    assert (view.status, view.params, names(view)) == ("live", (1,), ["Ada", "Bob", "Dot"])
    assert len(db._live.registry) == 1


async def test_a_parameter_changed_while_its_table_is_away_is_filled_when_it_is_back(db: Database) -> None:
    team = signal(1)
    view = await db.live("SELECT name FROM person WHERE team = ?", team)
    await db.execute("ALTER TABLE person RENAME TO away")
    team.set(2)
    await db.settled()
    assert isinstance(view.error, UnknownTableError)
    await db.execute("ALTER TABLE away RENAME TO person")
    await db.settled()
    assert (view.status, view.params, names(view)) == ("live", (2,), ["Cid"])


async def test_a_bad_parameter_value_fails_the_view_and_keeps_its_rows(db: Database) -> None:
    team: Any = signal(1)
    view = await db.live("SELECT name FROM person WHERE team = ?", team)
    team.set(object())
    await db.settled()
    assert view.status == "failed"
    assert isinstance(view.error, ParameterError)
    assert names(view) == ["Ada", "Bob"]
    team.set(2)
    await db.settled()
    assert (view.status, names(view)) == ("live", ["Cid"])


async def test_a_fill_beside_another_tasks_open_block_sees_the_state_before_it_then_follows(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO person VALUES (4, 'Dot', 1, 5)")
        view = await asyncio.create_task(_live_elsewhere(db))
        assert names(view) == ["Ada", "Bob", "Cid"]
        await tx.execute("DELETE FROM person WHERE id = 1")
    assert names(view) == ["Bob", "Cid", "Dot"]
    await db.execute("DELETE FROM person WHERE id = 2")
    assert names(view) == ["Cid", "Dot"]


async def _live_elsewhere(db: Database) -> View:
    import contextvars

    # another part of the program: it was not started inside the block
    context = contextvars.Context()
    return await asyncio.get_running_loop().create_task(db.live("SELECT name FROM person"), context=context)


RECURSIVE = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2)"


async def test_a_rerun_query_follows_when_a_table_it_reads_changes_and_only_then(db: Database) -> None:
    view = await db.live(f"{RECURSIVE} SELECT DISTINCT team FROM person, c ORDER BY team")
    told: list[Any] = []
    view.subscribe(told.append)
    assert view.explain().data["rule"] == "re-run"
    await db.execute("UPDATE team SET name = 'x'")
    await db.settled()
    assert len(told) == 1
    await db.execute("UPDATE person SET team = 3 WHERE id = 3")
    await db.settled()
    assert names(view) == [1, 3]
    assert len(told) == 2


async def test_reruns_under_a_stream_of_commits_take_a_share_and_are_done_at_once_for_who_waits(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RERUN_WAIT_S", 3600.0)
    db._live._rerun_pace = Pace(share=1e-9, ahead_s=0.0)  # one run, then no other for hours
    view = await db.live(f"{RECURSIVE} SELECT DISTINCT age FROM person, c WHERE id = 1")
    for age in range(50):
        await db.execute("UPDATE person SET age = ? WHERE id = 1", age)
    assert view._shared.program.meter.reruns <= 1
    await db.settled()
    assert names(view) == [49]
    assert view._shared.program.meter.reruns <= 2


@pytest.mark.parametrize(
    "writes",
    [
        ["INSERT OR REPLACE INTO person VALUES (1, 'Ada', 1, 37)"],
        ["DELETE FROM person WHERE id = 1", "INSERT INTO person VALUES (1, 'Ada', 1, 37)"],
    ],
)
async def test_a_rerun_query_follows_a_row_replaced_by_one_that_a_delta_beside_it_finds_equal(
    db: Database, writes: list[str]
) -> None:
    delta = await db.live("SELECT id, name FROM person")
    rerun = await db.live(f"{RECURSIVE} SELECT age FROM person, c WHERE id = 1 AND x = 1")
    async with db.transaction() as tx:
        for sql in writes:
            await tx.execute(sql)
    await db.settled()
    assert (delta.explain().data["rule"], rerun.explain().data["rule"]) == ("delta", "re-run")
    assert names(rerun) == [37]


async def test_sqlites_own_tables_can_be_watched(db: Database) -> None:
    view = await db.live("SELECT name FROM sqlite_schema WHERE type = 'table'")
    assert names(view) == ["team", "person"]
    await db.execute("CREATE TABLE city (name)")
    await db.settled()
    assert names(view) == ["team", "person", "city"]
    assert names(await db.live("SELECT count(*) FROM team")) == [2]


async def test_a_failed_step_fails_the_view_keeps_its_rows_and_recovers(db: Database) -> None:
    view = await db.live("SELECT id, abs(age) FROM person")
    await db.execute("UPDATE person SET age = -9223372036854775808 WHERE id = 1")
    assert view.status == "failed"
    assert "overflow" in str(view.error)
    assert [row[1] for row in view.rows()] == [36, 20, 50]
    await db.execute("UPDATE person SET age = -1 WHERE id = 1")
    assert (view.status, [row[1] for row in view.rows()]) == ("live", [1, 20, 50])


@pytest.mark.parametrize(
    ("sql", "operator"),
    [
        ("SELECT name FROM person WHERE age > 30", RowsOperator),
        ("SELECT max(name) FROM person GROUP BY team ORDER BY 1", GroupsOperator),
        ("SELECT p.name FROM person AS p LEFT JOIN team AS t ON t.id = p.team", KeyedOperator),
    ],
)
@pytest.mark.parametrize("error", [StateError("a removed row was never added"), TypeError("a bug of ours")])
async def test_a_step_that_contradicts_what_is_held_is_read_anew_and_counted(
    db: Database, monkeypatch: pytest.MonkeyPatch, sql: str, operator: type, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    view = await db.live(sql)
    with monkeypatch.context() as patched:
        patched.setattr(operator, "step", fail)
        await db.execute("UPDATE person SET name = 'Dot', age = 40 WHERE id = 2")
    assert view.status == "live"
    assert list(view.rows()) == await db.fetch(sql)
    assert (view.explain().data["repairs"], view.explain().data["last_repair"]) == (1, repr(error))
    assert repr(error) in str(view.explain())
    await db.execute("UPDATE person SET name = 'Eve' WHERE id = 2")
    assert list(view.rows()) == await db.fetch(sql)
    assert view.explain().data["repairs"] == 1


@pytest.mark.parametrize(
    ("sql", "before", "after"),
    [
        ("SELECT name FROM city c WHERE EXISTS ({})", ["Rome"], []),
        ("SELECT name FROM city c WHERE NOT EXISTS ({})", ["Oslo"], ["Oslo", "Rome"]),
        ("SELECT name FROM city c WHERE id IN ({})", ["Rome"], []),
        ("SELECT name FROM city c WHERE id NOT IN ({})", ["Oslo"], ["Oslo", "Rome"]),
        ("SELECT CASE WHEN EXISTS ({}) THEN name END AS n FROM city c", [None, "Rome"], [None, None]),
    ],
)
async def test_a_parent_and_a_child_deleted_together_leave_the_bag_of_a_subquery(
    db: Database, sql: str, before: list[Any], after: list[Any]
) -> None:
    await db.execute("CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT)")
    await db.execute("INSERT INTO city VALUES (1, 'Oslo'), (2, 'Rome')")
    inner = "SELECT t.id FROM team t JOIN person p ON p.team = t.id WHERE t.id = c.id AND p.age > 40"
    view = await db.live(sql.format(inner))
    assert names(view) == before
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM person WHERE id = 3")
        await tx.execute("DELETE FROM team WHERE id = 2")
    assert names(view) == after
    assert (view.explain().data["rule"], view.explain().data["repairs"]) == ("key", 0)


async def test_an_inner_join_on_a_later_table_beside_a_left_join_is_followed_row_by_row(db: Database) -> None:
    await db.execute("CREATE TABLE pair (id INTEGER PRIMARY KEY, n INT)")
    await db.execute("INSERT INTO pair VALUES (1, 2), (2, 1), (3, 9)")
    sql = (
        "SELECT a.id, b.id AS b, c.id AS c FROM pair a LEFT JOIN pair b ON b.n = a.id "
        "JOIN pair c ON c.id = d.n JOIN pair d ON d.id = a.n ORDER BY a.id"
    )
    view = await db.live(sql)
    for change in ("UPDATE pair SET n = 3 WHERE id = 3", "UPDATE pair SET n = 3 - n WHERE id < 3", "DELETE FROM pair"):
        await db.execute(change)
        assert view.rows() == tuple(await db.fetch(sql))
    data = view.explain().data
    assert (data["rule"], data["repairs"], data["steps"]) == ("key", 0, 3)


async def test_a_null_that_comes_into_not_in_empties_the_view(db: Database) -> None:
    view = await db.live("SELECT name FROM team WHERE id NOT IN (SELECT team FROM person WHERE age > 40)")
    assert names(view) == ["red"]
    await db.execute("INSERT INTO person (id, team, age) VALUES (4, NULL, 41)")
    assert names(view) == []
    await db.execute("DELETE FROM person WHERE id = 4")
    assert names(view) == ["red"]


async def test_subscriber_that_is_no_function_is_refused(db: Database) -> None:
    with pytest.raises(ParameterError, match=r"view\.subscribe takes a function fn\(patches\), not None"):
        (await db.live("SELECT 1")).subscribe(None)  # type: ignore[arg-type]  # the claim


async def test_an_error_in_a_subscriber_goes_to_the_hook_and_others_are_told(db: Database) -> None:
    errors: list[BaseException] = []
    db.on_error = errors.append
    view = await db.live("SELECT name FROM person")
    told: list[Any] = []

    def fail(patches: list[Any]) -> None:
        if not isinstance(patches[0], Reset):
            raise ValueError("mine")

    view.subscribe(fail)
    view.subscribe(told.append)
    await db.execute("INSERT INTO person (name) VALUES ('Dot')")
    assert [str(error) for error in errors] == ["mine"]
    assert len(told) == 2


async def test_an_error_in_an_effect_goes_to_the_hook_not_to_the_writer(db: Database) -> None:
    errors: list[BaseException] = []
    db.on_error = errors.append
    view = await db.live("SELECT name FROM person")
    with Scope():
        effect(lambda: 1 // (4 - len(view.rows())))
        await db.execute("INSERT INTO person (name) VALUES ('Dot')")
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert len(await db.fetch("SELECT * FROM person")) == 4


async def test_changes_start_with_a_reset_then_one_list_a_commit(db: Database) -> None:
    view = await db.live("SELECT name FROM person WHERE team = 2")
    changes = view.changes()
    assert await anext(changes) == [Reset([("Cid",)], [(3,)])]
    await db.execute("INSERT INTO person VALUES (9, 'Zoe', 2, 1)")
    assert await anext(changes) == [Insert(1, ("Zoe",), (9,))]
    view.close()
    assert [patches async for patches in changes] == []


async def test_a_scope_closes_the_views_made_in_it(db: Database) -> None:
    with Scope():
        view = await db.live("SELECT name FROM person")
    assert view.closed
    await db.execute("DELETE FROM person")
    assert names(view) == ["Ada", "Bob", "Cid"]
    assert len(db._live.registry) == 0


async def test_a_query_that_sqlite_refuses_is_refused_with_its_place(db: Database) -> None:
    with pytest.raises(UnknownTableError) as caught:
        await db.live("SELECT name\nFROM persn")
    assert (caught.value.line, caught.value.col, caught.value.near) == (2, 6, ("person",))


async def test_a_query_with_a_wrong_parameter_says_which(db: Database) -> None:
    with pytest.raises(ParameterError, match="takes no parameter :tem; it takes :team"):
        await db.live("SELECT 1 FROM person WHERE team = :team", tem=1)
    with pytest.raises(ParameterError, match="takes 1 parameter, 2 were given"):
        await db.live("SELECT 1 FROM person WHERE team = ?", 1, 2)
    with pytest.raises(ParameterError, match="takes a parameter :team that was not given"):
        await db.live("SELECT 1 FROM person WHERE team = :team")


async def test_what_writes_can_not_live(db: Database) -> None:
    with pytest.raises(QueryError, match="must be a SELECT"):
        await db.live("DELETE FROM person RETURNING id")


async def test_a_view_of_a_dropped_table_fails_and_lives_again_when_it_is_back(db: Database) -> None:
    view = await db.live("SELECT name FROM team")
    await db.execute("DROP TABLE team")
    assert view.status == "failed"
    assert isinstance(view.error, UnknownTableError)
    await db.execute("CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT)")
    await db.execute("INSERT INTO team VALUES (5, 'green')")
    assert (view.status, names(view)) == ("live", ["green"])


async def test_a_rerun_view_that_failed_once_fails_again_when_its_table_goes(db: Database) -> None:
    await db.execute("INSERT INTO person (name) VALUES ('not json')")
    view = await db.live(f"{RECURSIVE} SELECT json_extract(name, '$'), x FROM person, c")
    seen = [str(view.status)]
    await db.execute("DELETE FROM person")
    await db.settled()
    seen.append(view.status)
    await db.execute("ALTER TABLE person RENAME TO away")
    await db.settled()
    assert [*seen, view.status] == ["failed", "live", "failed"]
    assert isinstance(view.error, UnknownTableError)


async def test_a_union_whose_row_cannot_be_read_is_failed_until_the_row_goes(db: Database) -> None:
    await db.execute("INSERT INTO person (name) VALUES ('not json')")
    view = await db.live("SELECT json_extract(name, '$') AS j FROM person UNION SELECT 1")
    seen = [str(view.status)]
    await db.execute("DELETE FROM person")
    assert [*seen, view.status, view.columns, names(view)] == ["failed", "live", ("j",), [1]]


async def test_a_star_follows_a_new_column(db: Database) -> None:
    view = await db.live("SELECT * FROM team")
    await db.execute("ALTER TABLE team ADD COLUMN city TEXT DEFAULT 'Bern'")
    assert view.columns == ("id", "name", "city")
    assert view.rows()[0] == (1, "red", "Bern")


async def test_explain_shows_the_rule_its_reason_and_the_delta(db: Database) -> None:
    view = await db.live("SELECT t.name, count(*) AS n FROM person p JOIN team t ON t.id = p.team GROUP BY t.name")
    assert view.explain().data["defining_sql"] == (
        "SELECT t.name, count(*) AS n\nFROM main.person AS p\nJOIN main.team AS t ON t.id = p.team\nGROUP BY t.name\n"
        "ORDER BY t.name"
    )
    text = str(view.explain())
    assert text.startswith("rule       delta: groups kept by accumulators\ntables     person, team\nstate      4 rows")
    assert "when person changes:\n    SELECT t.name" in text
    assert "FROM temp.changes_of_person AS p" in text


async def test_ten_thousand_views_of_one_template_close_without_a_trace(db: Database) -> None:
    with Scope():
        views = [await db.live("SELECT name FROM person WHERE id = ?", number) for number in range(200)]
        await db.execute("UPDATE person SET name = 'X' WHERE id = 3")
        assert names(views[3]) == ["X"]
    await db.execute("UPDATE person SET name = 'Y' WHERE id = 3")
    assert len(db._live.registry) == 0
    assert db._live._shared == {}


async def test_a_full_text_search_is_rerun_when_its_table_changes(db: Database) -> None:
    await db.execute("CREATE VIRTUAL TABLE note USING fts5(body)")
    view = await db.live("SELECT body FROM note WHERE note MATCH 'hello'")
    await db.execute("INSERT INTO note VALUES ('hello world'), ('good night')")
    await db.settled()
    assert names(view) == ["hello world"]
    await db.execute("DELETE FROM note WHERE note MATCH 'hello'")
    await db.settled()
    assert names(view) == []


@pytest.mark.parametrize(("count", "rule"), [(1_900, "delta"), (1_990, "delta"), (1_999, "re-run")])
async def test_a_wide_table_is_followed_whatever_its_width(db: Database, count: int, rule: str) -> None:
    await db.execute(f"CREATE TABLE wide ({', '.join(f'c{n}' for n in range(count))})")
    view = await db.live("SELECT * FROM wide")
    await db.execute("INSERT INTO wide (c0) VALUES (7)")
    await db.settled()
    assert (view.explain().data["rule"], names(view)) == (rule, [7])


async def test_a_table_with_column_names_of_ours_is_rerun(db: Database) -> None:
    await db.execute('CREATE TABLE odd (_eddy_w, "select")')
    view = await db.live('SELECT _eddy_w, "select" FROM odd')
    await db.execute("INSERT INTO odd VALUES (1, 2)")
    await db.settled()
    assert [tuple(row) for row in view.rows()] == [(1, 2)]


async def test_a_parameter_may_stand_in_order_by(db: Database) -> None:
    view = await db.live("SELECT name FROM person ORDER BY abs(age - ?)", 22)
    assert (view.explain().data["rule"], names(view)) == ("delta", ["Bob", "Ada", "Cid"])
    await db.execute("INSERT INTO person VALUES (4, 'Dot', 1, 22)")
    assert names(view) == ["Dot", "Bob", "Ada", "Cid"]


async def test_columns_are_named_as_sqlite_names_them_whatever_the_rule(db: Database) -> None:
    sql = "SELECT team, count(*), (name COLLATE NOCASE), count(*) FROM person GROUP BY team ORDER BY team LIMIT 9"
    view = await db.live(sql)
    assert view.explain().data["rule"] == "key"
    assert view.columns == ("team", "count(*)", "(name COLLATE NOCASE)", "count(*)")


async def test_a_column_whose_collation_only_its_maker_has_can_be_shown(tmp_path: Path) -> None:
    maker = sqlite3.connect(tmp_path / "t.db")
    maker.create_collation("foo", lambda a, b: (a > b) - (a < b))
    maker.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE foo)")
    maker.close()
    async with Database.open(tmp_path / "t.db") as opened:
        view = await opened.live("SELECT a FROM t")
        await opened.execute("INSERT INTO t VALUES (1, 'x')")
        assert names(view) == ["x"]


async def test_a_key_that_a_foreign_key_compares_as_a_number_is_followed_as_the_text_that_it_is(db: Database) -> None:
    await db.execute("CREATE TABLE code (k TEXT PRIMARY KEY)")
    await db.execute("CREATE TABLE used (code INTEGER REFERENCES code (k))")
    await db.execute("CREATE INDEX by_code ON used (code)")
    await db.execute("INSERT INTO code VALUES ('01'), ('1'), ('x')")
    rows = await db.live("SELECT k FROM code")
    groups = await db.live("SELECT k, count(*) FROM code GROUP BY k")
    await db.execute("DELETE FROM code WHERE k = '01'")  # triggers are told that '1' goes
    assert (names(rows), names(groups)) == (["1", "x"], ["1", "x"])
    assert (rows.explain().data["repairs"], groups.explain().data["repairs"]) == (0, 0)


async def test_groups_by_a_key_that_is_no_rowid_show_the_row_that_has_it_now(db: Database) -> None:
    await db.execute("CREATE TABLE project (id TEXT NOT NULL PRIMARY KEY, name TEXT)")
    await db.execute("INSERT INTO project VALUES ('a', 'Core'), ('b', 'Site')")
    await db.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, project TEXT)")
    await db.execute("INSERT INTO issue (project) VALUES ('a'), ('a'), ('b')")
    view = await db.live("SELECT p.name, count(*) FROM issue i JOIN project p ON p.id = i.project GROUP BY p.id")
    assert view.explain().data["reason"] == "groups kept by accumulators"
    await db.execute("UPDATE project SET name = 'Kern' WHERE id = 'a'")
    assert view.rows() == (("Kern", 2), ("Site", 1))
    async with db.transaction() as tx:
        await tx.execute("UPDATE issue SET project = 'a' WHERE project = 'b'")
        await tx.execute("DELETE FROM project WHERE id = 'a'")
        await tx.execute("INSERT INTO project VALUES ('a', 'New')")
        await tx.execute("DELETE FROM issue WHERE id = 1")
    assert view.rows() == (("New", 2),)
    await db.execute("REPLACE INTO project VALUES ('a', 'Newer')")
    assert view.rows() == (("Newer", 2),)


async def test_distinct_of_constants_is_one_row_while_there_are_rows(db: Database) -> None:
    view = await db.live("SELECT DISTINCT 'some' AS there FROM person WHERE team = 2")
    assert view.rows() == (("some",),)
    await db.execute("DELETE FROM person WHERE team = 2")
    assert view.rows() == ()
    await db.execute("UPDATE person SET team = 2")
    assert view.rows() == (("some",),)


async def test_groups_under_nocase_end_at_a_nul_as_sqlites_do(db: Database) -> None:
    await db.execute("CREATE TABLE t (x TEXT COLLATE NOCASE)")
    view = await db.live("SELECT count(*) FROM t GROUP BY x")
    for text in ("a", "A", "a\0b", "A\0c", "a\0bc", "b\0b"):
        await db.execute("INSERT INTO t VALUES (?)", text)
    assert sorted(names(view)) == sorted(row[0] for row in await db.fetch("SELECT count(*) FROM t GROUP BY x"))
    assert sorted(names(view)) == [1, 1, 2, 2]


@pytest.mark.parametrize("sql", ["SELECT n FROM z ORDER BY n", "SELECT n FROM z UNION SELECT 0 ORDER BY n"])
@pytest.mark.parametrize(
    "make",
    ["CREATE TEMP TABLE z (n)", "CREATE TABLE memory.z (n)", "CREATE TEMP VIEW z AS SELECT age AS n FROM person"],
)
async def test_a_table_that_only_the_writer_sees_is_followed(db: Database, make: str, sql: str) -> None:
    await db.execute("ATTACH ':memory:' AS memory")
    await db.execute(make)
    insert = "INSERT INTO person (age) VALUES (?)" if "VIEW" in make else "INSERT INTO z VALUES (?)"
    view = await beside(db, sql, insert, 7)
    await db.execute(insert, 8)
    await db.settled()
    assert view.error is None
    assert {7, 8} <= set(names(view))


async def test_a_temp_table_hides_one_of_the_file_also_beside_an_open_block(db: Database) -> None:
    await db.execute("CREATE TEMP TABLE team (name)")
    view = await beside(db, "SELECT name FROM team UNION SELECT 'x'", "INSERT INTO temp.team VALUES (?)", "own")
    assert names(view) == ["own", "x"]


async def beside(db: Database, sql: str, insert: str, value: Any) -> View:
    """Return the view of `sql`, asked for while another task's block is open that inserts `value`."""
    opened, asked = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        async with db.transaction() as tx:
            opened.set()
            await asked.wait()
            await tx.execute(insert, value)

    writing = asyncio.ensure_future(write())
    await opened.wait()
    asking = asyncio.ensure_future(db.live(sql))
    await asyncio.sleep(0)
    asked.set()
    await writing
    return await asking


@pytest.mark.parametrize(
    ("ddl", "shown"),
    [
        ("ALTER TABLE team ADD COLUMN size DEFAULT 7", [(1, "red", 7), (2, "blue", 7), (3, "green", 7)]),
        ("ALTER TABLE team RENAME COLUMN id TO number", [(1, "red"), (2, "blue"), (3, "green")]),
    ],
)
async def test_a_view_filled_while_another_task_moves_the_schema_follows_the_new_one(
    db: Database, monkeypatch: pytest.MonkeyPatch, ddl: str, shown: list[Any]
) -> None:
    opened, filled = asyncio.Event(), asyncio.Event()

    async def move() -> None:
        async with db.transaction() as tx:
            opened.set()
            await filled.wait()
            await tx.execute(ddl)

    moving = asyncio.ensure_future(move())
    await opened.wait()
    read = db._live.read

    async def read_then_move(job: Any) -> Any:
        found = await read(job)
        filled.set()
        await moving
        return found

    monkeypatch.setattr(db._live, "read", read_then_move)
    view = await db.live("SELECT * FROM team")
    monkeypatch.undo()
    await db.execute("INSERT INTO team (name) VALUES ('green')")
    assert (view.error, [tuple(row) for row in view.rows()]) == (None, shown)


async def test_a_query_asked_for_while_an_older_fill_of_it_fails_is_filled_anew(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, read_it, asked = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def move() -> None:
        async with db.transaction() as tx:
            opened.set()
            await read_it.wait()
            await tx.execute("ALTER TABLE team ADD COLUMN size DEFAULT 7")

    moving = asyncio.ensure_future(move())
    await opened.wait()
    read = db._live.read

    async def read_and_wait(job: Any) -> Any:
        try:
            return await read(job)
        finally:
            read_it.set()
            await asked.wait()

    monkeypatch.setattr(db._live, "read", read_and_wait)
    sql = "SELECT size FROM team"
    early = asyncio.ensure_future(db.live(sql))
    await moving
    monkeypatch.undo()
    late = asyncio.ensure_future(db.live(sql))
    await asyncio.sleep(0)
    asked.set()
    assert names(await late) == [7, 7]
    with pytest.raises(UnknownColumnError):
        await early


async def test_a_large_change_is_consolidated_for_the_views_that_step_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "LARGE", 10)
    monkeypatch.setattr(Program, "_must_read_anew", lambda *_: False)
    async with await Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v, g)")
        await db.executemany("INSERT INTO t VALUES (?, 0, ?)", [(n, n % 3) for n in range(40)])
        rows = await db.live("SELECT k, v FROM t WHERE g = 1 ORDER BY v DESC")
        groups = await db.live("SELECT g, sum(v) AS s, max(v) AS m FROM t GROUP BY g")
        both = await db.live("SELECT a.k, b.v FROM t AS a JOIN t AS b ON b.k = a.v")
        async with db.transaction() as tx:
            await tx.execute("UPDATE t SET v = k")
            await tx.execute("UPDATE t SET v = v + 1 WHERE k < 20")
            await tx.execute("DELETE FROM t WHERE k > 30")
            await tx.execute("UPDATE t SET v = 0 WHERE k = 4")
        assert rows.rows() == tuple(await db.fetch("SELECT k, v FROM t WHERE g = 1 ORDER BY v DESC, k"))
        assert groups.rows() == tuple(await db.fetch("SELECT g, sum(v) AS s, max(v) AS m FROM t GROUP BY g"))
        assert sorted(both.rows()) == sorted(await db.fetch("SELECT a.k, b.v FROM t AS a JOIN t AS b ON b.k = a.v"))
        told: list[object] = []
        rows.subscribe(told.append)
        told.clear()  # the Reset that each subscriber begins with
        async with db.transaction() as tx:
            await tx.execute("UPDATE t SET v = v + 1")
            await tx.execute("UPDATE t SET v = v - 1")
        assert told == []
        assert [view.explain().data["repairs"] for view in (rows, groups, both)] == [0, 0, 0]


@pytest.mark.parametrize(
    "sql",
    ["SELECT k, v FROM t WHERE k > {}", "SELECT v, count(*) AS n FROM t WHERE k <> {} GROUP BY v",
     "SELECT a.k, {} AS n FROM t AS a LEFT JOIN t AS b ON b.k = a.v", "SELECT v FROM t UNION SELECT {}"],
)  # fmt: skip
async def test_views_that_were_closed_leave_nothing_behind(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PLANNED_MAX", 20)
    async with await Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v)")
        await db.executemany("INSERT INTO t VALUES (?, ?)", [(n, n % 3) for n in range(9)])

        async def cycles(first: int, last: int) -> int:
            for n in range(first, last):
                view = await db.live(sql.format(n))
                effect(view.rows).close()
                view.subscribe(lambda patches: None)
                await db.execute("UPDATE t SET v = ? WHERE k = 1", n)
                view.close()
            await db.settled()
            gc.collect()
            return sum(str(type(one).__module__).startswith("eddyline") for one in gc.get_objects())

        before = await cycles(0, 60)
        assert await cycles(60, 240) < before + 60
        assert len(db._live.registry._planned) <= 40
        assert (len(db._live), len(db._live.registry), len(db._live._shared)) == (0, 0, 0)
