"""`Scope`: owns what was made in it, and closes it, last made first.

    root
      +- app                  with Scope("app") as app:
           +- screen              screen = Scope("screen")          child of the current scope
           |    +- effect         screen.run(lambda: effect(...))   made in it, from anywhere
           |    |    +- inner     an effect owns what its run makes: closed before the next run
           |    +- cleanup fn     screen.add(fn)
           +- view            app.add(view)                         anything with close(), or a function

The current scope is a ContextVar: it holds across `await`, and a task inherits the one it was started in. While an
effect runs it is the owner instead, for what it makes directly; a task that it starts makes things in the scope of the
effect. What is made outside any scope belongs to the root and lives until it is closed.

A computed owns nothing: it runs whenever somebody reads it and has no end at which anything could be closed, and who
reads it first is chance. So an effect, a Scope or an `on_cleanup` inside its function is refused (Angular and Svelte do
the same), unless the function says to whom it belongs: `screen.run(lambda: effect(...))`.
Costs: add, forget O(1); close O(what is in it). Errors while closing stop nothing: they are raised together at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar, cast

from . import nodes
from .functions import check_function
from .naming import short
from .nodes import Consumer, Node, holds_lock, now, path
from .untracked import untracked

if TYPE_CHECKING:
    from .effect import Effect

__all__ = ["Closeable", "Scope", "current", "current_owner", "current_scope", "on_cleanup"]

R = TypeVar("R")
C = TypeVar("C", bound="Closeable | Callable[[], object]")


class Closeable(Protocol):
    """Anything with a life to end."""

    def close(self) -> object:
        """End it. Twice is harmless."""


_serial = count(-1, -1)  # keys of functions; objects have their id, which is positive


class Scope:
    """An owner of effects, views, other scopes and cleanup functions.

    As a context manager it is current in its block and closed at its end.
    """

    __slots__ = ("__weakref__", "_closed", "_entered", "_items", "_name", "_outer", "_parent")

    def __init__(self, name: str | None = None, *, parent: Scope | None = None) -> None:
        self._name = name
        self._closed = False
        self._items: dict[int, Closeable | Callable[[], object]] = {}
        self._entered: list[tuple[Token[Scope], Consumer | None]] = []
        self._parent: Scope | None = current_owner() if parent is None else parent
        self._outer: Effect | None = self._parent._outer  # the effect whose run this is part of
        self._parent.add(self)

    def add(self, item: C) -> C:
        """Close (or call) `item` when this closes; return it. A closed scope closes it at once and raises."""
        close = _closer(item)
        if not callable(close):
            raise TypeError(f"a Scope takes functions and what has a close(), not {short(item)}")
        if self._closed:
            untracked(close)
            raise RuntimeError(f"{self!r} is closed; make a new Scope for what comes after")
        self._items[next(_serial) if close is item else id(item)] = item
        return item

    def forget(self, item: Closeable) -> None:
        """Let go of `item` without closing it."""
        self._items.pop(id(item), None)

    def run(self, fn: Callable[[], R]) -> R:
        """Return `fn()`; what it makes belongs to this scope. The scope stays open."""
        self._enter()
        try:
            return fn()
        finally:
            self._leave()

    def close(self) -> None:
        """Close all in it, last made first. Raises an ExceptionGroup of what that raised, when all are closed."""
        errors = self._close_items()
        if errors:
            raise self._group(errors)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def __enter__(self) -> Self:
        if self._closed:
            raise RuntimeError(f"{self!r} is closed; make a new Scope")
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        self.close()

    def _enter(self) -> None:
        """Make this the owner, also inside an effect."""
        running = _running_here()
        self._entered.append((current.set(self), now.scoped))
        if running is not None:
            now.scoped = running

    def _leave(self) -> None:
        """Give back what `_enter` found."""
        before, scoped = self._entered.pop()
        try:
            current.reset(before)
        except ValueError:  # left in another context than entered: a generator or fixture that moved between tasks
            current.set(root if before.old_value is Token.MISSING else before.old_value)
        if _running_here() is not None:
            now.scoped = scoped

    def _close_items(self) -> list[BaseException]:
        """Close what is in it; return the errors. Scopes in scopes are closed in a loop, however deep."""
        if self._closed:
            return []
        self._closed = True
        if self._parent is not None:
            self._parent.forget(self)
        closing: list[tuple[Scope, list[BaseException]]] = [(self, [])]
        while True:
            scope, errors = closing[-1]
            if scope._items:
                _, item = scope._items.popitem()
                if type(item) is Scope:
                    if not item._closed:
                        item._closed = True
                        closing.append((item, []))
                    continue
                try:
                    untracked(_closer(item))
                except BaseException as error:
                    errors.append(error)
                continue
            closing.pop()
            if not closing:
                return errors
            if errors:
                closing[-1][1].append(scope._group(errors))

    def _group(self, errors: list[BaseException]) -> BaseExceptionGroup:
        """Return what closing raises."""
        return BaseExceptionGroup(f"{len(errors)} errors while closing {self!r}", errors)

    def __repr__(self) -> str:
        name = f" {self._name}" if self._name else ""
        return f"<Scope{name}: {'closed' if self._closed else f'{len(self._items)} items'}>"


class _Root(Scope):
    """The scope of what is made outside any other."""

    __slots__ = ()

    def __init__(self) -> None:
        self._name = "root"
        self._closed = False
        self._items = {}
        self._entered = []
        self._parent = None
        self._outer = None


class Owned(Scope):
    """What one run of an effect has made; the effect closes it."""

    __slots__ = ()

    def __init__(self, effect: Effect) -> None:
        self._name = effect.label()
        self._closed = False
        self._items = {}
        self._entered = []
        self._parent = None
        self._outer = effect


root: Scope = _Root()
current: ContextVar[Scope] = ContextVar("eddyline_scope", default=root)


def _closer(item: Closeable | Callable[[], object]) -> Callable[[], object]:
    """Return what ends `item`: its close(), or a function itself."""
    closer: Callable[[], object] = getattr(item, "close", item)  # type: ignore[arg-type]  # without close(): a function
    return closer


def _running_here() -> Consumer | None:
    """Return the computed or effect whose function runs on this thread."""
    if not path or not holds_lock():
        return None
    if now.holder is not False and nodes.task_now() is not now.holder:
        return None  # a task that started eagerly inside it
    return path[-1]


def current_scope() -> Scope:
    """Return the scope that is current here; the root if there is no other."""
    return current.get()


def current_owner() -> Scope:
    """Return what owns a thing that is made now: the running effect's own scope, else the current scope.

    Raises `RuntimeError` inside a computed that has entered no Scope.
    """
    running = _running_here()
    if running is None or now.scoped is running:
        return current.get()
    if isinstance(running, Node):
        raise RuntimeError(
            f"an effect, a Scope or a cleanup inside the computed {running.label()} would never be closed: a computed "
            "owns nothing. Make it in an effect, or say to whom it belongs: scope.run(lambda: effect(...))"
        )
    return cast("Effect", running)._own()  # the only other Consumer there is


def on_cleanup(fn: Callable[[], object]) -> None:
    """Call `fn` before the running effect runs again or is closed; outside an effect, when the current Scope closes."""
    owner = current_owner()
    check_function(fn, "on_cleanup()")
    if owner is root:
        raise RuntimeError("on_cleanup() outside any effect or Scope: nothing would ever call it")
    owner.add(fn)
