"""What a live query costs beside other engines that keep queries live, on the same data and the same changes.

    python3 dev bench peers                 10,000 issues: about two minutes
    python3 dev bench peers 100000          100,000 issues, 300,000 comments

    eddyline     in memory: the write in SQLite, the step, the view's rows changed, its subscriber told
    re-run       the same write in plain SQLite, then the query run again and its rows fetched
    TanStack DB  `@tanstack/db` in node, its default settings; rows in JavaScript, nothing stored
    zql          the engine of Zero's client (`@rocicorp/zero`) in node, likewise; it has no aggregates

The workload is that of `live_queries.py`, one query at a time: first fills, then 1,000 single-row changes, each timed
from the write until the query's subscriber has been called; all on one thread. What each shows at the end is compared.
`first` is the very first fill, planning and indexes that a peer makes for itself included; `fill` a later one of the
same query. x is how many times Eddyline's figure it is: above 1 Eddyline is ahead.

The peers stand in `peers/` with exact versions, are installed there on the first run (npm; a git-ignored folder of
45 MB) and are no dependency. What can't be installed or run is said and left out.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

from _workload import QUERIES, Query, Tracker, Write
from live_queries import Plain

from eddyline import Database

HOME = Path(__file__).resolve().parent / "peers"
ZERO = "@rocicorp/zero@1.9.0"  # packed and unpacked: installed whole it brings 440 packages, none of which zql needs
NODE_MIN = 18
WRITES, RERUNS, FILLS = 1_000, 60, 7
SIZES = (10_000,)
PEERS = {"tanstack": "TanStack DB", "zql": "zql"}
HEAD = (
    f"{'query':<28} {'engine':<12} {'mean us':>9} {'x':>7} {'median us':>10} {'x':>7} {'first ms':>9} {'x':>7}"
    f" {'fill ms':>8} {'x':>7}"
)
COMPARED: dict[str, Callable[[list[list[Any]]], object]] = {  # equal priorities and counts may stand in any order
    "Q1": lambda rows: [row[2] for row in rows],
    "Q2": sorted,
    "Q3": sorted,
    "Q4": sorted,
    "Q5": lambda rows: [row[2] for row in rows],
}


@dataclass
class Cost:
    """What one engine took for one query: microseconds a change, milliseconds of the fills."""

    engine: str
    change_us: list[float]
    first_ms: float
    fill_ms: list[float]
    shown: list[list[Any]] = field(default_factory=list)
    note: str = ""

    def line(self, query: str, ours: Cost) -> str:
        """Return the line of the table; x is this over `ours`."""
        pairs = [
            (fmean(self.change_us), fmean(ours.change_us), 9, 1),
            (median(self.change_us), median(ours.change_us), 10, 1),
            (self.first_ms, ours.first_ms, 9, 2),
            (median(self.fill_ms), median(ours.fill_ms), 8, 2),
        ]
        figures = "".join(f" {mine:>{width}.{digits}f} {mine / own:>7.2f}" for mine, own, width, digits in pairs)
        return f"{query:<28} {self.engine:<12}{figures}{self.note and f'  {self.note}'}"


# --- the peers


def install() -> list[str]:
    """Install what is missing of the peers; return the names of those that are there, and say why others are not."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        print("no peers: node and npm are not on PATH")
        return []
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if not version or int(version.removeprefix("v").split(".")[0]) < NODE_MIN:
        print(f"no peers: node is {version or 'broken'}, they take {NODE_MIN} or newer")
        return []
    modules = HOME / "node_modules"
    if not (modules / "@tanstack" / "db").exists():
        _run(npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
    if not (modules / "@rocicorp" / "zero").exists() and modules.exists():
        _unpack(npm, ZERO, modules / "@rocicorp" / "zero")
    there = {"tanstack": modules / "@tanstack" / "db", "zql": modules / "@rocicorp" / "zero"}
    for name, folder in there.items():
        if not folder.exists():
            print(f"without {PEERS[name]}: npm could not install it (see above)")
    print(f"node {version}")
    return [name for name, folder in there.items() if folder.exists()]


def _run(*command: str) -> bool:
    done = subprocess.run(command, cwd=HOME, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    return done.returncode == 0


def _unpack(npm: str, package: str, target: Path) -> None:
    """Unpack `package` alone, without what it depends on."""
    with tempfile.TemporaryDirectory() as folder:
        if not _run(npm, "pack", package, "--pack-destination", folder, "--loglevel=error"):
            return
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(folder) / "package", target)


def peer(name: str, file: Path) -> Cost | str:
    """Return what a peer took for the workload in `file`; a text where it can't be asked, or failed."""
    done = subprocess.run(
        ["node", "--max-old-space-size=8192", "run.mjs", name, str(file)],
        cwd=HOME, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return f"failed: {(done.stderr.strip().splitlines() or ['no word why'])[-1]:.90}"
    told = json.loads(done.stdout.splitlines()[-1])
    if told.get("unsupported"):
        return "can't be asked: it has no aggregates"
    cost = Cost(PEERS[name], told["change_us"], told["first_ms"], told["fill_ms"], told["shown"])
    if len(cost.change_us) < WRITES:
        cost.note = f"stopped after {len(cost.change_us)} changes"
    return cost


# --- the workload as data


def structured(sql: str, args: tuple[Any, ...], columns: dict[str, list[str]]) -> list[Any]:
    """Return one write as [kind, table, id, {column: value}]."""
    words = sql.split()
    if words[0] == "INSERT":
        table = words[2]
        return ["insert", table, args[0], dict(zip(columns[table], args, strict=True))]
    if words[0] == "DELETE":
        return ["delete", words[2], args[0], {}]
    assignments = re.findall(r"(\w+) = (\?|'\w*')", sql.split(" WHERE ", maxsplit=1)[0])
    values = iter(args)
    changed = {name: next(values) if value == "?" else value.strip("'") for name, value in assignments}
    return ["update", words[1], next(values), changed]


async def tables_of(db: Database) -> dict[str, dict[str, Any]]:
    """Return every table as its columns and rows."""
    found = {}
    for name in await db.tables():
        rows = await db.fetch(f"SELECT * FROM {name}")
        found[name] = {"columns": list(rows[0].columns), "rows": [list(row) for row in rows]}
    return found


# --- ours, and the query run again


async def ours(db: Database, query: Query, writes: Sequence[Write]) -> Cost:
    """Return what Eddyline takes: fills as awaited, changes on this thread until the subscriber has been called."""
    fills = []
    for _ in range(FILLS + 1):
        started = time.perf_counter()
        view = await db.live(query.sql)
        fills.append((time.perf_counter() - started) * 1e3)
        view.close()
    told: list[int] = []
    view = await db.live(query.sql)
    view.subscribe(lambda patches: told.append(len(patches)))
    await db.settled()
    writer, posted = db._queue.writer, db._store._writer._posted  # type: ignore[attr-defined]  # the store's own
    change_us = []
    for sql, args in writes:
        started = time.perf_counter()
        writer.begin()
        writer.execute(sql, args, {}, alone=True)
        writer.commit()
        for call in posted:
            call()
        change_us.append((time.perf_counter() - started) * 1e6)
        posted.clear()
    shown = [list(row) for row in view.rows()]
    view.close()
    return Cost("eddyline", change_us, fills[0], fills[1:], shown)


def rerun(plain: Plain, query: Query, writes: Sequence[Write]) -> Cost:
    """Return what plain SQLite takes that runs the query again after each change; of `RERUNS` changes, spread out."""
    change_us, fill_ms = [], []
    every = max(1, len(writes) // RERUNS)
    for at, (sql, args) in enumerate(writes):
        started = time.perf_counter()
        plain.write(sql, args)
        if at % every:
            continue
        asked = time.perf_counter()
        plain.query(query.sql)
        ended = time.perf_counter()
        change_us.append((ended - started) * 1e6)
        fill_ms.append((ended - asked) * 1e3)
    shown = [list(row) for row in plain.raw.execute(query.sql).fetchall()]
    return Cost("re-run", change_us, fill_ms[0], fill_ms, shown)


async def measure(issues: int, peers: Sequence[str]) -> None:
    """Print the table of one size."""
    print(f"\n{issues:,} issues, {issues * 3:,} comments, {WRITES:,} changes each, in memory\n{HEAD}")
    async with Database.open(":memory:", poll_s=0) as db:
        db.slow_s = 60.0  # no warnings between the lines of the table
        tracker = Tracker(issues)
        await db.write(tracker.fill)
        plain = await Plain.copy(db, ":memory:")
        for query in QUERIES:
            tables = await tables_of(db)
            columns = {name: table["columns"] for name, table in tables.items()}
            writes = tracker.writes(WRITES, comments=query.comments)
            short = query.name[:2]
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "workload.json"
                data = {"query": short, "tables": tables, "writes": [structured(*write, columns) for write in writes]}
                file.write_text(json.dumps(data), encoding="utf-8")
                del tables, data
                own = await ours(db, query, writes)
                found = [own, rerun(plain, query, writes), *(peer(name, file) for name in peers)]
            expected = COMPARED[short](own.shown)
            names = ["eddyline", "re-run", *(PEERS[name] for name in peers)]
            for name, cost in zip(names, found, strict=True):
                if isinstance(cost, str):
                    print(f"{query.name:<28} {name:<12} {cost}", flush=True)
                    continue
                if not cost.note and COMPARED[short](cost.shown) != expected:
                    cost.note = "shows other rows at the end!"
                print(cost.line(query.name, own), flush=True)
        await plain.conn.close()


async def main(sizes: Sequence[int]) -> None:
    """Install the peers, print a table a size."""
    peers = install()
    for issues in sizes:
        await measure(issues, peers)


if __name__ == "__main__":
    asyncio.run(main([int(arg) for arg in sys.argv[1:]] or SIZES))
