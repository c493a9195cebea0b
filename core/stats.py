"""Stats: what the live queries of a database have cost, in all and one by one.

    views 3, programs 3, templates 2, commits 4012, kB 24
    rule      steps   anew   runs   rows in  patches  total ms  mean us  worst us   rows  query
    delta      4010      1      0      8020      812      61.2     15.3     402.1     50  SELECT id, title FROM ...

The numbers are counted on the writer's thread as it goes along; reading them costs nothing to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from .ivm.program import Program

__all__ = ["Profile", "QueryStats", "Stats", "by_cost", "query_stats"]

_COUNTED = ("steps", "read_anew", "rows_in", "patches", "reruns", "total_us")
_SHOWN_MAX = 72
_HEAD = "rule      steps   anew   runs   rows in  patches  total ms  mean us  worst us   rows  query"


@dataclass(frozen=True, slots=True)
class QueryStats:
    """One program: a query with its parameters, shared by the views that show it.

    `steps` follow commits by `rule`; `read_anew` counts those among them, fills too, that read the query again instead;
    `reruns` are runs on a reader. `bytes` is what it holds, about. `rows_in` are changed rows looked at, `patches` what
    views were told. `total_us` and `worst_us` are times of steps and runs, in microseconds.
    """

    sql: str
    params: object
    rule: str
    views: int
    rows: int
    state_size: int
    bytes: int
    steps: int
    read_anew: int
    reruns: int
    rows_in: int
    patches: int
    total_us: float
    worst_us: float

    @property
    def mean_us(self) -> float:
        """The mean of a step or run, in microseconds."""
        return self.total_us / (self.steps + self.reruns) if self.steps + self.reruns else 0.0


@dataclass(frozen=True, slots=True)
class Stats:
    """All live queries of a database, the most expensive first. `bytes` are what they hold, about."""

    commits: int
    views: int
    templates: int
    queries: tuple[QueryStats, ...]

    @property
    def bytes(self) -> int:
        """What all of them hold in memory, about."""
        return sum(one.bytes for one in self.queries)

    def __str__(self) -> str:
        counts = f"views {self.views}, programs {len(self.queries)}, templates {self.templates}, commits {self.commits}"
        lines = [f"{counts}, kB {self.bytes / 1e3:.0f}", _HEAD]
        for one in self.queries:
            flat = " ".join(one.sql.split())
            shown = flat if len(flat) <= _SHOWN_MAX else flat[: _SHOWN_MAX - 3] + "..."
            lines.append(
                f"{one.rule:<7} {one.steps:>7} {one.read_anew:>6} {one.reruns:>6} {one.rows_in:>9} {one.patches:>8} "
                f"{one.total_us / 1e3:>9.1f} {one.mean_us:>8.1f} {one.worst_us:>9.1f} {one.rows:>6}  {shown}"
            )
        return "\n".join(lines)


def query_stats(program: Program, *, views: int, rows: Sequence[Any], keys: Sequence[Any]) -> QueryStats:
    """Return the numbers of one program, whose `rows` and `keys` are on show."""
    meter, size = program.meter, program.size(rows, keys)
    return QueryStats(
        program.sql, program.bound, program.rule, views, len(rows), program.state_size, size.bytes, meter.steps,
        meter.read_anew, meter.reruns, meter.rows_in, meter.patches, meter.total_us, meter.worst_us,
    )  # fmt: skip


def by_cost(queries: Iterable[QueryStats]) -> tuple[QueryStats, ...]:
    """Return `queries`, the most expensive first."""
    return tuple(sorted(queries, key=lambda one: (-one.total_us, one.sql)))


class Profile:
    """What happens between two moments: `with db.profile() as profile: ...`, then `print(profile)`.

    `stats` are the differences; queries that were opened meanwhile count from zero, and `worst_us` is that of their
    whole life. Those that were closed meanwhile are not in it.
    """

    def __init__(self, read: Callable[[], Stats]) -> None:
        self._read = read
        self._before: Stats | None = None
        self.stats: Stats | None = None

    def __enter__(self) -> Self:
        self._before, self.stats = self._read(), None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._before is not None, "left without having been entered"
        before, after = self._before, self._read()
        known = {(one.sql, repr(one.params)): one for one in before.queries}
        queries = [_less(one, known.get((one.sql, repr(one.params)))) for one in after.queries]
        self.stats = replace(after, commits=after.commits - before.commits, queries=by_cost(queries))

    def __str__(self) -> str:
        return "nothing is measured yet" if self.stats is None else str(self.stats)


def _less(after: QueryStats, before: QueryStats | None) -> QueryStats:
    if before is None or before.steps > after.steps:
        return after
    return replace(after, **{name: getattr(after, name) - getattr(before, name) for name in _COUNTED})
