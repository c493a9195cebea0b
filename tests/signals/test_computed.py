"""Computeds: lazy, kept, run no more than needed, never with a mixture of old and new."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

import pytest

from eddyline.signals import Computed, batch, computed, effect, signal

T = TypeVar("T")


class Counted(Generic[T]):
    """A function with a count of its calls."""

    def __init__(self, fn: Callable[[], T]) -> None:
        self.fn = fn
        self.runs = 0

    def __call__(self) -> T:
        self.runs += 1
        return self.fn()


def test_computed_does_not_run_until_it_is_read() -> None:
    fn = Counted(lambda: 1)
    value = computed(fn)
    assert fn.runs == 0
    assert value() == 1


def test_computed_is_kept_between_reads() -> None:
    a = signal(1)
    fn = Counted(lambda: a() + 1)
    value = computed(fn)
    assert [value(), value.peek(), value.value, fn.runs] == [2, 2, 2, 1]


def test_write_without_a_read_runs_nothing() -> None:
    a = signal(1)
    fn = Counted(lambda: a() + 1)
    value = computed(fn)
    value()
    a.set(2)
    a.set(3)
    assert fn.runs == 1
    assert [value(), fn.runs] == [4, 2]


def test_decorator_forms_make_computeds() -> None:
    a = signal(1)

    @computed
    def plain() -> int:
        return a() + 1

    @computed(name="other")
    def named() -> int:
        return plain() + 1

    assert [plain(), named(), repr(plain), repr(named)] == [2, 3, "<Computed plain: 2>", "<Computed other: 3>"]
    assert isinstance(named, Computed)


def test_diamond_runs_each_node_once_a_write_and_sees_no_mixture() -> None:
    a, seen = signal(1), []
    left = Counted(lambda: a() * 2)
    right = Counted(lambda: a() * 10)
    b, c = computed(left), computed(right)
    effect(lambda: seen.append((b(), c())))
    a.set(2)
    assert seen == [(2, 10), (4, 20)]
    assert [left.runs, right.runs] == [2, 2]


def test_equal_result_stops_the_wave() -> None:
    a = signal(1)
    parity = computed(lambda: a() % 2)
    behind = Counted(lambda: parity() + 100)
    value = computed(behind)
    runs = Counted(value)
    effect(runs)
    a.set(3)
    assert [behind.runs, runs.runs] == [1, 1]
    a.set(4)
    assert [behind.runs, runs.runs] == [2, 2]


def test_equal_result_keeps_the_old_object() -> None:
    a = signal(1)
    value = computed(lambda: [a() > 0])
    before = value()
    a.set(2)
    assert value() is before


def test_custom_equality_of_a_computed_is_used() -> None:
    a = signal(1.0)
    rounded = computed(lambda: a(), equals=lambda old, new: round(old) == round(new))
    runs = Counted(rounded)
    effect(runs)
    a.set(1.2)
    a.set(1.9)
    assert runs.runs == 2


def test_write_and_write_back_in_a_batch_runs_nothing() -> None:
    a = signal(1)
    same = computed(lambda: a() + 0)
    runs = Counted(same)
    effect(runs)
    with batch():
        a.set(2)
        a.set(1)
    assert runs.runs == 1


def test_dependency_no_longer_read_is_dropped() -> None:
    use_a, a, b = signal(True), signal(1), signal(10)
    fn = Counted(lambda: a() if use_a() else b())
    value = computed(fn)
    assert value() == 1
    use_a.set(False)
    assert value() == 10
    a.set(2)
    assert [value(), fn.runs] == [10, 2]
    assert not a.watched


def test_dependency_that_comes_back_is_followed_again() -> None:
    use_a, a, b, seen = signal(True), signal(1), signal(10), []
    effect(lambda: seen.append(a() if use_a() else b()))
    use_a.set(False)
    use_a.set(True)
    a.set(2)
    b.set(20)
    assert seen == [1, 10, 1, 2]


def test_changed_order_of_reads_keeps_both_dependencies() -> None:
    flip, a, b, seen = signal(False), signal(1), signal(10), []
    effect(lambda: seen.append((b() - a()) if flip() else (a() - b())))
    flip.set(True)
    a.set(2)
    b.set(20)
    assert seen == [-9, 9, 8, 18]


def test_guarded_computed_never_runs_with_input_that_its_guard_excludes() -> None:
    x, inputs = signal(2), []
    nonzero = computed(lambda: x() != 0)

    def invert() -> float:
        inputs.append(x())
        return 1 / x()

    inverse, seen = computed(invert), []
    effect(lambda: seen.append(inverse() if nonzero() else None))
    x.set(0)
    x.set(4)
    assert seen == [0.5, None, 0.25]
    assert inputs == [2, 4]


def test_dependencies_are_asked_in_the_order_in_which_they_were_read_until_the_first_that_changed() -> None:
    a, b, asked = signal(1), signal(1), []
    first = computed(lambda: (asked.append("first"), a() % 2)[1])  # type: ignore[func-returns-value]  # for its effect
    second = computed(lambda: (asked.append("second"), a() + b())[1])  # type: ignore[func-returns-value]
    third = computed(lambda: (asked.append("third"), a())[1])  # type: ignore[func-returns-value]
    top = computed(lambda: (asked.append("top"), first(), second(), third())[3])  # type: ignore[func-returns-value]
    top()
    asked.clear()
    a.set(3)
    assert [top(), asked] == [3, ["first", "second", "top", "third"]]


def test_identity_is_looked_at_before_equality() -> None:
    class Costly:
        asked = 0

        def __eq__(self, other: object) -> bool:
            Costly.asked += 1
            return True

        __hash__ = None  # type: ignore[assignment]

    value, a = Costly(), signal(1)
    same = computed(lambda: (a(), value)[1])
    held = signal(value)
    same()
    a.set(2)
    same()
    held.set(value)
    assert Costly.asked == 0


def test_a_signal_changed_back_and_forth_between_reads_is_computed_once() -> None:
    a = signal(1)
    fn = Counted(lambda: a() + 1)
    value = computed(fn)
    value()
    for n in (2, 3, 1):
        a.set(n)
    assert [value(), fn.runs] == [2, 2]


def test_cold_computed_is_not_validated_after_an_unrelated_write() -> None:
    class Probe(str):
        __slots__ = ()
        looked_at = 0

        def __eq__(self, other: object) -> bool:
            Probe.looked_at += 1
            return super().__eq__(other)

        __hash__ = str.__hash__

    a, unrelated = signal(1), signal(0)
    fn = Counted(lambda: Probe(a()))
    top = computed(computed(fn))
    top()
    unrelated.set(1)
    assert top._mark.state == 0
    assert [str(top()), fn.runs, Probe.looked_at] == ["1", 1, 0]


def test_computed_that_writes_what_it_reads_rests_when_the_value_does() -> None:
    a = signal(0)

    @computed
    def climb() -> int:
        if a() < 3:
            a.set(a() + 1)
        return a()

    assert [climb(), a()] == [3, 3]


def test_write_inside_a_computed_reaches_one_that_waits_for_it() -> None:
    s, t = signal(0), signal(0)
    copy = computed(t.get)
    constant = computed(lambda: 0 if t.set(s()) is None else 1)  # type: ignore[func-returns-value]  # for its effect
    top = computed(lambda: (copy(), constant())[0])
    assert top() == 0
    s.set(5)
    assert top() == 5


def test_write_inside_a_computed_runs_effects_after_it() -> None:
    log, order = signal(0), []
    effect(lambda: order.append(("effect", log())))

    @computed
    def value() -> int:
        log.set(1)
        order.append(("computed", 1))
        return 5

    assert value() == 5
    assert order == [("effect", 0), ("computed", 1), ("effect", 1)]


def test_repr_of_a_stale_computed_runs_nothing() -> None:
    fn = Counted(lambda: 1)
    a = signal(1)
    stale = computed(lambda: (a(), fn()), "y")
    stale()
    a.set(2)
    assert [repr(computed(fn, "x")), repr(stale)] == ["<Computed x: not computed>", "<Computed y: stale>"]
    assert fn.runs == 1


def test_nested_reads_around_an_inner_run_stay_dependencies() -> None:
    a, b, seen = signal(1), signal(1), []
    inner = computed(lambda: a() + b())
    effect(lambda: seen.append(a() + inner() + a()))
    a.set(2)
    b.set(2)
    assert seen == [4, 7, 8]


def test_a_read_dropped_after_being_read_twice_is_dropped_wholly() -> None:
    on, a, b, seen = signal(True), signal(1), signal(1), []
    inner = computed(lambda: a() + b())
    effect(lambda: seen.append(a() + inner() + a() if on() else 0))
    on.set(False)
    a.set(5)
    assert seen == [4, 0]


@pytest.mark.parametrize("width", [1, 3, 40])
def test_only_the_changed_branch_of_a_wide_graph_runs(width: int) -> None:
    sources = [signal(i) for i in range(width)]
    fns = [Counted(partial(lambda s: s() * 2, s)) for s in sources]
    parts = [computed(fn) for fn in fns]
    total = computed(lambda: sum(part() for part in parts))
    total()
    sources[0].set(100)
    assert total() == 200 + 2 * sum(range(width))
    assert [fn.runs for fn in fns] == [2] + [1] * (width - 1)
