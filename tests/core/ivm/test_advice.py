"""Index advice: what `explain()` says is missing; SQLite takes it, and once it is there nothing is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eddyline import Database

TABLES = (
    "CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT, lead INT)",
    "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, team INT, age INT, city TEXT COLLATE NOCASE)",
    'CREATE TABLE "order" (a TEXT, "group" TEXT, n INT, PRIMARY KEY (a, "group")) WITHOUT ROWID',
    "CREATE TABLE tag (word TEXT PRIMARY KEY, n INT UNIQUE) STRICT",
)


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:") as opened:
        for sql in TABLES:
            await opened.execute(sql)
        yield opened


async def advised(db: Database, query: str) -> list[str]:
    view = await db.live(query, *[1] * query.count("?"))
    found: list[str] = view.explain().data["advice"]
    view.close()
    return found


P_TEAM = "CREATE INDEX ix_person_team ON person (team)"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM person ORDER BY age LIMIT 10", ["CREATE INDEX ix_person_age ON person (age)"]),
        ("SELECT * FROM person ORDER BY age DESC LIMIT 10", ["CREATE INDEX ix_person_age_desc ON person (age DESC)"]),
        (  # read backwards: the key at its end comes descending, too
            "SELECT * FROM person ORDER BY age DESC, id DESC LIMIT 10",
            ["CREATE INDEX ix_person_age ON person (age)"],
        ),
        (
            "SELECT * FROM person ORDER BY age, id DESC LIMIT 10",
            ["CREATE INDEX ix_person_age_desc ON person (age DESC)"],
        ),
        (
            "SELECT * FROM person ORDER BY team, age DESC, name LIMIT 10",
            ["CREATE INDEX ix_person_team_age_desc_name ON person (team, age DESC, name)"],
        ),
        (
            "SELECT * FROM person WHERE team = ? ORDER BY age DESC LIMIT 10",
            ["CREATE INDEX ix_person_team_age_desc ON person (team, age DESC)"],
        ),
        (
            "SELECT * FROM person ORDER BY name COLLATE NOCASE LIMIT 10",
            ["CREATE INDEX ix_person_name_nocase ON person (name COLLATE NOCASE)"],
        ),
        ("SELECT * FROM person ORDER BY city LIMIT 10", ["CREATE INDEX ix_person_city ON person (city)"]),
        (
            "SELECT * FROM person ORDER BY lower(name) LIMIT 10",
            ["CREATE INDEX ix_person_expr ON person (lower(name))"],
        ),
        (
            'SELECT * FROM "order" WHERE "group" = ? ORDER BY n DESC LIMIT 5',
            ['CREATE INDEX ix_order_group_n_desc ON "order" ("group", n DESC)'],
        ),
    ],
)
async def test_an_order_under_a_limit_wants_filters_then_its_terms(
    db: Database, query: str, expected: list[str]
) -> None:
    assert await advised(db, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM person WHERE team = ?", [P_TEAM]),
        ("SELECT * FROM person WHERE team IN (1, 2)", [P_TEAM]),
        (
            "SELECT * FROM person WHERE name = ? COLLATE NOCASE",
            ["CREATE INDEX ix_person_name_nocase ON person (name COLLATE NOCASE)"],
        ),
        (
            "SELECT * FROM person WHERE name COLLATE NOCASE = ?",
            ["CREATE INDEX ix_person_name_nocase ON person (name COLLATE NOCASE)"],
        ),
        (
            "SELECT * FROM person WHERE team = ? AND city = 'Bern'",
            ["CREATE INDEX ix_person_team_city ON person (team, city)"],
        ),
        ('SELECT * FROM "order" WHERE "group" = ?', ['CREATE INDEX ix_order_group ON "order" ("group")']),
        (
            "SELECT name FROM person WHERE city = ? UNION SELECT name FROM team",
            ["CREATE INDEX ix_person_city ON person (city)"],
        ),
    ],
)
async def test_a_filter_wants_its_columns(db: Database, query: str, expected: list[str]) -> None:
    assert await advised(db, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT p.name, t.name FROM person p JOIN team t ON t.id = p.team", [P_TEAM]),
        ("SELECT p.name, t.name FROM team t LEFT JOIN person p ON t.id = p.team", [P_TEAM]),
        ("SELECT p.name, t.name FROM person p LEFT JOIN team t ON t.id = p.team", [P_TEAM]),
        (
            "SELECT p.name, t.name FROM person p JOIN team t ON t.name = p.name",
            ["CREATE INDEX ix_person_name ON person (name)", "CREATE INDEX ix_team_name ON team (name)"],
        ),
        (  # compared under the left one's collation
            "SELECT p.name, t.name FROM person p JOIN team t ON p.city = t.name",
            [
                "CREATE INDEX ix_person_city ON person (city)",
                "CREATE INDEX ix_team_name_nocase ON team (name COLLATE NOCASE)",
            ],
        ),
        (
            "SELECT p.name, b.name FROM person p JOIN person b ON b.age = p.team",
            ["CREATE INDEX ix_person_age ON person (age)", P_TEAM],
        ),
        (
            "SELECT p.name, t.name FROM person p JOIN team t ON t.id = p.team WHERE p.city = ? ORDER BY p.age LIMIT 9",
            ["CREATE INDEX ix_person_city_age ON person (city, age)", P_TEAM],
        ),
        ("SELECT name FROM team t WHERE EXISTS (SELECT 1 FROM person p WHERE p.team = t.id AND p.age > 30)", [P_TEAM]),
        ("SELECT name FROM team WHERE id IN (SELECT team FROM person)", [P_TEAM]),
        ("SELECT name, (SELECT count(*) FROM person p WHERE p.team = t.id) AS n FROM team t", [P_TEAM]),
    ],
)
async def test_a_join_wants_the_columns_by_which_the_others_changes_find_rows(
    db: Database, query: str, expected: list[str]
) -> None:
    assert await advised(db, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT t.name, count(*) FROM person p JOIN team t ON t.id = p.team GROUP BY t.name", [P_TEAM]),
        ("SELECT city, group_concat(name) FROM person GROUP BY city", ["CREATE INDEX ix_person_city ON person (city)"]),
        ("SELECT city, max(age) FROM person GROUP BY city", ["CREATE INDEX ix_person_city ON person (city)"]),
        ("SELECT city, count(*), sum(age) FROM person GROUP BY city", []),
    ],
)
async def test_a_group_is_looked_up_by_its_key_where_it_is_read_anew(
    db: Database, query: str, expected: list[str]
) -> None:
    assert await advised(db, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM person",
        "SELECT * FROM person ORDER BY age",
        "SELECT * FROM person WHERE id = ?",
        "SELECT * FROM person ORDER BY id DESC LIMIT 10",
        "SELECT * FROM person WHERE age > ?",  # read in the order of its key: SQLite takes no index of age
        'SELECT * FROM "order" WHERE a = ?',
        'SELECT * FROM "order" WHERE a = ? ORDER BY "group" LIMIT 3',
        "SELECT * FROM tag WHERE word = ?",
        "SELECT * FROM tag ORDER BY n LIMIT 3",
        "SELECT t.name FROM team t JOIN person p ON p.id = t.id",
        "SELECT row_number() OVER (ORDER BY age) FROM person",
    ],
)
async def test_what_keys_serve_already_or_nothing_could_serve_is_not_advised(db: Database, query: str) -> None:
    assert await advised(db, query) == []


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("CREATE INDEX longer ON person (team, age, name)", []),
        ("CREATE UNIQUE INDEX one ON person (team, name)", []),
        ("CREATE INDEX other ON person (age, team)", [P_TEAM]),
        ("CREATE INDEX part ON person (team) WHERE age > 3", [P_TEAM]),
        ("CREATE INDEX ix_person_team ON person (age)", ["CREATE INDEX ix_person_team_2 ON person (team)"]),
    ],
)
async def test_an_index_that_begins_with_the_columns_serves(db: Database, made: str, expected: list[str]) -> None:
    await db.execute(made)
    assert await advised(db, "SELECT * FROM person WHERE team = ?") == expected


async def test_an_index_under_another_collation_or_in_another_direction_does_not_serve(db: Database) -> None:
    await db.execute("CREATE INDEX by_name ON person (name)")
    await db.execute("CREATE INDEX by_age ON person (age)")
    assert await advised(db, "SELECT * FROM person WHERE name COLLATE NOCASE = ?") == [
        "CREATE INDEX ix_person_name_nocase ON person (name COLLATE NOCASE)"
    ]
    assert await advised(db, "SELECT * FROM person ORDER BY age DESC LIMIT 9") == [
        "CREATE INDEX ix_person_age_desc ON person (age DESC)"
    ]


async def test_what_is_advised_is_taken_and_then_nothing_is_missing(db: Database) -> None:
    query = "SELECT p.name, t.name FROM person p JOIN team t ON t.id = p.team WHERE p.city = ? ORDER BY p.age LIMIT 9"
    view = await db.live(query, "Bern")
    statements = view.explain().data["advice"]
    assert str(view.explain()).endswith("\n".join(f"advice     {sql}" for sql in statements))
    for sql in statements:
        await db.execute(sql)
    assert view.explain().data["advice"] == []
    assert any("ix_person_city_age" in line for line in view.explain().data["plan"])
    assert "advice" not in str(view.explain())


async def test_advice_names_the_schema_of_an_attached_file(db: Database, tmp_path: Path) -> None:
    await db.execute("ATTACH ? AS more", str(tmp_path / "more.db"))
    await db.execute('CREATE TABLE more."my table" (id INTEGER PRIMARY KEY, "a b" INT)')
    [sql] = await advised(db, 'SELECT * FROM more."my table" WHERE "a b" = ?')
    assert sql == 'CREATE INDEX more."ix_my table_a b" ON "my table" ("a b")'
    await db.execute(sql)
    assert await advised(db, 'SELECT * FROM more."my table" WHERE "a b" = ?') == []


async def test_advice_changes_nothing_in_the_database(db: Database) -> None:
    before = await db.fetch("SELECT * FROM sqlite_schema")
    await advised(db, "SELECT * FROM person WHERE team = ? ORDER BY age LIMIT 3")
    assert await db.fetch("SELECT * FROM sqlite_schema") == before
