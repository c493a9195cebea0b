"""Window functions: which partitions a change touches, and which of the rows that tie comes first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import pytest

from eddyline import Database, Insert, Patch, Remove, Reset, Update
from eddyline.core.changes import Changes
from eddyline.core.ivm.compile import compile_template
from eddyline.core.ivm.layout import Layout
from eddyline.core.ivm.template import Template
from eddyline.core.query.asked import Asked
from eddyline.core.query.plan import Column, Expr
from eddyline.core.schema import Catalog, TableName

SCHEMA = """
CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE score (id INTEGER PRIMARY KEY, team INT, player TEXT COLLATE NOCASE, points INT, day TEXT);
"""
TEAM, PLAYER = Column(0, "team"), Column(0, "player")


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    conn.executescript(SCHEMA)
    yield conn
    conn.close()


def compiled(conn: sqlite3.Connection, text: str) -> Template:
    return compile_template(conn, Asked(text), Catalog(conn)).template


@pytest.mark.parametrize(
    ("windows", "rest", "key"),
    [
        ("rank() OVER (PARTITION BY team ORDER BY points)", "", [TEAM]),
        ("rank() OVER (PARTITION BY team, player ORDER BY points), count(*) OVER (PARTITION BY team)", "", [TEAM]),
        ("rank() OVER (PARTITION BY team ORDER BY points), count(*) OVER (PARTITION BY player)", "", []),
        ("sum(points) OVER w, avg(points) OVER (w ORDER BY day)", "WINDOW w AS (PARTITION BY team)", [TEAM]),
        ("sum(points) OVER (ORDER BY day)", "", []),
        ("count(*) OVER (PARTITION BY 1, (SELECT max(id) FROM team), team)", "", [TEAM]),
        ("group_concat(player) OVER (PARTITION BY team)", "", [TEAM]),
        ("group_concat(player) OVER (PARTITION BY team)", "LIMIT 3", []),
        ("last_value(player) OVER (PARTITION BY team ORDER BY day)", "LIMIT 3", []),
        ("last_value(player) OVER (PARTITION BY team ORDER BY day ROWS 2 PRECEDING)", "LIMIT 3", [TEAM]),
        ("rank() OVER (PARTITION BY team ORDER BY day), max(day) OVER (PARTITION BY team)", "LIMIT 3", [TEAM]),
    ],
)
def test_the_key_is_what_every_window_partitions_by(
    conn: sqlite3.Connection, windows: str, rest: str, key: list[Expr]
) -> None:
    template = compiled(conn, f"SELECT id, {windows} FROM score {rest}")
    assert template.rule == "key", template.reason
    assert template.touch is not None
    assert template.touch.sought == key


def test_behind_a_left_join_only_the_first_tables_columns_partition(conn: sqlite3.Connection) -> None:
    text = "SELECT count(*) OVER (PARTITION BY {}) FROM team t LEFT JOIN score s ON s.team = t.id"
    first, second = (compiled(conn, text.format(name)).touch for name in ("t.name", "s.player"))
    assert first is not None
    assert second is not None
    assert (first.sought, second.sought) == ([Column(0, "name")], [])


@pytest.mark.parametrize(
    ("window", "ended"),
    [
        ("row_number() OVER (ORDER BY points)", "row_number() OVER (ORDER BY score.points, score.id)"),
        ("lag(player) OVER ()", "lag(score.player) OVER (ORDER BY score.id)"),
        ("ntile(3) OVER (ORDER BY id DESC)", "ntile(3) OVER (ORDER BY score.id DESC)"),
        ("rank() OVER (ORDER BY points)", "rank() OVER (ORDER BY score.points)"),
        ("sum(points) OVER (ORDER BY day)", "sum(score.points) OVER (ORDER BY score.day)"),
        (
            "sum(points) OVER (ORDER BY day ROWS 2 PRECEDING)",
            "sum(score.points) OVER (ORDER BY score.day, score.id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
        ),
        (
            "sum(points) OVER (ORDER BY day ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING EXCLUDE TIES)",
            "sum(score.points) OVER (ORDER BY score.day ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING EXCLUDE TIES)",
        ),
        (
            "count(*) OVER (ORDER BY points GROUPS 1 PRECEDING)",
            "count(*) OVER (ORDER BY score.points GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW)",
        ),
    ],
)
def test_rows_that_tie_are_told_apart_by_their_key_where_the_frame_does_not_ask_which_tie(
    conn: sqlite3.Connection, window: str, ended: str
) -> None:
    layout = compiled(conn, f"SELECT {window} FROM score").layout
    assert isinstance(layout, Layout)
    assert layout.defining().splitlines()[0] == f"SELECT {ended}"


def test_partitions_are_found_through_the_log_and_read_one_by_one(conn: sqlite3.Connection) -> None:
    template = compiled(conn, "SELECT id, rank() OVER (PARTITION BY player ORDER BY points) FROM score")
    assert template.touch is not None
    assert isinstance(template.layout, Layout)
    folded = (
        "CASE typeof(score.player) WHEN 'text' THEN CASE instr(score.player, char(0)) WHEN 0 THEN lower(score.player) "
        "ELSE lower(substr(score.player, 1, instr(score.player, char(0)))) || length(CAST(score.player AS BLOB)) END "
        "ELSE score.player END"
    )
    assert template.touch.statements(Changes(logs={TableName("main", "score"): "temp.log"})) == [
        f"SELECT {folded}, score.player, score._eddy_w AS _eddy_w\nFROM temp.log AS score"
    ]
    assert template.touch.one_sql(template.layout).splitlines()[1:] == [
        "FROM main.score AS score",
        "WHERE score.player IS :_eddy_k0",
    ]


async def test_a_row_that_moves_changes_the_partition_it_left_and_the_one_it_came_to() -> None:
    async with Database.open(":memory:") as db:
        for statement in SCHEMA.strip().split(";\n"):
            await db.execute(statement.rstrip(";"))
        rows = [(1, 1, "ada", 5, "a"), (2, 1, "bob", 7, "b"), (3, 2, "cyd", 6, "c"), (4, 3, "dan", 1, "d")]
        await db.executemany("INSERT INTO score VALUES (?, ?, ?, ?, ?)", rows)
        view = await db.live(
            "SELECT player, rank() OVER (PARTITION BY team ORDER BY points DESC) AS place, "
            "sum(points) OVER (PARTITION BY team ORDER BY day) AS running FROM score ORDER BY team, place"
        )
        told: list[Sequence[Patch]] = []
        view.subscribe(told.append)
        await db.execute("UPDATE score SET team = 2 WHERE player = 'Bob'")
        assert [tuple(row) for row in view.rows()] == [("ada", 1, 5), ("bob", 1, 7), ("cyd", 2, 13), ("dan", 1, 1)]
        assert [[type(patch) for patch in patches] for patches in told[1:]] == [[Remove, Update, Update, Insert]]
        assert view.explain().data["rule"] == "key"
        assert view.explain().data["reason"] == "window functions: touched partitions are read anew"


async def test_a_ranking_with_a_limit_reads_rows_behind_it_when_one_goes() -> None:
    async with Database.open(":memory:") as db:
        for statement in SCHEMA.strip().split(";\n"):
            await db.execute(statement.rstrip(";"))
        rows = [(n, n % 3, "p", n, "d") for n in range(60)]
        await db.executemany("INSERT INTO score VALUES (?, ?, ?, ?, ?)", rows)
        view = await db.live(
            "SELECT id, row_number() OVER (PARTITION BY team ORDER BY points) AS n FROM score ORDER BY n, id LIMIT 4"
        )
        assert [tuple(row) for row in view.rows()] == [(0, 1), (1, 1), (2, 1), (3, 2)]
        await db.execute("DELETE FROM score WHERE id < 58")
        assert [tuple(row) for row in view.rows()] == [(58, 1), (59, 1)]


async def test_a_running_total_that_changes_in_most_rows_is_sorted_anew_and_told_as_a_whole() -> None:
    async with Database.open(":memory:") as db:
        for statement in SCHEMA.strip().split(";\n"):
            await db.execute(statement.rstrip(";"))
        await db.executemany("INSERT INTO score VALUES (?, 1, 'p', 1, 'd')", [(n,) for n in range(600)])
        view = await db.live("SELECT id, sum(points) OVER (ORDER BY id) AS running FROM score ORDER BY running DESC")
        told: list[Sequence[Patch]] = []
        view.subscribe(told.append)
        await db.execute("UPDATE score SET points = 11 WHERE id = 100")
        assert [tuple(row) for row in view.rows()] == [(n, n + 1 if n < 100 else n + 11) for n in reversed(range(600))]
        assert [[type(patch) for patch in patches] for patches in told] == [[Reset], [Reset]]
        assert view._shared.program.meter.read_anew == 1
        assert view.explain().data["repairs"] == 0
