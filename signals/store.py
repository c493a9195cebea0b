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
`snapshot()` is plain data again, tracked to the last leaf; `peek()` is not.
Costs: those of `MapSignal` and `ListSignal` at each level; a signal exists only for what is being followed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, overload

from .batch import batch
from .entries import MISSING
from .list_signal import ListSignal
from .map_signal import MapSignal
from .untracked import untracked

__all__ = ["ListStore", "MapStore", "store"]


class MapStore(MapSignal[Any, Any]):  # Any: values are whatever the data has
    """A dict within a store."""

    __slots__ = ()

    def __init__(self, items: Mapping[Any, Any], *, name: str | None = None) -> None:  # Any: as above
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
        untracked(lambda: super(MapStore, self).__setitem__(key, _stored(value)))

    def get(self, key: Any = MISSING, default: Any = None) -> Any:  # Any: as above
        """Return the value of `key`, else `default`; without a key plain data, tracked to the last leaf."""
        return self.snapshot() if key is MISSING else super().get(key, default)

    def setdefault(self, key: Any, default: Any = None) -> Any:  # Any: as above
        """Return the value of `key`, put in as `default` if it isn't there."""
        return super().setdefault(key, _stored(default))

    def update(self, items: Any = (), /, **named: Any) -> None:  # Any: as above
        """Put all of `items`, as one write."""
        new = {key: _stored(value) for key, value in dict(items, **named).items()}
        untracked(lambda: super(MapStore, self).update(new))

    def set(self, items: Mapping[Any, Any]) -> None:  # Any: as above
        """Become `items`; dicts and lists that stay where they are change only in what differs."""
        if self._posted(self.set, items):
            return
        with batch():
            untracked(lambda: self._merge(items))

    def _merge(self, items: Mapping[Any, Any]) -> None:  # Any: as above
        super().set({key: _merged(self._data.get(key), value) for key, value in dict(items).items()})

    def snapshot(self) -> dict[Any, Any]:  # Any: as above
        """Return plain data, tracked to the last leaf."""
        return {key: _plain(value) for key, value in self.items()}

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
        super().__init__([_stored(item) for item in items], key, name=name)

    def _splice(self, start: int, stop: int, items: list[Any]) -> None:  # Any: as above
        stored = [_stored(item) for item in items]
        untracked(lambda: super(ListStore, self)._splice(start, stop, stored))

    def _become(self, rows: list[Any], keys: list[Hashable]) -> None:  # Any: as above
        stored = [_stored(row) for row in rows]
        untracked(lambda: super(ListStore, self)._become(stored, keys))

    def _keys_for(self, items: Sequence[Any]) -> list[Hashable]:  # Any: as above
        return untracked(lambda: super(ListStore, self)._keys_for(items))

    def snapshot(self) -> list[Any]:  # Any: as above
        """Return plain data, tracked to the last leaf."""
        return [_plain(item) for item in self]


def _stored(value: Any) -> Any:  # Any: whatever the data has
    """Return `value` as a part of a store."""
    if isinstance(value, MapStore | ListStore):
        return value
    if isinstance(value, dict):
        return MapStore(value)
    return ListStore(value) if isinstance(value, list) else value


def _merged(old: Any, new: Any) -> Any:  # Any: whatever the data has
    """Return `old`, having become `new`, where both are dicts, or lists; else a part made of `new`."""
    if isinstance(old, MapStore) and isinstance(new, dict):
        old.set(new)
        return old
    if isinstance(old, ListStore) and isinstance(new, list):
        old.set(new)
        return old
    return _stored(new)


def _plain(value: Any) -> Any:  # Any: whatever the data has
    return value.snapshot() if isinstance(value, MapStore | ListStore) else value


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
