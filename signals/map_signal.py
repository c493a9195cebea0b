"""`MapSignal`: a dict whose changes are seen, key by key.

    prices = MapSignal({"tea": 3, "milk": 2})
    effect(lambda: print(prices["tea"]))          # 3
    prices["milk"] = 4                            # nobody asked for milk
    prices["tea"] = 5                             # 5
    prices.subscribe(callback)                    # (Reset(...),), then (Put("tea", 6),), (Drop("tea"),), ...

It has the methods of `dict`; `m()`, `m.get()` without a key, `m.value` and `m.peek()` give a plain copy, `m.set(...)`
replaces all by the fewest patches. entries.py says what is followed, and what it costs. A write of an equal value tells
nobody; `values()` and `items()` are of the moment, not live. Writes from other threads are posted to the loop that owns
the graph; `pop`, `popitem` and `setdefault` give something back and are refused there.
"""

from __future__ import annotations

from collections.abc import (
    Callable,
    Hashable,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    MutableMapping,
    ValuesView,
)
from typing import Any, ClassVar, Generic, Self, TypeVar, cast, overload

from .entries import MISSING, Drop, Entries, Put
from .equality import same
from .naming import short
from .nodes import lock

__all__ = ["MapSignal"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
D = TypeVar("D")


class MapSignal(Entries[K, V], MutableMapping[K, V], Generic[K, V]):
    """A dict that others follow."""

    __slots__ = ()

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = (), *, name: str | None = None) -> None:
        super().__init__(dict(items), name)

    # -- reading

    def __getitem__(self, key: K) -> V:
        self._follow_value(key)
        return self._data[key]

    @overload
    def get(self) -> dict[K, V]: ...
    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: D) -> V | D: ...
    def get(self, key: Any = MISSING, default: Any = None) -> Any:  # Any: as the overloads say
        """Return the value of `key`, else `default`; without a key a plain copy of all. Tracked."""
        if key is MISSING:
            return self._copy()
        self._follow_value(key)
        return self._data.get(key, default)

    def _copy(self) -> dict[K, V]:
        self.track()
        return self._data.copy()

    def __call__(self) -> dict[K, V]:
        """Return a plain copy, tracked."""
        return self.get()

    def peek(self) -> dict[K, V]:
        """Return a plain copy; nobody follows."""
        return self._data.copy()

    @property
    def value(self) -> dict[K, V]:
        """A plain copy, tracked; assign to `set`."""
        return self.get()

    @value.setter
    def value(self, items: Mapping[K, V]) -> None:
        self.set(items)

    def __contains__(self, key: object) -> bool:
        self._follow_presence(cast(K, key))  # any object may be asked for
        return key in self._data

    def __len__(self) -> int:
        self._follow_shape()
        return len(self._data)

    def __iter__(self) -> Iterator[K]:
        return iter(self.keys())

    def __reversed__(self) -> Iterator[K]:
        return reversed(list(self.keys()))

    def keys(self) -> KeysView[K]:
        """Return the keys of the moment; follows which there are."""
        self._follow_shape()
        return self._data.copy().keys()

    def values(self) -> ValuesView[V]:
        """Return the values of the moment, tracked."""
        return self._copy().values()

    def items(self) -> ItemsView[K, V]:
        """Return the items of the moment, tracked."""
        return self._copy().items()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, MapSignal):
            return self._copy() == other._copy()
        return self._copy() == dict(other) if isinstance(other, Mapping) else NotImplemented

    __hash__: ClassVar[Callable[[Any], int]] = object.__hash__  # a place in a graph

    def __repr__(self) -> str:
        return f"<{type(self).__name__}{' ' + self._name if self._name else ''}: {short(self._data)}>"

    # -- writing

    def __setitem__(self, key: K, value: V) -> None:
        if not self._posted(self.__setitem__, key, value):
            with lock:
                if not same(self._data.get(key, MISSING), value):
                    self._commit([Put(key, value)])

    def __delitem__(self, key: K) -> None:
        if not self._posted(self.__delitem__, key):
            with lock:
                self._data[key]  # raises KeyError as a dict does
                self._commit([Drop(key)])

    @overload
    def pop(self, key: K) -> V: ...
    @overload
    def pop(self, key: K, default: D) -> V | D: ...
    def pop(self, key: K, default: Any = MISSING) -> Any:  # Any: as the overloads say
        """Take out `key` and return its value, else `default`."""
        self._refuse_here("pop()")
        with lock:
            if default is not MISSING and key not in self._data:
                return default
            value = self._data[key]
            self._commit([Drop(key)])
            return value

    def popitem(self) -> tuple[K, V]:
        """Take out and return the last item."""
        self._refuse_here("popitem()")
        with lock:
            if not self._data:
                raise KeyError("popitem(): the map is empty")
            key = next(reversed(self._data))
            return key, self.pop(key)

    def setdefault(self, key: K, default: V = None) -> V:  # type: ignore[assignment]  # as dict has it
        """Return the value of `key`, put in as `default` if it isn't there; nobody follows."""
        self._refuse_here("setdefault()")
        with lock:
            if key not in self._data:
                self._commit([Put(key, default)])
            return self._data[key]

    def update(self, items: Any = (), /, **named: Any) -> None:  # Any: as dict takes it, a mapping or pairs
        """Put all of `items`, as one write."""
        new: dict[K, V] = dict(items, **named)
        if not self._posted(self.update, new):
            with lock:
                self._commit(self._puts(new))

    def __ior__(self, items: Any) -> Self:  # Any: as update
        self.update(items)
        return self

    def clear(self) -> None:
        """Take out all."""
        self.set({})

    def set(self, items: Mapping[K, V]) -> None:
        """Become `items`, by the fewest patches; a Reset if the order of what stays differs."""
        new = dict(items)
        if not self._posted(self.set, new):
            with lock:
                self._become(new)
