"""Scroll: a part of a long list, by its place, with the rows around it; the list itself stays in SQLite.

    list     0 ......... skip [ spare | first ....... first + size | spare ] ............ total
                               `------------- entries --------------'
    patches  of the part alone; `total` and the place are kept from each change by comparing it with the two ends

A change outside the entries moves `skip` or `total` and reads nothing. A change inside is put in its place. What the
part lacks then, or after a move, is read beside what is held, by keyset; only a jump far away reads from an end of the
list, the nearer one. The operator is that of an inner join by the delta rule: each change names old and new row.
Cost per step: O(d log n + size) for d changed rows; memory: the part and as many rows around it at most.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any

from ...signals.patch import Patch, Reset, diff_keyed
from ..changes import Changes
from ..errors import StateError
from ..query.shown import Maker, maker_for
from ..row import Row
from ..store import Connection
from ..values import SqlValue
from .layout import Layout
from .operator import Entry, Operator, Pair

__all__ = ["Scroll"]

_SPARE_MIN, _SPARE_MAX = 16, 256


class Scroll:
    """One part of the ordered rows of `operator`, `size` rows from `first` on."""

    __slots__ = (
        "_layout",
        "_make",
        "_params",
        "_shown",
        "_undo",
        "entries",
        "first",
        "operator",
        "size",
        "skip",
        "total",
    )

    def __init__(
        self,
        layout: Layout,
        operator: Operator,
        params: Mapping[str, SqlValue],
        part: tuple[int, int],
        make: Maker | None,
    ) -> None:
        self._layout, self.operator, self._params = layout, operator, params
        self._make = maker_for(make, layout.columns)
        self.first, self.size = part
        self.entries: list[Entry] = []
        self.skip = self.total = 0
        self._shown: tuple[list[Entry], list[Row], list[Any]] = [], [], []
        self._undo: Callable[[], None] | None = None

    @property
    def window(self) -> Scroll:
        """What holds the entries: this."""
        return self

    @property
    def place(self) -> tuple[int, int]:
        """Where the part begins, and how many rows the list has."""
        return self.first, self.total

    # -- the two phases

    def fill(self, conn: Connection, *, diff: bool) -> list[Patch]:
        """Read the part anew; stage it and return how it changes, as a Reset unless `diff`."""
        self._begin()
        self.total = self._layout.keyset.count(conn, self._params)
        self._read_anew(conn)
        return self._show(diff=diff)

    def step(self, conn: Connection, changes: Changes) -> list[Patch]:
        """Stage `changes`; return the patches."""
        pairs = self.operator.step(conn, changes)
        if not pairs:
            return []
        self._begin()
        self._take(conn, pairs)
        return self._show(diff=True)

    def move(self, conn: Connection, first: int, size: int) -> list[Patch]:
        """Stage another part of the list; return how what is shown changes."""
        self._begin()
        self.first, self.size = first, size
        self._cover(conn)
        return self._show(diff=True)

    def publish(self) -> None:
        """Keep what is staged."""
        self.operator.publish()
        self._undo = None

    def discard(self) -> None:
        """Go back to before the step."""
        self.operator.discard()
        if self._undo is not None:
            self._undo()
            self._undo = None

    # -- inside

    def _begin(self) -> None:
        before = list(self.entries), self.skip, self.total, self.first, self.size, self._shown

        def undo() -> None:
            self.entries, self.skip, self.total, self.first, self.size, self._shown = before

        self._undo = self._undo or undo

    @property
    def _spare(self) -> int:
        return min(max(self.size // 2, _SPARE_MIN), _SPARE_MAX)

    def _bounds(self) -> tuple[int, int]:
        """Return the part of the list that is shown; an empty one where the list ends before."""
        return min(self.first, self.total), min(self.first + self.size, self.total)

    def _take(self, conn: Connection, pairs: list[Pair]) -> None:
        """Follow changed rows: those that go first."""
        sort, lost = self._layout.sort, False
        for old, _ in pairs:
            if old is not None:
                self.total -= 1
                lost = lost or self._remove(old, sort(old))
        for _, new in pairs:
            if new is not None:
                self.total += 1
                lost = lost or self._insert(new, sort(new))
        if lost:
            self._read_anew(conn)
        else:
            self._cover(conn)

    def _remove(self, old: Entry, place: Any) -> bool:
        """Take a row out; return whether nothing is held any more of rows that are there."""
        entries, sort, key = self.entries, self._layout.sort, self._layout.key
        if entries and place < sort(entries[0]):
            self.skip -= 1
        elif entries and place <= sort(entries[-1]):
            at = bisect_left(entries, place, key=sort)
            while at < len(entries) and sort(entries[at]) == place and key(entries[at]) != key(old):
                at += 1
            if at == len(entries) or sort(entries[at]) != place:
                raise StateError(f"a removed row was never added: key {key(old)!r}")
            del entries[at]
        if self.skip < 0 or self.total < self.skip + len(entries):
            raise StateError(f"a removed row was never added: key {key(old)!r}")
        return not entries and self.total > 0

    def _insert(self, new: Entry, place: Any) -> bool:
        """Put a row in, if it belongs to what is held; return whether that can't be said."""
        entries, sort = self.entries, self._layout.sort
        if not entries:
            if self.total > 1:
                return True
            entries.append(new)
        elif place < sort(entries[0]) and self.skip:
            self.skip += 1
        elif place <= sort(entries[-1]) or self.skip + len(entries) == self.total - 1:
            entries.insert(bisect_left(entries, place, key=sort), new)
        return False

    def _cover(self, conn: Connection) -> None:
        """Read what the part lacks beside what is held; drop what is far from it."""
        lo, hi = self._bounds()
        spare, entries = self._spare, self.entries
        before, behind = self.skip - lo, hi - self.skip - len(entries)
        far = 2 * (self.size + spare)
        if self.total and (not entries or max(before, behind) > far):
            self._read_anew(conn)
            return
        keyset = self._layout.keyset
        if lo < hi and before > 0:
            wanted = min(before + spare, self.skip)
            read = keyset.beside(conn, self._params, entries[0], wanted, backward=True)
            self._expect(len(read), wanted)
            entries[:0] = read
            self.skip -= wanted
        if lo < hi and behind > 0:
            wanted = min(behind + spare, self.total - self.skip - len(entries))
            read = keyset.beside(conn, self._params, entries[-1], wanted, backward=False)
            self._expect(len(read), wanted)
            entries += read
        self._trim(lo, hi)

    def _trim(self, lo: int, hi: int) -> None:
        spare, entries = self._spare, self.entries
        if hi + 4 * spare < self.skip + len(entries):
            del entries[max(hi + spare - self.skip, 1) :]
        if self.skip + 4 * spare < lo:
            gone = min(lo - spare - self.skip, len(entries) - 1)
            del entries[:gone]
            self.skip += gone

    def _read_anew(self, conn: Connection) -> None:
        """Read the part from the end of the list that is nearer."""
        lo, hi = self._bounds()
        lo, hi = max(lo - self._spare, 0), min(hi + self._spare, self.total)
        backward = self.total - hi < lo
        skip = self.total - hi if backward else lo
        self.entries = self._layout.keyset.from_end(conn, self._params, skip, hi - lo, backward=backward)
        self.skip = lo
        self._expect(len(self.entries), hi - lo)

    @staticmethod
    def _expect(read: int, wanted: int) -> None:
        if read != wanted:
            raise StateError(f"{read} rows of a list were read where {wanted} are counted")

    def _show(self, *, diff: bool) -> list[Patch]:
        """Stage what is shown now; return how it differs."""
        lo, hi = self._bounds()
        entries = self.entries[lo - self.skip : hi - self.skip] if lo < hi else []
        old_entries, old_rows, old_keys = self._shown
        if diff and len(entries) == len(old_entries) and all(map(_is, entries, old_entries)):
            return []
        known = {id(entry): at for at, entry in enumerate(old_entries)}
        rows, keys = [], []
        for entry in entries:
            at = known.get(id(entry))
            rows.append(self._make(entry[: self._layout.width]) if at is None else old_rows[at])
            keys.append(self._layout.key(entry) if at is None else old_keys[at])
        self._shown = entries, rows, keys
        if not diff:
            return [Reset(rows, keys)]
        return diff_keyed(old_keys, keys, old_rows, rows, self._layout.columns)


def _is(left: object, right: object) -> bool:
    return left is right
