"""The application of `test_killed.py`, run in processes of its own: a client that writes on, whatever happens to it.

python killed_app.py write NAME FOLDER URL [TOKEN]      writes until it is killed; a line for each commit and stored one
python killed_app.py settle NAME FOLDER URL [TOKEN]     brings its database and the server's together, prints it
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TextIO

from eddyline import Column, Database, Model, SyncError, column, new_id


class Mark(Model):
    text: Column[str]
    hits: Column[int] = column(default=0, merge="counter")


async def write(db: Database, folder: Path, name: str, url: str, token: str = "") -> None:
    """Write, and note in files what was written and what the server has: what is noted may not be lost."""
    db.connect(url, token=token)
    waiting: set[asyncio.Task[None]] = set()
    with (folder / f"{name}.written").open("a") as written, (folder / f"{name}.stored").open("a") as stored:
        for number in count():
            text = new_id()
            async with db.transaction() as tx:
                mark = await tx.add(Mark(text=text))
                await tx.add_to(mark, Mark.hits, 1)
                if number % 3 == 0:
                    await tx.execute("UPDATE mark SET hits = hits + 1 WHERE text = 'all'")
            note(written, text)

            async def wait(tx=tx, text=text) -> None:  # type: ignore[no-untyped-def]  # those of now
                with suppress(SyncError):
                    await tx.saved("server")
                    note(stored, text)

            waiting.add(task := asyncio.ensure_future(wait()))
            task.add_done_callback(waiting.discard)
            await asyncio.sleep(0.01)


def note(file: TextIO, text: str) -> None:
    file.write(f"{text}\n")
    file.flush()


async def settle(db: Database, url: str, token: str = "") -> None:
    link = db.connect(url, token=token)
    await asyncio.wait_for(link.settled(), 90)
    for row in await db.fetch("SELECT text, hits FROM mark ORDER BY text"):
        sys.stdout.write(f"{row.text} {row.hits}\n")


async def main() -> None:
    mode, name, folder, url, *token = sys.argv[1:]
    async with Database.open(Path(folder) / f"{name}.db", models=[Mark], log=True, actor=name) as db:
        if mode == "write":
            await write(db, Path(folder), name, url, *token)
        else:
            await settle(db, url, *token)


if __name__ == "__main__":
    asyncio.run(main())
