"""What signals cost, beside the same work done by plain function calls in the same run.

    python benchmarks/signals.py            all cases, best of 5
    python benchmarks/signals.py deep       only cases whose name contains "deep"

The reference does the work by hand with what it knows: a list that holds the value, functions that call functions. It
is a floor that no graph can reach, since it neither finds out what to run nor skips anything; the ratio is what can be
compared between machines. Bytes are those of tracemalloc, with a lambda of 152 bytes for computed and effect.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable

from eddyline.signals import Scope, batch, computed, effect, signal

ROUNDS = 5
Work = Callable[[int], object]
BOX = [1]


def plain() -> int:
    """Return a value from where it is kept."""
    return BOX[0]


def read_signal() -> tuple[Work, Work]:
    """Read a signal while nothing runs."""
    source = signal(1)
    return lambda n: [source() for _ in range(n)], lambda n: [plain() for _ in range(n)]


def read_computed() -> tuple[Work, Work]:
    """Read a computed that is current."""
    source = signal(1)
    value = computed(lambda: source() + 1)
    return lambda n: [value() for _ in range(n)], lambda n: [plain() + 1 for _ in range(n)]


def read_tracked_again() -> tuple[Work, Work]:
    """Read one signal again and again inside one effect."""
    source = signal(1)

    def ours(n: int) -> None:
        effect(lambda: [source() for _ in range(n)]).close()

    return ours, lambda n: [plain() for _ in range(n)]


def read_cold_after_unrelated_write() -> tuple[Work, Work]:
    """Write an unrelated signal, then read a computed over 100 others that nobody watches."""
    unrelated, sources = signal(0), [signal(i) for i in range(100)]
    total = computed(lambda: sum(source() for source in sources))

    def ours(n: int) -> None:
        for i in range(n):
            unrelated.set(-i - 1)
            total()

    values = list(range(100))
    return ours, lambda n: [sum(value for value in values) for _ in range(n)]


def create_signal() -> tuple[Work, Work]:
    """Make a signal (reference: a list of one)."""
    return lambda n: [signal(0) for _ in range(n)], lambda n: [[0] for _ in range(n)]


def create_computed() -> tuple[Work, Work]:
    """Make a computed and read it once (reference: make a function and call it)."""
    source = signal(1)
    return lambda n: [computed(lambda: source() + 1)() for _ in range(n)], make_and_call


def create_and_close_effect() -> tuple[Work, Work]:
    """Make an effect, which runs, and close it (reference: as above)."""
    source = signal(1)

    def ours(n: int) -> None:
        for _ in range(n):
            effect(lambda: source()).close()

    return ours, make_and_call


def make_and_call(n: int) -> None:
    """Make a function and call it, `n` times."""
    for _ in range(n):

        def made() -> int:
            return BOX[0] + 1

        made()


def writes(source_count: int, shape: Callable[[list[Callable[[], int]]], list[Callable[[], int]]]) -> tuple[Work, Work]:
    """Write the first of `source_count` sources; effects follow what `shape` makes of them."""
    sources = [signal(0) for _ in range(source_count)]
    for read in shape([source.get for source in sources]):
        effect(read)
    boxes = [[0] for _ in range(source_count)]
    functions = shape_plain(shape, boxes)

    def ours(n: int) -> None:
        for _ in range(n):
            sources[0].update(lambda v: v + 1)

    def by_hand(n: int) -> None:
        for _ in range(n):
            boxes[0][0] += 1
            for read in functions:
                read()

    return ours, by_hand


def derive(fn: Callable[[], int]) -> Callable[[], int]:
    """Make a step of a shape: a computed, or inside `shape_plain` the function itself."""
    return computed(fn).get if with_signals else fn


with_signals = True


def shape_plain(
    shape: Callable[[list[Callable[[], int]]], list[Callable[[], int]]], boxes: list[list[int]]
) -> list[Callable[[], int]]:
    """Build the same shape of plain functions."""
    global with_signals
    with_signals = False
    try:
        return shape([lambda box=box: box[0] for box in boxes])  # type: ignore[misc]  # default binds the loop's box
    finally:
        with_signals = True


def one_effect(sources: list[Callable[[], int]]) -> list[Callable[[], int]]:
    """An effect on a signal."""
    return [sources[0]]


def deep(sources: list[Callable[[], int]]) -> list[Callable[[], int]]:
    """A chain of 200, so that plain calls stay within the recursion limit."""
    read = sources[0]
    for _ in range(200):
        read = derive(lambda below=read: below() + 1)  # type: ignore[misc]  # default binds the loop's read
    return [read]


def wide(sources: list[Callable[[], int]]) -> list[Callable[[], int]]:
    """1,000 computeds on one signal, an effect on each."""
    return [derive(lambda i=i: sources[0]() + i) for i in range(1_000)]  # type: ignore[misc]  # as above


def diamond(sources: list[Callable[[], int]]) -> list[Callable[[], int]]:
    """1,000 computeds on one signal, one that sums them."""
    parts = wide(sources)
    return [derive(lambda: sum(part() for part in parts))]


def one_of_many(sources: list[Callable[[], int]]) -> list[Callable[[], int]]:
    """1,000 signals with an effect each; one is written (plain calls don't know which, and call all)."""
    return list(sources)


def batch_of_1000() -> tuple[Work, Work]:
    """Write 1,000 signals in a batch that one effect sums."""
    sources = [signal(0) for _ in range(1_000)]
    effect(lambda: sum(source() for source in sources))
    values = [0] * 1_000

    def ours(n: int) -> None:
        for _ in range(n):
            with batch():
                for source in sources:
                    source.update(lambda v: v + 1)

    def by_hand(n: int) -> None:
        for _ in range(n):
            for i in range(1_000):
                values[i] += 1
            sum(value for value in values)

    return ours, by_hand


CASES: dict[str, tuple[Callable[[], tuple[Work, Work]], int]] = {  # name -> (maker, repetitions)
    "read signal": (read_signal, 20_000),
    "read computed": (read_computed, 20_000),
    "read tracked again": (read_tracked_again, 20_000),
    "read cold after unrelated write": (read_cold_after_unrelated_write, 2_000),
    "create signal": (create_signal, 10_000),
    "create computed + read": (create_computed, 5_000),
    "create effect + close": (create_and_close_effect, 3_000),
    "write, 1 effect": (lambda: writes(1, one_effect), 10_000),
    "write, 1 of 1000 effects": (lambda: writes(1_000, one_of_many), 1_000),
    "write, deep 200": (lambda: writes(1, deep), 50),
    "write, wide 1000": (lambda: writes(1, wide), 10),
    "write, diamond 1000": (lambda: writes(1, diamond), 10),
    "batch of 1000": (batch_of_1000, 10),
}


def best_us(work: Work, n: int) -> float:
    """Return the microseconds of one repetition in the best round."""
    work(n)
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        start = time.perf_counter()
        work(n)
        best = min(best, time.perf_counter() - start)
    return best / n * 1e6


SHARED = signal(0)


def bytes_each(make: Callable[[], object], n: int = 5_000) -> float:
    """Return what one costs in memory."""
    kept: list[object] = [None] * n
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for i in range(n):
        kept[i] = make()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / n


def read_computed_once() -> object:
    """Make a computed that has a dependency."""
    made = computed(lambda: SHARED())
    made()
    return made


def main(words: list[str]) -> None:
    """Print the tables."""
    print(f"python {sys.version.split()[0]}\n{'case':34}{'us':>10}{'plain us':>10}{'ratio':>8}")
    for name, (make, n) in CASES.items():
        if all(word in name for word in words):
            with Scope():
                ours, by_hand = (best_us(work, n) for work in make())
            print(f"{name:34}{ours:10.3f}{by_hand:10.3f}{ours / by_hand:8.1f}")
    if not words:
        with Scope():
            made = {
                "signal": lambda: signal(0),
                "computed": read_computed_once,
                "effect": lambda: effect(lambda: SHARED()),
            }
            print("\nbytes: " + ", ".join(f"{name} {bytes_each(make):.0f}" for name, make in made.items()))


if __name__ == "__main__":
    main(sys.argv[1:])
