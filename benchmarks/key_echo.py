"""Key echo: how long a key takes from the press to the screen, while the tracker's load writes.

    python benchmarks/key_echo.py [KEYS [LINES COLUMNS]]

The demo runs in a pseudo-terminal, as a user starts it (`python -m eddyline.demo_tui`), on a sample of its own. The
cursor of the list goes down and up by keys, 25 a second, from the middle of the list; Ctrl+L starts the load. The
cursor's line is painted in a colour that nothing else has: a key's echo is when it is painted on another line than
before. Printed are median, p95 and maximum without and with the load, and the writes a second that the demo shows.
The number to hold: p95 <= 100 ms at 500 writes a second.
"""

from __future__ import annotations

import os
import re
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOWN, UP, PAGE_DOWN = b"\x1b[B", b"\x1b[A", b"\x1b[6~"
RUN = 10  # keys in one direction
LOAD = b"\x0c"  # ctrl+l
QUIT = b"\x11"  # ctrl+q
CURSOR = b"48;2;95;200;216m"  # the primary colour of the theme as a background: only the cursor of the focused list
BETWEEN_S = 0.04
WARM_S = 3.0
LATE_S = 2.0
PAINTED = re.compile(rb"\x1b\[(\d+);\d+H(?:(?!\x1b\[\d+;\d+H).)*?48;2;95;200;216m", re.DOTALL)
STATUS = re.compile(rb"([\d,]+) writes/s")


class Demo:
    """The demo in a pseudo-terminal."""

    def __init__(self, data: Path, lines: int, columns: int) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_DATA_HOME": str(data)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "eddyline.demo_tui"],
            stdin=theirs, stdout=theirs, stderr=theirs, env=env, close_fds=True,
        )  # fmt: skip
        os.close(theirs)
        self.rates: list[int] = []
        self.line = 0  # where the cursor is

    def read(self, wait_s: float) -> bytes:
        """Return what was written to the terminal within so many seconds, as soon as there is something."""
        if not select.select([self.ours], [], [], wait_s)[0]:
            return b""
        data = os.read(self.ours, 65536)
        self.rates += [int(found.replace(b",", b"")) for found in STATUS.findall(data)]
        return data

    def drain(self, seconds: float) -> None:
        """Read for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def until(self, mark: bytes) -> None:
        """Read until `mark` was written."""
        seen, end = b"", time.perf_counter() + 20
        while mark not in seen:
            assert time.perf_counter() < end, f"{mark!r} was not shown in 20 s"
            seen += self.read(0.1)

    def echo_ms(self, key: bytes) -> float:
        """Press a key; return when the cursor's line was painted elsewhere."""
        started, seen = time.perf_counter(), b""
        os.write(self.ours, key)
        while time.perf_counter() - started < LATE_S:
            seen += self.read(0.05)
            lines = [int(line) for line in PAINTED.findall(seen)]
            if lines and lines[-1] != self.line:
                self.line = lines[-1]
                return (time.perf_counter() - started) * 1e3
        return LATE_S * 1e3

    def keys_ms(self, keys: int) -> list[float]:
        """Press so many keys."""
        times = []
        for place in range(keys):
            times.append(self.echo_ms(UP if place // RUN % 2 else DOWN))
            self.drain(max(BETWEEN_S - times[-1] / 1e3, 0.005))
        return times

    def quit(self) -> None:
        """End the demo."""
        os.write(self.ours, QUIT)
        while self.process.poll() is None:
            try:
                self.read(0.1)
            except OSError:
                break
        self.process.wait(10)
        os.close(self.ours)


def told(name: str, times: list[float]) -> str:
    """Return a line of the table."""
    ordered = sorted(times)
    p95 = ordered[min(int(len(ordered) * 0.95), len(ordered) - 1)]
    return f"{name:<28}{statistics.median(ordered):>8.1f}{p95:>8.1f}{ordered[-1]:>8.1f}"


def main(keys: int = 300, lines: int = 40, columns: int = 120) -> None:
    """Print the table."""
    if os.name != "posix":
        print("key echo is timed where there are pseudo-terminals")
        return
    with tempfile.TemporaryDirectory(prefix="eddyline-echo-") as folder:
        demo = Demo(Path(folder), lines, columns)
        try:
            demo.until(CURSOR)
            for _ in range(3):
                os.write(demo.ours, PAGE_DOWN)
                demo.drain(0.2)
            demo.drain(WARM_S)
            quiet = demo.keys_ms(keys)
            os.write(demo.ours, LOAD)
            demo.drain(WARM_S)
            demo.rates.clear()
            loaded = demo.keys_ms(keys)
        finally:
            demo.quit()
    print(f"{f'ms, {keys} keys at {columns} x {lines}':<28}{'median':>8}{'p95':>8}{'max':>8}")
    print(told("no load", quiet))
    print(told("under load", loaded))
    print(f"writes a second, as the demo shows them: median {statistics.median(demo.rates or [0]):.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
