"""Ids: 26 characters that sort by the time of their making, rising within a process."""

from __future__ import annotations

import pytest

from eddyline.core.ids import Ids, new_id


def test_id_is_the_time_and_the_random_bits_in_crockfords_base_32() -> None:
    ids = Ids(now_ms=lambda: 1_469_918_176_385, random_bits=lambda bits: 0)
    assert ids.new() == "01ARYZ6S410000000000000000"


def test_ids_of_one_millisecond_rise_by_one() -> None:
    ids = Ids(now_ms=lambda: 1, random_bits=lambda bits: 31)
    assert [ids.new() for _ in range(2)] == ["0000000001000000000000000Z", "00000000010000000000000010"]


def test_ids_rise_when_the_clock_is_set_back() -> None:
    times = iter([5, 3, 4, 6])
    ids = Ids(now_ms=lambda: next(times), random_bits=lambda bits: 7)
    made = [ids.new() for _ in range(4)]
    assert made == sorted(set(made))


def test_random_bits_that_are_used_up_carry_into_the_next_millisecond() -> None:
    ids = Ids(now_ms=lambda: 1, random_bits=lambda bits: (1 << bits) - 1)
    assert [ids.new() for _ in range(2)] == ["0000000001ZZZZZZZZZZZZZZZZ", "00000000020000000000000000"]


def test_a_clock_past_48_bits_is_refused() -> None:
    ids = Ids(now_ms=lambda: 1 << 48, random_bits=lambda bits: 0)
    with pytest.raises(OverflowError):
        ids.new()


def test_new_id_gives_different_ids_in_order() -> None:
    made = [new_id() for _ in range(1000)]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {26}
