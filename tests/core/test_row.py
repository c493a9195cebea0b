"""Rows: tuples whose values go by name, too."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from eddyline import Row
from eddyline.core.row import row_type


def make(**values: object) -> Row:
    return row_type(tuple(values))(values.values())


def test_a_row_reads_by_index_name_and_attribute() -> None:
    row = make(name="Core", state="open")
    assert (row[1], row["state"], row.state, row[-1]) == ("open", "open", "open", "open")
    name, state = row
    assert (name, state) == ("Core", "open")


def test_a_row_is_its_tuple() -> None:
    row = make(name="Core", n=3)
    assert row == ("Core", 3)
    assert hash(row) == hash(("Core", 3))
    assert row[0:1] == ("Core",)
    assert (isinstance(row, tuple), len(row)) == (True, 2)


def test_a_column_wins_over_a_method_of_tuple() -> None:
    row: Any = make(count=3, index=4)
    assert (row["count"], row.count, row.index) == (3, 3, 4)


def test_of_two_columns_with_one_name_the_first_has_it() -> None:
    row = row_type(("id", "id"))((1, 2))
    assert (row["id"], row.id, row[1], repr(row)) == (1, 1, 2, "Row(id=1, id=2)")
    assert row.as_dict() == {"id": 1}


@pytest.mark.parametrize("name", ["two words", 'quo"te', "", "_private", "columns", "as_dict", "class", "é", "1st"])
def test_any_column_reads_by_its_name(name: str) -> None:
    assert row_type((name,))((7,))[name] == 7


def test_a_column_cannot_break_what_every_row_has() -> None:
    row = row_type(("columns", "as_dict", "__class__", "_positions"))((1, 2, 3, 4))
    assert type(row).columns == ("columns", "as_dict", "__class__", "_positions")
    assert row.as_dict() == {"columns": 1, "as_dict": 2, "__class__": 3, "_positions": 4}


def test_a_missing_column_names_those_that_are_there() -> None:
    row = make(name="Core", state="open")
    with pytest.raises(KeyError, match="no column 'stat'; the row has: name, state"):
        row["stat"]
    with pytest.raises(AttributeError, match="no column 'stat'; the row has: name, state"):
        _ = row.stat


def test_rows_with_equal_columns_share_their_class() -> None:
    assert type(make(a=1, b=2)) is type(make(a=3, b=4))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda row: pickle.loads(pickle.dumps(row))])
def test_a_row_survives_a_copy_and_a_pickle(again: object) -> None:
    row = make(name="Core", count=3)
    assert callable(again)
    twin = again(row)
    assert (twin, twin.name, type(twin)) == (row, "Core", type(row))
