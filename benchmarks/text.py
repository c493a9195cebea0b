"""What collaborative text costs: keystrokes, through commits, and opening a long document.

    python3 dev bench text             2,000 keystrokes, a document of 260,000 edits: a minute
    python3 dev bench text 20000       a document of 20,000 edits

    typed      `SharedText.insert`: document, signal and subscribers; written in windows of 100 ms of typing
    a commit   each keystroke flushed, and awaited: row, views, log and document each time
    UPDATE     the same text as a statement that says the text as a whole
    pulled     the commits of the keystrokes, taken in by another database
    opening    `db.text` of a document that was typed letter by letter, mistakes and all: the first time after the file
               was opened, and when it is open already; beside it what the text engine alone takes for the same bytes

The long document is made by a generator with a fixed seed after the habits of a writer (a trace of a paper's writing is
what others measure with): it types words, goes back over what it has just typed, and jumps to other places to insert.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from eddyline import Column, Database, Model, SharedText, Text
from eddyline.core.log.drafts import TextId, new_client
from eddyline.core.text.engines import open_text
from eddyline.signals import ManualClock

KEYS, EDITS, LENGTH = 2_000, 260_000, 10_000
AT_ONCE = 500
"""Edits of the long document in one commit while it is made: how it came to be doesn't count here."""


class Page(Model):
    title: Column[str]
    body: Text


async def main(edits: int) -> None:
    print(f"{KEYS:,} keystrokes into a text of {LENGTH:,} characters; best of three; file, WAL, synchronous NORMAL\n")
    best: dict[str, tuple[float, float]] = {}
    for _ in range(3):
        for name, took in (await keystrokes()).items():
            best[name] = min(best.get(name, took), took)
    for name, (seconds, processor) in best.items():
        spent = f"{seconds / KEYS * 1e6:8.0f} us a keystroke, {processor / KEYS * 1e6:6.0f} of the processor"
        print(f"{name:<30}{spent}{KEYS / seconds:12,.0f} a second")
    print(f"\na document of {edits:,} edits\n")
    await long_document(edits)


async def keystrokes() -> dict[str, tuple[float, float]]:
    """Return what typing takes, in seconds and of the processor, by way."""
    took: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Database.open(Path(folder) / "a.db", models=[Page], log=True) as db,
            Database.open(Path(folder) / "b.db", models=[Page], log=True) as other,
        ):
            async with db.transaction() as tx:
                for key in ("typed", "window", "commit", "update"):
                    await tx.add(Page(id=key, title="", body="x" * LENGTH))
            await other.pull(db)
            view = await db.live(Page)
            took["typed, shown, not written"] = await both(lambda: typed(db, "typed", every=0))
            took["typed, a commit in 20 keys"] = await both(lambda: typed(db, "window", every=20))
            took["typed, a commit a key"] = await both(lambda: typed(db, "commit", every=1))
            before = await db.head()
            took["UPDATE, a commit a key"] = await both(lambda: updated(db))
            commits = await db.commits(await other.head())
            assert len(commits) > KEYS
            assert before != await db.head()
            seconds, processor = await both(lambda: other.apply(commits))
            took["pulled"] = seconds * KEYS / len(commits), processor * KEYS / len(commits)
            assert [row.body for row in view.rows()] == [row.body for row in await other.fetch(Page)]
    return took


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def both(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Return how long `work` takes, and how much of the processor's time, all threads together."""
    started = time.process_time()
    seconds = await timed(work)
    return seconds, time.process_time() - started


async def typed(db: Database, key: str, *, every: int) -> None:
    text = await db.text(("page", key), Page.body, clock=ManualClock())
    for at in range(KEYS):
        text.insert(LENGTH // 2 + at, "y")
        if every and at % every == 0:
            await text.flush()
    await text.flush()
    text.close()


async def updated(db: Database) -> None:
    for at in range(KEYS):
        await db.execute("UPDATE page SET body = ? WHERE id = 'update'", "x" * LENGTH + "y" * (at + 1))


# --- a long document


async def write(text: SharedText, edits: int) -> None:
    """Make `edits` single edits, as a writer does."""
    rng, cursor = random.Random(7), 0
    for number in range(1, edits + 1):
        kind, length = rng.random(), len(text)
        if kind < 0.002:
            cursor = rng.randint(max(0, length - 2_000), length)
        if kind > 0.85 and cursor:
            text.delete(cursor - 1, cursor)
            cursor -= 1
        else:
            text.insert(cursor, rng.choice("etaoin shrdlu etaoin\n"))
            cursor += 1
        if number % AT_ONCE == 0:
            await text.flush()
    await text.flush()


async def long_document(edits: int) -> None:
    """Make the document, then open it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.db"
        async with Database.open(path, models=[Page], log=True) as db:
            async with db.transaction() as tx:
                await tx.add(Page(id="long", title="", body=""))
            text = await db.text(("page", "long"), Page.body, clock=ManualClock())
            await write(text, edits)
            length = (await db.fetch("SELECT length(body) AS n FROM page"))[0].n
            draft = db._queue.writer.logging().texts.find(TextId("page", ("long",), 1, "body"))
            assert draft is not None
            state = draft.state()
        document = open_text(new_client())
        started = time.perf_counter()
        document.load([state])
        alone = time.perf_counter() - started
        async with Database.open(path, models=[Page], log=True) as db:
            first = await timed(lambda: db.text(("page", "long"), Page.body))
            again = await timed(lambda: db.text(("page", "long"), Page.body))
            text = await db.text(("page", "long"), Page.body, clock=ManualClock())
            assert len(text) == length == len(document)
            text.insert(length // 2, "!")
            key = await timed(text.flush)
        print(
            f"text {length:,} characters, document {len(state) / 1e3:,.0f} KB, file {path.stat().st_size / 1e6:,.1f} MB"
        )
        print(f"{'the engine alone':<30}{alone * 1e3:8.1f} ms")
        print(f"{'opened after the file':<30}{first * 1e3:8.1f} ms")
        print(f"{'opened again':<30}{again * 1e3:8.1f} ms")
        print(f"{'the next key, with its commit':<30}{key * 1e3:8.1f} ms")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else EDITS))
