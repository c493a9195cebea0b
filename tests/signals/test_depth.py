"""Deep graphs: neither the recursion limit nor the square of the depth, at the ordinary limit of 1,000."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from eddyline.signals import Computed, CycleError, Signal, computed, debug, effect, signal, trace

DEEP = 5_000


@pytest.fixture(autouse=True)
def ordinary_recursion_limit() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    yield
    sys.setrecursionlimit(before)


def plus_one(below: Callable[[], int]) -> int:
    return below() + 1


class Chain:
    """s -> c1 -> c2 -> ... -> top, with a count of calls."""

    def __init__(self, length: int, *, source_first: bool = False, everywhere: bool = False) -> None:
        self.source: Signal[int] = signal(0)
        self.calls = 0
        self.links: list[Computed[int]] = []
        read = self.source.get
        for _ in range(length):
            self.links.append(computed(self._link(read, source_first=source_first, everywhere=everywhere)))
            read = self.links[-1].get
        self.top = self.links[-1]

    def _link(self, below: Callable[[], int], *, source_first: bool, everywhere: bool) -> Callable[[], int]:
        def plain() -> int:
            self.calls += 1
            return below() + 1

        def with_source() -> int:
            self.calls += 1
            if source_first:
                return self.source() * 0 + below() + 1
            return below() + 1 + self.source() * 0

        return with_source if everywhere else plain


def test_cold_chain_is_read_and_no_function_is_called_more_than_twice() -> None:
    chain = Chain(DEEP)
    assert chain.top() == DEEP
    assert DEEP <= chain.calls <= 2 * DEEP


def test_warm_chain_is_recomputed_with_one_call_each() -> None:
    chain = Chain(DEEP)
    chain.top()
    chain.calls = 0
    chain.source.set(1)
    assert chain.top() == DEEP + 1
    assert chain.calls == DEEP


@pytest.mark.parametrize("source_first", [False, True])
def test_chain_that_is_dirty_everywhere_is_recomputed(*, source_first: bool) -> None:
    chain = Chain(DEEP, source_first=source_first, everywhere=True)
    chain.top()
    chain.calls = 0
    chain.source.set(1)
    assert chain.top() == DEEP + 1
    assert chain.calls <= 2 * DEEP


def test_work_grows_with_the_depth_not_with_its_square() -> None:
    short, long = Chain(DEEP), Chain(4 * DEEP)
    for chain in (short, long):
        chain.top()
        chain.calls = 0
        chain.source.set(1)
        chain.top()
    assert long.calls == 4 * short.calls


def test_effect_at_the_end_of_a_deep_chain_runs_once_a_write() -> None:
    chain, seen = Chain(DEEP), []
    effect(lambda: seen.append(chain.top()))
    chain.source.set(1)
    chain.source.set(2)
    assert seen == [DEEP, DEEP + 1, DEEP + 2]


def test_equal_result_at_the_bottom_validates_a_deep_chain_without_a_call() -> None:
    chain = Chain(1)
    parity = computed(lambda: chain.source() % 2)
    read, calls = parity.get, []

    def counted(below: Callable[[], int]) -> int:
        calls.append(1)
        return below()

    for _ in range(DEEP):
        read = computed(partial(counted, read)).get
    read()
    calls.clear()
    chain.source.set(2)
    assert [read(), calls] == [0, []]


def test_error_passes_through_a_deep_chain() -> None:
    bottom = signal(0)
    read = computed(lambda: 1 // bottom()).get
    for _ in range(DEEP):
        read = computed(partial(plus_one, read)).get
    with pytest.raises(ZeroDivisionError):
        read()
    bottom.set(1)
    assert read() == DEEP + 1


def test_cycle_longer_than_the_stack_is_found() -> None:
    links: list[Computed[int]] = []
    for i in range(1_000):
        links.append(computed(partial(lambda i: links[(i + 1) % 1_000]() + 1, i), f"c{i}"))
    with pytest.raises(CycleError):
        links[500]()


def test_functions_with_many_frames_of_their_own_are_unwound_by_the_recursion_error() -> None:
    def through(frames: int, read: Callable[[], int]) -> int:
        return read() + 1 if frames == 0 else through(frames - 1, read)

    read = signal(0).get
    for _ in range(300):
        read = computed(partial(through, 30, read)).get
    assert read() == 300


def test_endless_recursion_of_a_function_itself_is_its_own_error() -> None:
    def endless() -> int:
        return endless()

    below = computed(endless)
    top = computed(lambda: below() + 1)
    with pytest.raises(RecursionError):
        top()


def test_recursion_limit_is_left_as_it_is() -> None:
    limits: set[int] = set()
    source = signal(0)

    def note() -> int:
        limits.add(sys.getrecursionlimit())
        return source()

    read = computed(note).get
    for _ in range(3_000):
        read = computed(partial(plus_one, read)).get
    with effect(read):
        source.set(1)
    assert [limits, sys.getrecursionlimit()] == [{1_000}, 1_000]


def test_deep_chain_is_traced_and_looked_at_in_debug_mode_without_recursion() -> None:
    told: list[str] = []
    source = signal([0])
    read: Callable[[], list[int]] = source.get
    for n in range(1_000):
        read = computed(partial(lambda below: [below()[0] + 1], read), f"c{n}").get
    with debug(), trace(lambda event: told.append(str(event))):
        assert read() == [1_000]
        source.set([1])
        assert read() == [1_001]
    assert told[:1_000] == [f"c{n} ran for the first time: [{n + 1}]" for n in range(1_000)]
    assert told[1_000:1_002] == ["Signal = [1]", "c0 ran because Signal changed: [2]"]
    assert len(told) == 2_001


def test_deep_chain_that_is_dropped_is_freed_without_recursion() -> None:
    source = signal(0)
    read = source.get
    for _ in range(10 * DEEP):
        read = computed(partial(plus_one, read)).get
        read()
    assert source.watched
    del read
    assert not source.watched
