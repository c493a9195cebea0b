"""An import as one transaction: one batch for views, others wait their turn, progress, cancelling."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eddyline import (
    ClosedError,
    Database,
    ImportFileError,
    ParameterError,
    ReadOnlyError,
    RolledBackError,
    UseTransactionError,
)
from eddyline.core.importing import load
from eddyline.core.schema.tables import create_table
from eddyline.signals import Insert, Reset

Write = Callable[[str, str | bytes], Path]


def numbers(first: int, last: int) -> str:
    return "n\n" + "".join(f"{n}\n" for n in range(first, last))


async def test_a_view_gets_one_batch_of_a_file_of_many_statements(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    view = await db.live("SELECT n FROM t ORDER BY n")
    seen: list[int] = []
    view.subscribe(lambda patches: seen.append(len([p for p in patches if isinstance(p, Insert | Reset)])))
    commits: list[object] = []
    db.after_commit(commits.append)
    await db.import_file(write("t.csv", numbers(0, 1200)))
    await db.settled()
    assert (len(commits), len(seen), len(view.rows())) == (1, 2, 1200)


async def test_a_view_follows_columns_that_an_import_adds(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    view = await db.live("SELECT * FROM t ORDER BY n")
    await db.import_file(write("t.csv", "n,m\n1,2\n"), alter=True)
    await db.settled()
    assert [tuple(row) for row in view.rows()] == [(1, 2)]
    await db.execute("UPDATE t SET m = 3")
    await db.settled()
    assert [tuple(row) for row in view.rows()] == [(1, 3)]


async def test_a_hook_may_veto_an_import(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")

    def veto(tx: object, changes: object) -> None:
        raise ValueError("no")

    db.before_commit(veto, "t")
    with pytest.raises(ValueError, match="no"):
        await db.import_file(write("t.csv", numbers(0, 3)))
    assert await db.fetch("SELECT * FROM t") == []


async def test_writes_of_other_tasks_queue_before_and_behind(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (n INTEGER)")
    path = write("t.csv", numbers(0, 2000))
    await asyncio.gather(db.execute("INSERT INTO t VALUES (-1)"), db.import_file(path), db.import_file(path))
    assert tuple((await db.fetch("SELECT count(*), min(n), max(n) FROM t"))[0]) == (4001, -1, 1999)


async def test_in_a_block_of_ones_own_it_is_refused(db: Database, write: Write) -> None:
    path = write("t.csv", numbers(0, 2))
    with pytest.raises(UseTransactionError, match=r"db\.import_file inside"):
        async with db.transaction():
            await db.import_file(path)
    await db.close()
    with pytest.raises(ClosedError):
        await db.import_file(path)


async def test_progress_rises_from_the_reading_to_the_last_row(
    db: Database, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eddyline.core.importing.run._TOLD_EACH_S", 0.0)
    path = write("t.csv", numbers(0, 1200))
    size = path.stat().st_size
    seen: list[tuple[int, int | None, int, int]] = []
    loop = asyncio.get_running_loop()

    def progress(*told: int | None) -> None:
        assert asyncio.get_running_loop() is loop
        seen.append(told)  # type: ignore[arg-type]  # four of them

    await db.import_file(path, progress=progress)
    assert seen[0] == (0, None, size, size)  # a small file is read in one piece
    assert seen[-1] == (1200, 1200, size, size)
    assert seen == sorted(seen, key=lambda told: (told[1] is not None, told[0]))
    assert {told[0] for told in seen} == {0, 500, 1000, 1200}


async def test_progress_that_fails_is_told_to_the_loop_and_the_import_stands(db: Database, write: Write) -> None:
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(str(context["exception"])))

    def progress(*figures: int | None) -> None:
        raise ValueError("no")

    assert (await db.import_file(write("t.csv", numbers(0, 3)), progress=progress)).rows == 3
    assert told == ["no"]
    with pytest.raises(ParameterError, match="progress takes a function"):
        await db.import_file(write("t.csv", numbers(0, 3)), progress=3)  # type: ignore[arg-type]  # what is tested


async def test_cancelled_import_leaves_nothing_and_stops_reading(
    db: Database, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eddyline.core.importing.run._TOLD_EACH_S", 0.0)
    path = write("t.csv", numbers(0, 20_000))
    seen: list[int] = []

    def progress(rows: int, *rest: int | None) -> None:
        seen.append(rows)
        if rows:
            task.cancel()

    task = asyncio.ensure_future(db.import_file(path, progress=progress))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await db.tables() == []
    await db.import_file(path)
    assert max(seen) < 20_000


async def test_file_that_changes_between_the_two_readings_is_refused(
    db: Database, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("t.csv", numbers(0, 3))
    made = create_table

    def and_append(*args: object, **options: object) -> None:
        made(*args, **options)  # type: ignore[arg-type]  # handed on as they came
        with path.open("a") as file:
            file.write("9\n")

    monkeypatch.setattr(load, "create_table", and_append)
    with pytest.raises(ImportFileError, match="another program wrote to the file meanwhile"):
        await db.import_file(path)
    assert await db.tables() == []


async def test_file_that_is_gone_at_the_second_reading_is_told(
    db: Database, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("t.csv", numbers(0, 3))
    made = create_table

    def and_unlink(*args: object, **options: object) -> None:
        made(*args, **options)  # type: ignore[arg-type]  # handed on as they came
        path.unlink()

    monkeypatch.setattr(load, "create_table", and_unlink)
    with pytest.raises(ImportFileError, match=r"it can't be read: .*; nothing was imported"):
        await db.import_file(path)
    assert await db.tables() == []


async def test_error_of_an_import_leaves_the_database_usable(db: Database, write: Write) -> None:
    with pytest.raises(ImportFileError):
        await db.import_file(write("t.csv", "a,b\n1\n"))
    await db.import_file(write("t.csv", "a,b\n1,2\n"))
    assert await db.tables() == ["t"]


async def test_a_database_opened_read_only_says_so(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (n)")
    path = write("t.csv", numbers(0, 2))
    async with Database.open(db.path, readonly=True) as reader:
        for into in ("t", "new"):
            with pytest.raises(ReadOnlyError):
                await reader.import_file(path, into)


async def test_a_trigger_that_ends_the_transaction_ends_the_import(db: Database, write: Write) -> None:
    await db.execute("CREATE TABLE t (n)")
    await db.execute(
        "CREATE TRIGGER stop BEFORE INSERT ON t WHEN new.n = 700 BEGIN SELECT RAISE(ROLLBACK, 'enough'); END"
    )
    with pytest.raises(RolledBackError, match="enough"):
        await db.import_file(write("t.csv", numbers(0, 1000)))
    assert await db.fetch("SELECT * FROM t") == []


def test_what_an_import_needs_is_loaded_by_the_first_one_alone() -> None:
    code = "import sys, eddyline; print([name for name in sys.modules if name.startswith('eddyline.core.importing.')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "['eddyline.core.importing.result']"
