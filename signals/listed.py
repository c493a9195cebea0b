"""`Listed`: lists that can be read, followed and subscribed to, patch by patch.

    ListSignal.append("c")
        |
        v    record(patches)
    [ log: Insert(2, "c") ]  <---- Reader (a derived list)     takes what is new since it last looked,
                             <---- Reader (a subscriber)       when it is asked, at its own time

Nobody pushes patches. A list writes them into its log, and each reader keeps its own place in it. So a derived list is
as lazy as a computed, right in the middle of a batch, and held by nobody upstream; a subscriber is an effect, so it is
told once a batch, in order with other effects, and all rules of effects and threads hold for it.

A log that nobody reads isn't written. One that grows beyond the length of its list is continued in a new one, which the
old one knows only weakly: a reader that looks rarely keeps at most one log alive, and takes a `Reset` if it comes too
late.

`ListSource` is the protocol that these lists share with the views of live queries.
Costs: record O(patches); taking them O(patches); a value read as a tuple is made once a change, O(n) in C.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final, Generic, Protocol, TypeAlias, TypeVar, overload
from weakref import ReferenceType, ref

from . import nodes
from .effect import effect
from .nodes import Node, now
from .patch import Patch, Reset
from .scope import current_owner
from .untracked import untracked

__all__ = ["ListSource", "Listed", "Patches", "Reader"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

LOG_MIN: Final = 64  # so many patches are kept in any case

Patches: TypeAlias = tuple[Patch, ...]


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


class Log:
    """Patches in the order in which they were made, and where they go on."""

    __slots__ = ("__weakref__", "further", "patches", "room")

    def __init__(self, size: int) -> None:
        self.patches: list[Patch] = []
        self.room = max(LOG_MIN, size)  # beyond so many patches a Reset is cheaper
        self.further: ReferenceType[Log] | None = None


class Reader:
    """A place in the log of a list."""

    __slots__ = ("_at", "_log", "_of")

    def __init__(self, of: Listed[Any]) -> None:
        self._of = of
        self._log: Log | None = None
        self._at = 0

    def take(self) -> list[Patch]:
        """Return the patches since the last call; a Reset for the first one and after a long time."""
        log = self._log
        if log is None:
            return [self.reset()]
        patches = log.patches[self._at :]
        while log.further is not None:
            further = log.further()
            if further is None:
                return [self.reset()]
            log = further
            patches += log.patches
        self._log, self._at = log, len(log.patches)
        return patches

    def reset(self) -> Reset:
        """Go to the end of the log; return all that is there."""
        self._log = log = self._of._open_log()
        self._at = len(log.patches)
        return Reset(list(self._of._rows), list(self._of._keys))


class Listed(Generic[T]):
    """What all our lists can do for those who only read: a mixin for a `Node` that notes patches.

    Whatever is read here is tracked: the running computed or effect follows the list as a whole. `peek()`, `keys()` and
    `repr` are not.
    """

    __slots__ = ()

    _rows: list[T]
    _keys: list[Hashable]
    _log: Log | None
    _tuple: tuple[T, ...] | None

    def _follow(self) -> None:
        """Bring the rows up to date and have the running computed or effect follow them."""
        raise NotImplementedError

    def _settle(self) -> None:
        """Bring the rows up to date."""
        raise NotImplementedError

    # -- patches

    def _record(self, patches: Iterable[Patch]) -> None:
        """Note what has been done to the rows."""
        self._tuple = None  # type: ignore[misc]  # a slot of each class that mixes this in
        log = self._log
        if log is None:
            return
        log.patches.extend(patches)
        if len(log.patches) > log.room:
            further = Log(len(self._rows))
            log.further = ref(further)
            self._log = further  # type: ignore[misc]  # a slot of each class that mixes this in
            last = ref(log)
            del log
            if last() is None:  # nobody reads
                self._log = None  # type: ignore[misc]  # a slot of each class that mixes this in

    def _open_log(self) -> Log:
        """Return the log, written from now on."""
        if self._log is None:
            self._log = Log(len(self._rows))  # type: ignore[misc]  # a slot of each class that mixes this in
        return self._log

    def subscribe(self, fn: Callable[[Patches], object]) -> Callable[[], None]:
        """Call `fn` with a Reset now and with the patches of each write, or batch, from then on; return what ends that.

        `apply_patches` on a copy of the old list gives the new one. A change that touches more than half of a long list
        may come as a Reset. `fn` runs as an effect does, and ends with the current Scope or effect; what it reads is
        not followed, what it makes belongs to that Scope. What it raises is raised to the writer, and the patches count
        as delivered.
        """
        reader, owner = Reader(self), current_owner()

        def tell() -> None:
            self._follow()
            patches = reader.take()
            if patches:
                owner.run(lambda: untracked(lambda: fn(tuple(patches))))

        return effect(tell, getattr(fn, "__name__", None)).close

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


def follow_node(node: Node) -> None:
    """Have the running computed or effect follow `node`."""
    token = now.token
    if token is not None and node._seen is not token:
        nodes.track(node)
