"""The process of one library: does on stdin's word what it is told, answers with a line of JSON each.

    python -m signal_peers.worker NAME      in benchmarks/

    make NAME    build the case, find out how many steps take `ROUND_S`   ->  {} or {"error": ...}
    run          one round                                                ->  {"us": of one step, "right": bool}
    bytes        what one signal, computed and effect take in memory      ->  {"signal": ..., ...}

Time is that of the process, not of the wall: the machine may be shared. The collector rests during a round.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from signal_peers.idiom import load_cases

__all__ = ["Library"]

ROUND_S = 0.02
BYTES_OF = 5_000

Step = Callable[[int], object]


class Library:
    """A library with its cases, one of which is built."""

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(f"signal_peers.{name}")
        self.only: dict[str, Any] | None = getattr(self.module, "ONLY", None)  # Any: makers of cases
        self.held = {} if self.only is not None else load_cases(self.module)
        self.cases: dict[str, Any] = self.only if self.only is not None else self.held["CASES"]  # as above
        self.done = 0

    def make(self, case: str) -> dict[str, object]:
        """Build a case and warm it up."""
        if case not in self.cases:
            return {"error": ""}
        self.drop()
        self.step, self.is_right = self.cases[case]()
        self.done, self.steps = 0, 1
        while self.time() < ROUND_S / 2 and self.steps < 1_000_000:
            self.steps *= 2
        return {}

    def time(self) -> float:
        """Return the seconds that a round takes."""
        step, first, end = self.step, self.done + 1, self.done + 1 + self.steps
        gc.collect()
        gc.disable()
        start = time.process_time()
        for i in range(first, end):
            step(i)
        took = time.process_time() - start
        gc.enable()
        self.done = end - 1
        return took

    def run(self) -> dict[str, object]:
        """Do a round."""
        return {"us": self.time() / self.steps * 1e6, "right": bool(self.is_right(self.done))}

    def drop(self) -> None:
        """Let go of the case before."""
        self.step = self.is_right = None
        kept = self.held.get("KEPT", [])
        while kept:
            self.module.close(kept.pop())
        gc.collect()

    def bytes(self) -> dict[str, object]:
        """Return what one of each takes, as tracemalloc sees it."""
        self.drop()
        return {name: bytes_each(make) for name, make in self.held["SIZES"].items()} if self.held else {}


def bytes_each(make: Callable[[], object]) -> float:
    """Return what one costs in memory."""
    kept: list[object] = [None] * BYTES_OF
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for i in range(BYTES_OF):
        kept[i] = make()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / BYTES_OF


def main(name: str) -> None:
    """Answer until stdin ends."""
    sys.setrecursionlimit(100_000)  # some pull a deep graph by recursion: they may
    library: Library | None = None
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        try:
            if library is None:
                library = Library(name)
            answer = getattr(library, word)(*filter(None, [rest]))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
