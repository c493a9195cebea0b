"""24 live queries on one screen, four of them run again at each change, at 500 writes a second: key echo and processor.

    python benchmarks/many_on_screen.py [KEYS [WRITES_PER_S]]

The app of this file runs in a pseudo-terminal of 200 x 56 on the demo's sample (5,000 issues, 6,000 comments): a list
of all issues with the cursor, and 23 tables of groups, joins, counts and newest rows. The demo's load writes single
transactions, one awaited after the other. Keys are timed as in key_echo.py, without and with the load; printed are
median, p95 and maximum, the share of one processor that the app takes with all its threads, the writes a second that
were made, and how many views each rule keeps.
The number to hold: p95 <= 100 ms at 500 writes a second.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from _terminal import HEAD, PAGE_DOWN, Terminal, table_line
from textual.app import App, ComposeResult
from textual.binding import Binding

from eddyline import Database, View
from eddyline.bindings.textual import LiveTable
from eddyline.demo_tui.load import Load, tracker_keys, tracker_writes
from eddyline.demo_tui.seed import ensure_sample
from eddyline.demo_tui.tracker_data import MODELS

LINES, COLUMNS = 56, 200
CURSOR = b"48;2;1;120;212m"  # the primary colour of Textual's own theme: only the cursor of the focused list
LOAD, QUIT = b"l", b"q"
WARM_S = 3.0

KEPT = """\
SELECT id, priority, state, title FROM issue WHERE state <> 'done' ORDER BY priority DESC, id;
SELECT state, count(*) AS issues, sum(hours) AS hours FROM issue GROUP BY state;
SELECT priority, count(*) AS issues FROM issue WHERE state = 'open' GROUP BY priority ORDER BY priority DESC;
SELECT p.name, count(*) AS open FROM issue i JOIN project p ON p.id = i.project
WHERE i.state = 'open' GROUP BY p.id ORDER BY open DESC;
SELECT p.name, sum(i.hours) AS hours FROM issue i JOIN project p ON p.id = i.project GROUP BY p.id ORDER BY hours;
SELECT a.name, count(i.id) AS doing FROM person a LEFT JOIN issue i ON i.assignee = a.id AND i.state = 'doing'
GROUP BY a.id ORDER BY doing DESC;
SELECT a.team, count(*) AS issues FROM issue i JOIN person a ON a.id = i.assignee GROUP BY a.team;
SELECT c.id, a.name, c.body FROM comment c JOIN person a ON a.id = c.author ORDER BY c.id DESC LIMIT 20;
SELECT i.id, i.title FROM issue i WHERE i.state = 'open' AND NOT EXISTS (SELECT 1 FROM comment c WHERE c.issue = i.id)
ORDER BY i.id DESC LIMIT 20;
SELECT count(*) AS open, sum(hours) AS hours, max(priority) AS top FROM issue WHERE state <> 'done';
SELECT assignee, project, count(*) AS issues FROM issue WHERE state = 'doing' GROUP BY assignee, project;
SELECT hours, count(*) AS issues FROM issue GROUP BY hours HAVING count(*) > 100 ORDER BY hours;
SELECT DISTINCT priority, state FROM issue ORDER BY 1, 2;
SELECT id, title, hours FROM issue WHERE hours >= 20 AND state <> 'done' ORDER BY hours DESC, id LIMIT 20;
SELECT id, title, priority FROM issue WHERE state = 'open' ORDER BY id DESC LIMIT 20;
SELECT id, title, priority FROM issue WHERE state = 'open' ORDER BY priority DESC, id LIMIT 20;
SELECT id, title, priority FROM issue WHERE state = 'doing' ORDER BY id DESC LIMIT 20;
SELECT id, title, priority FROM issue WHERE state = 'doing' ORDER BY priority DESC, id LIMIT 20;
SELECT id, title, priority FROM issue WHERE state = 'done' ORDER BY id DESC LIMIT 20;
SELECT id, title, priority FROM issue WHERE state = 'done' ORDER BY title COLLATE NOCASE, id LIMIT 20
"""
RERUN = """\
WITH RECURSIVE level(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM level WHERE n < 9)
SELECT n AS priority, (SELECT count(*) FROM issue WHERE priority = n) AS issues FROM level ORDER BY n DESC;
SELECT priority, round(avg(julianday('now') - julianday(opened))) AS days
FROM issue WHERE state = 'open' GROUP BY priority ORDER BY priority DESC;
SELECT id, title, due FROM issue WHERE due < date('now') AND state = 'open' ORDER BY due, id LIMIT 20;
SELECT title, hours FROM issue ORDER BY random() LIMIT 8
"""


class Board(App[None]):
    """24 tables; `l` starts the load."""

    CSS = """
    Screen { layout: grid; grid-size: 6 4; }
    LiveTable { border: round $secondary; }
    """
    BINDINGS = [Binding("l", "load"), Binding("q", "quit", priority=True)]  # noqa: RUF012  # as Textual has it

    def __init__(self, db: Database, views: list[View], per_s: int, report: Path) -> None:
        super().__init__()
        self.db, self.views, self.per_s, self.report = db, views, per_s, report
        self.commits = 0
        self.loading: asyncio.Task[None] | None = None
        self.began: tuple[float, int] = (0.0, 0)

    def compose(self) -> ComposeResult:
        for view in self.views:
            yield LiveTable(view, cursor="row" if view is self.views[0] else "none")

    def on_mount(self) -> None:
        self.query(LiveTable).first().focus()
        self.db.after_commit(self.count)
        self.set_timer(1.0, gc.freeze)

    def count(self, _: object) -> None:
        self.commits += 1

    async def action_load(self) -> None:
        load = Load(self.db, tracker_writes(Random(0), await tracker_keys(self.db)), per_s=self.per_s)
        self.loading = asyncio.create_task(load.run(time.monotonic))
        self.set_timer(WARM_S, self.begin)

    def begin(self) -> None:
        self.began = time.perf_counter(), self.commits

    async def action_quit(self) -> None:
        if self.loading is not None:
            self.loading.cancel()
        at, before = self.began
        seconds = time.perf_counter() - at
        told = {
            "per_s": (self.commits - before) / seconds,
            "rules": Counter(v.explain().data["rule"] for v in self.views),
        }
        self.report.write_text(json.dumps(told))
        self.exit()


async def show(folder: Path, per_s: int) -> None:
    """Run the app on a sample in `folder`."""
    async with Database.open(folder / "sample.db", models=MODELS, log=False) as db:
        await ensure_sample(db)
        views = await db.live_many(*KEPT.split(";"), *RERUN.split(";"))
        rules = [view.explain().data["rule"] for view in views]
        assert (len(rules), rules[-4:]) == (24, ["re-run"] * 4), "a query is kept otherwise than it was: choose another"
        await Board(db, views, per_s, folder / "report.json").run_async()


def main(keys: int = 200, per_s: int = 500) -> None:
    """Print the table."""
    if os.name != "posix":
        print("key echo is timed where there are pseudo-terminals")
        return
    command = [sys.executable, __file__, "--app"]
    with tempfile.TemporaryDirectory(prefix="eddyline-many-") as folder:
        with Terminal([*command, folder, str(per_s)], {}, lines=LINES, columns=COLUMNS, cursor=CURSOR) as app:
            app.until(CURSOR)
            for _ in range(6):
                app.write(PAGE_DOWN)
                app.drain(0.2)
            app.drain(WARM_S)
            quiet = app.timed(keys)
            app.write(LOAD)
            app.drain(WARM_S + 0.5)
            loaded = app.timed(keys)
            app.quit(QUIT)
        told = json.loads((Path(folder) / "report.json").read_text())
    print(f"{f'ms, {keys} keys at {COLUMNS} x {LINES}':<28}{HEAD}")
    print(table_line("no load", *quiet))
    print(table_line("under load", *loaded))
    rules = ", ".join(f"{count} {rule}" for rule, count in told["rules"].items())
    print(f"{told['per_s']:.0f} writes a second; views: {rules}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--app"]:
        asyncio.run(show(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        main(*map(int, sys.argv[1:]))
