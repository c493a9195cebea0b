"""Lists of numbers as small lines: however long, with their extremes and ends."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import pytest

from eddyline.bindings.jupyter import LiveTable
from eddyline.bindings.notebook.sparkline import kept, line_json
from eddyline.signals import ManualClock

from ..fake_view import FakeView
from .fake_comm import FakeComm


@pytest.mark.parametrize("text", ["[3, 9.5, 1]", "3, 9.5, 1"])
def test_short_list_is_drawn_by_all_of_it(text: str) -> None:
    assert line_json(text) == {
        "k": "line",
        "t": "3 numbers from 1 to 9.5, the last 1",
        "points": [[0, 3], [1, 9.5], [2, 1]],
        "n": 3,
    }


@pytest.mark.parametrize("value", [None, "", "[]", "[7]", "7", "[1, null]", "[1, 1e999]", "later", "[" * 5000, 7])
def test_what_is_no_list_of_numbers_stays_what_it_is(value: object) -> None:
    assert not (isinstance(found := line_json(value), dict) and found["k"] == "line")


@pytest.mark.parametrize("seed", range(10))
def test_long_list_keeps_first_last_least_and_greatest_of_each_column(seed: int) -> None:
    chance = random.Random(seed)
    numbers = [chance.choice([chance.gauss(0, 1), chance.randrange(9)]) for _ in range(chance.randrange(233, 5000))]
    places = kept(numbers)
    assert len(places) <= 232
    assert (places[0], places[-1]) == (0, len(numbers) - 1)
    wide = -(-len(numbers) // 58)
    for begin in range(0, len(numbers), wide):
        column = numbers[begin : begin + wide]
        shown = [numbers[at] for at in places if begin <= at < begin + wide]
        assert (shown[0], shown[-1], min(shown), max(shown)) == (column[0], column[-1], min(column), max(column))
    assert all(before < after for before, after in pairwise(places))


def test_table_sends_a_list_of_five_thousand_numbers_as_its_line(comms: list[FakeComm]) -> None:
    numbers = [(n * 7919) % 5003 for n in range(5000)]
    view: Any = FakeView(["host", "trend"], [("a", json.dumps(numbers)), ("b", None)])
    clock = ManualClock()
    LiveTable(view, sparklines=["trend"], clock=clock)
    comms[0].say(op="want", id="a", first=0, size=2)
    ((_, line), (_, nothing)) = comms[0].heard()[0]["rows"]
    assert (line["n"], len(line["points"]) <= 232, nothing) == (5000, True, None)
    assert {value for _, value in line["points"]} >= {min(numbers), max(numbers), numbers[0], numbers[-1]}
    view.update(0, ("a", "[1, 2]"))
    clock.advance(1)
    (told,) = comms[0].heard()
    assert told["windows"]["a"]["ops"][0][2]["1"]["points"] == [[0, 1], [1, 2]]
