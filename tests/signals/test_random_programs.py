"""Random programs beside a naive model: exactly as many runs as needed; what effects write comes to rest, unmixed.

The model has no marks, no queue and no caches of staleness: to read a node it asks all that the node read last time,
each time, from the bottom, and runs the function if one of these has another version than then. So it says how often a
function *must* run where nothing is remembered but versions, and the library may not run it once more (or less).
Errors are values: a formula may raise, and may catch what it reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.signals import Computed, Scope, Signal, batch, computed, effect, on_cleanup, signal


class Refusal(Exception):
    """Raised by formulas; equal if made by the same node."""

    def __init__(self, node: int) -> None:
        super().__init__(node)
        self.node = node


@dataclass(frozen=True)
class Formula:
    """What a node is made of; `switch` chooses the half of `inputs` that is read, `refused` is a result that raises."""

    inputs: tuple[int, ...]
    switch: int | None
    modulus: int
    refused: int | None
    catches: bool

    def result(self, me: int, at: Callable[[int], int]) -> int:
        """Return the result; `at(i)` reads node i and may raise."""

        def read(node: int) -> int:
            if not self.catches:
                return at(node)
            try:
                return at(node)
            except Refusal:
                return 9

        inputs = self.inputs
        if self.switch is not None:
            half = len(inputs) // 2
            inputs = inputs[:half] if read(self.switch) % 2 else inputs[half:]
        total = sum((i + 1) * read(node) for i, node in enumerate(inputs)) % self.modulus
        if total == self.refused:
            raise Refusal(me)
        return total


@dataclass
class Naive:
    """The model: node i < len(values of sources) is a source."""

    formulas: dict[int, Formula]
    sources: dict[int, int]
    version: Counter[int] = field(default_factory=Counter)
    kept: dict[int, int | Refusal] = field(default_factory=dict)
    read: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    calls: Counter[int] = field(default_factory=Counter)

    def set(self, source: int, value: int) -> None:
        if self.sources[source] != value:
            self.sources[source] = value
            self.version[source] += 1

    def at(self, node: int) -> int:
        """Return the value, made anew if a version that it was made of is not the one there is now; may raise."""
        if node in self.sources:
            return self.sources[node]
        if node not in self.read or self.outdated(node):
            self.run(node)
        kept = self.kept[node]
        if isinstance(kept, Refusal):
            raise kept
        return kept

    def outdated(self, consumer: int) -> bool:
        """Whether something that `consumer` read, asked in that order, has another version by now."""
        return any(self.current_version(node) != version for node, version in self.read[consumer])

    def current_version(self, node: int) -> int:
        with suppress(Refusal):
            self.at(node)
        return self.version[node]

    def run(self, node: int) -> None:
        formula = self.formulas[node]
        self.calls[node] += 1
        before = self.kept.get(node)
        try:
            self.kept[node] = self.follow(node, partial(formula.result, node))
        except Refusal as refusal:
            self.kept[node] = refusal
        now = self.kept[node]
        if isinstance(now, Refusal) or isinstance(before, Refusal) or before != now:
            self.version[node] += now is not before

    def follow(self, consumer: int, fn: Callable[[Callable[[int], int]], int]) -> int:
        """Return `fn(at)`, noting what it reads, once each."""
        seen: dict[int, int] = {}

        def at(node: int) -> int:
            try:
                return self.at(node)
            finally:
                seen.setdefault(node, self.version[node])

        try:
            return fn(at)
        finally:
            self.read[consumer] = list(seen.items())

    def watch(self, watcher: int, node: int) -> None:
        """The function of an effect."""
        self.calls[watcher] += 1
        self.follow(watcher, partial(_look, node))


def _look(node: int, at: Callable[[int], int]) -> int:
    try:
        return at(node)
    except Refusal:
        return -1


@dataclass
class World:
    """The same thing made of signals."""

    sources: list[Signal[int]]
    formulas: list[Formula]
    nodes: list[Signal[int] | Computed[int]] = field(default_factory=list)
    calls: Counter[int] = field(default_factory=Counter)

    def build(self) -> Naive:
        self.nodes = [*self.sources]
        for index, formula in enumerate(self.formulas, len(self.sources)):
            self.nodes.append(computed(partial(self._run, index, formula)))
        formulas = dict(enumerate(self.formulas, len(self.sources)))
        return Naive(formulas, {i: source.peek() for i, source in enumerate(self.sources)})

    def _run(self, index: int, formula: Formula) -> int:
        self.calls[index] += 1
        return formula.result(index, lambda node: self.nodes[node]())

    def watch(self, watcher: int, node: int) -> None:
        def body() -> None:
            self.calls[watcher] += 1
            _look(node, lambda node: self.nodes[node]())

        effect(body)


def peeked(node: Signal[int] | Computed[int]) -> int | None:
    try:
        return node.peek()
    except Refusal as refusal:
        return -1 - refusal.node


def modelled(model: Naive, node: int) -> int | None:
    try:
        return model.at(node)
    except Refusal as refusal:
        return -1 - refusal.node


@st.composite
def formulas_over(draw: st.DrawFn, first: int, last: int, *, refuse: bool) -> list[Formula]:
    """Formulas for the nodes first..last; each may read any before it."""
    made = []
    for size in range(first, last + 1):
        inputs = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=4))
        switch = draw(st.one_of(st.none(), st.integers(0, size - 1)))
        modulus = draw(st.integers(1, 7))
        refused = draw(st.one_of(st.none(), st.integers(0, modulus))) if refuse else None
        made.append(Formula(tuple(inputs), switch, modulus, refused, draw(st.booleans()) if refuse else False))
    return made


@st.composite
def worlds(draw: st.DrawFn) -> World:
    width = draw(st.integers(1, 4))
    size = width + draw(st.integers(1, 9))
    sources = [signal(draw(st.integers(0, 5))) for _ in range(width)]
    return World(sources, draw(formulas_over(width, size - 1, refuse=True)))


@settings(max_examples=200, deadline=None)
@given(world=worlds(), data=st.data())
def test_every_function_runs_exactly_as_often_as_the_naive_model_says(world: World, data: st.DataObject) -> None:
    model = world.build()
    last = len(world.nodes) - 1
    watched = data.draw(st.lists(st.integers(0, last), max_size=4))
    watchers = {100 + i: node for i, node in enumerate(watched)}
    with Scope():
        for watcher, node in watchers.items():
            world.watch(watcher, node)
            model.watch(watcher, node)
        assert world.calls == model.calls
        for _ in range(data.draw(st.integers(1, 6))):
            with batch():
                for _ in range(data.draw(st.integers(1, 3))):
                    source, value = data.draw(st.integers(0, len(world.sources) - 1)), data.draw(st.integers(0, 5))
                    world.sources[source].set(value)
                    model.set(source, value)
                    if data.draw(st.booleans()):
                        node = data.draw(st.integers(0, last))
                        assert peeked(world.nodes[node]) == modelled(model, node)
            for watcher, node in watchers.items():
                if model.outdated(watcher):
                    model.watch(watcher, node)
            assert world.calls == model.calls
            for node in data.draw(st.lists(st.integers(0, last), max_size=3)):
                assert peeked(world.nodes[node]) == modelled(model, node)
            assert world.calls == model.calls


@st.composite
def relays(draw: st.DrawFn) -> tuple[World, list[tuple[int, int]]]:
    """A world whose sources come in levels; (node, source): an effect that writes it from a node of a level below."""
    world = World([], [])
    formulas: dict[int, Formula] = {}
    kinds: list[str] = []
    written: list[tuple[int, int]] = []
    for level in range(draw(st.integers(2, 4))):
        for _ in range(draw(st.integers(1, 2))):
            if level:
                written.append((draw(st.integers(0, len(kinds) - 1)), len(kinds)))
            kinds.append("source")
        for _ in range(draw(st.integers(0, 3))):
            (formulas[len(kinds)],) = draw(formulas_over(len(kinds), len(kinds), refuse=False))
            kinds.append("computed")
    for index, kind in enumerate(kinds):
        if kind == "source":
            world.nodes.append(signal(0))
        else:
            world.nodes.append(computed(partial(world._run, index, formulas[index])))
    world.formulas = [formulas.get(index, Formula((), None, 1, None, catches=False)) for index in range(len(kinds))]
    return world, written


def values_now(world: World) -> list[int]:
    """Return the value of every node, made from nothing but the sources as they are."""
    values: list[int] = []
    for index, node in enumerate(world.nodes):
        if isinstance(node, Signal):
            values.append(node.peek())
        else:
            values.append(world.formulas[index].result(index, values.__getitem__))
    return values


@settings(max_examples=200, deadline=None)
@given(made=relays(), data=st.data())
def test_effects_that_write_come_to_rest_where_the_model_does_and_never_see_a_mixture(
    made: tuple[World, list[tuple[int, int]]], data: st.DataObject
) -> None:
    world, written = made
    nodes = world.nodes
    free = [i for i, node in enumerate(nodes) if isinstance(node, Signal) and i not in {to for _, to in written}]
    shown: dict[int, int] = {}

    def write(node: int, to: int) -> None:
        value = nodes[node]()
        assert value == values_now(world)[node]
        target = nodes[to]
        assert isinstance(target, Signal)
        target.set(value + 1)

    def show(name: int, node: int) -> None:
        shown[name] = nodes[node]()
        assert shown[name] == values_now(world)[node]

    watched = data.draw(st.lists(st.integers(0, len(nodes) - 1), max_size=4))
    bodies = [partial(write, node, to) for node, to in written]
    bodies += [partial(show, name, node) for name, node in enumerate(watched)]
    with Scope():
        for body in data.draw(st.permutations(bodies)):
            effect(body)
        for _ in range(data.draw(st.integers(1, 5))):
            with batch():
                for _ in range(data.draw(st.integers(1, 3))):
                    source = nodes[data.draw(st.sampled_from(free))]
                    assert isinstance(source, Signal)
                    source.set(data.draw(st.integers(0, 5)))
            values = values_now(world)
            assert [values[to] for _, to in written] == [values[node] + 1 for node, _ in written]
            assert shown == {name: values[node] for name, node in enumerate(watched)}
            assert [peeked(node) for node in nodes] == values


@settings(max_examples=200, deadline=None)
@given(world=worlds(), data=st.data())
def test_effects_made_in_effects_live_as_long_as_the_run_that_made_them(world: World, data: st.DataObject) -> None:
    model = world.build()
    last = len(world.nodes) - 1
    at = partial(lambda node: world.nodes[node]())
    alive: Counter[str] = Counter()
    frames: list[Callable[[], None]] = []
    by_frame = data.draw(st.sets(st.integers(0, 3)))  # effects of these depths wait for the next frame
    shown: dict[str, int] = {}

    def grow(name: str, node: int, inner: list[int], inputs: tuple[int, ...] = ()) -> None:
        value = _look(node, at)
        now = [_look(each, model.at) for each in (*inputs, node)]
        assert now[-1] == value
        assert all(guard % 2 for guard in now[:-1])  # never inside a run that the outer one would undo
        alive[name] += 1
        assert alive[name] == 1
        shown[name] = value
        on_cleanup(partial(end, name))
        if inner and value % 2:
            for i, each in enumerate(inner[:2]):
                inside = partial(grow, f"{name}.{i}", each, inner[2:], (*inputs, node))
                effect(inside, schedule=frames.append if len(inputs) + 1 in by_frame else None)

    def end(name: str) -> None:
        alive[name] -= 1
        del shown[name]

    def expected(name: str, node: int, inner: list[int]) -> dict[str, int]:
        value = _look(node, model.at)
        found = {name: value}
        if inner and value % 2:
            for i, each in enumerate(inner[:2]):
                found |= expected(f"{name}.{i}", each, inner[2:])
        return found

    roots = data.draw(st.lists(st.lists(st.integers(0, last), min_size=1, max_size=6), min_size=1, max_size=3))
    with Scope():
        for i, (node, *inner) in enumerate(roots):
            effect(partial(grow, str(i), node, inner), schedule=frames.append if 0 in by_frame else None)
        for _ in range(data.draw(st.integers(1, 6))):
            changes = data.draw(
                st.lists(st.tuples(st.integers(0, len(world.sources) - 1), st.integers(0, 5)), min_size=1, max_size=3)
            )
            for source, value in changes:
                model.set(source, value)
            with batch():
                for source, value in changes:
                    world.sources[source].set(value)
            while frames:
                frames.pop(data.draw(st.integers(0, len(frames) - 1)))()
            wanted: dict[str, int] = {}
            for i, (node, *inner) in enumerate(roots):
                wanted |= expected(str(i), node, inner)
            assert shown == wanted
    assert not +alive


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_after_an_interrupt_anywhere_the_next_write_brings_all_that_it_reaches_up_to_date(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 4))
    size = width + data.draw(st.integers(1, 9))
    formulas = [replace(f, switch=None) for f in data.draw(formulas_over(width, size - 1, refuse=False))]
    world = World([signal(0) for _ in range(width)], formulas)
    world.build()
    countdown = [0]
    run = world._run

    def interrupted(index: int, formula: Formula) -> int:
        total = sum(world.nodes[node]() for node in formula.inputs[:1])
        countdown[0] -= 1
        if countdown[0] == 0:
            raise KeyboardInterrupt
        return total * 0 + run(index, formula)

    for index, formula in enumerate(formulas, width):
        world.nodes[index] = computed(partial(interrupted, index, formula))
    reach: list[set[int]] = [{i} for i in range(width)]
    for formula in formulas:
        reach.append(set().union(*(reach[node] for node in formula.inputs)))

    def model() -> list[int]:
        values = [source.peek() for source in world.sources]
        for index, formula in enumerate(formulas, width):
            values.append(formula.result(index, values.__getitem__))
        return values

    shown: dict[int, int] = {}

    def show(name: int, nodes: list[int]) -> None:
        first = world.nodes[nodes[0]]()
        countdown[0] -= 1
        if countdown[0] == 0:
            raise KeyboardInterrupt
        shown[name] = first + sum(world.nodes[node]() for node in nodes[1:])

    watched = data.draw(st.lists(st.lists(st.integers(0, size - 1), min_size=1, max_size=3), min_size=1, max_size=3))
    with Scope():
        for name, nodes in enumerate(watched):
            effect(partial(show, name, nodes))
        for _ in range(data.draw(st.integers(1, 5))):
            source = world.sources[data.draw(st.integers(0, width - 1))]
            countdown[0] = data.draw(st.integers(1, 12))
            with suppress(KeyboardInterrupt):
                source.set(source.peek() + 1)
            for node in data.draw(st.lists(st.integers(0, size - 1), max_size=2)):
                with suppress(KeyboardInterrupt):
                    world.nodes[node].peek()
            countdown[0] = 0
            written = data.draw(st.integers(0, width - 1))
            world.sources[written].update(lambda value: value + 1)
            values = model()
            for name, nodes in enumerate(watched):
                if any(written in reach[node] for node in nodes):
                    assert shown[name] == sum(values[node] for node in nodes)
            if data.draw(st.booleans()):
                assert [node.peek() for node in world.nodes] == values
