"""`Entries`: what `MapSignal` and `SetSignal` share: keys that are followed one by one, and patches by key.

    Put(key, value)      the key is there now, with this value; a new one comes last. In a set the value is the key
    Drop(key)            the key is gone
    Reset(rows, keys)    all anew: values and keys side by side

    m["a"]        follows the value of "a"
    "a" in m      follows whether "a" is there
    len, iter     follow which keys there are, in which order
    all else      follows the whole

There is a `Source` for each key that somebody follows, and it goes with its last follower.
Costs: a write is what it costs a dict, plus 2 us and O(readers of the key); `set` O(n).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from . import flush, loops
from .batch import Batch
from .equality import same
from .log import Log, Logged, follow_node
from .naming import short
from .nodes import Node, now
from .patch import Reset
from .source import Source

__all__ = ["Drop", "Entries", "EntryPatch", "Put", "apply_entries"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MISSING: Final = object()


class Put(NamedTuple):
    """`key` has `value` now."""

    key: Hashable
    value: Any


class Drop(NamedTuple):
    """`key` is gone."""

    key: Hashable


EntryPatch: TypeAlias = Reset | Put | Drop


def apply_entries(patches: Iterable[EntryPatch], target: dict[Any, Any] | set[Any]) -> None:
    """Change a plain dict, or set, in place as `patches` say."""
    for patch in patches:
        if isinstance(target, set):
            match patch:
                case Put(key):
                    target.add(key)
                case Drop(key):
                    target.remove(key)
                case Reset(_, keys):
                    target.clear()
                    target.update(keys)
            continue
        match patch:
            case Put(key, value):
                target[key] = value
            case Drop(key):
                del target[key]
            case Reset(rows, keys):
                target.clear()
                target.update(zip(keys, rows, strict=True))


class Entries(Logged[EntryPatch], Source, Generic[K, V]):
    """Keys with values that others follow."""

    __slots__ = ("_data", "_log", "_name", "_presence", "_shape", "_values")

    def __init__(self, data: dict[K, V], name: str | None) -> None:
        Source.__init__(self)
        self._data = data
        self._name = name
        self._log: Log[EntryPatch] | None = None
        self._shape: Source | None = None
        self._values: WeakValueDictionary[K, Source] | None = None
        self._presence: WeakValueDictionary[K, Source] | None = None

    def _follow(self) -> None:
        self.track()

    def _whole(self) -> Reset:
        return Reset(list(self._data.values()), list(self._data))

    def _size(self) -> int:
        return len(self._data)

    # -- what is followed

    def _follow_value(self, key: K) -> None:
        if now.token is not None:
            if self._values is None:
                self._values = WeakValueDictionary()
            _follow_key(self._values, key)

    def _follow_presence(self, key: K) -> None:
        if now.token is not None:
            if self._presence is None:
                self._presence = WeakValueDictionary()
            _follow_key(self._presence, key)

    def _follow_shape(self) -> None:
        if now.token is not None:
            if self._shape is None:
                self._shape = Source()
            follow_node(self._shape)

    def _parts(self, name: str) -> Iterator[tuple[Source, str]]:
        """Yield the points of the graph that hang on this one, with what they are called, for a drawing."""
        if self._shape is not None:
            yield self._shape, f"keys of {name}"
        for key, source in list((self._values or {}).items()):
            yield source, f"{name}[{short(key)}]"
        for key, source in list((self._presence or {}).items()):
            yield source, f"{short(key)} in {name}"

    # -- writing

    def _posted(self, write: Callable[..., object], *args: object) -> bool:
        """Post the write if it belongs to another thread; return whether it does."""
        if loops.owner is None or (loop := loops.foreign()) is None:
            return False
        flush.post(loop, partial(write, *args))
        return True

    def _refuse_here(self, verb: str) -> None:
        """Raise on a thread whose writes are posted: they can't give anything back."""
        if loops.owner is not None and loops.foreign() is not None:
            raise RuntimeError(
                f"{verb} gives something back, but this thread only posts its writes to the loop that owns the "
                "signals; use a write that gives nothing back here, or do it on the loop"
            )

    def _puts(self, items: Mapping[K, V]) -> list[EntryPatch]:
        """Return what has to be put so that `items` are there."""
        data = self._data
        return [Put(key, value) for key, value in items.items() if key not in data or not same(data[key], value)]

    def _become(self, items: dict[K, V]) -> None:
        """Hold exactly `items`, in their order."""
        drops: list[EntryPatch] = [Drop(key) for key in self._data if key not in items]
        order = [key for key in self._data if key in items]
        order += [key for key in items if key not in self._data]
        if order == list(items):
            self._commit(drops + self._puts(items))
        else:
            self._commit([Reset(list(items.values()), list(items))])

    def _commit(self, patches: list[EntryPatch]) -> None:
        """Apply `patches`, note them, tell who follows. The caller holds the lock."""
        if not patches:
            return
        concerned: dict[Node, None] = {self: None}
        for patch in patches:
            if isinstance(patch, Reset):
                self._concern_all(dict(zip(patch.keys, patch.rows, strict=True)), concerned)
            else:
                self._concern(patch, concerned)
            apply_entries([patch], self._data)
        self._write_log(patches)
        if len(concerned) == 1:
            flush.changed(self)
            return
        with Batch():
            for source in concerned:
                flush.changed(source)

    def _concern(self, patch: Put | Drop, concerned: dict[Node, None]) -> None:
        key: Any = patch.key  # Any: a K
        _add(concerned, self._values, key)
        if isinstance(patch, Drop) or key not in self._data:
            _add(concerned, self._presence, key)
            if self._shape is not None:
                concerned[self._shape] = None

    def _concern_all(self, items: dict[Any, Any], concerned: dict[Node, None]) -> None:  # Any: of K and V
        for key in list(self._values or ()):
            if not same(self._data.get(key, MISSING), items.get(key, MISSING)):
                _add(concerned, self._values, key)
        for key in list(self._presence or ()):
            if (key in self._data) != (key in items):
                _add(concerned, self._presence, key)
        if self._shape is not None and list(self._data) != list(items):
            concerned[self._shape] = None


def _follow_key(sources: WeakValueDictionary[K, Source], key: K) -> None:
    source = sources.get(key)
    if source is None:
        sources[key] = source = Source()
    source.track()


def _add(concerned: dict[Node, None], sources: WeakValueDictionary[K, Source] | None, key: K) -> None:
    source = None if sources is None else sources.get(key)
    if source is not None:
        concerned[source] = None
