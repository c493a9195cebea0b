"""`keyed`: derived lists equal the plain recomputation, and call their functions once for each row that changed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.signals import (
    Group,
    Insert,
    Keyed,
    ListSignal,
    Move,
    Patch,
    Remove,
    Reset,
    Update,
    apply_patches,
    batch,
    computed,
    effect,
    keyed,
    signal,
)

from .test_list_signal import OPS, Copy, Op, do, told_by


def grouped(rows: Sequence[int], key: Callable[[int], Hashable]) -> list[tuple[Hashable, tuple[int, ...]]]:
    """What grouping by hand gives."""
    groups: dict[Hashable, list[int]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return [(key, tuple(members)) for key, members in groups.items()]


def noted(calls: list[int], n: int) -> int:
    """Note the call, return the row."""
    calls.append(n)
    return n


class World:
    """A list, everything derived from it, a copy of each kept by patches, and what each must be."""

    def __init__(self, start: list[int]) -> None:
        self.items = ListSignal(start)
        self.limit, self.modulus = signal(3), signal(3)
        items, limit, modulus = self.items, self.limit, self.modulus
        self.mapped = items.map(lambda n: n * limit())
        self.filtered = items.filter(lambda n: n >= limit())
        self.sorted = items.sorted(key=lambda n: n % modulus())
        self.reversed = items.sorted(key=lambda n: -n % 4, reverse=True)
        self.groups = items.group(lambda n: n % modulus())
        self.chain = self.filtered.sorted(reverse=True).map(lambda n: n + modulus())
        self.of_groups = self.groups.map(lambda group: (group.key, len(group)))
        self.nested = items.filter(bool).group(lambda n: n // 3).sorted(key=lambda group: group.key)
        self.lists: dict[str, Keyed[Any]] = {
            "mapped": self.mapped,
            "filtered": self.filtered,
            "sorted": self.sorted,
            "reversed": self.reversed,
            "chain": self.chain,
            "of_groups": self.of_groups,
        }
        self.copies = {name: Copy(each) for name, each in self.lists.items()}
        self.outlines = [Copy(self.groups), Copy(self.nested)]
        self.members: dict[int, tuple[Group[int, Any], Copy]] = {}

    def expected(self) -> dict[str, list[Any]]:
        rows, limit, modulus = self.items.peek(), self.limit.peek(), self.modulus.peek()
        return {
            "mapped": [n * limit for n in rows],
            "filtered": [n for n in rows if n >= limit],
            "sorted": sorted(rows, key=lambda n: n % modulus),
            "reversed": sorted(rows, key=lambda n: -n % 4, reverse=True),
            "chain": [n + modulus for n in sorted((n for n in rows if n >= limit), reverse=True)],
            "of_groups": [(key, len(members)) for key, members in grouped(rows, lambda n: n % modulus)],
        }

    def check_rows(self) -> None:
        """What is read now is right."""
        for name, made in self.expected().items():
            assert list(self.lists[name].rows()) == made, name
        rows, modulus = self.items.peek(), self.modulus.peek()
        assert [(g.key, g.rows()) for g in self.groups] == grouped(rows, lambda n: n % modulus)
        assert [(g.key, g.rows()) for g in self.nested] == sorted(grouped([n for n in rows if n], lambda n: n // 3))

    def check_copies(self) -> None:
        """What patches have made of the old rows is right."""
        for name, copy in self.copies.items():
            assert copy.rows == list(self.lists[name].peek()), name
            assert copy.keys == self.lists[name].keys(), name
        for outline, groups in zip(self.outlines, (self.groups, self.nested), strict=True):
            assert [g.key for g in outline.rows] == [g.key for g in groups.peek()] == outline.keys == groups.keys()
        for group in self.groups.peek():
            self.members.setdefault(id(group), (group, Copy(group)))
        for group, copy in self.members.values():
            assert copy.rows == list(group.peek())
            assert copy.keys == group.keys()

    def close(self) -> None:
        for copy in [*self.copies.values(), *self.outlines, *(copy for _, copy in self.members.values())]:
            copy.stop()


MORE_OPS = st.one_of(
    OPS,
    st.tuples(st.just("limit"), st.integers(0, 6), st.none()),
    st.tuples(st.just("modulus"), st.integers(1, 5), st.none()),
)


@given(start=st.lists(st.integers(-3, 12), max_size=20), batches=st.lists(st.lists(MORE_OPS, max_size=4), max_size=6))
@settings(deadline=None)
def test_every_derived_list_equals_the_plain_recomputation_after_any_writes_and_in_a_batch(
    start: list[int], batches: list[list[Op]]
) -> None:
    world = World(start)
    for ops in batches:
        with batch():
            for position, op in enumerate(ops):
                if op[0] in ("limit", "modulus"):
                    getattr(world, op[0]).set(op[1])
                else:
                    do(world.items, op)
                if position % 2:
                    world.check_rows()
        world.check_rows()
        world.check_copies()
    world.close()


@given(start=st.lists(st.integers(0, 9), max_size=9), ops=st.lists(MORE_OPS, max_size=8))
@settings(deadline=None)
def test_function_that_fails_for_some_rows_is_right_again_as_soon_as_none_does(start: list[int], ops: list[Op]) -> None:
    items, limit = ListSignal(start), signal(5)
    mapped = items.map(lambda n: 10 // (n - limit()))
    chain = mapped.filter(lambda n: n % 2).sorted()
    for op in ops:
        if op[0] in ("limit", "modulus"):
            limit.set(op[1])
        else:
            do(items, op)
        if limit() in items:
            with pytest.raises(ZeroDivisionError):
                chain.rows()
        else:
            assert mapped.rows() == tuple(10 // (n - limit()) for n in items)
            assert chain.rows() == tuple(sorted(n for n in mapped if n % 2))


def test_function_is_called_once_for_each_row_that_comes_or_is_replaced() -> None:
    items, calls = ListSignal(["a", "b", "c"]), []

    def shout(text: str) -> str:
        calls.append(text)
        return text.upper()

    mapped = items.map(shout)
    assert calls == []
    assert mapped.rows() == ("A", "B", "C")
    items.append("d")
    items[0] = "x"
    items.reverse()
    items.remove("c")
    items.set(["d", "y", "x"])
    assert mapped.rows() == ("D", "Y", "X")
    assert calls == ["a", "b", "c", "d", "x", "y"]


def test_reset_of_the_source_calls_the_function_only_for_rows_that_differ() -> None:
    items = ListSignal(range(30), key=lambda n: n)
    calls: list[int] = []
    mapped = items.map(partial(noted, calls))
    mapped.rows()
    calls.clear()
    told = told_by(mapped, lambda: items.set([*range(25, 29), *range(100, 130)]))
    assert isinstance(told[0][0], Reset)
    assert calls == list(range(100, 130))


def test_function_that_reads_signals_runs_again_for_that_row_alone() -> None:
    prices = {name: signal(price) for name, price in (("tea", 3), ("milk", 2), ("rice", 5))}
    calls: list[str] = []

    def priced(name: str) -> tuple[str, int]:
        calls.append(name)
        return name, prices[name]()

    items = ListSignal(["tea", "milk", "rice"])
    mapped = items.map(priced)
    told: list[tuple[Patch, ...]] = []
    stop = mapped.subscribe(told.append)
    calls.clear()
    prices["milk"].set(4)
    assert calls == ["milk"]
    assert told[1:] == [(Update(1, ("milk", 4), (), 1),)]
    stop()


def test_row_whose_signal_changes_enters_or_leaves_a_filter_and_moves_in_a_sort() -> None:
    done = [signal(False), signal(False), signal(False)]
    rank = [signal(n) for n in (1, 2, 3)]
    items = ListSignal([0, 1, 2])
    open_ones = items.filter(lambda i: not done[i]())
    ranked = items.sorted(key=lambda i: rank[i]())
    assert told_by(open_ones, lambda: done[1].set(True)) == [(Remove(1, 1),)]
    assert told_by(open_ones, lambda: done[1].set(False)) == [(Insert(1, 1, 1),)]
    assert told_by(ranked, lambda: rank[0].set(9)) == [(Move(0, 2, 0),)]
    assert ranked == [1, 2, 0]


def test_row_that_left_is_not_followed_any_more() -> None:
    factor = signal(2)
    calls: list[int] = []
    items = ListSignal([1, 2])
    mapped = items.map(lambda n: noted(calls, n) * factor())
    assert mapped == [2, 4]
    items.remove(1)
    assert mapped == [4]
    calls.clear()
    factor.set(3)
    assert mapped == [6]
    assert calls == [2]
    items.clear()
    assert mapped == []
    assert not factor.watched


def test_patches_go_through_a_chain_as_patches() -> None:
    items = ListSignal([5, 2, 9])
    chain = items.map(lambda n: n * 10).filter(lambda n: n > 20).sorted(reverse=True)
    assert chain == [90, 50]
    assert told_by(chain, lambda: items.append(7)) == [(Insert(1, 70, 3),)]
    assert told_by(chain, lambda: items.append(1)) == []
    assert told_by(chain, lambda: items.__setitem__(1, 10)) == [(Insert(0, 100, 1),)]
    assert told_by(chain, lambda: items.remove(9)) == [(Remove(1, 2),)]


def test_sorted_is_stable_both_ways_when_rows_move_in_the_source() -> None:
    items = ListSignal(["b1", "a1", "b2", "a2"])
    up, down = items.sorted(key=lambda s: s[0]), items.sorted(key=lambda s: s[0], reverse=True)
    assert [up, down] == [["a1", "a2", "b1", "b2"], ["b1", "b2", "a1", "a2"]]
    assert told_by(up, lambda: items.move(2, 0)) == [(Move(3, 2, 2),)]
    assert [up, down] == [["a1", "a2", "b2", "b1"], ["b2", "b1", "a1", "a2"]]


def test_rows_put_in_at_one_place_again_and_again_stay_in_order() -> None:
    items = ListSignal([0, 1])
    odd, ordered = items.filter(lambda n: n % 2), items.sorted(key=lambda n: 0)
    assert odd == [1]
    for n in range(2, 400):
        items.insert(1, n)
        assert ordered[1] == n
    assert odd == [*range(399, 1, -2), 1]


def test_group_gives_lists_in_the_order_of_their_first_rows() -> None:
    items = ListSignal(["apple", "bean", "avocado"])
    groups = items.group(lambda word: word[0])
    assert [(group.key, group.rows()) for group in groups] == [("a", ("apple", "avocado")), ("b", ("bean",))]
    a, b = groups
    assert told_by(groups, lambda: items.insert(0, "banana")) == [(Move(1, 0, "b"),)]
    assert told_by(a, lambda: items.append("almond")) == [(Insert(2, "almond", 4),)]
    assert told_by(groups, lambda: items.append("corn")) == [(Insert(2, groups.peek()[2], "c"),)]
    assert told_by(groups, lambda: items.remove("corn")) == [(Remove(2, "c"),)]
    assert b == ["banana", "bean"]


def test_change_in_one_group_runs_what_reads_that_group_alone() -> None:
    items, runs = ListSignal([1, 2, 3]), []
    odd, even = items.group(lambda n: n % 2).rows()
    logs = [effect(lambda: runs.append(("odd", len(odd)))), effect(lambda: runs.append(("even", len(even))))]
    runs.clear()
    items.append(4)
    assert runs == [("even", 2)]
    for log in logs:
        log.close()


def test_group_that_somebody_holds_sees_its_rows_come_back() -> None:
    items = ListSignal([1, 2])
    groups = items.group(lambda n: n % 2)
    odd = groups[0]
    items.remove(1)
    assert [odd.rows(), len(groups)] == [(), 1]
    items.append(3)
    assert odd == [3]
    assert groups[1] is odd


def test_function_of_a_group_may_read_it_and_runs_again_for_that_group_alone() -> None:
    items, calls = ListSignal(["apple", "bean"]), []

    def size(group: Group[str, str]) -> tuple[str, int]:
        calls.append(group.key)
        return group.key, len(group)

    sizes = items.group(lambda word: word[0]).map(size)
    assert sizes == [("a", 1), ("b", 1)]
    calls.clear()
    items.append("beet")
    assert sizes == [("a", 1), ("b", 2)]
    assert calls == ["b"]


def test_derived_list_is_lazy_and_right_inside_a_batch() -> None:
    items = ListSignal([1])
    calls: list[int] = []
    mapped = items.map(partial(noted, calls))
    items.append(2)
    assert calls == []
    with batch():
        items.append(3)
        assert mapped.rows() == (1, 2, 3)
        items.clear()
        assert mapped.rows() == ()


def test_effect_on_a_derived_list_runs_only_when_its_rows_change() -> None:
    items, runs = ListSignal([1, 2, 3]), []
    small = items.filter(lambda n: n < 10)
    log = effect(lambda: runs.append(small.rows()))
    items.append(50)
    items.append(4)
    assert runs == [(1, 2, 3), (1, 2, 3, 4)]
    log.close()


def test_derived_list_is_collected_when_dropped_and_leaves_nothing_upstream() -> None:
    items, factor = ListSignal([1, 2]), signal(2)
    mapped = items.map(lambda n: n * factor())
    assert mapped == [2, 4]
    assert factor.watched
    gone = weakref.ref(mapped)
    gc.disable()
    try:
        del mapped
        assert gone() is None
    finally:
        gc.enable()
    assert not factor.watched
    assert not items.watched
    groups = items.group(lambda n: n)
    assert len(groups) == 2
    gone_groups = weakref.ref(groups)
    del groups
    gc.collect()
    assert gone_groups() is None
    assert not items.watched


def test_source_lives_as_long_as_what_is_derived_from_it_and_no_longer() -> None:
    items = ListSignal([1, 2])
    chain = items.map(lambda n: n).filter(lambda n: n)
    gone = weakref.ref(items)
    del items
    assert chain == [1, 2]
    del chain
    gc.collect()
    assert gone() is None


def test_derived_list_that_is_seldom_read_keeps_no_endless_log() -> None:
    items = ListSignal([1])
    mapped = items.map(lambda n: n)
    assert mapped == [1]
    log = mapped._reader._log
    assert log is not None
    for n in range(1000):
        items[0] = n
    assert len(log.patches) <= 65
    assert log.further is not None
    assert log.further() is None
    assert mapped == [999]


def test_error_of_the_function_is_raised_to_readers_until_the_row_is_gone() -> None:
    items = ListSignal([1, 0])
    mapped = items.map(lambda n: 10 // n)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            mapped.rows()
    assert repr(mapped).endswith(": failed>")
    items.remove(0)
    assert mapped == [10]


def test_error_while_subscribed_is_raised_to_the_writer_and_the_next_patches_are_a_reset() -> None:
    items = ListSignal([1])
    copy = Copy(items.map(lambda n: 10 // n))
    with pytest.raises(ZeroDivisionError):
        items.append(0)
    with pytest.raises(ZeroDivisionError):
        items.append(5)
    items.remove(0)
    assert copy.told[1:] == [(Reset([10, 2], [0, 2]),)]
    copy.stop()


class Foreign:
    """A list source that isn't ours, shaped like a view of a live query."""

    def __init__(self, rows: list[Any]) -> None:
        self.list: list[Any] = rows
        self.names: list[Hashable] = list(range(len(rows)))
        self.subscribers: list[Callable[[list[Patch]], object]] = []

    def rows(self) -> tuple[Any, ...]:
        return tuple(self.list)

    peek = rows

    def keys(self) -> list[Hashable]:
        return list(self.names)

    def subscribe(self, fn: Callable[[list[Patch]], object]) -> Callable[[], None]:
        self.subscribers.append(fn)
        fn([Reset(list(self.list), list(self.names))])
        return lambda: self.subscribers.remove(fn)

    def tell(self, *patches: Patch) -> None:
        apply_patches(patches, self.list, self.names)
        for fn in list(self.subscribers):
            fn(list(patches))


def test_keyed_takes_any_list_source_and_forwards_the_columns_of_its_updates() -> None:
    source = Foreign([(1, "a"), (2, "b")])
    shown = keyed(source).filter(lambda row: row[0] < 5).sorted(key=lambda row: -row[0])
    assert shown == [(2, "b"), (1, "a")]
    told: list[tuple[Patch, ...]] = []
    stop = shown.subscribe(told.append)
    source.tell(Update(0, (1, "A"), ("name",), 0), Insert(2, (3, "c"), 2), Insert(3, (9, "z"), 3))
    assert told[1:] == [(Update(1, (1, "A"), ("name",), 0), Insert(0, (3, "c"), 2))]
    assert shown == [(3, "c"), (2, "b"), (1, "A")]
    stop()
    del shown, stop
    gc.collect()
    assert source.subscribers == []


def test_keyed_returns_a_list_of_ours_as_it_is() -> None:
    items = ListSignal([1])
    assert keyed(items) is items


def test_computed_over_a_derived_list_follows_it() -> None:
    items = ListSignal([1, 2])
    total = computed(lambda: sum(items.map(lambda n: n * n)))
    assert total() == 5
    items.append(3)
    assert total() == 14


def test_interrupt_in_a_function_leaves_the_list_to_be_made_right_by_the_next_read() -> None:
    items, factor, interrupt = ListSignal([1, 2, 3]), signal(2), [False]

    def scaled(n: int) -> int:
        if interrupt[0] and n != 1:
            raise KeyboardInterrupt
        return n * factor()

    mapped = items.map(scaled)
    copy = Copy(mapped)
    interrupt[0] = True
    with pytest.raises(KeyboardInterrupt):
        factor.set(3)
    interrupt[0] = False
    factor.set(4)
    assert mapped == [4, 8, 12]
    assert copy.rows == [4, 8, 12]
    items.append(5)
    assert copy.rows == [4, 8, 12, 20]
    copy.stop()


def test_chain_of_hundreds_of_derived_lists_is_as_deep_as_computeds_may_be() -> None:
    items, step = ListSignal([1]), signal(1)
    chain: Keyed[int] = items
    for _ in range(600):
        chain = chain.map(lambda n: n + step())
    assert chain == [601]
    items.append(2)
    step.set(2)
    assert chain == [1201, 1202]
