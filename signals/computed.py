"""`Computed`: a value made of others, kept until one of them changes.

    full = computed(lambda: f"{first()} {last()}")    lazy: runs when read, and only if what it read has changed

    @computed
    def full() -> str: ...

A result that equals the one before counts as unchanged, and nobody behind it runs. An error is a value too: it is kept
and raised to each reader until the next run. A computed has no life to end: drop it and it is collected.
Costs: read of a current value two comparisons; else as pull.py says; 270 bytes with a dependency, without its function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, overload

from .equality import Equals
from .functions import ASYNC, FunctionType, check_function
from .naming import name_of, short
from .nodes import CLEAN, DIRTY, Mark, now, track, unlink
from .pull import UNSET, Derived, refresh
from .showing import Shown

__all__ = ["Computed", "computed"]

T = TypeVar("T")


class Computed(Derived, Shown, Generic[T]):
    """A readable value that a function makes."""

    __slots__ = ()

    def __init__(self, fn: Callable[[], T], name: str | None = None, *, equals: Equals | None = None) -> None:
        if type(fn) is not FunctionType or fn.__code__.co_flags & ASYNC:
            check_function(fn, "computed()")
        if equals is not None:
            check_function(equals, "equals=")
        self._deps = ()
        self._mark = Mark(DIRTY, None)
        self._subs = None
        self._version = 0
        self._seen = None
        self._ran = 0
        self._fn = fn
        self._value = UNSET
        self._error = None
        self._equals = equals
        self._name = name

    def get(self) -> T:
        """Return the value, made anew if it must be; the running computed or effect follows it."""
        token = now.token
        if token is not None and self._seen is not token:
            track(self)
        if self._mark.state:
            refresh(self)
        failed = self._error
        if failed is not None:
            raise failed[0].with_traceback(failed[1])
        return self._value  # type: ignore[no-any-return]  # a T after refresh without an error; cast() would cost a call

    __call__ = get

    def peek(self) -> T:
        """Return the value, made anew if it must be; nobody follows."""
        if self._mark.state:
            refresh(self)
        failed = self._error
        if failed is not None:
            raise failed[0].with_traceback(failed[1])
        return self._value  # type: ignore[no-any-return]  # as above

    @property
    def value(self) -> T:
        """The value, tracked."""
        return self.get()

    def label(self) -> str:
        """Return the name, or what the function is called."""
        return self._name or name_of(self._fn)

    def _open_subs(self) -> dict[Mark, None]:
        subs: dict[Mark, None] = {}
        self._subs = self._mark.subs = subs
        return subs

    def __del__(self) -> None:
        try:
            unlink(self._mark, self._deps)
        except AttributeError:
            return  # never made: wrong arguments

    def __repr__(self) -> str:
        if self._mark.state != CLEAN:
            return f"<Computed {self.label()}: {'stale' if self._ran else 'not computed'}>"
        failed = self._error
        return f"<Computed {self.label()}: {short(self._value if failed is None else failed[0])}>"


@overload
def computed(fn: Callable[[], T], name: str | None = None, *, equals: Equals | None = None) -> Computed[T]: ...
@overload
def computed(*, name: str | None = None, equals: Equals | None = None) -> Callable[[Callable[[], T]], Computed[T]]: ...
def computed(
    fn: Callable[[], T] | None = None, name: str | None = None, *, equals: Equals | None = None
) -> Computed[T] | Callable[[Callable[[], T]], Computed[T]]:
    """Return a new computed; also a decorator, plain or with arguments."""
    if fn is None:
        return lambda fn: Computed(fn, name, equals=equals)
    return Computed(fn, name) if equals is None else Computed(fn, name, equals=equals)
