"""What type checkers say of signals. Never run: tests/signals/test_typing.py hands it to them.

A line that ends in `# wrong` has to be an error to each checker, every other line to none.
"""

from __future__ import annotations

from typing import Literal, assert_type

from eddyline.signals import (
    Clock,
    Computed,
    Effect,
    EntryPatch,
    Group,
    Keyed,
    Linked,
    ListSignal,
    ListSource,
    ListStore,
    ManualClock,
    MapSignal,
    MapStore,
    Patch,
    Readable,
    Resource,
    SetSignal,
    Signal,
    Timed,
    Watch,
    batch,
    computed,
    debounced,
    each_turn,
    effect,
    history,
    keyed,
    linked,
    resource,
    selector,
    signal,
    store,
    throttled,
    until,
    untracked,
    watch,
)

count = signal(0)
name = signal("Ada", "name")
maybe: Signal[str | None] = signal(None)

assert_type(count, Signal[int])
assert_type(count(), int)
assert_type(count.value, int)
assert_type(name.peek(), str)
assert_type(signal([1, 2]), Signal[list[int]])
count.set(1)
count.value = 2
count.update(lambda n: n + 1)
maybe.set("x")
count.set("x")  # wrong
count.value = "x"  # wrong
count.update(lambda n: str(n))  # wrong
count.sett(1)  # wrong
signal()  # wrong
signal(1, equals=3)  # wrong

double = computed(lambda: count() * 2)
label = computed(lambda: f"{name()} {double()}", "label", equals=lambda a, b: a == b)
assert_type(double, Computed[int])
assert_type(double(), int)
assert_type(label.value, str)
assert_type(computed(count.get)(), int)
assert_type(computed(lambda: maybe() or None)(), str | None)


@computed
def shout() -> str:
    return name().upper()


@computed(name="half")
def half() -> float:
    return count() / 2


assert_type(shout, Computed[str])
assert_type(half(), float)
double.set(3)  # wrong
double.value = 3  # wrong
computed(3)  # wrong
computed(lambda n: n)  # wrong
name() + double()  # wrong
shout() + 1  # wrong


@effect
def log() -> None:
    half()


@effect(schedule=each_turn())
def later() -> None:
    half()


assert_type(log, Effect)
assert_type(later, Effect)
assert_type(effect(lambda: name.set(str(count()))), Effect)
effect()()  # wrong
effect(3)  # wrong
effect(lambda n: n)  # wrong
effect(log.close, schedule=3)  # wrong
effect(count.get, each=1)  # wrong

readable: Readable[int] = count
also: Readable[int] = double
wider: Readable[object] = count
not_that: Readable[str] = count  # wrong
assert_type(untracked(lambda: count()), int)
assert_type(untracked(name), str)
untracked(3)  # wrong


@batch()
def both(n: int) -> str:
    count.set(n)
    return "done"


assert_type(both(3), str)
both("x")  # wrong

clock: Clock = ManualClock()
assert_type(debounced(name, 0.2), Timed[str])
assert_type(debounced(lambda: count() > 3, 0.2, clock=clock)(), bool)
assert_type(throttled(double, 1, trailing=False).value, int)
timed: Readable[str] = debounced(name, 1)
debounced(3, 1)  # wrong
debounced(name)  # wrong
debounced(name, "1")  # wrong
debounced(name, 1, clock=3)  # wrong
debounced(name, 1).set("x")  # wrong


async def fetch_all() -> list[str]:
    return []


async def fetch_one(key: int) -> str:
    return str(key)


def not_async(key: int) -> str:
    return str(key)


assert_type(resource(fetch_all), Resource[list[str]])
assert_type(resource(fetch_one, count), Resource[str])
assert_type(resource(fetch_one, source=double).value, str | None)
assert_type(resource(fetch_one, lambda: count() or None).status, Literal["pending", "ready", "refreshing", "failed"])
assert_type(resource(fetch_one, count, initial="", retry=3, backoff=lambda n: n * 0.5).error, Exception | None)
found: Readable[str | None] = resource(fetch_one, count)
resource(fetch_one)  # wrong
resource(fetch_one, name)  # wrong
resource(fetch_all, count)  # wrong
resource(not_async, count)  # wrong
resource(fetch_one, 3)  # wrong
resource(fetch_one, count, initial=3).value + 1  # wrong
resource(fetch_one, count).status == "redy" and resource(fetch_one, count).sttaus  # wrong


async def waiting() -> None:
    async for value in watch(count):
        assert_type(value, int)
    assert_type(watch(lambda: name()), Watch[str])
    assert_type(await anext(watch(double)), int)
    assert_type(await until(maybe), str)
    assert_type(await until(lambda: count() > 3, timeout=1), bool)
    assert_type(await resource(fetch_one, count).ready(), str)
    watch(3)  # wrong
    await until(3)  # wrong
    await until(count, timeout="1")  # wrong
    for _ in watch(count):  # wrong
        pass


# -- collections

words = ListSignal(["a"])
assert_type(words, ListSignal[str])
assert_type(words[0], str)
assert_type(words[0:1], list[str])
assert_type(words.rows(), tuple[str, ...])
assert_type(words.pop(), str)
words.append(3)  # wrong
words.sort(key=len)
lengths = words.map(len)
assert_type(lengths.rows(), tuple[int, ...])
assert_type(words.filter(bool).rows(), tuple[str, ...])
assert_type(words.sorted(key=len, reverse=True)[0], str)
assert_type(words.group(len)[0].key, int)
assert_type(words.group(len)[0].rows(), tuple[str, ...])
lengths.append(3)  # wrong
words.map(len).map(str.upper)  # wrong


def patched(patches: tuple[Patch, ...]) -> None: ...


def put(patches: tuple[EntryPatch, ...]) -> None: ...


words.subscribe(patched)
words.subscribe(put)  # wrong
lengths.subscribe(lambda patches: assert_type(patches, tuple[Patch, ...]))
any_list: ListSource[str] = words
readable_words: Readable[tuple[str, ...]] = words
assert_type(keyed(any_list), Keyed[str])
assert_type(keyed(any_list).map(len).rows(), tuple[int, ...])

prices = MapSignal({"tea": 3})
assert_type(prices["tea"], int)
assert_type(prices.get("tea"), int | None)
assert_type(prices.get("tea", "none"), int | str)
assert_type(prices.get(), dict[str, int])
assert_type(prices.pop("tea"), int)
prices["tea"] = "x"  # wrong
prices.subscribe(put)
prices.subscribe(patched)  # wrong

chosen = SetSignal({1})
assert_type(chosen.get(), frozenset[int])
chosen.add("x")  # wrong

assert_type(linked(lambda: words[0]), Linked[str])
page = linked(lambda: words[0], len)
assert_type(page(), int)
page.set("x")  # wrong
steps = history(page)
assert_type(steps.can_undo(), bool)
history(words).undo()
history(computed(lambda: 1))  # wrong
is_first = selector(page)
assert_type(is_first(1), bool)
is_first("x")  # wrong
assert_type(store({"a": 1}), MapStore)
assert_type(store([1]), ListStore)
store(3)  # wrong
group_of_words: Group[str, int] = words.group(len)[0]
