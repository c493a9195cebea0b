"""Start-up: how long until `import eddyline` is done, and until the demo shows its first screen and its first rows.

    python benchmarks/startup.py [RUNS]

The demo runs in a pseudo-terminal of 120 x 40, as a user starts it (`python -m eddyline.demo_tui`), with a data folder
of its own: the first run also makes the sample. Times are from the start of the process: best and median of RUNS.
The number to hold (DESIGN.md section 10): the demo's start <= 1 s natively.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZE = (40, 120)  # lines, columns
MARKS = {"first screen": b"Eddyline", "first rows": b"Lighthouse"}
TIMEOUT_S = 20.0


def import_ms(module: str) -> float:
    """Return how long a new process takes to import `module`, less what an empty one takes."""

    def took(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - started

    return (took(f"import {module}") - took("pass")) * 1e3


def demo_ms(data: Path) -> dict[str, float]:
    """Start the demo, and quit it; return when each mark was written to the terminal."""
    import fcntl
    import pty
    import select
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "XDG_DATA_HOME": str(data)}
    started = time.perf_counter()
    command = [sys.executable, "-m", "eddyline.demo_tui"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, close_fds=True) as process:
        os.close(theirs)
        seen, times = b"", dict[str, float]()
        while len(times) < len(MARKS) and time.perf_counter() - started < TIMEOUT_S:
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            seen += os.read(ours, 65536)
            for name, mark in MARKS.items():
                if name not in times and mark in seen:
                    times[name] = (time.perf_counter() - started) * 1e3
        os.write(ours, b"\x11")  # ctrl+q
        while process.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    os.read(ours, 65536)
                except OSError:
                    break
    os.close(ours)
    return times


def main(runs: int = 5) -> None:
    """Print the table."""
    print(f"{'ms':<34}{'best':>8}{'median':>8}")
    for module in ("eddyline", "eddyline.bindings.textual"):
        times = [import_ms(module) for _ in range(runs)]
        print(f"{'import ' + module:<34}{min(times):>8.0f}{statistics.median(times):>8.0f}")
    if os.name != "posix":
        print("the demo is timed where there are pseudo-terminals")
        return
    with tempfile.TemporaryDirectory(prefix="eddyline-startup-") as folder:
        first = demo_ms(Path(folder))
        later = [demo_ms(Path(folder)) for _ in range(runs)]
    for name in MARKS:
        print(f"{'demo, sample made: ' + name:<34}{first.get(name, float('nan')):>8.0f}")
    for name in MARKS:
        times = [run[name] for run in later if name in run]
        print(f"{'demo: ' + name:<34}{min(times):>8.0f}{statistics.median(times):>8.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
