"""Pull: bring a computed up to date by running no more than must be run.

    refresh(d):   d MAYBE -> c MAYBE -> b MAYBE -> a DIRTY     down: look for the first dependency that is stale
                  a runs, b runs, c is equal to before         up: a newer dependency means run, else just CLEAN
                  d is CLEAN, its function was not called

Dependencies are asked in the order in which they were read, and only until the first that has changed: so a dependency
that an earlier one guards (`1 / x() if nonzero() else 0`) is not computed with a value that the guard excludes.

The way down is a loop with its own stack. What can't be foreseen is a function that reads what has never been computed:
that read nests. After `DEPTH_MAX` nested reads `TooDeep` unwinds to the outermost `refresh`, which computes the deepest
one first and then starts again above: each function is cut short at most once, Python's recursion limit is not reached.

Errors are values: kept, raised to each reader, forgotten when the function succeeds. One is kept with its traceback,
which names the line that failed. As everywhere in Python that holds the frames of the run and of whoever read first,
with their locals (`f_back` can't be cut), until the next run that succeeds; a computed that was dropped with an error
goes when the garbage collector comes round, not at once.
Cost: O(dependencies that had to be looked at) + the functions run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Final, TypeAlias

from . import flush, nodes
from .equality import Equals, same
from .errors import CycleError, FlushLimitError
from .functions import CoroutineType, refused
from .nodes import ABORTED, CLEAN, DIRTY, MUST_RUN, RUNNING, STALE, Mark, Node, holds_lock, lock, now, path, queue
from .untracked import untracked

__all__ = ["UNSET", "Derived", "Failure", "pull", "refresh"]

DEPTH_MAX: Final = 100  # nested first reads, about 4 Python frames each
depth_max = DEPTH_MAX  # fewer while somebody looks on (watching.py)
AGAIN_MAX: Final = 100  # runs of a computed that writes what it reads

UNSET: Final = object()


class TooDeep(BaseException):
    """Not an error: unwinds nested reads so that `node` can be computed from a short stack."""

    def __init__(self, node: Derived) -> None:
        self.node = node


Failure: TypeAlias = tuple[Exception, TracebackType | None]  # of the run only: each raise would add to it


class Derived(Node):
    """The pull half of a computed: function, dependencies, and the value or error of the last run."""

    __slots__ = ("_deps", "_equals", "_error", "_fn", "_mark", "_name", "_ran", "_value")

    _mark: Mark
    _deps: tuple[Node, ...]
    _ran: int
    _fn: Callable[[], Any]  # Any: the value's type is known to `Computed`, not here
    _value: Any  # the last one, also beside an error: who reads without the lock finds no half of a change
    _error: Failure | None
    _equals: Equals | None

    def label(self) -> str:
        """Return a name for messages."""
        raise NotImplementedError

    def _reads(self) -> tuple[Node, ...]:
        """Return what it depends on, for a drawing."""
        return self._deps


def refresh(top: Derived) -> None:
    """Bring `top` up to date: afterwards it is CLEAN. Raises `CycleError` if it is just being computed."""
    if holds_lock():
        pull(top)
    else:
        lock.acquire()
        try:
            pull(top)
        finally:
            lock.release()
    if queue and not now.busy and not path:
        flush.settle()


def pull(top: Derived) -> None:
    """Do what `refresh` says; the caller holds the lock and flushes."""
    state = top._mark.state
    if not state:
        return  # another thread was quicker
    if state & RUNNING:
        raise CycleError(_way_round(top))
    if now.depth >= depth_max:
        raise TooDeep(top)
    base = len(path)
    outer = None if now.tracker is None else nodes.outer_run(now.tracker)
    now.depth += 1
    try:
        _walk(top)
    except BaseException as error:
        cut = path[base:]
        del path[base:]
        for node in cut:
            node._mark.state = ABORTED
        if not isinstance(error, TooDeep):
            for node in cut:
                nodes.loosen(node)
        raise
    finally:
        now.depth -= 1
        if outer is not None:
            nodes.resume(outer)
        elif now.tracker is not None:
            now.tracker = now.scoped = None
            now.holder = False


def _walk(top: Derived) -> None:
    """Walk down to what is stale and up again, running what has a newer dependency."""
    waiting: list[tuple[Derived, int, int]] = []  # (node, next dependency, runs so far) above the current one
    node, index, again = top, 0, 0
    mark = node._mark
    dirty = mark.state & MUST_RUN
    mark.state = RUNNING
    path.append(node)
    while True:
        below: Derived | None = None
        if not dirty:
            deps, ran = node._deps, node._ran
            while index < len(deps):
                dep = deps[index]
                state = dep._mark.state
                if state and not state & RUNNING:
                    below = dep  # type: ignore[assignment]  # only a Derived is ever stale
                    break
                if dep._version > ran or state:  # running: the run will find the cycle and name it
                    dirty = DIRTY
                    break
                index += 1
        if dirty:
            try:
                _recompute(node)
            except TooDeep as deep:
                if now.depth > 1:
                    raise
                below = deep.node
        if below is not None:
            waiting.append((node, index, again))
            if dirty:
                mark.state |= DIRTY
            node, index, again = below, 0, 0
            mark = node._mark
            dirty = mark.state & MUST_RUN
            mark.state = RUNNING  # marks that come from now on are noticed at the end
            path.append(node)
            continue
        if mark.state & STALE:  # it has changed what it reads
            again += 1
            if again < AGAIN_MAX:
                dirty, index = mark.state & DIRTY, 0
                mark.state = RUNNING
                continue
            _fail(node, FlushLimitError(node.label(), again))
            nodes.loosen(node)
        mark.state = CLEAN
        path.pop()
        if not waiting:
            return
        node, index, again = waiting.pop()
        mark = node._mark
        dirty = mark.state & DIRTY
        if mark.state & STALE:  # marked while it waited: look at all of it again
            index = 0
        mark.state = RUNNING


def _recompute(node: Derived) -> None:
    """Run the function; a value that differs, or an error, is a new version."""
    try:
        value = nodes.run(node, node._fn)
        if node._error is None and node._value is not UNSET:
            equals = node._equals
            if same(node._value, value) if equals is None else untracked(partial(equals, node._value, value)):
                return
    except RecursionError as error:
        if now.depth > 1:
            raise TooDeep(node) from error  # once more from a short stack; if that fails too, it is the function's own
        _fail(node, error)
    except Exception as error:
        _fail(node, error)
    else:
        if type(value) is CoroutineType:
            _fail(node, refused(value, node.label(), "a computed"))
            return
        node._value = value
        node._error = None
        node._version = now.clock


def _fail(node: Derived, error: Exception) -> None:
    """Keep `error` in place of a value."""
    failed = node._error
    node._error = error, error.__traceback__
    if failed is None or failed[0] is not error:
        node._version = now.clock


def _way_round(node: Derived) -> tuple[str, ...]:
    """Return the names on the path from `node` to its second read."""
    start = next(i for i, other in enumerate(path) if other is node)
    return (*(other.label() for other in path[start:]), node.label())
