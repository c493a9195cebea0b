"""Window: the entries of a view in order, the first `k` of them or all, kept under changes.

    pairs  ->  [ entries in order ............ | bound ]  ->  patches of the visible part
                 0 .. lo hidden by OFFSET, lo .. hi visible, the rest spare

After each step the entries equal a prefix of the ordered relation; `complete` says that it is all of it. A row that
sorts behind the last entry is not held; a removed row leaves a gap, and when spare rows run out `more` reads the first
rows anew. Removals come before additions. Idea: Zero's `take` operator (the bound is state).
Cost per step: O(d log n) comparisons for d changed rows, plus one indexed read per refill.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from ...signals.patch import Insert, Move, Patch, Remove, Reset, Update, diff_keyed
from ..errors import StateError
from ..query.shown import Maker, maker_for
from ..row import Row
from ..values import same_typed
from .compound import CompoundLayout
from .layout import Layout
from .operator import Entry, Pair

__all__ = ["Window"]

_SPARE_MIN, _SPARE_MAX = 16, 256
_BULK_MIN, _BULK_SHARE = 256, 8


class Window:
    """The ordered entries of one program."""

    __slots__ = (
        "_key",
        "_layout",
        "_make",
        "_sort",
        "_undo",
        "_width",
        "capacity",
        "complete",
        "entries",
        "hi",
        "lo",
    )

    def __init__(
        self, layout: Layout | CompoundLayout, lo: int = 0, hi: int | None = None, make: Maker | None = None
    ) -> None:
        self._layout = layout
        self._key, self._sort, self._width = layout.key, layout.place_of, layout.width
        self._make = maker_for(make, layout.columns)
        self.lo, self.hi = lo, hi
        self.capacity = None if hi is None else hi + min(max(hi // 2, _SPARE_MIN), _SPARE_MAX)
        """How many entries a fill should bring: the visible ones and some spare."""
        self.entries: list[Entry] = []
        self.complete = True
        self._undo: list[Callable[[], object]] = []

    def shown(self) -> tuple[list[Row], list[tuple[Any, ...]]]:
        """Return the visible rows and their keys."""
        part = self.entries[self.lo : self.hi] if self.lo or self.hi is not None else self.entries
        make, width = self._make, self._width
        return [make(entry[:width]) for entry in part], [self._key(entry) for entry in part]

    def reset(self, entries: list[Entry], capacity: int | None, *, diff: bool = True) -> list[Patch]:
        """Take `entries`, up to `capacity` of them read in order; return how the visible part changes.

        Without `diff` that is one Reset, for a view whose rows are none or not these.
        """
        shown = self.shown() if diff else None
        before, complete = self.entries, self.complete
        self._undo.append(lambda: self._restore(before, complete))
        self.entries = entries
        self.complete = capacity is None or len(entries) < capacity
        rows, keys = self.shown()
        if shown is None:
            return [Reset(rows, keys)]
        old_rows, old_keys = shown
        return diff_keyed(old_keys, keys, old_rows, rows, self._layout.columns)

    def step(self, pairs: list[Pair], more: Callable[[int], list[Entry]]) -> list[Patch]:
        """Stage `pairs`; return the patches of the visible part."""
        if self.complete and len(pairs) > _BULK_MIN and _BULK_SHARE * len(pairs) > len(self.entries):
            return self._rebuild(pairs)
        patches: list[Patch] = []
        bound = None if self.complete or not self.entries else self._sort(self.entries[-1])
        if len(pairs) > 1:
            pairs = sorted(pairs, key=lambda pair: (pair[1] is not None, pair[0] is None))
        for old, new in pairs:
            at = None if old is None else self._find(old, bound)
            to_key = None if new is None else self._sort(new)
            held = to_key is not None and (self.complete or (bound is not None and to_key <= bound))
            if at is not None and old is not None and new is not None and held and self._key(old) == self._key(new):
                self._change(at, new, to_key, patches)
                continue
            if at is not None:
                self._take_out(at, patches)
            if new is not None and held:
                self._put_in(new, to_key, patches)
        if self.hi is not None:
            self._fit(more, patches)
        return patches

    def publish(self) -> None:
        """Keep what is staged."""
        self._undo.clear()

    def discard(self) -> None:
        """Go back to before the step."""
        while self._undo:
            self._undo.pop()()

    def _rebuild(self, pairs: list[Pair]) -> list[Patch]:
        """Take so many pairs that the entries are sorted anew: moved one by one, each would shift those behind it."""
        key = self._key
        gone = {key(old) for old, _ in pairs if old is not None}
        kept = [entry for entry in self.entries if key(entry) not in gone]
        if len(self.entries) - len(kept) != len(gone):
            raise StateError("a removed row was never added, one of many")
        kept += [new for _, new in pairs if new is not None]
        kept.sort(key=self._layout.sort)
        return self.reset(kept, None)

    # -- one change

    def _find(self, entry: Entry, bound: Any) -> int | None:
        """Return where `entry` stands; None if it sorts behind what is held."""
        sort, key, entries = self._sort, self._key, self.entries
        wanted, identity = sort(entry), key(entry)
        if not self.complete and (bound is None or wanted > bound):
            return None
        at = bisect_left(entries, wanted, key=sort)
        while at < len(entries) and sort(entries[at]) == wanted:
            if key(entries[at]) == identity:
                return at
            at += 1
        raise StateError(f"a removed row was never added: key {identity!r}")

    def _change(self, at: int, new: Entry, to_key: Any, patches: list[Patch]) -> None:
        entries = self.entries
        old = entries.pop(at)
        to = bisect_left(entries, to_key, key=self._sort)
        lo, hi = self.lo, self.hi
        both_seen = lo <= at and lo <= to and (hi is None or (at < hi and to < hi))
        if at == to or both_seen:
            entries.insert(to, new)
            self._undo.append(lambda: entries.insert(at, old))
            self._undo.append(lambda: entries.pop(to))
            if lo <= at and (hi is None or at < hi):
                self._show_change(at - lo, to - lo, old, new, patches)
            return
        self._undo.append(lambda: entries.insert(at, old))
        self._show_removed(at, old, patches)
        self._put_in(new, to_key, patches)

    def _show_change(self, at: int, to: int, old: Entry, new: Entry, patches: list[Patch]) -> None:
        if at != to:
            patches.append(Move(at, to, self._key(new)))
        columns = self._layout.columns
        differ = tuple(columns[n] for n in range(self._width) if not same_typed(old[n], new[n]))
        if differ:
            patches.append(Update(to, self._row(new), differ, self._key(new)))

    def _take_out(self, at: int, patches: list[Patch]) -> None:
        entries = self.entries
        old = entries.pop(at)
        self._undo.append(lambda: entries.insert(at, old))
        self._show_removed(at, old, patches)

    def _put_in(self, new: Entry, to_key: Any, patches: list[Patch]) -> None:
        at = bisect_left(self.entries, to_key, key=self._sort)
        self._insert(at, new, patches)

    def _insert(self, at: int, new: Entry, patches: list[Patch]) -> None:
        entries = self.entries
        entries.insert(at, new)
        self._undo.append(lambda: entries.pop(at))
        lo, hi = self.lo, self.hi
        if hi is not None and (at >= hi or hi == lo):
            return
        if at >= lo:
            patches.append(Insert(at - lo, self._row(new), self._key(new)))
        elif len(entries) > lo:
            patches.append(Insert(0, self._row(entries[lo]), self._key(entries[lo])))
        else:
            return
        if hi is not None and len(entries) > hi:
            patches.append(Remove(hi - lo, self._key(entries[hi])))

    def _show_removed(self, at: int, old: Entry, patches: list[Patch]) -> None:
        """Show that the entry that stood at `at` is out."""
        lo, hi, entries = self.lo, self.hi, self.entries
        if hi is not None and (at >= hi or hi == lo):
            return
        if at >= lo:
            patches.append(Remove(at - lo, self._key(old)))
        elif len(entries) >= lo:
            patches.append(Remove(0, self._key(entries[lo - 1])))
        else:
            return
        if hi is not None and len(entries) >= hi:
            patches.append(Insert(hi - lo - 1, self._row(entries[hi - 1]), self._key(entries[hi - 1])))

    def _fit(self, more: Callable[[int], list[Entry]], patches: list[Patch]) -> None:
        """Read more where spare rows ran out, drop spare rows where there are too many."""
        capacity = self.capacity
        assert capacity is not None, "only a bounded window is fitted"
        assert self.hi is not None, "only a bounded window is fitted"
        complete = self.complete
        if not complete and len(self.entries) < self.hi:
            read = more(capacity)
            for entry in read[len(self.entries) :]:
                self._insert(len(self.entries), entry, patches)
            self.complete = len(read) < capacity
            self._undo.append(lambda: self._restore(self.entries, complete))
        elif len(self.entries) > 2 * capacity:
            entries, spare = self.entries, self.entries[capacity:]
            del entries[capacity:]
            self.complete = False
            self._undo.append(lambda: self._restore(entries, complete))
            self._undo.append(lambda: entries.extend(spare))  # in place: the undo steps before this one hold the list

    def _restore(self, entries: list[Entry], complete: bool) -> None:  # called from an undo step only
        self.entries, self.complete = entries, complete

    def _row(self, entry: Entry) -> Row:
        row: Row = self._make(entry[: self._width])
        return row
