"""Semantic types: what each takes, reads from text, shows and holds; and that users make their own."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Annotated, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline import Email, ModelError, Money, ParameterError, Semantic, Url, money, semantic
from eddyline.core.kinds import kind_of


@dataclass(frozen=True)
class Point:
    x: int
    y: int


def point_of(text: str) -> Point:
    x, y = map(int, text.split(","))
    return Point(x, y)


AtMap = Annotated[Point, semantic("Point", of=str, store=lambda at: f"{at.x},{at.y}", load=point_of, parse=point_of)]
ANYTHING: Any = 3
Yen = Annotated[Decimal, money("Yen", digits=0)]


def meaning(kind: Any) -> Semantic:
    """Return what is annotated."""
    found: Semantic = get_args(kind)[1]
    return found


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        (Email, " Ada.L@Example.ORG\n", "Ada.L@example.org"),
        (Url, "Example.org/A?q=B", "https://example.org/A?q=B"),
        (Url, "HTTP://example.org", "http://example.org"),
        (Money, "1,234.50", Decimal("1234.50")),
        (Money, "1.234,5 EUR", Decimal("1234.50")),
        (Money, "$ -3", Decimal("-3.00")),
        (Money, "1,234", Decimal("1234.00")),
        (Money, "12,34", Decimal("12.34")),
        (Money, "1 234 567", Decimal("1234567.00")),
        (Money, "1.234.567", Decimal("1234567.00")),
        (Yen, "1,200", Decimal(1200)),
        (AtMap, "3,4", Point(3, 4)),
    ],
)
def test_text_is_read_as_a_person_means_it(kind: Any, typed: str, value: Any) -> None:
    found = meaning(kind).read_text(typed)
    assert (found, str(found)) == (value, str(value))


@pytest.mark.parametrize(("kind", "typed"), [(Money, "much"), (Money, "1.234,567"), (Money, ""), (AtMap, "3")])
def test_text_that_means_nothing_is_a_value_error(kind: Any, typed: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each says it in its own words
        meaning(kind).read_text(typed)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Email, ["a@b.io", "ada+x@mail.example.org"], ["a", "a@b", "a b@c.de", "a@b.io\n", "@b.io", "a@.io"]),
        (Url, ["https://a", "http://a.b:80/c?d#e"], ["a.b", "ftp://a", "https://", "https://a b", "http://[a"]),
    ],
)
def test_check_tells_good_from_bad(kind: Any, good: list[str], bad: list[str]) -> None:
    check = meaning(kind).check
    assert check is not None
    assert all(check(text) for text in good)
    for text in bad:
        with pytest.raises(ValueError):  # noqa: PT011  # each says it in its own words
            check(text)


def test_money_lies_as_a_whole_number_of_its_smallest_unit() -> None:
    kind = kind_of(Money)
    assert (kind.sql, kind.encode(Decimal("12.5"), "x"), kind.read(1250, "x")) == ("INTEGER", 1250, Decimal("12.50"))
    assert (meaning(Money).as_text(Decimal("-1234.5")), meaning(Yen).as_text(Decimal(1200))) == ("-1,234.50", "1,200")
    for value, reason in ((Decimal("0.001"), "2 digits"), (Decimal("NaN"), "2 digits"), (12.5, "takes Money")):
        with pytest.raises(ParameterError, match=reason):
            kind.encode(value, "x")
    with pytest.raises(ParameterError, match="64 bits"):
        kind.encode(Decimal(10) ** 17, "x")


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_whole_number_is_an_amount_and_comes_back(held: int) -> None:
    kind = kind_of(Money)
    assert kind.encode(kind.read(held, "x"), "x") == held


@given(st.decimals(-(10**9), 10**9, places=2))
def test_what_money_shows_it_reads(amount: Decimal) -> None:
    assert meaning(Money).read_text(meaning(Money).as_text(amount)) == amount


def test_class_of_ones_own_is_held_as_a_plain_type() -> None:
    kind = kind_of(AtMap | None)
    assert (kind.sql, kind.optional) == ("TEXT", True)
    assert (kind.encode(Point(3, 4), "x"), kind.read("3,4", "x"), kind.encode(None, "x")) == ("3,4", Point(3, 4), None)
    with pytest.raises(ParameterError, match=r"x takes Point, not '3,4' \(str\)"):
        kind.encode("3,4", "x")


def test_equal_columns_have_equal_kinds() -> None:
    assert kind_of(Money) == kind_of(Money) == kind_of(Annotated[Decimal, meaning(Money)])
    assert kind_of(Money) != kind_of(Yen)


def test_samples_are_values_of_their_type_and_differ_by_row() -> None:
    for kind in (Email, Url):
        one = meaning(kind)
        assert one.sample is not None
        assert one.check is not None
        made = [one.sample(Random(7), at) for at in range(50)]
        assert len(set(made)) == 50
        assert all(one.check(text) for text in made)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: semantic(""), "a semantic type has a name like 'Email', not ''"),
        (lambda: semantic("X", check=ANYTHING), r"semantic\('X', check=...\) takes a function, not 3"),
        (lambda: semantic("X", of=str), "of=, store= and load= go together"),
        (lambda: money(digits=12), "0 to 9 digits"),
        (lambda: kind_of(Annotated[list[int], semantic("X", of=str, store=str, load=list)]), "X is a class held as"),
    ],
)
def test_type_that_can_not_be_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()
