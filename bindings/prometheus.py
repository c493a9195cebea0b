"""Prometheus: `metrics_to_prometheus(db)` has a registry ask what the live queries cost (extra `prometheus`).

    eddyline_views{database}                                 and _queries, _commits_total
    eddyline_query_steps_total{database, query, rule}        and _read_anew, _reruns, _rows_in, _patches, _seconds
    eddyline_query_rows{database, query, rule}               and _state_size
    eddyline_transaction_seconds{database, outcome}          histogram, from the call to the last view told
    eddyline_propagation_seconds{database}                   histogram

A query is its text: those that differ by their parameters only are added up, and of many only the `queries_max` that
cost most have metrics of their own. `prometheus_client` is imported when this is called; it may scrape from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from ..core.database import Database
from ..core.errors import ClosedError, MissingLibraryError
from ..core.stats import QueryStats, Stats
from ..core.write.trace import Span

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

__all__ = ["metrics_to_prometheus"]

_COUNTERS = {
    "steps": "Commits that a live query followed.",
    "read_anew": "Fills and steps that read the query again.",
    "reruns": "Runs of a query under the re-run rule.",
    "rows_in": "Changed rows that a live query looked at.",
    "patches": "Patches that views were told.",
}
_GAUGES = {"rows": "Rows shown.", "state_size": "Rows and groups held."}
_LABELS = ["database", "query", "rule"]


def metrics_to_prometheus(
    db: Database, registry: CollectorRegistry | None = None, *, queries_max: int = 100
) -> Callable[[], None]:
    """Let `registry`, or prometheus_client's own, ask `db` for its metrics; return what ends that.

    Two databases of one path take two registries. Raises `MissingLibraryError` where `prometheus-client` is missing.
    """
    try:
        from prometheus_client import REGISTRY, Histogram
        from prometheus_client.registry import Collector
    except ImportError as error:
        raise MissingLibraryError(
            "metrics_to_prometheus takes prometheus_client: pip install 'eddyline[prometheus]'",
            library="prometheus-client",
        ) from error
    registry = registry or REGISTRY
    transactions = Histogram(
        "eddyline_transaction_seconds", "Transactions, from the call to the last view told.", ["database", "outcome"],
        registry=None,
    )  # fmt: skip
    propagations = Histogram(
        "eddyline_propagation_seconds", "Views told of a commit, subscribers and effects run.", ["database"],
        registry=None,
    )  # fmt: skip

    def note(span: Span) -> None:
        for one in (span, *span.children):
            seconds = (one.end_ns - one.start_ns) / 1e9
            if one.name == "transaction":
                transactions.labels(db.path, str(one.attributes["outcome"]).replace(" ", "_")).observe(seconds)
            elif one.name == "propagation":
                propagations.labels(db.path).observe(seconds)

    class Metrics(Collector):
        """What the registry asks."""

        def collect(self) -> Iterable[Metric]:
            yield from transactions.collect()
            yield from propagations.collect()
            with suppress(ClosedError):  # a closed database has no live queries; its times stay
                yield from _families(db.stats(), db.path, queries_max)

    collector = Metrics()
    registry.register(collector)
    stop = db.trace(note)

    def end() -> None:
        stop()
        registry.unregister(collector)

    return end


def _families(stats: Stats, path: str, queries_max: int) -> Iterator[Metric]:
    """Yield the metrics of all live queries, and of those that cost most."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for name, count in (("views", stats.views), ("queries", len(stats.queries))):
        whole = GaugeMetricFamily(f"eddyline_{name}", f"Live {name} that are open.", labels=["database"])
        whole.add_metric([path], count)
        yield whole
    commits = CounterMetricFamily("eddyline_commits", "Commits that were followed.", labels=["database"])
    commits.add_metric([path], stats.commits)
    yield commits
    texts = _by_text(stats.queries)
    for name, said in _COUNTERS.items():
        counter = CounterMetricFamily(f"eddyline_query_{name}", said, labels=_LABELS)
        for (text, rule), ones in texts[:queries_max]:
            counter.add_metric([path, text, rule], sum(getattr(one, name) for one in ones))
        yield counter
    seconds = CounterMetricFamily("eddyline_query_seconds", "Time of steps and runs.", labels=_LABELS)
    for (text, rule), ones in texts[:queries_max]:
        seconds.add_metric([path, text, rule], sum(one.total_us for one in ones) / 1e6)
    yield seconds
    for name, said in _GAUGES.items():
        gauge = GaugeMetricFamily(f"eddyline_query_{name}", said, labels=_LABELS)
        for (text, rule), ones in texts[:queries_max]:
            gauge.add_metric([path, text, rule], sum(getattr(one, name) for one in ones))
        yield gauge


def _by_text(queries: Iterable[QueryStats]) -> list[tuple[tuple[str, str], list[QueryStats]]]:
    """Return the queries by text and rule, what costs most first."""
    found: dict[tuple[str, str], list[QueryStats]] = {}
    for one in queries:
        found.setdefault((" ".join(one.sql.split()), one.rule), []).append(one)
    return sorted(found.items(), key=lambda item: (-sum(one.total_us for one in item[1]), item[0]))
