"""Many live queries at once: what a write costs beside 10,000 views of one text, or 1,000 different texts.

    python benchmarks/many_views.py [VIEWS]

    one          one view `SELECT ... FROM task WHERE owner = ?`; each write reaches it
    routed       VIEWS of it, each with another parameter; each write reaches one or two of them
    literals     1,000 texts, each with a literal in the parameter's place
    unread       1,000 texts that read columns which the writes leave alone
    read         1,000 texts that read what each write changes: none can be left out

Memory database of 30,000 rows. `change` is the mean of 1,000 single-row updates on the writer's thread, from BEGIN to
staged patches; `fill` is one `db.live_many`, `one by one` the same by `asyncio.gather` of `db.live`; `bytes` is
tracemalloc's, per view with three rows. Python's collector looks once through all that a fill has made; it does so
before the writes are timed, or one of the first would pay for all of that: 0.05 to 0.3 s for 10,000 views.
Numbers to hold (DESIGN.md section 10): 10,000 views <= 2.5x one, filled in 0.5 s; 1,000 texts, most of them untouched,
<= 10x one; a view <= 2 KB and its rows.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
import tracemalloc
from collections.abc import Sequence
from statistics import mean
from typing import Any

from eddyline import Database, View

VIEWS = 10_000
TEXTS = 1_000
ROWS = 30_000
WRITES = 1_000
ONE = "SELECT id, owner, title FROM task WHERE owner = ? ORDER BY id"


async def opened() -> Database:
    """Return a database of tasks, three of each owner."""
    db = await Database.open(":memory:")
    await db.execute("CREATE TABLE task (id INTEGER PRIMARY KEY, owner INTEGER, title TEXT, points INTEGER)")
    await db.execute("CREATE INDEX task_owner ON task (owner)")
    await db.executemany("INSERT INTO task VALUES (?, ?, 'a title', 0)", [(n, n % VIEWS) for n in range(ROWS)])
    return db


async def change_us(db: Database, label: str, step: int) -> float:
    """Return what a write costs, in microseconds; each goes `step` rows further."""

    def job(_conn: object) -> float:
        writer = db._queue.writer
        took: list[float] = []
        for n in range(WRITES + 50):
            started = time.perf_counter()
            writer.begin()
            args = (f"{label} {n}", n * step % ROWS)
            writer.execute("UPDATE task SET title = ? WHERE id = ?", args, {}, alone=True)
            writer.commit()
            took.append(time.perf_counter() - started)
        return mean(took[50:]) * 1e6

    us = await db._store.write(job)
    await db.settled()
    return us


async def measure(label: str, queries: Sequence[tuple[Any, ...]]) -> tuple[float, float, float, float]:
    """Return change in us, fill in s, one by one in s, bytes a view."""
    async with await opened() as db:
        await db.live(*queries[0])
        started = time.perf_counter()
        views: list[View[Any]] = await asyncio.gather(*(db.live(*query) for query in queries[1:]))
        singly_s = time.perf_counter() - started
        for view in views:
            view.close()
        await db.settled()
        gc.collect()
        started = time.perf_counter()
        views = await db.live_many(*queries[1:])
        fill_s = time.perf_counter() - started
        gc.collect()
        us = await change_us(db, label, VIEWS if len(queries) == 1 else 7919)
        for view in views:
            view.close()
        gc.collect()
    return us, fill_s, singly_s, await bytes_each(queries) if len(queries) > 1 else 0.0


async def bytes_each(queries: Sequence[tuple[Any, ...]]) -> float:
    """Return the bytes that one view holds, rows included."""
    async with await opened() as db:
        await db.live(*queries[0])
        gc.collect()
        tracemalloc.start()
        views = await db.live_many(*queries[1:])
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return held / len(views)


async def main(count: int) -> None:
    """Print the table."""
    cases: dict[str, list[tuple[Any, ...]]] = {
        "one": [(ONE, 0)],
        "routed": [(ONE, n) for n in range(count)],
        "literals": [(ONE.replace("?", str(n)),) for n in range(TEXTS)],
        "unread": [(f"SELECT id, points + {n} AS p FROM task WHERE points > {n} ORDER BY id",) for n in range(TEXTS)],
        "read": [(f"SELECT id, {n} AS n FROM task WHERE title > 'z{n:04}' ORDER BY id",) for n in range(TEXTS)],
    }
    print(f"{'case':<10} {'views':>7} {'change us':>10} {'x one':>6} {'fill s':>7} {'one by one':>10} {'bytes':>7}")
    base = 0.0
    for name, queries in cases.items():
        us, fill_s, singly_s, size = await measure(name, queries)
        base = base or us
        shown = f"{fill_s:7.2f} {singly_s:10.2f} {size:7.0f}" if len(queries) > 1 else ""
        print(f"{name:<10} {len(queries):>7,} {us:10.1f} {us / base:6.2f} {shown}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else VIEWS))
