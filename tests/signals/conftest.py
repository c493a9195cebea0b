"""After each test the graph is at rest: whatever failed inside it, nothing is left half done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eddyline.signals import flush, nodes, pull, scope


@pytest.fixture(autouse=True)
def graph_is_at_rest_afterwards() -> Iterator[None]:
    yield
    assert [nodes.path, nodes.queue, flush.pending] == [[], [], {}]
    assert [nodes.tracker, nodes.token, nodes.fresh, scope.running] == [None] * 4
    assert nodes.holder is False
    assert [flush.busy, pull.depth] == [False, 0]
