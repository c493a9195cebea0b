"""What a database tells of its cost, and the bounds it may be given.

    stats, profile, trace, slow_s        what live queries and transactions have cost
    view_rows_max, view_bytes_max        what one view may hold
    view_ms_max                          what one view may take of each commit

Wiring, as `database.py` is, which it is a part of; the counting is done where the work is.
"""

from __future__ import annotations

from collections.abc import Callable

from .errors import ParameterError
from .live import LiveQueries
from .stats import Profile, Stats
from .values import shown
from .write.trace import SpanHook, Traces

__all__ = ["MeasuredDatabase", "check_bound", "check_callable"]


class MeasuredDatabase:
    """The measuring part of `Database`."""

    _live: LiveQueries
    _traces: Traces

    def _check_open(self) -> None:
        raise NotImplementedError

    def stats(self) -> Stats:
        """Return what the live queries have cost so far: counts and times of each, the most expensive first."""
        self._check_open()
        return self._live.stats()

    def profile(self) -> Profile:
        """Return a block that measures what the live queries cost in it: `with db.profile() as profile: ...`."""
        self._check_open()
        return Profile(self._live.stats)

    def trace(self, hook: SpanHook) -> Callable[[], None]:
        """Call `hook(span)` on the loop for each transaction, once its views have been told; return what ends that.

        A span has the parts of the transaction as its children. A propagation that no transaction of ours caused is a
        span of its own.
        """
        self._check_open()
        check_callable(hook, "db.trace", "hook(span)")
        self._traces.hooks[hook] = None
        return lambda: self._traces.hooks.pop(hook, None) and None

    @property
    def slow_s(self) -> float:
        """A step, fill or run of a live query that takes longer, in seconds, is a warning of the logger `eddyline`."""
        return self._live.slow_s

    @slow_s.setter
    def slow_s(self, seconds: float) -> None:
        self._live.slow_s = _checked("db.slow_s is a number of seconds, 0 or more", seconds)

    @property
    def view_rows_max(self) -> int | None:
        """How many rows one view may hold; None is no limit. One that would hold more is `failed`, its last rows kept.

        Its error is a `ViewTooLargeError`; it is tried again with each change. What is shown counts, what a rule keeps
        beside it (groups), and what rows include.
        """
        return self._live.budget.rows_max

    @view_rows_max.setter
    def view_rows_max(self, rows: int | None) -> None:
        self._live.budget.rows_max = check_bound("db.view_rows_max", rows)

    @property
    def view_bytes_max(self) -> int | None:
        """How many bytes one view may hold, about; None is no limit. Else as `view_rows_max`."""
        return self._live.budget.bytes_max

    @view_bytes_max.setter
    def view_bytes_max(self, size: int | None) -> None:
        self._live.budget.bytes_max = check_bound("db.view_bytes_max", size)

    @property
    def view_ms_max(self) -> float | None:
        """What one view may take of each commit, in milliseconds; 5 at first, None is no limit.

        One that takes more, commit after commit, and reads all its rows anew for it (a running total of a large table)
        is deferred: run behind the commit, on a reader, once for several commits, until that costs little again.
        """
        return self._live.budget.ms_max

    @view_ms_max.setter
    def view_ms_max(self, ms: float | None) -> None:
        rule = "db.view_ms_max is a number of milliseconds, 0 or more, or None"
        self._live.budget.ms_max = None if ms is None else _checked(rule, ms)


def _checked(rule: str, given: float) -> float:
    """Return what was given where it is a number from 0 on. Raises `ParameterError`, which says the rule."""
    if type(given) not in (int, float) or not given >= 0:
        raise ParameterError(f"{rule}, not {shown(given)}")
    return given


def check_bound(name: str, value: int | None) -> int | None:
    """Return `value`, a whole number from 1 on, or None for no bound. Raises `ParameterError` about `name`."""
    if value is not None and (type(value) is not int or value < 1):
        raise ParameterError(f"{name} is a whole number, 1 or more, or None, not {shown(value)}")
    return value


def check_callable(value: object, call: str, shape: str) -> None:
    """Raise `ParameterError` where no function was given."""
    if not callable(value):
        raise ParameterError(f"{call} takes a function {shape}, not {type(value).__name__}")
