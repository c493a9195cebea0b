"""Kinds: each type of the Values table of DESIGN.md goes in, comes out, sorts, and refuses what isn't its own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline import ModelError, ParameterError, UnreadableError
from eddyline.core.kinds import kind_of


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Raw(bytes):
    """Bytes of a library's own type."""


CET = dt.timezone(dt.timedelta(hours=1))


@pytest.mark.parametrize(
    ("hint", "value", "stored"),
    [
        (bool, True, 1),
        (int, -(2**63), -(2**63)),
        (float, 1.5, 1.5),
        (float, 2, 2.0),
        (str, "é", "é"),
        (bytes, b"\0\xff", b"\0\xff"),
        (dt.datetime, dt.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=CET), "2024-01-02T02:04:05.000006Z"),
        (bytes, Raw(b"x"), b"x"),
        (dt.date, dt.date(2024, 1, 2), "2024-01-02"),
        (dt.time, dt.time(3, 4), "03:04:00"),
        (Color, Color.RED, "red"),
        (Level, Level.HIGH, 2),
        (Literal["a", "b"], "a", "a"),
        (Literal[1, 2], 2, 2),
        (dict[str, Any], {"b": 1, "a": [None]}, '{"a":[null],"b":1}'),
        (list[int], [1, 2], "[1,2]"),
        (frozenset[str], frozenset({"b", "a", "é"}), '["a","b","é"]'),
        (frozenset, frozenset(), "[]"),
        (int | None, None, None),
        (int | None, 3, 3),
    ],
)
def test_value_goes_in_and_comes_out(hint: Any, value: Any, stored: Any) -> None:
    kind = kind_of(hint)
    assert (kind.encode(value, "x"), type(kind.encode(value, "x"))) == (stored, type(stored))
    assert kind.read(stored, "x") == value
    assert isinstance(kind.read(stored, "x"), type(value)) or hint in (float, bytes)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (bool, 1),
        (int, "1"),
        (int, 2**63),
        pytest.param(int, 10**5000, id="5000 digits"),
        pytest.param(float, 10**400, id="400 digits"),
        (float, float("nan")),
        (str, 1),
        (str, Color.RED),
        (bytes, "x"),
        (dt.datetime, dt.datetime(2024, 1, 2)),  # noqa: DTZ001  # without a zone: the claim
        (dt.datetime, dt.date(2024, 1, 2)),
        (dt.date, dt.datetime(2024, 1, 2, tzinfo=CET)),
        (dt.time, dt.time(1, tzinfo=CET)),
        (Color, "red"),
        (Color, ["red"]),
        (Literal["a"], "b"),
        (Literal["a"], ["a"]),
        (Literal[1], True),
        (dict, []),
        (dict, {"x": float("nan")}),
        (dict, {"\ud800": 1}),
        (list, ["\ud800"]),
        (frozenset, ["a"]),
        (frozenset, frozenset({("a",)})),
        (frozenset, frozenset({float("nan")})),
        (int, None),
    ],
)
def test_value_of_another_type_is_refused_by_name(hint: Any, value: Any) -> None:
    with pytest.raises(ParameterError, match=r"issue\.x"):
        kind_of(hint).encode(value, "issue.x")


@pytest.mark.parametrize("hint", [complex, int | str, Literal[1, "a"], set[int], Decimal, Any])
def test_type_without_a_form_in_sqlite_is_refused(hint: Any) -> None:
    with pytest.raises(ModelError):
        kind_of(hint)


def test_scale_is_for_decimals() -> None:
    with pytest.raises(ModelError, match="scale"):
        kind_of(int, scale=2)


@pytest.mark.parametrize(
    ("hint", "stored"),
    [(dt.datetime, "soon"), (dt.date, 5), (Color, "green"), (dict, "{"), (list, b"\xff"), (frozenset, "{}")],
)
def test_value_that_cannot_be_read_is_told_with_its_column(hint: Any, stored: Any) -> None:
    with pytest.raises(UnreadableError, match=r"issue\.x holds"):
        kind_of(hint).read(stored, "issue.x")


def test_decimal_is_text_of_fixed_width() -> None:
    kind = kind_of(Decimal, scale=2)
    assert kind.encode(Decimal("12.5"), "x") == "p000000000000000012.50"
    assert kind.encode(Decimal("-12.5"), "x") == "n999999999999999987.49"
    assert kind.encode(Decimal("-0"), "x") == kind.encode(Decimal("0.00"), "x") == "p000000000000000000.00"
    assert str(kind.read("n999999999999999987.49", "x")) == "-12.50"


@pytest.mark.parametrize("value", ["0.001", "1e18", "1e999999", "NaN", "Infinity"])
def test_decimal_that_the_column_cannot_hold_is_refused_never_rounded(value: str) -> None:
    with pytest.raises(ParameterError):
        kind_of(Decimal, scale=2).encode(Decimal(value), "x")


@given(st.lists(st.decimals(min_value=-(10**17), max_value=10**17, places=3), min_size=2, max_size=2))
def test_decimals_sort_as_their_text_does(values: list[Decimal]) -> None:
    kind = kind_of(Decimal, scale=3)
    low, high = (kind.encode(value, "x") for value in sorted(values))
    assert isinstance(low, str)
    assert isinstance(high, str)
    assert low <= high
    assert [kind.read(text, "x") for text in (low, high)] == sorted(values)
