"""`keyed`: lists made of lists, patch by patch, never by going through all of it again.

    todo = ListSignal([Task("milk"), Task("tea", done=True)])
    open_ones = todo.filter(lambda task: not task.done).sorted(key=lambda task: task.title).map(str)
    open_ones.rows()                      a signal: tracked, lazy, up to date also inside a batch
    open_ones.subscribe(callback)         a list source: the patches of each write or batch; so chains work

    keyed(view).map(...)                  the same over a live query, or whatever is a `ListSource`

Each function is called once for a row that is new or has changed. If it reads signals, it is called again for that row
alone when they change. A result is collected when it is dropped, like a computed; derived_list.py says how it works and
what it costs: O(log n) a patch, never O(n) in Python.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary, ref

from .derived_list import LABEL, DerivedList, Entry, PulledList
from .listed import Listed, ListSource
from .log import Log
from .naming import short
from .nodes import Node, lock, now
from .patch import Insert, Move, Patch, Remove, Update, apply_patches
from .source import Source

__all__ = ["Filtered", "Group", "Grouped", "Keyed", "Mapped", "Sorted", "keyed"]

K = TypeVar("K", bound=Hashable)
S = TypeVar("S")
T = TypeVar("T")
U = TypeVar("U")


class Keyed(Listed[T]):
    """The operators: each gives a list that follows this one."""

    __slots__ = ()

    def map(self, fn: Callable[[T], U]) -> Mapped[T, U]:
        """Return a list of `fn(row)`; the rows keep their keys."""
        return Mapped(self, fn)

    def filter(self, predicate: Callable[[T], object]) -> Filtered[T]:
        """Return a list of the rows for which `predicate(row)` is true."""
        return Filtered(self, predicate)

    def sorted(self, *, key: Callable[[T], Any] | None = None, reverse: bool = False) -> Sorted[T]:  # Any: has <
        """Return a list in the order that the builtin `sorted` gives; equal rows stand in the order they have here."""
        return Sorted(self, key or _itself, reverse=reverse)

    def group(self, key: Callable[[T], K]) -> Grouped[T, K]:
        """Return a list of groups, one for each `key(row)`, in the order of their first rows."""
        return Grouped(self, key)


class Mapped(DerivedList[S, U], Keyed[U], Generic[S, U]):
    """What `map` returns."""

    __slots__ = ()

    def _out(self, entry: Entry) -> Any:  # Any: a U
        return entry.result

    def _alter(self, entry: Entry, at: Any, columns: tuple[str, ...] | None, out: list[Patch]) -> None:  # Any: _find's
        super()._alter(entry, at, None, out)  # the columns are the source's


class Filtered(DerivedList[T, T], Keyed[T], Generic[T]):
    """What `filter` returns."""

    __slots__ = ()

    def _tidy(self, result: object) -> bool:
        return bool(result)

    def _shows(self, entry: Entry) -> bool:
        return bool(entry.result)


class Sorted(DerivedList[T, T], Keyed[T], Generic[T]):
    """What `sorted` returns."""

    __slots__ = ("_reverse",)

    def __init__(self, of: Listed[T], key: Callable[[T], Any], *, reverse: bool) -> None:  # Any: has <
        super().__init__(of, key, "sorted" if key is _itself else None)
        self._reverse = reverse

    def _precedes(self, one: Entry, two: Entry) -> bool:
        first, second = (two.result, one.result) if self._reverse else (one.result, two.result)
        return bool(first < second) or (not second < first and one.label < two.label)

    def _place(self, entry: Entry) -> int:
        order = self._order
        low, high = 0, len(order)
        while low < high:
            middle = (low + high) // 2
            if self._precedes(order[middle], entry):
                low = middle + 1
            else:
                high = middle
        return low

    def _ordered(self, entries: list[Entry]) -> list[Entry]:
        return sorted(entries, key=lambda entry: entry.result, reverse=self._reverse)


class Group(PulledList[T], Keyed[T], Generic[T, K]):
    """The rows of one key: a list like any other.

    It is empty while there are none; whoever holds it sees them come back.
    """

    __slots__ = ("_key", "_members", "_parent", "_touched")

    def __init__(self, parent: Grouped[T, K], key: K) -> None:
        super().__init__(f"group {key!r}")
        self._parent = parent
        self._key = key
        self._members: list[Entry] = []
        self._touched = Source()

    @property
    def key(self) -> K:
        """What its rows have in common."""
        return self._key

    def _reads(self) -> tuple[Node, ...]:
        return (self._parent,)

    def _step(self) -> int:
        self._parent._follow()
        self._touched.track()
        return self._serial

    def _note(self, patches: list[Patch]) -> None:
        super()._note(patches)
        self._touched._version = now.clock  # called by the parent's step: whoever reads this has been marked

    def _place(self, entry: Entry) -> int:
        return bisect_left(self._members, entry.label, key=LABEL)

    def _put(self, entry: Entry) -> None:
        at = self._place(entry)
        self._insert(at, entry)
        self._note([Insert(at, entry.row, entry.key)])

    def _insert(self, at: int, entry: Entry) -> None:
        self._members.insert(at, entry)
        self._rows.insert(at, entry.row)
        self._keys.insert(at, entry.key)

    def _delete(self, at: int) -> None:
        del self._members[at], self._rows[at], self._keys[at]


class Grouped(DerivedList[T, Group[T, K]], Keyed[Group[T, K]], Generic[T, K]):
    """What `group` returns. Its rows are lists themselves; the key of each is that of the group.

    A change within a group is told by the group alone. Asking a group that nothing happened to costs O(1).
    """

    __slots__ = ("_empty", "_groups")

    def __init__(self, of: Listed[T], key: Callable[[T], K]) -> None:
        super().__init__(of, key)
        self._groups: dict[Hashable, Group[T, K]] = {}
        self._empty: WeakValueDictionary[Hashable, Group[T, K]] = WeakValueDictionary()  # that somebody still holds

    def _find(self, entry: Entry) -> tuple[Group[T, K], int, int]:
        """Return its group, its index there, and the index of the group."""
        group = self._groups[entry.result]
        return group, group._place(entry), self._spot(group)

    def _spot(self, group: Group[T, K]) -> int:
        """Return where a group with these members stands."""
        return bisect_left(self._order, group._members[0].label, key=_first_label)

    def _put(self, entry: Entry, out: list[Patch]) -> None:
        key = entry.result
        group = self._groups.get(key)
        if group is None:
            self._groups[key] = group = self._made(key)
            group._put(entry)
            at = self._spot(group)
            self._order.insert(at, group)
            self._rows.insert(at, group)
            self._keys.insert(at, key)
            out.append(Insert(at, group, key))
            return
        first = entry.label < group._members[0].label
        at = self._spot(group)
        group._put(entry)
        if first:
            self._reorder(group, at, out)

    def _made(self, key: K) -> Group[T, K]:
        """Return the group of a key that has had no rows."""
        group = self._empty.pop(key, None)
        return Group(self, key) if group is None else group

    def _take(self, entry: Entry, at: Any, out: list[Patch]) -> None:  # Any: from _find
        group, index, spot = at
        group._delete(index)
        group._note([Remove(index, entry.key)])
        if group._members:
            if index == 0:
                self._reorder(group, spot, out)
            return
        self._delete(spot)
        del self._groups[group._key]
        self._empty[group._key] = group
        out.append(Remove(spot, group._key))

    def _alter(self, entry: Entry, at: Any, columns: tuple[str, ...] | None, out: list[Patch]) -> None:  # Any: as above
        group: Group[T, K]
        group, index, spot = at
        if self._groups.get(entry.result) is not group:
            self._take(entry, at, out)
            self._put(entry, out)
            return
        before = group._rows[index]
        group._delete(index)
        to = group._place(entry)
        group._insert(to, entry)
        patches: list[Patch] = [Move(index, to, entry.key)] if to != index else []
        if entry.row is not before:
            patches.append(Update(to, entry.row, columns or (), entry.key))
        group._note(patches)
        if index == 0 or to == 0:
            self._reorder(group, spot, out)

    def _reorder(self, group: Group[T, K], at: int, out: list[Patch]) -> None:
        """Put a group whose first row is another to its place."""
        self._delete(at)
        to = self._spot(group)
        self._order.insert(to, group)
        self._rows.insert(to, group)
        self._keys.insert(to, group._key)
        if to != at:
            out.append(Move(at, to, group._key))

    def _fill(self, out: list[Patch]) -> None:
        members: dict[Any, list[Entry]] = {}  # Any: of K
        for entry in self._entries:
            members.setdefault(entry.result, []).append(entry)
        gone, self._groups = self._groups, {}
        for key, entries in members.items():
            group = gone.pop(key, None)
            self._groups[key] = group = self._made(key) if group is None else group
            self._become(group, entries)
        for key, group in gone.items():
            self._become(group, [])
            self._empty[key] = group
        keys, rows = list(self._groups), list(self._groups.values())
        out += self._difference(self._keys, keys, self._rows, rows)
        self._order, self._rows, self._keys = list(rows), rows, keys

    def _become(self, group: Group[T, K], members: list[Entry]) -> None:
        rows, keys = [entry.row for entry in members], [entry.key for entry in members]
        patches = self._difference(group._keys, keys, group._rows, rows)
        group._members, group._rows, group._keys = members, rows, keys
        group._note(patches)


class Adopted(Keyed[T], Source, Generic[T]):
    """A list source that isn't ours, such as a view: its rows, and its patches in a log."""

    __slots__ = ("_keys", "_log", "_of", "_rows", "_stop", "_tuple")

    def __init__(self, of: ListSource[T]) -> None:
        Source.__init__(self)
        self._of = of
        self._rows: list[T] = []
        self._keys: list[Hashable] = []
        self._log: Log[Patch] | None = None
        self._tuple: tuple[T, ...] | None = None
        self._stop: Callable[[], None] | None = None
        weak = ref(self)

        def take(patches: Iterable[Patch]) -> None:
            adopted = weak()
            if adopted is not None:
                adopted._take(patches)

        self._stop = of.subscribe(take)

    def _take(self, patches: Iterable[Patch]) -> None:
        with lock:
            told = list(patches)
            apply_patches(told, self._rows, self._keys)
            self._record(told)
            self.changed()

    def _follow(self) -> None:
        self.track()

    def _settle(self) -> None:
        pass

    def __del__(self) -> None:
        if self._stop is not None:
            self._stop()


def keyed(source: ListSource[T]) -> Keyed[T]:
    """Return `source`, be it a view or a list of ours, with the operators."""
    if isinstance(source, Keyed):
        return source
    if not hasattr(source, "subscribe"):
        raise TypeError(f"keyed() takes a ListSignal or a view, not {short(source)}")
    return Adopted(source)


def _itself(row: T) -> T:
    return row


def _first_label(group: Group[Any, Any]) -> int:  # Any: of whatever rows
    return group._members[0].label
