"""Fixtures for pytest: `pytest_plugins = ["eddyline.pytest_plugin"]` in a conftest.py."""

from eddyline.bindings.pytest_fixtures import eddyline_clock, eddyline_network, eddyline_server

__all__ = ["eddyline_clock", "eddyline_network", "eddyline_server"]
