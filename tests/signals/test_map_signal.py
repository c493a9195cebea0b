"""`MapSignal`: a dict in what it does, followed key by key, patches in what it tells."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.signals import (
    Drop,
    EntryPatch,
    MapSignal,
    Put,
    Reset,
    apply_entries,
    batch,
    computed,
    effect,
    untracked,
)

KEYS = st.sampled_from("abcd")
VALUES = st.integers(0, 3)
DICTS = st.dictionaries(KEYS, VALUES)
Op = tuple[str, Any, Any]
OPS: st.SearchStrategy[Op] = st.one_of(
    st.tuples(st.just("put"), KEYS, VALUES),
    st.tuples(st.just("del"), KEYS, st.none()),
    st.tuples(st.just("pop"), KEYS, st.sampled_from([(), (9,)])),
    st.tuples(st.just("popitem"), st.none(), st.none()),
    st.tuples(st.just("setdefault"), KEYS, VALUES),
    st.tuples(st.just("update"), DICTS, st.none()),
    st.tuples(st.just("ior"), DICTS, st.none()),
    st.tuples(st.just("clear"), st.none(), st.none()),
    st.tuples(st.just("set"), DICTS, st.none()),
)


def do(target: Any, op: Op) -> object:
    """Do `op` to a dict or a MapSignal; return what it gives or which error it raises."""
    kind, a, b = op
    try:
        match kind:
            case "put":
                target[a] = b
            case "del":
                del target[a]
            case "pop":
                return target.pop(a, *b)
            case "popitem":
                return target.popitem()
            case "setdefault":
                return target.setdefault(a, b)
            case "update":
                target.update(a)
            case "ior":
                target |= a
            case "clear":
                target.clear()
            case "set" if isinstance(target, MapSignal):
                target.set(a)
            case "set":
                target.clear()
                target.update(a)
    except KeyError as error:
        return type(error)
    return None


@given(start=DICTS, batches=st.lists(st.lists(OPS, max_size=4), max_size=6))
@settings(deadline=None)
def test_any_writes_do_what_a_dict_does_and_the_patches_give_the_same_dict(
    start: dict[str, int], batches: list[list[Op]]
) -> None:
    prices, plain = MapSignal(start), dict(start)
    copy: dict[str, int] = {}
    stop = prices.subscribe(lambda patches: apply_entries(patches, copy))
    for ops in batches:
        with batch():
            for op in ops:
                assert do(prices, op) == do(plain, op)
                assert list(prices.items()) == list(plain.items())
        assert list(copy.items()) == list(plain.items())
        assert [list(prices), len(prices), prices.peek(), prices()] == [list(plain), len(plain), plain, plain]
    stop()


@given(start=DICTS, ops=st.lists(OPS, max_size=8))
@settings(deadline=None)
def test_each_reader_runs_exactly_when_what_it_reads_has_changed(start: dict[str, int], ops: list[Op]) -> None:
    prices = MapSignal(start)
    readers: dict[str, Callable[[], object]] = {
        "value": lambda: prices.get("a"),
        "presence": lambda: "a" in prices,
        "keys": lambda: list(prices),
        "whole": lambda: list(prices.items()),
    }
    seen: dict[str, list[object]] = {name: [] for name in readers}

    def note(name: str) -> None:
        seen[name].append(readers[name]())

    effects = [effect(partial(note, name)) for name in readers]
    for op in ops:
        before = {name: values[-1] for name, values in seen.items()}
        runs = {name: len(values) for name, values in seen.items()}
        do(prices, op)
        for name, values in seen.items():
            now = untracked(readers[name])
            assert values[-1] == now
            assert len(values) - runs[name] == (now != before[name])
    for each in effects:
        each.close()


def told_by(prices: MapSignal[str, int], write: Callable[[], object]) -> list[tuple[EntryPatch, ...]]:
    told: list[tuple[EntryPatch, ...]] = []
    stop = prices.subscribe(told.append)
    write()
    stop()
    return told[1:]


def test_subscribe_begins_with_a_reset() -> None:
    told: list[tuple[EntryPatch, ...]] = []
    MapSignal({"a": 1, "b": 2}).subscribe(told.append)()
    assert told == [(Reset([1, 2], ["a", "b"]),)]


def test_writes_are_told_as_put_and_drop_and_a_batch_at_once() -> None:
    prices = MapSignal({"a": 1})

    def write() -> None:
        prices["a"] = 2
        with batch():
            prices["b"] = 3
            del prices["a"]
        prices.update(b=3, c=4)

    assert told_by(prices, write) == [(Put("a", 2),), (Put("b", 3), Drop("a")), (Put("c", 4),)]


def test_set_drops_what_is_gone_and_puts_what_differs_and_resets_if_the_order_does() -> None:
    prices = MapSignal({"a": 1, "b": 2, "c": 3})
    assert told_by(prices, lambda: prices.set({"b": 2, "c": 4, "d": 5})) == [(Drop("a"), Put("c", 4), Put("d", 5))]
    assert told_by(prices, lambda: prices.set({"c": 4, "b": 2})) == [(Reset([4, 2], ["c", "b"]),)]


def test_write_that_changes_nothing_tells_nobody() -> None:
    prices = MapSignal({"a": 1})

    def write() -> None:
        prices["a"] = 1
        prices.update({"a": 1})
        prices.set({"a": 1})
        prices.setdefault("a", 5)
        assert prices.pop("z", 0) == 0

    assert told_by(prices, write) == []


def test_reader_of_a_missing_key_runs_when_it_comes() -> None:
    prices = MapSignal[str, int]()
    tea = computed(lambda: prices["tea"])
    with pytest.raises(KeyError):
        tea()
    prices["milk"] = 2
    prices["tea"] = 3
    assert tea() == 3


def test_equality_values_and_the_plain_copy_follow_the_whole() -> None:
    prices = MapSignal({"a": 1})
    same, total = computed(lambda: prices == {"a": 1}), computed(lambda: sum(prices.values()))
    assert [same(), total(), prices.get(), prices.value] == [True, 1, {"a": 1}, {"a": 1}]
    prices["b"] = 2
    assert [same(), total()] == [False, 3]
    prices.value = {"a": 1}
    assert same()


def test_plain_copy_may_be_changed_freely() -> None:
    prices = MapSignal({"a": 1})
    prices().clear()
    prices.peek().clear()
    assert prices == {"a": 1}
    assert repr(prices) == "<MapSignal: {'a': 1}>"


def test_keys_that_nobody_follows_any_more_leave_nothing() -> None:
    prices = MapSignal[int, int]()
    for key in range(100):
        log = effect(lambda key=key: prices.get(key, 0) or key in prices)  # type: ignore[misc]  # the loop's own
        log.close()
    del log
    gc.collect()
    assert [len(prices._values or ()), len(prices._presence or ())] == [0, 0]


def test_write_of_another_thread_is_posted_and_what_gives_something_back_is_refused() -> None:
    async def main() -> list[object]:
        prices = MapSignal({"a": 1})
        log = effect(prices.get)
        refused: list[str] = []

        def elsewhere() -> None:
            prices["b"] = 2
            del prices["a"]
            for give in (lambda: prices.pop("b"), prices.popitem, lambda: prices.setdefault("c", 1)):
                with pytest.raises(RuntimeError) as raised:
                    give()
                refused.append(str(raised.value).split(" gives")[0])

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        before = prices.peek()
        await asyncio.sleep(0)
        log.close()
        return [before, prices.peek(), refused]

    assert asyncio.run(main()) == [{"a": 1}, {"b": 2}, ["pop()", "popitem()", "setdefault()"]]
