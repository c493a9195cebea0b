"""Flush: after a change, run the effects that it woke.

    changed(source):  clock + 1 -> mark -> inside a batch of this task?  its queue, until it ends
                                           inside a run or a flush?      the common queue; the outermost flushes it
                                           else                          flush now

Effects run in the order in which they were reached, an outer effect before those made in it. An effect that fails does
not stop the others: errors are collected and raised together to the writer. An effect that wakes itself, directly or
round about, is dropped from this flush after `RUNS_MAX` runs, and `FlushLimitError` names it; one that is only woken
along with it (it writes nothing) ends with the newest values. An effect that was made
on another loop, which runs, is posted there; its errors go to that loop's handler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Final, cast

from . import loops, nodes
from .errors import FlushLimitError
from .nodes import STALE, Node, Wakeable, now, path, queue

if TYPE_CHECKING:
    from .effect import Effect

__all__ = ["OnError", "Pending", "changed", "drain", "pending", "post", "raise_errors", "settle"]

OnError = Callable[[Exception], object]

RUNS_MAX: Final = 100  # of one effect that writes, in one flush (counting starts after as many runs of any effects)


class Pending:
    """The open batch of one task or thread: what it woke, and what it has to post."""

    __slots__ = ("depth", "on_error", "posts", "woken")

    def __init__(self, on_error: OnError | None) -> None:
        self.depth = 1
        self.on_error = on_error
        self.woken: list[Wakeable] = []
        self.posts: list[Callable[[], object]] = []


pending: dict[object, Pending] = {}  # holder of an open batch -> the batch
effects = cast("list[Effect]", queue)  # the only Wakeable there is; nodes.py does not know it


def changed(source: Node) -> None:
    """Give `source` a new version, mark what depends on it and flush. The caller holds the lock."""
    now.clock += 1
    source._version = now.clock
    if not source._subs:
        return
    if pending:
        batch = pending.get(loops.holder())
        push = nodes.mark if len(pending) == (batch is not None) else nodes.mark_all
        push(source, queue if batch is None else batch.woken)
        if batch is not None:
            return
    else:
        nodes.mark(source, queue)
    if queue and not now.busy and not path and (errors := drain()):
        raise_errors(errors)


def settle() -> None:
    """Flush what a function that was just read has woken, unless somebody further up will."""
    with nodes.lock:
        if not now.busy and not path:
            raise_errors(drain())


def drain() -> list[BaseException]:
    """Run the effects in the queue, and those they wake, until it is empty; return their errors."""
    now.busy = True
    now.thread = ident = get_ident()
    errors: list[BaseException] = []
    runs: dict[Effect, int] = {}
    away: dict[loops.Home, list[Effect]] | None = None
    try:
        for position, woken in enumerate(effects):  # grows while it is walked
            if not woken._mark.state & STALE:
                continue
            for effect in (woken,) if woken._owner._outer is None else _lineage(woken):
                if not effect._mark.state & STALE:
                    continue
                home = effect._home
                if home is not None and home.is_elsewhere(ident):
                    away = {} if away is None else away
                    away.setdefault(home, []).append(effect)
                elif position < RUNS_MAX or runs.get(effect, 0) < RUNS_MAX:
                    clock = now.clock
                    try:
                        effect._pull()
                    except BaseException as error:  # also a KeyboardInterrupt: the others run, then it goes on
                        errors.append(error)
                    if position >= RUNS_MAX and now.clock != clock:
                        runs[effect] = runs.get(effect, 0) + 1
                else:
                    _stop(effect, runs, errors)
    finally:
        queue.clear()
        now.busy = False
    if away is not None:
        for home, posted in away.items():
            loops.post(home.loop, partial(_drain_posted, posted))
    return errors


def _stop(effect: Effect, runs: dict[Effect, int], errors: list[BaseException]) -> None:
    """Drop `effect` from this flush and note the error, once."""
    effect._give_up()
    if runs[effect] == RUNS_MAX:
        runs[effect] += 1
        errors.append(FlushLimitError(effect.label(), RUNS_MAX))


def _lineage(effect: Effect) -> list[Effect]:
    """Return `effect` after the effects whose runs it is part of, outermost first: if those run again, it is closed.

    Where one of them is woken and waits for its scheduler, `effect` waits with it, and the list ends there.
    """
    chain = [effect]
    outer = effect._owner._outer
    while outer is not None:
        chain.append(outer)
        outer = outer._owner._outer
    chain.reverse()
    for position, outer in enumerate(chain[:-1]):
        if outer._holds(effect):
            return chain[: position + 1]
    return chain


def _drain_posted(effects: Iterable[Effect]) -> None:
    """Run effects that another thread has woken; errors go to the loop that called."""
    with nodes.lock:
        queue.extend(effects)
        settle()


def post(loop: loops.Loop, write: Callable[[], object]) -> None:
    """Have `write` done on the thread of `loop`; inside a batch together with its other writes, at its end."""
    batch = pending.get(loops.holder()) if pending else None
    if batch is not None:
        batch.posts.append(write)
    else:
        loops.post(loop, write)


def raise_errors(errors: list[BaseException], on_error: OnError | None = None) -> None:
    """Raise what effects have raised: one as it is, several as a group. `on_error` takes the exceptions instead."""
    if on_error is not None:
        rest: list[BaseException] = []
        for error in errors:
            if not isinstance(error, Exception):
                rest.append(error)
                continue
            try:
                on_error(error)
            except BaseException as further:
                rest.append(further)
        errors = rest
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise BaseExceptionGroup(f"{len(errors)} effects failed", errors)  # an ExceptionGroup if all are Exceptions
