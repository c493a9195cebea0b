"""Models out of a database: the text for each kind of table and column; it runs, type-checks, and reads the rows."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eddyline import Database, Existing, UnknownTableError
from eddyline.core.model.describe import model_source
from eddyline.core.schema import Catalog

ROOT = Path(__file__).resolve().parents[3]
CHINOOK = ROOT.parent / "shared" / "data" / "chinook.sqlite"

AWKWARD = """
CREATE TABLE "class" (
    id INTEGER PRIMARY KEY, "def" TEXT NOT NULL, "odd name" TEXT, _private INT, "where" TEXT, str TEXT, "1st" REAL,
    "" TEXT, "Ä-ö" TEXT, Class INT, twice AS (id * 2)
);
INSERT INTO class VALUES (1, 'x', 'y', 1, 'w', 's', 1.5, '', 'ö', 3);
CREATE TABLE class_ (k TEXT PRIMARY KEY, up REFERENCES class, self REFERENCES class_, "column" int) WITHOUT ROWID;
INSERT INTO class_ VALUES ('a', 1, 'b', 2), ('b', NULL, NULL, NULL);
CREATE TABLE "Class-2" (a INT, b INT, c INT, PRIMARY KEY (a, b), FOREIGN KEY (a, b) REFERENCES pair (x, y));
CREATE TABLE pair (x INT, y INT, PRIMARY KEY (y, x));
INSERT INTO pair VALUES (1, 2);
CREATE TABLE "column" (id TEXT NOT NULL PRIMARY KEY) STRICT;
CREATE TABLE "None" (
    id INTEGER PRIMARY KEY, r REFERENCES log (a), u REFERENCES "column", v REFERENCES pair, w REFERENCES gone
);
CREATE TABLE "2nd ""table""
x" (id INTEGER PRIMARY KEY, a REFERENCES "None");
CREATE TABLE c1 (id INTEGER PRIMARY KEY REFERENCES c2);
CREATE TABLE c2 (id INTEGER PRIMARY KEY REFERENCES c1);
CREATE TABLE log (a);
CREATE VIEW v AS SELECT 1;
CREATE VIRTUAL TABLE f USING fts5(a);
"""

AWKWARD_SOURCE = """\
# Models of x.db, as `eddyline models` reads them. The tables stay as they are.

from eddyline import Column, Existing, Ref, column, new_id, ref


class Class(Existing, table="class"):
    id: Column[int] = column(default=None, primary_key=True)
    def_: Column[str] = column(name="def")
    odd_name: Column[str | None] = column(default=None, name="odd name")
    private: Column[int | None] = column(default=None, name="_private")
    where_: Column[str | None] = column(default=None, name="where")
    str_: Column[str | None] = column(default=None, name="str")
    column_1st: Column[float | None] = column(default=None, name="1st")
    Ä_ö: Column[str | None] = column(default=None, name="Ä-ö")
    Class_: Column[int | None] = column(default=None, name="Class")
    # a column without a name: for SQL only
    # twice is computed by the table: for SQL only


class Column_(Existing, table="column"):
    id: Column[str] = column(default_factory=new_id, primary_key=True)


class Pair(Existing, table="pair"):
    x: Column[int] = column(primary_key=True)
    y: Column[int] = column(primary_key=True)


class Class2(Existing, table="Class-2"):
    a: Column[int] = column(primary_key=True)
    b: Column[int] = column(primary_key=True)
    c: Column[int | None] = column(default=None)
    # (a, b) refers to pair (x, y)


class None_(Existing, table="None"):
    id: Column[int] = column(default=None, primary_key=True)
    r: Column[str | None] = column(default=None)  # refers to log (a)
    u: Ref[Column_ | None] = ref(default=None)
    v: Column[str | None] = column(default=None)  # refers to pair (y)
    w: Column[str | None] = column(default=None)  # refers to gone


class Class_2(Existing, table="class_"):
    k: Column[str] = column(primary_key=True)
    up: Ref[Class | None] = ref(default=None)
    self: Ref["Class_2 | None"] = ref(default=None)
    column_: Column[int | None] = column(default=None, name="column")


class Table2ndTableX(Existing, table='2nd "table"\\nx'):
    id: Column[int] = column(default=None, primary_key=True)
    a: Ref[None_ | None] = ref(default=None)


class C1(Existing, table="c1"):
    id: Column[int] = column(default=None, primary_key=True)  # refers to c2 (id)


class C2(Existing, table="c2"):
    id: Ref[C1] = ref(primary_key=True)


# No models, for SQL only:
# log has no primary key by which a row could be found again
# f is a virtual table
# v is a view
"""


def source(script: str, *tables: str) -> str:
    """Return the models of a database that `script` makes."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.executescript(script)
        return model_source(conn, Catalog(conn), tables, "x.db")


def columns(ddl: str, *rows: str) -> list[str]:
    """Return the lines of the columns of one table, without the key that it is given."""
    inserts = "".join(f"INSERT INTO t VALUES (NULL, {row});" for row in rows)
    text = source(f"CREATE TABLE t (k INTEGER PRIMARY KEY, {ddl}); {inserts}")
    return [line.strip() for line in text.splitlines() if line.startswith("    ")][1:]


def models_of(text: str) -> list[type[Existing]]:
    """Return the models that the text declares, in its order."""
    names: dict[str, Any] = {"__name__": f"models_{len(text)}"}
    exec(compile(text, "models", "exec", dont_inherit=True), names)
    found = [value for value in names.values() if isinstance(value, type) and issubclass(value, Existing)]
    return [model for model in found if model is not Existing]


# -- the text


def test_every_awkward_name_and_table_has_its_form() -> None:
    assert source(AWKWARD) == AWKWARD_SOURCE


@pytest.mark.parametrize(
    ("ddl", "row", "line"),
    [
        ("c INT NOT NULL", "1", "c: Column[int]"),
        ("c BIGINT", "NULL", "c: Column[int | None] = column(default=None)"),
        ("c INTEGER", "1.5", "c: Column[float | None] = column(default=None)"),
        ("c INTEGER", "'x'", "c: Column[str | None] = column(default=None)"),
        ("c NUMERIC(10, 2) NOT NULL", "2", "c: Column[float]"),
        ("c DECIMAL", "NULL", "c: Column[float | None] = column(default=None)"),
        ("c DOUBLE", "1.5", "c: Column[float | None] = column(default=None)"),
        ("c NVARCHAR(20)", "'x'", "c: Column[str | None] = column(default=None)"),
        ("c BLOB", "x'00'", "c: Column[bytes | None] = column(default=None)"),
        ("c BLOB", "'x'", "c: Column[str | None] = column(default=None)"),
        ("c", "5", "c: Column[int | None] = column(default=None)"),
        ("c", "NULL", "c: Column[str | None] = column(default=None)"),
        ("c BOOLEAN NOT NULL", "1", "c: Column[bool]"),
        ("c BOOL", "NULL", "c: Column[bool | None] = column(default=None)"),
        ("c BOOL", "2", "c: Column[int | None] = column(default=None)"),
        ("c DATETIME", "'2020-01-02T03:04:05.000006Z'", "c: Column[datetime | None] = column(default=None)"),
        ("c DATETIME", "'2020-01-02T03:04:05Z'", "c: Column[str | None] = column(default=None)"),
        ("c DATETIME", "'2020-13-02T03:04:05.000006Z'", "c: Column[str | None] = column(default=None)"),
        ("c TIMESTAMP", "1577934245", "c: Column[int | None] = column(default=None)"),
        ("c DATETIME", "NULL", "c: Column[str | None] = column(default=None)"),
        ("c DATE", "'2020-02-29'", "c: Column[date | None] = column(default=None)"),
        ("c DATE", "'2021-02-29'", "c: Column[str | None] = column(default=None)"),
        ("c DATE", "'0000-01-01'", "c: Column[str | None] = column(default=None)"),
        ("c TIME", "'23:59:59'", "c: Column[time | None] = column(default=None)"),
        ("c TIME", "'24:00:00'", "c: Column[str | None] = column(default=None)"),
        ("c JSON", "'{\"a\": 1}'", "c: Column[dict[str, Any] | None] = column(default=None)"),
        ("c JSON", "'[1]'", "c: Column[list[Any] | None] = column(default=None)"),
        ("c JSON", "'[1'", "c: Column[str | None] = column(default=None)"),
    ],
)
def test_type_is_what_is_declared_beside_what_is_there(ddl: str, row: str, line: str) -> None:
    assert columns(ddl, row) == [line]


def test_values_of_several_types_are_told() -> None:
    assert columns("c TEXT", "'x'", "x'00'") == ["c: Column[str | None] = column(default=None)  # holds blob, text"]
    assert columns("c DATE", "'2020-01-01'", "'soon'") == ["c: Column[str | None] = column(default=None)"]


@pytest.mark.parametrize(
    ("ddl", "line"),
    [
        ("c INT NOT NULL DEFAULT -7", "c: Column[int] = column(default=-7)"),
        ("c INT DEFAULT 7", "c: Column[int | None] = column(default=7)"),
        ("c REAL NOT NULL DEFAULT 1.50", "c: Column[float] = column(default=1.5)"),
        ("c REAL NOT NULL DEFAULT 2", "c: Column[float] = column(default=2.0)"),
        ("c TEXT NOT NULL DEFAULT 'it''s'", 'c: Column[str] = column(default="it\'s")'),
        ("c BOOL NOT NULL DEFAULT true", "c: Column[bool] = column(default=True)"),
        ("c TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP", "c: Column[str]"),
        ("c TEXT DEFAULT (1 + 1)", "c: Column[str | None] = column(default=None)"),
        ("c INT NOT NULL DEFAULT 'x'", "c: Column[int]"),
    ],
)
def test_plain_default_of_the_table_is_that_of_the_model(ddl: str, line: str) -> None:
    assert columns(ddl) == [line]


def test_tables_asked_for_come_alone_and_refer_to_no_other() -> None:
    script = "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p)"
    text = source(script, "C")
    assert text.split("\n\n")[-1].strip() == (
        'class C(Existing, table="c"):\n'
        "    id: Column[int] = column(default=None, primary_key=True)\n"
        "    p: Column[str | None] = column(default=None)  # refers to p (id)"
    )
    with pytest.raises(UnknownTableError, match="no table 'q'; there are: c, p"):
        source(script, "q")


def test_database_without_tables_has_no_models() -> None:
    assert source("") == "# Models of x.db, as `eddyline models` reads them. The tables stay as they are.\n"


# -- the text runs


async def test_awkward_models_read_the_rows_that_are_there(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as conn:
        conn.executescript(AWKWARD)
    models = models_of(AWKWARD_SOURCE)
    async with Database.open(tmp_path / "x.db", readonly=True, models=models) as db:
        assert await db.model_source() == AWKWARD_SOURCE
        found = {model.__name__: [tuple(row) for row in await db.fetch(model.where())] for model in models}
        assert {name: rows for name, rows in found.items() if rows} == {
            "Class": [(1, "x", "y", 1, "w", "s", 1.5, "ö", 3)],
            "Pair": [(1, 2)],
            "Class_2": [("a", 1, "b", 2), ("b", None, None, None)],
        }
        pair = models[2]
        assert tuple(await db.get(pair, (1, 2)) or ()) == (1, 2)


NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from('aA1_ -"\\\n.'), max_size=5
) | st.sampled_from(["class", "None", "Column", "id", "str", "date", "self", "cls", "count", "__init__", "Ⅷ", "ﬁ"])


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@settings(max_examples=60)
@given(st.lists(st.tuples(NAMES, st.lists(NAMES, min_size=1, max_size=4)), max_size=4))
@example([("𐩀", ["½", "𐩀", "a¼b"])])  # digits to str.isalnum(), and no part of a name
async def test_any_names_give_text_that_opens_its_database(tables: list[tuple[str, list[str]]]) -> None:
    async with Database.open(":memory:", poll_s=0) as db:
        for table, names in tables:
            distinct = {name.encode().lower(): name for name in [*names, "key"]}.values()
            columns = ", ".join(quote(name) + " PRIMARY KEY" * (name == "key") for name in distinct)
            if not table.lower().startswith(("sqlite_", "_eddy_")):
                await db.execute(f"CREATE TABLE IF NOT EXISTS {quote(table)} ({columns})")
                await db.execute(f"INSERT OR IGNORE INTO {quote(table)} (key) VALUES (1)")
        models = models_of(await db.model_source())
        assert sorted(model.__table__.name for model in models) == await db.tables()
        for model in models:
            (row,) = await db.fetch(model.where())
            assert row.__key__() == 1


@pytest.mark.skipif(not CHINOOK.exists(), reason=f"no {CHINOOK} beside this clone")
async def test_models_of_chinook_give_typed_rows(tmp_path: Path) -> None:
    path = tmp_path / "chinook.db"
    path.write_bytes(CHINOOK.read_bytes())
    async with Database.open(path, readonly=True, models=models_of(await printed(CHINOOK))) as db:
        assert len(await db.tables()) == 11
    models = {model.__name__: model for model in models_of(await printed(CHINOOK))}
    track, album, employee = (models[name] for name in ("Track", "Album", "Employee"))
    async with Database.open(path, models=list(models.values())) as db:
        first = await db.get(track, 1)
        assert isinstance(first, track)
        assert (first["Name"], first["AlbumId"]) == ("For Those About To Rock (We Salute You)", 1)
        columns: Any = track
        view = await db.live(track.where(columns.AlbumId == 1).order_by(columns.Milliseconds.desc()).limit(2))
        assert [type(row) for row in view.rows()] == [track, track]
        assert [row["TrackId"] for row in view.rows()] == [1, 14]
        async with db.transaction() as tx:
            await tx.update(first, Milliseconds=1)
            made = await tx.add(album(Title="New", ArtistId=1))
        await db.settled()
        assert [row["TrackId"] for row in view.rows()] == [14, 10]
        assert made["AlbumId"] == 348
        boss: Any = employee
        (above,) = await db.fetch(employee.where(boss.ReportsTo.to.LastName == "Adams").limit(1))
        assert above["LastName"] == "Edwards"
        assert (await db.fetch("PRAGMA journal_mode"))[0][0] == "delete"


async def printed(path: Path) -> str:
    async with Database.open(path, readonly=True) as db:
        return await db.model_source()


def test_the_text_is_clean_for_mypy_and_ruff(tmp_path: Path) -> None:
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-dir"]
    home = tmp_path / "path" / "eddyline"
    home.mkdir(parents=True)
    for path in (ROOT / "src" / "eddyline").iterdir():
        (home / path.name).symlink_to(path)
    for name, folder in folders.items():
        if name.count(".") == 1:
            (home / name.split(".")[1]).symlink_to(ROOT / folder)
    times = "CREATE TABLE t (k INT PRIMARY KEY, d DATE, j JSON); INSERT INTO t VALUES (1, '2020-01-01', '[]')"
    (tmp_path / "awkward.py").write_text(AWKWARD_SOURCE, encoding="utf-8")
    (tmp_path / "times.py").write_text(source(times), encoding="utf-8")
    files = ["awkward.py", "times.py"]
    if CHINOOK.exists():
        with closing(sqlite3.connect(f"file:{CHINOOK}?mode=ro", uri=True)) as conn:
            (tmp_path / "chinook.py").write_text(model_source(conn, Catalog(conn), (), "chinook.sqlite"))
        files.append("chinook.py")
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = True\nmypy_path = path\nfollow_imports = silent\n")
    for command in (["mypy", "--cache-dir", "cache"], ["ruff", "format", "--check", "--line-length", "120"]):
        done = subprocess.run(
            [sys.executable, "-m", *command, *files],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
