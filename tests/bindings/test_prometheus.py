"""Live queries as metrics of Prometheus, met by its own client."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from eddyline import Database, MissingLibraryError
from eddyline.bindings.prometheus import metrics_to_prometheus

OPEN = "SELECT id FROM t\nWHERE v = ?"


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with await Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)")
        yield db


async def test_metrics_add_up_the_queries_of_one_text(db: Database) -> None:
    registry = CollectorRegistry()
    metrics_to_prometheus(db, registry)
    await db.live(OPEN, 1)
    await db.live(OPEN, 2)
    await db.execute("INSERT INTO t (v) VALUES (1), (1), (2)")
    labels = {"database": ":memory:", "query": "SELECT id FROM t WHERE v = ?", "rule": "delta"}

    def value(name: str, **more: str) -> float | None:
        return registry.get_sample_value(name, {"database": ":memory:", **more})

    assert (value("eddyline_views"), value("eddyline_queries"), value("eddyline_commits_total")) == (2, 2, 2)
    assert [registry.get_sample_value(f"eddyline_query_{name}", labels) for name in (
        "steps_total", "rows_in_total", "patches_total", "reruns_total", "rows", "state_size",
    )] == [2, 6, 5, 0, 3, 3]  # fmt: skip
    assert (registry.get_sample_value("eddyline_query_seconds_total", labels) or 0) > 0
    assert value("eddyline_transaction_seconds_count", outcome="committed") == 1
    assert value("eddyline_propagation_seconds_count") == 3


async def test_only_the_queries_that_cost_most_have_metrics_of_their_own(db: Database) -> None:
    registry = CollectorRegistry()
    metrics_to_prometheus(db, registry, queries_max=2)
    for column in ("id", "v", "id + v"):
        await db.live(f"SELECT {column} FROM t")
    text = generate_latest(registry).decode()
    assert sum(line.startswith("eddyline_query_rows{") for line in text.splitlines()) == 2
    assert 'eddyline_queries{database=":memory:"} 3.0' in text


async def test_it_is_scraped_from_another_thread_and_ends(db: Database) -> None:
    registry = CollectorRegistry()
    end = metrics_to_prometheus(db, registry)
    await db.live(OPEN, 1)
    seen: list[float | None] = []
    thread = threading.Thread(
        target=lambda: seen.append(registry.get_sample_value("eddyline_views", {"database": ":memory:"}))
    )
    thread.start()
    thread.join()
    assert seen == [1]
    await db.close()
    assert "eddyline_views" not in generate_latest(registry).decode()
    end()
    assert generate_latest(registry) == b""


async def test_without_the_library_it_says_what_to_install(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'eddyline\[prometheus\]'"):
        metrics_to_prometheus(db)
