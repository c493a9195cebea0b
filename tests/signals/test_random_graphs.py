"""Random graphs against a model that recomputes everything: same values, no function called more often than needed.

The model knows only the formulas. After each write or batch:
- every effect has run exactly if what it saw has changed, once, and saw what the model says (no mixture: glitch-free);
  in a batch where a value goes and comes back, having been seen or not, it may run once though nothing differs;
- every computed read afterwards equals the model, whether somebody watches it or not;
- no computed function was called more than once for a write, and none of which no input has a new version
  (a source that was written and written back unseen has one).
A failing example is shrunk and printed by Hypothesis, with the line that repeats it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.signals import Computed, Effect, Scope, Signal, batch, computed, effect, signal


@dataclass(frozen=True)
class Formula:
    """What a node is made of: `switch` chooses the half of `inputs` that is read; results fold below `modulus`."""

    inputs: tuple[int, ...]
    switch: int | None
    modulus: int

    def read(self, at: Callable[[int], int]) -> int:
        """Return the result; `at(i)` reads node i."""
        inputs = self.inputs
        if self.switch is not None:
            half = len(inputs) // 2
            inputs = inputs[:half] if at(self.switch) % 2 else inputs[half:]
        return sum((i + 1) * at(node) for i, node in enumerate(inputs)) % self.modulus


@dataclass
class World:
    """The graph under test, and what it did."""

    sources: list[Signal[int]]
    formulas: list[Formula]
    nodes: list[Signal[int] | Computed[int]] = field(default_factory=list)
    calls: Counter[int] = field(default_factory=Counter)
    versions_seen: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    effect_log: list[tuple[int, int]] = field(default_factory=list)

    def build(self) -> None:
        self.nodes = [*self.sources]
        for formula in self.formulas:
            self.nodes.append(computed(self._function(len(self.nodes), formula)))

    def _function(self, index: int, formula: Formula) -> Callable[[], int]:
        def fn() -> int:
            self.calls[index] += 1
            before = self.versions_seen.get(index)
            needed = before is None or any(self.nodes[node]._version != version for node, version in before)
            assert needed, f"node {index} was called again, but nothing it had read has changed"
            seen: list[tuple[int, int]] = []
            self.versions_seen[index] = seen

            def at(node: int) -> int:
                value = self.nodes[node]()
                seen.append((node, self.nodes[node]._version))
                return value

            return formula.read(at)

        return fn

    def model(self) -> list[int]:
        """Return the value of every node, made from nothing."""
        values = [source.peek() for source in self.sources]
        for formula in self.formulas:
            values.append(formula.read(values.__getitem__))
        return values

    def show(self, shown: dict[int, int], name: int, node: int) -> Effect:
        return effect(lambda: shown.__setitem__(name, self.nodes[node]()))

    def watch(self, name: int, node: int) -> None:
        effect(lambda: self.effect_log.append((name, self.nodes[node]())))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    width = draw(st.integers(1, 4))
    formulas = []
    for size in range(width, width + draw(st.integers(1, 10))):
        inputs = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=4))
        switch = draw(st.one_of(st.none(), st.integers(0, size - 1)))
        formulas.append(Formula(tuple(inputs), switch, draw(st.integers(1, 7))))
    return World([signal(draw(st.integers(0, 5))) for _ in range(width)], formulas)


WRITES = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=3), st.booleans()),
    min_size=1,
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(world=worlds(), writes=WRITES, data=st.data())
def test_random_graphs_equal_the_model_and_run_no_more_than_needed(
    world: World, writes: list[tuple[list[tuple[int, int]], bool]], data: st.DataObject
) -> None:
    world.build()
    last = len(world.nodes) - 1
    watched = data.draw(st.lists(st.integers(0, last), max_size=4))
    with Scope():
        for name, node in enumerate(watched):
            world.watch(name, node)
        before = world.model()
        assert world.effect_log == [(name, before[node]) for name, node in enumerate(watched)]
        for sets, reads_inside in writes:
            world.calls.clear()
            world.effect_log.clear()
            if len(sets) == 1:
                set_sources(world, sets)
            else:
                with batch():
                    set_sources(world, sets, read=data.draw(st.integers(0, last)) if reads_inside else None)
            after = world.model()
            must = {(name, after[node]) for name, node in enumerate(watched) if after[node] != before[node]}
            may = must
            if len({source % len(world.sources) for source, _ in sets}) < len(sets) or (reads_inside and len(sets) > 1):
                may = {(name, after[node]) for name, node in enumerate(watched)}
            assert must <= set(world.effect_log) <= may
            assert len(set(world.effect_log)) == len(world.effect_log)
            if not (reads_inside and len(sets) > 1):
                assert all(calls == 1 for calls in world.calls.values())
            if data.draw(st.booleans()):
                assert [node.peek() for node in world.nodes] == after
            before = after
        assert [node.peek() for node in world.nodes] == world.model()


def set_sources(world: World, sets: list[tuple[int, int]], *, read: int | None = None) -> None:
    for source, value in sets:
        world.sources[source % len(world.sources)].set(value)
        if read is not None:
            assert world.nodes[read].peek() == world.model()[read]


@settings(max_examples=150, deadline=None)
@given(world=worlds(), writes=WRITES, data=st.data())
def test_effects_that_come_and_go_follow_the_model(
    world: World, writes: list[tuple[list[tuple[int, int]], bool]], data: st.DataObject
) -> None:
    world.build()
    last = len(world.nodes) - 1
    shown: dict[int, int] = {}
    open_effects = {}
    for step, (sets, close_one) in enumerate(writes):
        node = data.draw(st.integers(0, last))
        open_effects[step] = (node, world.show(shown, step, node))
        if close_one:
            gone = data.draw(st.sampled_from(sorted(open_effects)))
            open_effects.pop(gone)[1].close()
            shown.pop(gone)
        set_sources(world, sets)
        model = world.model()
        assert shown == {name: model[node] for name, (node, _) in open_effects.items()}
    for _, each in open_effects.values():
        each.close()
    world.nodes.clear()
    assert not any(source.watched for source in world.sources)
