"""Order keys: there is always one between two, short where lists grow."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline import ParameterError
from eddyline.core.order_keys import order_key_between, order_keys_between


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=40))
def test_a_row_can_be_put_anywhere(places: list[tuple[int, int]]) -> None:
    keys: list[str] = []
    for place, seed in places:
        at = place % (len(keys) + 1)
        left, right = keys[at - 1] if at else None, keys[at] if at < len(keys) else None
        keys.insert(at, order_key_between(left, right, random_below=random.Random(seed).randrange))
    assert keys == sorted(set(keys))


@pytest.mark.parametrize("digit", [0, 60])
def test_even_the_least_and_the_greatest_random_digits_leave_room(digit: int) -> None:
    left, right = None, None
    for side in "lrlrllrrlr" * 8:
        key = order_key_between(left, right, random_below=lambda _: digit)
        assert (left or "") < key < (right or "~")
        left, right = (key, right) if side == "l" else (left, key)


@pytest.mark.parametrize("at_end", [True, False])
def test_keys_at_an_end_stay_short(at_end: bool) -> None:
    keys = order_keys_between("a0V" if at_end else None, None if at_end else "a0V", 10_000)
    assert keys == sorted(set(keys))
    assert max(map(len, keys)) == 8


def test_one_gap_halved_a_hundred_times_costs_a_letter_for_six() -> None:
    left, right = "a0V", "a0W"
    rng = random.Random(1)
    for _ in range(100):
        right = order_key_between(left, right, random_below=rng.randrange)
    assert len(right) <= 3 + 100 / 5 + 4


def test_two_replicas_choose_different_keys_in_one_gap() -> None:
    assert (
        len({order_key_between("a0V", "a0W", random_below=random.Random(seed).randrange) for seed in range(300)}) == 300
    )


def test_a_list_gets_short_keys_anew() -> None:
    keys = order_keys_between("a0V", "a1V", 1_000, random_below=random.Random(1).randrange)
    assert keys == sorted(set(keys))
    assert (len(keys), max(map(len, keys)) <= 12) == (1_000, True)
    assert order_keys_between(None, None, 0) == []


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ("a0V", "a0V", "no key lies between"),
        ("a1V", "a0V", "no key lies between"),
        ("", None, "no order key"),
        ("7", None, "no order key"),
        ("ä", None, "no order key"),
        (7, None, "no order key"),
        (None, "a0", "has no fraction"),
        (None, "a0V0", "one that ends in 0"),
        ("a0" + "V" * 900, None, "an order key of 902 letters"),
    ],
)
def test_what_is_no_order_key_is_told(left: str | None, right: str | None, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        order_key_between(left, right)


def test_beyond_the_last_and_before_the_first_whole_part_fractions_go_on() -> None:
    last, first = "z" * 27 + "V", "A" + "0" * 26 + "V"
    assert order_key_between(last, None) > last
    assert order_key_between(None, first) < first
