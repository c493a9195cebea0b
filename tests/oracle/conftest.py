"""`--oracle-seed N` runs one world of the oracle: the line that a failing world prints."""

from __future__ import annotations

import pytest

from eddyline.core.ivm import routing
from eddyline.core.write import capture


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--oracle-seed", type=int, default=None, help="run the oracle's world of this seed alone")


@pytest.fixture(autouse=True)
def _shortcuts_are_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even a single view stepped only where the router says so, and small logs consolidated when one steps.

    Logs of a few rows are routed from Python, of some more by SQLite.
    """
    monkeypatch.setattr(routing, "FEW", 0)
    monkeypatch.setattr(routing, "ROWS_MAX", 3)
    monkeypatch.setattr(capture, "LARGE", 6)
