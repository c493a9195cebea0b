"""Widgets without a kernel, for benchmarks: what they send, what it costs to send it, and a Chromium that is told so.

database --1,000 writes a second--> widget --> Pipe, which keeps all messages --> the widget's page in a real browser
"""

from __future__ import annotations

import asyncio
import json
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


Maker = Callable[[View[Any]], Any]  # of a widget


def shown(view: View[Any], make: Maker = LiveTable) -> tuple[Any, Pipe, float]:  # Any: a widget
    """Return a widget of `view`, its comm and how many seconds making it took."""
    pipes: list[Pipe] = []

    def create(**given: Any) -> Pipe:  # Any: as ipywidgets asks
        pipes.append(Pipe(**given))
        return pipes[-1]

    comm.create_comm = create  # type: ignore[assignment]  # as much of a comm as ipywidgets uses
    started = perf_counter()
    widget = make(view)
    took = perf_counter() - started
    return widget, next(pipe for pipe in pipes if "_esm" in pipe.data["state"]), took


async def filled(rows: int, sql: str = FIELDS) -> tuple[Database, View[Any]]:
    db = await Database.open(":memory:")
    await db.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, title, state, priority INTEGER, votes INTEGER)")
    made = [(i, f"issue number {i} of many", ("open", "done")[i % 2], i % 5, i * 7919 % 1000) for i in range(rows)]
    await db.executemany("INSERT INTO issue VALUES (?, ?, ?, ?, ?)", made)
    return db, await db.live(sql)


async def write(db: Database, seconds: int, choose: Callable[[int], int]) -> None:
    """Write RATE times a second, each a transaction."""
    begun = perf_counter()
    for n in range(RATE * seconds):
        await db.execute("UPDATE issue SET votes = ? WHERE id = ?", n % 1000, choose(n))
        ahead = begun + n / RATE - perf_counter()
        if ahead > 0:
            await asyncio.sleep(ahead)


async def sustained(
    name: str,
    rows: int,
    seconds: int,
    choose: Callable[[int], int],
    *,
    sort: bool = False,
    sql: str = FIELDS,
    make: Maker = LiveTable,
    size: int = SEEN,
) -> Sent:
    """Print what is sent while rows are written; return it."""
    used = []
    sent: Sent = []
    for watched in (False, True):
        db, view = await filled(rows, sql)
        table, pipe, _ = shown(view, make)
        if watched:
            pipe.say(op="want", id="a", first=0, size=size)
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
    total = sum(len(text) for _, text in sent)
    print(
        f"{name:24}  {RATE * seconds / wall:5.0f} writes/s  {len(sent) / wall:6.1f} messages/s  "
        f"{total / wall / 1000:8.1f} kB/s  "
        f"telling takes {(used[1] - used[0]) * 100:5.1f} % of a core (writing alone {used[0] * 100:.0f} %)"
    )
    return sent


PAGE = """async ([code, css, start, messages, more]) => {
    document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
    const module = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    const hearers = [];
    const traits = { snapshot: start, latest: 0, selected_ids: [], flash: true, height: 400, ...more };
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
        message: took[took.length >> 1], rows: document.querySelectorAll(".eddy-row, .eddy-series > *").length,
    };
}"""


TABLE = ("life", "feed_rows", "live_table")


def in_browser(sent: Sent, start: Any, files: tuple[str, ...] = TABLE, **more: Any) -> None:  # Any: JSON, more traits
    """Print how a Chromium keeps up with what was sent; `files` are the modules of the widget, the last is its own."""
    from tests.browser.chromium import Browser, find_chromium

    with TemporaryDirectory() as folder:
        browser = Browser(find_chromium(), Path(folder), "")
        page = browser.tab()
        begun = sent[0][0]
        messages = [(at - begun, text) for at, text in sent]
        code = asset(*[f"{name}.js" for name in files])
        found = page.js(PAGE, [code, asset("life.css", f"{files[-1]}.css"), start, messages, more])
        browser.close()
    print(
        f"browser, {found['rows']} rows or marks  {found['frames']:.1f} frames/s, a frame {found['middle']:.1f} ms, "
        f"99 % {found['late']:.1f}, longest {found['longest']:.1f} ms; a message {found['message']:.2f} ms"
    )
