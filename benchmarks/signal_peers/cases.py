"""The cases: what is built, one step of work, and whether the result is right after step `i`.

Shapes and names follow js-reactivity-benchmark and cellx. Every graph is built by reading each computed as it is made,
since not every library can compute a deep one from nothing. Steps differ, so that every write is a change. Functions
have no parameters, also none with defaults: some libraries hand things to those that have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from signal_peers import batch, close, computed, effect, read, settle, signal, value, write

__all__ = ["CASES", "KEPT", "NAMES", "SIZES"]

Made = tuple[Callable[[int], None], Callable[[int], bool]]

KEPT: list[Any] = []  # the effects of the case that is built  (Any: another class in each library)


def warm(fn: Callable[[], object]) -> Any:  # as above
    """Return a computed that was read once."""
    made = computed(fn)
    value(made)
    return made


def watch(derived: Any) -> list[Any]:  # as above
    """Make an effect that notes the value of a computed; return where it is noted."""
    seen = [None]

    def note() -> None:
        seen[0] = value(derived)

    KEPT.append(effect(note))
    settle()
    return seen


def plus(derived: Any, n: int) -> Any:  # as above
    """Return a computed that adds `n` to another one."""
    return warm(lambda: value(derived) + n)


def offset(source: Any, n: int) -> Any:  # as above
    """Return a computed that adds `n` to a signal."""
    return warm(lambda: read(source) + n)


def create_signals() -> Made:
    """Make 1,000 signals."""
    made: list[Any] = []

    def step(i: int) -> None:
        made[:] = [signal(i) for _ in range(1_000)]

    return step, lambda i: read(made[-1]) == i


def create_computeds() -> Made:
    """Make 1,000 computeds on a signal each, read once."""
    sources = [signal(n) for n in range(1_000)]
    made: list[Any] = []

    def step(i: int) -> None:
        made[:] = [offset(source, i) for source in sources]

    return step, lambda i: [value(each) for each in made] == [n + i for n in range(1_000)]


def create_effects() -> Made:
    """Make 1,000 effects on a signal, which run, and close them."""
    source, runs = signal(1), [0]

    def count() -> None:
        runs[0] += read(source)

    def step(i: int) -> None:
        made = [effect(count) for _ in range(1_000)]
        settle()
        for each in made:
            close(each)

    return step, lambda i: runs[0] == i * 1_000


def read_signal() -> Made:
    """Read a signal 1,000 times while nothing runs."""
    source, got = signal(7), [0]

    def step(i: int) -> None:
        for _ in range(100):
            read(source)
            read(source)
            read(source)
            read(source)
            read(source)
            read(source)
            read(source)
            read(source)
            read(source)
            got[0] = read(source)

    return step, lambda i: got == [7]


def write_one_effect() -> Made:
    """Write a signal that one effect reads."""
    source, seen = signal(0), [0]

    def note() -> None:
        seen[0] = read(source)

    KEPT.append(effect(note))
    settle()

    def step(i: int) -> None:
        write(source, i)
        settle()

    return step, lambda i: seen[0] == i


def write_one_of_1000() -> Made:
    """Write one of 1,000 signals that have an effect each."""
    sources, seen = [signal(0) for _ in range(1_000)], [0] * 1_000

    def noting(n: int) -> Callable[[], None]:
        source = sources[n]

        def note() -> None:
            seen[n] = read(source)

        return note

    KEPT.extend([effect(noting(n)) for n in range(1_000)])
    settle()

    def step(i: int) -> None:
        write(sources[500], i)
        settle()

    return step, lambda i: seen == [0] * 500 + [i] + [0] * 499


def deep() -> Made:
    """A chain of 1,000 computeds."""
    source = signal(0)
    below = offset(source, 1)
    for _ in range(999):
        below = plus(below, 1)
    seen = watch(below)

    def step(i: int) -> None:
        write(source, i)
        settle()

    return step, lambda i: seen == [i + 1_000]


def wide() -> Made:
    """1,000 computeds on one signal, an effect on each."""
    source = signal(0)
    seen = [watch(offset(source, n)) for n in range(1_000)]

    def step(i: int) -> None:
        write(source, i)
        settle()

    return step, lambda i: seen == [[i + n] for n in range(1_000)]


def diamond() -> Made:
    """1,000 computeds on one signal, one that sums them."""
    source = signal(0)
    parts = [offset(source, n) for n in range(1_000)]
    seen = watch(warm(lambda: sum([value(part) for part in parts])))

    def step(i: int) -> None:
        write(source, i)
        settle()

    return step, lambda i: seen == [1_000 * i + 499_500]


def triangle() -> Made:
    """A chain of 10, and one that sums all of it."""
    source = signal(0)
    chain = [offset(source, 1)]
    for _ in range(9):
        chain.append(plus(chain[-1], 1))
    seen = watch(warm(lambda: sum([value(each) for each in chain])))

    def step(i: int) -> None:
        write(source, i)
        settle()

    return step, lambda i: seen == [10 * i + 55]


def mux() -> Made:
    """100 signals gathered in one tuple, taken apart again by 100 computeds with an effect each."""
    sources = [signal(0) for _ in range(100)]
    gathered = warm(lambda: tuple([read(source) for source in sources]))

    def part(n: int) -> Any:  # as above
        return warm(lambda: value(gathered)[n])

    seen = [watch(plus(part(n), 1)) for n in range(100)]

    def step(i: int) -> None:
        write(sources[i % 100], i)
        settle()

    return step, lambda i: [each[0] for each in seen] == [max(i - (i - n) % 100, 0) + 1 for n in range(100)]


def unstable() -> Made:
    """A computed that reads another one after each write, 20 times over."""
    source = signal(0)
    double = warm(lambda: read(source) * 2)
    inverse = warm(lambda: -read(source))

    def total() -> int:
        result = 0
        for _ in range(20):
            result += value(double) if read(source) % 2 else value(inverse)
        return result

    seen = watch(warm(total))

    def step(i: int) -> None:
        write(source, i)
        settle()

    return step, lambda i: seen == [40 * i if i % 2 else -20 * i]


def cellx(layers: int) -> Made:
    """Four signals under `layers` layers of four computeds, all four written in a batch."""
    one, two, three, four = starts = [signal(n) for n in (1, 2, 3, 4)]
    a, b = warm(lambda: read(two)), warm(lambda: read(one) - read(three))
    c, d = warm(lambda: read(two) + read(four)), warm(lambda: read(three))
    for _ in range(layers - 1):
        a, b, c, d = layer(a, b, c, d)
    seen = [watch(each) for each in (a, b, c, d)]

    def step(i: int) -> None:
        with batch():
            for n, start in enumerate(starts):
                write(start, n + i)
        settle()

    def is_right(i: int) -> bool:
        a, b, c, d = i, i + 1, i + 2, i + 3
        for _ in range(layers):
            a, b, c, d = b, a - c, b + d, c
        return seen == [[a], [b], [c], [d]]

    return step, is_right


def layer(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any, Any]:  # as above
    """Return the next layer of cellx."""
    return (
        warm(lambda: value(b)),
        warm(lambda: value(a) - value(c)),
        warm(lambda: value(b) + value(d)),
        warm(lambda: value(c)),
    )


def avoidable() -> Made:
    """A computed that always gives 0 stands before a chain of three: they need not run."""
    source = signal(0)
    first = warm(lambda: read(source))

    def nought() -> int:
        value(first)
        return 0

    second = warm(nought)
    third = warm(lambda: value(second) + 1)
    fourth = warm(lambda: value(third) + 2)
    seen = watch(warm(lambda: value(fourth) + 3))

    def step(i: int) -> None:
        write(source, i)
        settle()

    return step, lambda i: seen == [6]


def cold_read() -> Made:
    """Write an unrelated signal, then read a computed over 100 others that nobody watches."""
    unrelated, sources, got = signal(0), [signal(n) for n in range(100)], [0]
    total = warm(lambda: sum([read(source) for source in sources]))

    def step(i: int) -> None:
        write(unrelated, i)
        settle()
        got[0] = value(total)

    return step, lambda i: got == [4_950] and read(unrelated) == i


def large_dynamic() -> Made:
    """8 layers of 1,000 computeds on four each; one in 20 leaves one of them out, another one as values change."""
    sources = [signal(n) for n in range(1_000)]
    below = [first_of_large(around(sources, at)) for at in range(1_000)]
    for _ in range(7):
        below = [(any_three if at % 20 == 0 else all_four)(around(below, at)) for at in range(1_000)]
    got = [0]

    def step(i: int) -> None:
        write(sources[i * 7 % 1_000], i + 1_000)
        settle()
        got[0] = sum([value(each) for each in below])

    def is_right(i: int) -> bool:
        values = [read(source) for source in sources]
        values = [add_up(around(values, at)) for at in range(1_000)]
        for _ in range(7):
            values = [add_up((picked if at % 20 == 0 else list)(around(values, at))) for at in range(1_000)]
        return got == [sum(values)]

    return step, is_right


def around(row: list[Any], at: int) -> list[Any]:  # as above
    """Return four neighbours, round the end."""
    return [row[n % len(row)] for n in range(at, at + 4)]


def add_up(values: list[int]) -> int:
    """Return the sum, kept small."""
    return sum(values) & 0xFFFFFFF


def first_of_large(sources: list[Any]) -> Any:  # as above
    """Return a computed that adds up signals."""
    return warm(lambda: add_up([read(source) for source in sources]))


def all_four(nodes: list[Any]) -> Any:  # as above
    """Return a computed that adds up computeds."""
    return warm(lambda: add_up([value(node) for node in nodes]))


def any_three(nodes: list[Any]) -> Any:  # as above
    """Return a computed that reads the first and, if it is odd, leaves out the one of the others that it names."""
    head, *tail = nodes

    def add_up_picked() -> int:
        first = value(head)
        skip = first % 3 if first & 1 else -1
        return add_up([first] + [value(node) for n, node in enumerate(tail) if n != skip])

    return warm(add_up_picked)


def picked(values: list[int]) -> list[int]:
    """Leave out of plain values what `any_three` does."""
    skip = values[0] % 3 if values[0] & 1 else -1
    return values[:1] + [each for n, each in enumerate(values[1:]) if n != skip]


def batch_of_1000() -> Made:
    """Write 1,000 signals in a batch; one effect sums them."""
    sources, seen = [signal(0) for _ in range(1_000)], [0]

    def note() -> None:
        seen[0] = sum([read(source) for source in sources])

    KEPT.append(effect(note))
    settle()

    def step(i: int) -> None:
        with batch():
            for source in sources:
                write(source, i)
        settle()

    return step, lambda i: seen == [i * 1_000]


CASES: dict[str, Callable[[], Made]] = {
    "create 1000 signals": create_signals,
    "create 1000 computeds": create_computeds,
    "create 1000 effects": create_effects,
    "read 1000 times": read_signal,
    "write, 1 effect": write_one_effect,
    "write, 1 of 1000 effects": write_one_of_1000,
    "deep 1000": deep,
    "wide 1000": wide,
    "diamond 1000": diamond,
    "triangle": triangle,
    "mux": mux,
    "unstable": unstable,
    "cellx 10": lambda: cellx(10),
    "cellx 1000": lambda: cellx(1_000),
    "avoidable propagation": avoidable,
    "cold read after a write": cold_read,
    "large dynamic graph": large_dynamic,
    "batch of 1000": batch_of_1000,
}

NAMES = tuple(CASES)

SHARED = signal(0)

SIZES: dict[str, Callable[[], object]] = {
    "signal": lambda: signal(0),
    "computed": lambda: warm(lambda: read(SHARED)),
    "effect": lambda: effect(lambda: read(SHARED)),
}
