"""Tables of another SQLite file: what comes along, under which name, and what a file that doesn't fit is told."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest

from eddyline import Database, ImportedTable, ImportFileError

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def other(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a SQLite file by a script."""

    def make(script: str) -> Path:
        path = tmp_path / "other.db"
        with closing(sqlite3.connect(path)) as conn:
            conn.executescript(script)
        return path

    return make


def csv_of(rows: Iterable[Iterable[object]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


async def schema(db: Database) -> dict[str, str]:
    rows = await db.fetch("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
    return {row["name"]: " ".join(row["sql"].split()) for row in rows}


async def refused(db: Database, path: Path, says: str, **options: str) -> None:
    before = await schema(db)
    with pytest.raises(ImportFileError) as caught:
        await db.import_file(path, **options)  # type: ignore[arg-type]  # options of several types
    assert says in str(caught.value)
    assert await schema(db) == before


async def test_every_table_comes_with_its_keys_constraints_indexes_and_values(
    db: Database, other: Callable[[str], Path]
) -> None:
    path = other(
        """
        CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent, CHECK (id > 0));
        CREATE TABLE parent (k TEXT PRIMARY KEY COLLATE NOCASE, v ANY, b BLOB, twice AS (v || v)) WITHOUT ROWID, STRICT;
        CREATE UNIQUE INDEX by_v ON parent (v);
        CREATE VIEW v AS SELECT 1;
        CREATE TRIGGER tr AFTER INSERT ON child BEGIN SELECT 1; END;
        INSERT INTO parent VALUES ('a', '1', x'00ff'), ('B', 1, NULL);
        INSERT INTO child VALUES (7, 'a'), (9, NULL);
        """.replace("twice AS", "twice TEXT AS")
    )
    done = await db.import_file(path)
    assert done.tables == (ImportedTable("parent", 2, True, ()), ImportedTable("child", 2, True, ()))
    assert list(await schema(db)) == ["parent", "by_v", "child"]
    assert [tuple(row) for row in await db.fetch("SELECT * FROM parent ORDER BY k")] == [
        ("a", "1", b"\x00\xff", "11"),
        ("B", 1, None, "11"),
    ]
    assert [tuple(row) for row in await db.fetch("SELECT * FROM child")] == [(7, "a"), (9, None)]


async def test_one_table_comes_under_another_name_with_what_refers_to_itself(
    db: Database, other: Callable[[str], Path]
) -> None:
    path = other(
        """
        CREATE TABLE [a person] (id INTEGER PRIMARY KEY, boss REFERENCES "a person"(id));
        CREATE INDEX "by ""boss" ON [a person] (boss);
        INSERT INTO [a person] VALUES (1, 2), (2, NULL);
        CREATE TABLE second (a);
        """
    )
    await db.execute('CREATE TABLE "by ""boss" (a)')
    done = await db.import_file(path, "staff", table="A PERSON")
    assert done.tables == (ImportedTable("staff", 2, True, ()),)
    found = await schema(db)
    assert found["staff"] == 'CREATE TABLE "staff" (id INTEGER PRIMARY KEY, boss REFERENCES "staff"(id))'
    assert found['by "boss_staff'] == 'CREATE INDEX "by ""boss_staff" ON "staff" (boss)'


async def test_rows_are_added_to_a_table_that_is_there_or_update_it_by_key(
    db: Database, other: Callable[[str], Path]
) -> None:
    path = other("CREATE TABLE t (id INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (1, 10), (2, 20)")
    await db.execute("CREATE TABLE t (ID INTEGER PRIMARY KEY, m DEFAULT 5, N)")
    await db.execute("INSERT INTO t VALUES (2, 6, 0)")
    await refused(db, path, "t, row 2: the table refuses the row: UNIQUE constraint failed: t.ID; key= updates rows")
    assert (await db.import_file(path, key="id")).rows == 2
    assert [tuple(row) for row in await db.fetch("SELECT * FROM t")] == [(1, 5, 10), (2, 6, 20)]


async def test_what_does_not_fit_is_told(db: Database, other: Callable[[str], Path], tmp_path: Path) -> None:
    path = other("CREATE TABLE a (x REFERENCES b); CREATE TABLE b (k PRIMARY KEY); CREATE TABLE c (y COLLATE NOCASE)")
    await refused(db, path, "into= takes one table, and the file has a, b, c; say which: table=", into="x")
    await refused(db, path, "there is no table 'z'; there are: a, b, c", table="z")
    await refused(db, path, "a refers to b, not there yet; import that first, or all tables", table="a")
    await refused(db, tmp_path / "target.db", "this is the database itself")
    path.write_bytes(path.read_bytes()[:5000] + b"\xff" * 3000)
    await refused(db, path, "SQLite can't read it")


async def test_file_without_tables_and_file_that_is_no_database_are_told(
    db: Database, other: Callable[[str], Path], write: Write
) -> None:
    await refused(db, other("CREATE VIEW v AS SELECT 1"), "it holds no table")
    await refused(db, write("x.db", "no database"), "asked for as sqlite, but it is no SQLite database")
    await refused(db, other(""), "asked for as csv, but it is a SQLite database", format="csv")


async def test_an_open_end_of_a_foreign_key_is_told(db: Database, other: Callable[[str], Path]) -> None:
    path = other("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p); INSERT INTO c VALUES (1)")
    await refused(db, path, "a row refers to one that is not there")


async def test_chinook_comes_whole_and_goes_round_by_csv(db: Database, chinook: Path, tmp_path: Path) -> None:
    done = await db.import_file(chinook)
    assert {one.table: one.rows for one in done.tables} == {
        "Artist": 275, "Employee": 8, "Genre": 25, "MediaType": 5, "Playlist": 18, "Album": 347, "Customer": 59,
        "Invoice": 412, "Track": 3503, "InvoiceLine": 2240, "PlaylistTrack": 8715,
    }  # fmt: skip
    assert await db.fetch("PRAGMA foreign_key_check") == []
    with closing(sqlite3.connect(f"file:{chinook}?mode=ro", uri=True)) as conn:
        for one in done.tables:
            there = conn.execute(f"SELECT * FROM {one.table} ORDER BY rowid").fetchall()
            here = await db.fetch(f"SELECT * FROM {one.table} ORDER BY rowid")
            assert [tuple(row) for row in here] == there
        for sql in (row[0] for row in conn.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")):
            assert " ".join(sql.split()) in (await schema(db)).values()
    for one in done.tables:  # the CSV of each table, into an empty copy of it
        await db.execute(f"CREATE TABLE copy_{one.table} AS SELECT * FROM {one.table} WHERE 0")
        rows = await db.fetch(f"SELECT * FROM {one.table}")
        path = tmp_path / f"copy_{one.table}.csv"
        path.write_bytes(csv_of([rows[0].columns, *rows]))
        await db.import_file(path, empty_is_null=True)
        assert await db.fetch(f"SELECT * FROM copy_{one.table}") == rows
