r"""`DerivedList`: the machine below `map`, `filter`, `sorted` and `group`: one entry for each row of the source.

    source   patches ->  entries (in the order of the source)  ->  shown (in the order of the result)  ->  patches
                           label 0      row, result                  found by bisection on label,
                           label 2**64  row, result                  or on (result, label)
                           label ...

The function is called once for each row that comes or is replaced. Each entry has a *label*, a number that rises along
the source: a row put in between gets a number in between, and the rare time there is none all are numbered anew. So the
place of an entry is found by bisection, whatever came and went before it.

*Functions that read signals.* A function that reads some is a computed of its row, which `mark` tells us of: `ItemMark`
notes, at the moment of the write, that it is stale. The next step looks at these rows alone.

*Life.* A derived list is a computed: lazy, up to date whenever it is read, held by nobody upstream, gone when dropped.
If the function raises, so does each reader, until what it depends on has changed; then all is gone through once more,
with what is still known.

Costs, of a source with n rows: a patch O(log n) comparisons and what `list.insert` and `del` cost, plus one call of the
function; amortised, for rows that are put in at one place again and again are numbered anew every 64th time. A Reset
O(n), with calls for the rows that have changed. An entry takes 150 bytes, 730 more if its function reads signals.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from . import nodes
from .computed import Computed
from .equality import same
from .functions import check_function
from .listed import Listed
from .log import Log, Reader, follow_node
from .naming import name_of
from .nodes import CLEAN, DIRTY, LOOSE, STALE, Mark, Node, now, unlink
from .patch import Insert, Move, Patch, Remove, Reset, Update, diff_keyed
from .pull import UNSET, Derived, refresh
from .source import Source

__all__ = ["LABEL", "DerivedList", "Entry", "PulledList"]

S = TypeVar("S")
T = TypeVar("T")

GAP: Final = 1 << 64
LABEL: Final = attrgetter("label")


class Entry:
    """A row of the source, and what the function makes of it."""

    __slots__ = ("item", "key", "label", "result", "row")

    def __init__(self, row: Any, key: Hashable) -> None:  # Any: of the source's type, known to the operator only
        self.row = row
        self.key = key
        self.label = 0
        self.result: Any = UNSET  # Any: of the function's type
        self.item: Computed[Any] | None = None  # if the function reads signals


class ItemMark(Mark):
    """The mark of a row's computed: notes in `stale` that it went stale."""

    __slots__ = ("_stale", "_state", "_woken")

    def __init__(self, stale: dict[ItemMark, None], woken: Source, owner: Mark) -> None:
        self._stale = stale
        self._woken = woken
        self._state = CLEAN
        self.effect = None
        self.subs = {owner: None}

    @property
    def state(self) -> int:
        """How stale it is."""
        return self._state

    @state.setter
    def state(self, state: int) -> None:
        self._state = state
        if state & STALE:
            self._stale[self] = None
            self._woken._version = now.clock


class PulledList(Listed[T], Derived, Generic[T]):
    """A list that is brought up to date when it is read."""

    __slots__ = ("_keys", "_log", "_rows", "_serial", "_tuple")

    def __init__(self, name: str | None) -> None:
        self._deps = ()
        self._mark = Mark(DIRTY)
        self._subs = None
        self._version = 0
        self._seen = None
        self._ran = 0
        self._value = UNSET
        self._error = None
        self._equals = None
        self._name = name
        self._rows: list[T] = []
        self._keys: list[Hashable] = []
        self._log: Log[Patch] | None = None
        self._tuple: tuple[T, ...] | None = None
        self._serial = 0  # counts changes: the value, as far as the graph knows

    @property
    def _fn(self) -> Callable[[], int]:  # type: ignore[override]  # not an attribute: that would be a circle
        return self._step

    def _step(self) -> int:
        """Bring the rows up to date; return how often they have changed."""
        raise NotImplementedError

    def _follow(self) -> None:
        follow_node(self)
        self._settle()

    def _settle(self) -> None:
        if self._mark.state:
            refresh(self)
        failed = self._error
        if failed is not None:
            raise failed[0].with_traceback(failed[1])

    def _note(self, patches: list[Patch]) -> None:
        """The rows have changed."""
        if patches:
            self._serial += 1
            self._record(patches)

    def label(self) -> str:
        """Return the name, or that of the class."""
        return self._name or type(self).__name__

    def _open_subs(self) -> dict[Mark, None]:
        subs: dict[Mark, None] = {}
        self._subs = self._mark.subs = subs
        return subs

    def __del__(self) -> None:
        unlink(self._mark, self._deps)

    def _shown(self) -> str:
        return "stale" if self._mark.state else "failed" if self._error is not None else super()._shown()


class DerivedList(PulledList[T], Generic[S, T]):
    """A list of `T` made of the rows `S` of another, by a function of each row.

    This class shows each row once, in the order of the source; subclasses change what and where.
    """

    __slots__ = ("_broken", "_call", "_entries", "_live", "_of", "_order", "_probe", "_reader", "_stale", "_woken")

    def __init__(self, of: Listed[S], call: Callable[[S], Any], name: str | None = None) -> None:  # Any: see Entry
        super().__init__(name or name_of(call))
        check_function(call, f"a {type(self).__name__.lower()} list")
        self._of = of
        self._call = call
        self._reader = Reader(of)
        self._entries: list[Entry] = []  # in the order of the source
        self._order: list[Any] = []  # Any: what is shown, in its order: here entries
        self._broken = False
        self._live: dict[ItemMark, Entry] = {}  # the entries whose function has read signals
        self._stale: dict[ItemMark, None] = {}
        self._woken = Source()
        self._probe: Computed[Any] | None = None  # Any: see Entry

    # -- to be changed by subclasses

    def _shows(self, entry: Entry) -> bool:
        """Whether the entry is in the result."""
        return True

    def _out(self, entry: Entry) -> Any:  # Any: a T
        """Return the row of the result."""
        return entry.row

    def _place(self, entry: Entry) -> int:
        """Return the index at which `entry` stands in the result or, not being there, has to be put in."""
        return bisect_left(self._order, entry.label, key=LABEL)

    def _precedes(self, one: Entry, two: Entry) -> bool:
        """Whether `one` stands before `two` in the result."""
        return one.label < two.label

    def _ordered(self, entries: list[Entry]) -> list[Entry]:
        """Return what is shown in the order of the result; `entries` are in the order of the source."""
        return [entry for entry in entries if self._shows(entry)]

    def _put(self, entry: Entry, out: list[Patch]) -> None:
        """Show a new entry."""
        if self._shows(entry):
            at = self._place(entry)
            self._insert(at, entry)
            out.append(Insert(at, self._rows[at], entry.key))

    def _find(self, entry: Entry) -> Any:  # Any: what _take and _alter need
        """Return where `entry` is shown: an index, or None."""
        if not self._shows(entry):
            return None
        at = self._place(entry)
        if at < len(self._order) and self._order[at] is entry:
            return at
        return self._order.index(entry)  # sort keys that don't compare as they should: NaN

    def _take(self, entry: Entry, at: Any, out: list[Patch]) -> None:  # Any: from _find
        """Show `entry` no more."""
        if at is not None:
            self._delete(at)
            out.append(Remove(at, entry.key))

    def _alter(self, entry: Entry, at: Any, columns: tuple[str, ...] | None, out: list[Patch]) -> None:  # Any: as above
        """`entry`, shown at `at`, has another place, row or result. `columns`: of the row that has been replaced."""
        if at is None:
            self._put(entry, out)
            return
        before = self._rows[at]
        if not self._shows(entry):
            self._delete(at)
            out.append(Remove(at, entry.key))
            return
        to = at
        if self._stays(entry, at):
            self._rows[at] = self._out(entry)
        else:
            self._delete(at)
            to = self._place(entry)
            self._insert(to, entry)
        if to != at:
            out.append(Move(at, to, entry.key))
        after = self._rows[to]
        if after is not before and (columns or not same(before, after)):
            out.append(Update(to, after, columns or (), entry.key))

    def _stays(self, entry: Entry, at: int) -> bool:
        """Whether `entry`, which stands at `at` and has changed, still belongs there: most do."""
        order = self._order
        return (at == 0 or self._precedes(order[at - 1], entry)) and (
            at + 1 == len(order) or self._precedes(entry, order[at + 1])
        )

    def _fill(self, out: list[Patch]) -> None:
        """Show all anew, after a Reset."""
        self._order = self._ordered(self._entries)
        rows, keys = [self._out(entry) for entry in self._order], [entry.key for entry in self._order]
        out += self._difference(self._keys, keys, self._rows, rows)
        self._rows, self._keys = rows, keys

    def _difference(
        self, old_keys: list[Hashable], keys: list[Hashable], old_rows: Sequence[Any], rows: Sequence[Any]
    ) -> list[Patch]:
        """Return patches; after a failure what was told is not known, so tell all."""
        if self._broken:
            return [Reset(list(rows), list(keys))]
        return diff_keyed(old_keys, list(keys), old_rows, list(rows), None)

    # -- the rows

    def _insert(self, at: int, entry: Entry) -> None:
        self._order.insert(at, entry)
        self._rows.insert(at, self._out(entry))
        self._keys.insert(at, entry.key)

    def _delete(self, at: int) -> None:
        del self._order[at], self._rows[at], self._keys[at]

    def _reads(self) -> tuple[Node, ...]:
        items = [entry.item for entry in self._live.values() if entry.item is not None]
        return (*(dep for dep in self._deps if dep is not self._woken), *items)

    # -- a step

    def _step(self) -> int:
        """Do what the patches of the source say, then look at the rows whose functions are stale."""
        self._woken.track()
        self._of._follow()
        patches = self._reader.take()
        if self._broken:
            patches = [self._reader.reset()]
        elif not patches and not self._stale:
            return self._serial
        out: list[Patch] = []
        try:
            for patch in patches:
                self._apply(patch, out)
            while self._stale:
                self._look_again(self._stale.popitem()[0], out)
        except BaseException:
            self._broken = True
            for mark in self._stale:
                mark._state = LOOSE  # else a later write would not be told of
            raise
        self._broken = False
        self._note(out)
        return self._serial

    def _apply(self, patch: Patch, out: list[Patch]) -> None:
        match patch:
            case Update(index, row, columns):
                entry = self._entries[index]
                at = self._find(entry)
                self._forget(entry)
                entry.row = row
                entry.result = self._run(entry)
                self._alter(entry, at, columns, out)
            case Insert(index, row, key):
                entry = Entry(row, key)
                entry.label = self._label(index)
                self._entries.insert(index, entry)  # first: if the function fails, the entry is still known
                entry.result = self._run(entry)
                self._put(entry, out)
            case Remove(index):
                entry = self._entries[index]
                self._take(entry, self._find(entry), out)
                del self._entries[index]
                self._forget(entry)
            case Move(index, to):
                entry = self._entries[index]
                at = self._find(entry)
                del self._entries[index]
                entry.label = self._label(to)
                self._entries.insert(to, entry)
                self._alter(entry, at, None, out)
            case Reset(rows, keys):
                self._enter_all(rows, keys)
                self._fill(out)

    def _enter_all(self, rows: Sequence[S], keys: Sequence[Hashable]) -> None:
        """Make the entries anew; what is known of rows that are the same is kept."""
        known = {entry.key: entry for entry in self._entries}
        entries: list[Entry] = []
        try:
            for row, key in zip(rows, keys, strict=True):
                entry = known.pop(key, None)
                if entry is None or not same(entry.row, row):
                    if entry is not None:
                        self._forget(entry)
                    entry = Entry(row, key)
                entry.row, entry.label = row, len(entries) * GAP
                entries.append(entry)
                if entry.item is not None:
                    self._stale.pop(entry.item._mark, None)  # type: ignore[call-overload]  # an ItemMark
                    entry.result = self._tidy(entry.item.peek())
                elif entry.result is UNSET:
                    entry.result = self._run(entry)
        except BaseException:
            self._entries = [*entries, *known.values()]
            raise
        self._entries = entries
        for entry in known.values():
            self._forget(entry)

    def _label(self, index: int) -> int:
        """Return a label for what comes in at `index`."""
        entries = self._entries
        if not entries:
            return 0
        if index == len(entries):
            return entries[-1].label + GAP
        if index == 0:
            return entries[0].label - GAP
        if entries[index].label - entries[index - 1].label < 2:
            for i, entry in enumerate(entries):
                entry.label = i * GAP
        return (entries[index - 1].label + entries[index].label) // 2

    # -- the function

    def _tidy(self, result: Any) -> Any:  # Any: see Entry
        """Return what is kept of a result."""
        return result

    def _run(self, entry: Entry) -> Any:  # Any: see Entry
        """Call the function for `entry`; if it reads signals, follow them."""
        entry.result = UNSET
        probe, self._probe = self._probe, None
        if probe is None:
            probe = Computed(self._call, self._name)  # type: ignore[arg-type]  # takes an argument: see below
            probe._mark = ItemMark(self._stale, self._woken, self._mark)
            probe._subs = probe._mark.subs
        probe._fn = partial(self._call, entry.row)
        error: Exception | None = None
        result: Any = None  # Any: see Entry
        try:
            result = nodes.run_inside(probe, probe._fn)
        except RecursionError:
            raise
        except Exception as raised:
            error = raised
        if probe._deps:
            probe._version = now.clock
            probe._value = result
            probe._error = None if error is None else (error, error.__traceback__)
            entry.item = probe
            self._live[probe._mark] = entry  # type: ignore[index]  # an ItemMark
        else:
            probe._fn = _none
            self._probe = probe
        if error is not None:
            raise error
        return self._tidy(result)

    def _look_again(self, mark: ItemMark, out: list[Patch]) -> None:
        """Bring the entry of a stale computed up to date."""
        entry = self._live.get(mark)
        if entry is None or entry.item is None:
            return
        at = self._find(entry)
        result = self._tidy(entry.item.peek())
        if not same(entry.result, result):
            entry.result = result
            self._alter(entry, at, None, out)

    def _forget(self, entry: Entry) -> None:
        """Stop following for `entry`."""
        if entry.item is not None:
            mark = entry.item._mark
            self._live.pop(mark, None)  # type: ignore[call-overload]  # an ItemMark
            self._stale.pop(mark, None)  # type: ignore[call-overload]  # an ItemMark
            entry.item = None


def _none() -> None:
    """What a probe that is not in use would compute."""
