"""What a table of 100,000 rows costs in a notebook: first display, and 1,000 patches a second kept up for some seconds.

    made       LiveTable(view) in the kernel, and what it sends: the snapshot; beside it all rows at once as JSON
    window     what a page asks for when it opens, and when it is scrolled to the middle: time in the kernel, bytes
    sustained  1,000 writes a second to random rows, to rows in sight, and sorted by a column that changes: messages and
               bytes a second, share of a core that telling the page takes
    browser    the messages of the second kind in a real Chromium, as they came: frames a second, the longest frame, and
               the time in our JavaScript for each message and each drawing

No kernel and no network are between: comms cost what they cost. Sizes: rows, then seconds.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from time import perf_counter
from typing import Any

from _widgets import RATE, SEEN, Sent, filled, in_browser, shown, sustained


async def first_display(rows: int) -> None:
    db, view = await filled(rows)
    everything = [json.dumps(list(row)) for row in view.peek()]
    table, pipe, took = shown(view)
    snapshot = json.dumps(pipe.data["state"]["snapshot"])
    print(f"made                      {took * 1000:8.1f} ms  snapshot {len(snapshot):>9,} B")
    print(f"all rows at once                        rows     {sum(map(len, everything)):>9,} B")
    for name, first in (("window, at the top", 0), ("window, in the middle", rows // 2)):
        started = perf_counter()
        pipe.say(op="want", id="a", first=first, size=SEEN)
        print(f"{name:24}  {(perf_counter() - started) * 1000:8.2f} ms  message  {len(pipe.sent[-1][1]):>9,} B")
    table.close()
    await db.close()


async def main(rows: int, seconds: int) -> tuple[Sent, Any]:  # Any: JSON
    print(f"{rows:,} rows, a window of {SEEN}; {RATE:,} writes a second for {seconds} s, each a transaction\n")
    await first_display(rows)
    rng = random.Random(7)
    await sustained("random rows", rows, seconds, lambda n: rng.randrange(rows))
    sent = await sustained("rows in sight", rows, seconds, lambda n: n % 20)
    await sustained("random rows, sorted", rows, seconds, lambda n: rng.randrange(rows), sort=True)
    db, view = await filled(rows)
    table, pipe, _ = shown(view)
    start = pipe.data["state"]["snapshot"]
    table.close()
    await db.close()
    return sent, start


if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:]]
    rows, seconds = sizes[0] if sizes else 100_000, sizes[1] if len(sizes) > 1 else 5
    in_browser(*asyncio.run(main(rows, seconds)))
