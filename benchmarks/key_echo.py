"""Key echo: how long a key takes from the press to the screen, while the tracker's load writes.

    python benchmarks/key_echo.py [KEYS [LINES COLUMNS]]

The demo runs in a pseudo-terminal, as a user starts it (`python -m eddyline.demo_tui`), on a sample of its own. The
cursor of the list goes down and up by keys, 25 a second, from the middle of the list; Ctrl+L starts the load, 500
transactions a second, one awaited after the other. Printed are median, p95 and maximum without and with the load, the
writes a second that the demo shows, and the share of one processor that it takes.
The numbers to hold: p95 <= 100 ms at 500 writes a second.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile

from _terminal import HEAD, PAGE_DOWN, Terminal, table_line

LOAD = b"\x0c"  # ctrl+l
QUIT = b"\x11"  # ctrl+q
CURSOR = b"48;2;95;200;216m"  # the primary colour of the theme as a background: only the cursor of the focused list
WARM_S = 3.0
STATUS = re.compile(rb"([\d,]+) writes/s")


class Demo(Terminal):
    """The demo, and the writes a second that it shows."""

    def __init__(self, data: str, lines: int, columns: int) -> None:
        super().__init__(
            [sys.executable, "-m", "eddyline.demo_tui"],
            {"XDG_DATA_HOME": data},
            lines=lines,
            columns=columns,
            cursor=CURSOR,
        )
        self.rates: list[int] = []

    def read(self, wait_s: float) -> bytes:
        data = super().read(wait_s)
        self.rates += [int(found.replace(b",", b"")) for found in STATUS.findall(data)]
        return data


def main(keys: int = 300, lines: int = 40, columns: int = 120) -> None:
    """Print the table."""
    if os.name != "posix":
        print("key echo is timed where there are pseudo-terminals")
        return
    with tempfile.TemporaryDirectory(prefix="eddyline-echo-") as folder, Demo(folder, lines, columns) as demo:
        demo.until(CURSOR)
        for _ in range(3):
            demo.write(PAGE_DOWN)
            demo.drain(0.2)
        demo.drain(WARM_S)
        quiet = demo.timed(keys)
        demo.write(LOAD)
        demo.drain(WARM_S)
        demo.rates.clear()
        loaded = demo.timed(keys)
        demo.quit(QUIT)
    print(f"{f'ms, {keys} keys at {columns} x {lines}':<28}{HEAD}")
    print(table_line("no load", *quiet))
    print(table_line("under load", *loaded))
    print(f"writes a second, as the demo shows them: median {statistics.median(demo.rates or [0]):.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
