"""Watch any SQLite file, whoever writes to it.    python examples/watch_file.py app.db "SELECT * FROM issue" """

import asyncio
import sys

from eddyline import Database, EddylineError
from eddyline.bindings.watching import watch


async def main(file: str, sql: str) -> None:
    async with Database.open(file, readonly=True) as db:  # no table, index or journal mode of ours gets in
        watch(await db.live(sql))
        await asyncio.Event().wait()  # until Ctrl+C


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        asyncio.run(main(*sys.argv[1:]))
    except EddylineError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass
