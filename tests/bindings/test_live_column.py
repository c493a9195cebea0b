from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pytest

from eddyline.bindings.live_column import LiveColumn, place_columns


def widths(*specs: str | LiveColumn, rows: list[tuple[object, ...]], room: int = 0) -> list[int]:
    layout = place_columns(specs or None, ["a", "b"], rows[0] if rows else None)
    layout.measure(rows)
    layout.place(room=room)
    return [column.width for column in layout.columns]


def test_width_is_that_of_the_widest_cell_or_title() -> None:
    assert widths("a", LiveColumn("b", label="a title"), rows=[(1, "x"), (12345, "y")]) == [5, 7]


def test_fixed_width_is_kept() -> None:
    assert widths(LiveColumn("a", width=3), "b", rows=[("a long cell", "x")], room=80) == [3, 1]


def test_wide_column_is_cut_at_its_limit_and_gets_the_room_that_is_left() -> None:
    rows: list[tuple[object, ...]] = [("x" * 70, "y" * 70)]
    assert widths(rows=rows) == [40, 40]
    assert widths(rows=rows, room=100) == [56, 40]
    assert widths(rows=rows, room=1000) == [70, 70]


def test_numbers_stand_on_the_right_and_nulls_do_not_decide() -> None:
    layout = place_columns(None, ["a", "b"], None)
    layout.measure([(None, "1"), (1, 2)])
    assert [column.right for column in layout.columns] == [True, False]


def test_title_with_a_marker_is_cut_before_the_marker_is() -> None:
    layout = place_columns([LiveColumn("a", label="priority", width=6)], ["a"], None)
    assert layout.columns[0].title("▼") == "pri… ▼"


def test_two_columns_of_one_name_are_two_columns() -> None:
    layout = place_columns(None, ["n", "n"], None)
    assert [column.cell(("left", "right"))[0] for column in layout.columns] == ["left", "right"]


def test_column_is_read_by_position_by_key_and_by_attribute() -> None:
    class Pair(NamedTuple):
        a: int
        b: int

    @dataclass
    class Thing:
        a: int
        b: int

    rows: list[tuple[object, list[str]]] = [
        ((1, 2), ["a", "b"]),
        ({"a": 1, "b": 2}, []),
        (Pair(1, 2), []),
        (Thing(1, 2), []),
        (Thing(1, 2), ["a", "b"]),
    ]
    for row, names in rows:
        layout = place_columns(["b"], names, row)
        assert layout.columns[0].cell(row)[0] == "2", row


def test_list_of_plain_values_is_one_column() -> None:
    layout = place_columns(None, [], "first")
    assert [column.cell("first")[0] for column in layout.columns] == ["first"]


def test_computed_column_reads_the_row() -> None:
    share = LiveColumn("share", value=lambda row: row[0] / row[1], format="{:.0%}".format)
    assert place_columns([share], ["a", "b"], None).columns[0].cell((1, 4))[0] == "25%"


def test_what_a_format_raises_is_shown_in_the_cell() -> None:
    column = place_columns([LiveColumn("a", format=lambda a: 1 // a)], ["a"], None).columns[0]
    assert column.cell((0,))[:2] == ("!ZeroDivisionError", "error")


def test_missing_column_is_shown_in_the_cell() -> None:
    assert place_columns(["c"], ["a", "b"], None).columns[0].cell((1, 2))[0] == "!AttributeError"


def test_column_at_a_cell_of_the_line() -> None:
    layout = place_columns(["a", "b"], ["a", "b"], None)
    assert [layout.at(x) for x in range(-1, 7)] == [None, 0, 0, 0, 1, 1, 1, None]


@pytest.mark.parametrize("width", [0, -3])
def test_width_of_nothing_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match="at least 1 cell"):
        LiveColumn("a", width=width)
