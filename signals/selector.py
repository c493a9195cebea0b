"""`selector`: one of many is selected, and only two of them hear of it when that changes.

    current = signal("a")
    is_selected = selector(current)
    effect(lambda: paint(row, is_selected(row.key)))      one for each row
    current.set("b")                                      runs the effects of "a" and "b", whatever rows there are

`computed(lambda: current() == key)` for each row would have each of them asked at each change.

The selector stands among the subscribers of the signal as a mark that passes a change on: not to all who have asked,
but to those who follow the key before and the key now. So it is exact inside a batch, too. What isn't a `Signal` (a
computed, a view, a function) has its value known only when it is read: it is copied into one by an effect, at the end
of the batch, which ends with the current Scope.
Costs: a change O(readers of the two keys); 420 bytes for each key that somebody follows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary, ref

from .effect import Effect, effect
from .equality import same
from .following import followed
from .nodes import CLEAN, Mark, lock, now
from .signal import Signal
from .source import Source
from .untracked import untracked

__all__ = ["Selector", "selector"]

K = TypeVar("K", bound=Hashable)


class KeySource(Source):
    """Whether one key is selected. Holds the selector: who follows the key needs it."""

    __slots__ = ("_selector",)

    def __init__(self, of: Selector[K]) -> None:
        super().__init__()
        self._selector = of


class SelectorMark(Mark):
    """Passes a change of the signal on to the readers of two keys. It is never stale itself."""

    __slots__ = ("_concerned", "_keys", "_of", "_selected")

    def __init__(self, of: Signal[Any], keys: WeakValueDictionary[Any, KeySource]) -> None:  # Any: of any keys
        self._of = ref(of)
        self._keys = keys
        self._selected: object = of.peek()
        self._concerned: tuple[KeySource, ...] = ()
        self.effect = None

    @property
    def state(self) -> int:
        """Always clean, so that each change is told."""
        return CLEAN

    @state.setter
    def state(self, state: int) -> None:
        """The signal has changed, or changes back to clean."""
        of = self._of()
        self._concerned = ()
        if of is None or same(self._selected, of._value):
            return
        before, self._selected = self._selected, of._value
        self._concerned = tuple(key for key in (self._key(before), self._key(of._value)) if key is not None)
        for key in self._concerned:
            key._version = now.clock

    @property
    def subs(self) -> dict[Mark, None]:  # type: ignore[override]  # read as the attribute there
        """Whom to tell of the change."""
        return {mark: None for key in self._concerned for mark in key._subs or ()}

    def _key(self, value: object) -> KeySource | None:
        try:
            return self._keys.get(value)
        except TypeError:  # can't be hashed: nobody asks for it
            return None


class Selector(Generic[K]):
    """What `selector` returns: call it with a key."""

    __slots__ = ("__weakref__", "_copying", "_keys", "_mark", "_of")

    def __init__(self, source: Callable[[], K]) -> None:
        self._copying: Effect | None = None
        if isinstance(source, Signal):
            self._of: Signal[K] = source
        else:
            read = followed(source)
            self._of = Signal(untracked(read))
            copy = ref(self._of)

            def follow() -> None:
                value, there = read(), copy()
                if there is not None:
                    there.set(value)

            self._copying = effect(follow, "selector")
        self._keys: WeakValueDictionary[K, KeySource] = WeakValueDictionary()
        self._mark = SelectorMark(self._of, self._keys)
        with lock:
            subs = self._of._subs
            (self._of._open_subs() if subs is None else subs)[self._mark] = None

    def __call__(self, key: K) -> bool:
        """Return whether `key` is selected; the running computed or effect follows that."""
        if now.token is not None:
            source = self._keys.get(key)
            if source is None:
                self._keys[key] = source = KeySource(self)
            source.track()
        return same(self._of.peek(), key)

    @property
    def _node(self) -> Signal[K]:
        return self._of

    def __del__(self) -> None:
        try:
            mark, subs = self._mark, self._of._subs
        except AttributeError:
            return  # never made: wrong arguments
        if subs is not None:
            subs.pop(mark, None)
        if self._copying is not None:
            self._copying.close()

    def __repr__(self) -> str:
        return f"<Selector {self._of.peek()!r}: {len(self._keys)} keys followed>"


def selector(source: Callable[[], K]) -> Selector[K]:
    """Return a function that says whether a key is the current value of `source`."""
    return Selector(source)
