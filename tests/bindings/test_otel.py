"""Transactions as spans of OpenTelemetry, met by its own SDK."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from eddyline import ConstraintError, Database, MissingLibraryError
from eddyline.bindings.otel import trace_to_otel


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with await Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        yield db


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made


async def test_transaction_is_a_child_of_the_span_that_asked_for_it(
    db: Database, exporter: InMemorySpanExporter, provider: TracerProvider
) -> None:
    await db.live("SELECT id FROM t")
    trace_to_otel(db, provider)
    with provider.get_tracer("program").start_as_current_span("request"):
        await db.execute("INSERT INTO t VALUES (1)")
    spans = {span.name: span for span in exporter.get_finished_spans()}
    whole = spans["eddyline transaction"]
    assert [*spans] == [
        "eddyline wait", "eddyline write", "eddyline stage", "eddyline commit", "eddyline propagation",
        "eddyline transaction", "request",
    ]  # fmt: skip
    assert whole.parent == spans["request"].context
    assert spans["eddyline propagation"].parent == whole.context
    assert whole.attributes == {
        "db.system.name": "sqlite", "db.namespace": ":memory:", "eddyline.outcome": "committed", "eddyline.commit": 2,
        "eddyline.tables": "t",
    }  # fmt: skip
    assert whole.start_time is not None
    assert whole.end_time is not None
    assert whole.start_time < whole.end_time


async def test_transaction_outside_any_span_is_a_root(
    db: Database, exporter: InMemorySpanExporter, provider: TracerProvider
) -> None:
    stop = trace_to_otel(db, provider)
    await db.execute("INSERT INTO t VALUES (1)")
    stop()
    await db.execute("INSERT INTO t VALUES (2)")
    (whole,) = (span for span in exporter.get_finished_spans() if span.name == "eddyline transaction")
    assert whole.parent is None


async def test_failed_transaction_has_its_exception_and_status(
    db: Database, exporter: InMemorySpanExporter, provider: TracerProvider
) -> None:
    trace_to_otel(db, provider)
    with pytest.raises(ConstraintError):
        await db.execute("INSERT INTO t VALUES (1), (1)")
    whole = exporter.get_finished_spans()[-1]
    assert whole.status.status_code is StatusCode.ERROR
    assert [event.name for event in whole.events] == ["exception"]


async def test_without_the_library_it_says_what_to_install(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'eddyline\[otel\]'"):
        trace_to_otel(db)
