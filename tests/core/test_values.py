"""Values: what goes into SQLite is checked and converted once, at the door."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from typing import Any

import pytest

from eddyline import ParameterError
from eddyline.core.values import bind, parameter_sets, same_typed, to_sql, typed


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Name(str):
    __slots__ = ()


PLUS_TWO = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (None, None),
        (7, 7),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        (1.5, 1.5),
        (float("inf"), float("inf")),
        ("text", "text"),
        (b"\x00\xff", b"\x00\xff"),
        (True, 1),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Name("Ada"), "Ada"),
        (dt.date(2024, 2, 29), "2024-02-29"),
        (dt.time(9, 5, 1), "09:05:01"),
        (dt.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC), "2024-01-02T03:04:05.000006Z"),
        (dt.datetime(2024, 1, 1, 1, tzinfo=PLUS_TWO), "2023-12-31T23:00:00.000000Z"),
        (dt.datetime(999, 1, 2, tzinfo=dt.UTC), "0999-01-02T00:00:00.000000Z"),
        ({"b": [1, None], "a": "ä"}, '{"a":"ä","b":[1,null]}'),
        ([], "[]"),
    ],
)
def test_a_value_is_held_as(value: Any, held: Any) -> None:
    result = to_sql(value)
    assert (result, type(result)) == (held, type(held))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2**63, "parameter is 9223372036854775808: SQLite's integers have 64 bits"),
        (float("nan"), "parameter is NaN, which SQLite would turn into NULL"),
        (dt.datetime(2024, 1, 1), "parameter is a datetime without a time zone"),  # noqa: DTZ001
        (dt.datetime.min.replace(tzinfo=PLUS_TWO), "outside the years 1 to 9999"),
        (object(), "parameter is a object; SQLite takes None, bool, int"),
        ({1, 2}, "parameter is a set"),
        ({"a": {1}}, "can't be written as JSON: Object of type set"),
        ({1: "a", "b": 2}, "can't be written as JSON: '<' not supported"),
        ([float("nan")], "can't be written as JSON: Out of range float"),
    ],
)
def test_what_sqlite_cannot_hold_is_refused(value: Any, said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        to_sql(value)
    assert said in str(caught.value)


def test_a_refused_parameter_is_named_by_its_place_or_name() -> None:
    with pytest.raises(ParameterError, match="parameter 2 is NaN"):
        bind([1, float("nan")], {})
    with pytest.raises(ParameterError, match="parameter :when is a datetime"):
        bind([], {"when": dt.datetime(2024, 1, 1)})  # noqa: DTZ001


def test_parameters_come_by_position_or_by_name_not_both() -> None:
    assert bind([1, True], {}) == [1, 1]
    assert bind([], {"a": True}) == {"a": 1}
    with pytest.raises(ParameterError, match="by position or by name, not both"):
        bind([1], {"a": 1})


def test_parameter_sets_are_sequences_or_mappings() -> None:
    assert parameter_sets(iter([(1, 2), [3, 4], {"a": 5}])) == [(1, 2), (3, 4), {"a": 5}]


@pytest.mark.parametrize("many", [[1, 2], None, 7, ["ab"], [b"ab"], "ab"])
def test_a_parameter_set_that_is_no_set_is_refused(many: Any) -> None:
    with pytest.raises(ParameterError, match="one tuple, list or dict for each run"):
        parameter_sets(many)


@pytest.mark.parametrize(("left", "right"), [(1, 1.0), (1, "1"), ("1", b"1"), (0, None), (1, True)])
def test_values_of_different_types_are_not_the_same(left: Any, right: Any) -> None:
    assert not same_typed(left, right)
    assert typed([left]) != typed([right])


def test_equal_values_of_one_type_are_the_same() -> None:
    row: Sequence[Any] = [None, 1, 1.5, "a", b"a"]
    assert all(same_typed(value, value) for value in row)
    assert typed(row) == typed(list(row))
    assert hash(typed(row)) == hash(typed(list(row)))
