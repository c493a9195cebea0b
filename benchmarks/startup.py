"""Start-up: how long until `import eddyline` is done, and until the demo shows its first screen and its first rows.

    python benchmarks/startup.py [RUNS]

The demo runs in a pseudo-terminal of 120 x 40, as a user starts it (`python -m eddyline.demo_tui`), with a data folder
of its own: the first run also makes the sample. Times are from the start of the process: best and median of RUNS.
Modules are compiled before, as they are for whoever starts a program a second time: into a folder of the benchmark's
own, also where the environment says that none are to be kept.
The number to hold (DESIGN.md section 10): the demo's start <= 1 s natively.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from _terminal import Terminal

LINES, COLUMNS = 40, 120
MARKS = {"first screen": b"Eddyline", "first rows": b"Lighthouse"}
TIMEOUT_S = 20.0
QUIT = b"\x11"  # ctrl+q


def import_ms(module: str, env: Mapping[str, str]) -> float:
    """Return how long a new process takes to import `module`, less what an empty one takes."""

    def took(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env={**os.environ, **env}, check=True)
        return time.perf_counter() - started

    return (took(f"import {module}") - took("pass")) * 1e3


def demo_ms(data: Path, env: Mapping[str, str]) -> dict[str, float]:
    """Start the demo, and quit it; return when each mark was written to the terminal."""
    command = [sys.executable, "-m", "eddyline.demo_tui"]
    started, seen, times = time.perf_counter(), b"", dict[str, float]()
    with Terminal(command, {"XDG_DATA_HOME": str(data), **env}, lines=LINES, columns=COLUMNS) as demo:
        while len(times) < len(MARKS) and time.perf_counter() - started < TIMEOUT_S:
            seen += demo.read(0.1)
            for name, mark in MARKS.items():
                if name not in times and mark in seen:
                    times[name] = (time.perf_counter() - started) * 1e3
        demo.quit(QUIT)
    return times


def main(runs: int = 5) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="eddyline-startup-") as made:
        folder = Path(made)
        env = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        print(f"{'ms':<34}{'best':>8}{'median':>8}")
        for module in ("eddyline", "eddyline.bindings.textual"):
            import_ms(module, env)
            times = [import_ms(module, env) for _ in range(runs)]
            print(f"{'import ' + module:<34}{min(times):>8.0f}{statistics.median(times):>8.0f}")
        if os.name != "posix":
            print("the demo is timed where there are pseudo-terminals")
            return
        demo_ms(folder / "before", env)
        first = demo_ms(folder / "data", env)
        later = [demo_ms(folder / "data", env) for _ in range(runs)]
    for name in MARKS:
        print(f"{'demo, sample made: ' + name:<34}{first.get(name, float('nan')):>8.0f}")
    for name in MARKS:
        times = [run[name] for run in later if name in run]
        print(f"{'demo: ' + name:<34}{min(times):>8.0f}{statistics.median(times):>8.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
