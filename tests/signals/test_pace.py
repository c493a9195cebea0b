"""`Pace`: a share of the time, and a burst ahead of it."""

from __future__ import annotations

import pytest

from eddyline.signals.pace import Pace


def test_pace_lets_a_burst_through_and_then_asks_to_wait_until_the_share_is_kept() -> None:
    pace = Pace(share=0.25, ahead_s=0.1)
    assert pace.wait_s(10.0) <= 0
    pace.spend(0.06, 10.0)
    assert pace.wait_s(10.0) <= 0
    pace.spend(0.06, 10.0)
    assert pace.wait_s(10.0) == pytest.approx(0.08)  # 0.12 s taken, 0.02 more than may be ahead
    assert pace.wait_s(10.08) == pytest.approx(0.0)
    pace.spend(0.05, 10.08)
    assert pace.wait_s(10.08) == pytest.approx(0.2)
    assert pace.wait_s(20.0) <= 0  # what was not taken in quiet times is not saved up
    pace.spend(0.12, 20.0)
    assert pace.wait_s(20.0) == pytest.approx(0.08)
