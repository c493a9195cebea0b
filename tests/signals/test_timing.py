"""Debounced and throttled signals, on a clock that stands still until it is told to go on."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from weakref import ref

import pytest

from eddyline.signals import (
    Clock,
    ManualClock,
    Scope,
    Timer,
    batch,
    computed,
    debounced,
    effect,
    signal,
    throttled,
    until,
)


@pytest.fixture(autouse=True)
def scope() -> Iterator[Scope]:
    with Scope() as scope:
        yield scope


def log_of(source: Callable[[], object]) -> list[object]:
    seen: list[object] = []
    effect(lambda: seen.append(source()))
    return seen


def test_debounced_takes_the_value_when_it_has_rested_so_long() -> None:
    clock, text = ManualClock(), signal("")
    asked = log_of(debounced(text, 0.25, clock=clock))
    text.set("a")
    clock.advance(0.125)
    text.set("ab")
    clock.advance(0.125)
    assert asked == [""]
    clock.advance(0.125)
    assert asked == ["", "ab"]


def test_debounced_begins_with_the_present_value() -> None:
    assert debounced(signal(3), 1, clock=ManualClock())() == 3


def test_debounced_change_that_is_taken_back_tells_nobody() -> None:
    clock, text = ManualClock(), signal("a")
    asked = log_of(debounced(text, 1, clock=clock))
    text.set("b")
    text.set("a")
    clock.advance(5)
    assert asked == ["a"]


def test_debounced_waits_with_one_timer_at_a_time() -> None:
    clock, text = ManualClock(), signal(0)
    debounced(text, 1, clock=clock)
    for n in range(1, 50):
        text.set(n)
    assert clock.waiting == 1


def test_batch_counts_as_one_change_for_debounced() -> None:
    clock, a, b = ManualClock(), signal(1), signal(2)
    total = debounced(lambda: a() + b(), 1, clock=clock)
    with batch():
        a.set(10)
        b.set(20)
    clock.advance(1)
    assert total() == 30


def test_debounced_of_a_function_is_not_woken_by_a_change_that_leaves_its_value() -> None:
    clock, n = ManualClock(), signal(1)
    debounced(lambda: n() > 0, 1, clock=clock)
    n.set(2)
    assert clock.waiting == 0


def test_flush_takes_the_newest_now_and_its_time_passes_unnoticed() -> None:
    clock, text = ManualClock(), signal("")
    late = debounced(text, 1, clock=clock)
    asked = log_of(late)
    text.set("a")
    assert late.waiting
    late.flush()
    late.flush()
    assert [asked, late.waiting, clock.waiting] == [["", "a"], False, 0]


def test_error_of_the_source_waits_like_a_value_and_is_raised_to_readers() -> None:
    clock, n = ManualClock(), signal(1)
    late = debounced(lambda: 1 / n(), 1, clock=clock)
    n.set(0)
    assert late() == 1
    clock.advance(1)
    for read in (late, late.get, late.peek, lambda: late.value):
        with pytest.raises(ZeroDivisionError):
            read()
    n.set(4)
    clock.advance(1)
    assert late() == 0.25


def test_computed_may_read_debounced() -> None:
    clock, n = ManualClock(), signal(1)
    late = debounced(n, 1, clock=clock)
    double = computed(lambda: late() * 2)
    assert double() == 2
    n.set(5)
    assert double() == 2
    clock.advance(1)
    assert double() == 10


def test_close_drops_the_timer_and_what_waited_and_the_value_stays() -> None:
    clock, text = ManualClock(), signal("a")
    late = debounced(text, 1, clock=clock)
    text.set("b")
    late.close()
    late.close()
    clock.advance(2)
    assert [late(), late.closed, clock.waiting, text.watched] == ["a", True, 0, False]


def test_scope_ends_what_was_debounced_in_it() -> None:
    clock, text = ManualClock(), signal("a")
    with Scope():
        debounced(text, 1, clock=clock)
        throttled(text, 1, clock=clock)
        text.set("b")
    assert [clock.waiting, text.watched] == [0, False]


def test_debounced_is_a_context_manager() -> None:
    text = signal("a")
    with debounced(text, 1, clock=ManualClock()) as late:
        assert not late.closed
    assert late.closed


def test_effect_that_makes_a_debounced_closes_it_before_its_next_run() -> None:
    clock, n, text = ManualClock(), signal(1), signal("a")
    made = []

    def body() -> None:
        n()
        made.append(debounced(text, 1, clock=clock))

    effect(body)
    n.set(2)
    assert [late.closed for late in made] == [True, False]


def test_throttled_takes_the_first_change_at_once_and_the_newest_at_the_end_of_the_time() -> None:
    clock, place = ManualClock(), signal(0)
    seen = log_of(throttled(place, 1, clock=clock))
    for n in (1, 2, 3):
        place.set(n)
    assert seen == [0, 1]
    clock.advance(1)
    assert seen == [0, 1, 3]


def test_throttled_never_takes_two_values_within_the_time() -> None:
    clock, place, taken = ManualClock(), signal(0), []
    thin = throttled(place, 1, clock=clock)
    effect(lambda: taken.append((clock.time(), thin())))
    for n in range(1, 13):
        clock.advance(0.25)
        place.set(n)
    clock.advance(3)
    assert taken == [(0.0, 0), (0.25, 1), (1.25, 4), (2.25, 8), (3.25, 12)]


def test_throttled_is_at_rest_after_a_quiet_time() -> None:
    clock, place = ManualClock(), signal(0)
    seen = log_of(throttled(place, 1, clock=clock))
    place.set(1)
    clock.advance(1)
    assert clock.waiting == 0
    place.set(2)
    assert seen == [0, 1, 2]


def test_throttled_without_leading_waits_for_the_end_of_the_time() -> None:
    clock, place = ManualClock(), signal(0)
    seen = log_of(throttled(place, 1, leading=False, clock=clock))
    place.set(1)
    clock.advance(0.5)
    place.set(2)
    assert seen == [0]
    clock.advance(0.5)
    assert seen == [0, 2]


def test_throttled_without_trailing_drops_changes_within_the_time() -> None:
    clock, place = ManualClock(), signal(0)
    seen = log_of(throttled(place, 1, trailing=False, clock=clock))
    place.set(1)
    place.set(2)
    clock.advance(1)
    assert [seen, clock.waiting] == [[0, 1], 0]
    place.set(3)
    assert seen == [0, 1, 3]


def test_throttled_with_neither_edge_is_refused() -> None:
    with pytest.raises(ValueError, match="leading or trailing"):
        throttled(signal(0), 1, leading=False, trailing=False, clock=ManualClock())


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_time_that_is_negative_or_no_number_is_refused_and_leaves_nothing(seconds: float) -> None:
    source = signal(0)
    with pytest.raises(ValueError, match="seconds must be 0 or more"):
        debounced(source, seconds, clock=ManualClock())
    assert not source.watched


def test_source_that_is_a_plain_value_is_refused() -> None:
    with pytest.raises(TypeError, match="a signal, a computed or a function that reads some is needed, not 3"):
        debounced(3, 1, clock=ManualClock())  # type: ignore[arg-type]  # the claim


def test_without_a_running_loop_and_a_clock_the_error_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"debounced\(text\) needs a running asyncio loop .* or give clock="):
        debounced(signal("", "text"), 1)


async def test_clock_is_the_running_loop_unless_given() -> None:
    text = signal("a")
    late = debounced(text, 0)
    text.set("b")
    assert late() == "a"
    assert await until(lambda: late() == "b")


def test_write_after_the_loop_is_closed_says_so_to_the_writer() -> None:
    text = signal("a", "text")

    async def main() -> None:
        debounced(text, 1)

    asyncio.run(main())
    with pytest.raises(RuntimeError, match=r"debounced\(text\) can't wait any more \(Event loop is closed\)"):
        text.set("b")


def test_any_object_with_time_and_call_later_is_a_clock() -> None:
    calls: list[tuple[float, Callable[[], object]]] = []

    class Mine:
        def time(self) -> float:
            return 0.0

        def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
            calls.append((delay, callback))
            return ManualClock().call_later(1, callback)

    clock: Clock = Mine()
    text = signal("a")
    late = debounced(text, 2.5, clock=clock)
    text.set("b")
    ((delay, ring),) = calls
    ring()
    assert [delay, late()] == [2.5, "b"]


def test_debounced_that_is_closed_can_be_collected_with_its_source() -> None:
    text = signal("a")
    late = debounced(text, 1, clock=ManualClock())
    late.close()
    gone = ref(late), ref(text)
    del late, text
    gc.collect()
    assert [each() for each in gone] == [None, None]


def test_clock_calls_in_the_order_in_which_they_are_due() -> None:
    clock = ManualClock()
    seen: list[object] = []
    clock.call_later(2, lambda: seen.append((clock.time(), "two")))
    clock.call_later(1, lambda: clock.call_later(0.5, lambda: seen.append((clock.time(), "inner"))))
    clock.call_later(2, lambda: seen.append((clock.time(), "two again")))
    clock.call_later(1, lambda: seen.append("never")).cancel()
    clock.advance(3)
    assert [seen, clock.time()] == [[(1.5, "inner"), (2.0, "two"), (2.0, "two again")], 3.0]


def test_repr_shows_the_value_or_the_error() -> None:
    n = signal(1, "n")
    assert repr(throttled(n, 1, clock=ManualClock())) == "<Timed throttled(n): 1>"
    assert repr(debounced(lambda: 1 / 0, 1, clock=ManualClock(), name="bad")).startswith("<Timed bad: ZeroDivision")


def test_time_of_a_manual_clock_never_goes_back() -> None:
    clock = ManualClock(5)
    with pytest.raises(ValueError, match=r"advance\(\) takes 0 or more seconds, not -1"):
        clock.advance(-1)
    assert clock.time() == 5
