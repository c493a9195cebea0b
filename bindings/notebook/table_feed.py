"""`TableFeed`: what pages are told of a list: windows on it, and numbered messages about how they change.

    page                                  feed                              view
      --- want(id, first, size) ----------->  window `id` <--- patches -------
      <-- rows(n, first, total, rows) ------    |
      <-- patch(n + 1, {id: ops}) ----------    | flush(): one message, all windows
      <-- patch(n + 2, {id: ops}) ----------    |
      (n + 2 after n: a message is lost) --- want(id, first, size) --->  rows(n + 2, ...)

No page gets more than its window of a list, however long that is. Rows go by small numbers of the feed's own instead of
their keys. `ops` of a window, applied one after the other: ["i", index, number, cells, is new], ["r", index],
["m", index, to], ["u", index, {column: cell}], ["z", numbers, rows] for all of it anew.
No toolkit in here: `send` takes a message that JSON can say. Costs: a flush is O(window) a window.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from ...signals import Insert, Move, Patch, Remove, Reset, Update, diff_keyed
from .cell_json import Json, cell_json, kind_of
from .sorted_rows import SortedRows

__all__ = ["TableFeed"]

WINDOWS_MAX = 16
NUMBERS_MAX = 20_000  # rows that pages may speak of, beside those in windows and `kept`

Message = dict[str, Any]  # Any: what JSON can say


class Window:
    """What one page shows, as it was told last."""

    __slots__ = ("first", "keys", "rows", "size")

    def __init__(self, first: int, size: int) -> None:
        self.first, self.size = first, size
        self.keys: list[Hashable] = []
        self.rows: list[Any] = []  # Any: as the view has them


class TableFeed:
    """Windows on one list."""

    def __init__(self, rows: SortedRows, send: Callable[[Message], object], *, size_max: int = 2000) -> None:
        self.rows = rows
        self.serial = 0
        self.columns: tuple[str, ...] = ()
        self.facts: Message = {}  # status, error, sort: whatever is said of the whole
        self.ways: Mapping[int, Callable[[object], Json]] = {}  # columns whose cells aren't plain `cell_json`
        self.kept: Callable[[], Iterable[Hashable]] = tuple  # keys whose numbers stay
        self._send, self._size_max = send, size_max
        self._windows: dict[str, Window] = {}
        self._numbers: dict[Hashable, int] = {}
        self._keys: dict[int, Hashable] = {}
        self._next = 0
        self._fresh: set[Hashable] = set()
        self._told: tuple[object, ...] = ()

    # -- from pages

    def want(self, id: str, first: int, size: int) -> None:
        """Show a window to the page `id`, whole, and keep it told from now on."""
        self._windows.pop(id, None)
        while len(self._windows) >= WINDOWS_MAX:  # pages that went without a word
            del self._windows[next(iter(self._windows))]
        self._windows[id] = window = Window(max(0, first), max(1, min(size, self._size_max)))
        self._send(self.whole(window, to=id))

    def drop(self, id: str) -> None:
        """A page is gone."""
        self._windows.pop(id, None)

    @property
    def watched(self) -> bool:
        """Whether any page is there."""
        return bool(self._windows)

    def reach(self) -> list[tuple[int, int]]:
        """Return first and size of each window."""
        return [(window.first, window.size) for window in self._windows.values()]

    def key_of(self, number: object) -> Hashable:
        """Return the key of the row that a page means. Raises `KeyError`: no such row was told of."""
        return self._keys[number]  # type: ignore[index]  # whatever came in is looked up

    def number_of(self, key: Hashable) -> int:
        """Return the number under which pages know a row."""
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._next
            self._keys[number] = key
            self._next += 1
        return number

    # -- to pages

    def whole(self, window: Window, *, to: str = "") -> Message:
        """Return the message that has all of a window."""
        window.keys, window.rows = self.rows.window(window.first, window.size)
        first = max(window.first, self.rows.offset)
        kinds = [kind_of(row[at] for row in window.rows) for at in range(len(self.columns))]
        columns = [{"name": name, "kind": kind} for name, kind in zip(self.columns, kinds, strict=True)]
        return self._about("rows") | {
            "to": to,
            "facts": self.facts,
            "first": first,
            "columns": columns,
            "ids": [self.number_of(key) for key in window.keys],
            "rows": [self._cells(row) for row in window.rows],
        }

    def changed(self, patches: Sequence[Patch]) -> None:
        """Take patches of the view in; pages are told at the next `flush`."""
        self._fresh |= self.rows.apply(patches)

    def flush(self) -> None:
        """Tell every page what is different for it: one numbered message, or none."""
        fresh, self._fresh = self._fresh, set()
        told = (self.columns, self.rows.total, self.facts)
        if not self._windows:
            self._told = told
            return
        if told[0] != (self._told[0] if self._told else told[0]):
            self.serial += 1
            for page, window in self._windows.items():
                self._send(self.whole(window, to=page))
        else:
            ops = {page: found for page, window in self._windows.items() if (found := self._follow(window, fresh))}
            if ops or told != self._told:
                self.serial += 1
                facts = {"facts": self.facts} if not self._told or self.facts != self._told[2] else {}
                self._send(self._about("patch") | facts | {"windows": ops})
        self._told = told
        self._forget_numbers()

    def _about(self, op: str) -> Message:
        return {"op": op, "n": self.serial, "total": self.rows.total}

    def _follow(self, window: Window, fresh: set[Hashable]) -> Message | None:
        """Return how a window differs from what its page has; None if it doesn't."""
        keys, rows = self.rows.window(window.first, window.size)
        places = tuple(map(str, range(len(self.columns))))  # two columns may have one name
        patches = diff_keyed(window.keys, keys, window.rows, rows, places)
        window.keys, window.rows = keys, rows
        if not patches:
            return None
        return {"first": max(window.first, self.rows.offset), "ops": [self._op(patch, fresh) for patch in patches]}

    def _op(self, patch: Patch, fresh: set[Hashable]) -> Json:
        match patch:
            case Insert(index, row, key):
                return ["i", index, self.number_of(key), self._cells(row), key in fresh]
            case Remove(index):
                return ["r", index]
            case Move(index, to):
                return ["m", index, to]
            case Update(index, row, places):
                return ["u", index, {at: self._cell(int(at), row[int(at)]) for at in places}]
            case Reset(rows, keys):
                return ["z", [self.number_of(key) for key in keys], [self._cells(row) for row in rows]]

    def _forget_numbers(self) -> None:
        """Let numbers go that no page can mean."""
        shown = sum(len(window.keys) for window in self._windows.values())
        if len(self._numbers) <= NUMBERS_MAX + 2 * shown:
            return
        meant = {key for window in self._windows.values() for key in window.keys} | set(self.kept())
        self._numbers = {key: number for key, number in self._numbers.items() if key in meant}
        self._keys = {number: key for key, number in self._numbers.items()}

    def _cells(self, row: Sequence[object]) -> list[Json]:
        return [self._cell(at, value) for at, value in enumerate(row)]

    def _cell(self, at: int, value: object) -> Json:
        return self.ways.get(at, cell_json)(value)
