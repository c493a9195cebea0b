"""What a list kept patch by patch costs, beside the same list made anew after each write.

    python3 dev bench derived_lists                 10,000 rows
    python3 dev bench derived_lists 1000 100000     other sizes

Each line is one operator and one kind of write to a `ListSignal`; a step is one write and what follows from it, in CPU
time, best of 5 interleaved rounds:

    patch      a subscriber of the derived list takes its patches: what a screen does
    rows()     an effect reads the derived list as a whole: O(n) for the tuple, in C
    anew       an effect reads the source and makes the result with a comprehension, `sorted` or a dict

`times` is anew / patch. After the rounds all three must hold the same rows, else the line says WRONG. `fill` is what
the first look costs: the derived list is made once, so is the plain one.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from eddyline.signals import Group, Keyed, ListSignal, Scope, apply_patches, effect

ROUNDS = 5
SIZES = (10_000,)

Step = Callable[[], object]


class Operator(NamedTuple):
    """The same result in two ways."""

    kept: Callable[[ListSignal[int]], Keyed[Any]]  # Any: what it is a list of
    anew: Callable[[Iterable[int]], list[Any]]  # Any: as above


def is_open(n: int) -> bool:
    """Stand for a predicate: a tenth of the rows."""
    return n % 10 == 3


def title(n: int) -> str:
    """Stand for what a row is shown as."""
    return f"row {n}"


def rest(n: int) -> int:
    """Stand for a key to group by: 100 groups."""
    return n % 100


def grouped(rows: Iterable[int]) -> list[Any]:  # Any: groups
    """Return the groups of `rows` in the order of their first rows."""
    groups: dict[int, list[int]] = {}
    for row in rows:
        groups.setdefault(rest(row), []).append(row)
    return list(groups.items())


OPERATORS = {
    "map": Operator(lambda rows: rows.map(title), lambda rows: [title(row) for row in rows]),
    "filter": Operator(lambda rows: rows.filter(is_open), lambda rows: [row for row in rows if is_open(row)]),
    "sorted": Operator(lambda rows: rows.sorted(), sorted),
    "group": Operator(lambda rows: rows.group(rest), grouped),
    "filter, sorted, map": Operator(
        lambda rows: rows.filter(is_open).sorted().map(title),
        lambda rows: [title(row) for row in sorted(row for row in rows if is_open(row))],
    ),
}

WRITES = ("update", "insert, remove", "append, pop", "move")


def writing(kind: str, rows: ListSignal[int], seed: int) -> Step:
    """Return a function that does one write of `kind`; the size of the list stays, within one row."""
    chance = random.Random(seed)
    size, long = len(rows), False

    def step() -> None:
        nonlocal long
        at = chance.randrange(size)
        if kind == "update":
            rows[at] = chance.randrange(1_000_000)
        elif kind == "move":
            rows.move(at, chance.randrange(size))
        elif long:
            del rows[at if kind == "insert, remove" else -1]
        else:
            rows.insert(at if kind == "insert, remove" else len(rows), chance.randrange(1_000_000))
        long = len(rows) > size

    return step


def timed(step: Step, times: int) -> float:
    """Return the microseconds of one step."""
    gc.collect()
    gc.disable()
    start = time.process_time()
    for _ in range(times):
        step()
    took = time.process_time() - start
    gc.enable()
    return took / times * 1e6


def plain(kept: Keyed[Any]) -> list[Any]:  # Any: as in Operator
    """Return the rows of a derived list, those of groups too, as `anew` gives them."""
    return [(row.key, list(row.rows())) if isinstance(row, Group) else row for row in kept.rows()]


def measure(name: str, operator: Operator, kind: str, size: int) -> None:
    """Print one line."""
    chance = random.Random(size)
    start = [chance.randrange(1_000_000) for _ in range(size)]
    sources = [ListSignal(start) for _ in range(3)]
    kept = [operator.kept(rows) for rows in sources[:2]]
    copy, keys, seen, made = list[Any](), list[Any](), list[Any](), list[Any]()  # Any: rows of any kind

    def remake() -> None:
        made[:] = operator.anew(sources[2].rows())

    with Scope():
        fill = timed(lambda: kept[0].subscribe(lambda patches: apply_patches(patches, copy, keys)), 1)
        effect(lambda: seen.append(len(kept[1].rows())))
        fill_anew = timed(lambda: effect(remake), 1)
        steps = [writing(kind, rows, seed=1) for rows in sources]
        best = [float("inf")] * 3
        for turn in range(ROUNDS + 1):  # the first one warms up
            for i, times in ((0, 400), (1, 100), (2, 10)):
                took = timed(steps[i], times)
                best[i] = min(best[i], took) if turn else float("inf")
        right = all(plain(kept[i]) == operator.anew(sources[i].rows()) for i in (0, 1))
        right = right and copy == list(kept[0].rows()) and made == operator.anew(sources[2].rows())
    print(
        f"{size:7} {name:20} {kind:15}{best[0]:9.1f}{best[1]:9.1f}{best[2]:10.1f}{best[2] / best[0]:8.0f}"
        f"{fill / 1e3:9.2f}{fill_anew / 1e3:9.2f}{'' if right else '   WRONG'}",
        flush=True,
    )


def main(args: list[str]) -> None:
    """Print the table."""
    sizes = tuple(int(arg) for arg in args) or SIZES
    print(f"python {sys.version.split()[0]}, microseconds of a step, best of {ROUNDS} rounds; fills in milliseconds")
    head = ("patch", 9), ("rows()", 9), ("anew", 10), ("times", 8), ("fill", 9), ("anew", 9)
    print(f"{'rows':>7} {'operator':20} {'write':15}" + "".join(f"{word:>{width}}" for word, width in head))
    for size in sizes:
        for name, operator in OPERATORS.items():
            for kind in WRITES:
                measure(name, operator, kind, size)


if __name__ == "__main__":
    main(sys.argv[1:])
