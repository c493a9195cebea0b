"""The window: patches replayed on the old visible rows give the new ones, whatever changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.errors import StateError
from eddyline.core.ivm.layout import Layout
from eddyline.core.ivm.window import Window
from eddyline.core.query.plan import Column, Order, Output, Select, Source
from eddyline.core.schema import TableName
from eddyline.signals import Insert, Move, Remove, Update, apply_patches

Row = tuple[Any, ...]


def layout(*, desc: bool = False) -> Layout:
    """Rows (name, rank, id), ordered by rank, then id."""
    plan = Select(
        sources=(Source(TableName("main", "t"), "t"),),
        outputs=(Output(Column(0, "name")), Output(Column(0, "rank")), Output(Column(0, "id"))),
        order_by=(Order(Column(0, "rank"), desc, nulls_first=not desc),),
    )
    made = Layout(plan, [Column(0, "id")], ("name", "rank", "id"))
    made.set_collations(["BINARY", "BINARY"], "UTF-8")
    return made


class Model:
    """The rows of the relation, and what a window over them must show."""

    def __init__(self, rows: list[Row], lo: int, hi: int | None, *, desc: bool = False) -> None:
        self.layout = layout(desc=desc)
        self.rows = {row[2]: row for row in rows}
        self.window = Window(self.layout, lo, hi)
        self.window.reset(self.sorted()[: self.window.capacity], self.window.capacity)
        self.window.publish()
        self.shown: list[Any] = list(self.window.shown()[0])
        self.keys: list[Any] = list(self.window.shown()[1])

    def sorted(self) -> list[Row]:
        return sorted(self.rows.values(), key=self.layout.sort)

    def step(self, changes: dict[int, Row | None]) -> list[Any]:
        pairs = [(self.rows.get(key), row) for key, row in changes.items() if repr(self.rows.get(key)) != repr(row)]
        for key, row in changes.items():
            self.rows.pop(key, None)
            if row is not None:
                self.rows[key] = row
        return self.window.step(pairs, lambda limit: self.sorted()[:limit])

    def check(self, patches: list[Any]) -> None:
        apply_patches(patches, self.shown, self.keys)
        expected = self.sorted()[self.window.lo : self.window.hi]
        assert self.shown == expected
        assert self.keys == [(row[2],) for row in expected]


ranks = st.one_of(st.none(), st.integers(0, 4), st.sampled_from([1.0, 2.5, "a", "B", b"x"]))
changes = st.dictionaries(st.integers(0, 30), st.one_of(st.none(), ranks), min_size=1, max_size=6)


@given(
    st.lists(ranks, max_size=30), st.integers(0, 3), st.one_of(st.none(), st.integers(0, 6)), st.booleans(),
    st.lists(st.tuples(changes, st.booleans()), max_size=12),
)  # fmt: skip
def test_patches_lead_from_old_rows_to_new_rows(
    start: list[Any], lo: int, limit: int | None, desc: bool, steps: list[tuple[dict[int, Any], bool]]
) -> None:
    hi = None if limit is None else lo + limit
    model = Model([(f"n{at}", rank, at) for at, rank in enumerate(start)], lo, hi, desc=desc)
    for number, (change, keep) in enumerate(steps):
        before = dict(model.rows)
        patches = model.step(
            {key: None if rank is None and key % 2 else (f"s{number}", rank, key) for key, rank in change.items()}
        )
        if keep:
            model.window.publish()
            model.check(patches)
        else:
            model.window.discard()
            model.rows = before
    model.check([])
    held = model.window.entries
    assert held == model.sorted()[: len(held)]


def rows(count: int) -> list[Row]:
    return [(f"n{at}", at, at) for at in range(count)]


def test_a_row_that_moves_and_changes_is_moved_then_updated() -> None:
    model = Model(rows(5), 0, None)
    assert model.step({0: ("n0", 3.5, 0)}) == [
        Move(0, 3, (0,)),
        Update(3, ("n0", 3.5, 0), ("rank",), (0,)),
    ]


def test_removed_row_is_refilled_from_source() -> None:
    model = Model(rows(100), 0, 2)
    model.window.entries[2:] = []
    model.window.complete = False
    patches = model.step({0: None})
    assert patches == [Remove(0, (0,)), Insert(1, ("n2", 2, 2), (2,))]


def test_a_row_behind_the_bound_is_not_held() -> None:
    model = Model(rows(100), 0, 2)
    held = len(model.window.entries)
    assert model.step({500: ("far", 500, 500)}) == []
    assert len(model.window.entries) == held


def test_a_step_that_drops_spare_rows_can_be_undone() -> None:
    model = Model(rows(10), 0, 2)
    before = list(model.window.entries)
    model.step({1: None, **{key: ("new", -key, key) for key in range(100, 200)}})
    assert len(model.window.entries) == model.window.capacity
    model.window.discard()
    assert model.window.entries == before


def test_a_row_that_enters_before_an_offset_pushes_one_in_and_one_out() -> None:
    model = Model(rows(10), 2, 4)
    assert model.step({50: ("first", -1, 50)}) == [Insert(0, ("n1", 1, 1), (1,)), Remove(2, (3,))]


def test_removing_what_was_never_there_stops() -> None:
    model = Model(rows(3), 0, None)
    with pytest.raises(StateError, match="never added"):
        model.window.step([(("x", 1, 99), None)], lambda limit: [])


def test_an_update_names_only_columns_that_differ_by_type_or_value() -> None:
    model = Model(rows(2), 0, None)
    assert model.step({1: ("n1", 1.0, 1)}) == [Update(1, ("n1", 1.0, 1), ("rank",), (1,))]
