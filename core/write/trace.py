"""Traces: one tree of spans for each transaction, from its call to the screens that it reached.

    transaction            asked .................................................. told
    |- wait                asked .. begun                      for the queue, the thread, another program's lock
    |- write                        begun .. stepped           statements, hooks
    |- stage                                 stepped .. staged the live queries that it concerns
    |- commit                                          .. committed
    `- propagation                             on the loop:     views changed, subscribers and effects run

A propagation without a transaction of ours (another program's commit, a re-run, a first fill) is a span of its own.
Nothing is measured while nobody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ..origin import Origin

if TYPE_CHECKING:
    from .writer import Commit

__all__ = ["Span", "SpanHook", "Trace", "Traces"]

Fact: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time: from `start_ns` to `end_ns`, nanoseconds since 1970. `error` is why it failed.

    `context` is that of the code that asked for it, where any did: in it a tracer finds the span around this one.
    """

    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Fact]
    children: tuple[Span, ...] = ()
    error: BaseException | None = None
    context: Context | None = None


SpanHook: TypeAlias = Callable[[Span], object]


class Trace:
    """One transaction under way: the writer notes on its thread when it came how far."""

    __slots__ = ("_asked_ns", "_context", "_now_ns", "_origin", "_rows", "_times", "ended", "expect", "number", "shown")

    def __init__(self, origin: Origin, now_ns: Callable[[], int], expect: Callable[[Trace], None]) -> None:
        self._origin, self._now_ns = origin, now_ns
        self._asked_ns = now_ns()
        self._context = copy_context()
        self._times: dict[str, int] = {}
        self._rows = 0
        self.expect = expect
        self.number: int | None = None
        self.shown: Span | None = None
        self.ended = False

    def note(self, what: str) -> None:
        """Note that `what` (wait, write, stage, commit) has ended now; of two times the last counts."""
        self._times[what] = self._now_ns()

    def staged(self, rows: int) -> None:
        """Note that the live queries have taken `rows` changed rows."""
        self.note("stage")
        self._rows = rows

    def committed(self, number: int) -> None:
        """Note that it is commit `number`, whose propagation is a part of it."""
        self.note("commit")
        self.number = number
        self.expect(self)

    def span(self, commit: Commit | None, error: BaseException | None) -> Span:
        """Return the whole tree."""
        parts: list[Span] = []
        start = self._asked_ns
        for name in ("wait", "write", "stage", "commit"):
            end = self._times.get(name)
            if end is not None:
                parts.append(Span(name, start, end, {"rows": self._rows} if name == "stage" else {}))
                start = end
        if self.shown is not None:
            parts.append(self.shown)
        origin = self._origin
        said = {"message": origin.message, "actor": origin.actor, "command": origin.command}
        facts: dict[str, Fact] = {name: value for name, value in said.items() if value}
        facts["outcome"] = "failed" if error is not None else "nothing written" if commit is None else "committed"
        if commit is not None:
            facts |= {"commit": commit.number, "tables": ", ".join(map(str, commit.tables))}
        return Span("transaction", self._asked_ns, self._now_ns(), facts, tuple(parts), error, self._context)


class Traces:
    """The span hooks of one database, and the traces under way."""

    def __init__(self, now_ns: Callable[[], int], report: Callable[[BaseException], None]) -> None:
        self.hooks: dict[SpanHook, None] = {}
        self._now_ns, self._report = now_ns, report
        self._committed: dict[int, Trace] = {}

    def begin(self, origin: Origin) -> Trace | None:
        """Return the trace of a transaction that is asked for now; None while nobody traces."""
        return Trace(origin, self._now_ns, self._expect) if self.hooks else None

    def _expect(self, trace: Trace) -> None:
        assert trace.number is not None, "it is committed"
        self._committed[trace.number] = trace

    def propagate(self, number: int, deliver: Callable[[], None], facts: Mapping[str, Fact]) -> None:
        """Run `deliver`, which shows commit `number`, as a span."""
        start_ns = self._now_ns()
        try:
            deliver()
        finally:
            span = Span("propagation", start_ns, self._now_ns(), {"commit": number, **facts})
            trace = self._committed.get(number)
            if trace is None:
                self._emit(span)
            else:
                trace.shown = span

    def end(self, trace: Trace | None, commit: Commit | None, error: BaseException | None = None) -> None:
        """Tell the hooks of a transaction that has ended; once."""
        if trace is not None and not trace.ended:
            trace.ended = True
            if trace.number is not None:
                self._committed.pop(trace.number, None)
            self._emit(trace.span(commit, error))

    def _emit(self, span: Span) -> None:
        for hook in list(self.hooks):
            try:
                hook(span)
            except Exception as error:  # a hook's own code: what it is told of has happened
                self._report(error)
