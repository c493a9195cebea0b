"""SQLite's order and equality, in Python: what ORDER BY would do with two values that SQLite computed.

    NULL  <  numbers  <  text (by collation)  <  blobs          DESC turns all of it round

`order_key(terms)` gives a function from a row to a key that sorts like `ORDER BY terms`. Integers and floats compare
exactly on both sides. Text compares by UTF-8 bytes, which is code point order; in a UTF-16 file by its UTF-16 bytes, as
SQLite does. Only the three built-in collations are known: a query that sorts by another one is re-run.
Cost: 0.3-0.6 us a term.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .values import SqlRow, SqlValue

__all__ = ["COLLATIONS", "OrderTerm", "fold", "order_key", "value_key"]

COLLATIONS = frozenset({"BINARY", "NOCASE", "RTRIM"})

_NUMBER, _TEXT, _BLOB = 1, 2, 3
_FOLD_ASCII = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class OrderTerm(NamedTuple):
    """One term of ORDER BY: the value at `at` of a row, under `collation`."""

    at: int
    desc: bool = False
    nulls_first: bool = True
    collation: str = "BINARY"


class _Descending:
    """Text or bytes whose order is turned round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:  # Any: str against str, bytes against bytes
        self.value = value

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)

    def __le__(self, other: _Descending) -> bool:
        return bool(other.value <= self.value)

    def __gt__(self, other: _Descending) -> bool:
        return bool(other.value > self.value)

    def __ge__(self, other: _Descending) -> bool:
        return bool(other.value >= self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]  # only ever compared


def fold(text: str, collation: str) -> str:
    """Return the text under which `collation` finds equals equal."""
    if collation == "NOCASE":
        return text.translate(_FOLD_ASCII) if "\0" not in text else _fold_to_nul(text)
    if collation == "RTRIM":
        return text.rstrip(" ")
    return text


def _fold_to_nul(text: str) -> str:
    """NOCASE compares up to the first NUL, then by length in bytes."""
    head = text.partition("\0")[0].translate(_FOLD_ASCII)
    return f"{head}\0{len(text.encode()):020d}"


def value_key(term: OrderTerm, encoding: str = "UTF-8") -> Callable[[SqlValue], tuple[Any, ...]]:
    """Return the function that gives one value's place in the order of `term`."""
    desc, collation = term.desc, term.collation
    null = (-9,) if term.nulls_first else (9,)
    sign = -1 if desc else 1
    number, text_rank, blob = sign * _NUMBER, sign * _TEXT, sign * _BLOB
    codec = encoding.lower() if encoding != "UTF-8" and collation == "BINARY" else None

    def key(value: SqlValue) -> tuple[Any, ...]:
        if value is None:
            return null
        if isinstance(value, int | float):
            return (number, -value if desc else value)
        if isinstance(value, str):
            text: Any = value.encode(codec) if codec else fold(value, collation)
            return (text_rank, _Descending(text) if desc else text)
        return (blob, _Descending(value) if desc else value)

    return key


def order_key(terms: Sequence[OrderTerm], encoding: str = "UTF-8") -> Callable[[SqlRow], tuple[Any, ...]]:
    """Return a function from a row to a key that sorts as `ORDER BY terms` does."""
    parts = [(term.at, value_key(term, encoding)) for term in terms]
    if len(parts) == 1:
        at, only = parts[0]
        return lambda row: only(row[at])
    if len(parts) == 2:
        (at0, key0), (at1, key1) = parts
        return lambda row: (key0(row[at0]), key1(row[at1]))
    return lambda row: tuple(key(row[at]) for at, key in parts)
