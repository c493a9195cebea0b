"""Load: some hundred small transactions a second, as people at a tracker would make them, only faster.

    writes(rng) -> a list of statements: one transaction     Load: as many a second as asked for, on the loop

Only databases of ours are loaded (the sample, a copy): what is there is changed, nothing grows for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from random import Random
from typing import TypeAlias

from eddyline import Database, EddylineError, LockedError, StatementError

from .examples import quote
from .seed import PEOPLE, number, pick, sentence, skewed, title
from .words import PROJECTS

__all__ = ["Load", "Writes", "copy_writes", "tracker_writes"]

Statement: TypeAlias = tuple[str, tuple[object, ...]]
Writes: TypeAlias = Iterator[Sequence[Statement]]

PER_S = 300
LARGE = 200
TURN_S = 0.02
NOW_SQL = "strftime('%Y-%m-%d %H:%M', 'now')"
RAISE_PRIORITY = """\
UPDATE issue SET priority = min(priority + 1, 9)
WHERE id = (SELECT issue FROM comment WHERE id = last_insert_rowid())"""
NEAREST_ISSUE = "(SELECT id FROM issue WHERE id >= ? ORDER BY id LIMIT 1)"


def tracker_writes(rng: Random, *, last_issue: int) -> Writes:
    """Yield transactions for the sample, without end."""
    while True:
        issue, at = number(rng, 1, last_issue), rng.random()
        if at < 0.35:
            state = pick(rng, ("open", "open", "doing", "done", "done"))
            yield [(f"UPDATE issue SET state = ? WHERE id = {NEAREST_ISSUE}", (state, issue))]
        elif at < 0.60:
            priority = int(rng.random() ** 2 * 10)
            yield [(f"UPDATE issue SET priority = ? WHERE id = {NEAREST_ISSUE}", (priority, issue))]
        elif at < 0.75:
            hours, assignee = number(rng, 1, 24), skewed(rng, PEOPLE)
            sql = f"UPDATE issue SET hours = ?, assignee = ? WHERE id = {NEAREST_ISSUE}"
            yield [(sql, (hours, assignee, issue))]
        elif at < 0.90:
            sql = f"INSERT INTO comment (issue, author, body, written) VALUES ({NEAREST_ISSUE}, ?, ?, {NOW_SQL})"
            yield [(sql, (issue, skewed(rng, PEOPLE), sentence(rng))), (RAISE_PRIORITY, ())]
        elif at < 0.95:
            sql = f"INSERT INTO issue (title, priority, hours, project, opened) VALUES (?, ?, ?, ?, {NOW_SQL})"
            row = (title(rng), int(rng.random() ** 2 * 10), number(rng, 1, 24), skewed(rng, len(PROJECTS)))
            yield [(sql, row)]
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
            await self._db.write(lambda tx: [tx.execute(sql, *args) for sql, args in statements], "load")
        except StatementError:
            self.refused += 1

    async def run(self, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Write until cancelled; a lock of another program is waited out. What was missed isn't made up for."""
        due = now()
        while True:
            try:
                await self.write_one()
            except LockedError:
                due = now()
            due = max(due + 1 / self._per_s, now() - TURN_S)
            if due - now() > TURN_S / 2:
                await sleep(due - now())
