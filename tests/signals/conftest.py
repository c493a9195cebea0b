"""After each test the graph is at rest: whatever failed inside it, nothing is left half done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eddyline.signals import flush, nodes
from eddyline.signals.nodes import now


@pytest.fixture(autouse=True)
def graph_is_at_rest_afterwards() -> Iterator[None]:
    yield
    assert [nodes.path, nodes.queue, flush.pending] == [[], [], {}]
    assert [now.tracker, now.token, now.fresh, now.scoped] == [None] * 4
    assert now.holder is False
    assert [now.busy, now.depth] == [False, 0]
