"""`ListSignal`: a list in what it does, patches in what it tells."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.signals import (
    DuplicateKeyError,
    Insert,
    Keyed,
    ListSignal,
    Move,
    Patch,
    Remove,
    Reset,
    Scope,
    Update,
    apply_patches,
    batch,
    computed,
    effect,
    signal,
    untracked,
)

Op = tuple[str, Any, Any]
INTS = st.integers(-3, 12)
PLACES = st.integers(-14, 14)
SLICES = st.slices(14)
OPS: st.SearchStrategy[Op] = st.one_of(
    st.tuples(st.just("append"), INTS, st.none()),
    st.tuples(st.just("extend"), st.lists(INTS, max_size=12), st.none()),
    st.tuples(st.just("insert"), PLACES, INTS),
    st.tuples(st.just("pop"), PLACES, st.none()),
    st.tuples(st.just("remove"), INTS, st.none()),
    st.tuples(st.just("clear"), st.none(), st.none()),
    st.tuples(st.just("set_item"), PLACES, INTS),
    st.tuples(st.just("set_slice"), SLICES, st.lists(INTS, max_size=12)),
    st.tuples(st.just("del_item"), PLACES, st.none()),
    st.tuples(st.just("del_slice"), SLICES, st.none()),
    st.tuples(st.just("sort"), st.booleans(), st.none()),
    st.tuples(st.just("reverse"), st.none(), st.none()),
    st.tuples(st.just("move"), PLACES, PLACES),
    st.tuples(st.just("set"), st.lists(INTS, max_size=12), st.none()),
    st.tuples(st.just("iadd"), st.lists(INTS, max_size=3), st.none()),
)


def do(items: Any, op: Op) -> object:
    """Do `op` to a list or a ListSignal; return what it gives or which error it raises."""
    kind, a, b = op
    try:
        match kind:
            case "append" | "extend" | "pop" | "remove":
                return getattr(items, kind)(a)
            case "insert":
                return items.insert(a, b)
            case "clear" | "reverse":
                return getattr(items, kind)()
            case "set_item" | "set_slice":
                items[a] = b
            case "del_item" | "del_slice":
                del items[a]
            case "sort":
                return items.sort(key=lambda n: n % 5, reverse=a)
            case "iadd":
                items += a
            case "set":
                items[:] = a
            case "move":
                if isinstance(items, ListSignal):
                    items.move(a, b)
                    return None
                size = len(items)
                if not (-size <= a < size and -size <= b < size):
                    raise IndexError
                items.insert(b % size, items.pop(a))
    except (IndexError, ValueError) as error:
        return type(error)
    return None


class Copy:
    """A plain list kept by patches alone."""

    def __init__(self, source: Any) -> None:
        self.rows: list[Any] = []
        self.keys: list[Hashable] = []
        self.told: list[tuple[Patch, ...]] = []
        self.stop: Callable[[], None] = source.subscribe(self.take)

    def take(self, patches: Iterable[Patch]) -> None:
        self.told.append(tuple(patches))
        apply_patches(patches, self.rows, self.keys)


@given(start=st.lists(INTS, max_size=12), batches=st.lists(st.lists(OPS, max_size=4), max_size=6))
@settings(deadline=None)
def test_any_writes_do_what_a_list_does_and_the_patches_give_the_same_list(
    start: list[int], batches: list[list[Op]]
) -> None:
    items, plain = ListSignal(start), list(start)
    copy = Copy(items)
    for ops in batches:
        with batch():
            for op in ops:
                assert do(items, op) == do(plain, op)
                assert [items.peek(), items.rows(), len(items)] == [tuple(plain), tuple(plain), len(plain)]
        assert copy.rows == plain
        assert copy.keys == items.keys()
        assert len(set(copy.keys)) == len(plain)
    copy.stop()


@given(start=st.lists(INTS, unique=True), batches=st.lists(st.lists(OPS, max_size=3), max_size=5))
@settings(deadline=None)
def test_with_a_key_of_the_item_a_write_that_would_double_one_changes_nothing(
    start: list[int], batches: list[list[Op]]
) -> None:
    items, plain = ListSignal(start, key=lambda n: n), list(start)
    copy = Copy(items)
    for ops in batches:
        for op in ops:
            after = list(plain)
            outcome = do(after, op)
            if len(set(after)) == len(after):
                assert do(items, op) == outcome
                plain = after
            else:
                assert do(items, op) is DuplicateKeyError
            assert list(items) == plain == items.keys() == copy.rows == copy.keys
    copy.stop()


@given(start=st.lists(INTS, max_size=8), ops=st.lists(OPS, max_size=5))
@settings(deadline=None)
def test_whoever_reads_an_index_runs_exactly_when_what_stands_there_changes(start: list[int], ops: list[Op]) -> None:
    items = ListSignal(start)
    seen: dict[int, list[object]] = {-1: [], 0: [], 3: []}

    def at(index: int) -> object:
        return items[index] if -len(items.peek()) <= index < len(items.peek()) else follow_nothing(index)

    def follow_nothing(index: int) -> object:
        with pytest.raises(IndexError):
            items[index]
        return None

    effects = [effect(lambda i=i: seen[i].append(at(i))) for i in seen]  # type: ignore[misc]  # i=i: the loop's own
    for op in ops:
        before = {i: seen[i][-1] for i in seen}
        runs = {i: len(seen[i]) for i in seen}
        do(items, op)
        for i, values in seen.items():
            assert values[-1] == untracked(lambda i=i: at(i))  # type: ignore[misc]  # as above
            if before[i] == values[-1]:
                assert len(values) - runs[i] <= 1  # the same number may be another item
    for each in effects:
        each.close()


def told_by(items: Keyed[Any], write: Callable[[], object]) -> list[tuple[Patch, ...]]:
    """What a subscriber hears of `write`."""
    told: list[tuple[Patch, ...]] = []
    stop = items.subscribe(told.append)
    write()
    stop()
    return told[1:]


def test_subscribe_begins_with_a_reset() -> None:
    items = ListSignal("ab")
    told: list[tuple[Patch, ...]] = []
    items.subscribe(told.append)()
    assert told == [(Reset(["a", "b"], [0, 1]),)]


def test_each_write_is_told_as_a_tuple_of_patches() -> None:
    items = ListSignal("abc")
    assert told_by(items, lambda: items.append("d")) == [(Insert(3, "d", 3),)]
    assert told_by(items, lambda: items.__setitem__(0, "A")) == [(Update(0, "A", (), 0),)]
    assert told_by(items, lambda: items.pop(1)) == [(Remove(1, 1),)]
    assert told_by(items, lambda: items.move(2, 0)) == [(Move(2, 0, 3),)]
    assert items == ["d", "A", "c"]


def test_writes_of_a_batch_are_told_together_in_order() -> None:
    items = ListSignal("ab")

    def write() -> None:
        with batch():
            items.append("c")
            items.remove("a")

    assert told_by(items, write) == [(Insert(2, "c", 2), Remove(0, 0))]


def test_batch_that_fails_is_told_what_was_written_before() -> None:
    items = ListSignal("a")

    def write() -> None:
        with pytest.raises(ZeroDivisionError), batch():
            items.append("b")
            raise ZeroDivisionError

    assert told_by(items, write) == [(Insert(1, "b", 1),)]


def test_write_that_changes_nothing_tells_nobody() -> None:
    items = ListSignal([1, float("nan")])

    def write() -> None:
        items[0] = 1
        items[1] = float("nan")
        items.extend([])
        items.set([1, float("nan")])
        items.sort(key=lambda _: 0)
        items.move(1, 1)
        items[1:1] = []

    assert told_by(items, write) == []


def test_set_keeps_equal_items_and_writes_the_fewest_patches() -> None:
    items = ListSignal(["a", "b", "b", "c"])
    assert told_by(items, lambda: items.set(["b", "x", "c", "b"])) == [(Remove(0, 0), Insert(1, "x", 4), Move(3, 2, 3))]


def test_set_with_key_updates_the_item_of_the_same_key() -> None:
    items = ListSignal([(1, "a"), (2, "b"), (3, "c")], key=lambda row: row[0])
    assert told_by(items, lambda: items.set([(3, "c"), (1, "a"), (2, "B")])) == [
        (Move(2, 0, 3), Update(2, (2, "B"), (), 2))
    ]


def test_set_matches_items_that_cannot_be_hashed_by_who_they_are() -> None:
    a, b = {"n": 1}, {"n": 2}
    items = ListSignal([a, b])
    assert told_by(items, lambda: items.set([b, a])) == [(Move(1, 0, 1),)]


def test_write_that_touches_most_of_a_long_list_is_one_reset() -> None:
    items = ListSignal(range(3))
    assert told_by(items, lambda: items.extend(range(3, 30))) == [(Reset(list(range(30)), list(range(30))),)]


def test_subscriber_that_a_long_batch_leaves_far_behind_gets_one_reset() -> None:
    items = ListSignal[int]()
    told: list[tuple[Patch, ...]] = []
    stop = items.subscribe(told.append)
    with batch():
        for n in range(500):
            items.append(n)
    assert told[1:] == [(Reset(list(range(500)), list(range(500))),)]
    stop()


def test_update_takes_what_the_function_returns_or_made_of_its_copy() -> None:
    items = ListSignal([3, 1])
    items.update(lambda plain: [*plain, 2])
    items.update(lambda plain: plain.sort())
    assert items == [1, 2, 3]
    items.value = (9,)
    assert items.value == (9,)


def test_write_that_raises_changes_nothing_and_tells_nobody() -> None:
    items = ListSignal(["b", "a"])

    def write() -> None:
        for wrong in (
            lambda: items.remove("x"),
            lambda: items.pop(7),
            lambda: items.__setitem__(5, "x"),
            lambda: items.__delitem__(5),
            lambda: items.__setitem__(slice(None, None, 2), []),
            lambda: items.sort(key=lambda item: 1 if item == "a" else "z"),
            lambda: items.move(0, 2),
        ):
            with pytest.raises((ValueError, IndexError, TypeError)):
                wrong()

    assert told_by(items, write) == []
    assert items == ["b", "a"]


def test_double_key_names_it_and_leaves_the_list_alone() -> None:
    items = ListSignal(["a", "bb"], key=len)
    with pytest.raises(DuplicateKeyError, match="two items have the key 2; a key names one item of its list") as raised:
        items.append("xx")
    assert [raised.value.key, items.peek()] == [2, ("a", "bb")]
    with pytest.raises(DuplicateKeyError):
        ListSignal(["a", "b"], key=len)


def test_subscriber_that_raises_raises_to_the_writer_and_hears_of_the_next_write() -> None:
    items = ListSignal([1])
    told: list[tuple[Patch, ...]] = []

    def tell(patches: tuple[Patch, ...]) -> None:
        told.append(patches)
        if len(told) == 2:
            raise ZeroDivisionError

    stop = items.subscribe(tell)
    with pytest.raises(ZeroDivisionError):
        items.append(2)
    items.append(3)
    assert told[1:] == [(Insert(1, 2, 1),), (Insert(2, 3, 2),)]
    stop()


def test_what_a_subscriber_reads_is_not_followed() -> None:
    items, other, calls = ListSignal([1]), signal(0), []
    stop = items.subscribe(lambda patches: calls.append(other()))
    other.set(5)
    assert calls == [0]
    stop()


def test_what_a_subscriber_makes_lives_on_until_its_scope_ends() -> None:
    items, other, runs = ListSignal([1]), signal(0), []
    with Scope("screen"):
        items.subscribe(lambda patches: effect(lambda: runs.append(other())))
        items.append(2)
        other.set(1)
        assert runs == [0, 0, 1, 1]
    other.set(2)
    items.append(3)
    assert runs == [0, 0, 1, 1]


def test_subscription_ends_with_the_scope_and_with_what_subscribe_returns() -> None:
    items = ListSignal([1])
    told: list[tuple[Patch, ...]] = []
    with Scope("screen"):
        items.subscribe(told.append)
    stop = items.subscribe(told.append)
    stop()
    stop()
    items.append(2)
    assert len(told) == 2


READS: list[Callable[[ListSignal[int]], object]] = [
    lambda items: items.rows(),
    lambda items: items(),
    lambda items: items.get(),
    lambda items: items.value,
    lambda items: list(items),
    lambda items: list(reversed(items)),
    lambda items: 2 in items,
    lambda items: items.index(1),
    lambda items: items.count(2),
    lambda items: items.copy(),
    lambda items: items[0:2],
    lambda items: items == [1, 2],
    lambda items: items == (1, 2),
]


@pytest.mark.parametrize("read", READS)
def test_reads_of_the_whole_follow_every_change(read: Callable[[ListSignal[int]], object]) -> None:
    items, runs = ListSignal([1, 2]), []
    seen = effect(lambda: runs.append(read(items)))
    items[1] = 3
    assert len(runs) == 2
    seen.close()


def test_len_follows_the_length_alone() -> None:
    items, seen = ListSignal([1, 2]), []
    log = effect(lambda: seen.append(len(items)))
    items[0] = 5
    items.reverse()
    items.append(3)
    items.clear()
    assert seen == [2, 3, 0]
    log.close()


def test_index_follows_what_stands_there_alone() -> None:
    items, seen = ListSignal(["a", "b"]), []
    log = effect(lambda: seen.append(items[0]))
    items.append("c")
    items[1] = "B"
    items.insert(0, "z")
    del items[0]
    assert seen == ["a", "z", "a"]
    log.close()


def test_peek_keys_and_repr_are_not_followed() -> None:
    items, runs = ListSignal([1], name="numbers"), []
    log = effect(lambda: runs.append((items.peek(), items.keys(), repr(items))))
    items.append(2)
    assert runs == [((1,), [0], "<ListSignal numbers: [1]>")]
    assert repr(ListSignal(range(30))) == "<ListSignal: 30 rows>"
    log.close()


def test_computed_over_a_list_is_up_to_date_inside_a_batch() -> None:
    items = ListSignal([1, 2])
    total = computed(lambda: sum(items))
    assert total() == 3
    with batch():
        items.append(4)
        assert total() == 7


def test_rows_are_the_same_tuple_until_the_next_change() -> None:
    items = ListSignal([1])
    before = items.rows()
    assert items.rows() is before
    items.append(2)
    assert before == (1,)


def test_write_of_another_thread_is_posted_to_the_loop_and_pop_there_is_refused() -> None:
    async def main() -> list[object]:
        items = ListSignal([1])
        copy = Copy(items)
        refused: list[str] = []

        def elsewhere() -> None:
            items.append(2)
            items[0] = 0
            items.move(0, 1)
            items.sort()
            try:
                items.pop()
            except RuntimeError as error:
                refused.append(str(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        while thread.is_alive():
            thread.join()
        before = items.peek()
        await asyncio.sleep(0)
        copy.stop()
        return [before, items.peek(), copy.rows, len(copy.told), refused[0].split(",")[0]]

    assert asyncio.run(main()) == [(1,), (0, 2), [0, 2], 5, "pop() gives an item back"]


def test_list_is_collected_with_its_readers_and_keeps_no_log_when_they_are_gone() -> None:
    items = ListSignal([1, 2])
    items.subscribe(lambda patches: None)()
    for n in range(200):
        items.append(n)
    assert items._log is None
    first = computed(partial(items.__getitem__, 0))
    first()
    del first
    assert not items._at
    gone = weakref.ref(items)
    del items
    gc.collect()
    assert gone() is None
