"""`eddyline live`: how long a commit of another program takes to be a printed line, and what waiting costs.

    python benchmarks/live_command.py [COMMITS [ROWS]]

A process follows `ORDER BY ... LIMIT 20` over a table of so many rows, in a pipe; this one commits with plain sqlite3
and reads the line. Latency is from the return of COMMIT to the arrival of the last line of it; commits come at random
times between two looks of the follower, which looks every 20 ms. `idle` is its processor time while nobody writes.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IDLE_S = 5.0
SQL = "SELECT id, title, n FROM issue WHERE state = :state ORDER BY n DESC, id LIMIT 20"


def main(commits: int, rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "app.db"
        conn = sqlite3.connect(file, isolation_level=None)
        conn.executescript(
            """
            PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
            CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT, state TEXT, n INTEGER);
            CREATE INDEX issue_n ON issue (state, n);
            """
        )
        conn.execute("BEGIN")
        conn.executemany("INSERT INTO issue VALUES (?, 'title', 'open', ?)", ((n, n) for n in range(rows)))
        conn.execute("COMMIT")
        command = [sys.executable, "-m", "eddyline", "live", str(file), SQL, "--param", "state=open"]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None, "it has a pipe"
            process.stdout.readline()
            first_ms = (time.perf_counter() - started) * 1e3
            late = sorted(_latency_ms(conn, process.stdout.readline, rows + n) for n in range(commits))
            before = _cpu_s(process.pid)
            time.sleep(IDLE_S)
            idle = (_cpu_s(process.pid) - before) / IDLE_S
            process.kill()
        conn.close()
    p95, worst = late[int(len(late) * 0.95)], late[-1]
    print(f"{rows:,} rows, {commits} commits: first line after {first_ms:.0f} ms")
    print(f"commit to line: median {statistics.median(late):.1f} ms, p95 {p95:.1f} ms, maximum {worst:.1f} ms")
    print(f"idle: {idle:.1%} of one core")


def _latency_ms(conn: sqlite3.Connection, readline: object, n: int) -> float:
    time.sleep(random.uniform(0.03, 0.06))
    conn.execute("INSERT INTO issue VALUES (?, 'new', 'open', ?)", (n, n))
    done = time.perf_counter()
    assert callable(readline), "the pipe's"
    while b'"left":0' not in readline():
        pass
    return (time.perf_counter() - done) * 1e3


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    numbers = [int(arg) for arg in sys.argv[1:]]
    main(numbers[0] if numbers else 200, numbers[1] if len(numbers) > 1 else 10_000)
