"""Traces: a tree of spans for each transaction, and a span for each propagation that no transaction of ours caused."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path

import pytest

from eddyline import ConstraintError, Database, Span, SyncTransaction, acting, command

request: ContextVar[str] = ContextVar("request", default="none")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(tmp_path / "t.db", poll_s=0) as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER UNIQUE)")
        yield db


def shape(span: Span) -> list[str]:
    return [span.name, *(child.name for child in span.children)]


def traced(db: Database) -> list[Span]:
    spans: list[Span] = []
    db.trace(spans.append)
    return spans


WHOLE = ["transaction", "wait", "write", "stage", "commit", "propagation"]


async def test_transaction_is_one_span_whose_parts_follow_each_other(db: Database) -> None:
    await db.live("SELECT id, v FROM t")
    spans = traced(db)
    async with db.transaction("triage") as tx:
        await tx.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
        await tx.execute("DELETE FROM t WHERE id = 2")
    (span,) = spans
    assert shape(span) == WHOLE
    assert span.attributes == {"message": "triage", "outcome": "committed", "commit": 2, "tables": "t"}
    assert span.children[2].attributes == {"rows": 1}
    assert span.children[4].attributes == {"commit": 2, "queries": 1, "patches": 1}
    ends = [span.start_ns, *(at for child in span.children for at in (child.start_ns, child.end_ns)), span.end_ns]
    assert ends == sorted(ends)


async def test_write_that_reaches_no_view_has_no_propagation(db: Database) -> None:
    spans = traced(db)
    await db.execute("INSERT INTO t VALUES (1, 1)")
    assert [shape(span) for span in spans] == [WHOLE[:-1]]


async def test_command_and_actor_are_on_the_span(db: Database) -> None:
    @command
    def put(tx: SyncTransaction, v: int) -> None:
        tx.execute("INSERT INTO t (v) VALUES (?)", v)

    spans = traced(db)
    with acting("ada"):
        await db.run(put, 5)
    (span,) = spans
    assert (span.attributes["command"], span.attributes["actor"]) == (put.name, "ada")


async def test_context_of_the_span_is_that_of_the_caller(db: Database) -> None:
    spans = traced(db)

    async def ask(name: str) -> None:
        request.set(name)
        await db.execute("INSERT INTO t (v) VALUES (NULL)")

    await asyncio.gather(*(asyncio.create_task(ask(name)) for name in ("first", "second")))
    assert [span.context and span.context[request] for span in spans] == ["first", "second"]


async def test_what_fails_is_a_span_with_its_error(db: Database) -> None:
    await db.execute("INSERT INTO t VALUES (1, 1)")
    spans = traced(db)
    with pytest.raises(ConstraintError):
        await db.execute("INSERT INTO t VALUES (1, 1)")
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM t")
            raise ZeroDivisionError
    assert [shape(span) for span in spans] == [["transaction", "wait"]] * 2
    assert [type(span.error) for span in spans] == [ConstraintError, ZeroDivisionError]
    assert [span.attributes["outcome"] for span in spans] == ["failed", "failed"]


async def test_block_that_writes_nothing_is_a_span_and_an_empty_one_is_none(db: Database) -> None:
    spans = traced(db)
    async with db.transaction():
        pass
    async with db.transaction() as tx:
        await tx.fetch("SELECT 1")
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO t VALUES (1, 1)")
        await tx.rollback()
    assert [span.attributes["outcome"] for span in spans] == ["nothing written", "nothing written"]


async def test_cancelled_write_ends_with_what_came_of_it(db: Database) -> None:
    spans = traced(db)
    task = asyncio.create_task(db.write(lambda tx: tx.execute("INSERT INTO t VALUES (1, 1)")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await db.settled()
    (span,) = spans
    written = await db.fetch("SELECT id FROM t") != []
    assert (span.attributes["outcome"], span.error is None) == (("committed", True) if written else ("failed", False))


async def test_commit_of_another_program_and_a_re_run_are_propagations(db: Database, tmp_path: Path) -> None:
    await db.live("SELECT id FROM t")
    spans = traced(db)
    other = sqlite3.connect(tmp_path / "t.db")
    other.execute("INSERT INTO t VALUES (7, 7)")
    other.commit()
    other.close()
    await db.settled()
    assert [(shape(span), span.attributes["patches"], span.context) for span in spans] == [(["propagation"], 1, None)]
    await db.live("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3) SELECT id, x FROM t, c")
    spans.clear()
    await db.execute("DELETE FROM t")
    await db.settled()
    assert [shape(span) for span in spans] == [WHOLE, ["propagation"]]


async def test_failing_hook_is_reported_and_an_ended_one_hears_nothing(db: Database) -> None:
    errors: list[BaseException] = []
    db.on_error = errors.append

    def fail(span: Span) -> None:
        raise ZeroDivisionError

    end = db.trace(fail)
    spans = traced(db)
    await db.execute("INSERT INTO t VALUES (1, 1)")
    end()
    end()
    await db.execute("INSERT INTO t VALUES (2, 2)")
    assert (len(spans), [type(error) for error in errors]) == (2, [ZeroDivisionError])
