"""`Listed`: lists that can be read, followed and subscribed to, patch by patch.

The patches are those of patch.py; how they reach whoever follows says log.py.
`ListSource` is the protocol that these lists share with the views of live queries.
Costs: a value read as a tuple is made once a change, O(n) in C.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar, overload

from .log import Logged
from .patch import Patch, Reset

__all__ = ["ListSource", "Listed"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ListSource(Protocol[T_co]):
    """A list that hands out patches: a `ListSignal`, a list derived from one, a view of a live query."""

    def rows(self) -> tuple[T_co, ...]:
        """Return the rows in order, tracked."""

    def peek(self) -> tuple[T_co, ...]:
        """Return the rows in order; nobody follows."""

    def keys(self) -> list[Hashable]:
        """Return the key of each row; nobody follows."""

    def subscribe(self, fn: Callable[[Any], object], /) -> Callable[[], None]:  # Any: a sequence of patches
        """Call `fn` with a Reset now and with the patches of each change from then on; return what ends that."""


class Listed(Logged[Patch], Generic[T]):
    """What all our lists can do for those who only read: a mixin for a `Node` that notes patches.

    Whatever is read here is tracked: the running computed or effect follows the list as a whole. `peek()`, `keys()` and
    `repr` are not.
    """

    __slots__ = ()

    _rows: list[T]
    _keys: list[Hashable]
    _tuple: tuple[T, ...] | None

    def _settle(self) -> None:
        """Bring the rows up to date."""
        raise NotImplementedError

    def _whole(self) -> Reset:
        return Reset(list(self._rows), list(self._keys))

    def _size(self) -> int:
        return len(self._rows)

    def _record(self, patches: Iterable[Patch]) -> None:
        """Note what has been done to the rows."""
        self._tuple = None  # type: ignore[misc]  # a slot of each class that mixes this in
        self._write_log(patches)

    # -- reading

    def rows(self) -> tuple[T, ...]:
        """Return the rows in order, tracked. O(n) once after each change, then O(1)."""
        self._follow()
        return self._as_tuple()

    get = rows
    __call__ = rows

    @property
    def value(self) -> tuple[T, ...]:
        """The rows in order, tracked."""
        return self.rows()

    def peek(self) -> tuple[T, ...]:
        """Return the rows in order; nobody follows."""
        self._settle()
        return self._as_tuple()

    def keys(self) -> list[Hashable]:
        """Return the key of each row, in order; nobody follows."""
        self._settle()
        return list(self._keys)

    def _as_tuple(self) -> tuple[T, ...]:
        rows = self._tuple
        if rows is None:
            rows = self._tuple = tuple(self._rows)  # type: ignore[misc]  # a slot of each class that mixes this in
        return rows

    def __len__(self) -> int:
        self._follow()
        return len(self._rows)

    def __iter__(self) -> Iterator[T]:
        return iter(self.rows())

    def __reversed__(self) -> Iterator[T]:
        return reversed(self.rows())

    def __contains__(self, item: object) -> bool:
        self._follow()
        return item in self._rows

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        self._follow()
        return self._rows[index]

    def index(self, item: object, start: int = 0, stop: int | None = None) -> int:
        """Return the first index of `item`, tracked. Raises `ValueError` if it isn't there."""
        return self.rows().index(item, start, len(self._rows) if stop is None else stop)

    def count(self, item: object) -> int:
        """Return how many items equal `item`, tracked."""
        self._follow()
        return self._rows.count(item)  # type: ignore[arg-type]  # any object may be asked for

    def copy(self) -> list[T]:
        """Return a plain list, tracked."""
        self._follow()
        return self._rows.copy()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Listed):
            return self.rows() == other.rows()
        if isinstance(other, list):
            self._follow()
            return self._rows == other
        return self.rows() == other if isinstance(other, tuple) else NotImplemented

    __hash__: ClassVar[Callable[[Any], int]] = object.__hash__  # a place in a graph

    def __repr__(self) -> str:
        name = getattr(self, "_name", None)
        return f"<{type(self).__name__}{' ' + name if name else ''}: {self._shown()}>"

    def _shown(self) -> str:
        rows: Sequence[T] = self._rows
        return f"{list(rows)!r}" if len(rows) <= 10 else f"{len(rows)} rows"
