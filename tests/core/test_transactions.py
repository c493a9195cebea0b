"""Transactions: blocks, savepoints, failures, cancellation, hooks; and what other programs' locks do to them."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eddyline import (
    ClosedError,
    Commit,
    CommitError,
    ConstraintError,
    Database,
    LockedError,
    RolledBackError,
    TransactionControlError,
    UseTransactionError,
    View,
)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "t.db", busy_timeout_s=0.2) as opened:
        async with opened.transaction() as tx:
            await tx.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT UNIQUE)")
            await tx.execute(
                "CREATE TABLE child (id INTEGER PRIMARY KEY, t REFERENCES t DEFERRABLE INITIALLY DEFERRED)"
            )
            await tx.execute("INSERT INTO t VALUES (1, 10), (2, 20)")
        yield opened


@pytest.fixture
async def view(db: Database) -> View:
    return await db.live("SELECT n FROM t ORDER BY n")


def numbers(view: View) -> list[Any]:
    return [row[0] for row in view.rows()]


async def test_a_block_is_one_commit_and_one_list_of_patches(db: Database, view: View) -> None:
    told: list[Any] = []
    view.subscribe(told.append)
    async with db.transaction("two") as tx:
        await tx.execute("INSERT INTO t VALUES (3, 30)")
        await tx.execute("DELETE FROM t WHERE id = 1")
        assert [row[0] for row in await tx.fetch("SELECT n FROM t ORDER BY n")] == [20, 30]
        assert numbers(view) == [10, 20]
    assert numbers(view) == [20, 30]
    assert len(told) == 2


async def test_an_exception_leaves_nothing_of_a_block(db: Database, view: View) -> None:
    with pytest.raises(ValueError, match="mine"):
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM t")
            raise ValueError("mine")
    assert numbers(view) == [10, 20]
    assert len(await db.fetch("SELECT * FROM t")) == 2


async def test_rollback_ends_a_block_quietly(db: Database, view: View) -> None:
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM t")
        await tx.rollback()
        with pytest.raises(ClosedError):
            await tx.execute("DELETE FROM t")
    assert numbers(view) == [10, 20]


async def test_a_failing_statement_undoes_only_itself(db: Database, view: View) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (3, 30)")
        with pytest.raises(ConstraintError, match=r"UNIQUE constraint failed: t\.n"):
            await tx.execute("INSERT INTO t VALUES (4, 40), (5, 10)")
        with pytest.raises(ConstraintError):
            await tx.execute("INSERT OR FAIL INTO t VALUES (4, 40), (5, 10)")
        with pytest.raises(ConstraintError):
            await tx.executemany("INSERT INTO t VALUES (?, ?)", [(6, 60), (7, 10)])
    assert numbers(view) == [10, 20, 30]


async def test_or_rollback_ends_the_whole_block_with_our_error(db: Database, view: View) -> None:
    with pytest.raises(RolledBackError, match="rolled the whole transaction back"):
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (3, 30)")
            with pytest.raises(RolledBackError):
                await tx.execute("INSERT OR ROLLBACK INTO t VALUES (4, 10)")
            with pytest.raises(RolledBackError, match="nothing more can be written"):
                await tx.execute("INSERT INTO t VALUES (5, 50)")
    assert numbers(view) == [10, 20]
    await db.execute("INSERT INTO t VALUES (3, 30)")
    assert numbers(view) == [10, 20, 30]


@pytest.mark.parametrize("text", ["BEGIN", "commit", "-- so\nROLLBACK", "END TRANSACTION", "VACUUM"])
async def test_control_words_are_refused_in_a_block(db: Database, text: str) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (3, 30)")
        with pytest.raises(TransactionControlError):
            await tx.execute(text)
    assert len(await db.fetch("SELECT * FROM t")) == 3


async def test_savepoints_as_text_and_as_blocks_undo_their_part(db: Database, view: View) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (3, 30)")
        await tx.execute("SAVEPOINT here")
        await tx.execute("DELETE FROM t")
        await tx.execute("ROLLBACK TO here")
        await tx.execute("RELEASE here")
        with pytest.raises(KeyError):
            async with tx.savepoint():
                await tx.execute("DELETE FROM t WHERE id = 1")
                raise KeyError
        async with db.transaction() as inner:
            await inner.execute("INSERT INTO t VALUES (4, 40)")
    assert numbers(view) == [10, 20, 30, 40]


async def test_ddl_undone_by_a_savepoint_leaves_capture_right(db: Database, view: View) -> None:
    async with db.transaction() as tx:
        with pytest.raises(KeyError):
            async with tx.savepoint():
                await tx.execute("ALTER TABLE t RENAME COLUMN n TO m")
                await tx.execute("INSERT INTO t VALUES (3, 30)")
                raise KeyError
        await tx.execute("INSERT INTO t VALUES (4, 40)")
    assert numbers(view) == [10, 20, 40]
    with pytest.raises(KeyError):
        async with db.transaction() as tx:
            await tx.execute("DROP TABLE t")
            raise KeyError
    await db.execute("INSERT INTO t VALUES (5, 50)")
    assert (view.status, numbers(view)) == ("live", [10, 20, 40, 50])


async def test_a_commit_that_fails_keeps_nothing_and_shows_nothing(db: Database, view: View) -> None:
    told: list[Any] = []
    view.subscribe(told.append)
    with pytest.raises(CommitError, match="FOREIGN KEY constraint failed; nothing of the transaction was kept"):
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (3, 30)")
            await tx.execute("INSERT INTO child VALUES (1, 99)")
    assert (numbers(view), len(told)) == ([10, 20], 1)
    await db.execute("INSERT INTO t VALUES (4, 40)")
    assert numbers(view) == [10, 20, 40]


async def test_a_block_cancelled_in_its_body_is_rolled_back(db: Database, view: View) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM t")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await db.execute("INSERT INTO t VALUES (3, 30)")
    assert numbers(view) == [10, 20, 30]


@pytest.mark.parametrize("turns", range(8))
async def test_a_write_cancelled_at_any_turn_happens_whole_or_not_at_all(db: Database, view: View, turns: int) -> None:
    async def work() -> None:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (3, 30)")
            await tx.execute("INSERT INTO t VALUES (4, 40)")

    task = asyncio.create_task(work())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    kept = [row[0] for row in await db.fetch("SELECT n FROM t ORDER BY n")]
    assert kept in ([10, 20], [10, 20, 30, 40])
    await db.settled()
    assert numbers(view) == kept
    await db.execute("INSERT INTO t VALUES (9, 90)")
    assert numbers(view) == [*kept, 90]


@pytest.mark.parametrize("turns", range(4))
async def test_a_cancelled_execute_leaves_the_queue_usable(db: Database, view: View, turns: int) -> None:
    task = asyncio.create_task(db.execute("INSERT INTO t VALUES (3, 30)"))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await db.execute("INSERT INTO t VALUES (9, 90)")
    kept = [row[0] for row in await db.fetch("SELECT n FROM t ORDER BY n")]
    assert kept in ([10, 20, 90], [10, 20, 30, 90])
    assert numbers(view) == kept


async def test_statements_gathered_in_a_block_queue(db: Database, view: View) -> None:
    async with db.transaction() as tx:
        await asyncio.gather(*(tx.execute("INSERT INTO t VALUES (?, ?)", n, n * 10) for n in range(3, 8)))
    assert numbers(view) == [10, 20, 30, 40, 50, 60, 70]


async def test_a_task_started_in_a_block_is_told_instead_of_waiting_for_ever(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (3, 30)")
        with pytest.raises(UseTransactionError, match=r"use tx\.execute"):
            await asyncio.create_task(db.execute("DELETE FROM t"))

        async def nest() -> None:
            async with db.transaction():
                pass

        with pytest.raises(UseTransactionError, match="started inside another task's block"):
            await asyncio.create_task(nest())
    await asyncio.create_task(db.execute("DELETE FROM t"))


async def test_a_before_commit_hook_sees_the_net_changes_and_may_write(db: Database) -> None:
    await db.execute("CREATE TABLE audit (what)")
    seen: list[Mapping[str, Any]] = []

    def audit(tx: Any, changes: Mapping[str, Any]) -> None:
        seen.append({name: (change.removed, change.added) for name, change in changes.items()})
        if not tx.fetch("SELECT * FROM audit"):
            tx.execute("INSERT INTO audit VALUES ('t changed')")

    end = db.before_commit(audit, "t")
    async with db.transaction() as tx:
        await tx.execute("UPDATE t SET n = 11 WHERE id = 1")
        await tx.execute("UPDATE t SET n = 12 WHERE id = 1")
    assert seen[-1] == {"t": ([{"id": 1, "n": 10}], [{"id": 1, "n": 12}])}
    assert [row.what for row in await db.fetch("SELECT * FROM audit")] == ["t changed"]
    end()
    await db.execute("UPDATE t SET n = 13 WHERE id = 1")
    assert len(seen) == 1


async def test_a_before_commit_hook_vetoes_by_raising(db: Database, view: View) -> None:
    class LockedRow(Exception):
        pass

    def veto(tx: Any, changes: Mapping[str, Any]) -> None:
        raise LockedRow("row 1 is locked")

    db.before_commit(veto, "t")
    with pytest.raises(LockedRow):
        await db.execute("DELETE FROM t WHERE id = 1")
    assert numbers(view) == [10, 20]


async def test_after_commit_runs_once_a_commit_and_its_error_goes_to_the_hook(db: Database) -> None:
    commits: list[Commit] = []
    errors: list[BaseException] = []
    db.on_error = errors.append

    def fail(commit: Commit) -> None:
        raise OSError("mine")

    db.after_commit(commits.append)
    db.after_commit(fail)
    async with db.transaction("named") as tx:
        await tx.execute("INSERT INTO t VALUES (3, 30)")
        await tx.execute("INSERT INTO t VALUES (4, 40)")
    async with db.transaction("read only") as tx:
        await tx.fetch("SELECT * FROM t")
    assert [commit.message for commit in commits] == ["named"]
    assert [str(error) for error in errors] == ["mine"]


async def test_a_lock_held_too_long_is_our_error_and_nothing_is_lost(db: Database, view: View) -> None:
    with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockedError, match="nothing was written") as caught:
            await db.execute("INSERT INTO t VALUES (3, 30)")
        assert caught.value.waited_s >= 0.2
        with pytest.raises(LockedError):
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO t VALUES (3, 30)")
        other.execute("ROLLBACK")
    await db.execute("INSERT INTO t VALUES (4, 40)")
    assert numbers(view) == [10, 20, 40]


async def test_a_commit_held_up_by_a_reader_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "rollback journal.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE t (n)")
    async with Database.open(path, busy_timeout_s=30) as db:
        view = await db.live("SELECT n FROM t")
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM t").fetchall()
            write = asyncio.create_task(db.execute("INSERT INTO t VALUES (1)"))
            done, _ = await asyncio.wait([write], timeout=0.15)
            assert not done
            reader.execute("COMMIT")
            await write
        assert numbers(view) == [1]


async def test_writes_behind_one_whose_commit_is_held_up_wait_and_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "rollback journal.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE t (n)")
    async with Database.open(path, busy_timeout_s=30, poll_s=0) as db:
        view = await db.live("SELECT n FROM t")
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM t").fetchall()
            first = asyncio.create_task(db.execute("INSERT INTO t VALUES (1)"))
            await asyncio.wait([first], timeout=0.1)
            others = [asyncio.create_task(db.execute("INSERT INTO t VALUES (?)", n)) for n in (2, 3)]
            fill = asyncio.create_task(db.live("SELECT count(*) FROM t"))
            await asyncio.wait(others, timeout=0.1)
            others[0].cancel()  # its end must not undo the first one's, which is open
            await asyncio.wait([others[0]])
            assert not first.done()
            reader.execute("COMMIT")
            await asyncio.gather(first, others[1])
            await fill
        await db.settled()
        assert numbers(view) == [1, 3]


async def test_of_many_writes_at_once_only_one_waits_for_another_programs_lock_on_the_thread(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, writer = db._queue, db._queue.writer
    clock, paused, go_on = [100.0], asyncio.Semaphore(0), asyncio.Event()
    begin, tries = writer.begin, [0]

    def counted(**options: Any) -> None:
        tries[0] += 1
        begin(**options)

    async def pause(seconds: float) -> None:
        paused.release()
        await go_on.wait()

    monkeypatch.setattr(queue, "_now", lambda: clock[0])
    monkeypatch.setattr(queue, "_sleep", pause)
    monkeypatch.setattr(writer, "begin", counted)
    with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writes = [asyncio.create_task(db.execute("INSERT INTO t (n) VALUES (?)", n)) for n in range(100, 120)]
        for _ in writes:
            await paused.acquire()
        assert tries == [1]
        other.execute("ROLLBACK")
    clock[0] += 0.1
    go_on.set()
    await asyncio.gather(*writes)
    assert tries == [21]
    assert (await db.fetch("SELECT count(*) FROM t WHERE n >= 100"))[0] == (20,)


async def test_writes_of_many_tasks_at_once_commit_in_the_order_of_the_calls(db: Database, view: View) -> None:
    commits: list[int] = []
    db.after_commit(lambda commit: commits.append(commit.number))
    seen: list[tuple[int, int]] = []

    async def write(n: int) -> None:
        await db.execute("INSERT INTO t (n) VALUES (?)", n)
        seen.append((n, len(commits)))
        assert n in numbers(view)

    await asyncio.gather(*(write(n) for n in range(100, 140)))
    assert [n for n, _ in seen] == [*range(100, 140)]
    assert all(known > at for at, (_, known) in enumerate(seen))
    assert commits == sorted(commits)
    assert len(commits) == 40
    rows = await db.fetch("SELECT n FROM t WHERE n >= 100 ORDER BY rowid")
    assert [row[0] for row in rows] == [*range(100, 140)]


async def test_a_block_waits_for_writes_before_it_and_those_behind_it_for_the_block(db: Database, view: View) -> None:
    async def block() -> list[Any]:
        async with db.transaction() as tx:
            before = [row[0] for row in await tx.fetch("SELECT n FROM t ORDER BY n")]
            await tx.execute("DELETE FROM t")
            await asyncio.sleep(0)
            return before

    _, _, before, *_ = await asyncio.gather(
        *(db.execute("INSERT INTO t (n) VALUES (?)", n) for n in (30, 40)),
        block(),
        *(db.execute("INSERT INTO t (n) VALUES (?)", n) for n in (50, 60)),
    )
    assert before == [10, 20, 30, 40]
    assert numbers(view) == [50, 60]


async def test_a_commit_of_another_program_just_before_ours_counts_once(db: Database) -> None:
    total = await db.live("SELECT count(*) AS c, sum(n) AS s FROM t")
    with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
        other.execute("INSERT INTO t VALUES (3, 30)")
        await db.execute("INSERT INTO t VALUES (4, 40)")
        assert tuple(total.rows()[0]) == (4, 100)
        other.execute("DELETE FROM t WHERE id = 1")
        with pytest.raises(ValueError, match="undo"):
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO t VALUES (5, 50)")
                raise ValueError("undo")
        assert tuple(total.rows()[0]) == (3, 90)


async def test_closing_twice_is_harmless_and_what_comes_after_is_told(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "t.db")
    view = await db.live("SELECT name FROM sqlite_schema")
    await db.close()
    await db.close()
    assert view.closed
    for call in (db.execute, db.fetch, db.live):
        with pytest.raises(ClosedError, match="is closed; open it again"):
            await call("SELECT 1")


def test_a_forgotten_close_does_not_keep_a_program_from_ending(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\nfrom eddyline import Database\n"
        "async def main():\n"
        "    db = await Database.open(sys.argv[1])\n"
        "    await db.execute('CREATE TABLE t (a)')\n"
        "    await db.live('SELECT * FROM t')\n"
        "    print('done')\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(tmp_path / "t.db")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, "done\n")
