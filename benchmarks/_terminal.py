"""A program in a pseudo-terminal, and how long its keys take to the screen.

    press(key) ---> pseudo-terminal ---> the program ---> what it paints ---> cursor: (line, text)
                                                                                 another than before: the key's echo

The cursor is the line that is painted in a colour that nothing else has. Its place is followed all the time, not only
while a key is under way: rows that come in above it move it, too. A key that moves the cursor paints another line, or
another row on the same line where the list scrolls under it: either counts. A row that is painted again, brighter or
as it was, does not. Where a row that goes to an end of the list has taken the cursor with it, a key can't move it: such
keys are known by the next one, the other way, which does, and are left out.
"""

from __future__ import annotations

import os
import re
import select
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Self

__all__ = ["DOWN", "HEAD", "PAGE_DOWN", "UP", "Terminal", "table_line"]

DOWN, UP, PAGE_DOWN = b"\x1b[B", b"\x1b[A", b"\x1b[6~"
RUN = 10  # keys in one direction
BETWEEN_S = 0.04
LATE_S = 2.0
READY_S = 20.0
MOVE = re.compile(rb"\x1b\[(\d+);\d+H")
STYLE = re.compile(rb"\x1b\[[\d;]*m")


class Terminal:
    """A program in a terminal of `lines` x `columns`; `cursor` is the background of the line it stands on."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, lines: int, columns: int, cursor: bytes = b""
    ) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **env},
            close_fds=True,
        )
        os.close(theirs)
        self.cursor: tuple[int, bytes] | None = None  # its line and what stands there
        self._colour = cursor
        self._rest = b""  # from the last move on: what is painted there may still be coming

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def read(self, wait_s: float) -> bytes:
        """Return what is written to the terminal within so many seconds, as soon as there is something."""
        if not select.select([self._ours], [], [], wait_s)[0]:
            return b""
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # the program has ended
            return b""
        if self._colour:
            self._follow(data)
        return data

    def _follow(self, data: bytes) -> None:
        """Note where the cursor was painted, in every piece that is whole."""
        seen = self._rest + data
        moves = list(MOVE.finditer(seen))
        for move, after in pairwise(moves):
            painted = seen[move.end() : after.start()]
            if self._colour in painted:
                self.cursor = int(move[1]), STYLE.sub(b"", painted)
        self._rest = seen[moves[-1].start() :] if moves else seen

    def write(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._ours, keys)

    def drain(self, seconds: float) -> bytes:
        """Read for so long."""
        end, seen = time.perf_counter() + seconds, b""
        while (left := end - time.perf_counter()) > 0:
            seen += self.read(left)
        return seen

    def until(self, mark: bytes) -> None:
        """Read until `mark` is written."""
        seen, end = b"", time.perf_counter() + READY_S
        while mark not in seen:
            assert time.perf_counter() < end, f"{mark!r} was not shown in {READY_S} s"
            assert self.process.poll() is None, seen[-2000:].decode(errors="replace")
            seen += self.read(0.1)

    def echo_ms(self, key: bytes) -> float:
        """Press a key; return when the cursor was painted elsewhere."""
        before, started = self.cursor, time.perf_counter()
        self.write(key)
        while (took := time.perf_counter() - started) < LATE_S:
            self.read(0.05)
            if self.cursor != before:
                return (time.perf_counter() - started) * 1e3
        return took * 1e3

    def keys_ms(self, keys: int) -> list[float]:
        """Press so many keys, down and up, 25 a second or as fast as they are echoed; return how long each took."""
        times: list[float] = []
        ways, pressed = (DOWN, UP), 0
        while len(times) < keys:
            times.append(self.echo_ms(ways[pressed // RUN % 2]))
            pressed += 1
            if times[-1] >= LATE_S * 1e3:
                ways = ways[::-1]
                if self.echo_ms(ways[pressed // RUN % 2]) < LATE_S * 1e3:
                    times.pop()
            self.drain(max(BETWEEN_S - times[-1] / 1e3, 0.005) if times else BETWEEN_S)
        return times

    def timed(self, keys: int) -> tuple[list[float], float]:
        """Press so many keys; return how long each took, and the share of a processor that the program used, in %."""
        started, before = time.perf_counter(), self.cpu_s()
        times = self.keys_ms(keys)
        return times, 100 * (self.cpu_s() - before) / (time.perf_counter() - started)

    def cpu_s(self) -> float:
        """Return the processor time that the program has used, where /proc tells it, else nan."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return float("nan")
        return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))

    def quit(self, key: bytes) -> None:
        """Press the key that ends the program, and wait until it has ended."""
        self.write(key)
        end = time.perf_counter() + READY_S
        while self.process.poll() is None and time.perf_counter() < end:
            self.read(0.1)


HEAD = f"{'median':>8}{'p95':>8}{'max':>8}{'cpu %':>8}"


def table_line(name: str, times: Sequence[float], cpu: float) -> str:
    """Return a line of a table: median, p95 and maximum in ms, and the share of a processor."""
    ordered = sorted(times)
    p95 = ordered[min(int(len(ordered) * 0.95), len(ordered) - 1)]
    return f"{name:<28}{statistics.median(ordered):>8.1f}{p95:>8.1f}{ordered[-1]:>8.1f}{cpu:>8.0f}"
