"""Sticky positions as bytes: Yjs's relative positions, and how pycrdt is brought to them.

    00  client  clock  assoc     the character that `client` wrote as its `clock`-th UTF-16 unit
    01  length  name   assoc     an end of the text called `name`

`assoc` is 0 or more for the character after the position, below 0 for the one before; older Yjs leaves it out. Source:
Yjs, `src/utils/RelativePosition.js`.

pycrdt 0.14 counts UTF-8 bytes into a character's clock, so beyond ASCII its positions name other characters than Yjs's
do, or panic. Its positions are right in a text in which every UTF-16 unit is one ASCII character: `plain_update`
(`structs.py`) rewrites an update so. A document of such updates is the shadow of the real one, with the same clocks.
"""

from __future__ import annotations

from dataclasses import dataclass

from .document import FIELD
from .lib0 import Reader

__all__ = ["Position", "read_position", "read_state_vector"]


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
