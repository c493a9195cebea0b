"""Flush: after a change, run the effects that it woke.

    changed(source):  clock + 1 -> mark -> inside a batch of this task?  its queue, until it ends
                                           inside a run or a flush?      the common queue; the outermost flushes it
                                           one effect follows, no more?  it runs: nothing to mark, no queue to walk
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
    source._version = now.clock = now.clock + 1
    subs = source._subs
    if not subs:
        return
    if pending:
        batch = pending.get(loops.holder())
        push = nodes.mark if len(pending) == (batch is not None) else nodes.mark_all
        push(source, queue if batch is None else batch.woken)
        if batch is not None:
            return
    elif len(subs) == 1 and not now.busy and not path:
        (mark,) = subs
        effect: Effect | None = mark.effect  # type: ignore[assignment]  # the only Wakeable; cast() would cost a call
        if effect is not None and effect._plain and effect._owner._outer is None:
            home = effect._home
            if home is None or home.thread == get_ident():
                _run_alone(effect)
                return
        nodes.mark(source, queue)
    else:
        nodes.mark(source, queue)
    if queue and not now.busy and not path and (errors := drain()):
        raise_errors(errors)


def _run_alone(effect: Effect) -> None:
    """Run the one effect that a change reaches, then what that has woken."""
    now.busy = True
    errors: list[BaseException] | None = None
    try:
        effect._run()
    except BaseException as error:  # as in `drain`
        errors = [error]
    finally:
        now.busy = False
    if queue:
        errors = (errors or []) + (drain() or [])
    if errors:
        raise_errors(errors)


def settle() -> None:
    """Flush what a function that was just read has woken, unless somebody further up will."""
    with nodes.lock:
        if not now.busy and not path and (errors := drain()):
            raise_errors(errors)


def drain() -> list[BaseException] | None:
    """Run the effects in the queue, and those they wake, until it is empty; return their errors, if any.

    Written for the effect that nothing owns, that is at home here and succeeds; `_Odd` does all others.
    """
    ident = get_ident()
    now.busy = True
    odd: _Odd | None = None
    position = 0
    try:
        for effect in effects:  # grows while it is walked
            position += 1
            if not effect._mark.state & STALE:
                continue
            home = effect._home
            if position <= RUNS_MAX and effect._owner._outer is None and (home is None or home.thread == ident):
                try:
                    effect._pull()
                except BaseException as error:  # also a KeyboardInterrupt: the others run, then it goes on
                    odd = odd or _Odd(ident)
                    odd.errors.append(error)
                    if effect._mark.state & STALE and not isinstance(error, Exception):
                        effect._give_up()  # cut short before it began: not in the queue any more
            else:
                odd = odd or _Odd(ident)
                odd.run(effect, position > RUNS_MAX)
    except BaseException:  # an interrupt between two effects: the rest waits for the next change
        del queue[: max(position - 1, 0)]
        raise
    else:
        queue.clear()
    finally:
        now.busy = False
    return None if odd is None else odd.end()


class _Odd:
    """The rest of a flush: effects in another's run, on another loop, that fail, or that don't come to rest."""

    __slots__ = ("away", "errors", "ident", "runs")

    def __init__(self, ident: int) -> None:
        self.ident = ident
        self.errors: list[BaseException] = []
        self.runs: dict[Effect, int] = {}
        self.away: dict[loops.Home, list[Effect]] = {}

    def run(self, woken: Effect, counting: bool) -> None:
        """Run `woken`, after the effects whose runs it is part of; send it home if it lives elsewhere."""
        for effect in (woken,) if woken._owner._outer is None else _lineage(woken):
            if not effect._mark.state & STALE:
                continue
            home = effect._home
            if home is not None and home.is_elsewhere(self.ident):
                self.away.setdefault(home, []).append(effect)
            elif counting and self.runs.get(effect, 0) >= RUNS_MAX:
                self.stop(effect)
            else:
                clock = now.clock
                try:
                    effect._pull()
                except BaseException as error:  # as in `drain`
                    self.errors.append(error)
                if counting and now.clock != clock:
                    self.runs[effect] = self.runs.get(effect, 0) + 1

    def stop(self, effect: Effect) -> None:
        """Drop `effect` from this flush and note the error, once."""
        effect._give_up()
        if self.runs[effect] == RUNS_MAX:
            self.runs[effect] += 1
            self.errors.append(FlushLimitError(effect.label(), RUNS_MAX))

    def end(self) -> list[BaseException]:
        """Post what lives elsewhere; return the errors."""
        for home, posted in self.away.items():
            loops.post(home.loop, partial(_drain_posted, posted))
        return self.errors


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
