"""What follows a source: its value or its error at one moment, and a readable that holds such a moment.

source: a signal, a computed, a view, or a function that reads some       a function is made a computed, so that it
                                                                           counts as changed only if its value does;
                                                                           so is a store: its parts change on their own
Outcome(value, None) or Outcome(None, error)                              what reading it gave
Held                                                                       gives the outcome back to its readers
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast

from .computed import Computed
from .equality import same
from .functions import check_function
from .naming import short
from .nodes import Node
from .signal import Signal
from .store import ListStore, MapStore

__all__ = ["Followed", "Held", "Outcome", "followed", "outcome_of"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Outcome(NamedTuple):
    """What reading a source gave."""

    value: Any  # the type is known to whoever asked
    error: Exception | None


class Followed(Protocol[T_co]):
    """A point of the graph that can be read: its version grows with each change."""

    _version: int

    def __call__(self) -> T_co:
        """Return the value, tracked."""


def followed(source: Callable[[], T]) -> Followed[T]:
    """Return `source` if it is a point of the graph itself, else a computed of it."""
    if not callable(source):
        raise TypeError(f"a signal, a computed or a function that reads some is needed, not {short(source)}")
    check_function(source, "whoever follows it")
    if isinstance(source, Node) and not isinstance(source, MapStore | ListStore):
        return cast("Followed[T]", source)  # a node that can be called is read so
    return Computed(source, getattr(source, "_name", None))


def outcome_of(read: Callable[[], object]) -> Outcome:
    """Return what reading gives, its error included."""
    try:
        return Outcome(read(), None)
    except Exception as error:
        return Outcome(None, error)


def same_outcome(old: Outcome, new: Outcome) -> bool:
    """Whether readers need not be told."""
    return old.error is new.error and same(old.value, new.value)


class Held(Generic[T]):
    """A readable value that somebody else sets; an error in its place is raised to readers."""

    __slots__ = ("__weakref__", "_held", "_name")

    def __init__(self, outcome: Outcome, name: str) -> None:
        self._name = name
        self._held: Signal[Outcome] = Signal(outcome, name, equals=same_outcome)

    @property
    def _node(self) -> Signal[Outcome]:
        return self._held

    def get(self) -> T:
        """Return the value, tracked."""
        return _given(self._held.get())  # type: ignore[no-any-return]  # of T

    __call__ = get

    def peek(self) -> T:
        """Return the value without tracking."""
        return _given(self._held.peek())  # type: ignore[no-any-return]  # of T

    @property
    def value(self) -> T:
        """The value, tracked."""
        return self.get()

    def __repr__(self) -> str:
        value, error = self._held.peek()
        return f"<{type(self).__name__} {self._name}: {short(value if error is None else error)}>"


def _given(outcome: Outcome) -> Any:  # Any: as in Outcome
    if outcome.error is not None:
        raise outcome.error.with_traceback(None)
    return outcome.value
