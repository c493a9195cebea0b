"""The clock: stamps rise, whatever the wall clock does."""

from __future__ import annotations

from eddyline.core.clock import STAMP_MAX, Clock, stamp_at, stamp_ms


def test_a_stamp_says_its_millisecond_and_is_the_first_of_it() -> None:
    stamp = Clock(lambda: 1_700_000_000_000).tick()
    assert (stamp, stamp_ms(stamp)) == (1_700_000_000_000 * 65_536, 1_700_000_000_000)


def test_stamps_of_one_millisecond_count_up() -> None:
    clock = Clock(lambda: 5)
    assert [clock.tick() for _ in range(3)] == [5 << 16, (5 << 16) + 1, (5 << 16) + 2]


def test_stamps_rise_while_the_wall_clock_is_set_back() -> None:
    now = iter([1000, 400, 401, 1001])
    clock = Clock(lambda: next(now))
    assert [clock.tick() for _ in range(4)] == [1000 << 16, (1000 << 16) + 1, (1000 << 16) + 2, 1001 << 16]


def test_a_full_counter_runs_into_the_next_millisecond() -> None:
    clock = Clock(lambda: 7)
    assert stamp_ms(clock.tick(after=stamp_at(7) + 65_535)) == 8


def test_a_stamp_is_above_the_last_one_of_the_lane_in_the_file() -> None:
    assert Clock(lambda: 7).tick(after=stamp_at(900) + 3) == stamp_at(900) + 4


def test_what_is_counted_on_from_the_largest_stamp_fits_sqlite() -> None:
    assert STAMP_MAX + 1_000_000_000 < 2**63
