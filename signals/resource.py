"""`resource`: a value that has to be fetched, as signals.

    found = resource(search, source=asked)         async def search(text: str) -> list[str]
    found.value                                    None, then what the last fetch gave; it stays while the next one runs
    found.status                                   see below; found.error is None unless it is "failed"
    await found.ready()                            the value, when no fetch is under way any more; raises what it raised

                    source changes, refresh()
               +----------------------------------+
               v                                  |
    "pending" or "refreshing"  ---answer--->  "ready"          "pending": there is no value yet
               |                                  |
               +-------error, no retry left--> "failed"        the last value stays readable here too

*One answer.* A new fetch cancels the one under way. Its task is really cancelled, and if the fetcher goes on all the
same, what it returns or raises is dropped. So `value` always belongs to the newest question.
*Source.* A signal, a computed or a function that reads some; the fetcher gets its value. `None` means: nothing to ask.
Then the fetch under way is cancelled and the last value stays. What the fetcher itself reads is not followed.
*Ownership.* A resource belongs to the Scope in which it was made. What a fetch makes (effects, views, `on_cleanup`)
lives as long as its value: until the next value is there, or the resource is closed. A fetch that fails or is
dropped takes what it made with it, at its end.
*Errors* of effects that follow a resource go to the exception handler of the loop: there is no writer to tell.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar, cast, overload

from . import loops
from .batch import Batch
from .closing import Closing
from .effect import effect
from .following import Outcome, followed, outcome_of
from .functions import check_function
from .naming import name_of, short
from .scope import Scope, current, root
from .signal import Signal
from .timing import Clock, sleep
from .untracked import untracked
from .watch import until

if TYPE_CHECKING:
    import asyncio

__all__ = ["Resource", "Status", "resource"]

T = TypeVar("T")
S = TypeVar("S")

Status: TypeAlias = Literal["pending", "ready", "refreshing", "failed"]

UNSET: Final = object()
NO_SOURCE: Final = object()
BACKOFF_S_MAX: Final = 30.0

_tasks: set[asyncio.Task[None]] = set()  # a loop holds its tasks weakly, and a fetch may outlive its resource


def doubling(attempt: int) -> float:
    """Return the pause before retry number `attempt`: 0.5, 1, 2 ... up to 30 seconds."""
    return min(BACKOFF_S_MAX, 0.5 * 2.0 ** min(attempt - 1, 10))


class Resource(Closing, Generic[T]):
    """What `resource` returns: the present value of something that is fetched."""

    __slots__ = (
        "__weakref__",
        "_backoff",
        "_clock",
        "_closed",
        "_error",
        "_fetch",
        "_kept",
        "_loop",
        "_name",
        "_number",
        "_read",
        "_retry",
        "_scope",
        "_status",
        "_task",
        "_value",
    )

    def __init__(
        self,
        fetch: Callable[..., Awaitable[T]],
        source: Callable[[], object] | None,
        initial: Any,  # a T, or UNSET
        name: str,
        retry: int,
        backoff: Callable[[int], float],
        clock: Clock | None,
    ) -> None:
        if retry < 0:
            raise ValueError(f"retry must be 0 or more, not {retry!r}")
        self._read = (lambda: NO_SOURCE) if source is None else followed(source)
        self._loop = _running_loop(name)
        self._fetch = fetch
        self._name = name
        self._retry = retry
        self._backoff = backoff
        self._clock = cast(Clock, self._loop) if clock is None else clock
        self._value: Signal[Any] = Signal(initial, f"{name}.value")
        self._status: Signal[Status] = Signal("pending" if initial is UNSET else "ready", f"{name}.status")
        self._error: Signal[Exception | None] = Signal(None, f"{name}.error")
        self._closed = Signal(False, f"{name}.closed")
        self._number = 0  # of the newest fetch
        self._task: asyncio.Task[None] | None = None
        self._kept: Scope | None = None  # what the present value needs
        self._scope = Scope(name)
        self._scope.add(self._end)
        try:
            self._scope.run(lambda: effect(lambda: self._ask(outcome_of(self._read)), name))
        except BaseException:
            self._scope.close()
            raise

    @property
    def _node(self) -> Signal[Any]:  # Any: a T, or UNSET
        return self._value

    # -- reading

    @property
    def value(self) -> T | None:
        """What the last fetch that succeeded gave; None before. Tracked."""
        return _seen(self._value.get())  # type: ignore[no-any-return]  # of T

    @property
    def status(self) -> Status:
        """How far it is. Tracked."""
        return self._status.get()

    @property
    def error(self) -> Exception | None:
        """What the last fetch, or its source, has raised, while the status is "failed". Tracked."""
        return self._error.get()

    def get(self) -> T | None:
        """Return the value, tracked."""
        return self.value

    __call__ = get

    def peek(self) -> T | None:
        """Return the value without tracking."""
        return _seen(self._value.peek())  # type: ignore[no-any-return]  # of T

    async def ready(self) -> T:
        """Return the value when no fetch is under way; wait for the first one if nothing was asked yet.

        Raises what the fetch raised, and `RuntimeError` if it is closed before there is an answer.
        """
        while not (self._closed.peek() or self._status.peek() in ("ready", "failed")):
            await until(lambda: self._closed() or self._status() in ("ready", "failed"))
        error, value = self._error.peek(), self._value.peek()
        if error is not None:
            raise error.with_traceback(None)
        if value is UNSET:
            raise RuntimeError(f"{self._name} was closed before it had a value")
        return value  # type: ignore[no-any-return]  # of T

    # -- asking

    def refresh(self) -> None:
        """Fetch anew, with the present value of the source; a fetch under way is cancelled."""
        if self._scope.closed:
            raise RuntimeError(f"{self._name} is closed: it can't be refreshed")
        self._on_loop(lambda: self._ask(untracked(lambda: outcome_of(self._read))))

    def close(self) -> None:
        """Cancel the fetch under way and follow no more; the last value stays readable. Twice is harmless."""
        self._scope.close()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._scope.closed

    # -- one fetch

    def _ask(self, asked: Outcome) -> None:
        """Begin a fetch, instead of the one under way."""
        if self._scope.closed:
            return
        if self._loop.is_closed():
            raise RuntimeError(f"the loop of {self._name} is closed: close() it with its loop")
        self._number += 1
        self._cancel()
        if asked.error is not None:
            self._settle("failed", error=asked.error)
        elif asked.value is None:
            self._settle(self._rest())
        else:
            self._settle("pending" if self._value.peek() is UNSET else "refreshing")
            question = () if asked.value is NO_SOURCE else (asked.value,)
            self._task = task = self._loop.create_task(self._run(self._number, question), name=self._name)
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)

    async def _run(self, number: int, question: tuple[object, ...]) -> None:
        """Fetch, and take the answer if it is still wanted: a task."""
        if number != self._number:
            return
        scope: Scope | None
        current.set(scope := Scope(f"a fetch of {self._name}", parent=root))  # of this task alone
        try:
            answer = await self._attempts(number, question)
        except Exception as error:
            self._fail(number, error)
        except BaseException as error:
            cut = RuntimeError(f"the fetch of {self._name} was cut short: {type(error).__name__}")
            cut.__cause__ = error
            self._fail(number, cut)
            raise
        else:
            if number == self._number:
                self._task = None
                scope, self._kept = self._kept, scope
                self._settle("ready", answer)
        finally:
            if scope is not None:
                self._drop(scope)

    async def _attempts(self, number: int, question: tuple[object, ...]) -> T:
        """Return the answer, after retries if need be."""
        attempt = 0
        while True:
            try:
                answer = self._fetch(*question)
                if not hasattr(type(answer), "__await__"):
                    raise TypeError(f"the fetcher of {self._name} must be async; it returned {short(answer)}")
                return await answer
            except Exception:
                attempt += 1
                if attempt > self._retry or number != self._number:
                    raise
            await sleep(self._backoff(attempt), self._clock)

    def _fail(self, number: int, error: Exception) -> None:
        if number == self._number:
            self._task = None
            self._settle("failed", error=error)

    def _settle(self, status: Status, value: object = UNSET, error: Exception | None = None) -> None:
        """Show a new state, all of it at once."""
        with Batch(self._report):
            if value is not UNSET:
                self._value.set(value)
            self._error.set(error)
            self._status.set(status)

    def _rest(self) -> Status:
        return "pending" if self._value.peek() is UNSET else "ready"

    def _cancel(self) -> None:
        """Cancel the fetch under way."""
        task, self._task = self._task, None
        if task is not None and not self._loop.is_closed():
            self._on_loop(task.cancel)

    def _drop(self, scope: Scope) -> None:
        """Close what a fetch has made."""
        try:
            scope.close()
        except Exception as error:
            self._report(error)

    def _end(self) -> None:
        """Come to rest for good."""
        self._number += 1
        self._cancel()
        kept, self._kept = self._kept, None
        with Batch(self._report):
            if self._status.peek() == "refreshing":
                self._status.set("ready")
            self._closed.set(True)
        if kept is not None:
            kept.close()

    def _on_loop(self, call: Callable[[], object]) -> None:
        """Call on the loop's thread: now, if this is it."""
        if loops.here() is self._loop or not self._loop.is_running():
            call()
        else:
            self._loop.call_soon_threadsafe(call)

    def _report(self, error: Exception) -> None:
        self._loop.call_exception_handler(
            {"message": f"an effect that follows {self._name}, or a cleanup of a fetch, failed", "exception": error}
        )

    def __repr__(self) -> str:
        status, value, error = self._status.peek(), self._value.peek(), self._error.peek()
        state = "closed" if self._scope.closed else status
        shown = "" if error is None and value is UNSET else f", {short(value if error is None else error)}"
        return f"<Resource {self._name}: {state}{shown}>"


def _seen(value: Any) -> Any:  # Any: a T, or UNSET
    return None if value is UNSET else value


def _running_loop(name: str) -> asyncio.AbstractEventLoop:
    loop = loops.here()
    if loop is None:
        raise RuntimeError(f"{name} needs a running asyncio loop to fetch in: make it in a coroutine")
    return cast("asyncio.AbstractEventLoop", loop)  # loops.py declares only the part that it uses


@overload
def resource(
    fetch: Callable[[], Awaitable[T]],
    *,
    initial: T = ...,
    name: str | None = None,
    retry: int = 0,
    backoff: Callable[[int], float] = doubling,
    clock: Clock | None = None,
) -> Resource[T]: ...
@overload
def resource(
    fetch: Callable[[S], Awaitable[T]],
    source: Callable[[], S | None],
    *,
    initial: T = ...,
    name: str | None = None,
    retry: int = 0,
    backoff: Callable[[int], float] = doubling,
    clock: Clock | None = None,
) -> Resource[T]: ...
def resource(
    fetch: Callable[..., Awaitable[T]],
    source: Callable[[], object] | None = None,
    *,
    initial: Any = UNSET,
    name: str | None = None,
    retry: int = 0,
    backoff: Callable[[int], float] = doubling,
    clock: Clock | None = None,
) -> Resource[T]:
    """Fetch now, and again whenever `source` changes; `fetch` is async and gets the value of `source`, if there is one.

    `initial` is a value to begin with. A fetch that raises is tried again `retry` times, after `backoff(n)` seconds
    before the n-th (0.5, 1, 2 ... 30) on `clock` (the loop's, unless given).
    """
    if not callable(fetch):
        raise TypeError(f"resource() takes an async function, not {short(fetch)}")
    check_function(backoff, "backoff=")
    return Resource(fetch, source, initial, name or f"resource({name_of(fetch)})", retry, backoff, clock)
