"""UNION, INTERSECT and EXCEPT: each part is kept by its own rule, and what the parts give is put together.

    part 0 --pairs--+                        all UNION ALL    entry = ( outputs | part | key of its row )    pairs go on
    part 1 --pairs--+--> [ compound ] -->    a set            entry = ( outputs | identity ), held with weights a part
    part 2 --pairs--+

*A bag* (nothing but UNION ALL) holds no state: a row is identified by its part and its key there, each part with
columns of its own for the key, so that they sort under its collations.
*A set* holds for each identity how many rows of each part have it, and as which values: SQLite counts 1 and 1.0 as
one, and under NOCASE 'a' and 'A'; what is shown is always a value that a part gives now. A UNION ALL before another
word is a UNION, for that word drops what is double; behind the last other word it makes a bag, whose first part is the
set before it. Identity is computed in SQL, under the collation that the whole has: that of the leftmost part whose
column has one.
Cost per step: that of the parts, and O(1) a changed row. State of a set: O(rows of the parts).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..changes import Changes
from ..collate import OrderTerm, order_key
from ..errors import StateError
from ..query.plan import Compound
from ..query.render import render_compound
from ..store import Connection
from ..values import SqlRow
from .layout import Places, getter
from .operator import Entry, Operator, Pair

__all__ = ["CompoundLayout", "CompoundOperator", "Part"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part: where in its entries its row's key and the identity of its outputs stand."""

    key_at: tuple[int, ...]
    identity_at: tuple[int, ...]
    key_collations: tuple[str, ...]


class CompoundLayout:
    """Where things stand in the entries of a compound, and how they sort: as `Layout` says it of one SELECT."""

    def __init__(
        self,
        plan: Compound,
        parts: Sequence[Part],
        columns: tuple[str, ...],
        collations: Sequence[str],
        encoding: str,
        *,
        bag: bool,
    ) -> None:
        self.columns, self.width, self.parts = columns, len(columns), tuple(parts)
        self._plan = plan
        self.bag = bag
        terms = [
            OrderTerm(place.at, place.desc, place.nulls_first, place.collation or collations[place.at])
            for place in plan.order_by
        ]
        if self.bag:
            terms.append(OrderTerm(self.width))
            names = [name for part in parts for name in part.key_collations]
            terms += [OrderTerm(at, collation=name) for at, name in enumerate(names, self.width + 1)]
            self.key_at = tuple(range(self.width, self.width + 1 + len(names)))
            self.key_collations = ("BINARY", *names)
        else:
            terms += [OrderTerm(at, collation=name) for at, name in enumerate(collations)]
            self.key_at = tuple(range(self.width, 2 * self.width))
            self.key_collations = ("BINARY",) * self.width
        self.key: Callable[[Entry], tuple[Any, ...]] = getter(self.key_at)
        self.sort: Callable[[Entry], tuple[Any, ...]] = order_key(terms, encoding)
        self.place_of: Callable[[Entry], Any] = Places(self.sort).__getitem__
        self._pads = self._padding() if self.bag else []

    def entry(self, part: int, entry: Entry) -> Entry:
        """Return the compound's entry for one of a part."""
        outputs, found = entry[: self.width], self.parts[part]
        if not self.bag:
            return (*outputs, *[entry[at] for at in found.identity_at])
        before, behind = self._pads[part]
        return (*outputs, part, *before, *[entry[at] for at in found.key_at], *behind)

    def defining(self) -> str:
        """Return the text of the compound, the parts of the key that it can name appended to ORDER BY."""
        return render_compound(self._plan, total=not self.bag)

    def _padding(self) -> list[tuple[SqlRow, SqlRow]]:
        sizes = [len(part.key_at) for part in self.parts]
        return [((None,) * sum(sizes[:at]), (None,) * sum(sizes[at + 1 :])) for at in range(len(sizes))]


class _Member:
    """The rows of one identity: how many of each part, by their typed values."""

    __slots__ = ("counts", "shown")

    def __init__(self, counts: dict[tuple[int, Any], list[Any]], shown: Entry | None) -> None:
        self.counts, self.shown = counts, shown

    def copy(self) -> _Member:
        return _Member({at: list(found) for at, found in self.counts.items()}, self.shown)


class CompoundOperator:
    """The parts of one compound, and what holds them together."""

    def __init__(self, layout: CompoundLayout, words: Sequence[str], parts: Sequence[Operator]) -> None:
        self._layout, self._words, self.parts = layout, words, parts
        self._members: dict[SqlRow, _Member] = {}
        self._staged: dict[SqlRow, _Member] = {}
        self._before_fill: dict[SqlRow, _Member] | None = None

    @property
    def size(self) -> int:
        """How many identities, and groups of the parts, are held."""
        return len(self._members) + sum(part.size for part in self.parts)

    def statements(self, changes: Changes) -> list[str]:
        """Return the statements that follow `changes`."""
        return [sql for part in self.parts for sql in part.statements(changes)]

    def fill(self, conn: Connection, limit: int | None) -> list[Entry]:
        """Return all entries in order; `limit` is the window's business."""
        layout = self._layout
        filled = [[layout.entry(at, e) for e in part.fill(conn, None)] for at, part in enumerate(self.parts)]
        if layout.bag:
            return sorted((entry for entries in filled for entry in entries), key=layout.sort)
        members: dict[SqlRow, _Member] = {}
        for part, entries in enumerate(filled):
            for entry in entries:
                member = members.setdefault(layout.key(entry), _Member({}, None))
                _count(member, part, entry, 1)
        for member in members.values():
            member.shown = self._shown(member)
        self._before_fill, self._members = self._members, members
        return sorted((m.shown for m in members.values() if m.shown is not None), key=layout.sort)

    def step(self, conn: Connection, changes: Changes) -> list[Pair]:
        """Return one pair for each entry that comes, goes or changes."""
        pairs: list[Pair] = []
        for at, part in enumerate(self.parts):
            for old, new in part.step(conn, changes):
                before = None if old is None else self._layout.entry(at, old)
                after = None if new is None else self._layout.entry(at, new)
                pairs.append((before, after))
                if not self._layout.bag:
                    self._stage(at, before, -1)
                    self._stage(at, after, 1)
        return pairs if self._layout.bag else self._changed()

    def publish(self) -> None:
        """Keep what is staged."""
        for part in self.parts:
            part.publish()
        self._before_fill = None
        for identity, member in self._staged.items():
            if member.counts:
                self._members[identity] = member
            else:
                self._members.pop(identity, None)
        self._staged.clear()

    def discard(self) -> None:
        """Forget what is staged."""
        for part in self.parts:
            part.discard()
        if self._before_fill is not None:
            self._members, self._before_fill = self._before_fill, None
        self._staged.clear()

    # -- inside

    def _stage(self, part: int, entry: Entry | None, weight: int) -> None:
        if entry is None:
            return
        identity = self._layout.key(entry)
        member = self._staged.get(identity)
        if member is None:
            held = self._members.get(identity)
            member = self._staged[identity] = held.copy() if held else _Member({}, None)
        _count(member, part, entry, weight)

    def _changed(self) -> list[Pair]:
        pairs: list[Pair] = []
        for identity, member in self._staged.items():
            if any(found[0] < 0 for found in member.counts.values()):
                raise StateError(f"a removed row was never added: {identity!r}")
            before, after = member.shown, self._shown(member)
            if (before is None) != (after is None) or (
                before is not None and after is not None and _typed(before) != _typed(after)
            ):
                pairs.append((before, after))
                member.shown = after
        return pairs

    def _shown(self, member: _Member) -> Entry | None:
        """Return what the words make of the parts: the entry of a part that gives it, or None."""
        firsts: dict[int, Entry] = {}
        held = None if member.shown is None else _typed(member.shown)
        for (part, _), (_, entry) in member.counts.items():
            if part not in firsts or _typed(entry) == held:
                firsts[part] = entry
        found = firsts.get(0)
        for part, word in enumerate(self._words, 1):
            if word == "INTERSECT":
                found = found if part in firsts else None
            elif word == "EXCEPT":
                found = None if part in firsts else found
            else:
                found = firsts.get(part) if found is None else found
        return found


def _count(member: _Member, part: int, entry: Entry, weight: int) -> None:
    at = (part, _typed(entry))
    found = member.counts.setdefault(at, [0, entry])
    found[0] += weight
    if not found[0]:
        del member.counts[at]


def _typed(entry: Entry) -> tuple[Any, ...]:
    return (entry, tuple(map(type, entry)))
