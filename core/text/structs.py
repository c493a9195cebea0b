"""What stands in an update of Yjs, v1: runs of characters by client, each saying what it was typed between.

    clients  |  client, clock  struct struct ..  |  client, clock  struct ..  |  deleted: client, ranges

    struct   info  [left neighbour]  [right neighbour]  [parent]  content        neighbours are (client, clock)

Read here without an engine: to write an update's texts as plain ones, and to know whether a document has all that an
update builds on. An engine keeps one that comes too early aside, and forgets it when its document is stored.
Source: Yjs, `src/structs/Item.js`, `src/utils/encoding.js`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .lib0 import Reader, written
from .utf16 import units_of

__all__ = ["clients_of", "lacks", "plain_update"]

_GC, _STRING, _SKIP = 0, 4, 10
_NAMED_TYPES = (3, 5)  # elements and hooks of XML
_ORIGIN, _RIGHT_ORIGIN, _PARENT_SUB, _KIND = 0x80, 0x40, 0x20, 0x1F

OnText = Callable[[int, int], None]
"""Is told where a text begins, with its length before it, and where it ends."""


def plain_update(update: bytes) -> bytes:
    """Return `update` with every text in it made of as many `~` as it has UTF-16 units. Raises `MalformedUpdateError`.

    Who wrote what after whom stays as it is.
    """
    reader, out, kept = Reader(update, "update"), bytearray(), [0]

    def on_text(start: int, units: int) -> None:
        out.extend(update[kept[0] : start])
        out.extend(written(units) + b"~" * units)
        kept[0] = reader.at

    for _ in range(reader.number()):
        structs = reader.number()
        reader.number()  # the client
        reader.number()  # its clock
        for _ in range(structs):
            _read_struct(reader, {}, on_text)
    return bytes(out + update[kept[0] :])


def lacks(update: bytes, known: Mapping[int, int]) -> bool:
    """Say whether `update` builds on characters that a document with the state vector `known` hasn't got.

    Raises `MalformedUpdateError`.
    """
    reader = Reader(update, "update")
    ends, needed = dict(known), dict[int, int]()
    for _ in range(reader.number()):
        structs, client, clock = reader.number(), reader.number(), reader.number()
        if clock > known.get(client, 0):
            return True
        for _ in range(structs):
            length = _read_struct(reader, needed)
            if length is None:
                return True
            clock += length
        ends[client] = max(clock, ends.get(client, 0))
    for _ in range(reader.number()):
        client = reader.number()
        for _ in range(reader.number()):
            needed[client] = max(needed.get(client, 0), reader.number() + reader.number())
    return any(end > ends.get(client, 0) for client, end in needed.items())


def clients_of(update: bytes) -> frozenset[int]:
    """Return the clients that wrote what `update` brings. Raises `MalformedUpdateError`."""
    reader, found = Reader(update, "update"), set[int]()
    for _ in range(reader.number()):
        structs = reader.number()
        found.add(reader.number())
        reader.number()  # its clock
        for _ in range(structs):
            _read_struct(reader, {})
    return frozenset(found)


def _read_struct(reader: Reader, needed: dict[int, int], on_text: OnText | None = None) -> int | None:
    """Read one struct; return how many clocks it takes, None for a gap. Note in `needed` how far its neighbours go."""
    info = reader.byte()
    kind = info & _KIND
    if kind == _SKIP:
        reader.number()
        return None
    if kind == _GC:
        return reader.number()
    for flag in (_ORIGIN, _RIGHT_ORIGIN):
        if info & flag:
            client, clock = reader.number(), reader.number()
            needed[client] = max(needed.get(client, 0), clock + 1)
    if not info & (_ORIGIN | _RIGHT_ORIGIN):
        if reader.number() == 1:
            reader.raw()
        else:
            reader.number()
            reader.number()
        if info & _PARENT_SUB:
            reader.raw()
    if kind != _STRING:
        return _read_content(reader, kind)
    start = reader.at
    text = reader.text()
    units = units_of(text)
    if on_text is not None:
        on_text(start, units)
    return units


def _read_content(reader: Reader, kind: int) -> int:
    """Read a content that is no text; return how many clocks it takes."""
    match kind:
        case 1:  # deleted
            return reader.number()
        case 2:  # JSON
            count = reader.number()
            for _ in range(count):
                reader.raw()
            return count
        case 3 | 5:  # bytes, an embedded object
            reader.raw()
        case 6:  # a format
            reader.raw()
            reader.raw()
        case 7:  # a shared type
            if reader.number() in _NAMED_TYPES:
                reader.raw()
        case 8:  # values
            count = reader.number()
            for _ in range(count):
                reader.skip_value()
            return count
        case 9:  # a document
            reader.raw()
            reader.skip_value()
        case _:
            raise reader.malformed("a struct in them is of no known kind")
    return 1
