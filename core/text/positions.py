"""Sticky positions as bytes: Yjs's relative positions, and how pycrdt is brought to them.

    00  client  clock  assoc     the character that `client` wrote as its `clock`-th UTF-16 unit
    01  length  name   assoc     an end of the text called `name`

`assoc` is 0 or more for the character after the position, below 0 for the one before; older Yjs leaves it out. Source:
Yjs, `src/utils/RelativePosition.js`.

pycrdt 0.14 counts UTF-8 bytes into a character's clock, so beyond ASCII its positions name other characters than Yjs's
do, or panic. Its positions are right in a text in which every UTF-16 unit is one ASCII character: `plain_update`
rewrites the texts in an update so, and leaves who wrote what after whom as it is. A document of such updates is the
shadow of the real one, with the same clocks.
"""

from __future__ import annotations

from dataclasses import dataclass

from .document import FIELD
from .lib0 import Reader, written

__all__ = ["Position", "plain_update", "read_position", "read_state_vector"]

_GC, _STRING, _SKIP = 0, 4, 10
_NAMED_TYPES = (3, 5)  # elements and hooks of XML
_ORIGIN, _RIGHT_ORIGIN, _PARENT_SUB, _KIND = 0x80, 0x40, 0x20, 0x1F


@dataclass(frozen=True, slots=True)
class Position:
    """`client` and `clock` of a character, or None for an end of the text; `after`: the character after it counts."""

    character: tuple[int, int] | None
    after: bool


def read_position(data: bytes) -> Position:
    """Return the position that `data` says. Raises `MalformedUpdateError`."""
    reader = Reader(data, "position")
    match reader.number():
        case 0:
            character = reader.number(), reader.number()
            return Position(character, reader.ended or reader.signed_is_positive())
        case 1:
            if reader.text() != FIELD:
                raise reader.malformed("they name another text")
            return Position(None, reader.ended or reader.signed_is_positive())
    raise reader.malformed("they begin with an unknown kind")


def read_state_vector(data: bytes) -> dict[int, int]:
    """Return how many UTF-16 units of each client a state vector says are seen. Raises `MalformedUpdateError`."""
    reader = Reader(data, "state vector")
    count = reader.number()
    if count > len(data):
        raise reader.malformed("they announce more clients than they have room for")
    return {reader.number(): reader.number() for _ in range(count)}


def plain_update(update: bytes) -> bytes:
    """Return `update`, in Yjs's v1 encoding, with every text in it made of as many `~` as it has UTF-16 units."""
    reader, out, kept = Reader(update, "update"), bytearray(), 0
    for _ in range(reader.number()):
        structs = reader.number()
        reader.number()  # the client
        reader.number()  # its clock
        for _ in range(structs):
            if _at_string(reader):
                out += update[kept : reader.at]
                units = len(reader.text().encode("utf-16-le")) // 2
                out += written(units) + b"~" * units
                kept = reader.at
    return bytes(out + update[kept:])


def _at_string(reader: Reader) -> bool:
    """Read one struct; of one that holds a text only up to it, and say so."""
    info = reader.byte()
    kind = info & _KIND
    if kind in (_GC, _SKIP):
        reader.number()
        return False
    for flag in (_ORIGIN, _RIGHT_ORIGIN):
        if info & flag:
            reader.number()
            reader.number()
    if not info & (_ORIGIN | _RIGHT_ORIGIN):
        if reader.number() == 1:
            reader.raw()
        else:
            reader.number()
            reader.number()
        if info & _PARENT_SUB:
            reader.raw()
    if kind == _STRING:
        return True
    _skip_content(reader, kind)
    return False


def _skip_content(reader: Reader, kind: int) -> None:
    match kind:
        case 1:  # deleted
            reader.number()
        case 2:  # JSON
            for _ in range(reader.number()):
                reader.raw()
        case 3 | 5:  # bytes, an embedded object
            reader.raw()
        case 6:  # a format
            reader.raw()
            reader.raw()
        case 7:  # a shared type
            if reader.number() in _NAMED_TYPES:
                reader.raw()
        case 8:  # values
            for _ in range(reader.number()):
                reader.skip_value()
        case 9:  # a document
            reader.raw()
            reader.skip_value()
        case _:
            raise reader.malformed("a struct in them is of no known kind")
