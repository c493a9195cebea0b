"""What catching up costs: commits one by one, in batches, and the state instead of them.

    python3 dev bench snapshot             10,000 rows
    python3 dev bench snapshot 50000       more rows

Each row is inserted and then changed once. `ops a commit` is how many rows one transaction wrote. Processor time of the
thread that does the work, so that others on the machine don't count; the time on the wall stands beside it.

    outgoing   reading commits out of the log as text        apply      taking them in, in batches of 200
    snapshot   writing the state                             install    taking it over, into an empty database
    digests    one look whether two hold the same
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from eddyline import Column, Database, Model, column, new_id

ROWS, BATCH_BYTES = 10_000, 256 << 10
INSERT = "INSERT INTO issue (id, title, body, state, priority) VALUES (?, ?, ?, 'open', ?)"
BODY = "When I open the list after a cold start, it takes long until anything is shown; see the attached trace."

T = TypeVar("T")


class Issue(Model):
    title: Column[str]
    body: Column[str] = column(default="")
    state: Column[str] = column(default="open")
    priority: Column[int] = column(default=0)


async def timed(what: str, count: int, unit: str, work: Callable[[], Awaitable[T]]) -> T:
    """Print how long `work` took for each of `count`: the process's time, and the wall's."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = await work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    each = f"{cpu / count * 1e6:8.1f} us a {unit}"
    print(f"  {what:10} {each}   {count / cpu:10,.0f}/s   on the wall {count / wall:10,.0f}/s")
    return result


async def fill(db: Database, rows: int, ops: int) -> None:
    keys = [new_id() for _ in range(rows)]
    for at in range(0, rows, ops):
        part = keys[at : at + ops]
        await db.executemany(INSERT, [(key, f"Issue {key[-4:]} starts slowly", BODY, 3) for key in part])
    for at in range(0, rows, ops):
        await db.executemany("UPDATE issue SET state = 'closed' WHERE id = ?", [(key,) for key in keys[at : at + ops]])


async def read_all(db: Database) -> int:
    """Read every commit, a frame at a time, as a server does; return how many bytes."""
    size, at = 0, (await db.outgoing(limit=0)).vector
    while (out := await db.outgoing(at, size_bytes=BATCH_BYTES)).texts:
        size, at = size + sum(map(len, out.texts)), out.vector
    return size


async def run(rows: int, ops: int, folder: Path) -> None:
    """Print the figures of one size of commits."""
    opened = [Database.open(folder / f"{ops}-{name}.db", models=[Issue], log=True) for name in "abc"]
    async with opened[0] as a, opened[1] as b, opened[2] as c:
        await fill(a, rows, ops)
        print(f"{ops} ops a commit, {rows:,} rows, {2 * rows:,} ops")
        size = await timed("outgoing", 2 * rows, "op", lambda: read_all(a))
        await timed("apply", 2 * rows, "op", lambda: b.pull(a))
        snapshot = await timed("snapshot", rows, "row", a.snapshot)
        with snapshot:
            await timed("install", rows, "row", lambda: c.install(snapshot))
            print(f"  commits {size / rows:,.0f} bytes a row, snapshot {snapshot.size_bytes / rows:,.0f}")
        await timed("digests", rows, "row", a.digests)


async def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for ops in (1, 100):
            await run(rows, ops, Path(folder))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
