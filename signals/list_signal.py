"""`ListSignal`: a list whose changes are seen, as patches.

    todo = ListSignal(["milk", "tea"])
    effect(lambda: print(len(todo)))              # 2
    todo.subscribe(print)                         # (Reset(rows=['milk', 'tea'], keys=[0, 1]),)
    todo.append("rice")                           # (Insert(index=2, row='rice', key=2),)  3
    todo.set(["tea", "rice"])                     # (Remove(index=0, key=0),)  2

It has the methods of `list`, and `move`, `set`, `update`, `peek`. Each row has a key, which stays with it while it
moves: `key(item)` if that is given (then no two items may have the same one), else a number of its own.

What is tracked: `len()` follows the length; an index with `[i]` follows what stands there; all else follows the list as
a whole. A write that changes nothing, as for a signal, tells nobody.

Writes from other threads are posted to the loop that owns the graph, as for a signal; `pop` gives something back, so it
can't be posted and is refused there. A write that raises changes nothing.
Costs: a write is what it costs a list, plus 3 to 5 us and O(readers of an index whose item has changed). `set`, `sort`,
`reverse` and slices with a step are compared by key: see patch.py.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, MutableSequence, Sequence
from functools import partial
from itertools import count
from typing import Any, Final, Generic, NoReturn, Self, SupportsIndex, TypeVar, cast, overload
from weakref import WeakValueDictionary

from . import flush, loops
from .batch import Batch
from .equality import same
from .errors import DuplicateKeyError
from .functions import check_function
from .keyed import Keyed
from .log import Log, follow_node
from .nodes import lock, now
from .patch import SMALL, Insert, Move, Patch, Remove, Reset, Update, apply_patches, diff_keyed
from .source import Source

__all__ = ["ListSignal"]

T = TypeVar("T")

MISSING: Final = object()
UNHASHABLE: Final = object()


class ListSignal(Keyed[T], Source, MutableSequence[T], Generic[T]):
    """A list that others follow."""

    __slots__ = ("_at", "_key", "_keys", "_length", "_log", "_name", "_rows", "_serial", "_taken", "_tuple")

    def __init__(
        self, items: Iterable[T] = (), key: Callable[[T], Hashable] | None = None, *, name: str | None = None
    ) -> None:
        if key is not None:
            check_function(key, "key=")
        Source.__init__(self)
        self._name = name
        self._key = key
        self._serial: Iterator[int] = count()
        self._rows: list[T] = list(items)
        self._taken: set[Hashable] = set()  # the keys, if `key` makes them
        self._keys: list[Hashable] = self._fresh_keys(self._rows)
        self._taken.update(self._keys if key is not None else ())
        self._log: Log[Patch] | None = None
        self._tuple: tuple[T, ...] | None = None
        self._length: Source | None = None
        self._at: WeakValueDictionary[int, Source] | None = None

    # -- reading (more in Listed)

    def _follow(self) -> None:
        self.track()

    def _settle(self) -> None:
        pass

    def __len__(self) -> int:
        if now.token is not None:
            if self._length is None:
                self._length = Source()
            follow_node(self._length)
        return len(self._rows)

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> T | list[T]:
        if isinstance(index, slice):
            self.track()
        elif now.token is not None:
            self._track_at(index.__index__())
        return self._rows[index]

    def _track_at(self, index: int) -> None:
        """Follow what stands at `index`, also if nothing does."""
        if self._at is None:
            self._at = WeakValueDictionary()
        source = self._at.get(index)
        if source is None:
            self._at[index] = source = Source()
        source.track()

    def _parts(self, name: str) -> Iterator[tuple[Source, str]]:
        """Yield the points of the graph that hang on this one, with what they are called, for a drawing."""
        if self._length is not None:
            yield self._length, f"len({name})"
        for index, source in sorted((self._at or {}).items(), key=lambda item: item[0]):
            yield source, f"{name}[{index}]"

    # -- writing

    def append(self, item: T) -> None:
        """Put `item` at the end."""
        if not self._posted(self.append, item):
            with lock:
                self._splice(len(self._rows), len(self._rows), [item])

    def extend(self, items: Iterable[T]) -> None:
        """Put `items` at the end."""
        new = list(items)
        if not self._posted(self.extend, new):
            with lock:
                self._splice(len(self._rows), len(self._rows), new)

    def insert(self, index: SupportsIndex, item: T) -> None:
        """Put `item` in before `index`."""
        if not self._posted(self.insert, index, item):
            with lock:
                start, _, _ = slice(index, None).indices(len(self._rows))
                self._splice(start, start, [item])

    def pop(self, index: SupportsIndex = -1) -> T:
        """Take out and return the item at `index`."""
        if loops.owner is not None and loops.foreign() is not None:
            raise RuntimeError(
                "pop() gives an item back, but this thread only posts its writes to the loop that owns the signals; "
                "use `del items[index]`, `remove` or `update` here, or pop on the loop"
            )
        with lock:
            item = self._rows[index]
            at = index.__index__() % len(self._rows)
            self._splice(at, at + 1, [])
            return item

    def remove(self, item: T) -> None:
        """Take out the first item that equals `item`. Raises `ValueError` if there is none."""
        if not self._posted(self.remove, item):
            with lock:
                at = self._rows.index(item)
                self._splice(at, at + 1, [])

    def clear(self) -> None:
        """Take out all."""
        if not self._posted(self.clear):
            with lock:
                self._splice(0, len(self._rows), [])

    @overload
    def __setitem__(self, index: SupportsIndex, item: T) -> None: ...
    @overload
    def __setitem__(self, index: slice, item: Iterable[T]) -> None: ...
    def __setitem__(self, index: SupportsIndex | slice, item: T | Iterable[T]) -> None:
        if isinstance(index, slice):
            self._set_slice(index, list(cast("Iterable[T]", item)))  # as the overload says
            return
        if not self._posted(self.__setitem__, index, item):
            with lock:
                self._rows[index]  # raises IndexError as a list does
                at = index.__index__() % len(self._rows)
                self._splice(at, at + 1, [cast(T, item)])  # as the overload says

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        if self._posted(self.__delitem__, index):
            return
        with lock:
            if not isinstance(index, slice):
                self._rows[index]  # raises IndexError as a list does
                at = index.__index__() % len(self._rows)
                self._splice(at, at + 1, [])
                return
            start, stop, step = index.indices(len(self._rows))
            if step == 1:
                self._splice(start, max(start, stop), [])
            else:
                rows, keys = self._rows.copy(), self._keys.copy()
                del rows[index], keys[index]
                self._become(rows, keys)

    def _set_slice(self, index: slice, items: list[T]) -> None:
        if self._posted(self._set_slice, index, items):
            return
        with lock:
            start, stop, step = index.indices(len(self._rows))
            if step == 1:
                self._splice(start, max(start, stop), items)
                return
            rows = self._rows.copy()
            rows[index] = items  # raises ValueError as a list does
            keys: list[Hashable] = self._keys.copy()
            if self._key is not None:
                keys[index] = [self._key(item) for item in items]
            self._become(rows, keys)

    def __iadd__(self, items: Iterable[T]) -> Self:
        self.extend(items)
        return self

    def move(self, index: int, to: int) -> None:
        """Take out the item at `index` and put it in at `to` of the shorter list."""
        if self._posted(self.move, index, to):
            return
        with lock:
            size = len(self._rows)
            if not (-size <= index < size and -size <= to < size):
                raise IndexError(f"move({index}, {to}) in a list of {size}")
            index, to = index % size, to % size
            if index != to:
                self._commit([Move(index, to, self._keys[index])])

    def sort(self, *, key: Callable[[T], Any] | None = None, reverse: bool = False) -> None:
        """Sort in place, stably; a list that is kept sorted is made by `sorted`."""
        if self._posted(partial(self.sort, key=key, reverse=reverse)):
            return
        with lock:
            rows: list[Any] = self._rows  # Any: what can't be compared raises, as in a list
            order = sorted(range(len(rows)), key=lambda i: key(rows[i]) if key else rows[i], reverse=reverse)
            self._become([rows[i] for i in order], [self._keys[i] for i in order])

    def reverse(self) -> None:
        """Turn the order round."""
        if not self._posted(self.reverse):
            with lock:
                self._become(self._rows[::-1], self._keys[::-1])

    def set(self, items: Iterable[T]) -> None:
        """Become `items`, by the fewest patches: rows with the same key (without `key`: equal items) stay."""
        new = list(items)
        if not self._posted(self.set, new):
            with lock:
                self._become(new, self._keys_for(new))

    def update(self, fn: Callable[[list[T]], Iterable[T] | None]) -> None:
        """Give `fn` a copy as a plain list and become what it returns, or what it has made of the copy."""
        if not self._posted(self.update, fn):
            with lock:
                draft = self._rows.copy()
                made = fn(draft)
                self.set(draft if made is None else made)

    @property
    def value(self) -> tuple[T, ...]:
        """The rows in order, tracked; assign to `set`."""
        return self.rows()

    @value.setter
    def value(self, items: Iterable[T]) -> None:
        self.set(items)

    # -- how a write is done

    def _posted(self, write: Callable[..., object], *args: object) -> bool:
        """Post the write if it belongs to another thread; return whether it does."""
        if loops.owner is None or (loop := loops.foreign()) is None:
            return False
        flush.post(loop, partial(write, *args))
        return True

    def _fresh_keys(self, items: Sequence[T]) -> list[Hashable]:
        """Return keys for items that come in. Raises `DuplicateKeyError` if two of them have the same one."""
        if self._key is None:
            return [next(self._serial) for _ in items]
        keys = [self._key(item) for item in items]
        if len(set(keys)) < len(keys):
            self._refuse(keys)
        return keys

    def _refuse(self, keys: Iterable[Hashable]) -> NoReturn:
        """Raise for the first key that occurs twice."""
        seen: set[Hashable] = set()
        double = next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # None
        raise DuplicateKeyError(double)

    def _keys_for(self, items: Sequence[T]) -> list[Hashable]:
        """Return keys for a new version of the list: those of the rows that stay."""
        if self._key is not None:
            return self._fresh_keys(items)
        rows, ends = self._rows, min(len(self._rows), len(items))
        head = next((i for i in range(ends) if not same(rows[i], items[i])), ends)
        tail = next((i for i in range(ends - head) if not same(rows[-1 - i], items[-1 - i])), ends - head)
        pool: defaultdict[object, deque[Hashable]] = defaultdict(deque)
        for i in range(head, len(rows) - tail):
            pool[_sign(rows[i])].append(self._keys[i])
        middle: list[Hashable] = []
        for item in items[head : len(items) - tail]:
            known = pool.get(_sign(item))
            middle.append(known.popleft() if known else next(self._serial))
        return [*self._keys[:head], *middle, *self._keys[len(rows) - tail :]]

    def _splice(self, start: int, stop: int, items: list[T]) -> None:
        """Replace rows[start:stop] by `items`: what stands at the same place is updated, the rest comes or goes."""
        size, kept = len(self._rows), min(stop - start, len(items))
        if self._key is None:
            keys = self._keys[start : start + kept] + self._fresh_keys(items[kept:])
        else:
            keys = self._fresh_keys(items)
            leaving = set(self._keys[start:stop])
            for key in keys:
                if key in self._taken and key not in leaving:
                    raise DuplicateKeyError(key)
            if keys[:kept] != self._keys[start : start + kept]:
                self._become(
                    [*self._rows[:start], *items, *self._rows[stop:]],
                    [*self._keys[:start], *keys, *self._keys[stop:]],
                )
                return
        touched = max(stop - start, len(items))
        if touched > SMALL and touched * 2 > max(size, size + len(items) - (stop - start)):
            self._become(
                [*self._rows[:start], *items, *self._rows[stop:]], [*self._keys[:start], *keys, *self._keys[stop:]]
            )
            return
        patches: list[Patch] = [
            Update(start + i, items[i], (), keys[i]) for i in range(kept) if not same(self._rows[start + i], items[i])
        ]
        patches += [Remove(i, self._keys[i]) for i in range(stop - 1, start + kept - 1, -1)]
        patches += [Insert(start + i, items[i], keys[i]) for i in range(kept, len(items))]
        self._commit(patches)

    def _become(self, rows: list[T], keys: list[Hashable]) -> None:
        """Replace all, by patches or, if that is cheaper, a Reset."""
        if self._key is not None and len(set(keys)) < len(keys):
            self._refuse(keys)
        self._commit(diff_keyed(self._keys, keys, self._rows, rows, None))

    def _commit(self, patches: list[Patch]) -> None:
        """Apply `patches`, note them, tell who follows."""
        if not patches:
            return
        before = len(self._rows)
        watched = self._watched_places()
        apply_patches(patches, self._rows, self._keys)
        if self._key is not None:
            self._note_keys(patches)
        self._record(patches)
        concerned = [source for i, source, row in watched if self._row_at(i) is not row]
        if self._length is not None and self._length.watched and len(self._rows) != before:
            concerned.append(self._length)
        if not concerned:
            flush.changed(self)
            return
        with Batch():
            for source in (self, *concerned):
                flush.changed(source)

    def _note_keys(self, patches: list[Patch]) -> None:
        for patch in patches:
            if isinstance(patch, Reset):
                self._taken = set(self._keys)
            elif isinstance(patch, Remove):
                self._taken.discard(patch.key)
            elif isinstance(patch, Insert):
                self._taken.add(patch.key)

    def _watched_places(self) -> list[tuple[int, Source, object]]:
        """Return the indexes that are followed, and what stands there."""
        if not self._at:
            return []
        return [(i, source, self._row_at(i)) for i, source in sorted(self._at.items(), key=lambda item: item[0])]

    def _row_at(self, index: int) -> object:
        size = len(self._rows)
        return self._rows[index] if -size <= index < size else MISSING


def _sign(item: object) -> object:
    """Return what equal items have in common: the item itself, or who it is if it can't be hashed."""
    try:
        hash(item)
    except Exception:
        return UNHASHABLE, id(item)
    return item
