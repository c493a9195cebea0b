"""Load: some hundred small transactions a second, as people at a tracker would make them, only faster.

    writes(rng) -> a list of statements: one transaction     Load: as many a second as asked for, on the loop

Only databases of ours are loaded (the sample, a copy): what is there is changed, nothing grows for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from random import Random
from typing import TypeAlias

from eddyline import Database, EddylineError, LockedError, StatementError, acting, new_id

from .examples import quote
from .seed import number, pick, sentence, skewed, title
from .tracker_data import Issue, Person, Project, now

__all__ = ["Load", "Writes", "copy_writes", "tracker_keys", "tracker_writes"]

Statement: TypeAlias = tuple[str, tuple[object, ...]]
Writes: TypeAlias = Iterator[Sequence[Statement]]

PER_S = 500
LARGE = 200
TURN_S = 0.02
BEHIND_S = 0.25
NEAREST_ISSUE = "(SELECT id FROM issue WHERE id >= ? ORDER BY id LIMIT 1)"


async def tracker_keys(db: Database) -> dict[str, list[str]]:
    """Return the keys that the load of a tracker picks from."""
    return {
        "issue": [row.id for row in await db.fetch(Issue.select(Issue.id).order_by(Issue.id))],
        "person": [row.id for row in await db.fetch(Person.select(Person.id).order_by(Person.id))],
        "project": [row.id for row in await db.fetch(Project.select(Project.id).order_by(Project.id))],
    }


def tracker_writes(rng: Random, keys: Mapping[str, Sequence[str]]) -> Writes:
    """Yield transactions for a tracker, without end. An issue that is gone stands for the next one."""

    def one_of(table: str) -> str:
        return keys[table][skewed(rng, len(keys[table])) - 1]

    while True:
        issue, at = pick(rng, keys["issue"]), rng.random()
        if at < 0.35:
            state = pick(rng, ("open", "open", "doing", "done", "done"))
            yield [(f"UPDATE issue SET state = ? WHERE id = {NEAREST_ISSUE}", (state, issue))]
        elif at < 0.60:
            priority = int(rng.random() ** 2 * 10)
            yield [(f"UPDATE issue SET priority = ? WHERE id = {NEAREST_ISSUE}", (priority, issue))]
        elif at < 0.75:
            sql = f"UPDATE issue SET hours = ?, assignee = ? WHERE id = {NEAREST_ISSUE}"
            yield [(sql, (number(rng, 1, 24), one_of("person"), issue))]
        elif at < 0.90:
            sql = f"INSERT INTO comment (id, issue, author, body, written) VALUES (?, {NEAREST_ISSUE}, ?, ?, ?)"
            said = (new_id(), issue, one_of("person"), sentence(rng), now().isoformat(" "))
            yield [
                (sql, said),
                (f"UPDATE issue SET priority = min(priority + 1, 9) WHERE id = {NEAREST_ISSUE}", (issue,)),
            ]
        elif at < 0.95:
            sql = "INSERT INTO issue (id, title, priority, hours, project, opened) VALUES (?, ?, ?, ?, ?, ?)"
            priority, hours = int(rng.random() ** 2 * 10), number(rng, 1, 24)
            yield [(sql, (new_id(), title(rng), priority, hours, one_of("project"), now().isoformat(" ")))]
        else:
            yield [
                (f"DELETE FROM issue WHERE id = {NEAREST_ISSUE}", (issue,)),
                ("DELETE FROM comment WHERE id = (SELECT min(id) FROM comment)", ()),
            ]


async def copy_writes(db: Database, rng: Random) -> Writes | None:
    """Return transactions for any database: a cell takes the value of another row. None if no table offers that."""
    places: list[tuple[str, str, int]] = []
    for table in await db.tables():
        last = await _last_rowid(db, table)
        if last > 1:
            places += [(table, column, last) for column in await _plain_columns(db, table)]
    large = [place for place in places if place[2] >= LARGE]  # small tables are names that others point to
    return _shuffled(rng, large or places) if places else None


def _shuffled(rng: Random, places: Sequence[tuple[str, str, int]]) -> Writes:
    while True:
        table, column, last = pick(rng, places)
        name, cell = quote(table), quote(column)
        nearest = f"(SELECT rowid FROM {name} WHERE rowid >= ? ORDER BY rowid LIMIT 1)"
        sql = f"UPDATE {name} SET {cell} = (SELECT {cell} FROM {name} WHERE rowid = {nearest}) WHERE rowid = {nearest}"
        yield [(sql, (number(rng, 1, last), number(rng, 1, last)))]


async def _last_rowid(db: Database, table: str) -> int:
    try:
        value = (await db.fetch(f"SELECT max(rowid) FROM {quote(table)}"))[0][0]
    except EddylineError:  # it has no rowid
        return 0
    return value if isinstance(value, int) else 0


async def _plain_columns(db: Database, table: str) -> list[str]:
    """Return the columns that no key and no generation binds."""
    sql = (
        "SELECT name FROM pragma_table_xinfo(?) WHERE pk = 0 AND hidden = 0 AND name NOT IN ("
        'SELECT ii.name FROM pragma_index_list(?) il, pragma_index_info(il.name) ii WHERE il."unique")'
    )
    return [str(row[0]) for row in await db.fetch(sql, table, table)]


class Load:
    """Writes at a steady rate until cancelled."""

    def __init__(self, db: Database, writes: Writes, *, per_s: int = PER_S) -> None:
        self._db, self._writes, self._per_s = db, writes, per_s
        self.refused = 0

    async def write_one(self) -> None:
        """Make one transaction. What a constraint of the schema refuses is counted, nothing else."""
        statements = next(self._writes)
        try:
            with acting("the load"):
                await self._db.write(lambda tx: [tx.execute(sql, *args) for sql, args in statements])
        except StatementError:
            self.refused += 1

    async def run(self, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Write until cancelled; a lock of another program is waited out. Up to `BEHIND_S` of delay is made up for."""
        due = now()
        while True:
            try:
                await self.write_one()
            except LockedError:
                due = now()
            due = max(due + 1 / self._per_s, now() - BEHIND_S)
            if due - now() > TURN_S / 2:
                await sleep(due - now())
