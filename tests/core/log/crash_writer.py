"""The program that test_crash.py kills: it writes to a database with a log and says what was acknowledged.

    stdin   "path first steps"  a line: fork a writer; `steps` of SQLite's machine after which it kills itself, 0 never
    stdout  "pid N" of the writer, then "N" for each transaction whose commit was acknowledged, "end" when it is gone

One process imports everything once and forks a writer for each line, so a crash costs milliseconds.
Transaction N inserts two rows, updates one of an earlier one and deletes another: all of it or nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from itertools import count

from eddyline import Column, Database, Model, column


class Parent(Model):
    n: Column[int]


class Child(Model):
    n: Column[int]
    text: Column[str] = column(default="")


def say(*words: object) -> None:
    sys.stdout.write(f"{' '.join(map(str, words))}\n")
    sys.stdout.flush()


async def write(path: str, first: int, steps: int) -> None:
    async with Database.open(path, models=[Parent, Child], log=True, poll_s=0) as db:
        if steps:

            def arm(conn: object) -> None:
                conn.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), steps)  # type: ignore[attr-defined]  # it is sqlite3's

            await db._store.write(arm)
        for n in count(first):
            async with db.transaction(f"transaction {n}") as tx:
                await tx.add(Parent(id=f"p{n}", n=n))
                await tx.add(Child(id=f"c{n}", n=n))
                await tx.execute("UPDATE child SET text = text || ? WHERE id = ?", str(n), f"c{n // 2}")
                await tx.execute("DELETE FROM parent WHERE id = ?", f"p{n - 3}")
            say(n)


def main() -> None:
    for line in sys.stdin:
        path, first, steps = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                asyncio.run(write(path, int(first), int(steps)))
            finally:
                os._exit(1)
        say("pid", pid)
        os.waitpid(pid, 0)
        say("end")


if __name__ == "__main__":
    main()
