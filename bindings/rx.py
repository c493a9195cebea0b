"""Signals and ReactiveX: `to_observable` and `from_observable`, for programs that use `reactivex` (extra `rx`).

    signal, computed, view  --to_observable-->  Observable ...operators... Observable  --from_observable-->  readable

Rx combines with glitches: `combine_latest` of two values made from one emits a mixture in between. So combine with
computeds where you can, and cross over for what Rx is good at: time windows, retries, streams that others give you.
docs/signals.md holds the operators of both side by side. `reactivex` is imported when one of the two is called.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ..signals import Scope, Signal, batch, effect, loops, untracked
from ..signals.closing import Closing
from ..signals.following import followed, outcome_of
from ..signals.scope import current_owner

if TYPE_CHECKING:
    from reactivex import Observable, abc

__all__ = ["Received", "from_observable", "to_observable"]

T = TypeVar("T")
D = TypeVar("D")


def to_observable(source: Callable[[], T]) -> Observable[T]:
    """Return an Observable that emits the present value of `source` on subscription, then each change.

    Each subscription has an effect of its own, which its disposal closes; so does the end of the Scope in which it was
    subscribed, which completes it. An error of the source is emitted once, as Rx has it, and ends the subscription.
    It emits before the write returns, like a Subject: the scheduler of a subscription, which operators of time pass up,
    is not used; `observe_on(scheduler)` is for that. What an observer raises is raised to the writer.
    """
    rx = _reactivex()
    node = followed(source)

    def subscribe(observer: abc.ObserverBase[T], scheduler: abc.SchedulerBase | None = None) -> abc.DisposableBase:
        outer = current_owner()  # what observers make belongs there, not to the run that emits
        scope = Scope("to_observable")
        over = False

        def end() -> None:
            nonlocal over
            over = True
            scope.close()

        def completed() -> None:
            nonlocal over
            if not over:
                over = True
                observer.on_completed()

        def emit() -> None:
            value, error = outcome_of(node)
            if over:
                return
            if error is None:
                untracked(lambda: outer.run(lambda: observer.on_next(value)))
                return
            end()
            untracked(lambda: outer.run(lambda: observer.on_error(error)))

        scope.add(completed)
        try:
            scope.run(lambda: effect(emit, "to_observable"))
        except BaseException:
            end()
            raise
        disposable: abc.DisposableBase = rx.disposable.Disposable(end)
        return disposable

    return rx.create(subscribe)  # type: ignore[no-any-return]  # an Observable[T]


class Received(Closing, Generic[T]):
    """What `from_observable` returns: the newest value of an Observable, as a readable."""

    __slots__ = ("__weakref__", "_completed", "_error", "_scope", "_value")

    def __init__(
        self, observable: abc.ObservableBase[Any], initial: T, scheduler: abc.SchedulerBase | None = None
    ) -> None:
        self._value: Signal[T] = Signal(initial, "from_observable")
        self._error: Signal[Exception | None] = Signal(None, "from_observable.error")
        self._completed = Signal(False, "from_observable.completed")
        self._scope = Scope("from_observable")
        try:
            subscription = untracked(
                lambda: observable.subscribe(
                    lambda value: self._arrive(lambda: self._value.set(value)),
                    lambda error: self._arrive(lambda: self._error.set(error)),
                    lambda: self._arrive(lambda: self._completed.set(True)),
                    scheduler=scheduler,
                )
            )
        except BaseException:
            self._scope.close()
            raise
        self._scope.add(subscription.dispose)

    @property
    def value(self) -> T:
        """The newest value, or the initial one. Tracked."""
        return self._value.get()

    @property
    def error(self) -> Exception | None:
        """What the Observable has ended with, if that was an error. Tracked."""
        return self._error.get()

    @property
    def completed(self) -> bool:
        """Whether the Observable has come to its end without an error. Tracked."""
        return self._completed.get()

    def get(self) -> T:
        """Return the value, tracked."""
        return self._value.get()

    __call__ = get

    def peek(self) -> T:
        """Return the value without tracking."""
        return self._value.peek()

    def close(self) -> None:
        """Dispose of the subscription; the last value stays. Twice is harmless."""
        self._scope.close()

    @property
    def closed(self) -> bool:
        """Whether it was disposed of."""
        return self._scope.closed

    def _arrive(self, write: Callable[[], None]) -> None:
        """Take an emission, on whichever thread it comes: on the loop that owns the graph, in order."""
        loop = loops.foreign()
        if loop is None:
            self._take(write)
        else:
            loop.call_soon_threadsafe(self._take, write)

    def _take(self, write: Callable[[], None]) -> None:
        if not self._scope.closed:
            with batch(on_error=_report):
                write()

    def __repr__(self) -> str:
        state = "closed, " if self.closed else "completed, " if self._completed.peek() else ""
        error = self._error.peek()
        return f"<Received: {state}{self._value.peek() if error is None else error!r}>"


@overload
def from_observable(
    observable: abc.ObservableBase[T], *, scheduler: abc.SchedulerBase | None = None
) -> Received[T | None]: ...
@overload
def from_observable(
    observable: abc.ObservableBase[T], initial: D, *, scheduler: abc.SchedulerBase | None = None
) -> Received[T | D]: ...
def from_observable(
    observable: abc.ObservableBase[Any], initial: Any = None, *, scheduler: abc.SchedulerBase | None = None
) -> Received[Any]:
    """Return a readable of the newest value of `observable`: `value`, `error` and `completed` are tracked.

    It subscribes now, and is disposed of by `close()` or the end of its Scope. Emissions may come from any thread.
    What effects that follow it raise goes to the exception handler of the loop: an emitter can do nothing about it.
    """
    _reactivex()
    return Received(observable, initial, scheduler)


def _report(error: Exception) -> None:
    loop: Any = loops.here()  # Any: loops.py declares only the part that it uses
    if loop is None:
        sys.excepthook(type(error), error, error.__traceback__)
    else:
        loop.call_exception_handler({"message": "an effect that follows an Observable failed", "exception": error})


def _reactivex() -> Any:  # Any: imported late
    try:
        import reactivex
        import reactivex.disposable
    except ImportError as error:
        raise ImportError("to_observable and from_observable need reactivex: pip install eddyline[rx]") from error
    return reactivex
