"""`store`: nested plain data, with a signal for each place that is read.

    shop = store({"name": "Tea & Co", "goods": [{"title": "tea", "price": 3}]})
    effect(lambda: print(shop.goods[0].price))           # or shop["goods"][0]["price"]
    shop.goods[0].price = 4                              # prints; a write to shop.name would not

                 MapStore  name, goods                   a dict is a MapSignal, a list a ListSignal, all the way down
                              |
                          ListStore  [0]
                                      |
                                  MapStore  title, price    <- the effect follows "goods", its [0], and its "price"

Dicts and lists that are written become stores, too, as copies: what comes in is never shared with what you hold.
Replacing a part wakes who has read through it. A dict written over a dict, or a list over a list, by `set` changes only
what differs. Keys that are identifiers are attributes as well, unless stores have a member of that name (`items`,
`set`, `value` ...): then use `[...]`.
`snapshot()` is plain data again, tracked to the last leaf; so is what a part gives as a readable (`shop()`, `value`; a
list's as a tuple, like that of a `ListSignal`); `peek()` is not tracked. `rows()` of a list are its parts themselves.
Data may be nested as deep as memory goes: nothing here recurses. Data that contains itself is refused, and so is a
write that would make a store contain itself.
Costs: those of `MapSignal` and `ListSignal` at each level; a signal exists only for what is being followed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, overload

from .batch import batch
from .entries import MISSING
from .list_signal import ListSignal
from .map_signal import MapSignal
from .naming import short
from .untracked import untracked

__all__ = ["ListStore", "MapStore", "store"]


class MapStore(MapSignal[Any, Any]):  # Any: values are whatever the data has
    """A dict within a store."""

    __slots__ = ()

    def __init__(self, items: Mapping[Any, Any], *, name: str | None = None) -> None:  # Any: as above
        _refuse_circles(items.values())
        super().__init__({key: _stored(value) for key, value in items.items()}, name=name)

    def __getattr__(self, name: str) -> Any:  # Any: as above
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        try:
            return self[name]
        except KeyError:
            there = ", ".join(map(str, self._data)) or "nothing"
            raise AttributeError(f"no {name!r} in this part of the store; it has: {there}") from None

    def __setattr__(self, name: str, value: Any) -> None:  # Any: as above
        if name.startswith("_") or (name == "value" and "value" not in self._data):
            super().__setattr__(name, value)
        elif hasattr(type(self), name):
            raise AttributeError(f"{name!r} is a member of stores; write store[{name!r}] = ... for the key")
        else:
            self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError as error:
            raise AttributeError(f"no {name!r} in this part of the store") from error

    def __setitem__(self, key: Any, value: Any) -> None:  # Any: as above
        _refuse_circles((value,), self)
        untracked(lambda: super(MapStore, self).__setitem__(key, _stored(value)))

    def get(self, key: Any = MISSING, default: Any = None) -> Any:  # Any: as above
        """Return the value of `key`, else `default`; without a key plain data, tracked to the last leaf."""
        return self.snapshot() if key is MISSING else super().get(key, default)

    def setdefault(self, key: Any, default: Any = None) -> Any:  # Any: as above
        """Return the value of `key`, put in as `default` if it isn't there."""
        _refuse_circles((default,), self)
        return super().setdefault(key, _stored(default))

    def update(self, items: Any = (), /, **named: Any) -> None:  # Any: as above
        """Put all of `items`, as one write."""
        new = dict(items, **named)
        _refuse_circles(new.values(), self)
        stored = {key: _stored(value) for key, value in new.items()}
        untracked(lambda: super(MapStore, self).update(stored))

    def set(self, items: Mapping[Any, Any]) -> None:  # Any: as above
        """Become `items`; dicts and lists that stay where they are change only in what differs."""
        if self._posted(self.set, items):
            return
        new = dict(items)
        _refuse_circles(new.values(), self)
        with batch():
            untracked(lambda: _merge(self, new))

    def snapshot(self) -> dict[Any, Any]:  # Any: as above
        """Return plain data, tracked to the last leaf."""
        return _plain(self)  # type: ignore[no-any-return]  # a dict of a map

    def peek(self) -> dict[Any, Any]:  # Any: as above
        """Return plain data; nobody follows."""
        return untracked(self.snapshot)


class ListStore(ListSignal[Any]):  # Any: items are whatever the data has
    """A list within a store."""

    __slots__ = ()

    def __init__(
        self,
        items: Iterable[Any] = (),
        key: Callable[[Any], Hashable] | None = None,
        *,
        name: str | None = None,  # Any: as above
    ) -> None:
        given = list(items)
        _refuse_circles(given)
        super().__init__([_stored(item) for item in given], key, name=name)

    def _splice(self, start: int, stop: int, items: list[Any]) -> None:  # Any: as above
        _refuse_circles(items, self)
        stored = [_stored(item) for item in items]
        untracked(lambda: super(ListStore, self)._splice(start, stop, stored))

    def _become(self, rows: list[Any], keys: list[Hashable]) -> None:  # Any: as above
        there = set(map(id, self._rows))
        _refuse_circles([row for row in rows if id(row) not in there], self)
        stored = [_stored(row) for row in rows]
        untracked(lambda: super(ListStore, self)._become(stored, keys))

    def _keys_for(self, items: Sequence[Any]) -> list[Hashable]:  # Any: as above
        return untracked(lambda: super(ListStore, self)._keys_for(items))

    def snapshot(self) -> list[Any]:  # Any: as above
        """Return plain data, tracked to the last leaf."""
        return _plain(self)  # type: ignore[no-any-return]  # a list of a list

    def get(self) -> tuple[Any, ...]:  # Any: as above
        """Return plain data in a tuple, tracked to the last leaf."""
        return tuple(self.snapshot())

    __call__ = get

    def peek(self) -> tuple[Any, ...]:  # Any: as above
        """Return plain data in a tuple; nobody follows."""
        return untracked(self.get)

    @property
    def value(self) -> tuple[Any, ...]:  # Any: as above
        """Plain data in a tuple, tracked to the last leaf; assign to `set`."""
        return self.get()

    @value.setter
    def value(self, items: Iterable[Any]) -> None:  # Any: as above
        self.set(items)

    def _shown(self) -> str:
        return short(self)


PLAIN: Final = (dict, list)
PARTS: Final = (MapStore, ListStore)


def _stored(value: Any) -> Any:  # Any: whatever the data has
    """Return `value` as a part of a store, made from the innermost container outwards."""
    if not isinstance(value, PLAIN):
        return value
    open_: list[tuple[Any, Iterator[Any], list[Any]]] = [(value, iter(_inner(value)), [])]  # Any: as above
    while True:
        container, rest, made = open_[-1]
        for each in rest:
            if isinstance(each, PLAIN):
                open_.append((each, iter(_inner(each)), []))
                break
            made.append(each)
        else:
            open_.pop()
            part = _part(container, made)
            if not open_:
                return part
            open_[-1][2].append(part)


def _part(container: Any, made: list[Any]) -> MapStore | ListStore:  # Any: as above
    """Return the part for a plain container, whose values have been `made` parts and looked at already."""
    if isinstance(container, dict):
        part = MapStore.__new__(MapStore)
        MapSignal.__init__(part, dict(zip(container, made, strict=True)))
        return part
    rows = ListStore.__new__(ListStore)
    ListSignal.__init__(rows, made)
    return rows


def _inner(container: Any) -> Iterable[Any]:  # Any: a plain container or a part
    """Return what is directly in it; nobody follows."""
    if isinstance(container, MapStore):
        return container._data.values()
    if isinstance(container, ListStore):
        return container._rows
    return container.values() if isinstance(container, dict) else container


def _refuse_circles(values: Iterable[Any], target: Any = None) -> None:  # Any: whatever the data has
    """Raise `ValueError` if one of `values` contains itself, or `target`, into which they are to be written."""
    nested = (*PLAIN, *PARTS)
    above: set[int] = set()  # of the containers that are being looked at
    known: set[int] = set()  # those that are in order
    waiting = [each for each in values if isinstance(each, nested)]
    while waiting:
        each = waiting[-1]
        if id(each) in above:
            above.discard(id(each))
            known.add(id(each))
        if id(each) in known:
            waiting.pop()
            continue
        above.add(id(each))
        for inner in (each, *_inner(each)):
            if inner is target:
                raise ValueError("a store can't contain itself; write a copy: snapshot()")
            if inner is not each and isinstance(inner, nested):
                if id(inner) in above:
                    raise ValueError("data that contains itself can't be a store: it has no end")
                waiting.append(inner)


def _merge(top: MapStore, items: dict[Any, Any]) -> None:  # Any: whatever the data has
    """Have `top` become `items`: parts that stay a map, or a list, become what is written over them."""
    waiting: list[tuple[Any, Any]] = [(top, items)]  # Any: a part, and what it becomes
    while waiting:
        part, new = waiting.pop()
        if isinstance(part, ListStore):
            ListSignal.set(part, new)
            continue
        kept = {}
        for key, value in new.items():
            old = part._data.get(key)
            stays = isinstance(value, dict) if isinstance(old, MapStore) else isinstance(value, list)
            if stays and isinstance(old, PARTS):
                waiting.append((old, value))
                kept[key] = old
            else:
                kept[key] = _stored(value)
        MapSignal.set(part, kept)


def _plain(top: MapStore | ListStore) -> Any:  # Any: a dict of a map, a list of a list
    """Return plain data, tracked."""
    made: Any = [None]  # Any: as above
    waiting: list[tuple[Any, Any, Any]] = [(top, made, 0)]  # Any: a part, the container and the place for its data
    while waiting:
        part, into, at = waiting.pop()
        copy: Any = dict(part.items()) if isinstance(part, MapStore) else list(part.rows())  # Any: as above
        into[at] = copy
        places = copy.items() if isinstance(copy, dict) else enumerate(copy)
        waiting += [(each, copy, place) for place, each in places if isinstance(each, PARTS)]
    return made[0]


@overload
def store(data: Mapping[Any, Any], *, name: str | None = None) -> MapStore: ...
@overload
def store(data: list[Any], *, name: str | None = None) -> ListStore: ...
def store(data: Any, *, name: str | None = None) -> Any:  # Any: as the overloads say
    """Return `data`, dicts and lists however nested, as signals. It is copied; other values are kept as they are."""
    if isinstance(data, Mapping):
        return MapStore(data, name=name)
    if isinstance(data, list):
        return ListStore(data, name=name)
    raise TypeError(f"store() takes a dict or a list, not {type(data).__name__}; use signal() for a single value")
