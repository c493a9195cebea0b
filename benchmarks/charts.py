"""What a chart of 100,000 rows costs in a notebook, by kind: first display, and 1,000 writes a second kept up.

    made       live_chart(view) in the kernel: every row is placed once; what it sends is what is drawn
    sustained  1,000 writes a second to random rows: messages and bytes a second, share of a core that telling takes
    browser    those messages in a real Chromium: frames a second, the longest frame, our JavaScript for each message

Sizes: rows, then seconds. As `notebook`, which does the same for a table, without a kernel and a network.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from functools import partial
from typing import Any

from _widgets import RATE, Sent, filled, in_browser, shown, sustained

from eddyline.bindings.jupyter import live_chart
from eddyline.bindings.notebook.drawing import ChartKind

FILES = ("life", "feed_rows", "chart_scales", "live_chart")
KINDS: tuple[ChartKind, ...] = ("line", "scatter", "bar")
QUERIES = {
    "line": "SELECT id, votes, title FROM issue ORDER BY id",
    "scatter": "SELECT (id * 7919) % 100003 AS at, votes, title FROM issue ORDER BY id",
    "bar": "SELECT title, votes FROM issue ORDER BY id",
}


async def chart(kind: ChartKind, rows: int, seconds: int) -> tuple[Sent, Any, Any]:  # Any: JSON; the spec
    make = partial(live_chart, kind=kind)
    db, view = await filled(rows, QUERIES[kind])
    widget, pipe, took = shown(view, make)
    start = json.loads(json.dumps(pipe.data["state"]["snapshot"]))
    spec = widget.spec
    print(f"{kind:24}  made in {took * 1000:.0f} ms, {len(json.dumps(start)):,} B: {widget.drawn.caption}")
    widget.close()
    await db.close()
    rng = random.Random(7)
    sent = await sustained(kind, rows, seconds, lambda n: rng.randrange(rows), sql=QUERIES[kind], make=make, size=10**6)
    return sent, start, spec


if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:]]
    rows, seconds = sizes[0] if sizes else 100_000, sizes[1] if len(sizes) > 1 else 5
    print(f"{rows:,} rows; {RATE:,} writes a second for {seconds} s, each a transaction\n")
    for kind in KINDS:
        sent, start, spec = asyncio.run(chart(kind, rows, seconds))
        in_browser(sent, start, FILES, spec=spec)
