"""What every test shares: hypothesis without a clock, long runs only when they are asked for."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

IS_SOAK = os.environ.get("EDDYLINE_SOAK") == "1"

settings.register_profile("eddyline", deadline=None, print_blob=True)
settings.register_profile("soak", deadline=None, print_blob=True, max_examples=2_000)
settings.load_profile("soak" if IS_SOAK else "eddyline")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `soak`, unless EDDYLINE_SOAK=1 (`python3 dev soak`) asks for it."""
    if IS_SOAK:
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
