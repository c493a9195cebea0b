"""OpenTelemetry: `trace_to_otel(db)` sends each transaction, and what it moved on screens, to a tracer (extra `otel`).

    span of the program's own
    `- transaction           commit, message, actor, command, tables, outcome
       |- wait, write, stage, commit
       `- propagation        queries, patches

A transaction is a child of the span that was current where it was asked for, also if another task or thread carries it
out. A failed one has the status ERROR and its exception. `opentelemetry` is imported when this is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core.database import Database
from ..core.errors import MissingLibraryError
from ..core.write.trace import Span

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer, TracerProvider

__all__ = ["trace_to_otel"]


def trace_to_otel(db: Database, tracer_provider: TracerProvider | None = None) -> Callable[[], None]:
    """Send the spans of `db` to `tracer_provider`, or to the program's own; return what ends that.

    Raises `MissingLibraryError` where `opentelemetry-api` isn't installed.
    """
    try:
        from opentelemetry import context, trace
    except ImportError as error:
        raise MissingLibraryError(
            "trace_to_otel takes OpenTelemetry: pip install 'eddyline[otel]'", library="opentelemetry-api"
        ) from error
    tracer = trace.get_tracer("eddyline", tracer_provider=tracer_provider)

    def send(span: Span) -> None:
        around = context.Context() if span.context is None else span.context.run(context.get_current)
        _send(tracer, span, around, database=db.path)

    return db.trace(send)


def _send(tracer: Tracer, span: Span, around: Context, *, database: str) -> None:
    from opentelemetry.trace import Status, StatusCode, set_span_in_context

    facts = {f"eddyline.{name}": value for name, value in span.attributes.items()}
    sent = tracer.start_span(
        f"eddyline {span.name}",
        around,
        attributes={"db.system.name": "sqlite", "db.namespace": database, **facts},
        start_time=span.start_ns,
    )
    inside = set_span_in_context(sent, around)
    for child in span.children:
        _send(tracer, child, inside, database=database)
    if span.error is not None:
        sent.record_exception(span.error, timestamp=span.end_ns)
        sent.set_status(Status(StatusCode.ERROR, str(span.error)))
    sent.end(span.end_ns)
