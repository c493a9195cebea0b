"""The y-protocol, as `y-websocket` and others speak it: what is on the wire, as values.

    0 sync       0 step 1, a state vector   1 step 2, an update   2 update         [0, kind, length, bytes ...]
    1 awareness  who is here: client id, clock, state as JSON, "null" when gone    [1, length, bytes ...]
    3 query      asks for awareness                                               [3]

Pure: bytes in, values out. It has no acknowledgement and never sends anything again, so each side says step 1 from time
to time and is sent what it lacks. Source: y-protocols, `sync.js` and `awareness.js`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..text.lib0 import Reader, written

__all__ = [
    "EMPTY_UPDATE", "Awareness", "QueryAwareness", "Seen", "Step1", "Update", "YMessage", "decode_y", "encode_y",
]  # fmt: skip

EMPTY_UPDATE = b"\0\0"
SEATS_MAX = 1_000
SEAT_BYTES_MAX = 16 << 10


@dataclass(frozen=True, slots=True)
class Step1:
    """Who says it has this much and wants what it lacks."""

    state_vector: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """Edits; `answers` those that were asked for by a step 1."""

    update: bytes
    answers: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What one client says of itself: JSON, "null" when it is gone; the higher clock counts."""

    client: int
    clock: int
    state: str


@dataclass(frozen=True, slots=True)
class Awareness:
    """What some clients say of themselves."""

    seen: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    """Who is here?"""


YMessage: TypeAlias = Step1 | Update | Awareness | QueryAwareness


def decode_y(data: bytes) -> YMessage | None:
    """Return what a frame says, None for what this doesn't know. Raises `MalformedUpdateError`."""
    reader = Reader(data, "y-protocol message")
    match reader.number():
        case 0:
            kind, held = reader.number(), reader.raw()
            return Step1(held) if kind == 0 else Update(held, answers=kind == 1) if kind in (1, 2) else None
        case 1:
            return Awareness(tuple(_seats(Reader(reader.raw(), "awareness message"))))
        case 3:
            return QueryAwareness()
    return None


def _seats(reader: Reader) -> list[Seen]:
    count = reader.number()
    if count > SEATS_MAX:
        raise reader.malformed(f"they speak of {count:,} clients; {SEATS_MAX:,} may be spoken of")
    seats = [Seen(reader.number(), reader.number(), reader.text()) for _ in range(count)]
    if any(len(seat.state) > SEAT_BYTES_MAX for seat in seats):
        raise reader.malformed(f"a client says more than {SEAT_BYTES_MAX:,} characters of itself")
    return seats


def encode_y(message: YMessage) -> bytes:
    """Return the frame of a message."""
    match message:
        case Step1(vector):
            return b"\0\0" + written(len(vector)) + vector
        case Update(update, answers):
            return b"\0" + (b"\1" if answers else b"\2") + written(len(update)) + update
        case QueryAwareness():
            return b"\3"
        case Awareness(seats):
            parts = [written(len(seats))]
            for seat in seats:
                state = seat.state.encode()
                parts += [written(seat.client), written(seat.clock), written(len(state)), state]
            held = b"".join(parts)
            return b"\1" + written(len(held)) + held
