"""`graph`: the live dependency graph as text and for Graphviz, written out."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from eddyline.signals import (
    Computed,
    ListSignal,
    ManualClock,
    MapSignal,
    Scope,
    Source,
    batch,
    computed,
    debounced,
    effect,
    graph,
    linked,
    selector,
    signal,
)


@pytest.fixture(autouse=True)
def scope() -> Iterator[Scope]:
    with Scope() as scope:
        yield scope


def test_text_shows_what_a_node_reads_and_what_reads_it() -> None:
    first, last = signal("Ada", "first"), signal("Lovelace", "last")
    full = computed(lambda: f"{first()} {last()}", "full")
    shout = computed(lambda: full().upper(), "shout")
    effect(lambda: (shout(), first()), "log")
    assert (
        graph(full)
        == """\
Computed full: 'Ada Lovelace'
  <- Signal first: 'Ada'
  <- Signal last: 'Lovelace'
  -> Computed shout: 'ADA LOVELACE'
    -> Effect log"""
    )


def test_text_from_a_source_goes_down_and_from_an_effect_up() -> None:
    a = signal(1, "a")
    double = computed(lambda: a() * 2, "double")
    log = effect(lambda: (double(), a()), "log")
    assert graph(a).splitlines() == [
        "Signal a: 1",
        "  -> Computed double: 2",
        "    -> Effect log",
        "  -> Effect log",
    ]
    assert graph(log).splitlines() == [
        "Effect log",
        "  <- Computed double: 2",
        "    <- Signal a: 1",
        "  <- Signal a: 1",
    ]


def test_part_that_stands_above_is_not_drawn_twice() -> None:
    a = signal(1, "a")
    base = computed(lambda: a() + 1, "base")
    left, right = computed(lambda: base() + 1, "left"), computed(lambda: base() + 2, "right")
    both = computed(lambda: left() + right(), "both")
    both()
    assert graph(both).splitlines() == [
        "Computed both: 7",
        "  <- Computed left: 3",
        "    <- Computed base: 2",
        "      <- Signal a: 1",
        "  <- Computed right: 4",
        "    <- Computed base: 2 (above)",
    ]


def test_several_roots_stand_one_after_the_other_and_each_once() -> None:
    a, b = signal(1, "a"), signal(2, "b")
    assert graph(a, b, a) == "Signal a: 1\nSignal b: 2"


def test_graphviz_text_has_every_node_and_edge() -> None:
    first, last = signal("Ada", "first"), signal("Lovelace", "last")
    full = computed(lambda: f"{first()} {last()}", "full")
    effect(lambda: (full(), first()), "log")
    assert (
        graph(full, format="dot")
        == r"""digraph signals {
  rankdir=LR;
  n1 [label="full\n'Ada Lovelace'", shape=box];
  n2 [label="first\n'Ada'", shape=ellipse];
  n3 [label="last\n'Lovelace'", shape=ellipse];
  n4 [label="log", shape=cds];
  n2 -> n1;
  n3 -> n1;
  n1 -> n4;
  n2 -> n4;
}"""
    )


def test_graphviz_text_escapes_quotes_and_backslashes() -> None:
    text = signal('say "hi"\\n', 'the "text"')
    assert r"""  n1 [label="the \"text\"\n'say \"hi\"\\\\n'", shape=ellipse];""" in graph(text, format="dot")


def test_graphviz_reads_it(node_packages: Callable[..., Path]) -> None:
    value = signal('"\\"\n{}', "odd\\")
    log = effect(lambda: value(), "l<o>g")
    drawn = graph(log, format="dot")
    graphviz = node_packages("@viz-js/viz@3.31.0")  # Graphviz itself, compiled to WebAssembly
    script = """
        import { createRequire } from "node:module";
        import fs from "node:fs";
        const { instance } = createRequire(process.argv[1] + "/")("@viz-js/viz");
        const viz = await instance();
        process.stdout.write(viz.renderString(fs.readFileSync(0, "utf8"), { format: "plain" }));
    """
    command = ["node", "--input-type=module", "-e", script, str(graphviz)]
    done = subprocess.run(command, input=drawn, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("graph")


def test_drawing_is_the_same_every_time() -> None:
    sources = [signal(n, f"s{n}") for n in range(5)]
    totals = [computed(partial(lambda n: sum(s() for s in sources[n:]), n), f"t{n}") for n in range(5)]
    for total in reversed(totals):
        total()
    text, dot = graph(sources[4]), graph(totals[0], format="dot")
    assert text.splitlines() == ["Signal s4: 4", *(f"  -> Computed t{n}: {sum(range(n, 5))}" for n in (4, 3, 2, 1, 0))]
    assert [graph(sources[4]), graph(totals[0], format="dot")] == [text, dot]


def test_drawing_shows_the_dependencies_of_now() -> None:
    use_a, a, b = signal(True, "use_a"), signal(1, "a"), signal(2, "b")
    value = computed(lambda: a() if use_a() else b(), "value")
    value()
    assert graph(value).splitlines() == ["Computed value: 1", "  <- Signal use_a: True", "  <- Signal a: 1"]
    use_a.set(False)
    value()
    assert graph(value).splitlines() == ["Computed value: 2", "  <- Signal use_a: False", "  <- Signal b: 2"]
    assert graph(a) == "Signal a: 1"


def test_drawing_runs_nothing_and_tells_stale_failed_woken_and_closed() -> None:
    a, runs = signal(0, "a"), []
    never = computed(lambda: runs.append(a()), "never")
    failed = computed(lambda: 1 / a(), "failed")
    stale = computed(lambda: a() + 1, "stale")
    log = effect(lambda: stale(), "log")
    with pytest.raises(ZeroDivisionError):
        failed()
    assert graph(never, failed) == (
        "Computed never: not computed\nComputed failed: ZeroDivisionError('division by zero')\n  <- Signal a: 0"
    )
    with batch():
        a.set(1)
        assert graph(log).splitlines() == ["Effect log: woken", "  <- Computed stale: stale", "    <- Signal a: 1"]
    log.close()
    assert graph(log) == "Effect log: closed"
    assert runs == []


def test_computed_that_nobody_holds_is_gone_from_the_drawing() -> None:
    a = signal(1, "a")
    kept, gone = computed(lambda: a() + 1, "kept"), computed(lambda: a() + 2, "gone")
    assert kept() + gone() == 5
    del gone
    gc.collect()
    assert graph(a).splitlines() == ["Signal a: 1", "  -> Computed kept: 2"]


def test_sources_of_other_kinds_are_drawn_by_their_repr() -> None:
    class Ticker(Source):
        pass

    class Rows(Source):
        def __repr__(self) -> str:
            return "<Rows of issue: 3>"

    assert graph(Ticker(), Rows()) == "Ticker\n<Rows of issue: 3>"


def test_cycle_is_drawn_once_round() -> None:
    b: Computed[int]
    closed = signal(False, "closed")
    a = computed(lambda: b() if closed() else 1, "a")
    b = computed(lambda: a() + 1, "b")
    b()
    closed.set(True)
    with pytest.raises(RuntimeError):
        b()
    assert graph(a).splitlines()[0].startswith("Computed a: CycleError(")
    assert len(graph(a).splitlines()) < 12


def test_deep_graph_is_drawn_without_recursion() -> None:
    read: Callable[[], int] = signal(0, "s").get
    chain = []
    for n in range(1_500):
        chain.append(computed(partial(lambda below: below() + 1, read), f"c{n}"))
        read = chain[-1].get
    read()
    lines = graph(chain[-1]).splitlines()
    assert [len(lines), lines[-1].strip()] == [1_501, "<- Signal s: 0"]
    assert graph(chain[-1], format="dot").count("->") == 1_500


def test_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match='format is "text" or "dot", not \'svg\''):
        graph(signal(1), format="svg")  # type: ignore[arg-type]  # what is tested


def test_what_is_no_part_of_a_graph_is_refused() -> None:
    with pytest.raises(TypeError, match=r"graph\(\) draws signals, computeds, effects and what is made of them, not 5"):
        graph(5)  # type: ignore[arg-type]  # what is tested


def test_key_of_a_selector_stands_between_the_signal_and_its_followers() -> None:
    current = signal("a", "current")
    is_selected = selector(current)
    log = effect(lambda: is_selected("b"), "paint")
    assert graph(is_selected).splitlines() == ["Signal current: 'a'", "  -> current == 'b'", "    -> Effect paint"]
    assert graph(log).splitlines() == ["Effect paint", "  <- current == 'b'", "    <- Signal current: 'a'"]
    log.close()


def test_parts_of_collections_stand_between_them_and_their_followers() -> None:
    todo, prices = ListSignal(["milk"], name="todo"), MapSignal({"tea": 3}, name="prices")
    log = effect(lambda: (len(todo), todo[0], prices["tea"], "oil" in prices, list(prices)), "log")
    assert graph(log).splitlines() == [
        "Effect log",
        "  <- len(todo)",
        "    <- <ListSignal todo: ['milk']>",
        "  <- todo[0]",
        "    <- <ListSignal todo: ['milk']>",
        "  <- prices['tea']",
        "    <- <MapSignal prices: {'tea': 3}>",
        "  <- 'oil' in prices",
        "    <- <MapSignal prices: {'tea': 3}>",
        "  <- keys of prices",
        "    <- <MapSignal prices: {'tea': 3}>",
    ]
    assert graph(todo).splitlines()[1:] == ["  -> len(todo)", "    -> Effect log", "  -> todo[0]", "    -> Effect log"]
    assert "n1 -> n2;" in graph(todo, format="dot")
    log.close()
    assert graph(todo) == "<ListSignal todo: ['milk']>"


def test_rows_of_a_derived_list_that_read_signals_are_drawn() -> None:
    rate, prices = signal(2, "rate"), ListSignal([10, 20], name="prices")

    def price(row: int) -> int:
        return row * rate()

    shown = prices.map(price)
    log = effect(lambda: shown.rows(), "log")
    assert graph(log).splitlines() == [
        "Effect log",
        "  <- Mapped price: [20, 40]",
        "    <- <ListSignal prices: [10, 20]>",
        "    <- Computed price: 20",
        "      <- Signal rate: 2",
        "    <- Computed price: 40",
        "      <- Signal rate: 2",
    ]
    log.close()


def test_linked_debounced_and_grouped_are_drawn_from_what_their_readers_read() -> None:
    sizes = signal(["S"], "sizes")
    choice = linked(lambda: sizes()[0], name="choice")
    late = debounced(choice, 1, clock=ManualClock(), name="late")
    log = effect(lambda: late(), "log")
    assert graph(choice).splitlines() == [
        "Computed choice: 'S'",
        "  <- Computed choice.reset: <Signal choice.written: 'S'>",
        "    <- Computed choice.source: 'S'",
        "      <- Signal sizes: ['S']",
        "  <- Signal choice.written: 'S'",
        "  -> Computed choice: 'S'",
        "    -> Effect late",
    ]
    assert graph(late).splitlines() == ["Signal late: Outcome(value='S', error=None)", "  -> Effect log"]
    groups = ListSignal(["tea"], name="words").group(len)
    assert [group.rows() for group in groups] == [("tea",)]
    assert graph(groups[0]).splitlines()[1] == "  <- Grouped len: [<Group group 3: ['tea']>]"
    log.close()
    late.close()
