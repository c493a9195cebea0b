"""One world: a script run against Eddyline, and the comparison after every commit.

    python3 dev test tests/oracle --oracle-seed SEED         runs one world; a failing one is shrunk, its script printed

After every commit each view must equal its defining text, run by a plain connection: those kept by delta or key in the
turn in which the awaited write returns, re-run ones and what other connections did after `settled()`. The patches that
a subscriber got, replayed on its old rows, must give the new ones; an Update names just the columns that differ, one
key stays with one row, and each transaction is told at most once. A view is `failed` just when its text fails.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any
from unittest import mock

from eddyline import Database, EddylineError, signal
from eddyline.core.ivm import costs
from tests.shrinking import Mismatch

from .author import random_script
from .judge import Judge, Steps, Watched
from .script import Close, Foreign, Gather, Nest, Open, Param, Script, Statement, Step, Transaction, Work

__all__ = ["VIEWS", "Steps", "run_script", "run_world"]

RANKS = {"delta": 0, "key": 1, "re-run": 2}
TIMEOUT_S = 600
VIEWS = 24
"""How many views a world has: what `--oracle-seed` repeats. A world costs about as much as its views."""
DEFER_EVERY, DEFER_FOR, HOURS_MS = 9, 6, 1e7
"""Of so many steps in so many any time is too much for a view, at once; in the others none is."""


class Undone(Exception):
    """Raised in a block to undo it."""


class World:
    """A script being run on `db`; `plain` is another connection to the same file, `judge` compares."""

    def __init__(self, script: Script, db: Database, plain: sqlite3.Connection | None, judge: Judge) -> None:
        self.script, self.db, self.plain, self.judge = script, db, plain, judge
        self.watched: dict[int, Watched] = {}
        self.errors: list[BaseException] = []
        self.unseen = 0
        self.schema_moves = "ddl=True" in repr(script.steps)  # then a view may be told of the new schema by itself
        db.on_error = self.errors.append

    async def run(self) -> None:
        """Run every step. Raises `Mismatch`."""
        for at in self.script.first:
            await self._open(at)
        await self._check("at the start")
        for number, step in enumerate(self.script.steps):
            if self.script.deferring:
                self.db.view_ms_max = 0.0 if number % DEFER_EVERY < DEFER_FOR else HOURS_MS
            async with asyncio.timeout(TIMEOUT_S):
                await self._step(f"step {number}", step)
            if self.errors:
                raise Mismatch("error hook", f"step {number}: {self.errors[0]!r}") from self.errors[0]

    async def _step(self, where: str, step: Step) -> None:
        match step:
            case Transaction():
                await self._ours(step)
                at_most = None if self.schema_moves else 1 + self.unseen
                await self._check(where, prompt=not step.ddl and not step.beside, at_most=at_most)
            case Foreign():
                self._foreign(step)
                if step.settle:
                    await self._check(where)
            case Param(query, name, value):
                watched = self.watched.get(query)
                if watched is not None:
                    watched.signals[name].set(value)
                    watched.values[name] = watched.signals[name].peek()  # 1 after 1.0 is no change
                    await self._check(where)
            case Open(query, beside):
                await asyncio.gather(self._open(query), *(self._ours(transaction) for transaction in beside))
                await self._check(where)
            case Close(query):
                watched = self.watched.pop(query, None)
                if watched is not None:
                    watched.view.close()
            case Gather(transactions):
                await asyncio.gather(*(self._ours(transaction) for transaction in transactions))
                await self._check(where, prompt=True)

    async def _open(self, at: int) -> None:
        query = self.script.queries[at]
        signals = {name: signal(query.params[name]) for name in sorted(query.signals)}
        args, named = query.arguments({**query.params, **signals})
        try:
            view = await self.db.live(query.sql, *args, **named)
        except EddylineError as error:
            truth = await self.judge.truth(query, query.params)
            if truth.error is None:
                raise Mismatch("live refused", f"{error!r}: {query.sql}") from error
            self.judge.steps["refused"] += 1
            return
        watched = Watched(at, query, view, dict(query.params), signals)
        view.subscribe(watched.told.append)
        self.watched[at] = watched
        self._look_at_rule(watched)
        if RANKS[watched.rule] > RANKS[query.worst]:
            reason = view.explain().data["reason"]
            raise Mismatch("worse rule", f"{watched.rule} instead of {query.worst}: {reason}\n  {query.sql}")

    def _look_at_rule(self, watched: Watched) -> None:
        program = watched.view._shared.program  # what explain() says, without its advice on indexes
        watched.rule, watched.deferred = program.rule, program.deferred
        if program.deferred and program.template is not None and not program.template.inners:
            watched.rule = program.template.rule  # by whose text and keys it is run

    async def _ours(self, transaction: Transaction) -> None:
        """Run one transaction of ours, through the way of writing that it names."""
        begun = self._begin_beside(transaction.beside)
        self.unseen += begun * (1 + len(transaction.beside))
        task = asyncio.ensure_future(self._written(transaction))
        if begun and self.plain is not None:
            await asyncio.sleep(0)
            with suppress(sqlite3.Error):
                self.plain.execute("COMMIT")
            if self.plain.in_transaction:
                self.plain.execute("ROLLBACK")
        try:
            await task
        except (Undone, EddylineError) as error:
            self.judge.steps["undone" if isinstance(error, Undone) else f"failed {type(error).__name__}"] += 1

    async def _written(self, transaction: Transaction) -> None:
        db, work = self.db, transaction.work
        if transaction.api == "write":
            await db.write(lambda tx: self._sync(tx, work, end=transaction.end))
        elif transaction.api == "block" or not work:
            async with db.transaction("block") as tx:
                await self._work(tx, work)
                if transaction.end == "raise":
                    raise Undone
                if transaction.end == "rollback":
                    await tx.rollback()
        else:
            for item in work:
                if isinstance(item, Statement):
                    await (
                        db.execute(item.sql, *item.args) if item.many is None else db.executemany(item.sql, item.many)
                    )

    def _begin_beside(self, beside: Sequence[Statement]) -> bool:
        if not beside or self.plain is None:
            return False
        try:
            self.plain.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            return False
        self._plain_work(beside)
        return self.plain.in_transaction

    def _plain_work(self, work: Sequence[Statement]) -> None:
        assert self.plain is not None, "only files have other connections"
        for statement in work:
            with suppress(sqlite3.Error, OverflowError):
                self.plain.execute(statement.sql, statement.args).fetchall()

    def _foreign(self, step: Foreign) -> None:
        if self.plain is None:
            return
        self.unseen += 1 + len(step.work)  # OR ROLLBACK ends the transaction: what follows commits by itself
        with suppress(sqlite3.Error):
            self.plain.execute("BEGIN IMMEDIATE")
            self._plain_work(step.work)
            self.plain.execute("COMMIT" if step.commit else "ROLLBACK")
            self.judge.steps["foreign"] += 1
        if self.plain.in_transaction:
            self.plain.execute("ROLLBACK")

    async def _work(self, tx: Any, work: Sequence[Work]) -> None:  # Any: a block or the savepoint in it
        for item in work:
            if isinstance(item, Statement):
                await self._attempt(tx, item)
            elif item.how == "text":
                with suppress(EddylineError):
                    await tx.execute("SAVEPOINT mine")
                await self._work(tx, item.work)
                for sql in (["ROLLBACK TO mine"] if item.undone else []) + ["RELEASE mine"]:
                    with suppress(EddylineError):
                        await tx.execute(sql)
            else:
                part = tx.savepoint() if item.how == "savepoint" else self.db.transaction("part")
                with suppress(Undone, EddylineError):
                    async with part:
                        await self._work(tx, item.work)
                        if item.undone:
                            raise Undone

    async def _attempt(self, tx: Any, item: Statement) -> None:  # Any: as above
        try:
            await (tx.execute(item.sql, *item.args) if item.many is None else tx.executemany(item.sql, item.many))
        except EddylineError as error:
            self.judge.steps[f"failed {type(error).__name__}"] += 1

    def _sync(self, tx: Any, work: Sequence[Work], *, end: str) -> None:  # Any: the transaction as db.write gives it
        for item in work:
            if isinstance(item, Nest):
                with suppress(Undone, EddylineError), tx.savepoint():
                    self._sync(tx, item.work, end="raise" if item.undone else "commit")
                continue
            with suppress(EddylineError):
                tx.execute(item.sql, *item.args) if item.many is None else tx.executemany(item.sql, item.many)
        if end != "commit":
            raise Undone

    async def _check(self, where: str, *, prompt: bool = False, at_most: int | None = None) -> None:
        """Compare every view; with `prompt` first those that must be right without `settled()`."""
        if self.script.deferring:
            for watched in self.watched.values():
                self._look_at_rule(watched)
        if prompt:
            await self.judge.compare([w for w in self.watched.values() if w.prompt], where, at_most=at_most)
        await self.db.settled()
        self.unseen = 0
        if prompt:
            later = [w for w in self.watched.values() if not w.prompt]
        else:
            later = list(self.watched.values())
            for watched in later:
                self._look_at_rule(watched)
        await self.judge.compare(later, f"{where}, settled", at_most=None)


async def _live(script: Script, path: Path) -> Steps:
    with ExitStack() as stack:
        plain = reads = None
        if script.storage != "memory":
            plain, reads = (
                stack.enter_context(closing(sqlite3.connect(path, isolation_level=None, timeout=wait)))
                for wait in (0.2, 5)
            )
            for sql in (
                f"PRAGMA journal_mode = {script.storage}", f"PRAGMA foreign_keys = {int(script.foreign_keys)}",
                "PRAGMA synchronous = OFF", *script.setup,
            ):  # fmt: skip
                with suppress(sqlite3.Error):
                    plain.execute(sql)
        target = ":memory:" if plain is None else path
        async with Database.open(target, poll_s=0, foreign_keys=script.foreign_keys, durability="off") as db:
            for sql in script.setup if plain is None else ():
                with suppress(EddylineError):
                    await db.execute(sql)
            for table in await db.tables() if script.captured else ():
                with suppress(EddylineError):
                    await db.enable_capture(table)
            db.view_ms_max = None  # what a view costs says nothing in a world: the machine may be busy
            if script.deferring:
                stack.enter_context(mock.patch.multiple(costs, DEAR_STEPS=1, CHEAP_RUNS=1))
            judge = Judge(db, path, reads)
            await World(script, db, plain, judge).run()
            return judge.steps


def run_script(script: Script) -> Steps:
    """Run one script in a file of its own. Raises `Mismatch`, or what the engine let out."""
    with tempfile.TemporaryDirectory(prefix="oracle") as folder:
        return asyncio.run(_live(script, Path(folder) / "world.db"))


def run_world(seed: int, views: int = VIEWS) -> Steps:
    """Run the world of `seed`; a failure says the line that repeats it."""
    try:
        return run_script(random_script(seed, views))
    except Exception as error:
        error.add_note(f"\nrepeat and shrink it: python3 dev test tests/oracle --oracle-seed {seed}")
        raise
