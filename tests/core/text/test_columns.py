"""Text columns in random worlds: databases that write, type, delete, fail and pull, and a real Yjs on the same edits.

Whatever happened, in whichever order it came: all show the same, each log makes of itself what its rows say, and Yjs,
given the updates in any order, has the text that the rows show. `EDDYLINE_SOAK=1` runs more of them.
"""

from __future__ import annotations

import random
from contextlib import AsyncExitStack

import pytest

from eddyline import Column, Database, MissingRowError, Model, SharedText, Text, column
from eddyline.core.log import texts
from eddyline.core.log.commit import TextUpdate
from eddyline.core.log.encoding import key_text
from eddyline.signals import ManualClock

from .yjs import Yjs

ALPHABET = "abc \né😀"


class Page(Model):
    title: Column[str] = column(default="")
    votes: Column[int] = column(default=0)
    body: Text


class Note(Model):
    body: Text
    votes: Column[int] = column(default=0, merge="counter")  # goes through the merge, where Page has the short way


class World:
    """Some databases, texts that are open in them, and what may happen."""

    def __init__(self, seed: int, patch: pytest.MonkeyPatch) -> None:
        self.random, self.patch = random.Random(seed), patch
        patch.setattr(texts, "_UPDATES_MIN", self.random.choice([1, 4, 256]))  # documents are folded now and then
        patch.setattr(texts, "_OPEN_MAX", self.random.choice([1, 64]))
        self.dbs: list[Database] = []
        self.texts: list[SharedText] = []

    async def run(self, stack: AsyncExitStack, steps: int) -> None:
        for _ in range(self.random.choice([2, 3])):
            self.dbs.append(await stack.enter_async_context(Database.open(":memory:", models=[Page, Note], log=True)))
        doings = [self.write] * 5 + [self.type] * 8 + [self.pull] * 6 + [self.flush] * 4 + [self.open] * 2
        doings += [self.delete, self.insert, self.insert, self.fail, self.without_engine, self.undo, self.compare]
        for _ in range(steps):
            await self.random.choice(doings)()
        for text in self.texts:
            await self._written(text)
        for _ in range(2):
            for one in self.dbs:
                for other in self.dbs:
                    await one.pull(other)

    def some(self) -> tuple[Database, str, str]:
        table, key = self.random.choice([("page", "1"), ("page", "2"), ("note", "1")])
        return self.random.choice(self.dbs), table, key

    def word(self) -> str:
        return "".join(self.random.choices(ALPHABET, k=self.random.randint(0, 6)))

    def edited(self, text: str) -> str:
        start = self.random.randint(0, len(text))
        return text[:start] + self.word() + text[start + self.random.choice([0, 0, 1, 3]) :]

    async def write(self) -> None:
        db, table, key = self.some()
        rows = await db.fetch(f"SELECT body FROM {table} WHERE id = ?", key)
        more = self.random.choice(["", ", votes = votes + 1"])
        if rows:
            await db.execute(f"UPDATE {table} SET body = ?{more} WHERE id = ?", self.edited(rows[0].body), key)

    async def open(self) -> None:
        db, table, key = self.some()
        try:
            self.texts.append(await db.text((table, key), "body", clock=ManualClock()))
        except MissingRowError:
            return

    async def type(self) -> None:
        if self.texts:
            text = self.random.choice(self.texts)
            if self.random.random() < 0.2:
                self.random.choice([text.undo, text.redo])()
            else:
                text.set(self.edited(text()))

    async def flush(self) -> None:
        if self.texts:
            await self._written(self.random.choice(self.texts))

    async def _written(self, text: SharedText) -> None:
        try:
            await text.flush()
        except MissingRowError:
            text.close()
            self.texts = [one for one in self.texts if one is not text]

    async def pull(self) -> None:
        one, other = self.random.sample(self.dbs, 2)
        await one.pull(other)

    async def insert(self) -> None:
        db, table, key = self.some()
        await db.execute(f"INSERT OR IGNORE INTO {table} (id, body) VALUES (?, ?)", key, self.word())

    async def delete(self) -> None:
        db, table, key = self.some()
        await db.execute(f"DELETE FROM {table} WHERE id = ?", key)

    async def fail(self) -> None:
        db, table, key = self.some()
        with pytest.raises(ZeroDivisionError):
            async with db.transaction() as tx:
                await tx.execute(f"UPDATE {table} SET body = body || 'lost' WHERE id = ?", key)
                raise ZeroDivisionError

    async def without_engine(self) -> None:
        db, table, key = self.some()
        documents = await db.fetch("SELECT 1 FROM _eddy_texts LIMIT 1")
        if not documents:  # else its library was there
            with self.patch.context() as patch:
                patch.setattr(texts, "has_engine", lambda: False)
                await db.execute(f"UPDATE {table} SET body = ? WHERE id = ?", self.word(), key)

    async def undo(self) -> None:
        await self.random.choice(self.dbs).undo()

    async def compare(self) -> None:
        await self.check(self.random.choice(self.dbs))

    async def check(self, db: Database) -> None:
        assert await db.check() == []


async def rows_of(db: Database) -> list[tuple[object, ...]]:
    return [
        *map(tuple, await db.fetch("SELECT 'page', id, body, title, votes FROM page ORDER BY id")),
        *map(tuple, await db.fetch("SELECT 'note', id, body, votes FROM note ORDER BY id")),
    ]


async def check_against_yjs(world: World, yjs: Yjs) -> int:
    """Hold each text to a real Yjs that has taken its updates in any order; return how many there were."""
    db, compared = world.dbs[0], 0
    documents = await db.fetch("SELECT table_id, row_key, column_id, incarnation, epoch, loose FROM _eddy_texts")
    ops = [op for commit in await db.commits() for op in commit.ops if isinstance(op, TextUpdate)]
    for document_row in documents:
        table, row_key = str(document_row.table_id), str(document_row.row_key)
        name, incarnation, epoch, loose = document_row[2:]
        rows = await db.fetch(
            f"SELECT d.body FROM {table} AS d JOIN _eddy_rows_{1 + ['page', 'note'].index(table)} AS s ON s.k0 = d.id "
            "WHERE d.id = ? AND s.life = ?",
            row_key.strip('"'),
            incarnation,
        )
        if not rows or loose is not None:
            continue
        at = (table, row_key, incarnation, name, epoch)
        mine = [op for op in ops if (op.table, key_text(op.key), op.incarnation, op.column, op.epoch) == at]
        updates = [op.update for op in mine]
        world.random.shuffle(updates)
        document = yjs.open(0)
        for update in updates:
            document.apply(update)
        assert str(document) == rows[0].body
        document.close()
        compared += 1
    return compared


async def lived(seed: int, patch: pytest.MonkeyPatch, yjs: Yjs, steps: int) -> int:
    world = World(seed, patch)
    async with AsyncExitStack() as stack:
        await world.run(stack, steps)
        shown = await rows_of(world.dbs[0])
        for db in world.dbs:
            assert await rows_of(db) == shown, f"seed {seed}"
            await world.check(db)
        return await check_against_yjs(world, yjs)


async def test_random_worlds_agree_with_each_other_and_with_yjs(monkeypatch: pytest.MonkeyPatch, yjs: Yjs) -> None:
    assert sum([await lived(seed, monkeypatch, yjs, 70) for seed in range(40)]) > 40


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1_000, 1_050))
async def test_many_random_worlds(seed: int, monkeypatch: pytest.MonkeyPatch, yjs: Yjs) -> None:
    for offset in range(20):
        await lived(1_000 * seed + offset, monkeypatch, yjs, 150)
