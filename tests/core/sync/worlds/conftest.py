"""An option of these tests alone: repeat one script of the simulation, shrunk if it fails."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/core/sync/worlds --sync-seed 7` lives through the script of seed 7 alone."""
    parser.addoption("--sync-seed", type=int, default=None, help="run this script of the simulation alone")
