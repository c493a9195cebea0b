"""What signals cost, beside the other signals libraries of Python, all in one run.

    python3 dev bench signals                   the table, the ratios, and which number is held
    python3 dev bench signals 20                with 20 rounds instead of 7
    python benchmarks/signals.py deep mux       only the cases whose name holds one of the words

Each library has a process of its own (signal_peers/worker.py) and gets the same cases (signal_peers/cases.py) in its
own words. Rounds are interleaved: round 1 of every library, round 2 of every library ...; the best of each counts, in
CPU time. A case with a wrong result, or none in 20 s, is marked "bad" and left out of the means. `unlocked` is a copy
of Eddyline without its locks. Bytes are those of tracemalloc, with a lambda of about 150 bytes for computed and effect.

Of the peers all but signified (an engine in Rust) and psygnal (compiled; callbacks alone) are pure Python, as we are.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Iterable
from math import exp, log
from pathlib import Path
from typing import Any

from signal_peers.cases import NAMES

LIBRARIES = ("eddyline", "unlocked", "reaktiv", "nervio", "wybthon", "observ", "signified", "psygnal")
PURE = ("reaktiv", "nervio", "wybthon", "observ")
NEEDS = {"signified": "its engine in Rust needs Python 3.12"}
ROUNDS = 7
LIMIT_S = 20  # for building a case or for a round

Table = dict[str, dict[str, float]]  # case -> library -> microseconds of a step; nan if bad, missing if not run


class Worker:
    """The process of one library."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "signal_peers.worker", self.name],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # some print the errors of effects; results are checked
            text=True,
        )

    def ask(self, word: str) -> dict[str, Any]:  # Any: what JSON holds
        """Return the answer; one that takes too long, or a process that died, is an error, and a new process starts."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(word, file=self.process.stdin, flush=True)
        in_time, _, _ = select.select([self.process.stdout], [], [], LIMIT_S)
        line = self.process.stdout.readline() if in_time else ""
        if line:
            return json.loads(line) or {}
        self.process.kill()
        self.close()
        self.process = self._start()
        return {"error": "its process has died" if in_time else f"no answer in {LIMIT_S} s"}

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def measure(workers: list[Worker], words: list[str], rounds: int) -> Table:
    """Run the cases and print a line of the table for each."""
    names = [worker.name for worker in workers]
    print("\nmicroseconds of a step" + "".join(f"{name:>11}" for name in names))
    table: Table = {}
    for case in NAMES:
        if words and not any(word in case for word in words):
            continue
        row: dict[str, float] = {}
        ready = []
        for worker in workers:
            answer = worker.ask(f"make {case}")
            if not answer:
                ready.append(worker)
            elif answer["error"]:
                row[worker.name] = float("nan")
                print(f"  {worker.name}: {answer['error']}")
        for turn in range(rounds):
            for worker in ready if turn % 2 else ready[::-1]:
                answer = worker.ask("run")
                us = answer["us"] if answer.get("right") else float("nan")
                row[worker.name] = min(us, row.get(worker.name, us)) if us == us else us
        table[case] = row
        print(f"{case:22}" + "".join(f"{shown(row.get(name)):>11}" for name in names), flush=True)
    return table


def shown(us: float | None) -> str:
    """Return a cell of the table."""
    return "-" if us is None else "bad" if us != us else f"{us:.2f}" if us < 1_000 else f"{us:.0f}"


def ratios(table: Table, other: str) -> dict[str, float]:
    """Return Eddyline's time as a part of the other's, for each case that both did right."""
    return {
        case: row["eddyline"] / row[other]
        for case, row in table.items()
        if row.get("eddyline", 0) > 0 and row.get(other, 0) > 0
    }


def mean_of(values: Iterable[float]) -> float:
    """Return the geometric mean; nan of nothing."""
    logs = [log(value) for value in values]
    return exp(sum(logs) / len(logs)) if logs else float("nan")


def print_ratios(table: Table, names: list[str]) -> None:
    """Print what part of each other's time we take."""
    others = [name for name in names if name not in ("eddyline", "psygnal")]
    parts = {name: ratios(table, name) for name in others}
    print("\neddyline / other      " + "".join(f"{name:>11}" for name in others))
    for case in table:
        cells = (f"{parts[name][case]:.3f}" if case in parts[name] else "-" for name in others)
        print(f"{case:22}" + "".join(f"{cell:>11}" for cell in cells))
    print(f"{'geometric mean':22}" + "".join(f"{mean_of(parts[name].values()):11.3f}" for name in others))


def print_targets(table: Table, sizes: dict[str, dict[str, float]]) -> None:
    """Print the numbers that we hold ourselves to, and whether each is held."""
    rows = [
        (f"geometric mean, of {other}'s", mean_of(ratios(table, other).values()), limit)
        for other, limit in (("reaktiv", 1 / 7), ("nervio", 0.4), ("wybthon", 0.45), ("observ", 0.45), ("signified", 3))
    ]
    worst = {case: max(of.values()) for case in table if (of := best_pure(table, case))}
    if worst:
        case = max(worst, key=worst.__getitem__)
        rows.append((f"worst case ({case}), of the best pure Python", worst[case], 1.2))
    for name, case, limit in (("signified", "read 1000 times", 0.75), ("psygnal", "write, 1 effect", 0.65)):
        rows.append((f"{case}, of {name}'s", ratios(table, name).get(case, float("nan")), limit))
    safe = ratios(table, "unlocked")
    rows.append(("geometric mean, of that without locks", mean_of(safe.values()), 1.15))
    rows += [(f"bytes of one {name}", sizes["eddyline"][name], limit) for name, limit in BYTES.items() if sizes]
    print(f"\n{'number':54}{'at most':>9}{'measured':>10}")
    for name, measured, limit in rows:
        held = "not measured" if measured != measured else "held" if measured <= limit else "NOT HELD"
        print(f"{name:54}{limit:9.3f}{measured:10.3f}  {held}")


BYTES = {"signal": 110, "computed": 450, "effect": 650}


def best_pure(table: Table, case: str) -> dict[str, float]:
    """Return our part of the time of the best pure Python library in `case`."""
    return {name: part[case] for name in PURE if case in (part := ratios(table, name))}


def main(args: list[str]) -> None:
    """Print the tables."""
    rounds = next((int(arg) for arg in args if arg.isdecimal()), ROUNDS)
    words = [arg for arg in args if not arg.isdecimal()]
    print(f"python {sys.version.split()[0]}, best of {rounds} rounds")
    workers = []
    for name in LIBRARIES:
        worker = Worker(name)
        answer = worker.ask("drop")
        if "error" not in answer:
            workers.append(worker)
        else:
            print(f"  {name} is left out: {NEEDS.get(name, answer['error'])}")
            worker.close()
    names = [worker.name for worker in workers]
    table = measure(workers, words, rounds)
    sizes = {} if words else {worker.name: worker.ask("bytes") for worker in workers}
    for worker in workers:
        worker.close()
    if sizes:
        print("\nbytes of one          " + "".join(f"{name:>11}" for name in names))
        for kind in BYTES:
            print(f"{kind:22}" + "".join(f"{sizes[name].get(kind, float('nan')):11.0f}" for name in names))
    print_ratios(table, names)
    print_targets(table, sizes)


if __name__ == "__main__":
    main(sys.argv[1:])
