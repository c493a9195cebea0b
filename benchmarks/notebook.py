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
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import comm

from eddyline import Database, View
from eddyline.bindings.jupyter import LiveTable
from eddyline.bindings.notebook.assets import asset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

RATE = 1000
FIELDS = "SELECT id, title, state, priority, votes FROM issue ORDER BY id"
SEEN = 70

Sent = list[tuple[float, str]]  # when, and the message as JSON


class Pipe:
    """A comm that keeps what is sent."""

    def __init__(self, *, data: Any, comm_id: str = "", **_: Any) -> None:  # Any: JSON, and the rest
        self.comm_id, self.data, self.sent = comm_id or "comm", data, Sent()

    def on_msg(self, hear: Callable[[Any], None]) -> None:
        self.hear = hear

    def send(self, data: Any = None, **_: Any) -> None:  # Any: as above
        self.sent.append((perf_counter(), json.dumps(data)))

    def close(self, **_: Any) -> None:
        pass

    def say(self, **content: Any) -> None:  # Any: JSON
        self.hear({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


def tables(view: View[Any]) -> tuple[LiveTable, Pipe, float]:
    """Return a table of `view`, its comm and how many seconds making it took."""
    pipes: list[Pipe] = []

    def create(**given: Any) -> Pipe:  # Any: as ipywidgets asks
        pipes.append(Pipe(**given))
        return pipes[-1]

    comm.create_comm = create  # type: ignore[assignment]  # as much of a comm as ipywidgets uses
    started = perf_counter()
    table = LiveTable(view)
    return table, pipes[-1], perf_counter() - started


async def filled(rows: int) -> tuple[Database, View[Any]]:
    db = await Database.open(":memory:")
    await db.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, title, state, priority INTEGER, votes INTEGER)")
    made = [(i, f"issue number {i} of many", ("open", "done")[i % 2], i % 5, 0) for i in range(rows)]
    await db.executemany("INSERT INTO issue VALUES (?, ?, ?, ?, ?)", made)
    return db, await db.live(FIELDS)


async def first_display(rows: int) -> None:
    db, view = await filled(rows)
    everything = [json.dumps(list(row)) for row in view.peek()]
    table, pipe, took = tables(view)
    snapshot = json.dumps(pipe.data["state"]["snapshot"])
    print(f"made                      {took * 1000:8.1f} ms  snapshot {len(snapshot):>9,} B")
    print(f"all rows at once                        rows     {sum(map(len, everything)):>9,} B")
    for name, first in (("window, at the top", 0), ("window, in the middle", rows // 2)):
        started = perf_counter()
        pipe.say(op="want", id="a", first=first, size=SEEN)
        print(f"{name:24}  {(perf_counter() - started) * 1000:8.2f} ms  message  {len(pipe.sent[-1][1]):>9,} B")
    table.close()
    await db.close()


async def write(db: Database, seconds: int, choose: Callable[[int], int]) -> None:
    """Write RATE times a second, each a transaction."""
    begun = perf_counter()
    for n in range(RATE * seconds):
        await db.execute("UPDATE issue SET votes = ? WHERE id = ?", n % 1000, choose(n))
        ahead = begun + n / RATE - perf_counter()
        if ahead > 0:
            await asyncio.sleep(ahead)


async def sustained(name: str, rows: int, seconds: int, choose: Callable[[int], int], *, sort: bool = False) -> Sent:
    """Print what is sent while rows are written; return it."""
    used = []
    sent: Sent = []
    for shown in (False, True):
        db, view = await filled(rows)
        table, pipe, _ = tables(view)
        if shown:
            pipe.say(op="want", id="a", first=0, size=SEEN)
            if sort:
                pipe.say(op="sort", column=4, descending=True)
        else:
            table.close()
        pipe.sent.clear()
        started, wall = process_time(), perf_counter()
        await write(db, seconds, choose)
        wall = perf_counter() - wall
        used.append((process_time() - started) / wall)
        sent = pipe.sent
        table.close()
        await db.close()
    size = sum(len(text) for _, text in sent)
    print(
        f"{name:24}  {RATE * seconds / wall:5.0f} writes/s  {len(sent) / wall:6.1f} messages/s  "
        f"{size / wall / 1000:8.1f} kB/s  "
        f"telling takes {(used[1] - used[0]) * 100:5.1f} % of a core (writing alone {used[0] * 100:.0f} %)"
    )
    return sent


PAGE = """async ([code, css, start, messages]) => {
    document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
    const module = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    const hearers = [];
    const traits = { snapshot: start, latest: 0, selected_ids: [], sparklines: [], flash: true, height: 400 };
    const page = { drawn: 0 };
    const model = {
        get: (name) => traits[name], set() {}, off() {},
        on: (name, fn) => name === "msg:custom" && hearers.push(fn), send: (said) => (page.id ??= said.id),
    };
    module.default.render({ model, el: document.body });
    const took = [], frames = [];
    let last = performance.now(), going = true;
    const tick = (now) => { frames.push(now - last); last = now; if (going) requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
    const begun = performance.now();
    for (const [at, text] of messages) {
        const wait = at * 1000 - (performance.now() - begun);
        if (wait > 0) await new Promise((done) => setTimeout(done, wait));
        const message = JSON.parse(text).content;
        if (!message) continue;
        if (message.to) message.to = page.id;
        if (message.windows?.a) message.windows = { [page.id]: message.windows.a };
        const before = performance.now();
        for (const hear of hearers) hear(message);
        took.push(performance.now() - before);
    }
    going = false;
    took.sort((a, b) => a - b);
    frames.sort((a, b) => a - b);
    const wall = (performance.now() - begun) / 1000;
    return {
        frames: frames.length / wall, middle: frames[frames.length >> 1],
        late: frames[Math.floor(frames.length * 0.99)], longest: frames[frames.length - 1],
        message: took[took.length >> 1], rows: document.querySelectorAll(".eddy-row").length,
    };
}"""


def in_browser(sent: Sent, start: Any) -> None:  # Any: JSON
    """Print how a Chromium keeps up with what was sent."""
    from tests.browser.chromium import Browser, find_chromium

    with TemporaryDirectory() as folder:
        browser = Browser(find_chromium(), Path(folder), "")
        page = browser.tab()
        begun = sent[0][0]
        messages = [(at - begun, text) for at, text in sent]
        code = asset("life.js", "feed_rows.js", "live_table.js")
        found = page.js(PAGE, [code, asset("live_table.css"), start, messages])
        browser.close()
    print(
        f"browser, {found['rows']} rows in sight  {found['frames']:.1f} frames/s, a frame {found['middle']:.1f} ms, "
        f"99 % {found['late']:.1f}, longest {found['longest']:.1f} ms; a message {found['message']:.2f} ms"
    )


async def main(rows: int, seconds: int) -> tuple[Sent, Any]:  # Any: JSON
    print(f"{rows:,} rows, a window of {SEEN}; {RATE:,} writes a second for {seconds} s, each a transaction\n")
    await first_display(rows)
    rng = random.Random(7)
    await sustained("random rows", rows, seconds, lambda n: rng.randrange(rows))
    sent = await sustained("rows in sight", rows, seconds, lambda n: n % 20)
    await sustained("random rows, sorted", rows, seconds, lambda n: rng.randrange(rows), sort=True)
    db, view = await filled(rows)
    table, pipe, _ = tables(view)
    start = pipe.data["state"]["snapshot"]
    table.close()
    await db.close()
    return sent, start


if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:]]
    rows, seconds = sizes[0] if sizes else 100_000, sizes[1] if len(sizes) > 1 else 5
    in_browser(*asyncio.run(main(rows, seconds)))
