"""CSV, TSV, JSON and NDJSON: what becomes of a file's rows, and what a file that is wrong is told."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eddyline import Database, ImportedTable, ImportFileError, ImportResult, ParameterError
from eddyline.core.importing.types import number

Write = Callable[[str, str | bytes], Path]


async def rows(db: Database, table: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await db.fetch(f"SELECT * FROM {table} ORDER BY rowid")]


async def ddl(db: Database, table: str) -> str:
    (row,) = await db.fetch("SELECT sql FROM sqlite_schema WHERE name = ?", table)
    return " ".join(row["sql"].split())


async def refused(db: Database, path: Path, **options: Any) -> ImportFileError:
    """Return the error of an import that leaves nothing behind."""
    before = await db.fetch("SELECT sql FROM sqlite_schema ORDER BY name")
    with pytest.raises(ImportFileError) as caught:
        await db.import_file(path, **options)
    assert await db.fetch("SELECT sql FROM sqlite_schema ORDER BY name") == before
    assert caught.value.path == str(path)
    return caught.value


# -- what is made


async def test_csv_makes_a_table_of_its_name_with_the_types_of_its_cells(db: Database, write: Write) -> None:
    path = write("people.csv", "id,name,height,zip\n1,Ada,1.65,01234\n2,Kofi,,99999\n")
    done = await db.import_file(path)
    assert done == ImportResult((ImportedTable("people", 2, True, ()),))
    assert await ddl(db, "people") == 'CREATE TABLE "people" ( "id" INTEGER, "name" TEXT, "height" REAL, "zip" TEXT )'
    assert await rows(db, "people") == [(1, "Ada", 1.65, "01234"), (2, "Kofi", None, "99999")]


async def test_key_is_the_primary_key_of_a_table_that_is_made(db: Database, write: Write) -> None:
    await db.import_file(write("a.csv", "id,n\n1,2\n"), key="ID")
    await db.import_file(write("b.csv", "x,y,n\n1,2,3\n"), key=["x", "y"])
    assert await ddl(db, "a") == 'CREATE TABLE "a" ( "id" INTEGER PRIMARY KEY, "n" INTEGER )'
    assert (await ddl(db, "b")).endswith('"n" INTEGER, PRIMARY KEY ("x", "y") )')


async def test_ndjson_keeps_the_types_and_nests_as_json_text(db: Database, write: Write) -> None:
    path = write("t.ndjson", '{"a": 1, "b": {"y": 2, "x": 1}, "c": true}\n\n{"a": null, "b": [1], "d": "007"}\n')
    assert (await db.import_file(path)).rows == 2
    assert await ddl(db, "t") == 'CREATE TABLE "t" ( "a" INTEGER, "b" TEXT, "c" INTEGER, "d" TEXT )'
    assert await rows(db, "t") == [(1, '{"x":1,"y":2}', 1, None), (None, "[1]", None, "007")]


async def test_object_without_keys_is_a_row_of_defaults(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (a INTEGER DEFAULT 5)")
    await db.import_file(write("t.ndjson", '{}\n{"a": 1}\n{}\n'))
    assert await rows(db, "t") == [(5,), (1,), (5,)]


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": 2.5}]', '\ufeff [{"a": 1},\n{"a": 2.5}]\n'])
async def test_json_is_a_list_of_objects(db: Database, write: Write, text: str) -> None:
    await db.import_file(write("t.json", text))
    assert await rows(db, "t") == [(1.0,), (2.5,)]


async def test_json_is_one_object(db: Database, write: Write) -> None:
    await db.import_file(write("t.json", '{\n"a": "x"\n}'), into="one")
    assert await rows(db, "one") == [("x",)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "a;b\n1;x,y\n"),
        ("t.csv", "a\tb\n1\tx,y\n"),
        ("t.tsv", "a\tb\n1\tx,y\n"),
        ("t.csv", '"a,;;"|b\n1|x,y\n'),
        ("t.CSV", '\ufeffa,b\r\n1,"x,y"\r\n'),
        ("t.csv", '\n\na,b\n\n1,"x,y"\n\n'),
    ],
)
async def test_delimiter_mark_and_blank_lines_are_no_part_of_the_rows(
    db: Database, write: Write, name: str, text: str
) -> None:
    await db.import_file(write(name, text))
    assert await rows(db, "t") == [(1, "x,y")]


async def test_encoding_and_delimiter_are_those_asked_for(db: Database, write: Write) -> None:
    await db.import_file(write("a.csv", "näme:n\nZoë:1\n".encode("latin-1")), encoding="latin-1", delimiter=":")
    await db.import_file(write("b.csv", "näme,n\nZoë,1\n".encode("utf-16")), encoding="utf-16")
    await db.import_file(write("c.ndjson", '{"näme": "Zoë", "n": 1}\n'.encode("utf-16")), encoding="utf-16")
    await db.import_file(write("d.json", '{"näme": "Zoë", "n": 1}'.encode("latin-1")), encoding="latin-1")
    assert [await rows(db, table) for table in "abcd"] == [[("Zoë", 1)]] * 4


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ('[{"a": 1}]', "json"),
        ('{"a": 1}', "json"),
        ('{"a": 1}\n{"a": 2}\n', "ndjson"),
    ],
)
async def test_a_file_without_a_telling_name_is_looked_at(db: Database, write: Write, first: str, found: str) -> None:
    done = await db.import_file(write("data", first), into="t")
    assert done.rows == (2 if found == "ndjson" else 1)


async def test_header_alone_makes_an_empty_table_and_a_column_without_a_name_gets_one(
    db: Database, write: Write
) -> None:
    assert (await db.import_file(write("t.csv", ",b,\n"))).rows == 0
    assert await ddl(db, "t") == 'CREATE TABLE "t" ( "column_1" TEXT, "b" TEXT, "column_3" TEXT )'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0), ("-5", -5), ("9223372036854775807", 2**63 - 1), ("9223372036854775808", "9223372036854775808"),
        ("007", "007"), ("+5", "+5"), ("-0", -0.0), ("1_000", "1_000"), (" 1", " 1"), ("\u0661", "\u0661"),
        ("1.50", 1.5), ("1e3", 1000.0), (".5", ".5"), ("5.", "5."), ("1e999", "1e999"), ("nan", "nan"), ("inf", "inf"),
        ("0.1234567890123456789", "0.1234567890123456789"), ("12345678901234567890", "12345678901234567890"), ("", ""),
        ("9007199254740993.0", 9007199254740992.0),
    ],
)  # fmt: skip
def test_a_text_is_a_number_only_if_the_number_writes_itself_like_that(text: str, value: object) -> None:
    assert (number(text), type(number(text))) == (value, type(value))


# -- into a table that is there


async def test_columns_are_matched_by_name_in_any_case_and_order_and_defaults_hold(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, Title TEXT, state TEXT DEFAULT 'open', n)")
    done = await db.import_file(write("x.csv", "N,title\n10,Typo\n9,007\n"), "issue")
    assert done.tables == (ImportedTable("issue", 2, False, ()),)
    assert await rows(db, "issue") == [(1, "Typo", "open", 10), (2, "007", "open", 9)]


async def test_a_column_that_is_not_there_is_refused_or_added(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (a INTEGER)")
    path = write("t.csv", "a,b,c\n1,2,x\n")
    error = await refused(db, path)
    assert str(error) == f"'{path}': t has no column 'b', 'c'; it has: a; alter=True adds them; nothing was imported"
    done = await db.import_file(path, alter=True)
    assert done.tables == (ImportedTable("t", 1, False, ("b", "c")),)
    assert await ddl(db, "t") == 'CREATE TABLE t (a INTEGER, "b" INTEGER, "c" TEXT)'
    assert await rows(db, "t") == [(1, 2, "x")]


async def test_key_updates_the_rows_that_are_there_and_leaves_other_columns_alone(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (name TEXT UNIQUE, n INTEGER, note TEXT DEFAULT 'new')")
    await db.execute("INSERT INTO t VALUES ('a', 1, 'kept'), ('b', 2, 'kept')")
    await db.import_file(
        write("t.ndjson", '{"name": "a", "n": 10}\n{"name": "c", "n": 3}\n{"name": "b"}\n'), key="name"
    )
    assert await rows(db, "t") == [("a", 10, "kept"), ("b", 2, "kept"), ("c", 3, "new")]


async def test_key_updates_some_columns_of_rows_that_could_not_be_inserted_so(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, title TEXT NOT NULL, state TEXT)")
    await db.execute("INSERT INTO t VALUES (1, 'Typo', 'open'), (2, 'Crash', 'open')")
    await db.import_file(write("t.csv", "id,state\n2,done\n"), key="id")
    assert await rows(db, "t") == [(1, "Typo", "open"), (2, "Crash", "done")]
    error = await refused(db, write("u.csv", "id,state\n1,done\n3,done\n"), into="t", key="id")
    assert (error.line, "NOT NULL constraint failed: t.title" in str(error)) == (3, True)
    assert (await rows(db, "t"))[0] == (1, "Typo", "open")


async def test_key_that_is_not_unique_is_refused(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (a, b)")
    error = await refused(db, write("t.csv", "a,b\n1,2\n"), key="a")
    assert "several rows of t may have the same a" in str(error)


async def test_row_without_its_key_is_refused(db: Database, write: Write) -> None:
    error = await refused(db, write("t.csv", "a,b\n1,2\n,3\n"), key="a")
    assert (error.line, "no value for the key 'a'" in str(error)) == (3, True)


async def test_empty_cell_is_null_where_no_text_is_meant_and_elsewhere_when_asked(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE p (id TEXT PRIMARY KEY)")
    await db.execute("CREATE TABLE t (n INTEGER, s TEXT, p TEXT REFERENCES p)")
    path = write("t.csv", "n,s,p\n,,\n")
    await db.import_file(path)
    await db.import_file(path, empty_is_null=True)
    assert await rows(db, "t") == [(None, "", None), (None, None, None)]


async def test_strict_table_takes_cells_by_its_types(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (i INTEGER, r REAL, s TEXT, a ANY) STRICT")
    await db.import_file(write("t.csv", "i,r,s,a\n1,2,3,4\n"))
    assert await rows(db, "t") == [(1, 2.0, "3", "4")]
    error = await refused(db, write("u.csv", "i,r,s,a\n1,2,3,4\nx,2,3,4\n"), into="t")
    assert (error.line, "cannot store TEXT value in INTEGER column t.i" in str(error)) == (3, True)


async def test_a_missing_ulid_is_made_and_one_that_is_there_is_kept(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE project (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, n INTEGER) STRICT")
    await db.execute("INSERT INTO project VALUES ('own', 'a', 1)")
    await db.import_file(write("x.csv", "name,n\na,2\nb,3\n"), "project", key="name")
    await db.import_file(write("y.csv", "id,name\n,c\nmine,d\n"), "project")
    found = await rows(db, "project")
    assert [(name, n) for _, name, n in found] == [("a", 2), ("b", 3), ("c", None), ("d", None)]
    assert [len(id_) for id_, _, _ in found] == [3, 26, 26, 4]


async def test_computed_column_is_left_to_the_table(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (a INTEGER, b INTEGER AS (a * 2))")
    await db.import_file(write("t.csv", "a,b\n1,99\n"))
    assert await rows(db, "t") == [(1, 2)]


async def test_rows_of_one_file_may_refer_to_later_ones(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES t)")
    await db.import_file(write("t.csv", "id,boss\n1,2\n2,\n"))
    assert await rows(db, "t") == [(1, 2), (2, None)]
    error = await refused(db, write("u.csv", "id,boss\n3,4\n"), into="t")
    assert "a row refers to one that is not there" in str(error)


# -- what is refused


@pytest.mark.parametrize(
    ("name", "content", "line", "says"),
    [
        ("t.csv", "a,b\n1,2\n3\n4,5\n", 3, "1 cells where the header has 2"),
        ("t.csv", 'a,b\n1,"x\ny"\n3,4,5\n', 4, "3 cells where the header has 2"),
        ("t.csv", 'a,b\n1,"never closed\n3,4\n', 2, "unexpected end of data"),
        ("t.csv", 'a,b\n1,"x" y\n', 2, "expected after"),
        ("t.csv", "a,A\n1,2\n", 1, "names a column twice: A, a"),
        ("t.csv", b"a,b\n1,2\n3,\xe4\n", 3, "this is no utf-8"),
        ("t.csv", "a\n1\n".encode("utf-16"), None, "try encoding='utf-16'"),
        ("t.csv", "  \n", None, "the file is empty"),
        ("t.csv", "", None, "the file is empty"),
        ("t.json", '[{"a": 1},\n{"a": }]', 2, "this is no JSON: Expecting value (column 7)"),
        ("t.json", '{"a": 1}\n{"a": 2}\n', 2, "one object a line is format='ndjson'"),
        ("t.json", '[{"a": 1}, 2]', None, "object 2 of the list holds int"),
        ("t.json", "3", None, "rows are a list of objects, or one object"),
        ("t.json", "[]", None, "its rows have no columns"),
        ("t.json", "[" * 100_000, None, "this JSON can't be read"),
        ("t.json", '[{"a": 1, "A": 2}]', None, "columns that differ in case alone: a, A"),
        ("t.json", f'[{{"a": {2**70}}}]', None, "object 1: 'a' is 1180591620717411303424"),
        ("t.json", '[{"a": NaN}]', None, "object 1: 'a' is NaN"),
        ("t.json", '[{"": 1}]', None, "a key without a name"),
        ("t.json", '[{"\\ud800": 1}]', None, "no column can have the name '\\ud800'"),
        ("t.json", '[{"a\\u0000": 1}]', None, "no column can have the name 'a\\x00'"),
        ("t.ndjson", json.dumps({str(n): n for n in range(1001)}) + "\n{}\n", None, "more than 1000 columns"),
        ("t.csv", ",".join(f"c{n}" for n in range(1001)) + "\n", 1, "1001 columns are more than 1000"),
        ("t.ndjson", '{"a": 1}\n[1]\n', 2, "the line holds list"),
        ("t.ndjson", '{"a": 1}\n{"a": 1\n', 2, "this is no JSON"),
        ("t.ndjson", b'{"a": 1}\n{"a": "\xe4"}\n', 2, "this is no utf-8"),
        ("t.dat", "1 2 3", None, "its name doesn't say what it holds"),
    ],
)
async def test_file_that_is_wrong_says_where_and_why_and_leaves_nothing(
    db: Database, write: Write, name: str, content: str | bytes, line: int | None, says: str
) -> None:
    error = await refused(db, write(name, content))
    assert (error.line, says in str(error)) == (line, True), str(error)
    assert str(error).endswith("nothing was imported")


async def test_failure_far_down_leaves_nothing_of_the_rows_before_it(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (n INTEGER CHECK (n < 9998))")
    path = write("t.csv", "n\n" + "".join(f"{n}\n" for n in range(10_000)))
    error = await refused(db, path)
    assert (error.line, "CHECK constraint failed" in str(error)) == (10_000, True)
    assert await rows(db, "t") == []


async def test_what_is_no_table_takes_no_rows(db: Database, write: Write) -> None:
    await db.execute("CREATE VIEW v AS SELECT 1 AS a")
    await db.execute("CREATE VIRTUAL TABLE f USING fts5(a)")
    path = write("x.csv", "a\n1\n")
    for name in ("v", "f", "f_data"):
        assert "is no ordinary table" in str(await refused(db, path, into=name))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "xml"}, "format is one of csv, tsv, json, ndjson, sqlite"),
        ({"encoding": "klingon"}, "encoding 'klingon'"),
        ({"encoding": "base64"}, "encoding 'base64'"),
        ({"delimiter": ",,"}, "delimiter is one character"),
        ({"into": "sqlite_x"}, "names that begin with sqlite_ or _eddy_"),
        ({"into": ""}, "into is the name of a table"),
        ({"table": "t"}, "table= names a table of a SQLite file"),
        ({"delimiter": 5}, "delimiter is one character"),
        ({"key": []}, "key is the name of a column, or a list of several"),
        ({"key": [1]}, "key is the name of a column, or a list of several"),
        ({"key": 5}, "key is the name of a column, or a list of several"),
    ],
)
async def test_argument_that_is_wrong_is_told(db: Database, write: Write, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        await db.import_file(write("t.csv", "a\n1\n"), **options)


async def test_file_that_is_not_there_is_told(db: Database, tmp_path: Path) -> None:
    assert "there is no such file" in str(await refused(db, tmp_path / "none.csv"))
    assert "this is a folder" in str(await refused(db, tmp_path))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")
        assert "this is no regular file" in str(await refused(db, tmp_path / "pipe.csv"))
    with pytest.raises(ParameterError, match="takes the path of a file"):
        await db.import_file(3)  # type: ignore[arg-type]  # the door is what is tested


async def test_key_that_the_file_lacks_is_told(db: Database, write: Write) -> None:
    error = await refused(db, write("t.csv", "a,b\n1,2\n"), key="id")
    assert "it has no column 'id' for key=; it has: a, b" in str(error)


# -- round trip

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.from_regex(r"-?[0-9.e]{1,8}", fullmatch=True)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def csv_of(table: list[tuple[Any, ...]], header: list[str]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows([header, *table])
    return out.getvalue().encode()


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(CELLS, NUMBERS, FLOATS, st.none() | NUMBERS), min_size=1, max_size=6))
async def test_csv_that_pythons_writer_made_gives_the_rows_it_was_made_of(
    write: Write, table: list[tuple[Any, ...]]
) -> None:
    """A column of texts that all look like numbers becomes one of numbers: those write themselves as the texts did."""
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (s TEXT, i INTEGER, r REAL, o INTEGER)")
        path = write("t.csv", csv_of(table, ["s", "i", "r", "o"]))
        await db.import_file(path)
        assert await rows(db, "t") == table
        await db.import_file(path, "guessed")
        found = await rows(db, "guessed")
        assert [row[1:3] for row in found] == [row[1:3] for row in table]
        cells = [row[0] for row in found]
        if all(isinstance(cell, str) for cell in cells):
            assert cells == [row[0] for row in table]
        else:
            assert cells == [number(row[0]) if row[0] else None for row in table]
