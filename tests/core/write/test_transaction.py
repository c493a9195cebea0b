"""Blocks at their edges: nesting, other databases, cancellation inside, overlapping parts, misuse, the end.

`tests/core/test_transactions.py` tells what a user meets first; here is what only some meet.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from eddyline import (
    ClosedError,
    ConstraintError,
    Database,
    RolledBackError,
    TransactionControlError,
    TransactionError,
    UseTransactionError,
    View,
)
from tests.patience import PATIENCE_S


class Gate:
    """A user function `gate()` in SQL: it says that a statement runs, and holds it until it is opened."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.reached = asyncio.Event()
        self._loop, self._open = loop, threading.Event()

    def __call__(self) -> int:
        self._loop.call_soon_threadsafe(self.reached.set)
        assert self._open.wait(PATIENCE_S)
        return 1

    def open(self) -> None:
        self._open.set()


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:") as opened:
        await opened.execute("CREATE TABLE t (n UNIQUE)")
        yield opened


@pytest.fixture
async def gate(db: Database) -> Gate:
    made = Gate(asyncio.get_running_loop())
    await db._store.write(lambda conn: conn.create_function("gate", 0, made))
    return made


@pytest.fixture
async def view(db: Database) -> View:
    return await db.live("SELECT n FROM t ORDER BY n")


async def numbers(db: Database) -> list[Any]:
    return [row[0] for row in await db.fetch("SELECT n FROM t ORDER BY n")]


# -- nesting


async def test_a_block_in_ones_own_block_is_a_part_of_it(db: Database, view: View) -> None:
    async with db.transaction() as outer:
        await outer.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(KeyError):
            async with db.transaction() as inner:
                assert inner is outer
                await inner.execute("INSERT INTO t VALUES (2)")
                raise KeyError
        async with db.transaction() as inner, inner.savepoint():
            await inner.execute("INSERT INTO t VALUES (3)")
    assert [row.n for row in view.rows()] == [1, 3]


async def test_a_block_asked_for_before_is_refused_inside_instead_of_waiting_for_ever(db: Database) -> None:
    early = db.transaction()
    async with db.transaction():
        with pytest.raises(UseTransactionError, match=r"db\.transaction inside"):
            await early.__aenter__()
    async with early as tx:
        await tx.execute("INSERT INTO t VALUES (1)")
    assert await numbers(db) == [1]


@pytest.mark.parametrize("call", ["execute", "executemany", "fetch", "live", "live_many", "write", "settled"])
async def test_each_call_that_would_wait_for_ones_own_block_is_refused(db: Database, call: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {"executemany": ("INSERT INTO t VALUES (?)", [(1,)]), "settled": ()}
    async with db.transaction():
        with pytest.raises(UseTransactionError, match=rf"db\.{call} inside"):
            await getattr(db, call)(*arguments.get(call, ("SELECT * FROM t",)))


async def test_blocks_of_two_databases_nest_and_each_knows_its_own(db: Database) -> None:
    async with Database.open(":memory:") as other:
        await other.execute("CREATE TABLE t (n)")
        async with db.transaction() as one:
            async with other.transaction() as two:
                with pytest.raises(UseTransactionError):
                    await db.execute("INSERT INTO t VALUES (0)")
                async with db.transaction() as again:
                    assert again is one
                await one.execute("INSERT INTO t VALUES (1)")
                await two.execute("INSERT INTO t VALUES (2)")
            await other.execute("INSERT INTO t VALUES (3)")
            with pytest.raises(UseTransactionError):
                await db.execute("INSERT INTO t VALUES (0)")
        assert (await numbers(db), await numbers(other)) == ([1], [2, 3])


# -- the end


async def test_after_rollback_the_rest_of_the_block_may_write_by_itself(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (1)")
        await tx.rollback()
        await tx.rollback()
        await db.execute("INSERT INTO t VALUES (2)")
        with pytest.raises(ClosedError, match="this block has ended"):
            await tx.execute("INSERT INTO t VALUES (3)")
    assert await numbers(db) == [2]


async def test_rollback_inside_a_part_ends_the_block_quietly(db: Database) -> None:
    async with db.transaction() as tx, tx.savepoint():
        await tx.execute("INSERT INTO t VALUES (1)")
        await tx.rollback()
    assert await numbers(db) == []


@pytest.mark.parametrize("use", ["execute", "executemany", "fetch", "savepoint"])
async def test_a_block_that_has_ended_is_refused(db: Database, use: str) -> None:
    async with db.transaction() as tx:
        pass
    calls: dict[str, Any] = {
        "execute": lambda: tx.execute("SELECT 1"),
        "executemany": lambda: tx.executemany("INSERT INTO t VALUES (?)", []),
        "fetch": lambda: tx.fetch("SELECT 1"),
        "savepoint": lambda: tx.savepoint().__aenter__(),
    }
    with pytest.raises(ClosedError, match="this block has ended"):
        await calls[use]()


async def test_a_block_is_entered_once(db: Database) -> None:
    block = db.transaction()
    async with block:
        pass
    with pytest.raises(ClosedError, match="used before"):
        await block.__aenter__()
    await db.execute("INSERT INTO t VALUES (1)")


async def test_a_task_left_behind_by_a_block_may_write_after_it(db: Database) -> None:
    ended = asyncio.Event()

    async def later() -> None:
        await ended.wait()
        await db.execute("INSERT INTO t VALUES (2)")
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (3)")

    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (1)")
        task = asyncio.create_task(later())
        await asyncio.sleep(0)
    ended.set()
    await task
    assert await numbers(db) == [1, 2, 3]


# -- cancellation inside


async def test_a_statement_cancelled_while_it_runs_ends_the_block(db: Database, gate: Gate, view: View) -> None:
    with pytest.raises(RolledBackError, match=r"cancelled while it ran.*savepoint"):
        async with db.transaction() as tx:
            slow = asyncio.create_task(tx.execute("INSERT INTO t VALUES (gate())"))
            await gate.reached.wait()
            slow.cancel()
            await asyncio.wait([slow])
            gate.open()
            with pytest.raises(RolledBackError):
                await tx.execute("INSERT INTO t VALUES (2)")
    assert (await numbers(db), view.rows()) == ([], ())


async def test_a_timeout_around_a_part_undoes_that_part_alone(db: Database, gate: Gate, view: View) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (1)")

        async def slow() -> None:
            async with tx.savepoint():
                await tx.execute("INSERT INTO t VALUES (2)")
                await tx.execute("INSERT INTO t VALUES (gate() + 2)")

        task = asyncio.create_task(slow())
        await gate.reached.wait()
        task.cancel()
        await asyncio.wait([task])
        gate.open()
        await tx.execute("INSERT INTO t VALUES (4)")
    assert [row.n for row in view.rows()] == [1, 4]


async def test_a_part_that_swallows_its_cancelled_statement_is_undone(db: Database, gate: Gate) -> None:
    async with db.transaction() as tx:
        with pytest.raises(RolledBackError):
            async with tx.savepoint():
                slow = asyncio.create_task(tx.execute("INSERT INTO t VALUES (gate())"))
                await gate.reached.wait()
                slow.cancel()
                await asyncio.wait([slow])
                gate.open()
        await tx.execute("INSERT INTO t VALUES (5)")
    assert await numbers(db) == [5]


async def test_a_statement_cancelled_before_it_ran_does_nothing_and_the_block_goes_on(db: Database, gate: Gate) -> None:
    async with db.transaction() as tx:
        slow = asyncio.create_task(tx.execute("INSERT INTO t VALUES (gate())"))
        await gate.reached.wait()
        queued = asyncio.create_task(tx.execute("INSERT INTO t VALUES (2)"))
        await asyncio.sleep(0)
        queued.cancel()
        await asyncio.wait([queued])
        gate.open()
        await slow
        await tx.execute("INSERT INTO t VALUES (3)")
    assert await numbers(db) == [1, 3]


async def test_a_cancelled_read_leaves_the_block_as_it_was(db: Database, gate: Gate) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (7)")
        slow = asyncio.create_task(tx.fetch("SELECT gate()"))
        await gate.reached.wait()
        slow.cancel()
        await asyncio.wait([slow])
        gate.open()
        await tx.execute("INSERT INTO t VALUES (8)")
    assert await numbers(db) == [7, 8]


@pytest.mark.parametrize("turns", range(12))
async def test_a_block_with_a_part_cancelled_at_any_turn_is_whole_or_nothing(
    db: Database, view: View, turns: int
) -> None:
    async def work() -> None:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (1)")
            async with tx.savepoint():
                await tx.executemany("INSERT INTO t VALUES (?)", [(2,), (3,)])
            await tx.fetch("SELECT * FROM t")

    task = asyncio.create_task(work())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    kept = await numbers(db)
    await db.settled()
    assert kept in ([], [1, 2, 3])
    assert [row.n for row in view.rows()] == kept


async def test_one_waiting_for_its_turn_can_be_cancelled(db: Database) -> None:
    async with db.transaction() as tx:
        waiting = asyncio.get_running_loop().create_task(_enter(db), context=_empty_context())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await tx.execute("INSERT INTO t VALUES (1)")
    await db.execute("INSERT INTO t VALUES (2)")
    assert await numbers(db) == [1, 2]


async def _enter(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (99)")


def _empty_context() -> Any:
    import contextvars

    return contextvars.Context()


# -- parts


async def test_parts_that_two_tasks_hold_at_once_end_the_block(db: Database, view: View) -> None:
    second = asyncio.Event()
    done = asyncio.Event()

    with pytest.raises(RolledBackError, match="two tasks had savepoints of one block open"):
        async with db.transaction() as tx:

            async def first_part() -> None:
                async with tx.savepoint():
                    await tx.execute("INSERT INTO t VALUES (1)")
                    await second.wait()
                    raise KeyError

            async def second_part() -> None:
                async with tx.savepoint():
                    await tx.execute("INSERT INTO t VALUES (2)")
                    second.set()
                    await done.wait()

            first = asyncio.create_task(first_part())
            await asyncio.sleep(0)
            other = asyncio.create_task(second_part())
            await asyncio.wait([first])
            done.set()
            results = await asyncio.gather(first, other, return_exceptions=True)
            assert [type(result) for result in results] == [KeyError, RolledBackError]
    assert (await numbers(db), view.rows()) == ([], ())


async def test_savepoints_as_text_nest_with_parts(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("SAVEPOINT mine")
        async with tx.savepoint():
            await tx.execute("INSERT INTO t VALUES (1)")
        await tx.execute("ROLLBACK /* to */ TRANSACTION TO SAVEPOINT mine")
        await tx.execute("RELEASE mine")
        await tx.execute("INSERT INTO t VALUES (2)")
    assert await numbers(db) == [2]


async def test_a_part_whose_savepoint_a_text_undid_is_told(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("SAVEPOINT mine")
        with pytest.raises(TransactionError, match="this savepoint is gone"):
            async with tx.savepoint():
                await tx.execute("INSERT INTO t VALUES (1)")
                await tx.execute("ROLLBACK TO mine")
                await tx.execute("INSERT INTO t VALUES (2)")
    assert await numbers(db) == [2]


async def test_a_part_that_cannot_be_undone_takes_the_block_with_it(db: Database) -> None:
    with pytest.raises(RolledBackError, match="could not be undone"):
        async with db.transaction() as tx:
            await tx.execute("SAVEPOINT mine")
            with pytest.raises(KeyError):
                async with tx.savepoint():
                    await tx.execute("RELEASE mine")
                    await tx.execute("INSERT INTO t VALUES (2)")
                    raise KeyError
    assert await numbers(db) == []


# -- statements


@pytest.mark.parametrize(
    "sql", ["ROLLBACK; -- to x", "/* */ COMMIT", "\ufeffEND", ";BEGIN IMMEDIATE", "COMMIT TRANSACTION"]
)
async def test_control_words_are_found_behind_whatever_stands_before_them(db: Database, sql: str) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(TransactionControlError, match="the block begins and commits by itself"):
            await tx.execute(sql)
    assert await numbers(db) == [1]


@pytest.mark.parametrize(
    "sql",
    ["VACUUM", "-- x\nATTACH ':memory:' AS a", "DETACH a", "PRAGMA foreign_keys = 0", "PRAGMA recursive_triggers(1)"],
)
async def test_what_sqlite_would_ignore_or_refuse_in_a_transaction_is_refused(db: Database, sql: str) -> None:
    async with db.transaction() as tx:
        with pytest.raises(TransactionControlError, match=r"can't run in a transaction; use db\.execute"):
            await tx.execute(sql)


async def test_a_pragma_that_asks_is_answered_in_a_block(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("PRAGMA defer_foreign_keys = 1")
        assert [row[0] for row in await tx.fetch("/* */ PRAGMA foreign_keys")] == [1]


@pytest.mark.parametrize(
    "sql",
    ["INSERT OR ROLLBACK INTO t VALUES (1)", "INSERT INTO fuse VALUES (1)"],
    ids=["or rollback", "raise(rollback)"],
)
async def test_what_ends_the_transaction_ends_it_for_good(db: Database, view: View, sql: str) -> None:
    await db.execute("CREATE TABLE fuse (a)")
    await db.execute("CREATE TRIGGER blow AFTER INSERT ON fuse BEGIN SELECT RAISE(ROLLBACK, 'blown'); END")
    await db.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(RolledBackError):
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO t VALUES (2)")
            for text in (sql, "INSERT INTO t VALUES (3)"):
                with pytest.raises(RolledBackError, match="SQLite rolled the whole transaction back"):
                    await tx.execute(text)
            with pytest.raises(RolledBackError):
                await tx.fetch("SELECT 1")
            with pytest.raises(RolledBackError):
                await tx.savepoint().__aenter__()
    assert [row.n for row in view.rows()] == [1]


async def test_an_executemany_that_fails_half_way_leaves_nothing_of_itself(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (5)")
        with pytest.raises(ConstraintError):
            await tx.executemany("INSERT OR FAIL INTO t VALUES (?)", [(1,), (5,), (6,)])

        def sets() -> Any:
            yield (7,)
            raise KeyError

        with pytest.raises(KeyError):
            await tx.executemany("INSERT INTO t VALUES (?)", sets())
    assert await numbers(db) == [5]


async def test_returning_gives_rows_and_counts(db: Database) -> None:
    result = await db.execute("INSERT INTO t VALUES (1), (2) RETURNING n, n * 2 AS twice")
    assert [tuple(row) for row in result.rows] == [(1, 2), (2, 4)]
    assert result.rows[1].twice == 4
    result = await db.execute("UPDATE t SET n = n + 10")
    assert (result.rowcount, result.rows) == (2, [])


# -- db.write


async def test_a_synchronous_block_has_parts_and_reads_its_own_writes(db: Database) -> None:
    def work(tx: Any) -> list[Any]:
        tx.execute("INSERT INTO t VALUES (:n)", n=1)
        with pytest.raises(KeyError), tx.savepoint():
            tx.execute("INSERT INTO t VALUES (2)")
            raise KeyError
        with tx.savepoint():
            tx.executemany("INSERT INTO t VALUES (?)", [(3,), (4,)])
        return [row.n for row in tx.fetch("SELECT n FROM t ORDER BY n")]

    assert await db.write(work) == [1, 3, 4]
    assert await numbers(db) == [1, 3, 4]


async def test_a_function_that_raises_leaves_nothing_whatever_it_raises(db: Database) -> None:
    def work(tx: Any, error: BaseException) -> None:
        tx.execute("INSERT INTO t VALUES (1)")
        raise error

    with pytest.raises(KeyError):
        await db.write(lambda tx: work(tx, KeyError("mine")))
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        await db.write(lambda tx: work(tx, StopIteration()))
    with pytest.raises(SystemExit):
        await db.write(lambda tx: work(tx, SystemExit(3)))
    assert await numbers(db) == []


async def test_a_coroutine_function_is_refused_and_nothing_is_written(db: Database) -> None:
    async def work(tx: Any) -> None:
        raise AssertionError("never runs")

    with pytest.raises(TransactionError, match="takes a synchronous function"):
        await db.write(work)  # type: ignore[unused-coroutine]  # that is the mistake


async def test_the_transaction_of_a_function_ends_with_it(db: Database) -> None:
    kept: list[Any] = []
    await db.write(kept.append)
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(ClosedError, match="this transaction has ended"):
            kept[0].execute("INSERT INTO t VALUES (2)")
        with pytest.raises(ClosedError, match="this transaction has ended"):
            kept[0].savepoint()
    assert await numbers(db) == [1]
