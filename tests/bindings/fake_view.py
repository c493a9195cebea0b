"""A view without a database: keeps a list, hands out patches, counts who listens."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from eddyline.signals import Insert, Move, Patch, Remove, Reset, Source, Update, apply_patches

Rows = Iterable[tuple[Any, ...]]


class FakeView(Source):
    """What `db.live` returns, as far as a binding sees it. The first cell of a row is its key."""

    __slots__ = ("_columns", "_error", "_keys", "_listeners", "_rows", "_status", "closed")

    def __init__(self, columns: Sequence[str], rows: Rows = (), *, status: str = "live") -> None:
        super().__init__()
        self._columns = tuple(columns)
        self._rows: list[Any] = list(rows)
        self._keys: list[Hashable] = [row[0] for row in self._rows]
        self._status = status
        self._error: BaseException | None = None
        self._listeners: list[Callable[[list[Patch]], object]] = []
        self.closed = False

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    def rows(self) -> tuple[Any, ...]:
        self.track()
        return tuple(self._rows)

    get = __call__ = rows

    def keys(self) -> list[Hashable]:
        return list(self._keys)

    @property
    def status(self) -> str:
        self.track()
        return self._status

    @property
    def error(self) -> BaseException | None:
        self.track()
        return self._error

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def subscribe(self, fn: Callable[[list[Patch]], object]) -> Callable[[], None]:
        self._listeners.append(fn)
        fn([Reset(tuple(self._rows), tuple(self._keys))])
        return lambda: self._listeners.remove(fn) if fn in self._listeners else None

    def close(self) -> None:
        self.closed = True
        self._listeners.clear()

    def now(self, status: str, error: BaseException | None = None) -> None:
        self._status, self._error = status, error
        self.changed()

    def send(self, *patches: Patch) -> None:
        apply_patches(patches, self._rows, self._keys)
        for listener in list(self._listeners):
            listener(list(patches))
        self.changed()

    def insert(self, index: int, *rows: tuple[Any, ...]) -> None:
        self.send(*[Insert(index + i, row, row[0]) for i, row in enumerate(rows)])

    def remove(self, index: int, count: int = 1) -> None:
        self.send(*[Remove(index, self._keys[index + i]) for i in range(count)])

    def update(self, index: int, row: tuple[Any, ...]) -> None:
        differ = tuple(c for c, a, b in zip(self._columns, self._rows[index], row, strict=True) if a != b)
        self.send(Update(index, row, differ, self._keys[index]))

    def move(self, index: int, to: int) -> None:
        self.send(Move(index, to, self._keys[index]))

    def reset(self, rows: Rows) -> None:
        rows = list(rows)
        self.send(Reset(tuple(rows), tuple(row[0] for row in rows)))
