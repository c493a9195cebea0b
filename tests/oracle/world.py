"""One seeded world: a file, some views, random transactions by us and by others, and the comparison after each of them.

    python -m tests.oracle.world SEED [SEED ...]      runs worlds by hand and prints what went wrong, with the script

After every commit, in the turn in which the awaited write returns, each maintained view must equal its defining query
run by a plain connection; re-run views and commits of others get `settled()` first. The patches that a subscriber
received, replayed on the old rows, must give the new ones, and an Update must name just the columns that differ.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from eddyline import Database, EddylineError, Signal, Update, View, signal
from eddyline.signals import apply_patches

from .queries import Query, random_query
from .schema import VALUES, random_schema
from .writes import random_ddl, random_statement, undo_ddl

VIEWS, TRANSACTIONS = 10, 14


class Mismatch(AssertionError):
    """A view isn't what its query says."""


class Undone(Exception):
    """Raised in a block to undo it."""


@dataclass
class Watched:
    """A view with what its subscriber has been told so far."""

    query: Query
    view: View
    param: Signal[Any]
    rows: list[Any] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)

    @property
    def is_filled(self) -> bool:
        """Whether the rows on show are those of the wanted parameter: a refused one is tried again after a commit."""
        return repr(list(self.view.params)) == repr([self.param.peek()] * self.query.params)

    @property
    def rule(self) -> str:
        return str(self.view.explain().data["rule"])


class World:
    """A seeded run. `script` is what happened, `steps` counts comparisons by rule and feature."""

    def __init__(self, seed: int, path: Path) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.schema = random_schema(self.rng)
        self.path = path
        self.script: list[str] = list(self.schema.ddl)
        self.steps: Counter[str] = Counter()
        self.watched: list[Watched] = []
        self.errors: list[BaseException] = []
        self.plain = sqlite3.connect(path, isolation_level=None)

    async def run(self) -> None:
        """Live through all transactions. Raises `Mismatch`."""
        for statement in self.schema.ddl:
            self.plain.execute(statement)
        if self.rng.random() < 0.5:
            self.plain.execute("PRAGMA journal_mode = WAL")
        self.plain.execute("PRAGMA foreign_keys = 1")
        for _ in range(self.rng.randint(5, 25)):
            self.foreign_statement()
        try:
            async with Database.open(self.path, poll_s=0) as db:
                db.on_error = self.errors.append
                for _ in range(VIEWS):
                    await self.watch(db)
                self.check("start", settled=True)
                for number in range(TRANSACTIONS):
                    await self.step(db, number)
        finally:
            self.plain.close()

    async def watch(self, db: Database) -> None:
        query = random_query(self.rng, self.schema)
        param = signal(self.rng.choice(VALUES))
        args = [param] * query.params
        try:
            self.plain.execute(f"EXPLAIN {query.defining or query.sql}", [None] * query.params)
        except sqlite3.Error:
            self.steps["invalid query"] += 1
            return
        view = await db.live(query.sql, *args)
        watched = Watched(query, view, param)
        view.subscribe(watched.told.extend)
        self.watched.append(watched)
        self.script.append(f"LIVE {query.sql} -- {param.peek()!r}")
        if watched.rule not in query.rules:
            raise Mismatch(
                f"kept by {watched.rule}, not by {query.rules}: {query.sql}\n{view.explain().data['reason']}"
            )

    async def step(self, db: Database, number: int) -> None:
        """One transaction of ours, perhaps with others around it."""
        draw = self.rng.random
        if draw() < 0.15:
            for _ in range(self.rng.randint(1, 3)):
                self.foreign_statement()
            self.steps["foreign"] += 1
            if draw() < 0.5:
                await db.settled()
                self.check(f"after others before {number}", settled=True)
        if draw() < 0.1 and self.watched:
            watched = self.rng.choice(self.watched)
            watched.param.set(self.rng.choice(VALUES))
            self.script.append(f"PARAMETER {watched.param.peek()!r} of {watched.query.sql}")
            await db.settled()
        if draw() < 0.25:
            await self.statement(db)
        else:
            await self.block(db, number)
        self.check(f"transaction {number}", settled=False)
        await db.settled()
        self.check(f"transaction {number}, settled", settled=True)
        if self.errors:
            raise Mismatch(f"an error reached the hook: {self.errors[0]!r}")

    async def block(self, db: Database, number: int) -> None:
        self.script.append("BEGIN")
        try:
            async with db.transaction(f"t{number}") as tx:
                for _ in range(self.rng.randint(1, 6)):
                    draw = self.rng.random()
                    if draw < 0.12:
                        self.script.append("SAVEPOINT")
                        with suppress(Undone):
                            async with tx.savepoint():
                                for _ in range(self.rng.randint(1, 3)):
                                    await self.statement(tx)
                                if self.rng.random() < 0.6:
                                    self.script.append("ROLLBACK TO")
                                    raise Undone
                    elif draw < 0.16:
                        sql, args = random_statement(self.rng, self.schema)
                        await self.attempt(tx.executemany(sql, [args, args, args]), f"MANY {sql} {args}")
                    elif draw < 0.2:
                        await self.ddl(tx, number)
                    else:
                        await self.statement(tx)
                if self.rng.random() < 0.15:
                    self.script.append("ROLLBACK")
                    raise Undone
        except Undone:
            self.steps["undone"] += 1
        except EddylineError as error:
            self.script.append(f"-- commit: {error}")
            self.steps["failed commit"] += 1

    async def ddl(self, tx: Any, number: int) -> None:
        self.steps["ddl"] += 1
        changes = random_ddl(self.rng, self.schema, number) if self.rng.random() < 0.5 else undo_ddl(self.schema)
        for sql in changes:
            await self.attempt(tx.execute(sql), sql)

    async def statement(self, tx: Any) -> None:
        sql, args = random_statement(self.rng, self.schema)
        await self.attempt(tx.execute(sql, *args), f"{sql} {args}")

    async def attempt(self, work: Any, said: str) -> None:
        self.script.append(said)
        try:
            await work
        except EddylineError as error:
            self.script.append(f"-- {error}".splitlines()[0])
            self.steps["failed statement"] += 1

    def foreign_statement(self) -> None:
        sql, args = random_statement(self.rng, self.schema)
        self.script.append(f"FOREIGN {sql} {args}")
        try:
            self.plain.execute(sql, args)
        except sqlite3.Error as error:
            self.script.append(f"-- {error}")

    # -- the comparison

    def check(self, where: str, *, settled: bool) -> None:
        for watched in self.watched:
            if settled or (watched.rule != "re-run" and watched.is_filled):
                self.replay(watched, where)
                self.compare(watched, where)
                self.steps[watched.rule] += 1

    def replay(self, watched: Watched, where: str) -> None:
        """Apply what the subscriber was told; the result must be what the view shows."""
        for patch in watched.told:
            if isinstance(patch, Update):
                before = watched.rows[patch.index]
                differ = tuple(
                    name
                    for name, a, b in zip(watched.view.columns, before, patch.row, strict=True)
                    if type(a) is not type(b) or a != b
                )
                if differ != patch.columns:
                    raise Mismatch(f"{where}: {patch} names other columns than {differ}: {watched.query.sql}")
            apply_patches([patch], watched.rows, watched.keys)
        watched.told.clear()
        shown = [repr(tuple(row)) for row in watched.view.peek()]
        if shown != [repr(tuple(row)) for row in watched.rows] or watched.keys != watched.view.keys():
            raise Mismatch(
                f"{where}: the patches don't lead to the rows of {watched.query.sql}\n{watched.rows}\n{shown}"
            )

    def compare(self, watched: Watched, where: str) -> None:
        query, view = watched.query, watched.view
        bound = [watched.param.peek()] * query.params
        defining = query.defining or query.sql
        try:
            expected = self.plain.execute(defining, bound).fetchall()
        except sqlite3.Error as error:
            if view.status != "failed":
                raise Mismatch(f"{where}: should have failed with {error}: {defining} {bound}") from error
            self.steps["failed view"] += 1
            return
        if view.status != "live":
            raise Mismatch(f"{where}: {view.status} with {view.error!r}: {defining} {bound}")
        rows = [tuple(row) for row in view.peek()]
        if query.defining is None:
            rows, expected = sorted(rows, key=repr), sorted(expected, key=repr)
        equal = _alike if query.loose else _same
        if len(rows) == len(expected) and all(
            len(a) == len(b) and all(map(equal, a, b)) for a, b in zip(rows, expected, strict=True)
        ):
            return
        if self.unsteady(defining, bound, expected):
            self.steps["SQLite disagrees with itself"] += 1
            return
        raise Mismatch(f"{where}: {watched.rule} {defining} {bound}\n  shown    {rows}\n  expected {expected}")

    def unsteady(self, defining: str, bound: list[Any], expected: list[Any]) -> bool:
        """Say whether SQLite itself gives another answer when its optimizer may not use equalities for the order."""
        head, found, order = defining.partition(" ORDER BY ")
        if not found:
            return False
        terms, limit, rest = order.partition(" LIMIT ")
        turned = ", ".join(f"+{term}" for term in terms.split(", "))
        with suppress(sqlite3.Error):
            return self.plain.execute(head + found + turned + limit + rest, bound).fetchall() != expected
        return False


def _same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left == right or math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return bool(left == right)


def _alike(left: Any, right: Any) -> bool:
    """Say whether both may stand for one group: equal under NOCASE or RTRIM, or as numbers."""
    if isinstance(left, str) and isinstance(right, str):
        return left.lower().rstrip(" ") == right.lower().rstrip(" ")
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right or math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return _same(left, right)


def run_world(seed: int) -> Counter[str]:
    """Run one world; on a mismatch raise it with the script and the line that repeats it."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(seed, Path(folder) / "world.db")
        try:
            asyncio.run(world.run())
        except Exception as error:
            script = "\n".join(f"    {line}" for line in world.script)
            again = f"repeat it: python3 dev test tests/oracle --oracle-seed {seed}"
            raise Mismatch(f"world {seed}: {error}\n{script}\n{error}\n{again}") from error
        return world.steps


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(argument, dict(run_world(int(argument))))  # noqa: T201  # run by hand
