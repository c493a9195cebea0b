"""`--oracle-seed N` runs one world of the oracle: the line that a failing world prints."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--oracle-seed", type=int, default=None, help="run the oracle's world of this seed alone")
