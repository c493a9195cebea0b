"""`watch` and `until`: signals for code that waits.

    async for value in watch(count):           the present value, then the newest after each change
        await draw(value)                      changes meanwhile are one: a slow reader skips, and never falls behind
    await until(lambda: count() > 10)          returns the first truthy value; at once, if it is so already
    await until(ready, timeout=5)              TimeoutError

Between two values nothing is subscribed: an effect exists only while somebody waits. So an iterator that is left with
`break` and dropped leaves nothing behind, and a computed that nobody waits for does not run.

It ends at `aclose()`, and with the Scope in which `watch` was called. An error of the source is raised to the reader;
asked again, the iterator goes on with the next value.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar
from weakref import ref

from . import loops
from .effect import effect
from .following import followed, outcome_of
from .naming import label_of
from .scope import current_owner, root
from .timing import Clock, running_clock
from .untracked import untracked

if TYPE_CHECKING:
    import asyncio

__all__ = ["Watch", "until", "watch"]

T = TypeVar("T")


class _End:
    """What a Scope holds of a Watch: nothing that keeps it alive."""

    __slots__ = ("_watch",)

    def __init__(self, watch: Watch[T]) -> None:
        self._watch = ref(watch)

    def close(self) -> None:
        """End it, if it is still there."""
        watch = self._watch()
        if watch is not None:
            watch.close()


class Watch(AsyncIterator[T], Generic[T]):
    """What `watch` returns: an iterator over the values of a source."""

    __slots__ = ("__weakref__", "_closed", "_end", "_name", "_owner", "_seen", "_source", "_waiter")

    def __init__(self, source: Callable[[], T], name: str | None = None) -> None:
        self._source = followed(source)
        self._name = name or f"watch({label_of(source)})"
        self._seen: int | None = None  # the version that was given last
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None
        self._end = _End(self)
        self._owner = current_owner()
        self._owner.add(self._end)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """Return the next value; wait until there is one."""
        if self._waiter is not None:
            raise RuntimeError(f"{self!r} is being waited for already; each reader needs a watch() of its own")
        while not self._closed:
            value, error = untracked(lambda: outcome_of(self._source))
            version = self._source._version
            if version != self._seen:
                self._seen = version
                if error is not None:
                    raise error
                return value  # type: ignore[no-any-return]  # of T
            await self._change()
        raise StopAsyncIteration

    async def _change(self) -> None:
        """Wait until the source has another version, or this is closed."""
        import asyncio

        self._waiter = waiter = asyncio.get_running_loop().create_future()

        def look() -> None:
            outcome_of(self._source)
            if self._source._version != self._seen:
                _wake(waiter)

        try:
            with root.run(lambda: effect(look, self._name)):
                await waiter
        finally:
            self._waiter = None

    async def aclose(self) -> None:
        """End the iteration."""
        self.close()

    def close(self) -> None:
        """End the iteration; who waits gets no further value. Twice is harmless."""
        if not self._closed:
            self._closed = True
            self._owner.forget(self._end)
            waiter = self._waiter
            if waiter is not None:
                loop = waiter.get_loop()
                if loops.here() is loop or not loop.is_running():
                    _wake(waiter)
                else:
                    loop.call_soon_threadsafe(_wake, waiter)

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            self._owner.forget(self._end)
        except AttributeError:
            return  # never made: wrong arguments

    def __repr__(self) -> str:
        state = "closed" if self._closed else "waiting" if self._waiter is not None else "idle"
        return f"<Watch {self._name}: {state}>"


def watch(source: Callable[[], T], name: str | None = None) -> Watch[T]:
    """Return an iterator: the present value of `source`, then the newest after each change."""
    return Watch(source, name)


async def until(
    condition: Callable[[], T | None],
    timeout: float | None = None,  # noqa: ASYNC109  # on a clock that may be given
    *,
    clock: Clock | None = None,
) -> T:
    """Return the first truthy value of `condition`, a signal, a computed or a function that reads some.

    Raises `TimeoutError` after `timeout` seconds on `clock` (the running loop's, unless given), what the condition
    raises, and `RuntimeError` if the Scope in which it waits is closed.
    """
    values = Watch(condition, f"until({label_of(condition)})")
    late = False

    def expire() -> None:
        nonlocal late
        late = True
        values.close()

    timer = None if timeout is None else running_clock(clock, "until()").call_later(timeout, expire)
    try:
        async for value in values:
            if value:
                return value
    finally:
        values.close()
        if timer is not None:
            timer.cancel()
    if not late:
        raise RuntimeError(f"until({label_of(condition)}) was waiting when its Scope was closed")
    value = untracked(condition)
    if value:
        return value
    raise TimeoutError(f"until({label_of(condition)}) was not true within {timeout} s")


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
