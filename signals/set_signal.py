"""`SetSignal`: a set whose changes are seen, element by element.

    chosen = SetSignal({"tea"})
    effect(lambda: print("milk" in chosen))       # False
    chosen.add("rice")                            # nobody asked for rice
    chosen.add("milk")                            # True
    chosen.subscribe(callback)                    # (Reset(...),), then (Put("oil", "oil"),), (Drop("oil"),), ...

It has the methods of `set`; what they give is plain. Elements are iterated in the order in which they came. entries.py
says what is followed, and what it costs; `in` follows the one element. `pop` is refused on threads whose writes are
posted.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, MutableSet
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, Generic, Self, TypeVar

from .entries import Drop, Entries, EntryPatch, Put
from .naming import short
from .nodes import lock

__all__ = ["SetSignal"]

T = TypeVar("T", bound=Hashable)


class SetSignal(Entries[T, T], MutableSet[T], Generic[T]):
    """A set that others follow."""

    __slots__ = ()

    def __init__(self, items: Iterable[T] = (), *, name: str | None = None) -> None:
        super().__init__({item: item for item in items}, name)

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:  # `a | b` is a plain set
        return set(it)

    # -- reading

    def __contains__(self, item: object) -> bool:
        self._follow_presence(item)  # type: ignore[arg-type]  # any object may be asked for
        return item in self._data

    def __len__(self) -> int:
        self._follow_shape()
        return len(self._data)

    def __iter__(self) -> Iterator[T]:
        self._follow_shape()
        return iter(list(self._data))

    def get(self) -> frozenset[T]:
        """Return a plain copy, tracked."""
        self.track()
        return frozenset(self._data)

    __call__ = get

    def peek(self) -> frozenset[T]:
        """Return a plain copy; nobody follows."""
        return frozenset(self._data)

    @property
    def value(self) -> frozenset[T]:
        """A plain copy, tracked; assign to `set`."""
        return self.get()

    @value.setter
    def value(self, items: Iterable[T]) -> None:
        self.set(items)

    def union(self, *others: Iterable[T]) -> frozenset[T]:
        """Return what is here or in any of `others`, tracked."""
        return self.get().union(*others)

    def intersection(self, *others: Iterable[object]) -> frozenset[T]:
        """Return what is here and in all of `others`, tracked."""
        return self.get().intersection(*others)

    def difference(self, *others: Iterable[object]) -> frozenset[T]:
        """Return what is here and in none of `others`, tracked."""
        return self.get().difference(*others)

    def issubset(self, other: Iterable[object]) -> bool:
        """Return whether all here are in `other`, tracked."""
        return self.get().issubset(other)

    def issuperset(self, other: Iterable[object]) -> bool:
        """Return whether all of `other` are here, tracked."""
        return self.get().issuperset(other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SetSignal):
            return self.get() == other.get()
        return self.get() == other if isinstance(other, AbstractSet) else NotImplemented

    __hash__: ClassVar[Callable[[Any], int]] = object.__hash__  # a place in a graph

    def __repr__(self) -> str:
        return f"<SetSignal{' ' + self._name if self._name else ''}: {short(list(self._data))}>"

    # -- writing

    def add(self, item: T) -> None:
        """Put `item` in."""
        if not self._posted(self.add, item):
            with lock:
                if item not in self._data:
                    self._commit([Put(item, item)])

    def discard(self, item: T) -> None:
        """Take `item` out if it is there."""
        if not self._posted(self.discard, item):
            with lock:
                if item in self._data:
                    self._commit([Drop(item)])

    def remove(self, item: T) -> None:
        """Take `item` out. Raises `KeyError` if it isn't there."""
        if not self._posted(self.remove, item):
            with lock:
                self._data[item]  # raises KeyError as a set does
                self._commit([Drop(item)])

    def pop(self) -> T:
        """Take out and return the element that came first."""
        self._refuse_here("pop()")
        with lock:
            if not self._data:
                raise KeyError("pop(): the set is empty")
            item = next(iter(self._data))
            self._commit([Drop(item)])
            return item

    def update(self, *others: Iterable[T]) -> None:
        """Put in all of `others`, as one write."""
        new = {item: item for other in others for item in other}
        if not self._posted(self.update, new):
            with lock:
                self._commit([Put(item, item) for item in new if item not in self._data])

    def difference_update(self, *others: Iterable[object]) -> None:
        """Take out all of `others`, as one write."""
        gone = {item: None for other in others for item in other}
        if not self._posted(self.difference_update, gone):
            with lock:
                drops: list[EntryPatch] = [Drop(item) for item in self._data if item in gone]
                self._commit(drops)

    def intersection_update(self, *others: Iterable[object]) -> None:
        """Take out what is not in all of `others`, as one write."""
        kept = [set(other) for other in others]
        if not self._posted(self.intersection_update, *kept):
            with lock:
                self._commit([Drop(item) for item in self._data if not all(item in other for other in kept)])

    def symmetric_difference_update(self, other: Iterable[T]) -> None:
        """Take out what is in `other`, put in what is only there, as one write."""
        new = {item: item for item in other}
        if not self._posted(self.symmetric_difference_update, new):
            with lock:
                drops: list[EntryPatch] = [Drop(item) for item in self._data if item in new]
                self._commit(drops + [Put(item, item) for item in new if item not in self._data])

    def __ior__(self, other: Iterable[T]) -> Self:  # type: ignore[override, misc]  # `set` takes sets, this more
        self.update(other)
        return self

    def __iand__(self, other: Iterable[Any]) -> Self:  # Any: as set has it
        self.intersection_update(other)
        return self

    def __isub__(self, other: Iterable[Any]) -> Self:  # Any: as set has it
        self.difference_update(other)
        return self

    def __ixor__(self, other: Iterable[T]) -> Self:  # type: ignore[override, misc]  # as above
        self.symmetric_difference_update(other)
        return self

    def clear(self) -> None:
        """Take out all."""
        self.set(())

    def set(self, items: Iterable[T]) -> None:
        """Become `items`, by the fewest patches."""
        new = {item: item for item in items}
        if not self._posted(self.set, new):
            with lock:
                drops: list[EntryPatch] = [Drop(item) for item in self._data if item not in new]
                self._commit(drops + [Put(item, item) for item in new if item not in self._data])
